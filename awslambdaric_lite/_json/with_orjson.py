"""orjson: owns encoding results with it under the official client's rules."""

import sys

from .compatible import encode as encode_exactly
from .compatible import has_json_form

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from .._codec import Marshaller
    from .._types import Encode, Quote


def orjson_encoder(otherwise: "Encode", quote: "Quote", marshaller: "Marshaller | None" = None) -> "Encode | None":
    """Return an encoder that uses orjson, and `otherwise` for values that orjson refuses; None without orjson.

    orjson calls `hand_over` for values of types that it does not support, so that bytes, namedtuples and exact decimals
    become the same JSON as in the official client, and all others what the marshaller converts them to.
    """
    orjson = _find()
    if orjson is None:
        return None
    dumps = orjson.dumps
    fragment = orjson.Fragment
    options = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS

    def hand_over(value: object) -> object:
        convert = None if marshaller is None else marshaller.convert
        if convert is not None and not has_json_form(value):
            return convert(value)
        return fragment(encode_exactly(value, quote, convert))

    def encode(value: object) -> bytes:
        try:
            return dumps(value, hand_over, options)  # type: ignore[no-any-return]
        except (TypeError, ValueError, RecursionError):
            return otherwise(value)  # integers of any size, other keys, lone surrogates, depth; or the official error

    return encode


def _find() -> "ModuleType | None":
    """Return the orjson that the function has imported, else the layer's, else an installed one."""
    module = sys.modules.get("orjson")
    if module is None:
        try:
            from .._vendor import orjson as module  # type: ignore[no-redef]
        except ImportError:
            try:
                import orjson as module
            except Exception:  # built for another machine or version of Python
                return None
    return module if hasattr(module, "Fragment") else None
