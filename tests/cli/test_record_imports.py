"""`awslambdaric-lite record-imports`: the list of what events import, and that nothing is left with it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from awslambdaric_lite import events
from awslambdaric_lite.cli import main
from awslambdaric_lite.emulator import LocalLambda

FUNCTION = {
    "app.py": "import lazily\ndef handler(event, context):\n    import at_once\n    return lazily.value()\n",
    "lazily.py": "import deep\ndef value():\n    return deep.VALUE\n",
    "deep.py": "import deeper\nVALUE = deeper.VALUE\n",
    "deeper.py": "VALUE = 1\n",
    "at_once.py": "",
}
RESPONSES = {
    "plain": "def handler(event, context):\n    import late\n",
    "module of this program": "def handler(event, context):\n    import late, json, pathlib, collections.abc, typing\n",
    "configuration of the build": "def handler(event, context):\n    import late, sysconfig\n"
    "    sysconfig.get_config_vars()\n",
    "coroutine": "async def handler(event, context):\n    import late\n",
    "coroutine that waits": "import asyncio\nasync def handler(e, c):\n    await asyncio.sleep(0)\n    import late\n",
    "generator": "def handler(event, context):\n    yield b'1'\n    import late\n    yield b'2'\n",
    "async generator": "async def handler(event, context):\n    yield b'1'\n    import late\n    yield b'2'\n",
    "end of a generator": "def handler(event, context):\n    try:\n        yield b'1'\n"
    "    finally:\n        import late\n",
    "iterator": "class Parts:\n    def __iter__(self): return self\n    def __next__(self):\n        import late\n"
    "        raise StopIteration\ndef handler(event, context):\n    return Parts()\n",
    "awaitable": "async def later():\n    import late\ndef handler(event, context):\n    return later()\n",
    "value that is encoded": "class Number(dict):\n    def items(self):\n        import late\n        return []\n"
    "def handler(event, context):\n    return Number(a=1)\n",
    "ASGI application": "async def handler(scope, receive, send):\n"
    "    assert scope['type'] == 'http'\n    import late\n"
    "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
    "    await send({'type': 'http.response.body', 'body': b''})\n",
}
LIST = "AWSLAMBDARIC_LITE_IMPORT_LIST"
NEW = sys.version_info >= (3, 15)


@pytest.fixture
def function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a function, which is the current one."""
    for name, text in FUNCTION.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "event.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def entries(path: Path) -> list[str]:
    """Return the lines of a list without comments."""
    return [line for line in path.read_text().splitlines() if not line.startswith("#")]


def test_recorded_events_import_nothing_more(function: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The list has what the events import; with it, the first event imports nothing."""
    assert main(["record-imports", "app.handler", "--event", "event.json", "--lazy", "all"]) == 0
    recorded = entries(function / "imports.txt")
    lazy = ["app:lazily", "deep:deeper", "lazily", "lazily:deep"]
    assert [entry for entry in recorded if entry == "at_once" or entry in lazy] == (
        ["app:lazily", "at_once", "lazily", "lazily:deep"] if NEW else ["at_once"]
    )
    found = f"imports.txt: {len(recorded)} {'entries' if len(recorded) != 1 else 'entry'}; put it into the function's "
    assert capsys.readouterr().err == f"{found}folder and set AWSLAMBDARIC_LITE_IMPORT_LIST to its path\n"
    assert not NEW or "the first event resolved 0 imports in " in logs_with_list(function)


def test_events_that_import_nothing_need_no_list(function: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A list without entries is written, and the output says that it is not needed."""
    (function / "app.py").write_text("def handler(event, context):\n    pass\n")
    assert main(["record-imports", "app.handler", "--event", "event.json"]) == 0
    text = "imports.txt: no entries, because the events import nothing after init; the function needs no list\n"
    assert capsys.readouterr().err == text and entries(function / "imports.txt") == []


def logs_with_list(function: Path) -> str:
    """Return the log of the first event with the list, on a Python that has lazy imports."""
    env = {
        "AWSLAMBDARIC_LITE_IMPORT_LIST": "imports.txt",
        "AWSLAMBDARIC_LITE_LAZY_IMPORTS": "all",
    }
    with LocalLambda("app.handler", task_root=function, env=env, log_format="JSON", log_level="DEBUG") as started:
        return started.invoke().logs


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--event", "missing.json"], 2, "event file missing.json does not exist"),
        ([], 2, "--event"),
        (["--event", "event.json", "--lazy", "some"], 2, "--lazy 'some' is unknown; choose off, all, installed"),
        (["--event", "event.json", "--runtime", "sh"], 2, "--runtime does not go with record-imports"),
        (["--event", "event.json", "--managed-concurrency", "2"], 2, "--managed-concurrency does not go with record-"),
        (["--event", "event.json", "-o", "no/such/folder"], 1, "no/such"),
        (["--event", "event.json", "--env", "FAIL=1"], 1, "app.handler failed while its imports were recorded: "),
        (["--event", "event.json", "--env", "FAIL=1"], 1, "; correct it or the event, or set variables with --env\n"),
    ],
)
def test_bad_input_writes_no_list(
    function: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, message: str
) -> None:
    """Bad input gets a message and writes nothing."""
    text = FUNCTION["app.py"].replace("import at_once", "import os; assert 'FAIL' not in os.environ")
    (function / "app.py").write_text(text)
    assert main(["record-imports", "app.handler", *arguments]) == status
    assert message in capsys.readouterr().err
    assert not (function / "imports.txt").exists()


@pytest.mark.parametrize("kind", RESPONSES)
def test_imports_are_recorded_until_response_is_sent(function: Path, kind: str) -> None:
    """The list has the imports of coroutines, streams and applications, and those of modules that the recorder uses."""
    (function / "app.py").write_text(RESPONSES[kind])
    (function / "late.py").write_text("import later_still\n")
    (function / "later_still.py").write_text("")
    (function / "event.json").write_text(json.dumps(events.function_url()))
    assert main(["record-imports", "app.handler", "--event", "event.json"]) == 0
    needed = {"late", "later_still"}
    if kind == "module of this program":
        needed |= {"json", "pathlib", "collections.abc", "typing"}
    recorded = set(entries(function / "imports.txt"))
    assert needed <= recorded
    assert not [entry for entry in recorded if entry.startswith("_sysconfigdata")]  # other builds have other names


def test_list_was_tried_as_it_is_written(function: Path) -> None:
    """The last run, in which events import nothing more, has the list that is written, because its order matters."""
    source = (
        "import os, sys\ndef handler(event, context):\n    __import__('alpha' if 'omega' in sys.modules else 'omega')\n"
    )
    source += (
        f"    with open(os.environ['{LIST}']) as list, open(event, 'w') as copy:\n        copy.write(list.read())\n"
    )
    (function / "app.py").write_text(source)
    for name in ("alpha", "omega"):
        (function / f"{name}.py").touch()
    (function / "event.json").write_text(json.dumps(str(function / "copy.txt")))
    assert main(["record-imports", "app.handler", "--event", "event.json", "--writable"]) == 0
    assert {"alpha", "omega"} <= set(entries(function / "imports.txt"))
    assert (function / "copy.txt").read_text() == (function / "imports.txt").read_text()
