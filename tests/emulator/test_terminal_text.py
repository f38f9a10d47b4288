"""Text that a function, a client or a file chose, on every way to a terminal or a pipe."""

from __future__ import annotations

import ast
import io
import json
import os
import pty
import re
import subprocess
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite import cli
from awslambdaric_lite.cli.lines import coloured, plain_line, say
from awslambdaric_lite.common.terminal_text import (
    PlatformLine,
    VisibleParts,
    looks_like_platform,
    visible,
    visible_content,
    visible_json,
    visible_lines,
)

from .command_line import Reader, Serve, command, environment

CONTROLS = [
    *map(chr, (*range(0x20), *range(0x7F, 0xA0))),
    *"\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c\u2028\u2029\ufeff\U000e0041",
    "\udc80",
]
SEQUENCES = [
    *("\x1b[2J", "\x1b]0;title\x07", "\x1b]8;;http://x\x1b\\link", "\x9b31m", "\x1b[8m", "\x1bP+q\x1b\\"),
    *("a\rb", "a\x08b"),
]
FORGED = [
    "START RequestId: 1 Version: 1",
    "END RequestId: 1",
    "REPORT RequestId: 1\tDuration: 1 ms",
    "INIT_START Runtime Version: x",
    "INIT_REPORT Init Duration: 1 ms",
    "RESTORE_START Runtime Version: x",
    "RESTORE_REPORT Restore Duration: 1 ms",
    "EXTENSION\tName: x",
    "EXTENSION Name: x",
    "TELEMETRY Name: x",
    "XRAY TraceId: 1",
    "RequestId: 1 Error: Runtime exited",
    "2024-01-01T00:00:00.000Z 1 Task timed out after 3.00 seconds",
    '{"time":"t","type":"platform.report","record":{}}',
    '{"\\u0074ype":"platform.start"}',
    "\u200bREPORT RequestId: 1",
    "\ufe0fREPORT RequestId: 1",
    "R\u0301EPORT RequestId: 1",
]
HOSTILE = "".join([*(c for c in CONTROLS if c != "\0"), *SEQUENCES, "\nREPORT RequestId: forged\n[ERROR] forged\n"])


def harmful(text: str) -> set[str]:
    """Return the characters of a text that a terminal could obey."""
    return {c for c in text if not c.isprintable() and c not in "\n\t" and unicodedata.category(c) != "Zs"}


@pytest.mark.parametrize("text", [*CONTROLS, *SEQUENCES, HOSTILE])
def test_no_control_character_is_left(text: str) -> None:
    """Each way to show text has an escape in place of each control character, and loses no other."""
    for shown in (visible(text), visible_lines(f"a{text}b"), visible_content(text), coloured(f"a{text}b").plain):
        assert not harmful(shown)
    stream = io.StringIO()
    say(text, stream)
    plain_line(text, stream)
    assert not harmful(stream.getvalue())
    quoted = json.dumps({"text": text}, ensure_ascii=False)
    assert not harmful(visible_json(quoted)) and json.loads(visible_json(quoted)) == {"text": text}


@pytest.mark.parametrize("text", ["plain", "häß \u00a0\u3000 \N{SNAKE}", "a\tb", ""])
def test_harmless_text_is_unchanged(text: str) -> None:
    """Letters of any language, spaces and tabs stay as they are."""
    assert visible_lines(text) == visible(text) == visible_content(text) == text


@pytest.mark.parametrize("forged", FORGED)
@pytest.mark.parametrize("before", ["", "first\n", "first\r", "first\r\n"])
def test_forged_line_is_indented(forged: str, before: str) -> None:
    """A line like the platform's is indented wherever it is in the text, and coloured as any other line."""
    for shown in (visible_lines(before + forged), coloured(before + forged).plain):
        assert all(not looks_like_platform(line) for line in shown.split("\n") if not line.startswith("  "))
    assert not any(span.style == "dim" for span in coloured(before + forged).spans) and not coloured(forged).style


@pytest.mark.parametrize("step", [1, 2, 5, 1000])
def test_content_in_parts_is_shown_as_whole_content(step: int) -> None:
    """Parts of a streamed response give the same text as the whole; only what could be a forged line waits."""
    content = "häß\x1b[2J\nREPORT RequestId: 1\nREPORTED\nSTART\n\u200bEND RequestId: 1\n\x9bx\nSTA"
    parts, data = VisibleParts(), content.encode()
    shown = "".join(parts.add(data[at : at + step]) for at in range(0, len(data), step)) + parts.end()
    assert shown == visible_content(content)
    assert "\n  REPORT RequestId: 1\nREPORTED\n" in shown
    assert VisibleParts().add(b"token") == "token" and VisibleParts().add(b"STAR") == ""


def test_colours_do_not_hide_forged_line() -> None:
    """A forged line that begins with a colour is indented, and keeps its colour on a terminal only."""
    line = "\x1b[31mREPORT RequestId: 1\x1b[0m \x1b[2J"
    assert coloured(line).plain == "  REPORT RequestId: 1 \\x1b[2J" and coloured(line).spans
    assert visible_lines(line) == "  \\x1b[31mREPORT RequestId: 1\\x1b[0m \\x1b[2J"


def test_lines_of_the_platform_and_stack_traces_stay_at_the_margin() -> None:
    """Neither the platform's lines nor ordinary lines of a message are indented."""
    report = PlatformLine("REPORT RequestId: 1\tDuration: 1 ms")
    assert visible_lines(report) == report and coloured(report).style == "dim"
    trace = "[ERROR] ValueError: boom\rTraceback (most recent call last):\r  File 'x'"
    assert visible_lines(trace) == trace.replace("\r", "\n")


def test_narrow_encoding_is_no_error() -> None:
    """What a stream cannot encode becomes an escape."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    say("häß", stream)
    assert stream.buffer.getvalue() == b"h\\xe4\\xdf\n"


HANDLER = """
import os, sys
HOSTILE = {hostile!r}
class Odd(Exception):
    pass
Odd.__name__ = Odd.__qualname__ = "Odd" + HOSTILE.encode("utf-8", "replace").decode()
def handler(event, context):
    text = HOSTILE.encode("utf-8", "replace").decode()
    sys.stdout.write(text.replace("[ERROR]", "error"))  # a function may print [ERROR], as its logger does
    print("REPORT RequestId: forged", flush=True)
    os.write(2, b"\\x9b31m\\x1b[2J\\n")
    if event == "raise":
        raise Odd(HOSTILE)
    return HOSTILE
"""


@pytest.fixture
def hostile(write_handler: Callable[[str], Path]) -> Path:
    """Return the folder of a function that writes, raises and returns hostile text."""
    return write_handler(HANDLER.format(hostile=HOSTILE))


def on_terminal(arguments: list[str], **settings: str) -> tuple[str, str]:
    """Run a command whose streams are a terminal; return the raw text of standard output and standard error."""
    texts = []
    for stream in ("stdout", "stderr"):
        ours, theirs = pty.openpty()
        other = subprocess.DEVNULL
        streams = {"stdout": other, "stderr": other, stream: theirs}
        with subprocess.Popen(
            command(*arguments),
            stdin=subprocess.DEVNULL,
            **streams,
            env=environment(**settings),  # type: ignore[call-overload]
        ) as process:
            os.close(theirs)
            data = b""
            try:
                while part := os.read(ours, 65536):
                    data += part
            except OSError:  # the end of a terminal
                pass
            process.wait()
        os.close(ours)
        texts.append(data.decode("utf-8").replace("\r\n", "\n"))
    return texts[0], texts[1]


def check(text: str, *, styled: bool = False) -> None:
    """Check that a terminal that gets the text obeys nothing of it, and that no line is forged."""
    if styled:  # colours of rich and of the function, and the cursor of a live display
        text = re.sub(r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[[0-9]*[AK]|\x1b\[2K|\r", "", text)
    assert not harmful(text), text
    assert not [line for line in text.split("\n") if line.startswith(("REPORT RequestId: forged", "[ERROR] forged"))]


@pytest.mark.parametrize("event", ['"raise"', "{}"])
@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_invoke_shows_hostile_text_on_terminal(hostile: Path, tmp_path: Path, event: str, term: str) -> None:
    """`invoke` on a terminal, with colours and without, passes nothing on that the terminal obeys."""
    (tmp_path / "event.json").write_text(event)
    arguments = ["invoke", "app.handler", "--task-root", str(hostile), "--event", str(tmp_path / "event.json")]
    for text in on_terminal(arguments, TERM=term):
        check(text, styled=term == "xterm")
        assert "forged" in text


@pytest.mark.parametrize("event", [b'"raise"', b"{}"])
def test_invoke_pipes_hostile_text(hostile: Path, event: bytes) -> None:
    """Into a pipe, `invoke` writes the log in the same way, the response exactly, and `--json` both as valid JSON."""
    arguments = ["invoke", "app.handler", "--task-root", str(hostile), "--event", "-"]
    done = subprocess.run(command(*arguments), input=event, capture_output=True, env=environment())
    check(done.stderr.decode())

    def text_of(answer: Any) -> object:
        return answer["errorMessage"] if event == b'"raise"' else answer

    assert text_of(json.loads(done.stdout)) == HOSTILE
    done = subprocess.run(command(*arguments, "--json"), input=event, capture_output=True, env=environment())
    check(done.stdout.decode())
    assert text_of(json.loads(done.stdout)["payload"]) == HOSTILE
    assert "\x1b[2J" in json.loads(done.stdout)["logs"]


@pytest.mark.parametrize("option", ["--endpoint-url", "--function-url"])
def test_invoke_elsewhere_shows_hostile_text(hostile: Path, option: str) -> None:
    """A function that runs elsewhere has no more power over the terminal, by its response or its log."""
    with Serve("app.handler", "--task-root", str(hostile)) as serve:
        url = serve.endpoint_url if option == "--endpoint-url" else serve.url
        more = [["--log"], ["--log", "--stream"]] if option == "--endpoint-url" else [[]]
        for options in more:
            for text in on_terminal(["invoke", option, url, *options], TERM="dumb"):
                check(text)


@pytest.mark.parametrize("form", ["plain", "json", "terminal"])
def test_serve_shows_hostile_text(hostile: Path, form: str) -> None:
    """`serve` shows hostile text safely in a pipe, as JSON, and in its live display."""
    ours, theirs = pty.openpty() if form == "terminal" else os.pipe()
    options = ["--json"] if form == "json" else []
    arguments = ["serve", "app.handler", "--task-root", str(hostile), "--port", "0", "--url-port", "0", *options]
    with subprocess.Popen(
        command(*arguments), stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=environment(TERM="xterm")
    ) as process:
        os.close(theirs)
        reader = Reader(ours)
        try:
            beginning = reader.until(lambda seen: re.search(rb"http://127\.0\.0\.1:[0-9]+[^0-9]", seen) is not None)
            url = re.findall(r"http://127\.0\.0\.1:[0-9]+", beginning.decode())[0]
            for event in ('"raise"', "{}"):
                for options in ([], ["--qualifier", "\x1b[2J\x9b\nREPORT RequestId: forged"]):
                    asked = command("invoke", "--endpoint-url", url, "--event", "-", *options)
                    subprocess.run(asked, input=event.encode(), capture_output=True, env=environment())
            text = reader.until(lambda seen: seen.count(b"\\x1b[2J" if form != "json" else b"u001b[2J") > 4).decode()
        finally:
            process.terminate()
            process.wait()
            os.close(ours)
    if form == "json":
        lines = [json.loads(line)["line"] for line in text.splitlines()[1:-1] if json.loads(line)["event"] == "log"]
        assert any("\x1b[2J" in line for line in lines)
    check(text.replace("\r\n", "\n"), styled=form == "terminal")


NAME = "a\x1b[2J\u202e\x9b\nREPORT RequestId: forged"


@pytest.mark.parametrize(
    "arguments",
    [
        ["invoke", NAME],
        ["invoke", f"app.{NAME}", "--task-root", NAME],
        ["invoke", "app.handler", "--event", NAME],
        ["invoke", "app.handler", "--env", NAME],
        ["invoke", "app.handler", "--tenant-id", NAME],
        ["invoke", "app.handler", "--runtime", NAME],
        ["invoke", "app.handler", f"--{NAME}"],
        ["invoke", "--endpoint-url", NAME],
        ["serve", f"app.{NAME}", "--port", NAME],
        ["serve", "app.handler", "--host", NAME],
        ["serve", "app.handler", "--allow-host", NAME],
        ["doctor", NAME],
        ["doctor", ".", "--python", NAME],
        ["pack", NAME],
        ["pack", ".", "-o", f"/nowhere/{NAME}"],
        ["bench", NAME],
        ["bench", f"app.{NAME}", "--against", NAME],
        ["event", NAME],
        ["event", "sqs", "--region", NAME, "a"],
        ["event", "s3", NAME],
        ["record-imports", f"app.{NAME}", "--event", NAME],
        ["record-imports", "app.handler", "--event", "-", "--lazy", NAME],
        [NAME],
    ],
    ids=lambda arguments: " ".join(arguments).replace(NAME, "NAME"),
)
def test_messages_of_commands_show_hostile_names(arguments: list[str], tmp_path: Path) -> None:
    """Names on a command line, which scripts may take from elsewhere, are shown safely in each command's output."""
    done = subprocess.run(
        command(*arguments), cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, env=environment()
    )
    assert done.returncode in (0, 1, 2)
    assert done.stdout + done.stderr
    check(done.stderr.decode())
    check(done.stdout.decode())


def test_one_function_prints_everything() -> None:
    """No module of the command line prints text but through `lines`, except JSON, static text and exact content."""
    exact = {
        "displays.py": 1,  # JSON
        "logs.py": 1,  # JSON
        "doctor.py": 1,  # JSON
        "bench.py": 1,  # JSON
        "conformance.py": 2,  # JSON
        "event.py": 4,  # static text, JSON
        "pack.py": 1,  # a path in a pipe
        "invoke.py": 1,  # the response
    }
    found: dict[str, int] = {}
    for path in Path(cli.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            if called == "print" or (called.startswith("sys.std") and called.endswith((".write", ".writelines"))):
                found[path.name] = found.get(path.name, 0) + 1
    found["event.py"] = found.get("event.py", 0) + 1
    assert found == exact
