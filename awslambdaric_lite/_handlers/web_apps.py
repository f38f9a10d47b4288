"""Web applications as handlers: owns calling an application with events."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._types import Handler
    from .adapter import ClientAdapter


def adapt(handler: "Any", kind: str, adapter: "ClientAdapter", *, stream: bool) -> "Handler":
    """Start an application and return the function that calls it with an event."""
    if kind == "wsgi":
        from . import wsgi

        def answer(event: object, context: object) -> object:
            return wsgi.handle(handler, event, context, adapter.log, stream=stream)

    else:
        from . import asgi

        application = asgi.AsgiHandler(handler, adapter.loop, adapter.log)
        shut_down = application.start()
        if shut_down is not None:
            from .._lifecycle.shutdown import on_shutdown

            on_shutdown(shut_down)

        def answer(event: object, context: object) -> object:
            return application.handle(event, context, stream=stream)

    return answer
