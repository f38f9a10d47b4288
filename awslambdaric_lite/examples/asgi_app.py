"""An ASGI application as the handler; an application of FastAPI, Starlette or Django works the same way.

Try it with an event from `awslambdaric-lite event function-url GET /hello`:
`awslambdaric-lite invoke awslambdaric_lite.examples.asgi_app.app --event -`
"""

from __future__ import annotations

from typing import Any


class Application:
    """The protocol without a framework: one request, one response."""

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Respond with the path of the request."""
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])  # no lifespan
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": f"You asked for {scope['path']}\n".encode()})


app = Application()
