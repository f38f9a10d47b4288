"""Types for annotating handlers and their tests. Imports only the standard library.

from awslambdaric_lite.types import Context, JSON

def handler(event: JSON, context: Context) -> JSON: ...
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

__all__ = ["JSON", "ClientContext", "Context", "Handler", "Identity"]

JSON: TypeAlias = "Mapping[str, JSON] | Sequence[JSON] | str | int | float | bool | None"


class Identity(Protocol):
    """`context.identity`."""

    cognito_identity_id: str | None
    cognito_identity_pool_id: str | None


class ClientContext(Protocol):
    """`context.client_context` of invocations by mobile applications."""

    custom: dict[str, Any] | None
    env: dict[str, Any] | None


class Context(Protocol):
    """The attributes and methods of a context that every runtime client provides."""

    aws_request_id: str | None
    log_group_name: str | None
    log_stream_name: str | None
    function_name: str | None
    memory_limit_in_mb: str | None
    function_version: str | None
    invoked_function_arn: str | None
    tenant_id: str | None

    @property
    def client_context(self) -> ClientContext | None: ...
    @property
    def identity(self) -> Identity: ...
    def get_remaining_time_in_millis(self) -> int: ...
    def w3c(self) -> dict[str, str]: ...
    def log(self, msg: object) -> None: ...


Handler = Callable[[Any, Context], object]
