"""The Extensions API as AWS's own emulator serves it, and as ours does: the same calls, the same answers."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import extension_transcript
from tests.support.real_emulator import RealEmulator, Unavailable

from .extension_harness import local_lambda

WriteHandler = Callable[[str], Path]

COMMAND = [sys.executable, "-S", extension_transcript.__file__]


def test_the_same_transcript(write_handler: WriteHandler) -> None:
    """Statuses, content types and bodies of every call, byte for byte, but for the name of the handler."""
    try:
        real = RealEmulator(COMMAND, {"PATH": os.environ["PATH"]}, Path("/"))
    except Unavailable as reason:
        pytest.skip(str(reason))
    with real:
        expected = real.invoke().json()
    with local_lambda(write_handler(""), COMMAND, function_name="test_function") as function:
        actual = function.invoke().json()
    assert isinstance(expected, list) and len(expected) > 30
    assert [[*entry[:3], entry[3].replace('"app.handler"', '""')] for entry in actual] == expected
