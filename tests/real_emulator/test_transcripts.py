"""Our Runtime API gives the same replies as AWS's own emulator to the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.real_emulator import Unavailable, binary, check_private_mounts

from .play import END, Note, Play, Transcript
from .stages import OurClassicStage, OurManagedStage, RealStage, Stage
from .transcripts_http import HTTP
from .transcripts_replies import REPLIES
from .transcripts_states import CLASSIC, MANAGED


class Difference(NamedTuple):
    """An intended difference of one note of a transcript."""

    server: str  # classic, managed, or both
    transcript: str
    note: int  # counted from 0
    real: Note
    ours: Note
    reason: str


_NO_REPLY = "its handler does not answer if it cannot read the body; ours answers as the service does"
_TRUNCATED = Note(
    400,
    "application/json",
    b'{"errorMessage":"HTTP request detected as truncated","errorType":"TruncatedHTTPRequest"}\n',
)
_TOO_LARGE = Note(
    "caller",
    "",
    b'{"errorType":"Function.ResponseSizeTooLarge","errorMessage":'
    b'"Response payload size (6291557 bytes) exceeded maximum allowed payload size (6291556 bytes)."}',
)
DIFFERENCES = [
    Difference("classic", "truncated_response", 1, END, _TRUNCATED, _NO_REPLY),
    Difference("classic", "broken_chunks", 1, END, _TRUNCATED, _NO_REPLY),
    Difference(
        "both",
        "empty_error",
        2,
        Note("caller", "", b""),
        Note("caller", "", b'{"errorType":"Function.Odd"}'),
        "the service writes a body for an error without one, as the API's description says",
    ),
    Difference(
        "classic",
        "too_large_response",
        2,
        _TOO_LARGE._replace(body=_TOO_LARGE.body.replace(b" (6291557 bytes)", b"")),
        _TOO_LARGE,
        "ours names the size, as the service does",
    ),
    Difference(
        "managed",
        "too_large_response",
        2,
        Note("caller", "", b'{"errorType":"Function.ResponseSizeTooLarge"}'),
        _TOO_LARGE,
        "the same error for the same failure",
    ),
]
"""All intended differences; any other difference, and an entry without a difference, fails a test."""


def notes(stage: Stage, transcript: Transcript) -> list[Note]:
    """Play a transcript on a stage."""
    try:
        with Play(stage) as play:
            transcript(play)
        return play.notes
    finally:
        stage.close()


def compare(real: list[Note], ours: list[Note], kind: str, transcript: Transcript) -> None:
    """Assert that the notes are equal, except for the intended differences."""
    differing = {
        number: (left, right) for number, (left, right) in enumerate(zip(real, ours, strict=True)) if left != right
    }
    intended = {
        difference.note: (difference.real, difference.ours)
        for difference in DIFFERENCES
        if difference.server in ("both", kind) and difference.transcript == transcript.__name__
    }
    assert differing == intended


@pytest.fixture(scope="module", autouse=True)
def _emulator() -> None:
    try:
        binary()
    except Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def _private_mounts() -> None:
    try:
        check_private_mounts()
    except Unavailable as reason:
        pytest.skip(str(reason))


def _name(transcript: Transcript) -> str:
    return transcript.__name__


@pytest.mark.parametrize("transcript", [*HTTP, *REPLIES, *CLASSIC], ids=_name)
def test_our_runtime_api_equals_real_one(transcript: Transcript, tmp_path: Path) -> None:
    """The Runtime API of ordinary functions gives the replies of AWS's emulator to each transcript."""
    real = notes(RealStage(tmp_path, managed=False), transcript)
    compare(real, notes(OurClassicStage(), transcript), "classic", transcript)


@pytest.mark.usefixtures("_private_mounts")
@pytest.mark.parametrize("transcript", [*HTTP, *REPLIES, *MANAGED], ids=_name)
def test_our_managed_api_equals_real_one(transcript: Transcript, tmp_path: Path) -> None:
    """The Runtime API of Managed Instances gives the replies of AWS's emulator to each transcript."""
    real = notes(RealStage(tmp_path, managed=True), transcript)
    compare(real, notes(OurManagedStage(), transcript), "managed", transcript)
