"""Events of Amazon EventBridge: buses, scheduled rules and the scheduler."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

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
    """An event that a rule of an Amazon EventBridge bus matched.

        eventbridge("Order Shipped", {"order": 7}, source="com.example.orders")

    Args:
        detail_type: the event's `detail-type`.
        detail: its object; default: empty.
        source: who sent it; AWS services' sources begin with `aws.`.
        resources: ARNs.
        id: default: fresh; with it and a time, the event is always the same.
        account: the account.
        region: the region.
        time: an aware datetime or seconds since the epoch; default: now.

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
    """The event of a schedule.

    Args:
        name: of the rule or schedule.
        scheduler: a schedule of EventBridge Scheduler (its default group, without a payload of its own) instead of a
            scheduled rule; then `detail` is the text `{}`.
        id: default: fresh; with it and a time, the event is always the same.
        account: the account.
        region: the region.
        time: an aware datetime or seconds since the epoch; default: now.

    Source: docs lambda/latest/dg/with-eventbridge-scheduler.html
    """
    service = "scheduler" if scheduler else "events"
    resource = f"schedule/default/{name}" if scheduler else f"rule/{name}"
    event = eventbridge(
        "Scheduled Event",
        source=f"aws.{service}",
        resources=[f"arn:aws:{service}:{region}:{account}:{resource}"],
        id=id,
        account=account,
        region=region,
        time=time,
    )
    return event | {"detail": "{}"} if scheduler else event
