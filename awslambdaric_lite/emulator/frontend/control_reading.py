"""The operations of the control plane that read, with their routes; the answers come from the registry."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...common import quotas
from ..config.function import LATEST
from ..errors import UnknownQualifier
from ..functions.records import ProjectFunction
from .control_shapes import (
    alias_configuration,
    function_configuration,
    provisioned_configuration,
    source_configuration,
    url_configuration,
)
from .service_errors import ServiceError, invalid_parameter, not_found
from .targets import find_function

if TYPE_CHECKING:
    from ..project_service import ProjectService

Answer = dict[str, Any] | None
_PAGE = 50  # functions and versions of one answer
_TOTAL_CODE_SIZE = 80_530_636_800  # bytes; source: GetAccountSettings of a new account
_NO_RESOURCE = "The resource you requested does not exist."


@dataclass
class Call:
    """A request to the control plane."""

    service: ProjectService
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Mapping[str, Any] = field(default_factory=dict)

    def function(self) -> tuple[ProjectFunction, str | None]:
        """Return the function and the qualifier that the request names.

        Raises:
            ServiceError: the function is unknown, or the name is invalid.
        """
        return find_function(self.service.functions, self.path["FunctionName"], self.query.get("Qualifier"))

    def version(self) -> tuple[ProjectFunction, str, str | None]:
        """Return the function, the version and the qualifier that the request names; of an alias its first version.

        Raises:
            ServiceError: the function or the qualifier is unknown, or the name is invalid.
        """
        entry, qualifier = self.function()
        if qualifier is None:
            return entry, LATEST, None
        alias = entry.host.versions.aliases.get(qualifier)
        if alias is not None:
            return entry, alias.version, qualifier
        try:
            return entry, entry.host.versions.resolve(qualifier)[0], qualifier
        except UnknownQualifier as unknown:
            raise not_found(f"Function not found: {entry.function.arn}:{qualifier}") from unknown

    def page(self, name: str, items: Sequence[Any], most: int = _PAGE) -> tuple[list[Any], dict[str, str]]:
        """Return the items of one answer, and the marker of the next one as a member.

        Raises:
            ServiceError: the marker is not one of a previous answer.
        """
        begin = _position(self.query.get("Marker"))
        end = begin + min(self.query.get("MaxItems") or most, most)
        return list(items[begin:end]), {"NextMarker": _marker(end)} if end < len(items) else {}


def _marker(position: int) -> str:
    return base64.urlsafe_b64encode(f"at:{position}".encode()).decode()


def _position(marker: str | None) -> int:
    try:
        text = "at:0" if marker is None else base64.urlsafe_b64decode(marker).decode("ascii")
    except (ValueError, binascii.Error):
        text = ""
    if not re.fullmatch("at:[0-9]{1,9}", text, re.ASCII):
        raise invalid_parameter(f"Invalid pagination token: {marker}")
    return int(text[3:])


async def get_function(call: Call) -> Answer:
    entry, version, qualifier = call.version()
    found: dict[str, Any] = {
        "Configuration": await function_configuration(call.service, entry, version, qualifier),
        "Code": {
            "RepositoryType": "S3",
            "Location": entry.host.versions.settings(version).task_root.as_uri(),
        },
    }
    if entry.records[LATEST].runtime is None:
        found["Code"]["RepositoryType"] = "ECR"
    if entry.tags:
        found["Tags"] = dict(entry.tags)
    if (reserved := call.service.account.reserved.get(entry.function.name)) is not None:
        found["Concurrency"] = {"ReservedConcurrentExecutions": reserved}
    return found


async def get_function_configuration(call: Call) -> Answer:
    return await function_configuration(call.service, *call.version())


async def list_functions(call: Call) -> Answer:
    every = call.query.get("FunctionVersion") == "ALL"
    versions = []
    for name in sorted(call.service.functions):
        entry = call.service.functions[name]
        numbers = list(entry.host.versions.published) if every else []
        versions += [(entry, version, version if every else None) for version in (LATEST, *numbers)]
    page, following = call.page("Functions", versions)
    return {"Functions": [await function_configuration(call.service, *each) for each in page], **following}


async def list_versions_by_function(call: Call) -> Answer:
    entry, _ = call.function()
    page, following = call.page("Versions", [LATEST, *entry.host.versions.published])
    return {"Versions": [await function_configuration(call.service, entry, each, each) for each in page], **following}


async def list_aliases(call: Call) -> Answer:
    entry, _ = call.function()
    wanted = call.query.get("FunctionVersion")
    names = [
        name
        for name, alias in sorted(entry.host.versions.aliases.items())
        if wanted is None or wanted == alias.version or wanted in alias.weights
    ]
    page, following = call.page("Aliases", names)
    return {"Aliases": [alias_configuration(entry, name) for name in page], **following}


def find_alias(call: Call) -> tuple[ProjectFunction, str]:
    """Return the function and the alias that the path names.

    Raises:
        ServiceError: one of them is unknown.
    """
    entry, _ = call.function()
    name = call.path["Name"]
    if name not in entry.host.versions.aliases:
        raise not_found(f"Cannot find alias arn: {entry.function.arn}:{name}")
    return entry, name


async def get_alias(call: Call) -> Answer:
    return alias_configuration(*find_alias(call))


async def get_function_url_config(call: Call) -> Answer:
    entry, qualifier = call.function()
    url = entry.described.url
    if url is None or qualifier != url.qualifier:
        raise not_found(_NO_RESOURCE)
    return url_configuration(call.service, entry)


async def list_function_url_configs(call: Call) -> Answer:
    entry, _ = call.function()
    configured = [] if entry.described.url is None else [entry]
    page, following = call.page("FunctionUrlConfigs", configured)
    return {"FunctionUrlConfigs": [url_configuration(call.service, each) for each in page], **following}


async def get_function_concurrency(call: Call) -> Answer:
    entry, _ = call.function()
    reserved = call.service.account.reserved.get(entry.function.name)
    return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}


async def get_provisioned_concurrency_config(call: Call) -> Answer:
    entry, _, qualifier = call.version()
    for name, each, number in _provisioned(entry):
        if name == qualifier:
            return provisioned_configuration(entry, each, number, entry.aliases.get(name, entry.records[LATEST]))
    raise ServiceError(
        404,
        "ProvisionedConcurrencyConfigNotFoundException",
        "No Provisioned Concurrency Config found for this function",
    )


async def list_provisioned_concurrency_configs(call: Call) -> Answer:
    entry, _ = call.function()
    page, following = call.page("ProvisionedConcurrencyConfigs", _provisioned(entry))
    return {
        "ProvisionedConcurrencyConfigs": [
            {
                "FunctionArn": f"{entry.function.arn}:{name}",
                **provisioned_configuration(entry, version, number, entry.aliases.get(name, entry.records[LATEST])),
            }
            for name, version, number in page
        ],
        **following,
    }


def _provisioned(entry: ProjectFunction) -> list[tuple[str, str, int]]:
    """Return the aliases with provisioned environments, their versions, and the numbers."""
    aliases = entry.host.versions.aliases
    return [(name, each.version, each.provisioned) for name, each in sorted(aliases.items()) if each.provisioned]


async def list_event_source_mappings(call: Call) -> Answer:
    name = call.query.get("FunctionName")
    wanted = None if name is None else find_function(call.service.functions, name, None)[0].function.name
    source_arn = call.query.get("EventSourceArn")
    found = [
        mapping
        for source, mapping in _mappings(call)
        if wanted in (None, source) and source_arn in (None, mapping["EventSourceArn"])
    ]
    page, following = call.page("EventSourceMappings", found, 100)
    return {"EventSourceMappings": page, **following}


async def get_event_source_mapping(call: Call) -> Answer:
    for _, mapping in _mappings(call):
        if mapping["UUID"] == call.path["UUID"]:
            return mapping
    raise not_found(_NO_RESOURCE)


def _mappings(call: Call) -> list[tuple[str, dict[str, Any]]]:
    """Return the event source mappings, each with the name of its function."""
    service = call.service
    shapes = [(each.function, source_configuration(service, each, service.created)) for each in service.project.sources]
    return [(name, mapping) for name, mapping in shapes if mapping is not None]


async def get_account_settings(call: Call) -> Answer:
    sizes = [(await entry.code(LATEST))[1] for entry in call.service.functions.values()]
    return {
        "AccountLimit": {
            "TotalCodeSize": _TOTAL_CODE_SIZE,
            "CodeSizeUnzipped": quotas.UNPACKED_LIMIT,
            "CodeSizeZipped": quotas.ZIPPED_LIMIT,
            "ConcurrentExecutions": call.service.account.limit,
            "UnreservedConcurrentExecutions": call.service.account.unreserved,
        },
        "AccountUsage": {"TotalCodeSize": sum(sizes), "FunctionCount": len(sizes)},
    }


async def no_such_resource(call: Call) -> Answer:
    """Answer for something that no function here has, e.g. a policy.

    Raises:
        ServiceError: always.
    """
    call.function()
    raise not_found(_NO_RESOURCE)


async def list_tags(call: Call) -> Answer:
    entry, _ = find_function(call.service.functions, call.path["Resource"], None)
    return {"Tags": dict(entry.tags)}


Operation = Callable[[Call], Awaitable[Answer]]
READING: Mapping[str, tuple[str, Operation]] = {
    "GetFunction": ("GET /2015-03-31/functions/{FunctionName}", get_function),
    "GetFunctionConfiguration": (
        "GET /2015-03-31/functions/{FunctionName}/configuration",
        get_function_configuration,
    ),
    "ListFunctions": ("GET /2015-03-31/functions", list_functions),
    "ListVersionsByFunction": ("GET /2015-03-31/functions/{FunctionName}/versions", list_versions_by_function),
    "ListAliases": ("GET /2015-03-31/functions/{FunctionName}/aliases", list_aliases),
    "GetAlias": ("GET /2015-03-31/functions/{FunctionName}/aliases/{Name}", get_alias),
    "GetPolicy": ("GET /2015-03-31/functions/{FunctionName}/policy", no_such_resource),
    "GetFunctionUrlConfig": ("GET /2021-10-31/functions/{FunctionName}/url", get_function_url_config),
    "ListFunctionUrlConfigs": ("GET /2021-10-31/functions/{FunctionName}/urls", list_function_url_configs),
    "GetFunctionConcurrency": ("GET /2019-09-30/functions/{FunctionName}/concurrency", get_function_concurrency),
    "ListProvisionedConcurrencyConfigs": (
        "GET /2019-09-30/functions/{FunctionName}/provisioned-concurrency?List=ALL",
        list_provisioned_concurrency_configs,
    ),
    "GetProvisionedConcurrencyConfig": (
        "GET /2019-09-30/functions/{FunctionName}/provisioned-concurrency",
        get_provisioned_concurrency_config,
    ),
    "ListEventSourceMappings": ("GET /2015-03-31/event-source-mappings", list_event_source_mappings),
    "GetEventSourceMapping": ("GET /2015-03-31/event-source-mappings/{UUID}", get_event_source_mapping),
    "GetAccountSettings": ("GET /2016-08-19/account-settings", get_account_settings),
    "ListTags": ("GET /2017-03-31/tags/{Resource}", list_tags),
}
