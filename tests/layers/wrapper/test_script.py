"""The wrapper script: the command that it runs, and when it falls back to its own arguments."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

import layers.wrapper
from tests.support.client_process import GUARD

SCRIPT = Path(layers.wrapper.__file__).with_name("deployed") / "awslambdaric-lite"
ENTRY = "python/lib/python3.13/site-packages/awslambdaric_lite/start.py"

# Records its arguments and variables, separated by NUL, and its process id.
RECORDER = """#!/bin/sh
printf '%s\\0' "$0" "$@" > "$RECORD.arguments"
/bin/cat /proc/self/environ > "$RECORD.variables"
echo $$ > "$RECORD.pid"
"""
# Another wrapper, which records that it ran.
OTHER = '#!/bin/sh\nprintf "%s\\0" "$@" > "$RECORD.wrapped"\nexec "$@"\n'


@dataclass
class Started:
    """The result of a start."""

    pid: int
    code: int
    said: str
    record: Path

    @property
    def arguments(self) -> list[str]:
        return self.record.with_suffix(".arguments").read_text().split("\0")[:-1]

    @property
    def wrapped(self) -> list[str]:
        return self.record.with_suffix(".wrapped").read_text().split("\0")[:-1]

    @property
    def variables(self) -> dict[str, str]:
        pairs = self.record.with_suffix(".variables").read_text().split("\0")[:-1]
        return dict(pair.split("=", 1) for pair in pairs)


class Deployed:
    """The script with a package for Python 3.13, and interpreters that record their command lines."""

    def __init__(self, folder: Path, shell: str) -> None:
        self.folder = folder
        self.shell = shell
        self.script = folder / "opt" / "awslambdaric-lite"
        self.entry = folder / "opt" / ENTRY
        self.entry.parent.mkdir(parents=True)
        self.entry.touch()
        shutil.copy(SCRIPT, self.script)
        self.bootstrap = "/var/runtime/bootstrap.py"
        for name in ("python3.13", "python3.9", "python3", "node"):
            self.program(name, RECORDER)

    def program(self, name: str, text: str = OTHER) -> str:
        path = self.folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return str(path)

    def start(self, *command: str, **variables: str) -> Started:
        record = self.folder / "record"
        environment = {"PATH": os.defpath, "PWD": str(self.folder), "RECORD": str(record), **variables}
        process = subprocess.Popen(
            [self.shell, str(self.script), *command],
            env=environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        said, _ = process.communicate(timeout=GUARD)
        return Started(process.pid, process.returncode, said, record)


@pytest.fixture(params=["sh", "bash"])
def deployed(request: pytest.FixtureRequest, tmp_path: Path) -> Deployed:
    """Return the script, under each shell that could be `/bin/sh`."""
    shell = shutil.which(request.param)
    if shell is None:
        pytest.skip(f"this machine has no {request.param}")
    return Deployed(tmp_path, shell)


def python(deployed: Deployed, name: str = "python3.13") -> str:
    """Return the path of a recording interpreter."""
    return str(deployed.folder / "bin" / name)


@pytest.mark.parametrize(
    "flags",
    [
        [],
        ["-u"],
        ["-X", "importtime"],
        ["-Ximporttime", "-W", "ignore", "-O"],
        ["-W", "error::UserWarning:a b"],
        ["--check-hash-based-pycs", "never", "-I"],
        ["-S"],
    ],
    ids=" ".join,
)
def test_starts_the_runtime(deployed: Deployed, flags: list[str]) -> None:
    """The script replaces the last argument by the entry, adds -S and keeps flags, in the same process."""
    started = deployed.start(python(deployed), *flags, deployed.bootstrap)
    assert (started.code, started.said) == (0, "")
    assert started.arguments == [python(deployed), "-S", *flags, str(deployed.entry)]
    assert int(started.record.with_suffix(".pid").read_text()) == started.pid


def test_variables_are_unchanged(deployed: Deployed) -> None:
    """No variable is set, unset or changed, whatever the function's own variables are called."""
    variables = {name: f"the function's {name}" for name in ("count", "entry", "word", "next", "python", "PYTHON", "n")}
    started = deployed.start(python(deployed), deployed.bootstrap, **variables)
    ours = {name: value for name, value in started.variables.items() if name not in ("SHLVL", "_", "OLDPWD")}
    assert ours == {
        "PATH": os.defpath,
        "PWD": str(deployed.folder),
        "RECORD": str(started.record),
        **variables,
    }


def test_options_of_the_shell(deployed: Deployed) -> None:
    """Options of the shell from the environment do not end the script."""
    options = {"SHELLOPTS": "errexit:noglob:nounset"}
    started = deployed.start(python(deployed), "-X", "dev", deployed.bootstrap, **options)
    assert (started.code, started.said) == (0, "")
    assert started.arguments == [python(deployed), "-S", "-X", "dev", str(deployed.entry)]
    aside = deployed.start(python(deployed, "python3"), deployed.bootstrap, **options)
    assert aside.arguments == [python(deployed, "python3"), deployed.bootstrap]
    assert "lib/python/site-packages" in aside.said and aside.said.count("\n") == 1
    assert "AWS_LAMBDA_EXEC_WRAPPER" in deployed.start(**options).said


def test_another_folder_of_the_runtime(deployed: Deployed) -> None:
    """`LAMBDA_RUNTIME_DIR` names the folder of AWS's bootstrap."""
    started = deployed.start(python(deployed), "/elsewhere/bootstrap.py", LAMBDA_RUNTIME_DIR="/elsewhere")
    assert started.arguments == [python(deployed), "-S", str(deployed.entry)]


def test_unversioned_interpreter_gets_sources(deployed: Deployed) -> None:
    """An interpreter named `python3` gets its version from the platform's variable."""
    started = deployed.start(python(deployed, "python3"), deployed.bootstrap, AWS_EXECUTION_ENV="AWS_Lambda_python3.13")
    assert started.arguments == [python(deployed, "python3"), "-S", str(deployed.entry)]


def test_the_compiled_entry(deployed: Deployed) -> None:
    """The compiled entry is used if the interpreter's name has its version, and not otherwise."""
    compiled = deployed.entry.with_suffix(".pyc")
    compiled.write_bytes(b"")
    started = deployed.start(python(deployed), "-u", deployed.bootstrap)
    assert started.arguments == [python(deployed), "-S", "-u", str(compiled)]
    started = deployed.start(python(deployed, "python3"), deployed.bootstrap, AWS_EXECUTION_ENV="AWS_Lambda_python3.13")
    assert started.arguments == [python(deployed, "python3"), "-S", str(deployed.entry)]


def test_the_next_wrapper(deployed: Deployed) -> None:
    """The next wrapper gets the command with the entry as its last argument."""
    other = deployed.program("other wrapper")
    started = deployed.start(python(deployed), "-u", deployed.bootstrap, AWSLAMBDARIC_LITE_NEXT_WRAPPER=other)
    assert (started.code, started.said) == (0, "")
    assert started.wrapped == started.arguments == [python(deployed), "-S", "-u", str(deployed.entry)]
    assert started.variables["AWSLAMBDARIC_LITE_NEXT_WRAPPER"] == other


def test_another_wrapper_first(deployed: Deployed) -> None:
    """A wrapper before ours may pass its arguments on, or insert flags before the script."""
    inserting = deployed.program("inserting", '#!/bin/bash\nexec "${@:1:$#-1}" -X dev "${@: -1}"\n')
    if shutil.which("bash") is None:
        pytest.skip("this machine has no bash")
    deployed.script.chmod(0o755)
    started = deployed.start(python(deployed), deployed.bootstrap, AWSLAMBDARIC_LITE_NEXT_WRAPPER=inserting)
    assert started.arguments == [python(deployed), "-S", "-X", "dev", str(deployed.entry)]
    process = subprocess.run(
        [deployed.program("first"), str(deployed.script), python(deployed), deployed.bootstrap],
        env={"PATH": os.defpath, "RECORD": str(deployed.folder / "record")},
        timeout=GUARD,
        check=True,
    )
    assert process.returncode == 0
    assert started.arguments == [python(deployed), "-S", str(deployed.entry)]


ODD: Mapping[str, tuple[list[str], dict[str, str], str]] = {
    "a version that it has nothing for": (["bin/python3.9", "BOOTSTRAP"], {}, "python3.9/site-packages"),
    "no version anywhere": (["bin/python3", "BOOTSTRAP"], {}, "lib/python/site-packages"),
    "no python": (["bin/node", "BOOTSTRAP"], {}, "node is not an interpreter named python3.x"),
    "another script": (["bin/python3.13", "/var/task/main.py"], {}, "does not end with /var/runtime/bootstrap.py"),
    "an argument behind": (["bin/python3.13", "BOOTSTRAP", "x"], {}, "/var/runtime/bootstrap.py is not a flag"),
    "no script": (["bin/python3.13"], {}, "does not end with"),
    "a module": (["bin/python3.13", "-m", "pdb", "BOOTSTRAP"], {}, "-m does not start a script"),
    "a command": (["bin/python3.13", "-uc", "pass", "BOOTSTRAP"], {}, "-uc does not start a script"),
    "a long flag": (["bin/python3.13", "--help-all", "BOOTSTRAP"], {}, "--help-all is not a flag"),
    "a flag without its value": (["bin/python3.13", "-X", "BOOTSTRAP"], {}, "does not end with"),
    "a wrapper that is not there": (
        ["bin/python3.13", "BOOTSTRAP"],
        {"AWSLAMBDARIC_LITE_NEXT_WRAPPER": "/opt/none"},
        "AWSLAMBDARIC_LITE_NEXT_WRAPPER=/opt/none does not exist",
    ),
    "a wrapper that cannot be executed": (
        ["bin/python3.13", "BOOTSTRAP"],
        {"AWSLAMBDARIC_LITE_NEXT_WRAPPER": "/etc/passwd"},
        "AWSLAMBDARIC_LITE_NEXT_WRAPPER=/etc/passwd is not an executable",
    ),
}


@pytest.mark.parametrize(("words", "variables", "reason"), ODD.values(), ids=ODD)
def test_unexpected_command_runs_unchanged(
    deployed: Deployed, words: list[str], variables: dict[str, str], reason: str
) -> None:
    """An unexpected command runs unchanged with its variables, and one line says why."""
    command = [
        deployed.bootstrap if word == "BOOTSTRAP" else str(deployed.folder / word) if "bin/" in word else word
        for word in words
    ]
    started = deployed.start(*command, **variables)
    assert started.arguments == command
    assert "PYTHONPATH" not in started.variables and not [name for name in started.variables if "_lite" in name]
    assert started.said.startswith("awslambdaric-lite cannot start; falling back to AWS's runtime client: ")
    assert reason in started.said and started.said.count("\n") == 1


def test_missing_package_falls_back(deployed: Deployed) -> None:
    """Without the package, e.g. because a later layer replaces the folder, AWS's client runs."""
    deployed.entry.unlink()
    started = deployed.start(python(deployed), deployed.bootstrap)
    assert started.arguments == [python(deployed), deployed.bootstrap]
    assert str(deployed.entry) in started.said


def test_wrapper_does_not_chain_to_itself(deployed: Deployed) -> None:
    """A wrapper that names itself as the next one falls back to AWS's client."""
    deployed.script.chmod(0o755)
    started = deployed.start(python(deployed), deployed.bootstrap, AWSLAMBDARIC_LITE_NEXT_WRAPPER=str(deployed.script))
    assert started.arguments == [python(deployed), deployed.bootstrap]
    assert "is this wrapper itself" in started.said


def test_missing_command_shows_usage(deployed: Deployed) -> None:
    """Without a command the script says how to use it."""
    started = deployed.start()
    assert started.code == 127
    assert "AWS_LAMBDA_EXEC_WRAPPER" in started.said and started.said.count("\n") == 1


def test_runs_no_other_program(deployed: Deployed) -> None:
    """The script works with an empty PATH, because everything in it is built into the shell."""
    started = deployed.start(python(deployed), "-X", "dev", deployed.bootstrap, PATH="/nonexistent")
    assert (started.code, started.said) == (0, "")
    assert started.arguments == [python(deployed), "-S", "-X", "dev", str(deployed.entry)]
    aside = deployed.start(python(deployed), "-m", "dev", deployed.bootstrap, PATH="/nonexistent")
    assert aside.arguments == [python(deployed), "-m", "dev", deployed.bootstrap]
    assert aside.said.count("\n") == 1
