"""The errors of the Lambda service, in the form in which SDKs recognise them.

An SDK finds its exception class by the header `x-amzn-ErrorType`. Names, statuses and fields are those of the service
model in botocore; the texts are AWS's, where they are known.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...common.json_text import compact
from ..errors import FunctionUnavailable, LocalLambdaClosed, TooManyRequests, UnknownFunction, UnknownQualifier

_THROTTLES = {
    "function": "ReservedFunctionConcurrentInvocationLimitExceeded",
    "account": "ConcurrentInvocationLimitExceeded",
}
RETRY_AFTER_S = 1  # AWS documents the header, not its value


class ServiceError(Exception):
    """A request that the service refuses, or fails to serve."""

    def __init__(
        self,
        status: int,
        name: str,
        message: str,
        *,
        message_field: str = "message",
        reason: str | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.name = name
        """The shape's name, e.g. `ResourceNotFoundException`."""
        self._message_field = message_field
        self._reason = reason
        self._headers = headers

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers of the error."""
        return [("Content-Type", "application/json"), ("x-amzn-ErrorType", self.name), *self._headers]

    @property
    def body(self) -> bytes:
        """The error as JSON."""
        fields = {"Type": "User" if self.status < 500 else "Service", self._message_field: str(self)}
        if self._reason is not None:
            fields["Reason"] = self._reason
        return compact(fields, ascii_only=True).encode()


def access_denied(message: str) -> ServiceError:
    """Return the error for a caller that may not invoke."""
    return ServiceError(403, "AccessDeniedException", message)


def not_found(message: str) -> ServiceError:
    """Return the error for an unknown function, version or alias."""
    return ServiceError(404, "ResourceNotFoundException", message, message_field="Message")


def unknown_operation(method: str, path: str) -> ServiceError:
    """Return the error for an unknown path or method."""
    return ServiceError(
        404, "UnknownOperationException", f"There is no {method} {path} here; functions are invoked by POST"
    )


def invalid_content(message: str) -> ServiceError:
    """Return the error for a body, or a header with data, that cannot be read."""
    return ServiceError(400, "InvalidRequestContentException", message)


def invalid_parameter(message: str) -> ServiceError:
    """Return the error for parameters that do not fit together."""
    return ServiceError(400, "InvalidParameterValueException", message)


def violated(parameter: str, value: str, constraint: str) -> ServiceError:
    """Return the error for a parameter outside of its pattern, length or set of values; SDKs have no class for it."""
    text = f"1 validation error detected: Value '{value}' at '{parameter}' failed to satisfy constraint: {constraint}"
    return ServiceError(400, "ValidationException", text)


def unsupported_media_type(content_type: str) -> ServiceError:
    """Return the error for a body whose declared type is not JSON."""
    return ServiceError(415, "UnsupportedMediaTypeException", f"Unsupported content type: {content_type}")


def too_large(size: int, invocation_type: str, limit: int) -> ServiceError:
    """Return the error for an event that exceeds the limit; `size` is the received or declared size."""
    if invocation_type == "Event":
        text = f"{size} byte payload is too large for the Event invocation type (limit {limit} bytes)"
    else:
        text = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
    return ServiceError(413, "RequestTooLargeException", text)


def service_error(error: BaseException) -> ServiceError:
    """Return the caller's error for an invocation that could not be run."""
    if isinstance(error, ServiceError):
        return error
    if isinstance(error, TooManyRequests):
        return ServiceError(
            429,
            "TooManyRequestsException",
            "Rate Exceeded.",
            reason=_THROTTLES[error.limited_by],
            headers=[("Retry-After", str(RETRY_AFTER_S))],
        )
    if isinstance(error, FunctionUnavailable):
        return ServiceError(502, "InvalidRuntimeException", str(error), message_field="Message")
    if isinstance(error, (UnknownFunction, UnknownQualifier)):
        return not_found(str(error))
    status = 503 if isinstance(error, LocalLambdaClosed) else 500
    return ServiceError(status, "ServiceException", str(error) or type(error).__name__, message_field="Message")
