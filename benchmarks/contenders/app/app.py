"""The function that every Python contender runs; the compiled ones do the same in their language."""


def hello(event: object, context: object) -> object:
    """Answer something small."""
    return {"message": "hello"}


def echo(event: object, context: object) -> object:
    """Answer the event."""
    return event


def fail(event: object, context: object) -> object:
    """Raise an exception."""
    raise ValueError("this invocation fails")
