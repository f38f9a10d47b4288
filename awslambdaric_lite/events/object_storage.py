"""Events of Amazon S3: notifications and batch operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

from ..common.regions import partition
from .shared import (
    REGION,
    SOURCE_IP,
    Event,
    Moment,
    When,
    fresh_id,
    hexadecimal,
    require_choice,
    require_items,
    token,
)

# The supported event types and the version of their structure. Types with additional fields are not supported.
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
    """Return a notification about an object in an S3 bucket.

        s3("photos", "2024/red flower.jpg", event="ObjectCreated:Put", size=1024)

    Args:
        bucket: name of the bucket.
        key: key of the object, not URL-encoded; the event has it URL-encoded, as S3 sends it.
        event: type of the event, with or without `s3:`, e.g. `ObjectRemoved:Delete`. Deletions have no size and no
            ETag.
        size: size of the object in bytes.
        etag: ETag of the object in hexadecimal. Default: derived from bucket and key.
        version_id: version of the object. Default: none, as in a bucket without versioning.
        configuration_id: name of the notification configuration.
        source_ip: IP address that sent the request to S3.
        request_id: id of the request to S3. Default: a new one.
        region: AWS region.
        time: time of the event. Default: now. An aware datetime, or seconds since the epoch.

    Source: docs AmazonS3/latest/userguide/notification-content-structure.html
    """
    name = event.removeprefix("s3:")
    require_choice("event", name, _VERSIONS)
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
                "arn": f"arn:{partition(region)}:s3:::{bucket}",
            },
            "object": s3_object,
        },
    }
    return {"Records": [record]}


def s3_batch(
    *keys: str,
    bucket: str = "my-bucket",
    version_id: str | None = None,
    user_arguments: Mapping[str, str] | None = None,
    job_id: str | None = None,
    invocation_id: str | None = None,
    region: str = REGION,
) -> Event:
    """Return tasks of an S3 Batch Operations job.

        s3_batch("2024/red flower.jpg", bucket="photos")

    The invocation schema is 1.0, and 2.0 with user arguments.

    Args:
        keys: key of the object of each task, not URL-encoded; the event has it URL-encoded, as S3 sends it.
        bucket: name of the bucket.
        version_id: version of the objects. Default: none, as in a bucket without versioning.
        user_arguments: arguments of the job. Default: none.
        job_id: id of the job. Default: a new one.
        invocation_id: id of the invocation. Default: a new one.
        region: AWS region.

    Source: docs AmazonS3/latest/userguide/batch-ops-invoke-lambda.html
    """
    require_items("s3_batch", keys)
    invocation_id = invocation_id or token(fresh_id(), "invocation", 36)
    job: dict[str, Any] = {"id": job_id or fresh_id()}
    place = {"s3BucketArn": f"arn:{partition(region)}:s3:::{bucket}"}
    if user_arguments is not None:
        job["userArguments"] = dict(user_arguments)
        place = {"s3Bucket": bucket}
    tasks = [
        {
            "taskId": token(invocation_id, f"task {position}", 15),
            "s3Key": quote_plus(key, safe="/"),
            "s3VersionId": version_id,
            **place,
        }
        for position, key in enumerate(keys)
    ]
    schema = "1.0" if user_arguments is None else "2.0"
    return {"invocationSchemaVersion": schema, "invocationId": invocation_id, "job": job, "tasks": tasks}
