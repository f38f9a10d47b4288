"""Functions' packages: their content, and imports that compile nothing."""

from __future__ import annotations

import json
import os
import random
import stat
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from awslambdaric_lite.common.quotas import UNPACKED_LIMIT, ZIPPED_LIMIT
from awslambdaric_lite.packaging import function
from awslambdaric_lite.packaging.archive import SMALLEST
from awslambdaric_lite.packaging.bytecode import PycHeader, cache_path
from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.function import Packed, Recipe, pack_function
from awslambdaric_lite.packaging.targets import Target

from .wheelhouse import add_wheel, needs_pip

HERE = Target("{}.{}".format(*sys.version_info), "x86_64")

# Prints what an import compiles, its path, and all imported modules.
WATCHED_IMPORT = """
import json, sys
sys.path.insert(0, sys.argv[1])
compiled = []
sys.addaudithook(lambda event, arguments: event == "compile" and compiled.append(str(arguments[1])))
import app
result = app.handler({}, None)
print(json.dumps([result, compiled, app.handler.__code__.co_filename, app.__cached__]))
"""


class RecordedProgress:
    """A display that keeps its arguments."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.happened: list[str] = []
        self.sizes: list[tuple[int, int]] = []

    def stage(self, text: str) -> None:
        self.stages.append(text)

    def happening(self, text: str) -> None:
        self.happened.append(text)

    def done(self, size: int, total: int) -> None:
        self.sizes.append((size, total))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a function's folder."""
    return make(
        tmp_path / "source",
        {
            "app.py": "import lib.tools\n\ndef handler(event, context):\n    return lib.tools.answer()\n",
            "lib/__init__.py": "",
            "lib/tools.py": "def answer():\n    return 42\n",
            "data.json": "{}",
        },
    )


def make(folder: Path, files: Mapping[str, str]) -> Path:
    """Make a folder of files."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def pack(source: Path, output: Path, **changes: object) -> Packed:
    """Pack for this version of Python, with changes to the recipe."""
    recipe = Recipe(source, HERE, interpreter=Path(sys.executable))
    return pack_function(replace(recipe, **changes), output, RecordedProgress())  # type: ignore[arg-type]


def names(archive: Path) -> list[str]:
    """Return the names of the members."""
    with zipfile.ZipFile(archive) as opened:
        return opened.namelist()


def unpacked(archive: Path, folder: Path) -> Path:
    """Unpack it as Lambda does, with modes and with other dates than the sources have."""
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            path = Path(opened.extract(info, folder))
            path.chmod(stat.S_IMODE(info.external_attr >> 16))
            os.utime(path, (1_000_000_000, 1_000_000_000))
    return folder


def test_package_has_files_and_bytecode(source: Path, tmp_path: Path) -> None:
    """The package has the folder's files and each module's bytecode with its path on Lambda."""
    output = tmp_path / "function.zip"
    packed = pack(source, output, handler="app.handler")
    modules = ["app.py", "lib/__init__.py", "lib/tools.py"]
    assert names(output) == sorted([*modules, "data.json", *(cache_path(name, HERE.python) for name in modules)])
    assert (packed.sizes.zipped, packed.sizes.files, packed.precompiled) == (output.stat().st_size, 7, 3)
    assert packed.warnings == []
    with zipfile.ZipFile(output) as archive:
        assert packed.sizes.unpacked == sum(info.file_size for info in archive.infolist())
        assert {info.external_attr >> 16 for info in archive.infolist()} == {stat.S_IFREG | 0o644}
        for name in modules:
            bytecode = archive.read(cache_path(name, HERE.python))
            assert PycHeader.parse(bytecode).kind == "unchecked-hash"
            assert f"/var/task/{name}".encode() in bytecode


def test_its_import_compiles_nothing(source: Path, tmp_path: Path) -> None:
    """Bytecode is used whatever dates the files get; without it, the import compiles."""
    pack(source, tmp_path / "function.zip")
    task = unpacked(tmp_path / "function.zip", tmp_path / "task")

    def watched() -> tuple[object, list[str], str, str]:
        command = [sys.executable, "-B", "-S", "-c", WATCHED_IMPORT, str(task)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.stderr == ""
        result, compiled, shown_as, cached = json.loads(done.stdout)
        return result, compiled, shown_as, cached

    result, compiled, shown_as, cached = watched()
    assert (result, compiled) == (42, [])
    # The import system shows the module's real path, which on Lambda is that of the bytecode.
    assert shown_as in (f"{task}/app.py", "/var/task/app.py")
    assert cached == f"{task}/{cache_path('app.py', HERE.python)}"
    (task / cache_path("lib/tools.py", HERE.python)).unlink()
    assert watched()[1] == [f"{task}/lib/tools.py"]


def test_same_input_gives_same_bytes(source: Path, tmp_path: Path) -> None:
    """Another place, other dates and another umask give the same archive."""
    pack(source, tmp_path / "one.zip")
    copy = tmp_path / "elsewhere" / "copy"
    for path in sorted(source.rglob("*"), reverse=True):
        if path.is_file():
            other = copy / path.relative_to(source)
            other.parent.mkdir(parents=True, exist_ok=True)
            other.write_bytes(path.read_bytes())
            other.chmod(0o600)
            os.utime(other, (1, 1))
    for _ in range(2):
        pack(copy, copy / "two.zip")
        assert (copy / "two.zip").read_bytes() == (tmp_path / "one.zip").read_bytes()


@needs_pip
def test_requirements_are_installed_for_target(source: Path, tmp_path: Path) -> None:
    """Requirements are installed for the target and compiled, without files that never run."""
    wheels = tmp_path / "wheels"
    files = {
        "needed/__init__.py": "VALUE = 7\n",
        "needed/__pycache__/__init__.cpython-39.pyc": "stale",
        "needed/tests/test_needed.py": "",
        "needed/py.typed": "",
        "needed.libs/data.so": "",
    }
    add_wheel(wheels, "needed", files, commands={"needed": "needed:main"})
    (source / "requirements.in").write_text("needed==1.0\n")
    (source / "app.py").write_text("import needed\n\ndef handler(event, context):\n    return needed.VALUE\n")
    output = tmp_path / "function.zip"
    settings = {"requirements": source / "requirements.in", "find_links": wheels, "no_index": True}
    packed = pack(source, output, **settings)
    inside = names(output)
    assert {"needed/__init__.py", cache_path("needed/__init__.py", HERE.python), "needed.libs/data.so"} <= set(inside)
    assert not [name for name in inside if "tests" in name or "39" in name or name.startswith("bin/")]
    information = [name.partition("/")[2] for name in inside if name.startswith("needed-1.0.dist-info/")]
    assert information == ["INSTALLER", "METADATA", "RECORD", "REQUESTED", "WHEEL", "entry_points.txt"]
    task = unpacked(output, tmp_path / "task")
    assert PathDistribution(task / "needed-1.0.dist-info").version == "1.0"
    assert packed.warnings == []

    pack(source, output, **settings, prune=False)
    inside = names(output)
    assert {"needed/tests/test_needed.py", "needed/py.typed", "needed-1.0.dist-info/RECORD"} <= set(inside)
    assert not [name for name in inside if "39" in name or name.startswith("bin/")]
    with zipfile.ZipFile(output) as archive:
        listed = [line.split(",")[0] for line in archive.read("needed-1.0.dist-info/RECORD").decode().splitlines()]
    assert set(listed) <= set(inside)


@needs_pip
def test_the_folder_comes_first(source: Path, tmp_path: Path) -> None:
    """A file of the folder replaces an installed one, with a warning."""
    add_wheel(tmp_path / "wheels", "needed", {"app.py": "", "needed.py": ""})
    (tmp_path / "requirements.txt").write_text("needed")
    settings = {"find_links": tmp_path / "wheels", "no_index": True}
    packed = pack(source, tmp_path / "a.zip", requirements=tmp_path / "requirements.txt", **settings)
    assert [warning for warning in packed.warnings if warning.startswith("app.py: the file of the folder is packed")]
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.read("app.py") == (source / "app.py").read_bytes()


def test_modes_are_opened(source: Path, tmp_path: Path) -> None:
    """Files that their owner may execute or read are executable or readable for all."""
    make(source, {"run.sh": "#!/bin/sh", "private.txt": ""})
    (source / "run.sh").chmod(0o700)
    (source / "private.txt").chmod(0o600)
    pack(source, tmp_path / "function.zip")
    with zipfile.ZipFile(tmp_path / "function.zip") as archive:
        modes = {name: stat.S_IMODE(archive.getinfo(name).external_attr >> 16) for name in ("run.sh", "private.txt")}
    assert modes == {"run.sh": 0o755, "private.txt": 0o644}


def test_runtime_and_bootstrap_are_added(source: Path, tmp_path: Path) -> None:
    """`bootstrap` is executable at the root, and the runtime has its bytecode, without the tools."""
    make(source, {"awslambdaric_lite/old.py": ""})
    packed = pack(source, tmp_path / "function.zip", runtime=True)
    inside = names(tmp_path / "function.zip")
    assert {"awslambdaric_lite/_runtime.py", cache_path("awslambdaric_lite/_runtime.py", HERE.python)} <= set(inside)
    assert not [name for name in inside if name.startswith(("awslambdaric_lite/cli", "awslambdaric_lite/old"))]
    with zipfile.ZipFile(tmp_path / "function.zip") as archive:
        assert stat.S_IMODE(archive.getinfo("bootstrap").external_attr >> 16) == 0o755
        assert f"\nlite_version={HERE.python}\n".encode() in archive.read("bootstrap")
        assert b"wait_next_invocation" in archive.read(f"awslambdaric_lite/start-{HERE.python}.bin")
        assert f"awslambdaric_lite/start-{HERE.python}.pyc" in inside
    assert packed.warnings == ["--runtime replaces 1 file of awslambdaric_lite in the package"]
    make(source, {"bootstrap": "mine"})
    with pytest.raises(PackagingError, match="already has a bootstrap"):
        pack(source, tmp_path / "function.zip", runtime=True)


def test_missing_interpreter_leaves_sources(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an interpreter of the version no bytecode is added, and a warning says so."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    packed = pack(source, tmp_path / "a.zip", target=Target("3.15", "x86_64"), interpreter=None)
    assert packed.precompiled == 0 and names(tmp_path / "a.zip") == [
        *("app.py", "data.json", "lib/__init__.py", "lib/tools.py")
    ]
    assert packed.warnings[0].startswith("this machine has no Python 3.15, so the bytecode is not precompiled")
    with pytest.raises(PackagingError, match=r"/bin/true is not a CPython"):
        pack(source, tmp_path / "a.zip", interpreter=Path("/bin/true"))


def test_sources_that_do_not_compile(source: Path, tmp_path: Path) -> None:
    """A source that does not compile is packed with a warning; the handler's module must compile."""
    make(source, {"template.py": "x = {{ value }}\n = 1"})
    packed = pack(source, tmp_path / "a.zip", handler="app.handler")
    assert packed.warnings[0].startswith(f"Python {HERE.python} cannot compile template.py (line 2: ")
    assert "template.py" in names(tmp_path / "a.zip")
    (source / "app.py").write_text("def handler(event, context)\n    pass\n")
    with pytest.raises(PackagingError, match=r"app\.py does not compile: line 1: .*; correct it"):
        pack(source, tmp_path / "a.zip", handler="app.handler")


@pytest.mark.parametrize("ignored", ["app.py", "lib/"])
def test_handler_that_is_left_out_is_named(ignored: str, source: Path, tmp_path: Path) -> None:
    """Where the handler's module is left out, the message says why."""
    (source / ".gitignore").write_text(ignored)
    handler = "app.handler" if ignored == "app.py" else "lib.tools.answer"
    with pytest.raises(PackagingError, match=rf"{ignored} is left out \(.* .gitignore\); use --include {ignored}"):
        pack(source, tmp_path / "a.zip", handler=handler)
    pack(source, tmp_path / "a.zip", handler=handler, include=[ignored])


def test_names_of_the_standard_library(source: Path, tmp_path: Path) -> None:
    """A warning names modules that hide one of the standard library, but not data files."""
    make(
        source, {"token.py": "", "queue/__init__.py": "", "json/data.txt": "", "lib/re.py": "", "test/__init__.py": ""}
    )
    make(source, {"email/helper.py": ""})  # Python takes its own package, which has a file __init__.py
    warnings = pack(source, tmp_path / "a.zip").warnings
    assert warnings == ["queue, token: on Lambda this hides the standard library's; rename it"]


def test_too_large_unpacked(source: Path, tmp_path: Path) -> None:
    """A package beyond Lambda's unpacked limit is refused before it is written, with its largest parts."""
    with (source / "lib" / "model.bin").open("wb") as file:
        file.truncate(UNPACKED_LIMIT)
    (tmp_path / "a.zip").write_bytes(b"old")
    with pytest.raises(PackagingError, match=r"unpacked .* allows 250.0 MB with its layers; the largest: lib 250.0 MB"):
        pack(source, tmp_path / "a.zip", through_s3=True)
    assert (tmp_path / "a.zip").read_bytes() == b"old"


def test_too_large_zipped(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A zip file beyond the direct limit is refused, unless it is uploaded through S3."""
    assert ZIPPED_LIMIT == 50 * 1024 * 1024
    monkeypatch.setattr(function, "ZIPPED_LIMIT", 2**20)  # deflating 50 MB takes seconds
    (source / "noise.bin").write_bytes(random.Random(1).randbytes(2**20))
    with pytest.raises(PackagingError, match=r"the zip file has 1.0 MB, .* through S3 with --s3"):
        pack(source, tmp_path / "a.zip")
    assert sorted(os.listdir(tmp_path)) == ["source"]
    assert pack(source, tmp_path / "a.zip", through_s3=True).sizes.zipped > 2**20


@pytest.fixture
def branches(tmp_path: Path) -> Path:
    """Return a function whose modules are at different distances from the handler."""
    lines = "".join(f"{'x' * 90}{number} = {number}\n" for number in range(500))
    return make(
        tmp_path / "branches",
        {
            "app.py": f"import near\ndef handler(event, context):\n    return near.far.VALUE\n{lines}",
            "near/__init__.py": f"from . import far\n{lines}",
            "near/far.py": f"VALUE = 1\n{lines}",
            "near/unused.py": lines,
        },
    )


@pytest.mark.parametrize(("missing", "expected"), [(1, ["unused"]), (2, ["far", "unused"])])
@pytest.mark.parametrize("kind", ["unpacked", "zipped"])
def test_bytecode_gives_way_to_limits(
    kind: str, missing: int, expected: list[str], branches: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a limit is exceeded, the bytecode of modules that are far from the handler is left out with a warning."""
    output = tmp_path / "function.zip"
    monkeypatch.setattr(function, "FAST", SMALLEST)
    size, share = sizes_of(kind, branches, output)
    monkeypatch.setattr(function, f"{kind.upper()}_LIMIT", size - share * (missing - 1) - share // 2)
    packed = pack(branches, output, handler="app.handler")
    gone = {"app", "near/__init__", "near/far", "near/unused"} - {
        name for name in ("app", "near/__init__", "near/far", "near/unused") if cached_name(name) in names(output)
    }
    assert sorted(name.rpartition("/")[2] for name in gone) == expected
    assert packed.precompiled == 4 - len(expected)
    assert len(packed.warnings) == 1 and packed.warnings[0].startswith(f"bytecode of {missing} module")
    if kind == "zipped":
        assert pack(branches, output, through_s3=True).warnings == []


@pytest.mark.parametrize("kind", ["unpacked", "zipped"])
def test_package_that_exceeds_limit_without_bytecode(
    kind: str, branches: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package that is too large even without bytecode is refused."""
    size, share = sizes_of(kind, branches, tmp_path / "function.zip")
    monkeypatch.setattr(function, f"{kind.upper()}_LIMIT", size - share * 5)
    with pytest.raises(PackagingError, match="exclude files, or"):
        pack(branches, tmp_path / "function.zip", handler="app.handler")


def test_better_compression_precedes_other_measures(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A zip file beyond the limit is compressed better before bytecode is left out."""
    words = random.Random(1).choices([f"word{number}" for number in range(3000)], k=60_000)
    (source / "text.txt").write_text(" ".join(words))
    fast = pack(source, tmp_path / "a.zip").sizes.zipped
    monkeypatch.setattr(function, "ZIPPED_LIMIT", fast - 1)
    packed = pack(source, tmp_path / "a.zip")
    assert packed.sizes.zipped < fast and packed.warnings == [] and packed.precompiled == 3
    assert pack(source, tmp_path / "a.zip", through_s3=True).sizes.zipped == fast


def sizes_of(kind: str, source: Path, output: Path) -> tuple[int, int]:
    """Return the size of a package, and of one module's bytecode in it."""
    packed = pack(source, output, handler="app.handler")
    with zipfile.ZipFile(output) as archive:
        info = archive.getinfo(cached_name("near/unused"))
    if kind == "unpacked":
        return packed.sizes.unpacked, info.file_size
    return packed.sizes.zipped, info.compress_size


def cached_name(module: str) -> str:
    """Return the name of the bytecode of a module."""
    return cache_path(f"{module}.py", HERE.python)


def test_package_without_bytecode(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without bytecode no interpreter is needed, and no warning misses it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    packed = pack(source, tmp_path / "a.zip", bytecode=False, interpreter=None, target=Target("3.15", "x86_64"))
    assert (packed.precompiled, packed.warnings) == (0, [])
    assert not [name for name in names(tmp_path / "a.zip") if name.endswith(".pyc")]
    with pytest.raises(PackagingError, match=r"no Python 3\.15 to replace sources with bytecode; install"):
        pack(source, tmp_path / "a.zip", sources=False, interpreter=None, target=Target("3.15", "x86_64"))


@needs_pip
def test_package_without_sources(source: Path, tmp_path: Path) -> None:
    """Bytecode replaces the sources of modules, RECORD lists it, and the handler runs; other files stay as they are."""
    add_wheel(tmp_path / "wheels", "needed", {"needed/__init__.py": "VALUE = 7\n"})
    (source / "requirements.txt").write_text("needed\n")
    make(source, {"app.py": "import needed\ndef handler(event, context):\n    return needed.VALUE\n"})
    make(source, {"template-1.py": "", "broken.py": "x ="})
    links = {"requirements": source / "requirements.txt", "find_links": tmp_path / "wheels", "no_index": True}
    pack(source, tmp_path / "a.zip", sources=False, handler="app.handler", runtime=True, **links)
    inside = names(tmp_path / "a.zip")
    assert {"app.pyc", "lib/tools.pyc", "needed/__init__.pyc", "template-1.py", "broken.py"} <= set(inside)
    assert not {"app.py", "lib/tools.py", "needed/__init__.py"} & set(inside)
    assert "awslambdaric_lite/_runtime.py" in inside
    task = unpacked(tmp_path / "a.zip", tmp_path / "task")
    files = [str(path) for path in PathDistribution(task / "needed-1.0.dist-info").files or ()]
    assert "needed/__init__.pyc" in files and "needed/__init__.py" not in files
    code = "import app; print(app.handler(None, None), app.__file__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=task, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["7", str(task / "app.pyc")]


def test_nothing_to_pack(tmp_path: Path) -> None:
    """An empty folder is refused."""
    (tmp_path / "empty" / ".git").mkdir(parents=True)
    with pytest.raises(PackagingError, match="has no files for a package"):
        pack(tmp_path / "empty", tmp_path / "a.zip")
    make(tmp_path / "ignored", {"app.py": "", ".gitignore": "*"})
    with pytest.raises(PackagingError, match=r"no files for a package; .*app\.py is left out \(named in \.gitignore\)"):
        pack(tmp_path / "ignored", tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()


def test_progress_has_stages_and_bytes(source: Path, tmp_path: Path) -> None:
    """Progress has the stages in their order, and bytes that add up."""
    progress = RecordedProgress()
    packed = pack_function(Recipe(source, HERE), tmp_path / "a.zip", progress)
    assert progress.stages == [f"compiling for Python {HERE.python}", "writing 7 files"]
    assert progress.sizes[-1] == (packed.sizes.unpacked, packed.sizes.unpacked)


def test_invalid_name_is_shown_as_written(tmp_path: Path) -> None:
    """The message shows the file's own name, not that of its bytecode."""
    (tmp_path / "back\\slash.py").touch()
    with pytest.raises(PackagingError, match=r"^'back\\\\slash\.py' is not a name"):
        pack_function(Recipe(tmp_path, HERE), tmp_path / "function.zip", RecordedProgress())


def test_bytecode_whose_name_would_be_too_long(tmp_path: Path) -> None:
    """A module whose bytecode would have too long a name is packed without bytecode."""
    (tmp_path / f"{'a' * 250}.py").touch()
    (tmp_path / "app.py").touch()
    output = tmp_path / "function.zip"
    assert pack_function(Recipe(tmp_path, HERE), output, RecordedProgress()).precompiled == 1
    with zipfile.ZipFile(output) as archive:
        archive.extractall(tmp_path / "unpacked")
        assert len(archive.namelist()) == 3
