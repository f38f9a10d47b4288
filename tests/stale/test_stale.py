"""Which rejected bytecode is used, and which is not: real processes, real imports."""

from __future__ import annotations

import json
import os
import py_compile
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.process.lite import run_lite
from tests.stale.package import RESET, bytecode, edited, install
from tests.support.client_process import package_root

HANDLER = """
import os, sys
opened = []
sys.addaudithook(lambda name, arguments: opened.append(str(arguments[0])) if name == "open" else None)
import package.module
def handler(event, context):
    stale = sys.modules.get("awslambdaric_lite._lifecycle.stale_bytecode")
    return {
        "answer": package.module.answer(),
        "rescued": sorted(stale.accepted) if stale else None,
        "file": package.module.answer.__code__.co_filename,
        "opened": [path for path in opened if path.startswith(os.getcwd()) and "package" in path],
    }
"""
OLD, NEW = "def answer():\n    return 'old'\n", "def answer():\n    return 'new'\n"
MODULES = ["package", "package.module"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A task root with an installed package whose bytecode looks stale."""
    install(tmp_path, {"package/__init__.py": "", "package/module.py": OLD})
    return tmp_path


def load(root: Path, *, path: Sequence[Path | str] = (), source: str = HANDLER, **options: str) -> Any:
    """Import the package in a function, with further folders on the path, and return what it found."""
    env = {name if name[:6] == "PYTHON" else f"AWSLAMBDARIC_LITE_{name}": value for name, value in options.items()}
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    env["PYTHONPATH"] = ":".join(map(str, (*path, package_root())))
    result = run_lite(root, source, env=env)
    assert result.stderr == b"" and result.stdout == b""
    return json.loads(result.replies[0].body)


def test_an_installed_package(root: Path) -> None:
    """Its bytecode is used; file names in it are those of this place."""
    moved = root.parent / "elsewhere"
    shutil.copytree(root, moved)  # `copy2` keeps the dates
    found = load(moved)
    assert found["rescued"] == MODULES
    assert found["answer"] == "old"
    assert found["file"] == str(moved / "package" / "module.py")


def test_no_file_is_read_twice(root: Path) -> None:
    """Source, bytecode and record of each module once."""
    opened = load(root)["opened"]
    assert len(opened) == len(set(opened)) == 5


def test_no_file_is_read_twice_in_vain(root: Path) -> None:
    """A source that turned out to be another one is compiled from what was read."""
    with edited(root / "package" / "module.py") as source:
        source[:] = NEW.encode()
    found = load(root)
    assert found["answer"] == "new"
    assert len(found["opened"]) == len(set(found["opened"])) == 5


def test_an_edit_of_equal_length(root: Path) -> None:
    """Does not pass: the recorded hash is another one. `all` would run the old code, as it says."""
    with edited(root / "package" / "module.py") as source:
        source[:] = NEW.encode()
    found = load(root)
    assert (found["answer"], found["rescued"]) == ("new", ["package"])
    assert load(root, STALE_PYC="all")["answer"] == "old"


def test_first_party_code_is_never_trusted(tmp_path: Path) -> None:
    """Without a record nothing is known of a file, whatever its bytecode says."""
    install(tmp_path, {"package/__init__.py": "", "package/module.py": OLD})
    shutil.rmtree(tmp_path / "package-1.0.dist-info")
    assert load(tmp_path)["rescued"] == []
    assert load(tmp_path, STALE_PYC="all")["rescued"] == MODULES


def test_a_wheel_unzipped_over_a_compiled_tree(root: Path) -> None:
    """Its record matches the new source, and does not list the bytecode, which is the old one's."""
    module = root / "package" / "module.py"
    kept = bytecode(module).read_bytes()
    install(root, {"package/__init__.py": "", "package/module.py": NEW}, list_bytecode=False)
    bytecode(module).write_bytes(kept)
    found = load(root)
    assert (found["answer"], found["rescued"]) == ("new", [])


def test_two_records_prove_nothing_together(root: Path) -> None:
    """One lists the source, another the bytecode: they were not installed together."""
    record = root / "package-1.0.dist-info" / "RECORD"
    lines = record.read_text().splitlines()
    record.write_text("\n".join(line for line in lines if ".pyc" not in line))
    other = root / "other-1.0.dist-info"
    other.mkdir()
    (other / "RECORD").write_text("\n".join(line for line in lines if ".pyc" in line))
    assert load(root)["rescued"] == []


def test_off(root: Path) -> None:
    """Nothing is looked at, and the module is not loaded."""
    found = load(root, STALE_PYC="off")
    assert (found["answer"], found["rescued"]) == ("old", None)


def test_good_bytecode_is_none_of_its_business(root: Path) -> None:
    """The module is not even loaded."""
    for path in root.glob("package/*.py"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    assert load(root)["rescued"] is None


GARBLED: Mapping[str, Any] = {
    "cut off": lambda content: content[: len(content) // 2],
    "header only": lambda content: content[:16],
    "nonsense": lambda content: content[:16] + b"\xff" * 100,
    "no code": lambda content: content[:16] + b"N",
    "another magic number": lambda content: b"\0\0\r\n" + content[4:],
    "another size": lambda content: content[:12] + b"\1\0\0\0" + content[16:],
    "empty": lambda content: b"",
}


@pytest.mark.parametrize("option", ["installed", "all"])
@pytest.mark.parametrize("garble", GARBLED.values(), ids=GARBLED)
def test_garbled_bytecode(root: Path, garble: Any, option: str) -> None:
    """The source is compiled."""
    with edited(bytecode(root / "package" / "module.py")) as content:
        content[:] = garble(bytes(content))
    found = load(root, STALE_PYC=option)
    assert (found["answer"], found["rescued"]) == ("old", ["package"])


def test_hash_based_bytecode(root: Path) -> None:
    """Is the interpreter's own to judge."""
    module = root / "package" / "module.py"
    py_compile.compile(str(module), invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
    with edited(module) as source:
        source[:] = NEW.encode()
    found = load(root, STALE_PYC="all")
    assert (found["answer"], found["rescued"]) == ("new", ["package"])


def test_a_module_beside_the_packages(tmp_path: Path) -> None:
    """A single file has a record of its own; names that begin alike are others'."""
    install(tmp_path, {"single.py": OLD, "single_more.py": OLD}, "single-1")
    install(tmp_path, {"package/__init__.py": "", "package/module.py": "from single import answer\n"})
    found = load(tmp_path)
    assert found["rescued"] == ["package", "package.module", "single"]
    assert found["file"] == str(tmp_path / "single.py")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\0", b"package/module.py\n", b'"package/module.py",sha256=,\n'])
def test_an_odd_record(root: Path, content: bytes) -> None:
    """Proves nothing."""
    (root / "package-1.0.dist-info" / "RECORD").write_bytes(content)
    assert load(root)["rescued"] == []


def test_an_error_in_rescued_code(root: Path) -> None:
    """Its stack trace is that of any other code."""
    install(root, {"package/__init__.py": "", "package/module.py": "def answer():\n    raise ValueError('x')\n"})
    error = json.loads(run_lite(root, HANDLER).replies[0].body)
    assert error["stackTrace"][-1] == (
        f"  File \"{root / 'package' / 'module.py'}\", line 2, in answer\n    raise ValueError('x')\n"
    )


@pytest.mark.parametrize(("level", "count"), [("DEBUG", 1), ("TRACE", 1), ("INFO", 0), (None, 0)])
def test_the_line_in_the_log(root: Path, level: str | None, count: int) -> None:
    """How many there were is told at the finest levels only."""
    result = run_lite(root, HANDLER, env={"AWS_LAMBDA_LOG_LEVEL": level})
    assert result.stdout.count(b"used the bytecode of 2 modules") == count


def test_the_dates_are_as_packagers_leave_them(root: Path) -> None:
    """The premise of all this: the interpreter itself would compile."""
    assert (root / "package" / "module.py").stat().st_mtime == RESET


def test_packages_that_share_a_namespace(tmp_path: Path) -> None:
    """Each has a record of its own, and all of them count; an older record of a package does no harm."""
    install(tmp_path, {"shared/first/__init__.py": OLD}, "shared_first-1")
    install(tmp_path, {"shared/second/__init__.py": OLD}, "shared_second-1")
    install(tmp_path, {"package/__init__.py": "", "package/module.py": "answer = lambda: 'before'\n"}, "package-0.9")
    sources = {
        "package/__init__.py": "",
        "package/module.py": "import shared.first\nfrom shared.second import answer\n",
    }
    install(tmp_path, sources)
    assert load(tmp_path)["rescued"] == ["package", "package.module", "shared.first", "shared.second"]


@pytest.mark.parametrize("form", ["{}", "{}/", "{}/./", "{}/link"])
def test_folders_on_the_path(tmp_path: Path, form: str) -> None:
    """A layer's folder, however it is written, or a link to it."""
    layer = tmp_path / "layer"
    install(layer, {"package/__init__.py": "", "package/module.py": OLD})
    (layer / "link").symlink_to(layer)
    (tmp_path / "function").mkdir()
    found = load(tmp_path / "function", path=[form.format(layer)])
    assert (found["answer"], found["rescued"]) == ("old", MODULES)


def test_a_folder_within_a_folder_on_the_path(root: Path) -> None:
    """Packages in `vendor/` beside the handler, which is on the path as well, have their records there."""
    install(root / "vendor", {"vendored.py": OLD}, "vendored-1")
    install(root, {"package/__init__.py": "", "package/module.py": "from vendored import answer\n"})
    assert load(root, path=[root / "vendor"])["rescued"] == [*MODULES, "vendored"]


def test_optimised(root: Path) -> None:
    """With -O other files are the bytecode; pip lists none of them, so that the source is compiled."""
    module = root / "package" / "module.py"
    py_compile.compile(str(module), optimize=1, invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP)
    with edited(bytecode(module)) as plain:
        plain[:] = b"not this one"
    optimised = Path(str(bytecode(module)).replace(".pyc", ".opt-1.pyc"))
    assert optimised.exists()
    os.utime(module, (RESET + 10, RESET + 10))
    found = load(root, PYTHONOPTIMIZE="1")
    assert (found["answer"], found["rescued"]) == ("old", [])
    assert load(root, PYTHONOPTIMIZE="1", STALE_PYC="all")["rescued"] == ["package.module"]


def test_a_cache_elsewhere(root: Path) -> None:
    """With PYTHONPYCACHEPREFIX what lies there is none of pip's."""
    module = root / "package" / "module.py"
    elsewhere = Path(f"{root}/cache{module}").with_name(bytecode(module).name)
    elsewhere.parent.mkdir(parents=True)
    shutil.copy(bytecode(module), elsewhere)
    found = load(root, PYTHONPYCACHEPREFIX=f"{root}/cache")
    assert (found["answer"], found["rescued"] or []) == ("old", [])


def test_packages_in_a_zip(tmp_path: Path) -> None:
    """Are imported by another machinery, and keep working."""
    install(tmp_path / "unpacked", {"package/__init__.py": "", "package/module.py": OLD})
    with zipfile.ZipFile(tmp_path / "packages.zip", "w") as archive:
        for path in (tmp_path / "unpacked").rglob("*"):
            archive.write(path, path.relative_to(tmp_path / "unpacked"))
    found = load(tmp_path, path=[tmp_path / "packages.zip"])
    assert (found["answer"], found["rescued"]) == ("old", None)


def test_a_module_that_is_loaded_again(root: Path) -> None:
    """`reload` sees an edit; nothing that was read for the first import is left over."""
    source = (
        HANDLER
        + f"""
import importlib, os
with open(package.module.__file__, "w") as file:
    file.write({NEW!r})
os.utime(package.module.__file__, ({RESET}, {RESET}))
importlib.reload(package.module)
"""
    )
    assert load(root, source=source)["answer"] == "new"


def test_a_runtime_whose_own_bytecode_is_stale(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Starts, and rescues others; its own files are compiled, not rescued."""
    runtime = tmp_path_factory.mktemp("runtime")
    shutil.copytree(Path(package_root()) / "awslambdaric_lite", runtime / "awslambdaric_lite")
    for path in runtime.rglob("*.py"):
        os.utime(path, (RESET, RESET))
    assert load(root, path=[runtime])["rescued"] == MODULES


def test_a_large_record(root: Path) -> None:
    """Of ten thousand files is read in time."""
    record = root / "package-1.0.dist-info" / "RECORD"
    others = "".join(f"package/data/{number}/file.json,sha256={'x' * 43},{number}\r\n" for number in range(10_000))
    record.write_bytes(others.encode() + record.read_bytes())
    source = HANDLER.replace("import package", "import time\nbegun = time.perf_counter()\nimport package")
    source = source.replace("def handler", "took = time.perf_counter() - begun\ndef handler")
    found = load(root, source=source.replace("    }", "        'time': took,\n    }"))
    assert found["rescued"] == MODULES
    assert found["time"] < 0.5
