"""Web applications as handlers: owns calling an application with events."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .._optional_settings import Options
    from .._types import Handler
    from .adapter import ClientAdapter
    from .http_request import HttpRequest


def adapt(handler: "Any", kind: str, adapter: "ClientAdapter", options: "Options") -> "Handler":
    """Start an application and return the function that calls it with an event."""
    read = _reader(options)
    stream = options["APP_STREAM"] == "1"
    if kind == "wsgi":
        from . import wsgi

        def answer(event: object, context: object) -> object:
            return wsgi.handle(handler, event, context, adapter.log, stream=stream, read=read)

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
