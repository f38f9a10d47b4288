"""The host that doctor models: its search path, its folders, its packages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.packaging.audit import workplace
from awslambdaric_lite.packaging.audit.mounts import mounts
from awslambdaric_lite.packaging.hosts import HOSTS, Host, search_path

from .packages import PYTHON, codes, compiled, findings, make_zip

HANDLER = "def handler(event, context):\n    return event\n"
VENDORED = {"more.pth": "vendor\n", "vendor/vended.py": "", "app.py": f"import vended\n{HANDLER}"}
PACKAGES = f"python/lib/python{PYTHON}/site-packages"

needs_mounts = pytest.mark.skipif(mounts([], opt=False) is None, reason="needs the permission to mount (root, unshare)")


def errors(path: Path, **settings: Any) -> list[str]:
    """Return the messages of the findings that are errors."""
    return [each.message for each in findings(path, handler="app.handler", **settings) if each.level == "error"]


@pytest.mark.parametrize("host", HOSTS)
def test_pth_files_work_where_the_host_processes_them(tmp_path: Path, host: Host) -> None:
    """A `.pth` file in the task root has an effect on managed runtimes and under `bootstrap`, and none in an image."""
    path = make_zip(tmp_path / "a.zip", compiled(VENDORED))
    missing = ["No module named 'vended'" in text for text in errors(path, host=host)]
    assert missing == ([True] if host == "image" else [])


@pytest.mark.parametrize("mounted", [pytest.param(True, marks=needs_mounts), False], ids=["mounted", "without mounts"])
@pytest.mark.parametrize("folder", ["/var/task/lib2", "lib2", "/nowhere:/var/task/lib2"])
@pytest.mark.parametrize("host", HOSTS)
def test_pythonpath_names_folders_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mounted: bool, folder: str, host: Host
) -> None:
    """PYTHONPATH is on the path, with the package in the place of `/var/task`, in `sys.path` and as a variable."""
    if not mounted:
        monkeypatch.setattr(workplace, "mounts", lambda needed, opt: None)
    source = (
        "import helper, os\nlast = os.environ['PYTHONPATH'].split(':')[-1]\n"
        "assert os.path.samefile(last, os.path.dirname(helper.__file__))\n"
    )
    path = make_zip(tmp_path / "a.zip", compiled({"app.py": source + HANDLER, "lib2/helper.py": ""}))
    assert errors(path, variables={"PYTHONPATH": folder}, host=host) == []


def test_pythonpath_replaces_layers_on_managed_runtimes(tmp_path: Path) -> None:
    """AWS's bootstrap adds no layers if PYTHONPATH is set; other hosts do."""
    layer = make_zip(tmp_path / "layer.zip", compiled({"python/helper.py": ""}))
    path = make_zip(tmp_path / "a.zip", compiled({"app.py": f"import helper\n{HANDLER}"}))
    given: dict[str, Any] = {"layers": [layer], "variables": {"PYTHONPATH": "/var/task/lib"}}
    assert "No module named 'helper'" in errors(path, **given)[0]
    assert errors(path, **given, host="provided") == []
    assert errors(path, layers=[layer], variables={"PYTHONPATH": "/opt/python"}) == []


@needs_mounts
@pytest.mark.parametrize(
    "statement",
    [
        "open('/var/task/conf.json').close()",
        "open('conf.json').close()",
        "assert __file__ == '/var/task/app.py'",
        "import os; assert os.getcwd() == os.environ['LAMBDA_TASK_ROOT'] == '/var/task'",
        "import helper; assert helper.__file__ == '/opt/python/helper.py'",
        "open('/opt/data.txt').close()",
        "open('/tmp/trace', 'a').close()",
    ],
)
def test_paths_are_those_of_lambda(tmp_path: Path, statement: str) -> None:
    """The package is at `/var/task` and its layers are at `/opt`."""
    layer = make_zip(tmp_path / "layer.zip", compiled({"python/helper.py": "", "data.txt": ""}))
    path = make_zip(tmp_path / "a.zip", compiled({"app.py": f"{statement}\n{HANDLER}", "conf.json": "{}"}))
    assert errors(path, layers=[layer]) == []


@needs_mounts
@pytest.mark.parametrize(
    "statement",
    [
        "open(__file__ + '.cache', 'w')",
        "import pathlib; (pathlib.Path(__file__).parent / 'cache').mkdir()",
        "open('/opt/trace', 'w')",
        "import os; os.remove(__file__)",
    ],
)
def test_a_write_beside_the_code_is_an_error(tmp_path: Path, statement: str) -> None:
    """The package is read-only, as on Lambda, and the error says where a function may write."""
    layer = make_zip(tmp_path / "layer.zip", {"data.txt": ""})
    path = make_zip(tmp_path / "a.zip", compiled({"app.py": f"{statement}\n{HANDLER}"}))
    (text,) = errors(path, layers=[layer])
    assert "[Errno 30] Read-only file system" in text and "files are read-only on Lambda: write to /tmp" in text


def test_a_path_of_lambda_without_mounts_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be mounted, a path of Lambda that is missing here is no finding about the package."""
    monkeypatch.setattr(workplace, "mounts", lambda needed, opt: None)
    path = make_zip(tmp_path / "a.zip", compiled({"app.py": f"open('/var/task/x').close()\n{HANDLER}"}))
    (found,) = findings(path, handler="app.handler")
    assert codes([found]) == [("imports-unchecked", "info", "app.py")]
    assert "run doctor as root" in found.message


@pytest.mark.parametrize("host", ["provided", "image"])
def test_packages_of_managed_runtimes_are_missing_elsewhere(tmp_path: Path, host: Host) -> None:
    """Only a managed runtime has Boto3; elsewhere the package needs it, and doctor does not report a copy of it."""
    pytest.importorskip("jmespath", reason="jmespath is missing: pip install -e '.[test]'")
    path = make_zip(tmp_path / "a.zip", compiled({"app.py": f"import jmespath\n{HANDLER}"}))
    (text,) = errors(path, host=host)
    assert text.endswith("; only managed runtimes have jmespath: add it to the package")
    assert errors(path) == []
    own = make_zip(tmp_path / "b.zip", compiled({"app.py": HANDLER, "jmespath/__init__.py": ""}))
    assert findings(own, handler="app.handler", host=host) == []


def test_search_paths() -> None:
    """The search path of a host has the task root first, then layers, PYTHONPATH and the host's own packages."""
    given: Any = {"task_root": "/copy", "opt": "/merged", "platform": ["/own"]}
    layers = (f"/merged/{PACKAGES}", "/merged/python")
    assert search_path("managed", PYTHON, {}, **given).folders == ("/copy", *layers, "/own")
    variables = {"PYTHONPATH": "/var/task/a:/opt:/else"}
    customers = ("/copy/a", "/merged", "/else")
    assert search_path("managed", PYTHON, variables, **given).folders == ("/copy", "/own", *customers)
    assert search_path("provided", PYTHON, variables, **given).folders == ("/copy", *layers, *customers, "/own")
    assert search_path("image", PYTHON, variables, **given).folders == ("/copy", *customers, "/own")
    assert [len(search_path(host, PYTHON, {}, **given).sites) for host in HOSTS] == [3, 3, 0]
