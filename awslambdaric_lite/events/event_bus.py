"""Events of Amazon EventBridge: buses, scheduled rules and the scheduler."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from ..common.regions import make_arn
from .shared import ACCOUNT, REGION, Event, Moment, When, fresh_id


def eventbridge(
    detail_type: str,
    detail: Mapping[str, Any] | None = None,
    *,
    source: str = "my.application",
    resources: Sequence[str] = (),
    id: str | None = None,
    account: str = ACCOUNT,
    region: str = REGION,
    time: When = None,
) -> Event:
    """Return an event that matched a rule of an EventBridge bus.

        eventbridge("Order Shipped", {"order": 7}, source="com.example.orders")

    Args:
        detail_type: type of the event (`detail-type`), e.g. `Order Shipped`.
        detail: data of the event. Default: empty.
        source: source of the event; sources of AWS services begin with `aws.`.
        resources: ARNs of the resources that the event concerns. Default: none.
        id: id of the event. Default: a new one.
        account: number of the AWS account.
        region: AWS region.
        time: time of the event. Default: now. An aware datetime, or seconds since the epoch.

    Source: docs eventbridge/latest/userguide/eb-events-structure.html
    """
    return {
        "version": "0",
        "id": id or fresh_id(),
        "detail-type": detail_type,
        "source": source,
        "account": account,
        "time": Moment(time).iso,
        "region": region,
        "resources": list(resources),
        "detail": copy.deepcopy(dict(detail or {})),
    }


def scheduled(
    name: str = "my-schedule",
    *,
    scheduler: bool = False,
    id: str | None = None,
    account: str = ACCOUNT,
    region: str = REGION,
    time: When = None,
) -> Event:
    """Return an event of a scheduled rule or a schedule.

    Args:
        name: name of the rule or schedule.
        scheduler: use a schedule of EventBridge Scheduler instead of a scheduled rule. The schedule is in the default
            group and has no payload; `detail` is the text `{}`.
        id: id of the event. Default: a new one.
        account: number of the AWS account.
        region: AWS region.
        time: time of the event. Default: now. An aware datetime, or seconds since the epoch.

    Source: docs lambda/latest/dg/with-eventbridge-scheduler.html
    """
    service = "scheduler" if scheduler else "events"
    arn = make_arn(service, region, account, f"schedule/default/{name}" if scheduler else f"rule/{name}")
    source = f"aws.{service}"
    event = eventbridge(
        "Scheduled Event", source=source, resources=[arn], id=id, account=account, region=region, time=time
    )
    return event | {"detail": "{}"} if scheduler else event
