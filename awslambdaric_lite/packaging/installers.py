"""The programs that install wheels into a folder: uv, and pip. Neither gets to build anything."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import PackagingError
from .index_settings import Settings, pip_variables, uv_variables
from .targets import Target
from .wheel_choice import LATE_PATCH, markers

INSTALLERS = ("auto", "uv", "pip")
"""The values of `--installer`."""

_WORKER = Path(__file__).with_name("pip_worker.py")
_UV_PLATFORMS = (40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 28, 17)  # minor versions of glibc that uv knows
_STEP = re.compile(
    r"\s*((Collecting|Downloading|Using cached|Processing|Installing collected|Resolved|Prepared) .*|\+ \S+==\S+.*)"
)


@dataclass(frozen=True)
class Installation:
    """What is installed where.

    `requirements` and `constraints` are files; without a target, wheels are those of the running interpreter;
    `settings` are those of the index, `pre` and `hashes` of the requirements.
    """

    requirements: Path
    constraints: Path
    into: Path
    target: Target | None
    settings: Settings
    folder: Path

    @property
    def needs_hashes(self) -> bool:
        """Return whether each requirement must have a hash."""
        return "require-hashes" in self.settings


class InstallerFailure(Exception):
    """An installer's failure, with the lines that it has printed."""

    def __init__(self, installer: str, lines: Sequence[str], status: int) -> None:
        super().__init__(f"{installer} failed")
        self.installer = installer
        self.lines = list(lines)
        self.status = status


def choose_installer(wanted: str, target: Target) -> str:
    """Return the installer that is used for a target: `uv` or `pip`.

    Automatically, this is uv where it is installed, except for Amazon Linux 2: uv has no platform with its glibc, and
    would miss some wheels that pip finds.

    Raises:
        PackagingError: the wanted installer, or any, is missing.
    """
    has_pip = importlib.util.find_spec("pip") is not None
    if wanted == "pip":
        if not has_pip:
            raise PackagingError(
                f"requirements are installed by pip, which is missing: {sys.executable} -m ensurepip, "
                "or use --installer uv"
            )
        return "pip"
    if _uv() is not None and (wanted == "uv" or not has_pip or target.glibc[1] in _UV_PLATFORMS):
        return "uv"
    if wanted == "auto" and has_pip:
        return "pip"
    cure = "install uv, or use --installer pip" if wanted == "uv" else f"{sys.executable} -m ensurepip, or install uv"
    missing = "uv, which is missing" if wanted == "uv" else "uv or pip, which are both missing"
    raise PackagingError(f"requirements are installed by {missing}: {cure}")


def run_installer(installer: str, job: Installation, progress: Callable[[str], None] | None) -> None:
    """Install once.

    Raises:
        InstallerFailure: the installer's exit status is not 0.
    """
    if installer == "uv":
        command, environment = _uv_command(job), uv_variables(job.settings)
    else:
        command, environment = _pip_command(job), pip_variables(job.settings)
    environment |= {"PYTHONIOENCODING": "utf-8:replace", "TMPDIR": str(job.folder)}
    lines: list[str] = []
    with subprocess.Popen(
        command,
        cwd=job.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        encoding="utf-8",
        errors="replace",
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                lines.append(line.rstrip())
                if progress is not None and _STEP.match(line):
                    progress(line.strip())
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise InstallerFailure(installer, lines, process.returncode)


def _pip_command(job: Installation) -> list[str]:
    arguments = ["install", "--requirement", str(job.requirements), "--constraint", str(job.constraints)]
    arguments += ["--target", str(job.into), "--only-binary", ":all:"]
    arguments += ["--no-compile", "--no-user", "--no-warn-conflicts", "--no-input", "--no-color"]
    arguments += ["--disable-pip-version-check", "--progress-bar", "off"]
    for links in job.settings.get("find-links", ()):
        arguments += ["--find-links", links]
    if job.target is None:
        return [sys.executable, "-m", "pip", *arguments]
    arguments += ["--python-version", f"{job.target.python}.{LATE_PATCH}"]
    arguments += ["--implementation", "cp", "--abi", job.target.abi]
    for platform in job.target.wheel_platforms:
        arguments += ["--platform", platform]
    return [sys.executable, str(_WORKER), json.dumps(markers(job.target)), *arguments]


def _uv_command(job: Installation) -> list[str]:
    uv = _uv()
    assert uv is not None
    command = [uv, "pip", "install", "--python", sys.executable, "--no-python-downloads"]
    command += ["--requirements", str(job.requirements), "--constraints", str(job.constraints)]
    command += ["--target", str(job.into), "--only-binary", ":all:", "--link-mode", "copy"]
    # pip takes the best version of all indexes, too.
    command += ["--index-strategy", "unsafe-best-match", "--color", "never", "--no-progress"]
    for key, option in (("find-links", "--find-links"), ("trusted-host", "--allow-insecure-host")):
        for value in job.settings.get(key, ()):
            command += [option, value]
    for key, arguments in (
        ("no-index", ["--no-index"]),
        ("require-hashes", ["--require-hashes"]),
        ("pre", ["--prerelease", "allow"]),
    ):
        if job.settings.get(key):
            command += arguments
    if job.target is None:
        return command
    minor = next(minor for minor in _UV_PLATFORMS if minor <= job.target.glibc[1])
    machine = "aarch64" if job.target.arch == "arm64" else job.target.arch
    platform = f"{machine}-manylinux_2_{minor}"
    return [*command, "--python-version", f"{job.target.python}.{LATE_PATCH}", "--python-platform", platform]


def _uv() -> str | None:
    """Return the program uv if it runs: a shim of a version manager may have none behind it."""
    name = shutil.which("uv") or shutil.which("uv", path=os.path.dirname(sys.executable))
    if name is None:
        return None
    try:
        done = subprocess.run([name, "--version"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError:
        return None
    return None if done.returncode else name
