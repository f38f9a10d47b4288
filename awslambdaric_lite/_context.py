"""The context object that handlers receive. Imports only C builtins."""

import posix
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._client_context import ClientContext

_variable = posix.environ.get  # `os.environ` writes to the same dictionary
_seen: "list[tuple[bytes | None, ...] | tuple[str | None, ...]]" = [(), ()]  # the previous values, and their text


def _function() -> "tuple[str | None, ...]":
    """Return log group and stream, name, memory size and version of the function from the environment."""
    raw = (
        _variable(b"AWS_LAMBDA_LOG_GROUP_NAME"),
        _variable(b"AWS_LAMBDA_LOG_STREAM_NAME"),
        _variable(b"AWS_LAMBDA_FUNCTION_NAME"),
        _variable(b"AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
        _variable(b"AWS_LAMBDA_FUNCTION_VERSION"),
    )
    if raw != _seen[0]:
        text: "list[str | None]" = []
        for value in raw:
            text.append(None if value is None else value.decode(errors="surrogateescape"))
        _seen[:] = raw, tuple(text)
    return _seen[1]  # type: ignore[return-value]


class CognitoIdentity:
    """The caller's Amazon Cognito identity; both attributes are None without one."""

    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self, fields: "dict[str, Any] | None" = None) -> None:
        self.cognito_identity_id: "str | None" = None
        self.cognito_identity_pool_id: "str | None" = None
        if fields is not None:
            self.cognito_identity_id = fields.get("cognitoIdentityId")
            self.cognito_identity_pool_id = fields.get("cognitoIdentityPoolId")

    def __repr__(self) -> str:
        from ._client_context import format_record

        return format_record(self, ("cognito_identity_id", "cognito_identity_pool_id"))


class LambdaContext:
    """The invocation and the function, as a handler receives them.

    Every argument has a default, so that tests can make a context: `LambdaContext("request-1")`. Attributes that
    describe the function come from the environment, e.g. `AWS_LAMBDA_FUNCTION_NAME`, when the context is made.

    Attributes:
        memory_limit_in_mb: text, as everywhere on Lambda.
        identity: never None; its attributes are None unless Cognito authorised the caller.
        client_context: None unless the caller sent one.
    """

    def __init__(
        self,
        invoke_id: "str | None" = None,
        client_context: "dict[str, Any] | None" = None,
        cognito_identity: "dict[str, Any] | None" = None,
        epoch_deadline_time_in_ms: int = 0,
        invoked_function_arn: "str | None" = None,
        tenant_id: "str | None" = None,
    ) -> None:
        self.aws_request_id = invoke_id
        (
            self.log_group_name,
            self.log_stream_name,
            self.function_name,
            self.memory_limit_in_mb,
            self.function_version,
        ) = _function()
        self.invoked_function_arn = invoked_function_arn
        self.tenant_id = tenant_id
        self._w3c_fields: "dict[str, str]" = {}
        self.client_context: "ClientContext | None" = None
        if client_context is not None:
            from ._client_context import ClientContext, w3c_fields

            self._w3c_fields = w3c_fields(client_context)
            self.client_context = ClientContext(client_context)
        self.identity = CognitoIdentity(cognito_identity)
        self._epoch_deadline_time_in_ms = epoch_deadline_time_in_ms

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the invocation times out, never less than 0."""
        left = self._epoch_deadline_time_in_ms - int(time.time() * 1000)
        return left if left > 0 else 0

    def w3c(self) -> "dict[str, str]":
        """Return the W3C trace context that came with the invocation (`traceparent`, `tracestate`, `baggage`)."""
        return dict(self._w3c_fields)

    def log(self, msg: object) -> None:
        """Write a message to the log unchanged, without adding a newline."""
        logging = sys.modules.get("logging")
        if logging is not None:
            for handler in logging.getLogger().handlers:
                if hasattr(handler, "log_sink"):
                    handler.log_sink.log(str(msg))
                    return
        from ._sinks import current

        sink = current()
        if logging is None and sink is not None:
            sink.log(str(msg))
        else:
            sys.stdout.write(str(msg))

    def __repr__(self) -> str:
        from ._client_context import format_record

        names = (
            "aws_request_id",
            "log_group_name",
            "log_stream_name",
            "function_name",
            "memory_limit_in_mb",
            "function_version",
            "invoked_function_arn",
            "client_context",
            "identity",
            "tenant_id",
        )
        return format_record(self, names)
