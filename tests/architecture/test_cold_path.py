"""The modules that a cold start loads, compared with a list in the tree."""

from __future__ import annotations

import operator
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..wire.doubles import GUARD, ClassicApi, Request
from .child import WatchedRuntime, bare_prefix, base_interpreter, environment

LIST = Path(__file__).parent / "modules-at-first-next.txt"
HEAVY = {
    "asyncio",
    "enum",
    "functools",
    "json",
    "logging",
    "os",
    "re",
    "site",
    "socket",
    "traceback",
    "types",
    "typing",
}
_COMPARE: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {">=": operator.ge, "<": operator.lt}


def listed() -> set[str]:
    """Return the names in the list for this version of Python."""
    names = set()
    for line in LIST.read_text().splitlines():
        name, _, condition = line.partition("#")[0].strip().partition(" ")
        sign = condition.strip().rstrip("0123456789.")
        if name and (
            not sign or _COMPARE[sign](sys.version_info[:2], tuple(map(int, condition.strip(" <>=").split("."))))
        ):
            names.add(name)
    return names


class WatchedApi(ClassicApi):
    """A Runtime API that records the loaded modules at each poll, before its response."""

    def __init__(self, events: list[tuple[str, bytes]]) -> None:
        super().__init__(events)
        self.runtime: WatchedRuntime | None = None
        self.at_polls: list[set[str]] = []

    def _answer(self, request: Request) -> bytes:
        if request.line == "GET invocation/next":
            assert self.runtime is not None
            self.at_polls.append(self.runtime.modules())
        return super()._answer(request)


@pytest.fixture(scope="module", params=[{}, {"AWSLAMBDARIC_LITE_PIPELINE": "0"}], ids=["pipelined", "one by one"])
def at_polls(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[set[str]]]:
    """Return the modules that are loaded at each poll: the first, after a success, and after each of two errors."""
    events = [("id-1", b'{"a":[1]}'), ("id-2", b'"fail"'), ("id-3", b'"mistake"')]
    with WatchedApi(events) as api:
        api.runtime = WatchedRuntime(tmp_path_factory.mktemp("cold"), api.address, **request.param)
        runtime = api.runtime
        try:
            # The fourth poll gets a 500, after which the process exits.
            output, _ = runtime.process.communicate(timeout=GUARD)
        finally:
            runtime.stop()
    assert [each.line.rpartition("/")[2] for each in api.requests if each.line.startswith("POST")] == [
        "response",
        "error",
        "error",
    ], output
    # The variable adds the module that reads it.
    yield [loaded - {"awslambdaric_lite._optional_settings"} if request.param else loaded for loaded in api.at_polls]


def test_the_first_poll_finds_the_listed_modules_loaded(at_polls: list[set[str]]) -> None:
    """The first poll finds exactly the modules of the list loaded; each further one costs milliseconds."""
    loaded, expected = at_polls[0], listed()
    report = [f"+ {name} is loaded but not listed" for name in sorted(loaded - expected)]
    report += [f"- {name} is listed but not loaded" for name in sorted(expected - loaded)]
    assert not report, "\n".join([f"{LIST.name} and a fresh interpreter differ:", *report])


def test_everything_listed_is_the_interpreters_or_ours() -> None:
    """The list has no Python modules of the standard library except those that Python starts with."""
    at_start = {"abc", "codecs", "encodings", "encodings.aliases", "encodings.utf_8", "io", "zipimport"}
    frozen = {"__main__", "_frozen_importlib", "_frozen_importlib_external"}
    for name in listed() - at_start - frozen:
        ours = name.partition(".")[0] == "awslambdaric_lite"
        assert ours or name in sys.builtin_module_names or name in ("_socket", "_json"), name
    assert not listed() & HEAVY


@pytest.mark.parametrize(("poll", "event"), [(1, "a success"), (2, "an error"), (3, "another error")])
def test_an_invocation_imports_nothing(poll: int, event: str, at_polls: list[set[str]]) -> None:
    """Neither a success nor an error loads a module, because an import at 128 MB takes 14 times longer."""
    assert at_polls[poll] - at_polls[0] == set(), event
    assert not at_polls[poll] & HEAVY


def test_the_listed_interpreter_modules_are_those_python_starts_with(tmp_path: Path) -> None:
    """The modules that the list attributes to the interpreter are those of a bare `-S` start."""
    script = tmp_path / "names.py"
    script.write_text("import sys; print('\\n'.join(sys.modules))")
    loaded = subprocess.run(
        [base_interpreter(), "-S", str(script)],
        env=environment(tmp_path, PYTHONHOME=str(bare_prefix(tmp_path / "prefix"))),
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=True,
    )
    runtimes_own = {"_json", "_socket", "gc"}
    ours = {name for name in listed() if name.startswith("awslambdaric_lite")}
    assert set(loaded.stdout.split()) == listed() - runtimes_own - ours
