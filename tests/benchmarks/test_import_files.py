"""Import lists and bundles of the suite's applications, and the functions themselves."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from awslambdaric_lite.packaging.import_bundle import BUNDLE_VARIABLE
from awslambdaric_lite.packaging.import_recording import LIST_VARIABLE
from benchmarks.applications import RECIPES, SOURCES
from benchmarks.build_cache import BuildCache, Unavailable, build_directory
from benchmarks.contenders import BASELINE, IMPORT_SET_UPS, MANAGED, Contender, Registry
from benchmarks.contenders.client import Client
from benchmarks.events import event_bytes
from benchmarks.import_files import with_import_files
from benchmarks.interpreter import Interpreter
from benchmarks.loadgen import RunFailed
from benchmarks.scenario import ITEM, Scenario
from benchmarks.scenarios import FUNCTIONS, scenarios

HANDLER = """
import wave

def handler(event, context):
    import colorsys
    return event["key"]
"""


def interpreter(version: str = "3.15.2") -> Interpreter:
    """Return the interpreter that runs the tests, as if it had a version."""
    return Interpreter(Path(sys.executable), Path(sys.executable), version, sys.implementation.cache_tag, "")


def task_root(folder: Path, text: str = HANDLER) -> Path:
    """Write a function into a folder."""
    folder.joinpath("app.py").write_text(text)
    return folder


def made(root: Path, set_up: str, event: bytes = b'{"key": 1}') -> dict[str, str]:
    """Return the variables of a set-up, with paths."""
    return with_import_files(IMPORT_SET_UPS[set_up], root, "app.handler", event, interpreter())


def test_list_has_imports_of_event(tmp_path: Path) -> None:
    """The list of a set-up names what the handler imports in the event and not in init, and is made once."""
    found = made(task_root(tmp_path), "lazy-list")
    path = Path(found[LIST_VARIABLE])
    lines = path.read_text().splitlines()
    assert path.parent == tmp_path and "colorsys" in lines and "wave" not in lines
    path.write_text("sys\n")
    assert made(tmp_path, "lazy-list") == found and path.read_text() == "sys\n"


def test_bundle_is_made_once_for_each_set_up(tmp_path: Path) -> None:
    """A bundle lies in the task root; with lazy imports and a list it is another file."""
    task_root(tmp_path)
    eager, lazy = (Path(made(tmp_path, name)[BUNDLE_VARIABLE]) for name in ("bundle", "lazy-bundle"))
    assert eager != lazy and eager.parent == lazy.parent == tmp_path
    before = eager.stat()
    assert before.st_size and lazy.stat().st_size
    assert Path(made(tmp_path, "bundle")[BUNDLE_VARIABLE]).stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize("set_up", ["lazy-list", "bundle"])
def test_failing_handler_excludes_set_up(tmp_path: Path, set_up: str) -> None:
    """A handler whose imports cannot be recorded fails the run with its error, and leaves no file."""
    with pytest.raises(RunFailed, match=r"app\.handler"):
        made(task_root(tmp_path, "import no_such_module\n"), set_up)
    assert [path.name for path in tmp_path.iterdir() if path.suffix in (".txt", ".bundle")] == []


def test_other_set_ups_stay_the_same(tmp_path: Path) -> None:
    """Variables that name neither a list nor a bundle stay as they are, and nothing is recorded."""
    assert made(tmp_path, "lazy") == IMPORT_SET_UPS["lazy"]


@pytest.mark.parametrize("name", ["lite+lazy", "lite+lazy-list@managed", "lite+lazy-bundle"])
def test_lazy_imports_need_python_315(tmp_path: Path, name: str) -> None:
    """Contenders with lazy imports are skipped with the reason before Python 3.15."""
    cache = BuildCache(build_directory(tmp_path), interpreter("3.14.3"))
    with pytest.raises(Unavailable, match=r"Python 3\.14 has no lazy imports; name a Python 3\.15 or later"):
        Registry(cache).contender(name)


def test_set_ups_are_compared_in_every_application() -> None:
    """Each real application runs with each set-up and with the official client, and its responses are checked."""
    jobs = {job.name: job for job in scenarios(quick=False) if isinstance(job, Scenario)}
    for function in FUNCTIONS:
        if function == "one_line":
            continue
        for name in (function, f"{function}_dropped"):
            contenders = jobs[name].contenders
            assert {f"lite+{set_up}{MANAGED}" for set_up in IMPORT_SET_UPS} < set(contenders)
            assert f"{BASELINE}{MANAGED}" in contenders and f"lite{MANAGED}" in contenders
            with pytest.raises(RunFailed, match="wrongly"):
                jobs[name].check(
                    Contender("lite+bundle", Client(()), {}), b'{"statusCode": 200, "body": "{}"}', False, {}
                )


PRINTS_RESPONSE = """
import json, sys
import app
print(json.dumps(getattr(app, sys.argv[1])(json.load(sys.stdin), None)))
"""


@pytest.mark.parametrize(
    ("source", "handler", "package"),
    [
        ("boto3_client_app", "items", "boto3"),
        ("pandas_app", "items", "pandas"),
        ("django_app", "wrapped", "django"),
    ],
)
def test_functions_return_item_of_event(tmp_path: Path, source: str, handler: str, package: str) -> None:
    """The functions return the item that the suite expects of every contender."""
    pytest.importorskip(package, reason=f"{package} is not installed: pip install {package}")
    assert source in {recipe.source for recipe in RECIPES.values()}
    command = [sys.executable, "-c", PRINTS_RESPONSE, handler]
    shutil.copytree(SOURCES / source, tmp_path, dirs_exist_ok=True)
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={"AWS_DEFAULT_REGION": "us-east-1"},
        input=event_bytes("apigw"),
        capture_output=True,
        check=True,
    )
    response = json.loads(done.stdout)
    assert response["statusCode"] == 200 and json.loads(response["body"]) == ITEM
