"""The operations of the control plane that change functions, versions, aliases and limits, with their routes."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...common import quotas
from ..config.function import LATEST, FunctionConfig
from ..config.project import Function
from ..errors import InvalidFunction
from ..functions.code import digest
from ..functions.records import ProjectFunction, Revision
from ..functions.versions import AliasTarget
from .control_members import check_text, violation
from .control_reading import Answer, Call, Operation, find_alias
from .control_settings import changed_settings
from .control_shapes import alias_configuration, function_configuration
from .service_errors import ServiceError, invalid_parameter, not_found
from .targets import function_name

_MIN_UNRESERVED = 100  # of the account; source: "Configuring reserved concurrency" of the developer guide
_BAD_ZIP = "Could not unzip uploaded file. Please check your file, then try to upload again."
_STALE = (
    "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the "
    "latest Revision Id"
)
_KEPT = ("VpcConfig", "TracingConfig", "KMSKeyArn")
# Members that would change what happens, and have no effect here.
_NOT_OFFERED = (
    *("S3Bucket", "S3Key", "ImageUri", "ImageConfig", "FileSystemConfigs", "DeadLetterConfig", "CodeSigningConfigArn"),
    *("TenancyConfig", "CapacityProviderConfig", "DurableConfig", "RuntimeConfig", "AcceleratorConfig", "PublishTo"),
)
_WEIGHT_OF_LATEST = "$LATEST is not supported for an alias pointing to more than 1 version"


async def create_function(call: Call) -> Answer:
    """Create a function from a zip file."""
    service, body = call.service, call.body
    _refuse_not_offered({**body, **body["Code"]})
    if body.get("PackageType") == "Image":
        raise invalid_parameter("PackageType Image is not offered by the local Lambda; give a zip file")
    for name in ("Runtime", "Handler"):
        if name not in body:
            text = f"{name} is mandatory for functions created with deployment packages."
            raise invalid_parameter(text)
    name = function_name(service.functions, body["FunctionName"])
    if name in service.functions:
        raise ServiceError(409, "ResourceConflictException", f"Function already exist: {name}")
    upload = _store(call, body["Code"].get("ZipFile"))
    try:
        base = FunctionConfig(
            body["Handler"], upload, name, region=service.functions.region, account=service.functions.account
        )
        runtime = body["Runtime"]
        entry = service.add(Function(changed_settings(call, base, body), runtime_name=runtime))
        try:
            await entry.host.start()  # reads the zip file
        except BaseException:
            service.remove(entry)
            raise
    except (InvalidFunction, OSError) as error:
        upload.unlink()
        raise _refused(error) from error
    entry.upload = upload
    entry.tags = {check_text(key): check_text(value) for key, value in body.get("Tags", {}).items()}
    _note(entry, body)
    return await _published(call, entry, publish=body.get("Publish", False))


async def update_function_code(call: Call) -> Answer:
    """Replace the code of `$LATEST`; environments that are frozen now are not used again."""
    entry, _ = call.function()
    _refuse_not_offered(call.body)
    async with entry.changing:
        _check_revision(call, entry.records[LATEST])
        upload = _store(call, call.body.get("ZipFile"))
        try:
            changed = dataclasses.replace(entry.function, task_root=upload)
            if call.body.get("DryRun"):
                shown = await function_configuration(call.service, entry, LATEST, None)
                shown["CodeSha256"], shown["CodeSize"] = digest(upload)
                upload.unlink()
                return shown
            await entry.host.reload(changed)
        except (InvalidFunction, OSError) as error:
            upload.unlink()
            raise _refused(error) from error
        if entry.upload is not None:
            entry.upload.unlink(missing_ok=True)
        entry.upload = upload
        entry.records[LATEST].change()
        return await _published(call, entry, publish=call.body.get("Publish", False))


async def update_function_configuration(call: Call) -> Answer:
    """Change the settings of `$LATEST`; environments that are frozen now are not used again."""
    entry, _ = call.function()
    _refuse_not_offered(call.body)
    async with entry.changing:
        _check_revision(call, entry.records[LATEST])
        try:
            await entry.host.reload(changed_settings(call, entry.function, call.body))
        except (InvalidFunction, OSError) as error:
            raise _refused(error) from error
        _note(entry, call.body)
        return await function_configuration(call.service, entry, LATEST, None)


async def publish_version(call: Call) -> Answer:
    """Publish the code and the settings of `$LATEST`; without a change the last version is returned."""
    entry, _ = call.function()
    _refuse_not_offered(call.body)
    async with entry.changing:
        _check_revision(call, entry.records[LATEST])
        present, _ = await entry.code(LATEST)
        if (wanted := call.body.get("CodeSha256")) and wanted != present:
            raise invalid_parameter(
                f"CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST ({present}). "
                "Please try again with the CodeSHA256 in $LATEST."
            )
        version = await entry.publish(None, call.body.get("Description"))
        return await function_configuration(call.service, entry, version, version)


async def create_alias(call: Call) -> Answer:
    """Create an alias."""
    entry, _ = call.function()
    async with entry.changing:
        name = call.body["Name"]
        if name in entry.host.versions.aliases:
            text = f"Alias already exists: {entry.function.arn}:{name}"
            raise ServiceError(409, "ResourceConflictException", text)
        _set_alias(call, entry, name, AliasTarget(call.body["FunctionVersion"]), "")
        return alias_configuration(entry, name)


async def update_alias(call: Call) -> Answer:
    """Change an alias; members that are missing stay."""
    entry, name = find_alias(call)
    async with entry.changing:
        _check_revision(call, entry.aliases[name])
        before = entry.host.versions.aliases[name]
        _set_alias(call, entry, name, before, entry.aliases[name].description)
        if before.provisioned and not entry.host.unavailable:
            await entry.host.provision()
        return alias_configuration(entry, name)


def _set_alias(call: Call, entry: ProjectFunction, name: str, before: AliasTarget, description: str) -> None:
    version = call.body.get("FunctionVersion", before.version)
    weights = before.weights
    if "RoutingConfig" in call.body:
        weights = call.body["RoutingConfig"].get("AdditionalVersionWeights") or {}
    for other, weight in weights.items():
        path = "routingConfig.additionalVersionWeights"
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 <= weight <= 1:
            bound = (
                "Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0"
            )
            raise violation(path, {other: weight}, f"Map value must satisfy constraint: [{bound}]")
    if len(weights) > 1:
        raise invalid_parameter("Number of items in AdditionalVersionWeights cannot be greater than 1")
    if weights and LATEST in (version, *weights):
        raise invalid_parameter(_WEIGHT_OF_LATEST)
    if version in weights:
        raise invalid_parameter(
            f"Invalid function version {version}. Function version {version} is already included in routing "
            "configuration."
        )
    for each in (version, *weights):
        if each != LATEST and each not in entry.host.versions.published:
            raise not_found(f"Function not found: {entry.function.arn}:{each}")
    entry.set_alias(name, version, weights, call.body.get("Description", description))


async def delete_alias(call: Call) -> Answer:
    """Remove an alias, if it exists."""
    entry, _ = call.function()
    async with entry.changing:
        entry.aliases.pop(call.path["Name"], None)
        alias = entry.host.versions.aliases.pop(call.path["Name"], None)
        if alias is not None and alias.provisioned:
            await entry.host.provision()
    return None


async def put_function_concurrency(call: Call) -> Answer:
    """Reserve concurrency for a function."""
    entry, _ = call.function()
    number = call.body["ReservedConcurrentExecutions"]
    account = call.service.account
    provisioned = sum(entry.host.versions.provisioned.values())
    if number < provisioned:
        raise invalid_parameter(
            f"ReservedConcurrentExecutions {number} is below the provisioned concurrency of the function: {provisioned}"
        )
    left = account.unreserved + account.reserved.get(entry.function.name, 0) - number
    least = min(_MIN_UNRESERVED, account.limit)
    if number and left < least:
        raise invalid_parameter(
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
            f"below its minimum value of [{least}]."
        )
    call.service.reserve(entry, number)
    return {"ReservedConcurrentExecutions": number}


async def delete_function_concurrency(call: Call) -> Answer:
    """Reserve no concurrency for a function any longer."""
    entry, _ = call.function()
    call.service.reserve(entry, None)
    return None


async def delete_function(call: Call) -> Answer:
    """Remove a function, or a published version; running invocations complete."""
    entry, version = call.function()
    async with entry.changing:
        if version is None:
            if call.service.functions.get(entry.function.name) is entry:
                call.service.remove(entry)
            return None
        if version == LATEST:
            raise invalid_parameter("$LATEST version cannot be deleted without deleting the function.")
        if version in entry.host.versions.aliases:
            raise invalid_parameter(f"The qualifier {version} is an alias; give a version, or use DeleteAlias")
        if version not in entry.host.versions.published:
            raise not_found(f"Function not found: {entry.function.arn}:{version}")
        users = [
            name for name, alias in entry.host.versions.aliases.items() if version in (alias.version, *alias.weights)
        ]
        if users:
            text = f"Version {version} is used by the aliases {users}; delete or change them first"
            raise ServiceError(409, "ResourceConflictException", text)
        entry.forget_version(version)
        entry.host.forget_other_versions()
        return None


def _store(call: Call, encoded: str | None) -> Path:
    """Write the zip file of a request into the folder of the project; return its path.

    Raises:
        ServiceError: it is missing, too large, or not in base64.
    """
    if encoded is None:
        raise invalid_parameter("Please provide a source for function code (ZipFile).")
    try:
        content = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error) as error:
        raise ServiceError(400, "SerializationException", f"ZipFile is not in base64: {error}") from error
    if not content:
        raise invalid_parameter("Uploaded file must be a non-empty zip")
    if len(content) > quotas.ZIPPED_LIMIT:
        raise invalid_parameter(f"Zipped size must be smaller than {quotas.ZIPPED_LIMIT} bytes")
    path = call.service.workspace.folder / f"upload-{call.service.number()}.zip"
    path.write_bytes(content)
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        path.unlink()
        raise invalid_parameter(_BAD_ZIP) from error
    if size >= quotas.UNPACKED_LIMIT:
        path.unlink()
        raise invalid_parameter(f"Unzipped size must be smaller than {quotas.UNPACKED_LIMIT} bytes")
    return path


def _note(entry: ProjectFunction, body: Mapping[str, Any]) -> None:
    """Keep what has no effect on environments, and the time of the change."""
    record = entry.records[LATEST]
    record.runtime = body.get("Runtime", record.runtime)
    record.role = body.get("Role", record.role)
    record.description = body.get("Description", record.description)
    record.kept |= {name: body[name] for name in _KEPT if name in body}
    record.change()


async def _published(call: Call, entry: ProjectFunction, *, publish: bool) -> Answer:
    version = await entry.publish() if publish else LATEST
    return await function_configuration(call.service, entry, version, version if publish else None)


def _check_revision(call: Call, revision: Revision) -> None:
    if call.body.get("RevisionId", revision.id) != revision.id:
        raise ServiceError(412, "PreconditionFailedException", _STALE)


def _refuse_not_offered(body: Mapping[str, Any]) -> None:
    for name in _NOT_OFFERED:
        if body.get(name):
            raise invalid_parameter(f"{name} is not offered by the local Lambda; omit it")


def _refused(error: Exception) -> ServiceError:
    """Return the caller's error for settings or code that cannot be used."""
    text = str(error)
    return invalid_parameter(_BAD_ZIP if "upload-" in text else text)


WRITING: Mapping[str, tuple[str, int, Operation]] = {
    "CreateFunction": ("POST /2015-03-31/functions", 201, create_function),
    "UpdateFunctionCode": ("PUT /2015-03-31/functions/{FunctionName}/code", 200, update_function_code),
    "UpdateFunctionConfiguration": (
        "PUT /2015-03-31/functions/{FunctionName}/configuration",
        200,
        update_function_configuration,
    ),
    "PublishVersion": ("POST /2015-03-31/functions/{FunctionName}/versions", 201, publish_version),
    "CreateAlias": ("POST /2015-03-31/functions/{FunctionName}/aliases", 201, create_alias),
    "UpdateAlias": ("PUT /2015-03-31/functions/{FunctionName}/aliases/{Name}", 200, update_alias),
    "DeleteAlias": ("DELETE /2015-03-31/functions/{FunctionName}/aliases/{Name}", 204, delete_alias),
    "PutFunctionConcurrency": ("PUT /2017-10-31/functions/{FunctionName}/concurrency", 200, put_function_concurrency),
    "DeleteFunctionConcurrency": (
        "DELETE /2017-10-31/functions/{FunctionName}/concurrency",
        204,
        delete_function_concurrency,
    ),
    "DeleteFunction": ("DELETE /2015-03-31/functions/{FunctionName}", 204, delete_function),
}
