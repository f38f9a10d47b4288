"""Lazy imports: which imports of the application wait for their first use, and what they never change."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from awslambdaric_lite._lifecycle.own_imports import BREAKING
from awslambdaric_lite.conformance.messages import Event
from tests.process.lite import run_lite
from tests.support.client_process import BOOTSTRAPPED, package_root

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


@needs_lazy_imports
@pytest.mark.parametrize(("further", "loaded"), [("app\n", []), ("", EVERY)])
def test_wrong_pattern_gets_one_line(tmp_path: Path, further: str, loaded: list[str]) -> None:
    """A pattern with a star in it chooses nothing, and one line names it; other patterns hold."""
    (tmp_path / "patterns.txt").write_text(f"a*p\n{further}")
    found, log = run(tmp_path, {SETTING: f"{tmp_path}/patterns.txt"})
    assert found == loaded
    assert log.endswith(f"{tmp_path}/patterns.txt: a*p: * may only end a pattern, e.g. botocore.*\n")


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
        {"AWS_LAMBDA_MAX_CONCURRENCY": "1", "AWSLAMBDARIC_LITE_FORK": "before"},
        {"AWS_LAMBDA_MAX_CONCURRENCY": "1", "AWSLAMBDARIC_LITE_CONCURRENCY_MODE": "thread"},
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
@pytest.mark.parametrize("value", ["off", "all"])
def test_mode_of_sitecustomize_is_kept(tmp_path: Path, value: str) -> None:
    """If `sitecustomize` turns off the lazy imports that an option of the interpreter has turned on, they stay off."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.set_lazy_imports('normal')\n")
    env = {"PYTHON_LAZY_IMPORTS": "all", SETTING: value, "PYTHONPATH": f"{package_root()}:{tmp_path}"}
    source = "import sys\ndef handler(event, context):\n    return sys.get_lazy_imports()"
    result = run_lite(tmp_path, source, command=BOOTSTRAPPED, env=env)
    assert json.loads(result.replies[0].body) == "normal"
    assert (b"all is ignored: user code has called" in result.stdout) is (value == "all")


@needs_lazy_imports
def test_import_of_the_package_keeps_the_mode() -> None:
    """A program that turns lazy imports off, and imports the package afterwards, has them off."""
    script = "import sys\nsys.set_lazy_imports('normal')\nimport awslambdaric_lite\nprint(sys.get_lazy_imports())"
    env = {"PYTHON_LAZY_IMPORTS": "all", "PYTHONPATH": package_root()}
    assert subprocess.check_output([sys.executable, "-c", script], env=env) == b"normal\n"


@needs_lazy_imports
def test_virtual_environment_in_the_task_root_is_installed(tmp_path: Path) -> None:
    """The nearest folder of the path decides: a virtual environment may lie in the function's folder."""
    write(
        tmp_path, {"venv/lib/python3.15/site-packages/library.py": "import used_by_library", "used_by_library.py": ""}
    )
    source = "import sys, library\ndef handler(event, context):\n    return 'used_by_library' in sys.modules"
    env = {SETTING: "installed", "PYTHONPATH": f"{package_root()}:{tmp_path}/venv/lib/python3.15/site-packages"}
    assert run_lite(tmp_path, source, env=env).replies[0].body == b"false"


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
    """An error without a free descriptor is reported: no import of the runtime is lazy in any mode."""
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


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files; an `__init__.py` in each of their folders makes packages."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


# Functions that break if imports are lazy, each with what the handler returns.
EAGER_CASES: dict[str, tuple[dict[str, str], str]] = {
    "function with the name of its module": (
        {"box/__init__.py": "from .work import work", "box/work.py": "def work(): return 'done'\ndef helper(): pass"},
        "from box.work import helper\nhelper()\nfrom box import work\ndef handler(event, context):\n    return work()",
    ),
    "alias with the name of a module": (
        {
            "box/__init__.py": "from .work import run as work",
            "box/work.py": "def run(): return 'done'\ndef helper(): pass",
        },
        "from box.work import helper\nhelper()\nimport box\ndef handler(event, context):\n    return box.work()",
    ),
    "function of a package with the name of a module": (
        {
            "box/__init__.py": "from box.date import Date\ndef date(): return 'today'",
            "box/date.py": "class Date: pass",
        },
        "import box\ndef handler(event, context):\n    box.Date()\n    return box.date()",
    ),
    "object with the name of its module": (
        {"box/__init__.py": "from .app import run\napp = 'app'", "box/app.py": "def run(): return 1"},
        "import box\ndef handler(event, context):\n    box.run()\n    return box.app",
    ),
    "module imported for its effects": (
        {
            "box/__init__.py": "from . import registry, items",
            "box/registry.py": "ITEMS = []",
            "box/items.py": "from .registry import ITEMS\nITEMS.append(1)",
        },
        "from box.registry import ITEMS\ndef handler(event, context):\n    return ITEMS",
    ),
    "module imported for its effects by its full name": (
        {
            "box/__init__.py": "import box.items",
            "box/registry.py": "ITEMS = []",
            "box/items.py": "from .registry import ITEMS\nITEMS.append(1)",
        },
        "import box.registry\ndef handler(event, context):\n    return box.registry.ITEMS",
    ),
    "deleted module": (
        {"box/__init__.py": "from .inner import VALUE\ndel inner", "box/inner.py": "VALUE = 1"},
        "import box\ndef handler(event, context):\n    return [box.VALUE, hasattr(box, 'inner')]",
    ),
    "locals()": (
        {
            "box/__init__.py": "from .inner import Error\nlocals()['Error'].__module__ = 'box'",
            "box/inner.py": "class Error(Exception): pass",
        },
        "import box\ndef handler(event, context):\n    return box.Error.__module__",
    ),
    "globals() in a function": (
        {"box.py": "from decimal import Decimal\ndef kind():\n    return type(globals()['Decimal']).__name__"},
        "import box\ndef handler(event, context):\n    return box.kind()",
    ),
    "vars() in a comprehension": (
        {
            "box.py": "import sys, json, csv\n"
            "KINDS = sorted({type(value).__name__ for value in list(vars(sys.modules['box']).values())})",
        },
        "import box\ndef handler(event, context):\n    return box.KINDS",
    ),
    "missing module in a with": (
        {
            "mine.py": "import contextlib\nlibrary = None\nwith contextlib.suppress(ImportError):\n"
            "    import no_such_library as library"
        },
        "import mine\ndef handler(event, context):\n    return mine.library is None",
    ),
    "missing module behind a module": (
        {
            "box/__init__.py": "try:\n    from . import fast\nexcept ImportError:\n    fast = None",
            "box/fast.py": "import no_such_library",
        },
        "import box\ndef handler(event, context):\n    return box.fast is None",
    ),
    "missing module behind a module in a function": (
        {"plugin.py": "from no_such_library import something"},
        "import importlib\ndef probe(name):\n    return importlib.import_module(name)\n"
        "def handler(event, context):\n    try:\n        return probe('plugin').__name__\n"
        "    except ImportError:\n        return 'none'",
    ),
    "missing module and suppress": (
        {"plugin.py": "import no_such_library as library"},
        "import contextlib\nfound = 'none'\nwith contextlib.suppress(ImportError):\n"
        "    found = __import__('plugin').__name__\n"
        "def handler(event, context):\n    return found",
    ),
}
# What is lazy may not differ, either.
LAZY_CASES: dict[str, tuple[dict[str, str], str]] = {
    "fallback": (
        {"mine.py": "try:\n    import no_such_library as json\nexcept ImportError:\n    import json\n"},
        "import mine\ndef handler(event, context):\n    return mine.json.dumps(1)",
    ),
    "star": (
        {"mine.py": "from decimal import Decimal\nimport json"},
        "from mine import *\ndef handler(event, context):\n    return [str(Decimal(1)), json.dumps(1)]",
    ),
    "module with __getattr__": (
        {
            "mine.py": "def __getattr__(name):\n    if name != 'answer':\n        raise AttributeError(name)\n"
            "    return 42"
        },
        "from mine import answer\ndef handler(event, context):\n    return answer",
    ),
    "circle": (
        {
            "one.py": "import two\ndef f(): return two.g()\ndef h(): return 1",
            "two.py": "import one\ndef g(): return one.h()",
        },
        "import one\ndef handler(event, context):\n    return one.f()",
    ),
    "thread": (
        {"mine.py": "import json\ndef f(): return json.dumps([1])"},
        "import mine, concurrent.futures\ndef handler(event, context):\n"
        "    with concurrent.futures.ThreadPoolExecutor(8) as pool:\n"
        "        return list(pool.map(lambda _: mine.f(), range(8)))",
    ),
    "generator": (
        {"mine.py": "import json\ndef f():\n    yield json.dumps(1)"},
        "import mine\ndef handler(event, context):\n    return list(mine.f())",
    ),
    "pickle": (
        {"mine.py": "from datetime import date"},
        "import mine, pickle\ndef handler(event, context):\n"
        "    return [str(pickle.loads(pickle.dumps(mine.date(2026, 1, 2)))), pickle.dumps(mine.date)[-30:].hex()]",
    ),
    "annotations": (
        {
            "mine.py": "from __future__ import annotations\nimport dataclasses, decimal, typing\n"
            "if typing.TYPE_CHECKING:\n    import no_such_library\n"
            "@dataclasses.dataclass\nclass A:\n    a: decimal.Decimal\n    b: typing.Optional[int] = None",
        },
        "import mine, typing\ndef handler(event, context):\n"
        "    return sorted(map(str, typing.get_type_hints(mine.A).items()))",
    ),
    "submodule": (
        {"box/__init__.py": "", "box/inner.py": "VALUE = 1"},
        "from box import inner\nimport box.inner as other\ndef handler(event, context):\n"
        "    return [inner.VALUE, other is inner]",
    ),
    "entry points": (
        {
            "mine-1.dist-info/METADATA": "Name: mine\nVersion: 1\n",
            "mine-1.dist-info/entry_points.txt": "[group]\nname = mine:f\n",
            "mine.py": "import json\ndef f(): return json.dumps(2)",
        },
        "from importlib.metadata import entry_points\ndef handler(event, context):\n"
        "    return [point.load()() for point in entry_points(group='group')]",
    ),
    "lazy import and __lazy_modules__": (
        {
            "mine.py": "import sys\n__lazy_modules__ = {'csv'}\nimport csv\nlazy import graphlib\n"
            "before = 'csv' in sys.modules, 'graphlib' in sys.modules\n"
            "def f(): return [*before, graphlib.__name__, csv.__name__]",
        },
        "import mine\ndef handler(event, context):\n    return mine.f()",
    ),
}


@needs_lazy_imports
@pytest.mark.parametrize("case", [*EAGER_CASES, *LAZY_CASES])
def test_answers_are_equal_in_all_modes(tmp_path: Path, case: str) -> None:
    """What the handler returns does not depend on which imports are lazy."""
    files, source = (EAGER_CASES | LAZY_CASES)[case]
    answers = []
    for place in ("task", "task/site-packages"):
        root = tmp_path / place.replace("/", "-")
        write(root / place.partition("/")[2], files)
        for value in ("off", "all", "installed"):
            env = {SETTING: value, "PYTHONPATH": f"{package_root()}:{root}/site-packages"}
            result = run_lite(root, source, env=env)
            answers.append((result.replies[0].verb, result.replies[0].body, result.stdout))
    assert answers[0][0] == "response" and set(answers) == {answers[0]}


@needs_lazy_imports
@pytest.mark.parametrize("case", EAGER_CASES)
def test_cases_break_without_the_runtime(tmp_path: Path, case: str) -> None:
    """Each of these functions answers otherwise, or fails, if the interpreter makes all of its imports lazy."""
    files, source = EAGER_CASES[case]
    write(tmp_path, {**files, "app.py": source})
    script = "import sys\n{}\nimport app\nprint(app.handler(None, None))"
    found = [
        subprocess.run(
            [sys.executable, "-c", script.format(line)], cwd=tmp_path, capture_output=True, check=False
        ).stdout
        for line in ("", "sys.set_lazy_imports('all')")
    ]
    assert found[0] and found[0] != found[1]


# What breaks the packages that the runtime knows, each with what the handler returns.
_REGISTRY = (
    {"registry.py": "ITEMS = []", "items.py": "from .registry import ITEMS\nITEMS.append(1)\nItem = 1"},
    "from .items import Item",
    "import {name}.registry\ndef handler(event, context):\n    return {name}.registry.ITEMS == [1]",
)
_SUBMODULE = (
    {"auth.py": "VALUE = 1", "sessions.py": "from .auth import VALUE\nSession = 1"},
    "from .sessions import Session",
    "import {name}\ndef handler(event, context):\n    return {name}.auth.VALUE == 1",
)
_IMPORTS_AGAIN = (
    {
        "again.py": "import importlib, sys\ndef again(name):\n    kept = sys.modules.pop(name, None)\n"
        "    importlib.import_module(name)\n    sys.modules[name] = kept"
    },
    "from graphlib import TopologicalSorter\nfrom .again import again as _again\n_again('graphlib')",
    "import {name}\nfrom graphlib import TopologicalSorter\n"
    "def handler(event, context):\n    return bool({name}.again and TopologicalSorter)",
)
_CIRCLE = (
    {
        "base.py": "from .tools import f\nVALUE = f()\nclass Base: pass",
        "tools.py": "def f(): return 1\nfrom .base import Base\nclass Tool(Base): pass",
    },
    "from .tools import Tool",
    "from {name}.base import VALUE\ndef handler(event, context):\n    return VALUE == 1",
)
_KINDS = {"alembic": _CIRCLE, "defusedxml": _IMPORTS_AGAIN, "requests": _SUBMODULE}


@needs_lazy_imports
@pytest.mark.parametrize("name", BREAKING)
@pytest.mark.parametrize("env", [{SETTING: "all"}, {"PYTHON_LAZY_IMPORTS": "all"}], ids=["setting", "interpreter"])
def test_packages_that_need_their_imports_keep_them(tmp_path: Path, name: str, env: dict[str, str]) -> None:
    """A package that does, by its name, what breaks the known one works; under another name it does not."""
    files, init, source = _KINDS.get(name, _REGISTRY)
    answers = []
    for package in (name, "another"):
        write(tmp_path / package / package, {"__init__.py": init, **files})
        result = run_lite(tmp_path / package, source.format(name=package), env=env)
        answers.append(result.replies[0].body)
    assert answers[0] == b"true" != answers[1]


# Real ones that the tests' environments have.
_BREAKING = {
    "sqlalchemy": "import sqlalchemy\nengine = sqlalchemy.create_engine('sqlite://')\n"
    "def handler(event, context):\n    with engine.connect() as connection:\n"
    "        return connection.execute(sqlalchemy.text('select 1')).scalar()",
    "pandas": "import pandas\ndef handler(event, context):\n    return int(pandas.DataFrame({'a': [1]}).sum().iloc[0])",
    "requests": "import requests\ndef handler(event, context):\n    return len([requests.auth.AuthBase])",
    "defusedxml": "import defusedxml.ElementTree as ET\nimport xml.etree.ElementTree\nET.fromstring('<a/>')\n"
    "def handler(event, context):\n    return len([xml.etree.ElementTree.fromstring('<a/>')])",
}


@needs_lazy_imports
@pytest.mark.parametrize("name", _BREAKING)
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


# Results that are made after the handler has returned.
_LATER = {
    "generator": "def results():\n        yield helper.use()\n    return results()",
    "async generator": "async def results():\n        yield helper.use()\n    return results()",
    "awaitable": "async def result():\n        return helper.use()\n    return result()",
}


@needs_lazy_imports
@pytest.mark.parametrize("form", _LATER)
def test_missing_module_of_a_later_result_is_reported_as_in_init(tmp_path: Path, form: str) -> None:
    """A lazy import that fails while a stream or an awaitable makes the result has the error of init."""
    (tmp_path / "helper.py").write_text("import nowhere\ndef use():\n    return nowhere.x\n")
    source = f"import helper\ndef handler(event, context):\n    {_LATER[form]}\n"
    result = run_lite(tmp_path, source, env={SETTING: "all"})
    assert result.replies[0].verb == "error"
    report = json.loads(result.replies[0].body)
    assert report["errorMessage"] == "Unable to import module 'app': No module named 'nowhere'"
    assert b"helper.py, line 1 failed when its name was used in " in result.stdout


@needs_lazy_imports
def test_module_with_wrong_syntax_is_reported_as_in_init(tmp_path: Path) -> None:
    """A lazy import of a file that is not Python has the error of init."""
    (tmp_path / "broken.py").write_text("x = (\n")
    source = "import broken\ndef handler(event, context):\n    return broken.x\n"
    reports = [json.loads(run_lite(tmp_path, source, env={SETTING: value}).replies[0].body) for value in ("off", "all")]
    assert reports[0]["errorType"] == "Runtime.UserCodeSyntaxError"
    assert {**reports[0], "requestId": "request-0"} == reports[1]


@needs_lazy_imports
def test_places_leave_out_modules_between(tmp_path: Path) -> None:
    """The line names the code that used the name, not the module whose own import failed."""
    write(tmp_path, {"middle.py": "for _ in range(1):\n    __import__('nowhere')\n"})
    source = "import middle\ndef handler(event, context):\n    return middle.x\n"
    log = run_lite(tmp_path, source, env={SETTING: "all"}).stdout.decode()
    app = tmp_path / "app.py"
    assert f"the lazy import in {app}, line 1 failed when its name was used in {app}, line 3\n" in log


@needs_lazy_imports
@pytest.mark.parametrize("value", ["all", "installed"])
def test_module_that_nothing_imports_gets_a_hint(tmp_path: Path, value: str) -> None:
    """Where a package lacks a module that nobody has imported yet, a line says how to import it."""
    write(
        tmp_path / "site-packages",
        {"box/__init__.py": "from .a import A", "box/a.py": "from .b import B\nA = 1", "box/b.py": "B = 1"},
    )
    source = "import box\ndef handler(event, context):\n    return getattr(box, event)"
    env = {SETTING: value, "PYTHONPATH": f"{package_root()}:{tmp_path}/site-packages"}
    result = run_lite(tmp_path, source, [Event(b'"b"'), Event(b'"c"')], env=env)
    assert [json.loads(reply.body)["errorType"] for reply in result.replies] == ["AttributeError"] * 2
    log = result.stdout.decode()
    assert log.count("is not imported yet") == 1
    assert "box.b is not imported yet, because imports are lazy: add `import box.b`\n" in log


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
