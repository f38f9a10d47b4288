"""The import list: init imports what it names, and nothing in it can make init fail."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from awslambdaric_lite import events
from awslambdaric_lite.conformance.messages import Event
from tests.process.lite import run_lite

SETTING = "AWSLAMBDARIC_LITE_IMPORT_LIST"
LAZY = {"AWSLAMBDARIC_LITE_LAZY_IMPORTS": "all"}
needs_lazy_imports = pytest.mark.skipif(sys.version_info < (3, 15), reason="Python 3.15 and later has lazy imports")

HANDLER = """
import sys, middle
LOADED = []
def handler(event, context):
    return ["one" in sys.modules, "two" in sys.modules]
"""

MODULES = {
    "middle": "import one\n",
    "one": "import two\n",
    "two": "",
    "bad": "1 / 0\n",
    "script": "raise SystemExit('usage')\n",
}


def run(tmp_path: Path, content: bytes | None, env: dict[str, str], source: str = HANDLER) -> tuple[object, str]:
    """Return what the handler returned, and the log."""
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text)
    if content is not None:
        (tmp_path / "imports.txt").write_bytes(content)
    result = run_lite(tmp_path, source, env={SETTING: "imports.txt", **env})
    return json.loads(result.replies[0].body), result.stdout.decode()


def test_modules_are_imported_in_init(tmp_path: Path) -> None:
    """A line with a module imports it before the first event, on every Python."""
    source = HANDLER.replace("import sys, middle", "import sys")
    assert run(tmp_path, b"# a comment\n\none  # another\n", {}, source) == ([True, True], "")


def test_relative_path_begins_at_task_root(tmp_path: Path) -> None:
    """A handler that changes the current folder while it is imported has its list all the same."""
    source = HANDLER.replace("import sys, middle", "import os, sys\nos.chdir('/')")
    assert run(tmp_path, b"one\n", {}, source) == ([True, True], "")


@needs_lazy_imports
@pytest.mark.parametrize(
    ("content", "loaded"),
    [
        (b"app:middle\n", [False, False]),
        (b"app:middle\nmiddle:one\n", [True, False]),
        (b"one:two\nmiddle:one\napp:middle\n", [True, True]),
        (b"two\n", [False, True]),
    ],
)
def test_lazy_names_are_resolved_in_init(tmp_path: Path, content: bytes, loaded: list[bool]) -> None:
    """A line with a module and a name resolves that lazy import, in whatever order the lines are."""
    assert run(tmp_path, content, LAZY) == (loaded, "")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "imports.txt is ignored: the file cannot be read: No such file or directory"),
        (b"# nothing\n", "imports.txt is ignored: the file names no module; record one with record-imports"),
        (b"\xff\n", "imports.txt is ignored: the file cannot be read: it is not UTF-8"),
        (b"nowhere\ntwo\n", "imports.txt: not imported: nowhere: ModuleNotFoundError: No module named 'nowhere'"),
        (b"bad\n", "imports.txt: not imported: bad: ZeroDivisionError: division by zero"),
        (b"app:nothing\n", "imports.txt: not imported: app:nothing: AttributeError: module 'app' has no attribute"),
        (b"script\n", "imports.txt: not imported: script: SystemExit: usage"),
        (b"nowhere:x\n", "imports.txt: not imported: nowhere:x: nowhere is not imported"),
        (b"a b\n", "imports.txt: not imported: a b: ModuleNotFoundError: No module named 'a b'"),
    ],
)
def test_bad_list_gets_one_line(tmp_path: Path, content: bytes | None, text: str) -> None:
    """A list that cannot be used, or names what cannot be imported, gets one line; init goes on."""
    loaded, log = run(tmp_path, content, {})
    assert loaded == [True, True]
    assert log.count("\n") == 1 and text in log


FORMS = {
    "plain": "def handler(event, context):\n    return middle.one.__name__",
    "async": "async def handler(event, context):\n    return middle.one.__name__",
    "generator": "def handler(event, context):\n    yield middle.one.__name__",
    "async generator": "async def handler(event, context):\n    yield middle.one.__name__",
    "awaitable": "async def result():\n    return middle.one.__name__\n"
    "def handler(event, context):\n    return result()",
    "error": "def handler(event, context):\n    raise ValueError(middle.one.__name__)",
    "asgi": "async def handler(scope, receive, send):\n    if scope['type'] == 'http':\n"
    "        await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
    "        await send({'type': 'http.response.body', 'body': middle.one.__name__.encode()})",
    "wsgi": "def handler(environ, start_response):\n    start_response('200 OK', [])\n"
    "    return (middle.one.__name__.encode() for _ in range(1))",
}


@needs_lazy_imports
@pytest.mark.parametrize("stream", ["0", "1"])
@pytest.mark.parametrize("form", FORMS)
def test_imports_of_first_event_are_logged(tmp_path: Path, form: str, stream: str) -> None:
    """A line of level DEBUG names what the first event resolved; the reply is the same without it."""
    event = Event(json.dumps(events.function_url("GET", "/")).encode())
    answers = []
    for level in ("INFO", "DEBUG"):
        (tmp_path / level).mkdir()
        for name, text in {"middle": "import one\n", "one": "import two\n", "two": ""}.items():
            (tmp_path / level / f"{name}.py").write_text(text)
        variables = {"AWS_LAMBDA_LOG_LEVEL": level, "AWSLAMBDARIC_LITE_APP_STREAM": stream}
        env = {**LAZY, "AWS_LAMBDA_LOG_FORMAT": "JSON", **variables}
        result = run_lite(tmp_path / level, f"import middle, two\n{FORMS[form]}\n", [event, event], env=env)
        answers.append([reply.body.replace(level.encode(), b"") for reply in result.replies])
        lines = [json.loads(line) for line in result.stdout.decode().splitlines() if "the first event" in line]
        assert len(lines) == (level == "DEBUG")
    assert answers[0] == answers[1]
    assert (lines[0]["level"], lines[0]["requestId"]) == ("DEBUG", "request-0")
    lead, _, entries = lines[0]["message"].partition(" ms: ")
    assert lead.startswith("the first event resolved ")
    assert {"app:middle", "middle", "one"} <= {*entries.split(", ")}
    assert "two" not in entries


@needs_lazy_imports
def test_log_of_first_event_leaves_no_frame_in_stacks(tmp_path: Path) -> None:
    """The stack of a module that fails while the first event imports it is the same with and without the log."""
    (tmp_path / "bad.py").write_text("1 / 0\n")
    source = "def handler(event, context):\n    import bad"
    reports = [
        json.loads(run_lite(tmp_path, source, env={**LAZY, "AWS_LAMBDA_LOG_LEVEL": level}).replies[0].body)
        for level in ("INFO", "DEBUG")
    ]
    assert len(reports[0]["stackTrace"]) == 2
    assert reports[0] == reports[1]


@needs_lazy_imports
def test_log_of_first_event_loads_no_module(tmp_path: Path) -> None:
    """A module that the interpreter loads at the first use of an attribute is not loaded by the log."""
    source = """
import importlib.util, sys
spec = importlib.util.find_spec("one")
spec.loader = importlib.util.LazyLoader(spec.loader)
waiting = importlib.util.module_from_spec(spec)
sys.modules["one"] = waiting
spec.loader.exec_module(waiting)
def handler(event, context):
    return "two" in sys.modules
"""
    (tmp_path / "one.py").write_text("__import__('two')\n")
    (tmp_path / "two.py").write_text("")
    result = run_lite(tmp_path, source, [Event(), Event()], env={**LAZY, "AWS_LAMBDA_LOG_LEVEL": "DEBUG"})
    assert [reply.body for reply in result.replies] == [b"false", b"false"]


@needs_lazy_imports
def test_alias_of_the_main_module_is_no_entry(tmp_path: Path) -> None:
    """The log does not name `__mp_main__`, which multiprocessing makes of the main module and nobody can import."""
    source = "def handler(event, context):\n    import multiprocessing, sys\n    return '__mp_main__' in sys.modules"
    result = run_lite(tmp_path, source, env={**LAZY, "AWS_LAMBDA_LOG_LEVEL": "DEBUG"})
    assert result.replies[0].body == b"true"
    assert b" multiprocessing," in result.stdout and b"__mp_main__" not in result.stdout
