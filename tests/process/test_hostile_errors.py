"""An exception, a stream or a setting of user code that raises or lies does not keep an error from being posted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.process.lite import numbered, run_lite
from tests.process.test_shutdown import terminated
from tests.support.client_process import LITE, OFFICIAL

# Members of exception classes. `no` raises `SystemExit`, which nothing may take for the handler's.
MEMBERS = {
    "str raises": "__str__ = no",
    "str is no text": "__str__ = lambda self: 7",
    "str is of a hostile class": "__str__ = lambda self: Text('text')",
    "repr raises": "__repr__ = no",
    "args raise": "args = property(no)",
    "class raises": "__class__ = property(no)",
    "class lies": "__class__ = property(lambda self: SystemExit)",
    "traceback raises": "__traceback__ = property(no)",
    "traceback lies": "__traceback__ = 7",
    "cause raises": "__cause__ = __context__ = __suppress_context__ = property(no)",
    "notes raise": "__notes__ = property(no)",
    "code raises": "code = property(no)",
    "every attribute raises": "__getattribute__ = no",
    "module is no text": "__module__ = 7",
    "module raises": "__module__ = property(no)",
    "qualified name": "__qualname__ = 'A.B'",
    "hash and equality raise": "__hash__ = __eq__ = no",
    "reduce and size raise": "__reduce_ex__ = __sizeof__ = __dir__ = __format__ = no",
    "truth and length raise": "__bool__ = __len__ = __iter__ = no",
}
META = {
    "plain": "",
    "name raises": "__name__ = property(no)",
    "name is no text": "__name__ = property(lambda self: 7)",
    "name is of a hostile class": "__name__ = property(lambda self: Text('Odd'))",
    "every attribute raises": "__getattribute__ = no",
    "instance check raises": "__instancecheck__ = no",
    "hash raises": "__hash__ = __eq__ = no",
    "repr raises": "__repr__ = __str__ = no",
}
HOSTILE = """
import sys
def no(*arguments, **named):
    raise SystemExit(3)
class Text(str):
    __str__ = __repr__ = __len__ = __iter__ = __hash__ = __eq__ = __add__ = __radd__ = __format__ = __bool__ = no
    encode = splitlines = replace = lstrip = startswith = __getitem__ = __contains__ = no
"""


def classes() -> str:
    """Return the source of a list with an exception for each combination of a member, a metaclass and a base."""
    lines = [HOSTILE, "RAISED = []\n"]
    for meta in META.values():
        for base in ("Exception", "BaseException"):
            for member in MEMBERS.values():
                lines.append(
                    f"class Meta(type):\n    {meta or 'pass'}\n"
                    f"class Odd({base}, metaclass=Meta):\n    {member}\nRAISED.append(lambda Odd=Odd: Odd('text'))\n"
                )
    return "".join(lines)


COUNT = len(META) * 2 * len(MEMBERS)


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
def test_each_exception_is_posted(tmp_path: Path, log_format: str) -> None:
    """Any combination of hostile members and metaclasses is reported with the name of its class."""
    source = classes() + "def handler(event, context):\n    raise RAISED[event]()\n"
    result = run_lite(tmp_path, source, numbered(COUNT), env={"AWS_LAMBDA_LOG_FORMAT": log_format})
    assert result.ended_by_test, (len(result.replies), result.stderr[-1000:])
    assert [request.verb for request in result.replies] == ["error"] * COUNT
    errors = [json.loads(request.body) for request in result.replies]
    assert {error["errorType"] for error in errors} == {"Odd"}
    assert {error["errorMessage"] for error in errors} == {"text", "<exception str() failed: Odd>"}
    assert all("in handler" in error["stackTrace"][0] for error in errors)


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize("member", MEMBERS.values(), ids=MEMBERS)
def test_hostile_exit_ends_process(tmp_path: Path, member: str, kind: str) -> None:
    """A hostile `SystemExit` is posted and ends the process."""
    source = f"{HOSTILE}class Odd(SystemExit):\n    {member}\n{kind} handler(event, context):\n    raise Odd(5)\n"
    result = run_lite(tmp_path, source)
    assert [json.loads(request.body)["errorType"] for request in result.replies] == ["Runtime.ExitError"]
    assert not result.ended_by_test


@pytest.mark.parametrize("member", [*MEMBERS.values()], ids=MEMBERS)
def test_hostile_exception_of_init_is_posted(tmp_path: Path, member: str) -> None:
    """A hostile exception while the module is imported is posted as an error of init."""
    result = run_lite(tmp_path, f"{HOSTILE}class Odd(Exception):\n    {member}\nraise Odd('text')\n")
    assert [json.loads(request.body)["errorType"] for request in result.replies] == ["Odd"]
    assert result.exit_code == 1


def test_error_of_init_is_posted_without_imports(tmp_path: Path) -> None:
    """An error of init is posted, without a hint, by a process in which nothing more can be imported."""
    source = "import builtins, sys\nbuiltins.__import__ = sys.exit\nraise ImportError('mine')\n"
    result = run_lite(tmp_path, source)
    (error,) = [json.loads(request.body) for request in result.replies]
    assert (error["errorType"], error["errorMessage"]) == (
        "Runtime.ImportModuleError",
        "Unable to import module 'app': mine",
    )
    assert result.exit_code == 1


@pytest.mark.parametrize("member", ["__str__ = no", "__class__ = property(no)", "code = property(no)"])
def test_hostile_exception_ends_stream(tmp_path: Path, member: str) -> None:
    """A hostile exception within a stream is sent in its trailers."""
    source = f"{HOSTILE}class Odd(Exception):\n    {member}\n"
    result = run_lite(
        tmp_path, f"{source}def handler(event, context):\n    yield 'a'\n    raise Odd('text')\n", numbered(2)
    )
    types = [dict(request.trailers)["Lambda-Runtime-Function-Error-Type"] for request in result.replies]
    assert types == ["Function.Odd"] * 2
    assert result.ended_by_test


SETTINGS = {
    "limit": "sys.tracebacklimit = {}",
    "stdout and stderr": "sys.stdout = sys.stderr = {}",
}
VALUES = ("None", "0", "-1", "1.5", "'1'", "object()", "type", "print", "[]", "float('nan')", "True", "no", "Hostile()")
HOSTILE_OBJECT = """
class Hostile:
    __getattribute__ = __getattr__ = __lt__ = __gt__ = __sub__ = __bool__ = __call__ = no
"""


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_odd_settings_are_survived(tmp_path: Path, setting: str, log_format: str) -> None:
    """Results and errors are posted although a setting of the interpreter has a value of the wrong type."""
    source = f"{HOSTILE}{HOSTILE_OBJECT}VALUES = [{', '.join(VALUES)}]\n"
    source += f"def handler(event, context):\n    {setting.format('VALUES[event // 2]')}\n"
    source += "    if event % 2: raise ValueError('text')\n    return 'ok'\n"
    result = run_lite(tmp_path, source, numbered(2 * len(VALUES)), env={"AWS_LAMBDA_LOG_FORMAT": log_format})
    assert [request.verb for request in result.replies] == ["response", "error"] * len(VALUES)
    assert result.ended_by_test


@pytest.mark.parametrize("meta", [meta for meta in META.values() if meta], ids=[name for name in META if META[name]])
@pytest.mark.parametrize("command", [LITE, OFFICIAL], ids=["ours", "official"])
def test_result_of_hostile_class_is_an_error(tmp_path: Path, meta: str, command: tuple[str, ...]) -> None:
    """A result that is not JSON is an error of encoding, also if the methods of its metaclass raise."""
    source = HOSTILE.replace("SystemExit(3)", "ValueError('mine')")
    source += f"class Meta(type):\n    {meta}\nclass Odd(metaclass=Meta): pass\n"
    result = run_lite(
        tmp_path, f"{source}def handler(event, context):\n    return Odd()\n", numbered(2), command=command
    )
    assert [json.loads(request.body)["errorType"] for request in result.replies] == ["Runtime.MarshalError"] * 2


RAISED = ("ValueError", "SystemExit(3)", "KeyboardInterrupt", "GeneratorExit", "BaseException", "RuntimeError", "Odd()")
STREAM = """
class Odd(BaseException):
    __str__ = __class__ = property(no)
class Stream:
    def __init__(self, raised, names): self.raised, self.names = raised, names
    def __getattr__(self, name):
        if name in self.names: raise self.raised
        return lambda *arguments: None
def broken(raised):
    def method(*arguments): raise raised
    return method
class Broken:
    def __init__(self, raised): self.write = self.flush = self.isatty = self.fileno = broken(raised)
def break_streams(raised):
    sys.stdout = sys.stderr = [Broken(raised), Stream(raised, ("write",)), Stream(raised, ("flush",))][HOW]
"""


@pytest.mark.parametrize("how", ["0", "1", "2"], ids=["calls", "write", "flush"])
@pytest.mark.parametrize("log_format", ["Text", "JSON"])
def test_broken_streams_are_survived(tmp_path: Path, how: str, log_format: str) -> None:
    """Results and errors are posted although methods of standard output and error raise anything."""
    source = HOSTILE + STREAM.replace("HOW", how) + f"RAISED = [{', '.join(RAISED)}]\n"
    source += "def handler(event, context):\n    break_streams(RAISED[event // 2])\n"
    source += "    if event % 2: raise ValueError('text')\n    return 'ok'\n"
    result = run_lite(tmp_path, source, numbered(2 * len(RAISED)), env={"AWS_LAMBDA_LOG_FORMAT": log_format})
    assert [request.verb for request in result.replies] == ["response", "error"] * len(RAISED)
    assert result.ended_by_test


@pytest.mark.parametrize("raised", RAISED)
def test_broken_streams_do_not_stop_hooks(tmp_path: Path, raised: str) -> None:
    """Hooks run at SIGTERM although methods of standard output and error raise anything."""
    source = HOSTILE + STREAM.replace("HOW", "0")
    source += "import os\nfrom awslambdaric_lite import on_shutdown\n"
    source += "@on_shutdown\ndef hook():\n    os.write(1, b'hook')\n    raise ValueError\n"
    source += f"def handler(event, context):\n    break_streams({raised})\n"
    result = terminated(tmp_path, source)
    assert (result.stdout, result.exit_code) == (b"hook", 0)


# What the official client survives, too.
COMMON = (
    "__str__ = lambda self: 'é'",
    "__repr__ = no",
    "__module__ = 7",
    "__qualname__ = 'A.B'",
    "__hash__ = no",
    "args = 1, 2",
)


def test_reports_equal_the_official_ones(tmp_path: Path) -> None:
    """The report of an odd exception that the official client survives equals that of the official client."""
    source = HOSTILE + "RAISED = []\n"
    for member in COMMON:
        source += f"class Odd(Exception):\n    {member}\nRAISED.append(Odd('text'))\n"
    source += "def handler(event, context):\n    raise RAISED[event]\n"
    results = [run_lite(tmp_path, source, numbered(len(COMMON)), command=command) for command in (LITE, OFFICIAL)]
    ours, official = ([json.loads(request.body) for request in result.replies] for result in results)
    assert ours == official


@pytest.mark.parametrize("hook", ["settrace", "setprofile"])
@pytest.mark.parametrize("raised", ["ValueError('x')", "SystemExit(3)", "KeyboardInterrupt"])
def test_trace_function_that_raises_loses_no_error(tmp_path: Path, raised: str, hook: str) -> None:
    """The error of a handler is posted although a trace or profile function of user code raises."""
    source = f"""
import sys
def trace(frame, event, argument):
    if frame.f_globals["__name__"] != __name__:
        raise {raised}
def handler(event, context):
    sys.{hook}(trace)
    raise ValueError("text")
"""
    result = run_lite(tmp_path, source, numbered(2))
    assert [request.verb for request in result.replies] == ["error"] * 2
    assert [json.loads(request.body)["errorMessage"] for request in result.replies] == ["text"] * 2
    assert result.ended_by_test


@pytest.mark.parametrize("chain", ["0", "1"])
@pytest.mark.parametrize("log_format", ["Text", "JSON"])
@pytest.mark.parametrize("text", ["'x'", "'\\N{SNOWMAN}'", "'\\0'"], ids=["ascii", "other", "control"])
@pytest.mark.parametrize("size", [5_000_000, 20_000_000, 50_000_000])
def test_message_that_memory_cannot_hold_is_shortened(
    tmp_path: Path, size: int, text: str, log_format: str, chain: str
) -> None:
    """An error is posted and logged although its message leaves no memory for the report."""
    source = f"""
import resource
def handler(event, context):
    text = {text} * {size}
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + {size // 2}, -1))
    raise ValueError(text)
"""
    env = {"AWS_LAMBDA_LOG_FORMAT": log_format, "AWSLAMBDARIC_LITE_ERROR_CHAIN": chain}
    result = run_lite(tmp_path, source, env=env)
    assert [request.verb for request in result.replies] == ["error"]
    assert json.loads(result.replies[0].body)["errorType"] == "ValueError"
    assert b"ValueError" in result.stdout and result.ended_by_test
