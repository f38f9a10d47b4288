"""The members of requests to the control plane: their types and constraints, and errors in AWS's words.

Patterns, lengths and limits are those of botocore's service model, with which a test compares them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ...common import json_text
from .service_errors import ServiceError, invalid_content


class Member(NamedTuple):
    """The type of a member, and what it may be; `least` and `most` are of a number or of a length."""

    kind: type
    least: float | None = None
    most: float | None = None
    pattern: str = ""
    values: tuple[str, ...] = ()
    members: Mapping[str, Any] = {}
    """Of an object."""


_DESCRIPTION = Member(str, 0, 256)
_VERSION = Member(str, 1, 1024, r"(\$LATEST(\.PUBLISHED)?|[0-9]+)")
_ARCHITECTURES = Member(list, 1, 1)
_ALIAS = Member(str, 1, 128, r"(?!^[0-9]+$)([a-zA-Z0-9-_]+)")
_ROUTING = Member(dict, members={"AdditionalVersionWeights": Member(dict)})
_REVISION = Member(str)

CODE = {
    "ZipFile": Member(str),
    "Architectures": _ARCHITECTURES,
    "Publish": Member(bool),
    "DryRun": Member(bool),
    "RevisionId": _REVISION,
}
CONFIGURATION = {
    "Role": Member(str, 0, 10000, r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+"),
    "Handler": Member(str, 0, 128, r"[^\s]+"),
    "Description": _DESCRIPTION,
    "Timeout": Member(int, 1, 5400),
    "MemorySize": Member(int, 128, 32768),
    "Environment": Member(dict, members={"Variables": Member(dict)}),
    "Runtime": Member(str),
    "RevisionId": _REVISION,
    "Layers": Member(list),
    "EphemeralStorage": Member(dict, members={"Size": Member(int, 512, 32768)}),
    "SnapStart": Member(dict, members={"ApplyOn": Member(str, values=("PublishedVersions", "None"))}),
    "LoggingConfig": Member(
        dict,
        members={
            "LogFormat": Member(str, values=("JSON", "Text")),
            "ApplicationLogLevel": Member(str, values=("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")),
            "SystemLogLevel": Member(str, values=("DEBUG", "INFO", "WARN")),
            "LogGroup": Member(str, 1, 512, r"[\.\-_/#A-Za-z0-9]+"),
        },
    ),
    # Without an effect here:
    "TracingConfig": Member(dict, members={"Mode": Member(str, values=("Active", "PassThrough"))}),
    "VpcConfig": Member(dict),
    "KMSKeyArn": Member(str),
}
MEMBERS: Mapping[str, Mapping[str, Member]] = {
    "CreateFunction": {
        **{name: member for name, member in CONFIGURATION.items() if name != "RevisionId"},
        "FunctionName": Member(str, 1, 140),
        "Code": Member(dict, members={"ZipFile": Member(str)}),
        "Publish": Member(bool),
        "PackageType": Member(str, values=("Zip", "Image")),
        "Tags": Member(dict),
        "Architectures": _ARCHITECTURES,
    },
    "UpdateFunctionCode": CODE,
    "UpdateFunctionConfiguration": CONFIGURATION,
    "PublishVersion": {"CodeSha256": Member(str), "Description": _DESCRIPTION, "RevisionId": _REVISION},
    "CreateAlias": {
        "Name": _ALIAS,
        "FunctionVersion": _VERSION,
        "Description": _DESCRIPTION,
        "RoutingConfig": _ROUTING,
    },
    "UpdateAlias": {
        "FunctionVersion": _VERSION,
        "Description": _DESCRIPTION,
        "RoutingConfig": _ROUTING,
        "RevisionId": _REVISION,
    },
    "PutFunctionConcurrency": {"ReservedConcurrentExecutions": Member(int, 0)},
}
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "CreateFunction": ("FunctionName", "Role", "Code"),
    "CreateAlias": ("Name", "FunctionVersion"),
    "PutFunctionConcurrency": ("ReservedConcurrentExecutions",),
}
QUERY: Mapping[str, Member] = {
    "MaxItems": Member(int, 1, 10000),
    "FunctionVersion": _VERSION,
}
_NAMES = {int: "Integer", str: "String", bool: "Boolean", dict: "Map", list: "List"}


def read_body(operation: str, body: bytes) -> dict[str, Any]:
    """Parse and check the body of a request; a member with null counts as missing.

    Raises:
        ServiceError: it is not an object in JSON, or a member has another type or value than the service allows.
    """
    try:
        values = json_text.parse(body or b"{}")
    except ValueError as error:
        raise invalid_content(f"Could not parse request body into json: {error}") from error
    if not isinstance(values, dict):
        raise invalid_content("Could not parse request body into json: the body is not an object")
    given = {name: value for name, value in values.items() if value is not None}
    faults = [
        _fault(name, None, "Member must not be null") for name in REQUIRED.get(operation, ()) if name not in given
    ]
    faults += _faults("", given, MEMBERS.get(operation, {}))
    _refuse(faults)
    return given


def read_query(query: Mapping[str, str]) -> dict[str, Any]:
    """Check the parameters of a query; those that are unknown are left out.

    Raises:
        ServiceError: one has a value that the service does not allow.
    """
    values: dict[str, Any] = {name: value for name, value in query.items() if value}
    if "MaxItems" in values:
        if not re.fullmatch(r"-?[0-9]{1,9}", values["MaxItems"], re.ASCII):
            raise _conversion("STRING_VALUE", int)
        values["MaxItems"] = int(values["MaxItems"])
    if values.get("FunctionVersion") == "ALL":  # of ListFunctions; elsewhere it is a version
        return values
    _refuse(_faults("", values, QUERY))
    return values


def _faults(prefix: str, values: Mapping[str, Any], members: Mapping[str, Member]) -> list[str]:
    found = []
    for name, member in members.items():
        value = values.get(name)
        if value is None:
            continue
        _check_type(value, member.kind)
        path = f"{prefix}{name}"
        if member.values and value not in member.values:
            found.append(_fault(path, value, f"Member must satisfy enum value set: [{', '.join(member.values)}]"))
        measured, what = (
            (value, "value") if member.kind is int else (len(value) if member.kind is not bool else 0, "length")
        )
        if member.most is not None and measured > member.most:
            found.append(_fault(path, value, f"Member must have {what} less than or equal to {member.most}"))
        if member.least is not None and measured < member.least:
            found.append(_fault(path, value, f"Member must have {what} greater than or equal to {member.least}"))
        if member.pattern and not re.fullmatch(member.pattern, value, re.ASCII):
            pattern = f"Member must satisfy regular expression pattern: {member.pattern}"
            found.append(_fault(path, value, pattern))
        if member.kind is dict:
            found += _faults(f"{path}.", value, member.members)
    return found


def _check_type(value: object, kind: type) -> None:
    if type(value) is not kind:
        raise _conversion(_token(value), kind)


def check_text(value: object) -> str:
    """Return a value that has to be text.

    Raises:
        ServiceError: it is not.
    """
    _check_type(value, str)
    return str(value)


def _conversion(token: str, kind: type) -> ServiceError:
    return ServiceError(400, "SerializationException", f"{token} can not be converted to {_article(kind)}")


def _article(kind: type) -> str:
    return f"{'an' if kind is int else 'a'} {_NAMES[kind]}"


def _token(value: object) -> str:
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    tokens = {str: "STRING_VALUE", dict: "START_OBJECT", list: "START_ARRAY", float: "DECIMAL_VALUE"}
    return tokens.get(type(value), "NUMBER_VALUE")


def _fault(path: str, value: object, constraint: str) -> str:
    member = ".".join(part[:1].lower() + part[1:] for part in path.split("."))
    shown = "null" if value is None else repr(value) if isinstance(value, str) else f"'{value}'"
    return f"Value {shown} at '{member}' failed to satisfy constraint: {constraint}"


def violation(path: str, value: object, constraint: str) -> ServiceError:
    """Return the error for one member outside of its constraint."""
    return _violations([_fault(path, value, constraint)])


def _refuse(faults: list[str]) -> None:
    if faults:
        raise _violations(faults)


def _violations(faults: list[str]) -> ServiceError:
    noun = "error" if len(faults) == 1 else "errors"
    text = f"{len(faults)} validation {noun} detected: {'; '.join(faults)}"
    return ServiceError(400, "ValidationException", text)
