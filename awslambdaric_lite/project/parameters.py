"""The parameters of a template: their types, defaults and limits."""

from __future__ import annotations

import math
import re
from typing import Any

from ..common.regions import dns_suffix, make_arn, partition
from .errors import Problem
from .intrinsics import NO_VALUE, nearest

FROM_STORE = "AWS::SSM::Parameter::Value<"


def is_list(declared: dict[str, Any]) -> bool:
    """Return whether the values of a parameter are lists."""
    kind = str(declared.get("Type", "String")).removeprefix(FROM_STORE)
    return kind.startswith(("CommaDelimitedList", "List<"))


def make_placeholder(name: str, declared: dict[str, Any]) -> str:
    """Return a value for a parameter that has none."""
    if allowed := declared.get("AllowedValues"):
        return _plain(allowed[0])
    return str(declared.get("MinValue", 1)) if declared.get("Type") == "Number" else name


def check(name: str, declared: dict[str, Any], text: str) -> None:
    """Check a value.

    Raises:
        Problem: the template does not allow it.
    """

    def refuse(reason: str) -> None:
        raise Problem(f"parameter {name}={text!r} {reason}; give another by --parameter {name}=VALUE")

    if (allowed := declared.get("AllowedValues")) and any(
        part not in map(_plain, allowed) for part in ([text] if not is_list(declared) else split(text))
    ):
        refuse(f"is not one of: {', '.join(map(_plain, allowed))}")
    pattern = declared.get("AllowedPattern")
    try:
        if isinstance(pattern, str) and not re.fullmatch(pattern, text):
            refuse(f"does not match {pattern}")
    except re.error:
        pass  # a pattern of Java that Python does not know
    if declared.get("Type") == "Number":
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if math.isnan(number):
            refuse("is not a number")
        if not float(declared.get("MinValue", -math.inf)) <= number <= float(declared.get("MaxValue", math.inf)):
            refuse("is out of range")
    elif not int(declared.get("MinLength", 0)) <= len(text) <= float(declared.get("MaxLength", math.inf)):
        refuse("is too short or too long")


def split(text: str) -> list[str]:
    """Return the values of a list."""
    return [part.strip() for part in text.split(",")] if text else []


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def pseudo_parameter(name: str, region: str, account: str, stack: str) -> Any:
    """Return the value of a pseudo parameter.

    Raises:
        Problem: AWS has none of this name.
    """
    values = {
        "AWS::AccountId": account,
        "AWS::NoValue": NO_VALUE,
        "AWS::NotificationARNs": [],
        "AWS::Partition": partition(region),
        "AWS::Region": region,
        "AWS::StackId": make_arn("cloudformation", region, account, f"stack/{stack}/local"),
        "AWS::StackName": stack,
        "AWS::URLSuffix": dns_suffix(region),
    }
    if name not in values:
        raise Problem(f"{name} is not a pseudo parameter{nearest(name, values)}")
    return values[name]
