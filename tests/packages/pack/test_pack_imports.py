"""`pack --event` and `--bundle-imports`: the import list and the import bundle of a package."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from awslambdaric_lite.cli import main
from awslambdaric_lite.emulator import LocalLambda
from awslambdaric_lite.packaging.audit.import_files import modules_of_bundle
from awslambdaric_lite.packaging.bytecode import find_interpreter
from awslambdaric_lite.packaging.targets import host_target

from .wheelhouse import add_wheel, needs_pip

VERSION = "{}.{}".format(*sys.version_info)
VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14", "3.15")
VARIABLE = "AWSLAMBDARIC_LITE_IMPORT_LIST"
HERE = host_target().arch
ELSEWHERE = "arm64" if HERE == "x86_64" else "x86_64"
NEW = sys.version_info >= (3, 15)

FUNCTION = {
    "app.py": "import lazily, sys\ndef handler(event, context):\n"
    "    before = sorted({'late', 'deep'} & {*sys.modules})\n    import late\n    return [before, lazily.value()]\n",
    "lazily.py": "import deep\ndef value():\n    return deep.VALUE\n",
    "deep.py": "VALUE = 1\n",
    "late.py": "",
}


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a function's folder; the current folder, above it, has an event."""
    folder = tmp_path / "source"
    folder.mkdir()
    for name, text in FUNCTION.items():
        (folder / name).write_text(text)
    (tmp_path / "event.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    return folder


def pack(*options: str, handler: str = "app.handler", event: str = "event.json") -> int:
    """Pack the folder `source` as `a.zip`."""
    arguments = ["pack", "source", "-o", "a.zip", "--arch", HERE, "--handler", handler, *options]
    return main([*arguments, *(["--event", event] if event else [])])


def listed(archive: str = "a.zip") -> list[str]:
    """Return the entries of a package's list."""
    with zipfile.ZipFile(archive) as opened:
        text = opened.read("imports.txt").decode()
    return [line for line in text.splitlines() if not line.startswith("#")]


def run_packed(runtime: Sequence[str], task_root: str = "a.zip", **env: str) -> tuple[object, str]:
    """Run a package; return the result and the lines of the runtime in the log."""
    env = {"AWSLAMBDARIC_LITE_PYTHON": sys.executable, **env}
    with LocalLambda("app.handler", task_root=task_root, runtime=runtime, env=env) as function:
        result = function.invoke()
        return result.json(), "".join(
            line for line in result.logs.splitlines(True) if "AWSLAMBDARIC_LITE" in line or "differs" in line
        )


@pytest.mark.parametrize(
    "options", [[], ["--no-bytecode"], ["--no-sources"]], ids=["plain", "no-bytecode", "sourceless"]
)
def test_bootstrap_names_the_list(source: Path, capsys: pytest.CaptureFixture[str], options: list[str]) -> None:
    """With --runtime, init imports what the events need without a variable; a variable takes precedence."""
    assert pack("--runtime", *options) == 0
    assert "late" in listed()
    entries = "1 entry" if len(listed()) == 1 else f"{len(listed())} entries"
    assert f"imports.txt has {entries}; bootstrap names it to the runtime\n" in capsys.readouterr().err
    assert run_packed(["./bootstrap"])[0] == [["deep", "late"], 1]
    result, log = run_packed(["./bootstrap"], **{VARIABLE: ""})
    assert result == [["deep"], 1] and VARIABLE not in log
    result, log = run_packed(["./bootstrap"], **{VARIABLE: "/no/list.txt"})
    assert result == [["deep"], 1] and f"{VARIABLE}=/no/list.txt is ignored" in log


@pytest.mark.skipif(not NEW, reason="Python 3.15 and later has lazy imports")
def test_packed_list_leaves_no_lazy_import_to_events(source: Path) -> None:
    """With lazy imports, the first event of the package resolves nothing."""
    assert pack("--runtime", "--lazy", "all") == 0
    assert {"app:lazily", "lazily:deep", "late"} <= set(listed())
    env = {"AWSLAMBDARIC_LITE_PYTHON": sys.executable, "AWSLAMBDARIC_LITE_LAZY_IMPORTS": "all"}
    options = {"log_format": "JSON", "log_level": "DEBUG"}
    with LocalLambda("app.handler", task_root="a.zip", runtime=["./bootstrap"], env=env, **options) as function:  # type: ignore[arg-type]
        assert "the first event resolved 0 imports in " in function.invoke().logs


def test_output_names_the_variable(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --runtime, the output names the variable to set."""
    assert pack() == 0
    text = "set AWSLAMBDARIC_LITE_IMPORT_LIST=/var/task/imports.txt to use it, with the wrapper layer or in an image"
    said = capsys.readouterr().err
    assert text in said and said.count(" zipped ") == said.count(" unpacked ") == 1
    with zipfile.ZipFile("a.zip") as archive:
        assert "bootstrap" not in archive.namelist()


def test_events_that_import_nothing_need_no_list(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Events that import nothing after init give no list, because the runtime would log that it is empty."""
    (source / "app.py").write_text("def handler(event, context):\n    pass\n")
    assert pack("--runtime") == 0
    assert "the events import nothing after init, so that no imports.txt is needed\n" in capsys.readouterr().err
    with zipfile.ZipFile("a.zip") as archive:
        assert "imports.txt" not in archive.namelist() and VARIABLE.encode() not in archive.read("bootstrap")


@pytest.mark.parametrize(
    ("text", "is_list"),
    [
        ("# mine\nlate  # for the first event\n", True),
        ("app:lazily\nxml.dom\n", True),
        ("apples, pears\n", False),
        ("# nothing\n", False),
        ("late\ntwo words\n", False),
    ],
)
@pytest.mark.parametrize("runtime", [True, False], ids=["runtime", "managed"])
def test_list_of_the_folder_is_packed_as_it_is(
    source: Path, capsys: pytest.CaptureFixture[str], text: str, is_list: bool, runtime: bool
) -> None:
    """A list in the folder is packed unchanged and used, for any architecture; another such file is not used."""
    (source / "imports.txt").write_text(text)
    assert pack("--arch", ELSEWHERE, *(["--runtime"] if runtime else []), event="") == 0
    assert ("imports.txt has " in capsys.readouterr().err) is is_list
    with zipfile.ZipFile("a.zip") as archive:
        assert archive.read("imports.txt").decode() == text
        assert not runtime or (VARIABLE.encode() in archive.read("bootstrap")) is is_list


def test_same_events_give_same_bytes(source: Path) -> None:
    """Packing twice gives the same bytes."""
    assert pack() == 0
    first = Path("a.zip").read_bytes()
    for path in source.iterdir():
        os.utime(path, (1, 1))
    assert pack() == 0
    assert Path("a.zip").read_bytes() == first


def test_other_version_of_python_runs_the_events(source: Path) -> None:
    """An interpreter of the package's version runs the events, and may be without this project."""
    version = next((each for each in VERSIONS if each != VERSION and find_interpreter(each)), None)
    if version is None:
        pytest.skip("no other version of Python is on this machine")
    (source / "app.py").write_text(
        "import sys\ndef handler(event, context):\n    __import__('m%d%d' % sys.version_info[:2])\n"
    )
    (source / f"m{version.replace('.', '')}.py").write_text("import late\n")
    assert pack("--python", version) == 0
    assert f"m{version.replace('.', '')}" in listed() and "late" in listed()


@needs_pip
def test_requirements_and_variables_are_there(source: Path, tmp_path: Path) -> None:
    """The events see the packed requirements and the variables of --env."""
    add_wheel(tmp_path / "wheels", "needed", {"needed.py": "import late\nlate.__name__\n"})
    (source / "requirements.txt").write_text("needed\n")
    (source / "app.py").write_text("import os\ndef handler(event, context):\n    __import__(os.environ['MODULE'])\n")
    assert pack("--find-links", "wheels", "--no-index", "--env", "MODULE=needed") == 0
    assert {"needed", "late"} <= set(listed())


def absent_version() -> str:
    """Return a version of Python that this machine does not have."""
    version = next((each for each in VERSIONS if not find_interpreter(each)), None)
    if version is None:
        pytest.skip("this machine has all versions of Python")
    return version


FAILING = "def handler(event, context):\n    raise ValueError('no table')\n"


@pytest.mark.parametrize(
    ("files", "options", "code", "message"),
    [
        (
            {},
            ["--arch", ELSEWHERE],
            1,
            f"this machine cannot run the events for Linux on {ELSEWHERE}; pack on a machine of that kind, or ",
        ),
        (
            {"app.py": FAILING},
            [],
            1,
            "recorded: ValueError: no table; correct it or the event, or set variables with --e",
        ),
        ({"app.py": "import nowhere\n" + FAILING}, [], 1, "No module named 'nowhere'"),
        (
            {"imports.txt": "late\n"},
            [],
            1,
            "the package has imports.txt already; remove or exclude it, or omit the option",
        ),
        ({"app.py": FAILING, "lib/x.so.1": ""}, [], 1, "; if lib/x.so.1 cannot run on this machine, pack on one of "),
        (
            {"app.py": FAILING, "lib/x.so.1": ""},
            [],
            1,
            "record-imports wrote there into source as imports.txt, and omit ",
        ),
        ({"app.py": FAILING, "lib/x.so.1": ""}, ["--bundle-imports"], 1, "pack on one of the function's kind\n"),
        ({}, ["--event", "none.json"], 2, "event file none.json does not exist; check the path"),
        ({}, ["--lazy", "some"], 2, "--lazy 'some' is unknown; choose off, all, installed"),
        ({}, ["--lazy", "no/file"], 2, "--lazy no/file is not a file; name a file of patterns"),
        ({}, ["--env", "TABLE"], 2, "--env 'TABLE' has no value; write NAME=value"),
        ({}, ["--interpreter", "/bin/true"], 1, "/bin/true is not a CPython"),
    ],
)
def test_bad_input_keeps_old_file(
    source: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], options: list[str], code: int, message: str
) -> None:
    """An error names the thing and the cure, and the old file stays."""
    for name, text in files.items():
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text(text)
    Path("a.zip").write_bytes(b"old")
    include = [] if not any(".so" in name for name in files) else ["--include", "*.so.1"]
    assert pack(*include, *options) == code
    assert message in capsys.readouterr().err
    assert Path("a.zip").read_bytes() == b"old"


def test_missing_interpreter_is_an_error(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without an interpreter of the package's version, events cannot be run, also without bytecode."""
    version = absent_version()
    for options in ([], ["--no-bytecode"], ["--bundle-imports"]):
        purpose = "import the handler" if "--bundle-imports" in options else "run the events"
        assert pack("--python", version, *options, event="" if "--bundle-imports" in options else "event.json") == 1
        text = f"this machine has no Python {version} to {purpose}; install it, or name one with --interpreter"
        assert text in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--event", "event.json"], "--event needs the handler; name it with --handler, e.g. app.handler"),
        (["--bundle-imports"], "--bundle-imports needs the handler; name it with --handler, e.g. app.handler"),
        (["--lazy", "all"], "--lazy is for the function that --event runs; add --event FILE, or omit it"),
        (["--env", "A=1"], "--env is for the function that --event and --bundle-imports run; add one, or omit it"),
    ],
)
def test_options_that_need_another_one(
    source: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    """An option that has no effect without another one is refused."""
    assert main(["pack", "source", "-o", "a.zip", *options]) == 2
    assert message in capsys.readouterr().err


def bundled(archive: str = "a.zip") -> dict[str, int | None]:
    """Return the files of a package whose modules are in its bundle, with the dates of the function's own."""
    with zipfile.ZipFile(archive) as opened:
        modules = modules_of_bundle(opened.read("imports.bundle"), VERSION)
    return {name: time for name, (_, _, time) in modules.items()}


@pytest.mark.parametrize(
    "options", [[], ["--no-bytecode"], ["--no-sources"]], ids=["plain", "no-bytecode", "sourceless"]
)
def test_bootstrap_names_the_bundle(source: Path, capsys: pytest.CaptureFixture[str], options: list[str]) -> None:
    """With --runtime, modules come from the bundle without a variable, and from disk if they differ from it."""
    assert pack("--runtime", "--bundle-imports", *options, event="") == 0
    assert {Path(name).stem for name in bundled()} == {"app", "lazily", "deep"}
    said = capsys.readouterr().err
    assert "imports.bundle has " in said and "; bootstrap names it to the runtime\n" in said
    assert "imports.txt" not in said
    assert run_packed(["./bootstrap"]) == ([["deep"], 1], "")
    with zipfile.ZipFile("a.zip") as archive:
        archive.extractall("task")
    Path("task/bootstrap").chmod(0o755)
    name = "deep.pyc" if "--no-sources" in options else "deep.py"
    content = Path("task", name).read_bytes()
    Path("task", name).write_bytes(content.replace(b"VALUE = 1", b"VALUE = 2") + b"\n")
    for cached in Path("task/__pycache__").glob("deep.*"):
        cached.unlink()
    result, log = run_packed(["./bootstrap"], task_root="task")
    assert result == [["deep"], 1 if "--no-sources" in options else 2]
    assert f"/{name} differs from " in log
    assert run_packed(["./bootstrap"], task_root="task", AWSLAMBDARIC_LITE_BUNDLE="") == (result, "")


def test_bundle_has_dates_of_the_archive(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundle has the dates that the files of the function have when the archive is unpacked."""
    assert pack("--bundle-imports", event="") == 0
    assert set(bundled().values()) == {315532800}
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert pack("--bundle-imports", event="") == 0
    assert set(bundled().values()) == {1700000000}


def test_bundle_has_modules_of_the_list(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Modules of a recorded list, and of a list in the folder, are in the bundle; the output names both variables."""
    assert pack("--bundle-imports") == 0
    assert set(bundled()) == {"app.py", "lazily.py", "deep.py", "late.py"}
    said = capsys.readouterr().err
    assert "set AWSLAMBDARIC_LITE_BUNDLE=/var/task/imports.bundle to use it, with the wrapper layer" in said
    assert "set AWSLAMBDARIC_LITE_IMPORT_LIST=/var/task/imports.txt to use it, with the wrapper layer" in said
    (source / "imports.txt").write_text("late\nsys\napp:lazily\n")
    assert pack("--bundle-imports", event="") == 0
    assert set(bundled()) == {"app.py", "lazily.py", "deep.py", "late.py"}


@needs_pip
def test_bundle_has_packed_requirements(source: Path, tmp_path: Path) -> None:
    """Modules of requirements are in the bundle as modules of an installed distribution, and the runtime's are not."""
    add_wheel(tmp_path / "wheels", "needed", {"needed/__init__.py": "", "needed/inner.py": "", "needed/unused.py": ""})
    (source / "requirements.txt").write_text("needed\n")
    (source / "app.py").write_text("import needed.inner, awslambdaric_lite\n" + FUNCTION["app.py"])
    options = ["--find-links", "wheels", "--no-index", "--runtime", "--bundle-imports"]
    assert pack(*options, event="") == 0
    found = bundled()
    assert (found.pop("needed/__init__.py"), found.pop("needed/inner.py")) == (None, None)
    assert set(found) == {"app.py", "lazily.py", "deep.py"}
    first = Path("a.zip").read_bytes()
    assert pack(*options, event="") == 0
    assert Path("a.zip").read_bytes() == first


@pytest.mark.parametrize(
    ("files", "options", "code", "message"),
    [
        (
            {},
            ["--arch", ELSEWHERE],
            1,
            f"this machine cannot import the handler for Linux on {ELSEWHERE}; pack on a machine of that kind\n",
        ),
        ({"app.py": "import nowhere\nhandler = 1\n"}, [], 1, "No module named 'nowhere'"),
        ({"app.py": "import os\nhandler = os.environ['TABLE']\n"}, [], 1, "TABLE' (app.py, line 2); correct it, or "),
        (
            {"imports.bundle": "old"},
            [],
            1,
            "the package has imports.bundle already; remove or exclude it, or omit the op",
        ),
        ({"imports.txt": "late\nnowhere\n"}, [], 1, "nowhere of the import list: ModuleNotFoundError: No module"),
        ({}, ["--interpreter", "/bin/true"], 1, "/bin/true is not a CPython"),
    ],
)
def test_bundle_that_cannot_be_made_keeps_old_file(
    source: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], options: list[str], code: int, message: str
) -> None:
    """An error names the thing and the cure, and the old file stays."""
    for name, text in files.items():
        (source / name).write_text(text)
    Path("a.zip").write_bytes(b"old")
    assert pack("--bundle-imports", *options, event="") == code
    assert message in capsys.readouterr().err
    assert Path("a.zip").read_bytes() == b"old"


def test_variables_are_there_for_the_bundle(source: Path) -> None:
    """The import of the handler sees the variables of --env."""
    (source / "app.py").write_text("import os\n__import__(os.environ['MODULE'])\nhandler = print\n")
    assert pack("--bundle-imports", "--env", "MODULE=deep", event="") == 0
    assert set(bundled()) == {"app.py", "deep.py"}


@pytest.mark.parametrize("options", [["--event", "event.json"], ["--bundle-imports"]])
def test_packed_function_runs_without_credentials(
    source: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    """The function that pack runs sees neither credentials nor other variables of the caller."""
    names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "OTHER"]
    for name in names:
        monkeypatch.setenv(name, "mine")
    text = "import os\nassert 'mine' not in os.environ.values(), 'seen'\ndef handler(event, context):\n"
    (source / "app.py").write_text(f"{text}    assert 'mine' not in os.environ.values(), 'seen'\n")
    assert pack(*options, event="") == 0
