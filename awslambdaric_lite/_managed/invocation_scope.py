"""The scope of an invocation in a process that serves several: owns the context variables of its ids."""

import os
from contextvars import ContextVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_TRACE_ID = "_X_AMZN_TRACE_ID"

_request_id: "ContextVar[str | None]" = ContextVar("request_id", default=None)
_tenant_id: "ContextVar[str | None]" = ContextVar("tenant_id", default=None)
_trace_id: "ContextVar[str | None]" = ContextVar("trace_id", default=None)


class _Bound:
    """A descriptor that reads and writes a context variable."""

    def __init__(self, variable: "ContextVar[str | None]") -> None:
        self._variable = variable

    def __get__(self, instance: object, owner: object = None) -> "str | None":
        return self._variable.get()

    def __set__(self, instance: object, value: "str | None") -> None:
        self._variable.set(value)


class Scope:
    """The current invocation of a thread or task, and of the tasks that it started."""

    trace_id = _Bound(_trace_id)

    def __call__(self) -> "tuple[str | None, str | None]":
        """Return request id and tenant id; log records contain them."""
        return _request_id.get(), _tenant_id.get()

    def __setitem__(self, index: int, value: "str | None") -> None:
        """Set the request id (0) or the tenant id (1); the loop does so at each invocation."""
        (_request_id, _tenant_id)[index].set(value)


class _Environ(type(os.environ)):  # type: ignore[misc]
    """An `os.environ` in which one variable has a different value in each invocation."""

    def __getitem__(self, key: str) -> str:
        if key != _TRACE_ID:
            return str(super().__getitem__(key))
        value = _trace_id.get()
        if value is None:
            raise KeyError(key)
        return value

    def __setitem__(self, key: str, value: str) -> None:
        if key != _TRACE_ID:
            super().__setitem__(key, value)
        else:
            _trace_id.set(value)

    def __delitem__(self, key: str) -> None:
        if key != _TRACE_ID:
            super().__delitem__(key)
        elif self[key]:
            _trace_id.set(None)

    def __iter__(self) -> "Iterator[str]":
        yield from super().__iter__()
        if _trace_id.get() is not None:
            yield _TRACE_ID

    def __len__(self) -> int:
        return int(super().__len__()) + (_trace_id.get() is not None)


def bind_environment() -> None:
    """Make `os.environ["_X_AMZN_TRACE_ID"]` return the current invocation's value to botocore and X-Ray's SDK.

    A process that user code starts has the value if user code passes it a copy of `os.environ`.
    """
    os.environ.pop(_TRACE_ID, None)
    os.environ.__class__ = _Environ
