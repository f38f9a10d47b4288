"""`awslambdaric-lite doctor` on the command line."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from awslambdaric_lite.cli import doctor_report, main
from awslambdaric_lite.packaging.audit.run import audit

from .packages import PYTHON, TARGET, compiled, make_folder, make_zip

HANDLER = "def handler(event, context):\n    return event\n"
ARCH = ["--arch", TARGET.arch]


class Terminal(io.StringIO):
    """A stream that claims to be a terminal, and keeps its text."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    """Return a package without findings, except the note about a missing --handler."""
    return make_zip(tmp_path / "clean.zip", compiled({"app.py": HANDLER}))


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """Return a package with a warning."""
    return make_zip(tmp_path / "slow.zip", {"app.py": HANDLER})


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """Return a package with an error and a warning."""
    return make_zip(tmp_path / "broken.zip", {"app.py": HANDLER}, modes={"app.py": 0o600})


@pytest.fixture
def grave(tmp_path: Path) -> Path:
    """Return a package with an error and no warning."""
    files = compiled({"app.py": HANDLER})
    return make_zip(tmp_path / "grave.zip", files, modes={"app.py": 0o600})


@pytest.mark.parametrize(
    ("package", "fail_on", "status"),
    [
        ("clean", "error", 0),
        ("clean", "warning", 0),
        ("clean", "info", 1),
        ("slow", "error", 0),
        ("slow", "warning", 1),
        ("slow", "info", 1),
        ("broken", "error", 1),
        ("broken", "warning", 1),
        ("broken", "info", 1),
        ("grave", "warning", 1),
    ],
)
def test_exit_status_follows_fail_on(
    request: pytest.FixtureRequest, package: str, fail_on: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit status is 1 if a finding has at least the level of --fail-on."""
    path = str(request.getfixturevalue(package))
    assert main(["doctor", path, *ARCH, "--fail-on", fail_on]) == status
    assert main(["doctor", path, *ARCH, "--fail-on", fail_on, "--json"]) == status
    capsys.readouterr()


def test_errors_fail_by_default(clean: Path, slow: Path, broken: Path) -> None:
    """The default of --fail-on is `error`."""
    assert [main(["doctor", str(path), *ARCH]) for path in (clean, slow, broken)] == [0, 0, 1]


def test_json_has_the_findings(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON has code, level, path and message of each finding, errors first, and nothing else is printed."""
    assert main(["doctor", str(broken), *ARCH, "--json"]) == 1
    output = capsys.readouterr()
    assert output.err == ""
    result = json.loads(output.out)
    assert list(result) == ["findings"]
    assert [set(each) for each in result["findings"]] == [{"code", "level", "path", "message"}] * 3
    assert [(each["code"], each["level"]) for each in result["findings"]] == [
        ("permissions", "error"),
        ("bytecode-missing", "warning"),
        ("imports-unchecked", "info"),
    ]


def test_plain_text_without_a_terminal(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a pipe, each finding is one line without colours, followed by their count."""
    main(["doctor", str(broken), *ARCH])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{broken}: function, 46 B of 250.0 MB (")
    assert lines[0].endswith(f"for Python {PYTHON} on {TARGET.arch}")
    assert lines[-1] == "1 error, 1 warning, 1 note"
    found = [line.split()[:3] for line in lines if line.startswith(("error ", "warning "))]
    assert found == [["error", "permissions", "."], ["warning", "bytecode-missing", "."]]
    assert "\x1b" not in "".join(lines)


def test_tables_on_a_terminal(broken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal gets coloured tables with everything that the plain text has."""
    pytest.importorskip("rich", reason="rich is missing: pip install 'awslambdaric-lite[local]'")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    doctor_report.show(audit(broken, TARGET, handler="app.handler"), broken, TARGET, stream)
    text = stream.getvalue()
    assert "\x1b[" in text
    for words in ("Findings", "permissions", "bytecode-missing", "Imports", "app.handler", "1 error"):
        assert words in text


def test_names_of_all_kinds_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Escapes, markup and bytes that are not text in names do not reach the terminal."""
    files = {"[red]x[/red]/a.py": "", "\x1b[31m/b.bin": "", "häß/c.py": ""}
    folder = make_folder(tmp_path / "odd", {**files, os.fsdecode(b"caf\xe9/d.bin"): ""})
    for form in ([], ["--json"]):
        assert main(["doctor", str(folder), *ARCH, *form]) == 0
        assert "\x1b" not in capsys.readouterr().out
    stream = Terminal()
    doctor_report.show(audit(folder, TARGET), folder, TARGET, stream)
    assert "\x1b[31m/" not in stream.getvalue()


@pytest.mark.parametrize(("name", "is_page"), [("flame.svg", False), ("flame.html", True), ("flame", False)])
def test_the_flame_graph_is_written(
    clean: Path, tmp_path: Path, name: str, is_page: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file's name decides between picture and page; the text has the tree, too."""
    output = tmp_path / name
    assert main(["doctor", str(clean), *ARCH, "--handler", "app.handler", "--flame", str(output)]) == 0
    text = output.read_text()
    assert text.startswith("<!doctype html>") == is_page
    assert "Imports of app.handler" in text
    if not is_page:
        assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
    assert "\nImports\n" in capsys.readouterr().out


def test_no_flame_graph_without_an_import(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without an import, an older picture stays, and standard error says why."""
    path = make_zip(tmp_path / "a.zip", compiled({"app.py": "import nowhere\n"}))
    output = tmp_path / "flame.svg"
    output.write_text("older")
    assert main(["doctor", str(path), *ARCH, "--handler", "app.handler", "--flame", str(output)]) == 1
    assert output.read_text() == "older"
    assert "nothing was drawn, because nothing was imported" in capsys.readouterr().err


@pytest.mark.parametrize("fail_on", ["error", "info"])
@pytest.mark.parametrize("kind", ["text", "hostile", "cut off", "layer", "flame"])
def test_unreadable_package_fails(
    clean: Path, tmp_path: Path, kind: str, fail_on: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A package that cannot be read gives one line on standard error and exit code 1."""
    path, more = tmp_path / "package.zip", []
    if kind == "text":
        path.write_text("no package at all\n")
    elif kind == "hostile":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("../evil.py", "")
    elif kind == "cut off":
        path.write_bytes(clean.read_bytes()[:-30])
    elif kind == "layer":
        path, more = clean, ["--layer", str(tmp_path / "missing.zip")]
    else:
        path, more = clean, ["--handler", "app.handler", "--flame", str(tmp_path / "missing" / "x.svg")]
    assert main(["doctor", str(path), *ARCH, "--fail-on", fail_on, "--json", *more]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert len(output.err.splitlines()) == 1
    assert output.err.startswith("awslambdaric-lite doctor: ")


def test_variables_and_layers_reach_the_import(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--env and --layer can be repeated and reach the import; a value may contain an equals sign."""
    source = "import os, helper, other\nassert os.environ['A'] == 'b=c' and os.environ['D'] == ''\n" + HANDLER
    path = make_zip(tmp_path / "a.zip", compiled({"app.py": source}))
    layers = [make_folder(tmp_path / name, {f"python/{name}.py": ""}) for name in ("helper", "other")]
    more = [argument for layer in layers for argument in ("--layer", str(layer))]
    more += ["--env", "A=b=c", "--env", "D=", "--handler", "app.handler"]
    assert main(["doctor", str(path), *ARCH, *more, "--fail-on", "error"]) == 0
    capsys.readouterr()


def test_the_installed_command(clean: Path) -> None:
    """The installed command works in a separate process, and in a pipe that closes early."""
    command = [sys.executable, "-m", "awslambdaric_lite.cli", "doctor", str(clean), *ARCH]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.endswith("0 errors, 0 warnings, 1 note\n")
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110, env=ascii_only)
    assert done.returncode == 0, done.stderr


def test_command_is_listed_in_help(capsys: pytest.CaptureFixture[str]) -> None:
    """The command is listed in the help, and has its own."""
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "doctor" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["doctor", "--help"])
    assert "--fail-on" in capsys.readouterr().out
