"""The module `awslambdaric.lambda_context`: the classes of the context."""

from .._client_context import W3C_FIELDS as W3C_ALLOWED_FIELDS
from .._client_context import Client, ClientContext
from .._context import CognitoIdentity, LambdaContext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "W3C_ALLOWED_FIELDS",
    "Client",
    "ClientContext",
    "CognitoIdentity",
    "LambdaContext",
    "make_obj_from_dict",
    "set_obj_from_dict",
]


def make_obj_from_dict(_class: "type[Any]", _dict: "dict[str, Any] | None", fields: object = None) -> "Any":
    """Make an object and set its attributes; None without a dictionary."""
    if _dict is None:
        return None
    made = _class()
    set_obj_from_dict(made, _dict)
    return made


def set_obj_from_dict(obj: object, _dict: "dict[str, Any]", fields: "tuple[str, ...] | None" = None) -> None:
    """Set attributes, by default all slots of the object's class; a missing one becomes None."""
    for name in type(obj).__slots__ if fields is None else fields:  # type: ignore[attr-defined]
        setattr(obj, name, _dict.get(name))
