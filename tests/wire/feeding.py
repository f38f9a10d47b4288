"""Feeds bytes to a response reader, in the two ways that it offers."""

from __future__ import annotations

from collections.abc import Iterable

from awslambdaric_lite._http import ResponseReader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awslambdaric_lite._http import Response


def feed(reader: ResponseReader, pieces: Iterable[bytes], *, in_place: bool) -> list[Response]:
    """Feed pieces to a reader; return the responses. `in_place` uses `room()` if the reader offers it."""
    responses: list[Response] = []
    for piece in pieces:
        while piece:
            room = reader.room() if in_place else None
            if room is None:
                part, piece = piece[: reader.wanted], piece[reader.wanted :]
                response = reader.feed(part)
            else:
                count = min(len(room), len(piece))
                assert count, "the room is empty: the reader waits although the body is complete"
                room[:count] = piece[:count]
                piece = piece[count:]
                response = reader.filled(count)
            while response is not None:
                responses.append(response)
                response = reader.read()
    return responses
