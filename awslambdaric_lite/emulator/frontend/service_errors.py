"""The errors that the Lambda service itself answers with, in the form in which SDKs recognise them.

An SDK finds its exception class by the header `x-amzn-ErrorType`. Names, statuses and fields are those of the service
model that ships with botocore; the wording follows what AWS answers, where that is known.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..errors import LocalLambdaClosed, TooManyRequests

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
        """The shape's name, such as `ResourceNotFoundException`."""
        self._message_field = message_field
        self._reason = reason
        self._headers = headers

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers that belong to the error."""
        return [("Content-Type", "application/json"), ("x-amzn-ErrorType", self.name), *self._headers]

    @property
    def body(self) -> bytes:
        """The error as JSON."""
        fields = {"Type": "User" if self.status < 500 else "Service", self._message_field: str(self)}
        if self._reason is not None:
            fields["Reason"] = self._reason
        return json.dumps(fields, separators=(",", ":")).encode()


def not_found(message: str) -> ServiceError:
    """There is no such function, version or alias."""
    return ServiceError(404, "ResourceNotFoundException", message, message_field="Message")


def unknown_operation(method: str, path: str) -> ServiceError:
    """The path is none of the API's, or not with this method."""
    return ServiceError(
        404, "UnknownOperationException", f"There is no {method} {path} here; functions are invoked by POST"
    )


def invalid_content(message: str) -> ServiceError:
    """The body, or a header that carries data, cannot be read."""
    return ServiceError(400, "InvalidRequestContentException", message)


def invalid_parameter(message: str) -> ServiceError:
    """Parameters do not fit together."""
    return ServiceError(400, "InvalidParameterValueException", message)


def violated(parameter: str, value: str, constraint: str) -> ServiceError:
    """A parameter is outside of its pattern, its length or its set of values. SDKs have no class of its own for it."""
    text = f"1 validation error detected: Value '{value}' at '{parameter}' failed to satisfy constraint: {constraint}"
    return ServiceError(400, "ValidationException", text)


def unsupported_media_type(content_type: str) -> ServiceError:
    """The body is declared to be something else than JSON."""
    return ServiceError(415, "UnsupportedMediaTypeException", f"Unsupported content type: {content_type}")


def too_large(size: int, invocation_type: str, limit: int) -> ServiceError:
    """The event exceeds the limit of the invocation type; `size` is what is known of it."""
    if invocation_type == "Event":
        text = f"{size} byte payload is too large for the Event invocation type (limit {limit} bytes)"
    else:
        text = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
    return ServiceError(413, "RequestTooLargeException", text)


def service_error(error: BaseException) -> ServiceError:
    """What the caller gets to see of an invocation that could not be run."""
    if isinstance(error, ServiceError):
        return error
    if isinstance(error, TooManyRequests):
        return ServiceError(
            429,
            "TooManyRequestsException",
            "Rate Exceeded.",
            reason="ReservedFunctionConcurrentInvocationLimitExceeded",
            headers=[("Retry-After", str(RETRY_AFTER_S))],
        )
    status = 503 if isinstance(error, LocalLambdaClosed) else 500
    return ServiceError(status, "ServiceException", str(error) or type(error).__name__, message_field="Message")
