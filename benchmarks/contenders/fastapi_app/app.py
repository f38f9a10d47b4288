"""An ASGI application: ours is handed the object, the official client needs Mangum around it."""

from typing import Any

from fastapi import FastAPI

application = FastAPI()


@application.get("/items/{number}")
async def item(number: int, page: str = "") -> dict[str, Any]:
    """Answer an item."""
    return {"id": number, "page": page}


def __getattr__(name: str) -> Any:
    # Imported where it is asked for only: the application as such does not need it.
    if name != "wrapped":
        raise AttributeError(name)
    from mangum import Mangum

    return Mangum(application)
