"""Results rendered by orjson, held to the official client's rules."""

import sys

from .compatible import encode as encode_exactly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from .._types import Encode, Quote


def orjson_encoder(otherwise: "Encode", quote: "Quote") -> "Encode | None":
    """Return an encoder that uses orjson and leaves to `otherwise` what orjson refuses, or None without orjson.

    What orjson does not know it hands over piece by piece, so that bytes, namedtuples and exact decimals come out as
    the official client writes them.
    """
    orjson = _find()
    if orjson is None:
        return None
    dumps = orjson.dumps
    fragment = orjson.Fragment
    options = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS

    def hand_over(value: object) -> object:
        return fragment(encode_exactly(value, quote))

    def encode(value: object) -> bytes:
        try:
            return dumps(value, hand_over, options)  # type: ignore[no-any-return]
        except (TypeError, ValueError, RecursionError):
            return otherwise(value)  # integers of any size, other keys, lone surrogates, depth; or the official error

    return encode


def _find() -> "ModuleType | None":
    """Return the function's own orjson if it is loaded, else the one packed with a layer, else an installed one."""
    module = sys.modules.get("orjson")
    if module is None:
        try:
            from .._vendor import orjson as module  # type: ignore[no-redef]
        except ImportError:
            try:
                import orjson as module
            except Exception:  # built for another machine or version: as good as absent
                return None
    return module if hasattr(module, "Fragment") else None
