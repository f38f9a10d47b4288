"""The Runtime API as AWS's own emulator serves it, and as ours does: the same bytes in, the same answers out."""

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
    """One note of a transcript that is meant to differ."""

    server: str  # classic, managed, or both
    transcript: str
    note: int  # counted from 0
    real: Note
    ours: Note
    reason: str


_NO_REPLY = "its handler gives up on a body that it cannot read; the service answers, and ours as the service"
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
        "the service words an error that has no body, by the API's published description",
    ),
    Difference(
        "classic",
        "too_large_response",
        2,
        _TOO_LARGE._replace(body=_TOO_LARGE.body.replace(b" (6291557 bytes)", b"")),
        _TOO_LARGE,
        "the service names the size, which helps",
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
"""Everything that differs on purpose; whatever else does is a mistake, and so is what is listed here and does not."""


def notes(stage: Stage, transcript: Transcript) -> list[Note]:
    """Play a transcript on a stage."""
    try:
        with Play(stage) as play:
            transcript(play)
        return play.notes
    finally:
        stage.close()


def compare(real: list[Note], ours: list[Note], kind: str, transcript: Transcript) -> None:
    """Both are the same, but for the intended differences."""
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
def test_one_at_a_time(transcript: Transcript, tmp_path: Path) -> None:
    """The server of ordinary functions."""
    real = notes(RealStage(tmp_path, managed=False), transcript)
    compare(real, notes(OurClassicStage(), transcript), "classic", transcript)


@pytest.mark.usefixtures("_private_mounts")
@pytest.mark.parametrize("transcript", [*HTTP, *REPLIES, *MANAGED], ids=_name)
def test_managed_instances(transcript: Transcript, tmp_path: Path) -> None:
    """The server of Managed Instances."""
    real = notes(RealStage(tmp_path, managed=True), transcript)
    compare(real, notes(OurManagedStage(), transcript), "managed", transcript)
