"""Hints about applications: owns the log line for a call that fails because the handler is, or is not, an application.

Loaded at the first TypeError or KeyError of an invocation that such a call could have raised.
"""

from .._report import notice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._types import ErrorReport, LogSink

# Keys that only a WSGI environment has, and keys of events.
_ENVIRON = ("PATH_INFO", "QUERY_STRING", "REQUEST_METHOD", "SCRIPT_NAME")
_EVENT = ("Records", "httpMethod", "rawPath", "requestContext")
_NAMES = {"asgi": "an ASGI application", "wsgi": "a WSGI application"}
_given: "set[str]" = set()


def log_hint(report: "ErrorReport", application: "str | None", sink: "LogSink", request_id: str) -> None:
    """Log a line about an error that a wrong call has caused, once for each text.

    `application` is the kind of application that the handler was called as, None for a handler.
    """
    message = report["errorMessage"]
    refused = not report["stackTrace"] and "positional argument" in message  # the call itself failed
    if not refused and not _shows_wrong_call(report["errorType"], message, application):
        return
    if application is None:
        text = (
            "The handler was called with an event and a context. If it is a web application, set "
            "AWSLAMBDARIC_LITE_APP=asgi or wsgi; if it is a function that creates one, set "
            "AWSLAMBDARIC_LITE_APP=factory."
        )
    else:
        other = "wsgi" if application == "asgi" else "asgi"
        text = (
            f"The handler was called as {_NAMES[application]}. If it is not one, set AWSLAMBDARIC_LITE_APP={other}, "
            "factory for a function that creates an application, or handler for a function of an event and a context."
        )
    if text not in _given:
        _given.add(text)
        notice(sink, request_id, text)


def _shows_wrong_call(error_type: str, message: str, application: "str | None") -> bool:
    """Return whether a function of the other kind got the arguments, e.g. a context instead of `start_response`."""
    if error_type == "TypeError":
        return application is None and "'LambdaContext' object is not callable" in message
    key = message.strip("'")
    if application is None:
        return key in _ENVIRON or key.startswith("wsgi.")
    return key in _EVENT
