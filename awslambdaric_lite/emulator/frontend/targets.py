"""The function and version of a name, a partial ARN or an ARN."""

from __future__ import annotations

import re
from typing import NamedTuple, TypeVar

from ...common.regions import make_arn
from ..errors import UnknownQualifier
from ..functions.registry import FunctionEntry, Registry
from .service_errors import invalid_parameter, not_found, violated

# The patterns of `FunctionName` and `Qualifier` in botocore's service model, with which a test compares them.
FUNCTION_NAME = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
    r"([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)
QUALIFIER = r"\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+"
MAX_FUNCTION_NAME, MAX_QUALIFIER = 256, 128
MAX_NAME = 64  # of a function without its ARN; source: CreateFunction in the API reference
_REGION, _NAME, _NAMED_QUALIFIER = 3, 11, 13  # groups

# What looks like a part before the name can be the name: a function may be called "function" or "us-east-1".
_NAME_FIRST = re.compile(r"([a-zA-Z0-9-_.]+)(?::([^:]+))?")
_FORMS = "Member must be a name, a partial ARN (012345678912:function:NAME) or an ARN, each with :QUALIFIER or without"


_Entry = TypeVar("_Entry", bound=FunctionEntry)


class Target(NamedTuple):
    """A function version that a caller invokes."""

    entry: FunctionEntry
    version: str
    arn: str  # as the caller named it, with a qualifier if it has one


class Name(NamedTuple):
    """A function and a qualifier, as a caller names them."""

    region: str | None
    name: str
    qualifier: str | None


def find_target(functions: Registry[FunctionEntry], wanted: str, qualifier: str | None) -> Target:
    """Return the target of a function name and the parameter `Qualifier`.

    Raises:
        ServiceError: the function is unknown, or the name is invalid.
    """
    entry, qualifier = find_function(functions, wanted, qualifier)
    try:
        return Target(entry, *entry.host.versions.resolve(qualifier))
    except UnknownQualifier as unknown:
        entry.host.note(str(unknown))  # the caller gets AWS's text
        raise not_found(f"Function not found: {entry.function.arn}:{qualifier}") from unknown


def find_function(functions: Registry[_Entry], wanted: str, qualifier: str | None) -> tuple[_Entry, str | None]:
    """Return the function of a name, and the qualifier, which may be unknown.

    The account in an ARN is ignored, because code under test often uses the function's ARN on AWS.

    Raises:
        ServiceError: the function is unknown, or the name is invalid.
    """
    region, name, qualifier = _parse(functions, wanted, qualifier)
    entry = functions.get(name)
    own = functions.region if entry is None else entry.function.region
    if region and region != own:
        raise not_found(f"Functions from '{region}' are not reachable in this region ('{own}')")
    if entry is None:
        arn = make_arn("lambda", own, functions.account, f"function:{name}")
        raise not_found(f"Function not found: {arn}:{qualifier}" if qualifier else f"Function not found: {arn}")
    return entry, qualifier


def function_name(functions: Registry[_Entry], wanted: str) -> str:
    """Return the name in a name, a partial ARN or an ARN of a function that may not exist.

    Raises:
        ServiceError: the name is invalid, or has a qualifier.
    """
    _, name, qualifier = _parse(functions, wanted, None)
    if qualifier or len(name) > MAX_NAME or "." in name:
        raise violated("functionName", wanted, _FORMS)
    return name


def _parse(functions: Registry[_Entry], wanted: str, qualifier: str | None) -> Name:
    match = re.fullmatch(FUNCTION_NAME, wanted, re.ASCII)
    if match is None or len(wanted) > MAX_FUNCTION_NAME:
        raise violated("functionName", wanted, _FORMS)
    if qualifier and (len(qualifier) > MAX_QUALIFIER or not re.fullmatch(QUALIFIER, qualifier)):
        raise violated("qualifier", qualifier, "Member must be $LATEST, a version or an alias")
    region, name, derived = match[_REGION], match[_NAME], match[_NAMED_QUALIFIER]
    if (first := _NAME_FIRST.fullmatch(wanted)) is not None and first[1] in functions and name not in functions:
        region, name, derived = None, first[1], first[2]
    if qualifier and derived and qualifier != derived:
        raise invalid_parameter("The derived qualifier from the function name does not match the specified qualifier.")
    return Name(region[:-1] if region else None, name, qualifier or derived)
