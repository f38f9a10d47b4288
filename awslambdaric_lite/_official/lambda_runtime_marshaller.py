"""The module `awslambdaric.lambda_runtime_marshaller`: the conversion of events and results, and its extension points.

`Encoder.default`, an encoder assigned to `jsonEncoder`, and methods of `LambdaMarshaller` decide what a result becomes.
"""

from .._client import LambdaRuntimeClient
from .._codec import Marshaller as LambdaMarshaller
from .._codec import quote
from .._json.compatible import encode
from .lambda_runtime_exception import FaultException

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .._types import Convert

__all__ = ["Encoder", "FaultException", "LambdaMarshaller", "to_json"]


class Encoder:
    """An encoder of results; a subclass may override `default` or `encode`."""

    def default(self, obj: object) -> object:
        """Return another value for one that has no JSON form.

        Raises:
            TypeError: the value has none.
        """
        if _configured is not None:
            return _configured(obj)
        raise TypeError(f"Object of type {type(obj).__name__} is not JSON serializable")

    def encode(self, obj: object) -> str:
        """Encode a value as JSON."""
        return encode(obj, quote, self.default).decode()

    def iterencode(self, obj: object) -> "Iterator[str]":
        """Encode a value as JSON, in one piece."""
        yield self.encode(obj)


def to_json(obj: object) -> str:
    """Encode a value as JSON."""
    return Encoder().encode(obj)


def _get_encoder(marshaller: LambdaMarshaller) -> "Any":
    return marshaller.__dict__.setdefault("jsonEncoder", Encoder())


def _set_encoder(marshaller: LambdaMarshaller, encoder: "Any") -> None:
    marshaller.__dict__["jsonEncoder"] = encoder
    if getattr(type(encoder), "encode", None) is not Encoder.encode:
        marshaller._codec = "settled"
        marshaller._encode = lambda value: encoder.encode(value).encode("utf-8", "backslashreplace")


def _get_convert(marshaller: LambdaMarshaller) -> "Convert":
    converts: Convert = _get_encoder(marshaller).default
    return converts


def _set_convert(_: LambdaMarshaller, convert: "Convert | None") -> None:
    global _configured
    _configured = convert


_configured: "Convert | None" = getattr(LambdaRuntimeClient, "marshaller", LambdaMarshaller).convert
LambdaMarshaller.jsonEncoder = property(_get_encoder, _set_encoder)  # type: ignore[attr-defined]
LambdaMarshaller.convert = property(_get_convert, _set_convert)  # type: ignore[assignment]
