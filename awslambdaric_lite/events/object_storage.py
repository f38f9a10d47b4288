"""Events of Amazon S3 notifications."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus

from .shared import REGION, SOURCE_IP, Event, Moment, When, fresh_id, hexadecimal, token

# Event types by the version of the structure that they use. Those with fields of their own are not here.
_VERSIONS = {
    "ObjectCreated:Put": "2.1",
    "ObjectCreated:Post": "2.1",
    "ObjectCreated:Copy": "2.1",
    "ObjectCreated:CompleteMultipartUpload": "2.1",
    "ObjectRemoved:Delete": "2.1",
    "ObjectRemoved:DeleteMarkerCreated": "2.1",
    "LifecycleExpiration:Delete": "2.3",
    "LifecycleExpiration:DeleteMarkerCreated": "2.3",
    "ObjectTagging:Put": "2.3",
    "ObjectTagging:Delete": "2.3",
    "ObjectAcl:Put": "2.3",
}


def s3(
    bucket: str,
    key: str,
    *,
    event: str = "ObjectCreated:Put",
    size: int = 1024,
    etag: str | None = None,
    version_id: str | None = None,
    configuration_id: str = "my-notification",
    source_ip: str = SOURCE_IP,
    request_id: str | None = None,
    region: str = REGION,
    time: When = None,
) -> Event:
    """A notification about one object in an Amazon S3 bucket.

        s3("photos", "2024/red flower.jpg", event="ObjectCreated:Put", size=1024)

    Args:
        bucket: the bucket's name.
        key: the object's key as it is; the event has it URL-encoded (`red+flower.jpg`), as S3 sends it.
        event: the type, with or without `s3:`. Deletions have neither size nor ETag.
        size: of the object, in bytes.
        etag: default: one derived from bucket and key.
        version_id: the object's version, in a bucket with versioning.
        configuration_id: the name of the bucket's notification configuration.
        source_ip: the address of the request to S3.
        request_id: of that request; default: fresh; with it and a time, the event is always the same.
        region: the bucket's region.
        time: an aware datetime or seconds since the epoch; default: now.

    Raises:
        ValueError: the type is none of those that have this structure.

    Source: docs AmazonS3/latest/userguide/notification-content-structure.html
    """
    name = event.removeprefix("s3:")
    if name not in _VERSIONS:
        raise ValueError(f"event {event!r} is no type of S3 event that is known here; there is: {', '.join(_VERSIONS)}")
    moment = Moment(time)
    request_id = request_id or hexadecimal(fresh_id(), "request", 16).upper()
    s3_object: dict[str, Any] = {"key": quote_plus(key, safe="/")}
    if ":Delete" not in name or name.startswith("ObjectTagging"):
        s3_object |= {"size": size, "eTag": etag or hexadecimal(f"{bucket}/{key}", "etag", 32)}
    if version_id is not None:
        s3_object["versionId"] = version_id
    if name.startswith(("ObjectCreated", "ObjectRemoved")):
        s3_object["sequencer"] = f"{moment.epoch_ms:014X}{hexadecimal(request_id, 'sequencer', 4).upper()}"
    record = {
        "eventVersion": _VERSIONS[name],
        "eventSource": "aws:s3",
        "awsRegion": region,
        "eventTime": moment.iso_ms,
        "eventName": name,
        "userIdentity": {"principalId": "AWS:AIDAINPONIXQXHT3IKHL2"},
        "requestParameters": {"sourceIPAddress": source_ip},
        "responseElements": {"x-amz-request-id": request_id, "x-amz-id-2": token(request_id, "host", 48)},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration_id,
            "bucket": {
                "name": bucket,
                "ownerIdentity": {"principalId": "A3NL1KOZZKEXAMPLE"},
                "arn": f"arn:aws:s3:::{bucket}",
            },
            "object": s3_object,
        },
    }
    return {"Records": [record]}
