"""The module `awslambdaric.lambda_runtime_client`: the client of the Runtime API, with the official signatures."""

import sys

from .. import _client
from .._client import Invocation, LambdaRuntimeClient
from .._report import notice
from .._runtime_errors import ApiError as LambdaRuntimeClientError
from .._settings import read_address
from .._sinks import current
from . import __version__
from .lambda_runtime_exception import FaultException
from .lambda_runtime_marshaller import LambdaMarshaller, to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._managed.client import ManagedClient as LambdaMultiConcurrentRuntimeClient

__all__ = [
    "ERROR_TYPE_HEADER",
    "BaseLambdaRuntimeClient",
    "FaultException",
    "InvocationRequest",
    "LambdaMarshaller",
    "LambdaMultiConcurrentRuntimeClient",
    "LambdaRuntimeClient",
    "LambdaRuntimeClientError",
    "_user_agent",
    "to_json",
]

ERROR_TYPE_HEADER = "Lambda-Runtime-Function-Error-Type"
BaseLambdaRuntimeClient = LambdaRuntimeClient


class InvocationRequest(Invocation):
    """An invocation, as the Runtime API delivers it or made of named attributes."""

    def __init__(self, *response: "Any", **fields: object) -> None:
        if response:
            super().__init__(*response)
        for name, value in fields.items():
            setattr(self, name, value)

    @property
    def event_body(self) -> "bytes | bytearray":
        """The event before it is parsed."""
        return self._body

    @event_body.setter
    def event_body(self, body: "bytes | bytearray") -> None:
        self._body = body

    def __getattr__(self, name: str) -> None:
        """Return None for an attribute that was not set.

        Raises:
            AttributeError: an invocation has no such attribute.
        """
        if name not in Invocation.__slots__:
            raise AttributeError(f"an invocation has no attribute {name!r}")

    def __eq__(self, other: object) -> bool:
        names = Invocation.__slots__
        return isinstance(other, Invocation) and all(
            getattr(self, name, None) == getattr(other, name, None) for name in names
        )

    __hash__ = None  # type: ignore[assignment]


def _user_agent() -> str:
    return f"aws-lambda-python/{'.'.join(map(str, sys.version_info[:3]))}-{__version__}"


_client.Invocation = InvocationRequest  # type: ignore[misc]  # for the next poll
_create = LambdaRuntimeClient.__init__


def _init(client: LambdaRuntimeClient, lambda_runtime_address: "Any", *arguments: "Any", **named: "Any") -> None:
    """Create a client; user code gives the address as text."""
    if not isinstance(lambda_runtime_address, str):
        _create(client, lambda_runtime_address, *arguments, **named)
        return

    def report(request_id: str, text: str) -> None:
        sink = current()
        if sink is not None:
            notice(sink, request_id, text)

    _create(client, read_address(lambda_runtime_address), LambdaRuntimeClient.marshaller, report, pipeline=False)


LambdaRuntimeClient.__init__ = _init  # type: ignore[assignment,method-assign]


def __getattr__(name: str) -> object:
    """Find the client of Managed Instances, which is imported only if it is used.

    Raises:
        AttributeError: this runtime does not provide the name.
    """
    if name != "LambdaMultiConcurrentRuntimeClient":
        raise AttributeError(f"awslambdaric-lite does not provide awslambdaric.lambda_runtime_client.{name}")
    from .._managed.client import ManagedClient

    return ManagedClient
