"""The handler's import: its findings, its cost, and its missing traces."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest

from awslambdaric_lite.packaging.audit import handler as handler_module
from awslambdaric_lite.packaging.audit import import_gains
from awslambdaric_lite.packaging.audit.run import audit
from awslambdaric_lite.packaging.errors import PackagingError

from .packages import PYTHON, TARGET, Content, cached, codes, compiled, findings, make_folder, make_zip, pyc

HANDLER = "def handler(event, context):\n    return event\n"


@pytest.fixture(autouse=True)
def no_figures_of_a_busy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make slow imports and costs independent of background load."""
    monkeypatch.setattr(handler_module, "SLOW_US", 10**12)
    monkeypatch.setattr(import_gains, "LEAST_US", 10**12)
    monkeypatch.setattr(handler_module, "RUNS", 1)


def fingerprint(folder: Path) -> dict[str, tuple[int, str]]:
    """Return every file and folder with date and content."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in [folder, *folder.rglob("*")]
    }


def test_a_handler_that_imports(tmp_path: Path) -> None:
    """A handler that imports has no findings, and a tree that begins with it."""
    path = make_zip(tmp_path / "a.zip", compiled({"app.py": "import helper\n" + HANDLER, "helper.py": ""}))
    result = audit(path, TARGET, handler="app.handler")
    assert result.findings == []
    assert result.tree is not None
    assert result.tree.name == "app.handler"
    assert "helper" in [module.name for module in result.tree.walk()]


def test_handlers_in_packages(tmp_path: Path) -> None:
    """A handler's module may be in a package, named with dots or with a slash."""
    path = make_zip(tmp_path / "a.zip", compiled({"package/app.py": HANDLER}))
    for name in ("package.app.handler", "package/app.handler"):
        assert findings(path, handler=name) == []


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "import nowhere\n" + HANDLER,
            "app.handler does not import: ModuleNotFoundError: No module named 'nowhere' (app.py, line 1); "
            "add it to the package, or name the layer that has it with --layer",
        ),
        (
            "import os\nTABLE = os.environ['TABLE']\n" + HANDLER,
            "app.handler does not import: KeyError: 'TABLE' (app.py, line 2); "
            "if it is an environment variable, set it with --env NAME=VALUE",
        ),
        (
            "x = 1\n",
            "app.handler does not import: AttributeError: module app has no handler; correct the handler's name",
        ),
        ("handler = 1\n", "app.handler does not import: TypeError: app.handler is not callable"),
        ("raise SystemExit(1)\n", "app.handler does not import: SystemExit: 1 (app.py, line 1)"),
        ("import os\nos._exit(0)\n", "app.handler does not import: SystemExit: the process exited with status 0"),
        (
            "import os, signal\nos.kill(os.getpid(), signal.SIGABRT)\n",
            "app.handler does not import: SIGABRT: the interpreter crashed",
        ),
        (
            "raise ValueError('two\\nlines and \\x1b[31m')\n",
            "app.handler does not import: ValueError: two lines and ?[31m (app.py, line 1)",
        ),
        ("open(__file__ + '.txt')\n", None),
    ],
)
def test_a_handler_that_does_not_import(tmp_path: Path, source: str, message: str | None) -> None:
    """The error says where and what helps, without paths of the copy."""
    (found,) = findings(make_zip(tmp_path / "a.zip", compiled({"app.py": source})), handler="app.handler")
    assert (found.code, found.level) == ("handler-import", "error")
    if message is not None:
        assert found.message == message
    assert "awslambdaric-lite-" not in found.message


def test_a_missing_module_of_a_handler(tmp_path: Path) -> None:
    """A handler whose module is missing is an error."""
    (found,) = findings(make_zip(tmp_path / "a.zip", compiled({"app.py": HANDLER})), handler="main.handler")
    assert "No module named 'main'" in found.message


def test_an_endless_import_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An import that does not end is killed after the limit, and is an error."""
    monkeypatch.setattr(handler_module, "TIMEOUT_S", 1.0)
    path = make_zip(tmp_path / "a.zip", compiled({"app.py": "while True: pass\n"}))
    (found,) = findings(path, handler="app.handler")
    assert "TimeoutError: it was not done after 1 s" in found.message


def test_variables_are_given_and_credentials_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The import sees variables of --env and Lambda's, but none of the caller's."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("MINE", "1")
    source = (
        "import os\n"
        "assert os.environ['TABLE'] == 'orders'\n"
        "assert os.environ['AWS_REGION'] and os.environ['LAMBDA_TASK_ROOT'] == os.getcwd()\n"
        "assert not {'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'MINE'} & set(os.environ)\n"
    )
    path = make_zip(tmp_path / "a.zip", compiled({"app.py": source + HANDLER}))
    assert findings(path, handler="app.handler", variables={"TABLE": "orders"}) == []


def test_audited_package_is_unchanged(tmp_path: Path) -> None:
    """The audit writes nothing to the package and leaves no temporary files."""
    source = "open('trace.txt', 'w').write('here')\nimport helper\n" + HANDLER
    folder = make_folder(tmp_path / "function", {"app.py": source, "helper.py": ""})
    archive = make_zip(tmp_path / "a.zip", {"app.py": source, "helper.py": ""})
    (tmp_path / "temporary").mkdir()
    before = fingerprint(tmp_path)
    for path in (folder, archive):
        found = codes(findings(path, handler="app.handler"))
        assert ("bytecode-missing", "warning", ".") in found
    assert fingerprint(tmp_path) == before


def test_cost_of_bytecode_is_measured(tmp_path: Path) -> None:
    """The cost of rejected bytecode is measured; valid bytecode has none."""
    body = "".join(f"def function{index}(a, b):\n    return [a, b, {{a: b}}, {index}]\n" for index in range(1000))
    files = {"app.py": "import large\n" + HANDLER, "large.py": body}
    found = findings(make_zip(tmp_path / "without.zip", files), handler="app.handler")
    (cost,) = [each for each in found if each.code == "bytecode-cost"]
    assert (cost.level, cost.path) == ("warning", ".")
    assert "with valid bytecode: about" in cost.message
    assert findings(make_zip(tmp_path / "with.zip", compiled(files)), handler="app.handler") == []


def test_mismatched_bytecode_is_imported(tmp_path: Path) -> None:
    """Bytecode of another source is imported instead of the source, as on Lambda."""
    files: dict[str, Content] = {"app.py": "x = 1\n", cached("app.py"): pyc(HANDLER)}
    found = codes(findings(make_zip(tmp_path / "a.zip", files), handler="app.handler"))
    assert found == [("bytecode-mismatch", "error", ".")]


def test_layers_reach_the_import(tmp_path: Path) -> None:
    """Packages of layers are imported from both folders; the last layer wins."""
    packages = f"python/lib/python{PYTHON}/site-packages"
    one = make_zip(tmp_path / "one.zip", compiled({"python/helper.py": "VALUE = 1\n"}))
    two = make_folder(tmp_path / "two", compiled({f"{packages}/deep.py": "", "python/helper.py": "VALUE = 2\n"}))
    source = "import deep, helper\nassert helper.VALUE == 2\n" + HANDLER
    path = make_zip(tmp_path / "a.zip", compiled({"app.py": source}))
    assert findings(path, handler="app.handler", layers=[one, two]) == []
    assert codes(findings(path, handler="app.handler")) == [("handler-import", "error", "app.py")]


def test_modules_of_a_layer(tmp_path: Path) -> None:
    """A layer can be audited with a handler of its modules."""
    layer = make_zip(tmp_path / "layer.zip", compiled({"python/helper.py": HANDLER}))
    result = audit(layer, TARGET, handler="helper.handler")
    assert result.is_layer
    assert result.findings == []


def test_runtimes_packages_are_not_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages of the managed runtime come from this installation, or a note names the missing one."""
    pytest.importorskip("jmespath", reason="jmespath is missing: pip install -e '.[test]'")
    path = make_zip(tmp_path / "a.zip", compiled({"app.py": "import jmespath\n" + HANDLER}))
    assert {each.level for each in findings(path, handler="app.handler")} <= {"info"}
    monkeypatch.setattr("awslambdaric_lite.packaging.audit.workplace.PLATFORM_PACKAGES", {})
    (found,) = findings(path, handler="app.handler")
    assert codes([found]) == [("imports-unchecked", "info", "app.py")]
    assert "pip install jmespath here" in found.message


def test_missing_interpreter_skips_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the target's Python, a note says that imports were not checked."""
    monkeypatch.setattr(handler_module, "find_interpreter", lambda version: None)
    path = make_zip(tmp_path / "a.zip", compiled({"app.py": HANDLER}))
    (found,) = findings(path, handler="app.handler")
    assert codes([found]) == [("imports-unchecked", "info", ".")]
    assert f"no Python {PYTHON} was found" in found.message


def test_binaries_of_another_architecture_are_not_imported(tmp_path: Path) -> None:
    """A package with binaries of another architecture is not imported."""
    other = "arm64" if TARGET.arch == "x86_64" else "x86_64"
    files = compiled({"app.py": "raise ValueError\n"}) | {"package/a.so": "no binary at all"}
    (found,) = findings(make_zip(tmp_path / "a.zip", files), replace(TARGET, arch=other), handler="app.handler")
    assert "do not run on this machine" in found.message
    without = make_zip(tmp_path / "b.zip", compiled({"app.py": "raise ValueError\n"}))
    assert codes(findings(without, replace(TARGET, arch=other), handler="app.handler")) == [
        ("handler-import", "error", "app.py")
    ]


@pytest.mark.parametrize("name", ["handler", ".handler", "app.", ""])
def test_a_handler_without_a_dot_is_refused(tmp_path: Path, name: str) -> None:
    """A handler without a dot is refused."""
    path = make_zip(tmp_path / "a.zip", {"app.py": HANDLER})
    with pytest.raises(PackagingError, match=r"must be MODULE\.FUNCTION, e\.g\. app\.handler"):
        audit(path, TARGET, handler=name)


def test_slow_imports_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A finding names slow imports by package, once for all of its modules."""
    monkeypatch.setattr(handler_module, "SLOW_US", 50_000)
    files = {"app.py": "import slow.inner\n" + HANDLER, "slow/__init__.py": "import time; time.sleep(0.03)\n"}
    files["slow/inner.py"] = "import time; time.sleep(0.03)\n"
    (found,) = findings(make_zip(tmp_path / "a.zip", compiled(files)), handler="app.handler")
    assert codes([found]) == [("imports-slow", "info", ".")]
    assert "slow " in found.message


@pytest.mark.parametrize(
    ("name", "handler", "cure"),
    [
        (
            "shop/app.py",
            "app.handler",
            "it is in shop/: zip the content of that folder, not the folder, or write shop.app",
        ),
        ("shop/src/app.py", "app.handler", "it is in shop/src/: zip the content of that folder"),
        ("shop/app/__init__.py", "app.handler", "it is in shop/: zip the content of that folder"),
        ("App.py", "app.handler", "did you mean App?"),
        ("apps.py", "app.handler", "did you mean apps?"),
        ("src/main.py", "src.app.handler", "did you mean src.main?"),
        ("data.txt", "app.handler", "add it to the package, or name the layer that has it with --layer"),
    ],
)
def test_a_module_elsewhere_in_the_package_is_named(tmp_path: Path, name: str, handler: str, cure: str) -> None:
    """If the handler's module is missing, the error names the folder or the module that may be meant."""
    path = make_zip(tmp_path / "a.zip", {name: HANDLER})
    (found,) = [each for each in findings(path, handler=handler) if each.level == "error"]
    assert "No module named" in found.message and cure in found.message


def test_a_syntax_error_has_its_place_once(tmp_path: Path) -> None:
    """The error of a file that is not Python names its line once."""
    found = findings(make_zip(tmp_path / "a.zip", {"app.py": "def (\n"}), handler="app.handler")
    assert [each.message for each in found if each.level == "error"] == [
        "app.handler does not import: SyntaxError: invalid syntax (app.py, line 1)"
    ]


def test_cost_of_bytecode_has_three_runs_and_their_spread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cost is CPU time of at least three runs, with the fastest and the slowest; slow imports have them, too."""
    monkeypatch.setattr(handler_module, "_PATIENCE_S", 0.0)
    body = "".join(f"def function{index}(a, b):\n    return [a, b, {{a: b}}, {index}]\n" for index in range(1000))
    files = {"app.py": "import large, time\ntime.sleep(0.1)\n" + HANDLER, "large.py": body}
    found = findings(make_zip(tmp_path / "a.zip", files), handler="app.handler")
    (cost,) = [each.message for each in found if each.code == "bytecode-cost"]
    time = r"(\d+) ms \((\d+) to (\d+)\)"
    figures = re.fullmatch(
        rf"importing app\.handler takes {time} of CPU time as it is and {time} "
        r"with valid bytecode: about (\d+) ms of each cold start \(on this machine, medians of 3 runs\)",
        cost,
    )
    assert figures is not None
    median, fastest, slowest, valid, *_, saved = map(int, figures.groups())
    assert fastest <= median <= slowest and valid < median and saved <= median - valid + 1


@pytest.mark.parametrize(("name", "cure"), [("lib/helper.py", "it is in lib/"), ("Helper.py", "did you mean Helper?")])
def test_an_imported_module_elsewhere_in_the_package_is_named(tmp_path: Path, name: str, cure: str) -> None:
    """If a module that the handler imports is missing, the error names the same module in another place."""
    path = make_zip(tmp_path / "a.zip", {name: "", "app.py": "import helper\n" + HANDLER})
    (found,) = [each for each in findings(path, handler="app.handler") if each.level == "error"]
    assert cure in found.message
