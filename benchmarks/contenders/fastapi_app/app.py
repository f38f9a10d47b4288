"""An ASGI application, which this runtime serves itself; the official client needs Mangum around it."""

from typing import Any

from fastapi import FastAPI

application = FastAPI()


@application.get("/items/{number}")
async def item(number: int, page: str = "") -> dict[str, Any]:
    """Answer an item."""
    return {"id": number, "page": page}


def __getattr__(name: str) -> Any:
    # Imported for the official client only.
    if name != "wrapped":
        raise AttributeError(name)
    from mangum import Mangum

    return Mangum(application)
