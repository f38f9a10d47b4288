"""The context object that handlers receive. Imports only C builtins."""

import posix
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_W3C_FIELDS = ("traceparent", "tracestate", "baggage")  # what `w3c()` lets through, as the official client


def _variable(name: bytes) -> "str | None":
    """Read an environment variable as it is now; `os.environ` writes to this very dictionary."""
    value = posix.environ.get(name)
    return None if value is None else value.decode(errors="surrogateescape")


class _Record:
    """Attributes named by `__slots__`, each None unless the parsed header has it."""

    __slots__: "tuple[str, ...]" = ()

    def __init__(self, fields: "dict[str, Any] | None" = None) -> None:
        for name in self.__slots__:
            setattr(self, name, None if fields is None else fields.get(name))

    def __repr__(self) -> str:
        listed = ",".join(f"{name}={getattr(self, name)}" for name in self._shown())
        return f"{type(self).__name__}([{listed}])"

    def _shown(self) -> "tuple[str, ...]":
        return self.__slots__


class CognitoIdentity(_Record):
    """The caller's Amazon Cognito identity; both attributes are None without one."""

    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    cognito_identity_id: "str | None"
    cognito_identity_pool_id: "str | None"


class Client(_Record):
    """The mobile application that invoked the function."""

    __slots__ = ("app_package_name", "app_title", "app_version_code", "app_version_name", "installation_id")

    installation_id: "str | None"
    app_title: "str | None"
    app_version_name: "str | None"
    app_version_code: "str | None"
    app_package_name: "str | None"

    def _shown(self) -> "tuple[str, ...]":
        return ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")


class ClientContext(_Record):
    """What a caller passed as client context."""

    __slots__ = ("client", "custom", "env")

    custom: "dict[str, Any] | None"
    env: "dict[str, Any] | None"
    client: "Client | None"

    def _shown(self) -> "tuple[str, ...]":
        return ("custom", "env", "client")


class LambdaContext:
    """What a handler is told about its invocation and function.

    Every argument has a default, so that a test can make one: `LambdaContext("request-1")`. Attributes that describe
    the function come from the environment, as `AWS_LAMBDA_FUNCTION_NAME` and its like have it at that moment.

    Attributes:
        memory_limit_in_mb: text, as everywhere on Lambda.
        identity: always there, with None attributes unless the caller was authorised by Cognito.
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
        self.log_group_name = _variable(b"AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = _variable(b"AWS_LAMBDA_LOG_STREAM_NAME")
        self.function_name = _variable(b"AWS_LAMBDA_FUNCTION_NAME")
        self.memory_limit_in_mb = _variable(b"AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.function_version = _variable(b"AWS_LAMBDA_FUNCTION_VERSION")
        self.invoked_function_arn = invoked_function_arn
        self.tenant_id = tenant_id
        self._w3c_fields: "dict[str, str] | None" = None
        self.client_context: "ClientContext | None" = None
        if client_context is not None:
            if type(client_context) is dict and "w3c" in client_context:
                self._w3c_fields = _allowed(client_context.pop("w3c"))
            self.client_context = ClientContext(client_context)
            if self.client_context.client is not None:
                self.client_context.client = Client(self.client_context.client)  # type: ignore[arg-type]
        self.identity = CognitoIdentity()
        if cognito_identity is not None:
            self.identity.cognito_identity_id = cognito_identity.get("cognitoIdentityId")
            self.identity.cognito_identity_pool_id = cognito_identity.get("cognitoIdentityPoolId")
        self._epoch_deadline_time_in_ms = epoch_deadline_time_in_ms

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the invocation times out, never less than 0."""
        left = self._epoch_deadline_time_in_ms - int(time.time() * 1000)
        return left if left > 0 else 0

    def w3c(self) -> "dict[str, str]":
        """Return the W3C trace context that came with the invocation (`traceparent`, `tracestate`, `baggage`)."""
        return dict(self._w3c_fields or ())

    def log(self, msg: object) -> None:
        """Write a message to the log as it is, without a newline added."""
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
        listed = ",".join(f"{name}={getattr(self, name)}" for name in names)
        return f"{type(self).__name__}([{listed}])"


def _allowed(fields: object) -> "dict[str, str]":
    if type(fields) is not dict:
        return {}
    return {name: fields[name] for name in _W3C_FIELDS if isinstance(fields.get(name), str)}
