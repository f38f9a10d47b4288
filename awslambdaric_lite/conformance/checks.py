"""Checks of cases: each function returns one, which raises `Unmet` if the runtime behaved otherwise."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any

from ..emulator.logs.frames import FrameReader
from ..protocol.replies import ATTEMPT_ID, ERROR_TYPE
from .messages import Request
from .record import NotRun, Record, Unmet, error_of, is_type, request_id, shown

Check = Callable[[Record], None]

ERROR = "ConformanceError"
CAUSE = "Lambda-Runtime-Function-XRay-Error-Cause"
ERROR_BODY = "Lambda-Runtime-Function-Error-Body"
MODE = "Lambda-Runtime-Function-Response-Mode"
_WITH_HEAD = "application/vnd.awslambda.http-integration-response"  # a JSON object and 8 NUL bytes are in front
_HEAD_LIMIT = 1 << 20  # bytes of header fields that Go's server accepts


def responds(*values: object) -> Check:
    """Check that each event gets one response, with this JSON value."""

    def check(record: Record) -> None:
        for number, value in enumerate(values):
            responds_to(number, value)(record)

    return check


def responds_to(number: int, value: object) -> Check:
    """Check that an event gets one response, with this JSON value."""

    def check(record: Record) -> None:
        post = record.accepted(number)
        if post.verb != "response":
            raise Unmet(f"event {number + 1} got the error {shown(post.body)}")
        if _json(post.body) != value:
            raise Unmet(f"event {number + 1} got the response {shown(post.body)}, not {str(value)[:200]}")

    return check


def refused_with(status: int) -> Check:
    """Check that the first response gets this status."""

    def check(record: Record) -> None:
        given = _some(record, "response")[0].status
        if given != status:
            raise Unmet(f"the first response gets {given}, not {status}")

    return check


def accepted(count: int) -> Check:
    """Check that this number of events get a response that the API accepts."""

    def check(record: Record) -> None:
        given = sum(post.status == 202 for post in record.of("response"))
        if given != count:
            raise Unmet(f"{given} events got a response, not {count}{record.ending()}")

    return check


def traces(*values: str | None) -> Check:
    """Check that the response to each event is this trace id; None is null or an empty text."""

    def check(record: Record) -> None:
        for number, value in enumerate(values):
            given = _json(record.accepted(number).body) or None
            if given != value:
                raise Unmet(f"the handler sees the trace id {given!r} for event {number + 1}, not {value!r}")

    return check


def members(number: int, **expected: object) -> Check:
    """Check that the response to an event is an object with these members; an empty value is as good as null."""

    def check(record: Record) -> None:
        post = record.accepted(number)
        document = _json(post.body)
        if post.verb != "response" or not isinstance(document, dict):
            raise Unmet(f"event {number + 1} got {shown(post.body)}")
        for name, value in expected.items():
            if (document.get(name) or None) != value:
                raise Unmet(f"the handler sees {name} as {document.get(name)!r}, not {value!r}")

    return check


def remaining_ms(low: int, high: int) -> Check:
    """Check that the handler of the first event sees a remaining time within these limits."""

    def check(record: Record) -> None:
        document = _json(record.accepted(0).body)
        given = document.get("remainingMs") if isinstance(document, dict) else None
        if not isinstance(given, (int, float)) or not low <= given <= high:
            raise Unmet(f"the handler sees {given!r} as its remaining time, not {low} to {high} ms")

    return check


def fails(number: int, message: str) -> Check:
    """Check that an event gets the handler's error."""

    def check(record: Record) -> None:
        post = record.accepted(number)
        if post.verb != "error":
            raise Unmet(f"event {number + 1} got the response {shown(post.body)}, not an error")
        _check_error(post.body, message)

    return check


def posts(*expected: str) -> Check:
    """Check that the responses and errors are exactly these, each as `VERB NUMBER`."""

    def check(record: Record) -> None:
        given = [_name(post) for post in record.posts]
        if given != list(expected):
            raise Unmet(f"the client posts {_listed(given)}, not {_listed(expected)}{record.ending()}")

    return check


def values(*expected: object) -> Check:
    """Check that the JSON values of the responses, accepted or not, are these."""

    def check(record: Record) -> None:
        given = [_json(post.body) for post in record.of("response")]
        if given != list(expected):
            raise Unmet(f"the responses are {str(given)[:200]}, not {str(list(expected))[:200]}{record.ending()}")

    return check


def polls(least: int, most: int) -> Check:
    """Check that the number of polls is within these limits."""

    def check(record: Record) -> None:
        count = len(record.of("next"))
        if not least <= count <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            raise Unmet(f"the client polls {count} times, not {wanted}{record.ending()}")

    return check


def connections(most: int) -> Check:
    """Check that no more connections than this carry the requests."""

    def check(record: Record) -> None:
        count = len({request.connection for request in record.requests})
        if count > most:
            raise Unmet(f"the client uses {count} connections for {len(record.requests)} requests")

    return check


def exits(*codes: int) -> Check:
    """Check that the process exits with one of these codes; without codes with any but 0."""

    def check(record: Record) -> None:
        code = record.exit_code
        if code is None:
            raise Unmet("the process does not exit")
        if code not in codes if codes else code == 0:
            wanted = " or ".join(map(str, codes)) or "another one than 0"
            raise Unmet(f"the exit code is {code}, not {wanted}")

    return check


def sends(verb: str, name: str, value: str | None) -> Check:
    """Check that each request of a verb has a header field with this value; None means no such field."""

    def check(record: Record) -> None:
        for request in _some(record, verb):
            if request.header(name) != value:
                raise Unmet(f"the {verb} request has {name}: {request.header(name)!r}, not {value!r}")

    return check


def declares_error_type(verb: str) -> Check:
    """Check that requests of a verb have the type of the error in a header field, and an error document."""

    def check(record: Record) -> None:
        for request in _some(record, verb):
            error_of(request.body)
            if not request.header(ERROR_TYPE):
                raise Unmet(f"the {verb} request has no {ERROR_TYPE}")

    return check


def echoes_attempts(*values: str | None) -> Check:
    """Check that the reply to each event has this invocation id."""

    def check(record: Record) -> None:
        for number, value in enumerate(values):
            given = record.accepted(number).header(ATTEMPT_ID)
            if given != value:
                raise Unmet(f"the reply to event {number + 1} has {ATTEMPT_ID}: {given!r}, not {value!r}")

    return check


def cause_fits(limit: int) -> Check:
    """Check that the X-Ray cause of each error is one ASCII line of JSON with at most this number of characters."""

    def check(record: Record) -> None:
        for request in _with_cause(record):
            cause = request.header(CAUSE) or ""
            if not cause.isascii() or not cause.isprintable():
                raise Unmet("the X-Ray cause has other characters than printable ASCII")
            if len(cause) > limit:
                raise Unmet(f"the X-Ray cause has {len(cause)} characters, not {limit} at most")
            if not isinstance(_json(cause.encode()), dict):
                raise Unmet(f"the X-Ray cause is not a JSON object: {cause[:100]}")

    return check


def heads_fit(record: Record) -> None:
    """Check that no head has more bytes than the server accepts."""
    largest = max(sum(len(name) + len(value) + 4 for name, value in each.headers) for each in record.requests)
    if largest >= _HEAD_LIMIT:
        raise Unmet(f"the header fields of a request have {largest} bytes, which the server refuses with 431")


def posts_again_without_cause(record: Record) -> None:
    """Check that an error that was refused with its cause is posted again without it."""
    _with_cause(record)
    if not any(post.header(CAUSE) is None for post in record.of("error")):
        raise Unmet(f"the client does not post the error again without its X-Ray cause{record.ending()}")


def in_order(*verbs: str) -> Check:
    """Check that the first requests of these verbs arrive in this order."""

    def check(record: Record) -> None:
        given = [request.verb for request in record.requests]
        places = [given.index(verb) if verb in given else -1 for verb in verbs]
        if -1 in places or places != sorted(places):
            raise Unmet(f"the requests are {_listed(list(dict.fromkeys(given)))}, not {_listed(verbs)}")

    return check


def prints(*lines: str) -> Check:
    """Check that the output has these lines, in this order; the telemetry descriptor may have them instead."""

    def check(record: Record) -> None:
        rest = iter(line for line in (record.output + "\n" + _framed(record)).splitlines())
        for line in lines:
            if not any(line in each for each in rest):
                raise Unmet(f"the log has no line {line!r}, or not in its place{record.ending()}")

    return check


def frames_are_whole(record: Record) -> None:
    """Check that the telemetry descriptor has frames and nothing else."""
    if not record.frames:
        raise NotRun("the client writes nothing to the telemetry descriptor")
    reader = FrameReader()
    if any(frame.timestamp_us is None for frame in [*reader.feed(record.frames), *reader.end()]):
        raise Unmet(f"the telemetry descriptor has other bytes than frames: {record.frames[:100]!r}")


def reports_on_one_line(record: Record) -> None:
    """Check that the output, which has the report of an error and nothing else, is one line."""
    lines = [line for line in record.output.split("\n") if line.strip()]
    if not lines:
        raise NotRun("the client does not log errors of handlers")
    if len(lines) > 1:
        raise Unmet(f"the report of an error is {len(lines)} lines, so as many log events")


def streams(number: int, text: str) -> Check:
    """Check that the response to an event is this text, streamed in chunks, maybe after a head for a function URL."""

    def check(record: Record) -> None:
        post = _stream(record, number)
        payload = post.body
        if post.header("Content-Type") == _WITH_HEAD:
            payload = payload.partition(b"\0" * 8)[2]
        if payload.decode("utf-8", "replace") != text:
            raise Unmet(f"the streamed response is {shown(post.body)}")
        if post.header("Transfer-Encoding") != "chunked":
            raise Unmet("the streamed response is not chunked")

    return check


def declares_trailers(record: Record) -> None:
    """Check that the head of a streamed response names both trailers."""
    fields = [value for name, value in _stream(record, 0).headers if name.lower() == "trailer"]
    named = {each.strip().lower() for value in fields for each in value.split(",")}
    for name in (ERROR_TYPE, ERROR_BODY):
        if name.lower() not in named:
            raise Unmet(f"the head of the streamed response does not declare the trailer {name}")


def spans(seconds: float) -> Check:
    """Check that the first chunk of the streamed response arrives at least this time before the last one."""

    def check(record: Record) -> None:
        times = record.chunk_times
        if len(times) < 2 or times[-1] - times[0] < seconds:
            raise Unmet("the parts of the streamed response arrive together")

    return check


def ends_with_trailers(message: str) -> Check:
    """Check that the streamed response ends with the handler's error in its trailers."""

    def check(record: Record) -> None:
        trailers = {name.lower(): value for name, value in _stream(record, 0).trailers}
        if not trailers.get(ERROR_TYPE.lower()):
            raise Unmet(f"the streamed response ends without the trailer {ERROR_TYPE}")
        try:
            body = base64.b64decode(trailers.get(ERROR_BODY.lower(), ""), validate=True)
        except binascii.Error:
            raise Unmet(f"the trailer {ERROR_BODY} is not base64") from None
        _check_error(body, message)

    return check


def handles_together(count: int) -> Check:
    """Check that this number of events are delivered before the first reply."""

    def check(record: Record) -> None:
        delivered = sum(poll.status == 200 for poll in record.of("next"))
        if delivered < count or any(post.status is None for post in record.posts):
            raise Unmet(f"the client handles {delivered} events at a time, not {count}{record.ending()}")

    return check


def _name(post: Request) -> str:
    return post.verb if "/" in post.verb else f"{post.verb} {post.request_id.rpartition('-')[2]}"


def _stream(record: Record, number: int) -> Request:
    found = [post for post in record.of("response") if post.request_id == request_id(number)]
    if not found:
        raise Unmet(f"event {number + 1} got no streamed response{record.ending()}")
    return found[0]


def _check_error(body: bytes, message: str) -> None:
    document = error_of(body)
    if not is_type(document["errorType"], ERROR):
        raise Unmet(f"the error type is {document['errorType']!r}, not {ERROR!r}")
    if document["errorMessage"] != message:
        raise Unmet(f"the error message is {document['errorMessage'][:200]!r}, not {message[:200]!r}")


def _some(record: Record, verb: str) -> list[Request]:
    found = record.of(verb)
    if not found:
        raise Unmet(f"the client sends no {verb} request{record.ending()}")
    return found


def _with_cause(record: Record) -> list[Request]:
    found = [request for request in _some(record, "error") if request.header(CAUSE)]
    if not found:
        raise NotRun("the client sends no X-Ray cause")
    return found


def _framed(record: Record) -> str:
    reader = FrameReader()
    return "\n".join(frame.message for frame in [*reader.feed(record.frames), *reader.end()])


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body


def _listed(names: object) -> str:
    return ", ".join(names) if isinstance(names, (list, tuple)) and names else "nothing"
