"""Conversion: owns what values without a JSON form become. Loaded if `AWSLAMBDARIC_LITE_ENCODER` is set.

Imports nothing that the function has not imported: a class that was never imported has no instances.
"""

import sys

from .._function_errors import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._types import Convert

_LIVE = ("__next__", "__anext__", "__await__", "read", "body_iterator")  # attributes of what is streamed or awaited


def resolve(setting: str) -> "Convert":
    """Return the function that the setting names: `standard`, or a function of the user's such as `app.encode`.

    Raises:
        Fault: `Runtime.InvalidEncoder`; the function cannot be imported.
    """
    if setting == "standard":
        return standard
    module_name, _, name = setting.rpartition(".")
    lead = f"AWSLAMBDARIC_LITE_ENCODER={setting!r}: "
    try:
        __import__(module_name)
    except Exception as error:
        text = f"{lead}cannot import {module_name}: {type(error).__name__}: {error}"
        raise Fault("Runtime.InvalidEncoder", text) from error
    function: Any = getattr(sys.modules[module_name], name, None)
    if not callable(function):
        state = "has no function" if function is None else "is not callable:"
        raise Fault("Runtime.InvalidEncoder", f"{lead}module {module_name} {state} {name}")

    def convert(value: object) -> object:
        """Let the user's function convert a value, but not a stream or a coroutine, which the runtime delivers."""
        if any(hasattr(type(value), attribute) for attribute in _LIVE):
            raise _refusal(value)
        return function(value)

    return convert


def standard(value: object) -> object:
    """Return the value of which JSON is to be made.

    Raises:
        TypeError: the value has no usual form in JSON.
    """
    item: Any = value
    if _is_a(item, "datetime", "date", "time"):
        return None if item != item else item.isoformat()  # pandas.NaT is a date that does not equal itself
    if _is_a(item, "decimal", "Decimal"):
        return item
    if isinstance(item, set | frozenset):
        return list(item)
    if _is_a(item, "pydantic.main", "BaseModel") or _is_a(item, "pydantic.v1.main", "BaseModel"):
        return item.model_dump(mode="json") if hasattr(item, "model_dump") else item.dict()
    if hasattr(type(item), "__dataclass_fields__"):
        return {field.name: getattr(item, field.name) for field in sys.modules["dataclasses"].fields(item)}
    if _is_a(item, "numpy", "ndarray"):
        if item.ndim == 0:
            return item[()]
        return list(item) if item.dtype.kind in "mM" else item.tolist()  # dates and spans would become integers
    if _is_a(item, "numpy", "datetime64"):
        return None if item != item else str(item)
    if _is_a(item, "numpy", "generic") and not _is_a(item, "numpy", "timedelta64"):
        item = item.item()
        if _is_a(item, "numpy", "floating"):
            return float(item)  # of longdouble, whose item() is not a float
        if not _is_a(item, "numpy", "generic"):
            return item
    raise _refusal(value)


def _is_a(value: object, module: str, *names: str) -> bool:
    """Return whether a value is an instance of one of the classes of a module."""
    loaded = sys.modules.get(module)
    return loaded is not None and any(isinstance(value, getattr(loaded, name, ())) for name in names)


def _refusal(value: object) -> TypeError:
    return TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
