"""Files of installed packages that are dropped, and those that stay."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from awslambdaric_lite.packaging.prune import never_runs, only_runs_here


def make(folder: Path, files: Mapping[str, str]) -> dict[str, Path]:
    """Make files; return them by their names."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return {name: folder / name for name in files}


def test_tests_and_stubs_are_dropped(tmp_path: Path) -> None:
    """Tests, stubs and signatures are dropped; metadata, licences and data stay."""
    unused = {
        "pkg/tests/__init__.py": "",
        "pkg/tests/test_a.py": "from pkg.tests.data import x",
        "pkg/tests/data/big.bin": "",
        "pkg/sub/test/conftest.py": "",
        "tests/test_top.py": "",
        "pkg/py.typed": "",
        "pkg/core.pyi": "",
        "pkg-1.dist-info/RECORD.jws": "",
    }
    kept = {
        "pkg/__init__.py": "import pkg.testing  # pkg.tests is mentioned",
        "pkg/testing.py": "'''See pkg.tests.'''",
        "pkg/test/client.py": "",  # e.g. django.test, which has no tests
        "pkg/tests.py": "",
        "pkg/RECORD": "",
        "pkg-1.dist-info/METADATA": "",
        "pkg-1.dist-info/RECORD": "",
        "pkg-1.dist-info/INSTALLER": "",
        "pkg-1.dist-info/REQUESTED": "",
        "pkg-1.dist-info/WHEEL": "",
        "pkg-1.dist-info/entry_points.txt": "",
        "pkg-1.dist-info/licenses/LICENSE": "",
    }
    assert never_runs(make(tmp_path, {**unused, **kept}), {}) == set(unused)


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ("pkg/a.py", "import pkg.tests.helper"),
        ("pkg/a.py", "from pkg import tests"),
        ("pkg/a.py", "from .tests.helper import x"),
        ("pkg/a.py", "from . import tests"),
        ("pkg/__init__.py", "def f():\n    from .tests import helper"),
        ("pkg/sub/a.py", "from ..tests import helper"),
        ("pkg/a.py", "importlib.import_module('pkg.tests.helper')"),
        ("pkg/a.py", "match x:\n    case = print tests"),  # another version's syntax: it may import them
        ("other/a.py", "from pkg.tests import helper"),
    ],
)
def test_imported_tests_stay(where: str, text: str, tmp_path: Path) -> None:
    """A test folder that another kept file imports is kept."""
    files = {
        "pkg/tests/test_a.py": "from more.tests import helper",
        "pkg/tests/helper.py": "",
        "more/tests/test_b.py": "",
        "unused/tests/test_c.py": "",
    }
    assert never_runs(make(tmp_path, {**files, where: text}), {}) == {"unused/tests/test_c.py"}


def test_user_imports_keep_tests(tmp_path: Path) -> None:
    """A test folder that the user's files import is kept."""
    installed = make(tmp_path / "installed", {"pkg/tests/test_a.py": ""})
    users = make(tmp_path / "users", {"app.py": "from pkg.tests import test_a"})
    assert never_runs(installed, users) == set()
    assert never_runs(installed, {}) == {"pkg/tests/test_a.py"}


def test_lazy_loader_keeps_stubs(tmp_path: Path) -> None:
    """Stubs stay in packages that use lazy_loader, which reads them."""
    files = {"lazy/__init__.py": "x = lazy_loader.attach_stub(__name__, __file__)", "lazy/a.pyi": "", "pkg/a.pyi": ""}
    assert never_runs(make(tmp_path, files), {}) == {"pkg/a.pyi"}


def test_commands_and_bytecode_are_dropped(tmp_path: Path) -> None:
    """Commands for this machine's Python, its paths and bytecode are always dropped, programs stay."""
    files = {
        "bin/command": "#!/home/me/.venv/bin/python3\nimport sys\n",
        "bin/long": "#!/bin/sh\n'''exec' /home/me/a long path/.venv/bin/python3 \"$0\" \"$@\"\n' '''\n",
        "bin/script": "#!/bin/sh\necho\n",
        "pkg-1.dist-info/direct_url.json": '{"dir_info": {}, "url": "file:///home/me/pkg"}',
        "other-1.dist-info/direct_url.json": '{"vcs_info": {}, "url": "https://example.com/other.git"}',
        "bin/program": "\x7fELF",
        "pkg/__pycache__/a.cpython-313.pyc": "",
        "pkg/a.py": "",
    }
    assert only_runs_here(make(tmp_path, files)) == {
        *("bin/command", "bin/long", "pkg/__pycache__/a.cpython-313.pyc", "pkg-1.dist-info/direct_url.json")
    }
