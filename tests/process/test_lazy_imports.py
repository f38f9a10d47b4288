"""Lazy imports: which imports of the application wait for their first use, and what they never change."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from awslambdaric_lite._lifecycle.own_imports import BREAKING
from tests.process.lite import run_lite
from tests.support.client_process import package_root
from tests.support.recorder import Event

SETTING = "AWSLAMBDARIC_LITE_LAZY_IMPORTS"
NEW = sys.version_info >= (3, 15)
needs_lazy_imports = pytest.mark.skipif(not NEW, reason="Python 3.15 and later has lazy imports")

# Each module imports one of `used_by_…`; the handler says which of these are loaded.
HANDLER = """
import sys, used_by_handler, library, vendored, layered, first_party
def handler(event, context):
    return sorted(name.removeprefix("used_by_") for name in sys.modules if name.startswith("used_by_"))
"""
MODULES = {
    "sites/site-packages/library.py": "import used_by_library\n",
    "task/vendored.py": "import used_by_vendored\n",
    "task/vendored-1.dist-info/RECORD": "vendored.py,sha256=x,1\nvendored-1.dist-info/RECORD,,\n",
    "task/first_party.py": "import used_by_first_party\n",
    "sites/dist-packages/layered.py": "import used_by_layered\n",
    **{f"task/used_by_{name}.py": "" for name in ("handler", "library", "vendored", "layered", "first_party")},
}
EVERY = ["first_party", "handler", "layered", "library", "vendored"]


def run(tmp_path: Path, env: Mapping[str, str], source: str = HANDLER) -> tuple[object, str]:
    """Return what the handler returned, and the log."""
    for name, text in MODULES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    folders = [package_root(), *(str(tmp_path / "sites" / name) for name in ("site-packages", "dist-packages"))]
    result = run_lite(tmp_path / "task", source, env={"PYTHONPATH": ":".join(folders), **env})
    return json.loads(result.replies[0].body), result.stdout.decode()


@needs_lazy_imports
@pytest.mark.parametrize(
    ("value", "loaded"),
    [
        ("off", EVERY),
        ("all", []),
        ("ALL", []),
        ("installed", ["first_party", "handler"]),
        ("{tmp}/patterns.txt", ["first_party", "handler", "layered", "vendored"]),
        ("{tmp}/exact.txt", []),
    ],
)
def test_setting_chooses_importing_modules(tmp_path: Path, value: str, loaded: list[str]) -> None:
    """The module that contains an import decides whether it is lazy: all, installed ones, or those of a file."""
    (tmp_path / "patterns.txt").write_text("# modules of others\nlibr*\n\nno.such.module\n")
    (tmp_path / "exact.txt").write_text("app  # the handler\n")
    assert run(tmp_path, {SETTING: value.format(tmp=tmp_path)}) == (loaded, "")


@pytest.mark.skipif(NEW, reason="this Python has lazy imports")
def test_older_python_logs_that_there_is_no_effect(tmp_path: Path) -> None:
    """Before Python 3.15, one line says that the setting has no effect."""
    loaded, log = run(tmp_path, {SETTING: "all"})
    assert loaded == EVERY
    assert log.endswith(f"{SETTING}=all has no effect: Python 3.15 and later has lazy imports\n")


@needs_lazy_imports
@pytest.mark.parametrize(
    ("value", "content", "reason"),
    [
        ("{tmp}/missing", None, "the file cannot be read: No such file or directory"),
        ("{tmp}/patterns", b"# nothing\n\n", "the file names no module; write one a line, e.g. botocore.*"),
        ("{tmp}/patterns", b"\xff\n", "the file cannot be read: it is not UTF-8"),
        ("{tmp}", None, "the file cannot be read: Is a directory"),
        ("yes", None, "must be one of: off, all, installed, the path of a file (with a slash)"),
    ],
)
def test_bad_value_gets_one_line_and_ordinary_imports(
    tmp_path: Path, value: str, content: bytes | None, reason: str
) -> None:
    """A value that cannot be used gets one line, and imports are ordinary."""
    if content is not None:
        (tmp_path / "patterns").write_bytes(content)
    loaded, log = run(tmp_path, {SETTING: value.format(tmp=tmp_path)})
    assert loaded == EVERY
    assert log.count("\n") == 1 and log.endswith(f" is ignored: {reason}\n")


@needs_lazy_imports
@pytest.mark.parametrize(
    "variables",
    [
        {"AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency"},
        {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"},
    ],
)
@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_imports_are_ordinary_where_nobody_waits_for_init(
    tmp_path: Path, variables: dict[str, str], level: str
) -> None:
    """Where init is over before the first event, imports are not lazy, and a line of level DEBUG says why."""
    env = {SETTING: "all", "AWS_LAMBDA_LOG_LEVEL": level, "AWS_LAMBDA_LOG_FORMAT": "JSON", **variables}
    loaded, log = run(tmp_path, env)
    assert loaded == EVERY
    assert ("no caller waits for the init phase" in log) is (level == "DEBUG")


@needs_lazy_imports
@pytest.mark.parametrize(
    "call", ["sys.set_lazy_imports('all')", "sys.set_lazy_imports_filter(lambda *names: names[0] != 'app')"]
)
def test_calls_of_sitecustomize_win(tmp_path: Path, call: str) -> None:
    """Where `sitecustomize` has called one of Python's functions, the setting is ignored, with a line."""
    (tmp_path / "custom").mkdir()
    (tmp_path / "custom" / "sitecustomize.py").write_text(f"import sys\n{call}\n")
    path = f"{package_root()}:{tmp_path}/custom"
    source = "import sys\ndef handler(event, context):\n    return sys.get_lazy_imports_filter() is None"
    (tmp_path / "task").mkdir()
    result = run_lite(tmp_path / "task", source, env={"PYTHONPATH": path, SETTING: "installed"})
    assert json.loads(result.replies[0].body) is ("filter" not in call)
    assert b"installed is ignored: user code has called sys.set_lazy_imports or its filter\n" in result.stdout


@needs_lazy_imports
def test_user_code_may_replace_the_filter(tmp_path: Path) -> None:
    """The function may turn lazy imports off again."""
    source = "import sys\nsys.set_lazy_imports('normal')\nsys.set_lazy_imports_filter(None)\n" + HANDLER
    assert run(tmp_path, {SETTING: "all"}, source)[0] == EVERY


_NO_DESCRIPTOR = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
def handler(event, context):
    held = []
    try:
        while True:
            held.append(open("/dev/null"))
    except OSError:
        pass
    handler.held = held
    raise ValueError("no descriptor is left")
"""


@needs_lazy_imports
@pytest.mark.parametrize("env", [{SETTING: "all"}, {"PYTHON_LAZY_IMPORTS": "all"}], ids=["setting", "interpreter"])
def test_error_path_resolves_no_import(tmp_path: Path, env: dict[str, str]) -> None:
    """An error without a free descriptor is reported: no import of the runtime is lazy, whoever asks for lazy ones."""
    result = run_lite(tmp_path, _NO_DESCRIPTOR, env=env)
    reply = json.loads(result.replies[0].body)
    assert (reply["errorType"], reply["errorMessage"]) == ("ValueError", "no descriptor is left")
    assert "no descriptor is left" in result.stdout.decode()


@needs_lazy_imports
@pytest.mark.parametrize("env", [{SETTING: "all"}, {"PYTHON_LAZY_IMPORTS": "all"}], ids=["setting", "interpreter"])
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_imports_of_the_runtime_are_eager(tmp_path: Path, env: dict[str, str], kind: str) -> None:
    """No module of the runtime, nor of asyncio, has a name that waits for an import."""
    source = f"""
import sys
{kind} handler(event, context):
    return [
        (name, key)
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in ("awslambdaric_lite", "asyncio", "__main__")
        for key, value in list(vars(module).items())
        if type(value).__name__ == "lazy_import"
    ]
"""
    assert json.loads(run_lite(tmp_path, source, env=env).replies[0].body) == []


@needs_lazy_imports
def test_code_without_a_name_is_eager(tmp_path: Path) -> None:
    """An import in code that has no module, as templates compile it, is an ordinary one."""
    source = """
def handler(event, context):
    names = {}
    exec("import used_by_handler", names)
    return type(names["used_by_handler"]).__name__
"""
    for value in ("all", "installed"):
        assert run(tmp_path, {SETTING: value}, source)[0] == "module"


# What breaks such a package, with its own imports lazy.
_BREAKING = {
    "sqlalchemy": "import sqlalchemy\nengine = sqlalchemy.create_engine('sqlite://')\n"
    "def handler(event, context):\n    with engine.connect() as connection:\n"
    "        return connection.execute(sqlalchemy.text('select 1')).scalar()",
    "pandas": "import pandas\ndef handler(event, context):\n    return int(pandas.DataFrame({'a': [1]}).sum().iloc[0])",
}


@needs_lazy_imports
@pytest.mark.parametrize("name", BREAKING)
@pytest.mark.parametrize("env", [{SETTING: "all"}, {"PYTHON_LAZY_IMPORTS": "all"}], ids=["setting", "interpreter"])
def test_packages_that_need_their_imports_work(tmp_path: Path, name: str, env: dict[str, str]) -> None:
    """A package that is known not to work with lazy imports keeps its own."""
    pytest.importorskip(name, reason=f"{name} is not installed")
    assert run_lite(tmp_path, _BREAKING[name], env=env).replies[0].body == b"1"


@needs_lazy_imports
@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("import nowhere", "No module named 'nowhere'"),
        ("from json import nothing as nowhere", "cannot import name 'nothing' from 'json'"),
    ],
)
def test_missing_module_is_reported_as_in_init(tmp_path: Path, kind: str, statement: str, message: str) -> None:
    """A lazy import that fails in an event has the error of init; a line names both places."""
    (tmp_path / "helper.py").write_text(f"{statement}\ndef use():\n    return nowhere.x\n")
    source = f"import helper\n{kind} handler(event, context):\n    return helper.use()\n"
    result = run_lite(tmp_path, source, [Event(), Event()], env={SETTING: "all"})
    for reply in result.replies:
        report = json.loads(reply.body)
        assert (report["errorType"], report["stackTrace"]) == ("Runtime.ImportModuleError", [])
        assert report["errorMessage"].startswith(f"Unable to import module 'app': {message}")
    helper = tmp_path / "helper.py"
    line = f"the lazy import in {helper}, line 1 failed when its name was used in {helper}, line 3\n"
    assert result.stdout.decode().count(line) == 2


@needs_lazy_imports
def test_other_import_errors_are_unchanged(tmp_path: Path) -> None:
    """An import that the handler itself makes is reported with its own type and stack."""
    source = "def handler(event, context):\n    import nowhere\n"
    report = json.loads(run_lite(tmp_path, source, env={SETTING: "all"}).replies[0].body)
    assert (report["errorType"], len(report["stackTrace"])) == ("ModuleNotFoundError", 1)


@needs_lazy_imports
@pytest.mark.parametrize(
    ("statement", "use"),
    [("from package import inner", "inner"), ("import package, package.inner", "package.inner")],
)
def test_submodules_are_resolved_while_imports_are_timed(tmp_path: Path, statement: str, use: str) -> None:
    """At level DEBUG, which times the imports of the first event, lazy imports of submodules work as without it."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").touch()
    (tmp_path / "package" / "inner.py").write_text("VALUE = 1\n")
    source = f"{statement}\ndef handler(event, context):\n    return {use}.VALUE\n"
    for level in ({"AWS_LAMBDA_LOG_LEVEL": "DEBUG"}, {}):
        assert run_lite(tmp_path, source, env={SETTING: "all", **level}).replies[0].body == b"1"
