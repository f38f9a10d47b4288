"""The function and version of a name, a partial ARN or an ARN."""

from __future__ import annotations

import re
from typing import NamedTuple

from ..config.function import FunctionConfig
from ..errors import UnknownQualifier
from .service_errors import invalid_parameter, not_found, violated

# The patterns of `FunctionName` and `Qualifier` in botocore's service model, with which a test compares them.
FUNCTION_NAME = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
    r"([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)
QUALIFIER = r"\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+"
MAX_FUNCTION_NAME, MAX_QUALIFIER = 256, 128
_REGION, _NAME, _NAMED_QUALIFIER = 3, 11, 13  # groups

# What looks like a part before the name can be the name: a function may be called "function" or "us-east-1".
_NAME_FIRST = re.compile(r"([a-zA-Z0-9-_.]+)(?::([^:]+))?")
_FORMS = "Member must be a name, a partial ARN (012345678912:function:NAME) or an ARN, each with :QUALIFIER or without"


class Target(NamedTuple):
    """A function version that a caller invokes."""

    version: str
    arn: str  # as the caller named it, with a qualifier if it has one


def find_target(function: FunctionConfig, wanted: str, qualifier: str | None) -> Target:
    """Return the target of a function name and the parameter `Qualifier`.

    The account in an ARN is ignored, because code under test often uses the function's ARN on AWS.

    Raises:
        ServiceError: the function is unknown, or the name is invalid.
    """
    match = re.fullmatch(FUNCTION_NAME, wanted, re.ASCII)
    if match is None or len(wanted) > MAX_FUNCTION_NAME:
        raise violated("functionName", wanted, _FORMS)
    if qualifier and (len(qualifier) > MAX_QUALIFIER or not re.fullmatch(QUALIFIER, qualifier)):
        raise violated("qualifier", qualifier, "Member must be $LATEST, a version or an alias")
    region, name, derived = match[_REGION], match[_NAME], match[_NAMED_QUALIFIER]
    if (first := _NAME_FIRST.fullmatch(wanted)) is not None and first[1] == function.name != name:
        region, name, derived = None, first[1], first[2]
    if qualifier and derived and qualifier != derived:
        raise invalid_parameter("The derived qualifier from the function name does not match the specified qualifier.")
    if region and region[:-1] != function.region:
        raise not_found(f"Functions from '{region[:-1]}' are not reachable in this region ('{function.region}')")
    qualifier = qualifier or derived
    if name != function.name:
        arn = function.arn.removesuffix(function.name) + name
        raise not_found(f"Function not found: {arn}:{qualifier}" if qualifier else f"Function not found: {arn}")
    try:
        return Target(*function.resolve(qualifier))
    except UnknownQualifier as unknown:
        raise not_found(f"Function not found: {function.arn}:{qualifier}") from unknown
