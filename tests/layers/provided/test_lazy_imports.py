"""The layer with an interpreter that has lazy imports, started as Lambda starts it, with an import list."""

from __future__ import annotations

from pathlib import Path

import pytest

from awslambdaric_lite.emulator import LocalLambda
from awslambdaric_lite.packaging.bytecode import find_interpreter
from awslambdaric_lite.packaging.reading import extract
from awslambdaric_lite.packaging.targets import PYTHON_VERSIONS, Target
from layers.build import main
from tests.layers.private_root import PrivateRoot, why_not

from .installations import HOST

NEWEST = Target(PYTHON_VERSIONS[-1], HOST.arch)
FILES = {
    "app.py": "import sys\nimport needed, unused\ndef handler(event, context):\n"
    "    before = 'needed' in sys.modules\n    return [before, needed.VALUE, 'unused' in sys.modules]\n",
    "needed.py": "VALUE = 1\n",
    "unused.py": "",
    "imports.txt": "app:sys\napp:needed\n",
}

pytestmark = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the layer with the newest interpreter of this machine, and unpack it."""
    if find_interpreter(NEWEST.python) is None:
        pytest.skip(f"this machine has no Python {NEWEST.python}, which has lazy imports")
    work = tmp_path_factory.mktemp("layer")
    options = ["--python", NEWEST.python, "--target", "host", "--no-orjson", "-o", str(work / "dist")]
    assert main(["provided", *options]) == 0
    (archive,) = (work / "dist").glob("*.zip")
    extract(archive, work / "opt")
    return work / "opt"


@pytest.mark.parametrize(
    ("variables", "result", "resolved"),
    [
        ({}, [True, 1, True], None),
        ({"LAZY_IMPORTS": "all"}, [False, 1, False], "resolved 3 imports in "),
        ({"LAZY_IMPORTS": "all", "IMPORT_LIST": "imports.txt"}, [True, 1, False], "resolved 0 imports in "),
    ],
    ids=["ordinary", "lazy", "listed"],
)
def test_lazy_imports_and_import_list(
    layer: Path, tmp_path: Path, variables: dict[str, str], result: list[object], resolved: str | None
) -> None:
    """One variable makes imports lazy; with the import list, init makes those that the event needs."""
    root = PrivateRoot(tmp_path / "root")
    root.copy(layer, "/opt")
    root.bind_loader(layer / "bin" / f"python{NEWEST.python}")
    for name, content in FILES.items():
        root.write(f"/var/task/{name}", content)
    settings = {f"AWSLAMBDARIC_LITE_{name}": value for name, value in variables.items()}
    command = root.command(["/opt/bootstrap"], env={"LD_LIBRARY_PATH": None, **settings})
    with LocalLambda(
        "app.handler",
        task_root=tmp_path,
        runtime=command,
        timeout_s=60,
        init_timeout_s=60,
        private_tmp=False,
        log_format="JSON",
        log_level="DEBUG",
    ) as function:
        seen = function.invoke()
    assert seen.error is None and seen.json() == result, seen.logs
    assert ("the first event resolved" in seen.logs) is (resolved is not None)
    assert resolved is None or resolved in seen.logs
