"""Events of DynamoDB Streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..common.regions import make_arn
from .attribute_values import marshal_item, size_of
from .shared import ACCOUNT, REGION, Event, Moment, When, digits, hexadecimal, per_item, require_choice, require_items

# The images of each kind of change, in the order of a change's items.
_IMAGES = {"INSERT": ("NewImage",), "MODIFY": ("NewImage", "OldImage"), "REMOVE": ("OldImage",)}
_VIEWS = {
    "NEW_AND_OLD_IMAGES": ("NewImage", "OldImage"),
    "NEW_IMAGE": ("NewImage",),
    "OLD_IMAGE": ("OldImage",),
    "KEYS_ONLY": (),
}
Item = Mapping[str, Any]
Change = tuple[str, Item] | tuple[str, Item, Item] | tuple[str, Item, Item, Item]


def dynamodb(
    *changes: Change,
    table: str = "my-table",
    view_type: str = "NEW_AND_OLD_IMAGES",
    event_ids: Sequence[str] | None = None,
    account: str = ACCOUNT,
    region: str = REGION,
    time: When = None,
) -> Event:
    """Return changes in the stream of a DynamoDB table.

        dynamodb(
            ("INSERT", {"id": 1}, {"name": "Ada", "tags": {"new"}}),
            ("MODIFY", {"id": 1}, {"name": "Ada L."}, {"name": "Ada"}),
            ("REMOVE", {"id": 1}, {"name": "Ada L."}),
        )

    Args:
        changes: kind, keys and images of each change, all as plain Python values. `INSERT` has the new image, `MODIFY`
            the new and the old one, `REMOVE` the old one. The keys are added to every image; an omitted image has only
            the keys.
        table: name of the table.
        view_type: images in the stream: NEW_AND_OLD_IMAGES, NEW_IMAGE, OLD_IMAGE or KEYS_ONLY.
        event_ids: ids of the events, one for each change. Default: new ones.
        account: number of the AWS account.
        region: AWS region.
        time: time of the event. Default: now. An aware datetime, or seconds since the epoch.

    Source: docs lambda/latest/dg/with-ddb.html, amazondynamodb/latest/APIReference/API_streams_StreamRecord.html
    """
    require_items("dynamodb", changes)
    require_choice("view_type", view_type, _VIEWS)
    moment = Moment(time)
    ids = per_item("event_ids", event_ids, len(changes))
    first = int(digits(ids[0], "sequence", 25))
    records = []
    for position, (event_id, change) in enumerate(zip(ids, changes, strict=True)):
        kind, keys, images = _parts(change)
        typed = {
            "Keys": marshal_item(keys),
            **{name: marshal_item({**keys, **image}) for name, image in images.items() if name in _VIEWS[view_type]},
        }
        record = {
            "eventID": hexadecimal(event_id, "event", 32) if event_ids is None else event_id,
            "eventName": kind,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": region,
            "dynamodb": {
                "ApproximateCreationDateTime": float(moment.epoch_ms // 1000),
                **typed,
                "SequenceNumber": str(first + position),
                "SizeBytes": sum(map(size_of, typed.values())),
                "StreamViewType": view_type,
            },
            "eventSourceARN": make_arn("dynamodb", region, account, f"table/{table}/stream/2024-06-10T19:26:16.525"),
        }
        records.append(record)
    return {"Records": records}


def _parts(change: Change) -> tuple[str, Item, dict[str, Item]]:
    kind, *rest = change
    require_choice("change", kind, _IMAGES)
    names = _IMAGES[kind]
    if not 1 <= len(rest) <= 1 + len(names):
        raise ValueError(f"{kind} has {len(rest)} items; give the keys and then: {', '.join(names)}")
    for item in rest:
        if not isinstance(item, Mapping):
            raise ValueError(f"{kind} has {item!r}; keys and images are dicts of attributes")
    if not rest[0]:
        raise ValueError(f"{kind} has no keys; give them as a dict, e.g. {{'id': 1}}")
    images = [*rest[1:], *[{}] * (1 + len(names) - len(rest))]
    return kind, rest[0], dict(zip(names, images, strict=True))
