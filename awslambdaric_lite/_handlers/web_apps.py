"""Web applications as handlers: owns finding out the kind of application, and calling it with events."""

from .._handler import WSGI_FRAMEWORKS, code_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .._optional_settings import Options
    from .._types import Handler
    from .adapter import ClientAdapter
    from .http_request import HttpRequest

_COROUTINE = 0x80  # inspect.CO_COROUTINE
_ARGUMENTS = 3  # scope, receive, send


def kind_of(handler: object, chosen: str) -> "str | None":
    """Return `asgi` or `wsgi` for an application; plain functions count as one only if the user chose so."""
    if chosen != "auto":
        return None if chosen == "handler" else chosen
    if hasattr(handler, "__code__"):
        return None
    if any(base.__module__.partition(".")[0] in WSGI_FRAMEWORKS for base in type(handler).__mro__):
        code = getattr(getattr(type(handler), "__call__", None), "__code__", None)  # noqa: B004
        return "asgi" if code is not None and code.co_flags & _COROUTINE else "wsgi"
    if code_flags(handler) & _COROUTINE:
        call = type(handler).__call__
        code = getattr(call, "__code__", None)
        if code is not None and code.co_argcount == _ARGUMENTS + 1 and not call.__defaults__:  # and self
            return "asgi"
    return None


def adapt(handler: "Any", kind: str, adapter: "ClientAdapter", options: "Options") -> "Handler":
    """Start an application and return the function that calls it with an event."""
    read = _reader(options)
    stream = options["APP_STREAM"] == "1"
    if kind == "wsgi":
        from . import wsgi

        def answer(event: object, context: object) -> object:
            return wsgi.handle(handler, event, context, stream=stream, read=read)

    else:
        from . import asgi

        application = asgi.AsgiHandler(handler, adapter.loop, adapter.log, read)
        shut_down = application.start()
        if shut_down is not None:
            from .._lifecycle.shutdown import on_shutdown

            on_shutdown(shut_down)

        def answer(event: object, context: object) -> object:
            return application.handle(event, context, stream=stream)

    return answer


def _reader(options: "Options") -> "Callable[[object], HttpRequest]":
    """Return the function that makes a request of an event."""
    from .http_request import HttpRequest, is_http

    base_path, events_path = options.path("APP_BASE_PATH"), options.path("APP_EVENTS_PATH")
    if events_path is None:
        return lambda event: HttpRequest(event, base_path)
    from .event_request import EventRequest

    def read(event: object) -> "HttpRequest":
        return HttpRequest(event, base_path) if is_http(event) else EventRequest(event, events_path)

    return read
