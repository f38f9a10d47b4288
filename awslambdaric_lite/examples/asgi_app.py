"""An ASGI application as the handler; any framework's object would do (FastAPI, Starlette, Django).

Try it with an event from `awslambdaric-lite event function-url GET /hello`:
`awslambdaric-lite invoke awslambdaric_lite.examples.asgi_app.app --event -`
"""

from __future__ import annotations

from typing import Any


class Application:
    """The protocol without a framework: one request, one response."""

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer with the path that was asked for."""
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])  # no lifespan
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": f"You asked for {scope['path']}\n".encode()})


app = Application()
