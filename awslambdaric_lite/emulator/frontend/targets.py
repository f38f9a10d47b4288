"""The function and version of a name, a partial ARN or an ARN."""

from __future__ import annotations

import re
from typing import NamedTuple

from ..config.function import FunctionConfig
from ..errors import UnknownQualifier
from .service_errors import invalid_parameter, not_found, violated

# The three forms of the API reference (`FunctionName`); the name of the function may also be "function".
_FUNCTION = re.compile(
    r"(?:(?:arn:aws[a-zA-Z-]*:lambda:(?P<region>[a-z]{2,}(?:-[a-z]+)+-\d):)?\d{12}:(?:function:)?)?"
    r"(?P<name>[a-zA-Z0-9-_.]+)(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9-_]+))?"
)
_FORMS = "Member must be a name, a partial ARN (012345678912:function:NAME) or an ARN, each with :QUALIFIER or without"
_QUALIFIER = re.compile(r"\$LATEST|[a-zA-Z0-9-_]{1,128}")


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
    match = _FUNCTION.fullmatch(wanted)
    if match is None:
        raise violated("functionName", wanted, _FORMS)
    if qualifier and not _QUALIFIER.fullmatch(qualifier):
        raise violated("qualifier", qualifier, "Member must be $LATEST, a version or an alias")
    if qualifier and match["qualifier"] and qualifier != match["qualifier"]:
        raise invalid_parameter("The derived qualifier from the function name does not match the specified qualifier.")
    if match["region"] and match["region"] != function.region:
        raise not_found(f"Functions from '{match['region']}' are not reachable in this region ('{function.region}')")
    qualifier = qualifier or match["qualifier"]
    if match["name"] != function.name:
        arn = function.arn.removesuffix(function.name) + match["name"]
        raise not_found(f"Function not found: {arn}:{qualifier}" if qualifier else f"Function not found: {arn}")
    try:
        return Target(*function.resolve(qualifier))
    except UnknownQualifier as unknown:
        raise not_found(str(unknown)) from unknown
