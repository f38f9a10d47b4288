"""Tests of `_handler` and `_runtime`: which handlers and results need the adapter, whatever a look at them raises."""

from __future__ import annotations

import asyncio
import functools
import inspect
import io
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from awslambdaric_lite import _handler, _runtime
from awslambdaric_lite._handler import code_flags, needs_adapter


def plain(event: object, context: object) -> object:
    """Return the event."""
    return event


async def coroutine(event: object, context: object) -> object:
    """Return the event later."""
    await asyncio.sleep(0)
    return event


def generator(event: object, context: object) -> Iterator[object]:
    """Yield the event."""
    yield event


async def asynchronous_generator(event: object, context: object) -> AsyncIterator[object]:
    """Yield the event later."""
    yield event


class Methods:
    """Handlers that are methods."""

    def plain(self, event: object, context: object) -> object:
        """Return the event."""
        return event

    async def coroutine(self, event: object, context: object) -> object:
        """Return the event later."""
        return event


class Plain:
    """A callable object."""

    def __call__(self, event: object, context: object) -> object:
        return event


class Coroutine:
    """A callable object that returns a coroutine."""

    async def __call__(self, event: object, context: object) -> object:
        return event


class Unready:
    """A proxy whose object does not exist yet, so that each look at it fails."""

    @property
    def __code__(self) -> Any:
        raise RuntimeError("no object yet")

    def __call__(self, event: object, context: object) -> object:
        return event


class Flagged:
    """A callable object whose code has flags that are not a number."""

    def __init__(self, flags: object) -> None:
        self.__code__ = self
        self.co_flags = flags

    def __call__(self, event: object, context: object) -> object:
        return event


class Flag(int):
    """A number that is not exactly an `int`."""


KINDS: list[tuple[object, bool, int]] = [  # handler, needs the adapter, flags
    (plain, False, 0),
    (coroutine, True, inspect.CO_COROUTINE),
    (generator, True, inspect.CO_GENERATOR),
    (asynchronous_generator, True, inspect.CO_ASYNC_GENERATOR),
    (Methods().plain, False, 0),
    (Methods().coroutine, True, inspect.CO_COROUTINE),
    (Plain(), False, 0),
    (Coroutine(), True, inspect.CO_COROUTINE),
    (Coroutine, False, 0),
    (functools.partial(plain, context=1), False, 0),
    (functools.partial(coroutine, context=1), True, inspect.CO_COROUTINE),
    (functools.partial(functools.partial(Methods().coroutine), context=1), True, inspect.CO_COROUTINE),
    (functools.partial(Coroutine(), context=1), True, inspect.CO_COROUTINE),
    (len, False, 0),
    (42, False, 0),
    (None, False, 0),
    (Unready(), False, 0),
    (Flagged(None), False, 0),
    (Flagged(Flag(inspect.CO_COROUTINE)), False, 0),
    (Flagged(inspect.CO_COROUTINE), True, inspect.CO_COROUTINE),
]
IDS = [getattr(handler, "__qualname__", type(handler).__name__) for handler, _, _ in KINDS]
SPECIAL = inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR


@pytest.mark.parametrize(("handler", "adapted", "flags"), KINDS, ids=IDS)
def test_coroutines_and_generators_need_the_adapter(handler: object, adapted: bool, flags: int) -> None:
    """Coroutine and generator functions need the adapter, also as methods, partials and callable objects."""
    assert code_flags(handler) & SPECIAL == flags
    assert needs_adapter(handler) == adapted


class Streaming:
    """A response as Starlette's."""

    body_iterator: object = None


class Awaitable:
    """An awaitable object."""

    def __await__(self) -> Iterator[None]:
        yield


class Unreadable(type):
    """A metaclass whose classes have no readable attributes."""

    def __getattribute__(cls, name: str) -> Any:
        raise RuntimeError(name)


class Hidden(metaclass=Unreadable):
    """An object whose class has no readable attributes."""


class Instance:
    """An object with the attribute of a stream, which its class lacks."""

    def __init__(self) -> None:
        self.read = len


@pytest.mark.parametrize("response", [iter(()), asynchronous_generator(0, 0), Awaitable(), io.BytesIO(), Streaming()])
def test_streams_and_awaitables_need_the_adapter(response: object) -> None:
    """An iterator, an asynchronous iterator, an awaitable, a file and a response with an iterator need the adapter."""
    assert _runtime._is_stream_or_awaitable(response)


@pytest.mark.parametrize("response", [object(), {1}, 1j, [1], "text", plain, Hidden(), Instance(), Streaming])
def test_other_results_need_no_adapter(response: object) -> None:
    """Any other result that has no JSON form needs no adapter; the attributes of its class decide."""
    assert not _runtime._is_stream_or_awaitable(response)


def test_partial_is_known_without_its_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler needs no imported `functools`: without it, no handler is a partial."""
    monkeypatch.delitem(sys.modules, "functools")
    assert needs_adapter(coroutine)
    assert not needs_adapter(plain)


@pytest.mark.parametrize("name", ["asgi", "awslambdaric", "awslambdarid", "zlib_like"])
def test_only_the_official_name_loads_its_finder(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The finder of official names is loaded for that package only, whatever names have actions."""
    found: list[str] = []

    class Finder:
        """A replacement for the finder of official names."""

        @staticmethod
        def complete(_: object) -> Any:
            """Return a finder that records the names."""
            return found.append

    monkeypatch.setitem(sys.modules, "awslambdaric_lite._official.finder", Finder)
    monkeypatch.setattr(_handler, "_awaited", {name: []})
    monkeypatch.setattr(_handler, "find_spec", _handler.find_spec)
    assert _handler.find_spec(name) is None
    assert found == ([name] if name == "awslambdaric" else [])
