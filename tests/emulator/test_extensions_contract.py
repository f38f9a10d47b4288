"""The Extensions API of AWS's emulator and of this one: the same requests get the same responses."""

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


def test_transcript_equals_that_of_aws(write_handler: WriteHandler) -> None:
    """Statuses, content types and bodies equal those of AWS's emulator, except for the handler's name."""
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
