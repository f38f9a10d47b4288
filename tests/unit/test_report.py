"""Tests of `_report`: stack traces compared with `traceback`'s, causes for X-Ray, error reports in the log."""

from __future__ import annotations

import importlib
import json
import linecache
import os
import re
import sys
import textwrap
import traceback
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, TracebackType
from typing import TYPE_CHECKING, Any

import pytest

from awslambdaric_lite import _report
from awslambdaric_lite._function_errors import Fault
from awslambdaric_lite._report import (
    format_frames,
    frames_of,
    log_report,
    make_report,
    notice,
    report_json,
    text_of,
    xray_cause,
)
from awslambdaric_lite._sinks import JSON_FRAMES, TEXT_FRAMES

from .recording_sink import RecordingSink

if TYPE_CHECKING:
    from awslambdaric_lite._types import ErrorReport


@pytest.fixture(autouse=True)
def _fresh_source_lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Clear the cache of source lines before each test, and remove the test's modules afterwards."""
    _report.reset_caches()
    modules = set(sys.modules)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield
    for name in set(sys.modules) - modules:
        if name.startswith("reported"):
            del sys.modules[name]


def error_report(message: str, error_type: str, trace: list[str], request_id: str = "") -> ErrorReport:
    """Return a report."""
    return {"errorMessage": message, "errorType": error_type, "requestId": request_id, "stackTrace": trace}


def caught(function: Callable[[], object]) -> TracebackType:
    """Return the traceback of the exception that a function raises, without this frame."""
    try:
        function()
    except BaseException as error:
        assert error.__traceback__ is not None
        assert error.__traceback__.tb_next is not None
        return error.__traceback__.tb_next
    raise AssertionError("nothing was raised")


def official(trace: TracebackType) -> list[str]:
    """Format frames as the official client does: 4-tuples through `traceback.format_list`."""
    tuples = [(frame.filename, frame.lineno, frame.name, frame.line) for frame in traceback.extract_tb(trace)]
    return traceback.format_list(tuples)  # type: ignore[arg-type]  # a line may be None


def check(trace: TracebackType) -> list[str]:
    """Assert that frames are formatted as the standard library formats them; return them."""
    entries = format_frames(frames_of(trace))
    assert entries == official(trace)
    return entries


def module(folder: Path, source: str | bytes, name: str = "reported") -> Callable[[], object]:
    """Write and import a module; return its function `fail`."""
    path = folder / f"{name}.py"
    path.write_bytes(source if isinstance(source, bytes) else textwrap.dedent(source).encode())
    importlib.invalidate_caches()
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(name).fail  # type: ignore[no-any-return]
    finally:
        sys.path.remove(str(folder))


SOURCES: dict[str, str | bytes] = {
    "one frame": "def fail():\n    raise ValueError('x')\n",
    "several frames": (
        "def a(): b()\ndef b():\n    c(\n        1,\n        2)\ndef c(x, y):\n    return x / 0\ndef fail(): a()\n"
    ),
    "tabs and form feeds": "\fdef fail():\n\tif True:\n\t\traise ValueError \f  \n",
    "a lambda, a comprehension and a class": """
        fail = lambda: [x for x in [1] if make()]
        def make():
            class Inner:
                raise KeyError('x')
        """,
    "a generator": "def gen():\n    yield 1\n    raise ValueError\ndef fail(): list(gen())\n",
    "a re-raised exception": """
        def fail():
            try:
                inner()
            except ValueError as error:
                raise error
        def inner():
            raise ValueError
        """,
    "a chained exception": """
        def fail():
            try:
                1 / 0
            except ZeroDivisionError as error:
                raise ValueError('x') from error
        """,
    "code without a file": "def fail():\n    exec('def f():\\n    1/0\\nf()')\n",
    "code that calls itself a file": "def fail():\n    exec(compile('1/0', '/no/such/file.py', 'exec'))\n",
    "code with the name of a directory": "def fail():\n    exec(compile('1/0', '/', 'exec'))\n",
    "code with a NUL in its name": "def fail():\n    exec(compile('1/0', 'a<b', 'exec'))\n",
    "a line beyond the end": "def fail():\n    exec(compile('\\n' * 500 + '1/0', __file__, 'exec'))\n",
    "names beyond ASCII": "def größe():\n    raise ValueError('é')\ndef fail():\n    größe()  # 😀\n",
    "latin-1": "# -*- coding: latin-1 -*-\ndef fail():\n    raise ValueError('é')\n".encode("latin-1"),
    "a coding in the second line": (
        b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\ndef fail(): raise ValueError('\x80')\n"
    ),
    "utf-8 with a byte order mark": b"\xef\xbb\xbfdef fail(): raise ValueError('\xc3\xa9')\n",
    "utf-8 with a byte order mark and a coding": (
        b"\xef\xbb\xbf# coding: utf-8\ndef fail(): raise ValueError('\xc3\xa9')\n"
    ),
    "utf-16 talk": "# this is not a coding: at all\n".replace("coding: at", "decoding at").encode()
    + b"def fail(): raise ValueError\n",
    "the word coding without a meaning": (
        "# coding is fun\n# my encoding; see below\ndef fail(): raise ValueError('é')\n"
    ),
    "a coding in the third line": "#\n#\n# coding: ascii\ndef fail(): raise ValueError('é')\n",
    "a coding behind code": "x = 1\n# coding: ascii\ndef fail(): raise ValueError('é')\n",
    "a coding with dashes and capitals": "# -*- coding: ISO-8859-15 -*-\ndef fail(): raise ValueError('€')\n".encode(
        "iso-8859-15"
    ),
    "CRLF": b"def fail():\r\n    raise ValueError('x')\r\n",
    "CR": b"def fail():\r    raise ValueError('x')\r",
    "mixed line ends": b"def fail():\r\n\r    x = 1\n    raise ValueError('x')\r\n",
    "other line ends within a line": "def fail():\n    x = '\u2028\x0b\x0c\x1c\x85'\n    raise ValueError('x')\n",
    "no line end": b"def fail(): raise ValueError('x')",
    "a backslash at a line's end": "def fail():\n    raise \\\n        ValueError(\n        'x')\n",
    "a long line": "def fail():\n    raise ValueError('" + "x" * 100_000 + "')\n",
    "a line of blanks": "def fail():\n    exec(compile('\\n1/0', __file__, 'exec'))\n   \n",
}


@pytest.mark.parametrize("name", SOURCES)
def test_frames_are_formatted_as_traceback_does(name: str, tmp_path: Path) -> None:
    """File, line, function and source line of every frame are those of `traceback` with any source."""
    assert check(caught(module(tmp_path, SOURCES[name])))


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5, 100, 900])
def test_recursion_is_collapsed(depth: int, tmp_path: Path) -> None:
    """More than three frames at the same line become one entry with a count."""
    source = f"def down(n):\n    if n: down(n - 1)\n    1 / 0\ndef fail(): down({depth})\n"
    entries = check(caught(module(tmp_path, source)))
    repeated = [entry for entry in entries if "repeated" in entry]
    assert len(repeated) == (1 if depth > 3 else 0)


def test_recursion_at_the_end_is_collapsed(tmp_path: Path) -> None:
    """Repeated frames that end a trace, or that alternate between two lines, are collapsed as `traceback` does."""
    source = "def a(n):\n    return b(n)\ndef b(n):\n    return a(n + 1)\ndef fail(): a(0)\n"
    check(caught(module(tmp_path, source)))
    check(caught(module(tmp_path, "def fail(n=0):\n    fail(n + 1)\n", "reported_bottom")))


@pytest.mark.parametrize("what", ["removed", "replaced by a directory", "unreadable text"])
def test_missing_source_leaves_line_out(what: str, tmp_path: Path) -> None:
    """A frame whose source cannot be read has no source line."""
    fail = module(tmp_path, "def fail():\n    raise ValueError('x')\n")
    path = tmp_path / "reported.py"
    path.unlink()
    if what == "replaced by a directory":
        path.mkdir()
    elif what == "unreadable text":
        path.write_bytes(b"# coding: nonsense\n\xff\xfe\n")
    entries = check(caught(fail))
    assert entries[-1].count("\n") == 1


def test_source_in_zip_is_found(tmp_path: Path) -> None:
    """A frame of a module in a zip file has its source line."""
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.writestr("reported_zip.py", "def fail():\n    raise ValueError('in a zip')\n")
    sys.path.insert(0, str(tmp_path / "code.zip"))
    try:
        fail = importlib.import_module("reported_zip").fail
    finally:
        sys.path.pop(0)
    entries = check(caught(fail))
    assert "in a zip" in entries[-1]


@pytest.mark.parametrize("limit", [None, 0, 1, 2, 3, 100, -1])
def test_traceback_limit_is_respected(limit: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`sys.tracebacklimit` limits the frames as in the standard library."""
    trace = caught(module(tmp_path, SOURCES["several frames"]))
    if limit is not None:
        monkeypatch.setattr(sys, "tracebacklimit", limit, raising=False)
    check(trace)


def calling(*modules: object) -> TracebackType:
    """Return the traceback of functions that call one another, each in a module of the given name."""
    function: Callable[[], object] | None = None
    for number, name in reversed(list(enumerate(modules))):
        names: dict[str, Any] = {"next": function, "__name__": name}
        if name is None:
            del names["__name__"]
        exec(f"def f{number}(): return next() if next else 1 / 0", names)
        function = names[f"f{number}"]
    assert function is not None
    return caught(function)


OURS = "awslambdaric_lite._handlers.adapter"


@pytest.mark.parametrize(
    ("modules", "shown"),
    [
        ((OURS, "app"), ["f1"]),
        ((OURS, "awslambdaric_lite._runtime", "app", OURS), ["f2", "f3"]),
        (("a_tool", OURS, "app"), ["f0", "f1", "f2"]),
        ((OURS, "awslambdaric_lite.examples.hello"), ["f1"]),
        ((OURS, "src.awslambdaric_lite.app"), ["f1"]),
        ((OURS, "awslambdaric_lite_tool"), ["f1"]),
        ((OURS, None), ["f1"]),
        ((OURS, 7), ["f1"]),
        ((OURS, OURS), []),
    ],
)
def test_leading_runtime_frames_are_hidden(modules: tuple[object, ...], shown: list[str]) -> None:
    """A stack trace begins with the first frame that is not the runtime's; all frames after that one are shown."""
    assert [frame[2] for frame in frames_of(calling(*modules))] == shown


def test_exception_without_traceback_has_no_frames() -> None:
    """An exception that was never raised has an empty stack trace."""
    assert frames_of(None) == []


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the interpreter has no such code: its line is -1")
def test_code_without_lines_has_no_source(tmp_path: Path) -> None:
    """A frame of code that was made without line numbers is shown without a line of source."""
    fail = module(tmp_path, "def fail():\n    raise ValueError\n")
    code: CodeType = fail.__code__
    size = len(code.co_code)
    # Entries of up to 8 instructions each, without a location.
    table = bytes(0xF8 | min(8, size // 2 - done) - 1 for done in range(0, size // 2, 8))
    bare = FunctionType(code.replace(co_linetable=table), {})
    (entry,) = check(caught(bare))
    assert "reported.py" in entry and "ValueError" not in entry


def test_broken_cache_of_lines_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line is read from its file if user code has broken `linecache`, with which `traceback` itself would fail."""
    fail = module(tmp_path, "def fail():\n    raise ValueError\n")
    trace = caught(fail)
    monkeypatch.setitem(linecache.cache, str(tmp_path / "reported.py"), 7)
    with pytest.raises(TypeError):
        official(trace)
    assert frames_of(trace)[-1][3] == "raise ValueError"


def test_exception_becomes_report() -> None:
    """A report has the exception's type, text and frames; with an exit status it contains the exit instead."""
    try:
        raise SystemExit("bye")
    except SystemExit as error:
        raised = error
    report, cause = make_report(raised, "id-1")
    assert (report["errorType"], report["errorMessage"], report["requestId"]) == ("SystemExit", "bye", "id-1")
    assert len(report["stackTrace"]) == 1 and '"type":"SystemExit"' in cause
    report, cause = make_report(raised, "id-1", 1)
    assert report["errorType"] == "Runtime.ExitError" and '"type":"Runtime.ExitError"' in cause
    assert report["errorMessage"] == "RequestId: id-1 Error: Runtime exited with error: exit status 1"


def test_fault_becomes_report() -> None:
    """A fault is reported under its name of the Runtime API, and to X-Ray as a validation error without frames."""
    report, cause = make_report(Fault("Runtime.MarshalError", "text", ["entry"]), "id-1")
    assert report == error_report("text", "Runtime.MarshalError", ["entry"], "id-1")
    assert json.loads(cause)["exceptions"] == [{"message": "text", "type": "LambdaValidationError", "stack": []}]


def test_fault_without_message_is_reported() -> None:
    """A fault from which user code has removed an attribute is reported under the name of its class."""
    fault = Fault("Mine", "text")
    del fault.message
    expected = error_report("<error report failed: Fault>", "Fault", [], "id-1")
    assert make_report(fault, "id-1") == (expected, "")


def test_log_that_cannot_be_written_is_ignored() -> None:
    """An error of the log does not keep a report from being posted, and a notice is left out."""

    class Broken(RecordingSink):
        def log(self, msg: str, frame_type: bytes | None = None) -> None:
            raise OSError

        def log_error(self, message_lines: list[str]) -> None:
            raise OSError

    log_report(error_report("m", "T", []), Broken())
    notice(Broken(), "id-1", "text")


def test_source_line_is_read_once(tmp_path: Path) -> None:
    """A repeated error shows the source line that was read first, without file access."""
    fail = module(tmp_path, "def fail():\n    raise ValueError('first')\n")
    before = format_frames(frames_of(caught(fail)))
    (tmp_path / "reported.py").unlink()
    assert format_frames(frames_of(caught(fail))) == before


def test_cache_of_source_lines_is_bounded(tmp_path: Path) -> None:
    """The cache of source lines holds at most about 1,000 entries."""
    source = "".join(f"def f{n}(): raise ValueError({n})\n" for n in range(2500)) + "def fail(): pass\n"
    names = module(tmp_path, source).__globals__
    for number in range(2500):
        (entry,) = format_frames(frames_of(caught(names[f"f{number}"])))
        assert f"ValueError({number})" in entry
    (tmp_path / "reported.py").unlink()
    entries = ["".join(format_frames(frames_of(caught(names[f"f{number}"])))) for number in reversed(range(2500))]
    assert sum("ValueError(" in entry for entry in entries) <= 1001


# What an exception says


class Broken(Exception):
    """An exception that cannot be printed."""

    def __str__(self) -> str:
        raise SystemExit("in __str__")


class Wrong(Exception):
    """An exception whose `__str__` does not return a string."""

    def __str__(self) -> str:
        return 3  # type: ignore[return-value]


class Text(str):
    """A string whose `__str__` returns another text."""

    def __str__(self) -> str:
        return "other"


class Odd(Exception):
    """An exception whose `__str__` returns a subclass of str."""

    def __str__(self) -> str:
        return Text("text")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("é\n"), "é\n"),
        (ValueError(), ""),
        (ValueError(1, 2), "(1, 2)"),
        (KeyError("a"), "'a'"),
        (Broken(), "<exception str() failed: Broken>"),
        (Wrong(), "<exception str() failed: Wrong>"),
        (Odd(), "text"),
    ],
)
def test_text_of_exception_never_raises(error: BaseException, text: str) -> None:
    """The text is `str(error)`, or a placeholder if that raises."""
    assert text_of(error) == text
    assert type(text_of(error)) is str


def test_error_object_has_official_keys() -> None:
    """An error object has the official keys in their order, and an empty request id during init."""
    assert list(make_report(Fault("T", "m", ["a"]), "id-1")[0].items()) == [
        ("errorMessage", "m"),
        ("errorType", "T"),
        ("requestId", "id-1"),
        ("stackTrace", ["a"]),
    ]
    assert make_report(ValueError())[0]["requestId"] == ""


@pytest.mark.parametrize("message", ["plain", "é€😀\ud800", '"\\\n\r\t\0\x7f\u2028', ""])
def test_error_object_is_ascii_json(message: str) -> None:
    """An error object with any text is encoded as one line of ASCII JSON."""
    error = error_report(message, "Größe", [message, "b"], "id-1")
    text = report_json(error)
    assert text.isascii()
    assert "\n" not in text
    assert json.loads(text) == error


# The cause for X-Ray

FRAME = ("/var/task/app.py", 3, "handler", "raise ValueError")


def test_cause_equals_official_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cause has the official working directory, exceptions and frames, and each path once."""
    from awslambdaric.bootstrap import make_xray_fault

    monkeypatch.chdir(tmp_path)
    frames = [FRAME, ("b.py", None, "é", ""), FRAME]
    expected = make_xray_fault("ValueError", 'm"\n', os.getcwd(), frames)
    found = json.loads(xray_cause("ValueError", 'm"\n', frames))
    assert sorted(found.pop("paths")) == sorted(expected.pop("paths"))
    assert found == expected


def test_cause_is_one_ascii_line() -> None:
    """A cause is ASCII without control characters, because it is sent in a header."""
    text = "a\r\nInjected: 1\0é😀\ud800\x7f\u2028"
    cause = xray_cause(text, text, [(text, 1, text, text)])
    assert cause.isascii()
    assert not re.search(r"[\x00-\x1f]", cause)
    assert json.loads(cause)["exceptions"][0]["message"] == text


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 1000])
def test_cause_has_first_and_last_frames(count: int) -> None:
    """A cause has at most the first 25 and last 25 frames, because X-Ray drops longer ones whole."""
    frames = [(f"{number}.py", number, "f", "") for number in range(count)]
    (exception,) = json.loads(xray_cause("E", "m", frames))["exceptions"]  # type: ignore[arg-type]
    expected = frames if count <= 50 else frames[:25] + frames[-25:]
    assert [frame["line"] for frame in exception["stack"]] == [frame[1] for frame in expected]


@pytest.mark.parametrize("char", ["x", "é", "😀", "\0"])
@pytest.mark.parametrize("where", ["message", "type", "path", "name", "everything"])
@pytest.mark.parametrize("size", [999, 2000, 70_000])
def test_cause_has_at_most_60000_bytes(size: int, where: str, char: str) -> None:
    """A cause with parts of any length has at most 60,000 bytes of valid JSON, or is empty."""
    long = char * (size if where != "message" else size * 30)

    def part(name: str) -> str:
        return long if where in (name, "everything") else "short"

    cause = xray_cause(part("type"), part("message"), [(part("path"), 1, part("name"), "")] * 60)
    assert len(cause) <= 60_000
    if cause:
        (exception,) = json.loads(cause)["exceptions"]
        assert part("message").startswith(exception["message"].removesuffix("..."))
        assert where == "message" or exception["message"] == "short" or len(exception["message"]) >= 999
    if where == "message":
        assert cause, "a long message alone costs neither type nor stack"
        assert exception["type"] == "short"
        assert len(exception["stack"]) == 50


def test_removed_working_directory_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cause has an empty working directory if it was removed."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert json.loads(xray_cause("E", "m", []))["working_directory"] == ""


# The log


ERRORS = [
    error_report(
        "m",
        "ValueError",
        ['  File "a.py", line 1, in f\n    x = 1\n', "  [Previous line repeated 3 more times]\n"],
        "id",
    ),
    error_report("two\nlines", "T", []),
    error_report("", "T", ["\n", "a\n\n  b", "no indent", "   \n"]),
    error_report("é\ud800", "T", ["\tx\u2028y"]),
]


@pytest.mark.parametrize("error", ERRORS)
def test_error_report_equals_official_text(error: ErrorReport) -> None:
    """The error report in the text log format equals the official client's."""
    from awslambdaric.bootstrap import log_error as official_log_error

    ours, theirs = RecordingSink(), RecordingSink()
    log_report(error, ours)
    official_log_error(error, theirs)
    assert ours.reports == theirs.reports


@pytest.mark.parametrize("error", ERRORS)
def test_json_error_report_is_one_object(error: ErrorReport) -> None:
    """The error report in JSON is one line: time, level, then the error object."""
    sink = RecordingSink(json_format=True)
    log_report(error, sink)
    ((text,),) = sink.reports
    assert "\n" not in text
    found = json.loads(text)
    assert list(found) == ["timestamp", "level", *error]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found.pop("timestamp"))
    assert found.pop("level") == "ERROR"
    assert found == error


def test_notice_is_a_warning() -> None:
    """A notice in the text log format is a WARNING record with that level's frame type."""
    sink = RecordingSink()
    notice(sink, "id-1", "text é")
    ((text, frame),) = sink.texts
    assert re.fullmatch(r"\[WARNING\]\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\tid-1\ttext é\n", text)
    assert frame == TEXT_FRAMES[30]


def test_json_notice_is_one_object() -> None:
    """A notice in JSON is one line with the keys of a log record."""
    sink = RecordingSink(json_format=True)
    notice(sink, 'id"1', "two\nlines")
    ((text, frame),) = sink.texts
    found = json.loads(text)
    assert (found["level"], found["message"], found["requestId"]) == ("WARNING", "two\nlines", 'id"1')
    assert text.count("\n") == 1
    assert frame == JSON_FRAMES[30]
