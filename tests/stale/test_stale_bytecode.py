"""Real processes import packages, and use bytecode that only looks stale."""

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
    """Make a task root with an installed package whose bytecode looks stale."""
    install(tmp_path, {"package/__init__.py": "", "package/module.py": OLD})
    return tmp_path


def load(root: Path, *, path: Sequence[Path | str] = (), source: str = HANDLER, **options: str) -> Any:
    """Import the package in a function, with further folders on the path; return the handler's result."""
    env = {name if name[:6] == "PYTHON" else f"AWSLAMBDARIC_LITE_{name}": value for name, value in options.items()}
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    env["PYTHONPATH"] = ":".join(map(str, (*path, package_root())))
    result = run_lite(root, source, env=env)
    assert result.stderr == b"" and result.stdout == b""
    return json.loads(result.replies[0].body)


def test_installed_bytecode_is_used(root: Path) -> None:
    """The bytecode of an installed package is used, and has the file names of its current folder."""
    moved = root.parent / "elsewhere"
    shutil.copytree(root, moved)  # `copy2` keeps the dates
    found = load(moved)
    assert found["rescued"] == MODULES
    assert found["answer"] == "old"
    assert found["file"] == str(moved / "package" / "module.py")


def test_each_file_is_read_once(root: Path) -> None:
    """Source, bytecode and record of each module are read once."""
    opened = load(root)["opened"]
    assert len(opened) == len(set(opened)) == 5


def test_edited_source_is_read_once(root: Path) -> None:
    """An edited source is compiled from the bytes that were read for the check."""
    with edited(root / "package" / "module.py") as source:
        source[:] = NEW.encode()
    found = load(root)
    assert found["answer"] == "new"
    assert len(found["opened"]) == len(set(found["opened"])) == 5


def test_edit_of_equal_length_is_compiled(root: Path) -> None:
    """An edited source of equal length is compiled, because its hash differs; `all` uses the old bytecode."""
    with edited(root / "package" / "module.py") as source:
        source[:] = NEW.encode()
    found = load(root)
    assert (found["answer"], found["rescued"]) == ("new", ["package"])
    assert load(root, STALE_PYC="all")["answer"] == "old"


def test_bytecode_without_record_is_not_used(tmp_path: Path) -> None:
    """Bytecode without a record is used with `all` only."""
    install(tmp_path, {"package/__init__.py": "", "package/module.py": OLD})
    shutil.rmtree(tmp_path / "package-1.0.dist-info")
    assert load(tmp_path)["rescued"] == []
    assert load(tmp_path, STALE_PYC="all")["rescued"] == MODULES


def test_unlisted_bytecode_is_not_used(root: Path) -> None:
    """Bytecode that the record of a newer wheel does not list is not used."""
    module = root / "package" / "module.py"
    kept = bytecode(module).read_bytes()
    install(root, {"package/__init__.py": "", "package/module.py": NEW}, list_bytecode=False)
    bytecode(module).write_bytes(kept)
    found = load(root)
    assert (found["answer"], found["rescued"]) == ("new", [])


def test_two_records_are_not_combined(root: Path) -> None:
    """Bytecode is not used if one record lists the source and another the bytecode."""
    record = root / "package-1.0.dist-info" / "RECORD"
    lines = record.read_text().splitlines()
    record.write_text("\n".join(line for line in lines if ".pyc" not in line))
    other = root / "other-1.0.dist-info"
    other.mkdir()
    (other / "RECORD").write_text("\n".join(line for line in lines if ".pyc" in line))
    assert load(root)["rescued"] == []


def test_off_loads_nothing(root: Path) -> None:
    """With `off`, the module of stale bytecode is not loaded."""
    found = load(root, STALE_PYC="off")
    assert (found["answer"], found["rescued"]) == ("old", None)


def test_valid_bytecode_loads_nothing(root: Path) -> None:
    """Valid bytecode does not load the module of stale bytecode."""
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
def test_garbled_bytecode_is_compiled_again(root: Path, garble: Any, option: str) -> None:
    """Garbled bytecode is ignored, and the source is compiled."""
    with edited(bytecode(root / "package" / "module.py")) as content:
        content[:] = garble(bytes(content))
    found = load(root, STALE_PYC=option)
    assert (found["answer"], found["rescued"]) == ("old", ["package"])


def test_hash_based_bytecode_is_not_overruled(root: Path) -> None:
    """The interpreter alone validates hash-based bytecode."""
    module = root / "package" / "module.py"
    py_compile.compile(str(module), invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
    with edited(module) as source:
        source[:] = NEW.encode()
    found = load(root, STALE_PYC="all")
    assert (found["answer"], found["rescued"]) == ("new", ["package"])


def test_single_module_has_its_record(tmp_path: Path) -> None:
    """The record of a single module lists its bytecode, and names with the same start are kept apart."""
    install(tmp_path, {"single.py": OLD, "single_more.py": OLD}, "single-1")
    install(tmp_path, {"package/__init__.py": "", "package/module.py": "from single import answer\n"})
    found = load(tmp_path)
    assert found["rescued"] == ["package", "package.module", "single"]
    assert found["file"] == str(tmp_path / "single.py")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\0", b"package/module.py\n", b'"package/module.py",sha256=,\n'])
def test_malformed_record_proves_nothing(root: Path, content: bytes) -> None:
    """Bytecode with a malformed record is not used."""
    (root / "package-1.0.dist-info" / "RECORD").write_bytes(content)
    assert load(root)["rescued"] == []


def test_error_in_used_bytecode_has_source(root: Path) -> None:
    """The stack trace of an error in such bytecode names the file and shows the source line."""
    install(root, {"package/__init__.py": "", "package/module.py": "def answer():\n    raise ValueError('x')\n"})
    error = json.loads(run_lite(root, HANDLER).replies[0].body)
    assert error["stackTrace"][-1] == (
        f"  File \"{root / 'package' / 'module.py'}\", line 2, in answer\n    raise ValueError('x')\n"
    )


@pytest.mark.parametrize(("level", "count"), [("DEBUG", 1), ("TRACE", 1), ("INFO", 0), (None, 0)])
def test_used_bytecode_is_logged_when_debugging(root: Path, level: str | None, count: int) -> None:
    """The number of modules is logged at the levels DEBUG and TRACE only."""
    result = run_lite(root, HANDLER, env={"AWS_LAMBDA_LOG_LEVEL": level})
    assert result.stdout.count(b"used the bytecode of 2 modules") == count


def test_reset_dates_look_stale(root: Path) -> None:
    """The source in the other tests has a date at which the interpreter would compile it."""
    assert (root / "package" / "module.py").stat().st_mtime == RESET


def test_packages_may_share_a_namespace(tmp_path: Path) -> None:
    """Records of all packages in a namespace count, and an older record of a package is harmless."""
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
def test_path_may_name_folder_in_any_form(tmp_path: Path, form: str) -> None:
    """A layer's folder may be written with a trailing slash or dot, or be a symbolic link."""
    layer = tmp_path / "layer"
    install(layer, {"package/__init__.py": "", "package/module.py": OLD})
    (layer / "link").symlink_to(layer)
    (tmp_path / "function").mkdir()
    found = load(tmp_path / "function", path=[form.format(layer)])
    assert (found["answer"], found["rescued"]) == ("old", MODULES)


def test_nested_folder_on_path_has_its_records(root: Path) -> None:
    """Packages in a folder on the path that is within another one use their own records."""
    install(root / "vendor", {"vendored.py": OLD}, "vendored-1")
    install(root, {"package/__init__.py": "", "package/module.py": "from vendored import answer\n"})
    assert load(root, path=[root / "vendor"])["rescued"] == [*MODULES, "vendored"]


def test_optimised_bytecode_needs_all(root: Path) -> None:
    """Optimised bytecode, which pip does not list, is used with `all` only."""
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


def test_bytecode_in_other_cache_is_not_used(root: Path) -> None:
    """Bytecode in the folder of PYTHONPYCACHEPREFIX is not used."""
    module = root / "package" / "module.py"
    elsewhere = Path(f"{root}/cache{module}").with_name(bytecode(module).name)
    elsewhere.parent.mkdir(parents=True)
    shutil.copy(bytecode(module), elsewhere)
    found = load(root, PYTHONPYCACHEPREFIX=f"{root}/cache")
    assert (found["answer"], found["rescued"] or []) == ("old", [])


def test_packages_in_zip_still_work(tmp_path: Path) -> None:
    """Packages in a zip file are imported without the module of stale bytecode."""
    install(tmp_path / "unpacked", {"package/__init__.py": "", "package/module.py": OLD})
    with zipfile.ZipFile(tmp_path / "packages.zip", "w") as archive:
        for path in (tmp_path / "unpacked").rglob("*"):
            archive.write(path, path.relative_to(tmp_path / "unpacked"))
    found = load(tmp_path, path=[tmp_path / "packages.zip"])
    assert (found["answer"], found["rescued"]) == ("old", None)


def test_reload_sees_an_edit(root: Path) -> None:
    """`reload` compiles the edited source."""
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


def test_runtime_with_stale_bytecode_starts(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A runtime whose bytecode looks stale starts, and uses such bytecode of packages."""
    runtime = tmp_path_factory.mktemp("runtime")
    shutil.copytree(Path(package_root()) / "awslambdaric_lite", runtime / "awslambdaric_lite")
    for path in runtime.rglob("*.py"):
        os.utime(path, (RESET, RESET))
    assert load(root, path=[runtime])["rescued"] == MODULES


def test_large_record_is_read_quickly(root: Path) -> None:
    """A record of ten thousand files is read in less than half a second."""
    record = root / "package-1.0.dist-info" / "RECORD"
    others = "".join(f"package/data/{number}/file.json,sha256={'x' * 43},{number}\r\n" for number in range(10_000))
    record.write_bytes(others.encode() + record.read_bytes())
    source = HANDLER.replace("import package", "import time\nbegun = time.perf_counter()\nimport package")
    source = source.replace("def handler", "took = time.perf_counter() - begun\ndef handler")
    found = load(root, source=source.replace("    }", "        'time': took,\n    }"))
    assert found["rescued"] == MODULES
    assert found["time"] < 0.5
