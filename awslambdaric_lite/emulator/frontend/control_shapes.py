"""The control plane's answers: functions, aliases, URLs and event source mappings in the form of the service model."""

from __future__ import annotations

import math
import platform
import uuid
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...common.regions import make_arn
from ..config.function import LATEST, FunctionConfig
from ..config.project import OtherSource, QueueSource
from ..functions.code import digest
from ..functions.records import ProjectFunction, Revision
from ..logs.timestamps import iso_time

if TYPE_CHECKING:
    from ..project_service import ProjectService

_EPHEMERAL_MB = 512  # the default of AWS


async def function_configuration(
    service: ProjectService, entry: ProjectFunction, version: str, qualifier: str | None
) -> dict[str, Any]:
    """Return a function version; its ARN has the qualifier that the caller used."""
    function, record = entry.host.versions.settings(version), entry.records.get(version, entry.records[LATEST])
    digest_of_code, size = await entry.code(version)
    found: dict[str, Any] = {
        "FunctionName": function.name,
        "FunctionArn": f"{function.arn}:{qualifier}" if qualifier else function.arn,
        "Role": record.role,
        "CodeSize": size,
        "Description": record.description,
        "Timeout": math.ceil(function.timeout_s),
        "MemorySize": function.memory_mb,
        "LastModified": record.modified.strftime("%Y-%m-%dT%H:%M:%S.")
        + f"{record.modified.microsecond // 1000:03}+0000",
        "CodeSha256": digest_of_code,
        "Version": version,
        "TracingConfig": {"Mode": "PassThrough"},
        "RevisionId": record.id,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Image" if record.runtime is None else "Zip",
        "Architectures": ["arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"],
        "EphemeralStorage": {"Size": function.ephemeral_storage_mb or _EPHEMERAL_MB},
        "SnapStart": {
            "ApplyOn": "PublishedVersions" if function.snap_start else "None",
            "OptimizationStatus": "On" if function.snap_start and version != LATEST else "Off",
        },
        "LoggingConfig": _logging(function),
        **record.kept,
    }
    if record.runtime is not None:
        found |= {"Runtime": record.runtime, "Handler": function.handler}
    if function.env:
        found["Environment"] = {"Variables": dict(function.env)}
    if function.layers:
        layers = [Path(layer) for layer in function.layers]
        found["Layers"] = [{"Arn": service.layers.arn(each), "CodeSize": digest(each)[1]} for each in layers]
    if entry.host.unavailable:
        found |= {"State": "Failed", "StateReason": entry.host.unavailable, "StateReasonCode": "InternalError"}
    return found


def _logging(function: FunctionConfig) -> dict[str, str]:
    found = {"LogFormat": function.log_format, "LogGroup": f"/aws/lambda/{function.name}"}
    if function.log_format == "JSON":
        found["ApplicationLogLevel"] = function.log_level or "INFO"
        found["SystemLogLevel"] = function.system_log_level or "INFO"
    return found


def alias_configuration(entry: ProjectFunction, name: str) -> dict[str, Any]:
    """Return an alias."""
    alias, revision = entry.host.versions.aliases[name], entry.aliases[name]
    found: dict[str, Any] = {
        "AliasArn": f"{entry.function.arn}:{name}",
        "Name": name,
        "FunctionVersion": alias.version,
        "Description": revision.description,
        "RevisionId": revision.id,
    }
    if alias.weights:
        found["RoutingConfig"] = {"AdditionalVersionWeights": dict(alias.weights)}
    return found


def url_configuration(service: ProjectService, entry: ProjectFunction) -> dict[str, Any]:
    """Return the settings of a function URL; its port is opened."""
    url = entry.described.url
    assert url is not None
    arn = entry.function.arn
    found: dict[str, Any] = {
        "FunctionUrl": service.open_url(entry.function.name),
        "FunctionArn": f"{arn}:{url.qualifier}" if url.qualifier else arn,
        "AuthType": url.auth_type,
        "CreationTime": iso_time(entry.created),
        "LastModifiedTime": iso_time(entry.created),
        "InvokeMode": url.invoke_mode,
    }
    if url.cors is not None:
        cors: dict[str, Any] = {
            "AllowCredentials": url.cors.allow_credentials,
            "AllowHeaders": list(url.cors.allow_headers),
            "AllowMethods": list(url.cors.allow_methods),
            "AllowOrigins": list(url.cors.allow_origins),
            "ExposeHeaders": list(url.cors.expose_headers),
            "MaxAge": url.cors.max_age,
        }
        found["Cors"] = {name: value for name, value in cors.items() if value}
    return found


def provisioned_configuration(entry: ProjectFunction, version: str, number: int, revision: Revision) -> dict[str, Any]:
    """Return the state of the provisioned environments of an alias."""
    ready = min(number, sum(not each.over for each in entry.host.pool.provisioned(version)))
    return {
        "RequestedProvisionedConcurrentExecutions": number,
        "AvailableProvisionedConcurrentExecutions": ready,
        "AllocatedProvisionedConcurrentExecutions": ready,
        "Status": "READY" if ready == number else "IN_PROGRESS",
        "LastModified": revision.modified.strftime("%Y-%m-%dT%H:%M:%S+0000"),
    }


def source_configuration(
    service: ProjectService, source: QueueSource | OtherSource, started: datetime
) -> dict[str, Any] | None:
    """Return an event source mapping; None for a source that Lambda does not poll."""
    if not isinstance(source, QueueSource):
        return None
    entry = service.functions.get(source.function)
    arn = make_arn("lambda", service.functions.region, service.functions.account, f"function:{source.function}")
    if entry is not None:
        arn = entry.function.arn
    number = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{arn}/{source.logical_id}"))
    found: dict[str, Any] = {
        "UUID": number,
        "BatchSize": source.batch_size,
        "MaximumBatchingWindowInSeconds": source.window_s,
        "EventSourceArn": _queue_arn(service, source.queue),
        "FunctionArn": f"{arn}:{source.qualifier}" if source.qualifier else arn,
        "LastModified": started.timestamp(),
        "State": "Enabled" if source.enabled else "Disabled",
        "StateTransitionReason": "USER_INITIATED",
        "FunctionResponseTypes": ["ReportBatchItemFailures"] if source.report_batch_item_failures else [],
        "EventSourceMappingArn": make_arn(
            "lambda", service.functions.region, service.functions.account, f"event-source-mapping:{number}"
        ),
    }
    if source.filters:
        found["FilterCriteria"] = {"Filters": [{"Pattern": pattern} for pattern in source.filters]}
    if source.maximum_concurrency is not None:
        found["ScalingConfig"] = {"MaximumConcurrency": source.maximum_concurrency}
    return found


def _queue_arn(service: ProjectService, queue: str) -> str:
    if queue in service.queue_arns or queue.startswith("arn:"):
        return service.queue_arns.get(queue, queue)
    name = next((each.name for each in service.project.queues if each.logical_id == queue), queue)
    return make_arn("sqs", service.functions.region, service.functions.account, name)
