"""Requirements that pip installs from wheels for another machine."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from .errors import PackagingError
from .targets import Target

_WORKER = Path(__file__).with_name("pip_worker.py")
# Lambda patches its interpreters within weeks, so a requirement on a patch release ("python_full_version >= '3.11.3'")
# holds there; a bare "3.11" would mean 3.11.0.
_LATE_PATCH = 99
_UNWANTED = {  # settings that would change the installation or the output that this module parses
    *("PIP_DRY_RUN", "PIP_PREFIX", "PIP_PYTHON", "PIP_QUIET", "PIP_REPORT", "PIP_ROOT", "PIP_TARGET", "PIP_USER"),
    *("PIP_ABI", "PIP_IMPLEMENTATION", "PIP_NO_BINARY", "PIP_PLATFORM", "PIP_PYTHON_VERSION"),
}
_INDEX = "package index: "  # before the address, in a line of pip_worker
_PROBE_TIMEOUT_S = 5.0
_NO_ENTRY = (401, 407)  # the index or a proxy asks for credentials
_HAPPENING = re.compile(r"\s*(Collecting|Downloading|Using cached|Processing|Building wheel|Installing collected) .*")


def install_requirements(
    requirements: Path | Sequence[str],
    into: Path,
    target: Target,
    *,
    find_links: Path | None = None,
    no_index: bool = False,
    progress: Callable[[str], None] | None = None,
) -> None:
    """Install a requirements file or a list of requirements into a folder: the target's wheels.

    Markers are evaluated for the target, too. Nothing is compiled to bytecode. pip's own settings (index, proxy,
    credentials) apply. `find_links` is a folder with more wheels, `no_index` disables the index. `progress` receives
    pip's current step, a line at a time.

    Raises:
        PackagingError: pip is missing, a requirement has no wheel for the target, does not match its hash, would be
            built for this machine, or cannot be installed for another reason.
    """
    if importlib.util.find_spec("pip") is None:
        raise PackagingError(f"requirements are installed by pip, which is missing: {sys.executable} -m ensurepip")
    with tempfile.TemporaryDirectory() as folder:
        if isinstance(requirements, Path):
            file = requirements
            _check_readable(file)
        else:
            file = Path(folder, "requirements.txt")
            file.write_text("".join(f"{requirement}\n" for requirement in requirements), encoding="utf-8")
        _run_pip(_arguments(file, into, target, find_links, no_index), target, folder, progress)
    _check_installed(into, target)


def _check_readable(file: Path) -> None:
    try:
        file.read_bytes()
    except OSError as error:
        raise PackagingError(f"requirements {file} cannot be read: {error.strerror}; check the path") from None


def _arguments(file: Path, into: Path, target: Target, find_links: Path | None, no_index: bool) -> list[str]:
    arguments = ["install", "--requirement", str(file), "--target", str(into), "--only-binary", ":all:"]
    arguments += ["--python-version", f"{target.python}.{_LATE_PATCH}", "--implementation", "cp", "--abi", target.abi]
    for platform in target.wheel_platforms:
        arguments += ["--platform", platform]
    arguments += ["--no-compile", "--no-user", "--no-warn-conflicts", "--no-input", "--no-color"]
    arguments += ["--disable-pip-version-check", "--progress-bar", "off"]
    if find_links is not None:
        arguments += ["--find-links", str(find_links)]
    return [*arguments, "--no-index"] if no_index else arguments


def _run_pip(arguments: list[str], target: Target, folder: str, progress: Callable[[str], None] | None) -> None:
    """Run pip; `folder` is for the temporary files that it leaves when it is killed."""
    environment = {name: value for name, value in os.environ.items() if name.upper() not in _UNWANTED}
    environment |= {"PIP_REQUIRE_VIRTUALENV": "0", "PYTHONIOENCODING": "utf-8:replace", "TMPDIR": folder}
    said: list[str] = []
    index = ""
    with subprocess.Popen(
        [sys.executable, str(_WORKER), json.dumps(_markers(target)), *arguments],
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
                if line.startswith(_INDEX):
                    index = line.removeprefix(_INDEX).strip()
                    continue
                said.append(line.rstrip())
                if progress is not None and _HAPPENING.match(line):
                    progress(line.strip())
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise PackagingError(_explain(said, process.returncode, target, index))


def _markers(target: Target) -> dict[str, str]:
    """Return the values of PEP 508's environment markers on Lambda."""
    full_version = f"{target.python}.{_LATE_PATCH}"
    return {
        "implementation_name": "cpython",
        "implementation_version": full_version,
        "os_name": "posix",
        "platform_machine": "aarch64" if target.arch == "arm64" else target.arch,
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": full_version,
        "python_version": target.python,
        "sys_platform": "linux",
    }


def _explain(said: Sequence[str], status: int, target: Target, index: str) -> str:
    """Return the reason of pip's failure on one line."""
    text = "\n".join(said)
    if broken := re.search(r"after connection broken by '(.+)': \S+$", text, re.MULTILINE):
        return _unreachable(index, _index_error(index) or broken[1].rpartition(": ")[2].strip("()'\""))
    if missing := re.search(r"No matching distribution found for (.+)", text):
        others = re.search(r"\(from versions: (.+)\)", text)
        if others and others[1] == "none" and (error := _index_error(index)):
            return _unreachable(index, error)
        newest = ", ".join(others[1].split(", ")[-3:]) if others and others[1] != "none" else ""
        there_is = f" (newest with a wheel: {newest})" if newest else ""
        return (
            f"requirement {_without_origin(missing[1])} has no wheel for Python {target.python} on {target.arch}"
            f"{there_is}; correct it, or build a wheel there and give its folder with --find-links"
        )
    if "DO NOT MATCH THE HASHES" in text:
        named = re.search(r"HASHES.*\n\s+(.+)", text)
        name = _without_origin(named[1]).partition(" from ")[0] if named else "a requirement"
        return f"{name} does not match the hash in the requirements; find out why before you correct the hash"
    if "ResolutionImpossible" in text:
        conflict = re.search(r"Cannot install (.+?) because", text)
        return f"{conflict[1] if conflict else 'the requirements'} cannot be installed together; loosen one of them"
    if failed := re.search("^\\s*\N{MULTIPLICATION SIGN} (.+)", text, re.MULTILINE):
        return f"a requirement is not a wheel and cannot be built: {failed[1]} Build its wheel and require that instead"
    errors = [line.partition(":")[2].strip() for line in said if line.lower().startswith("error:")]
    is_told = errors and errors[0] != "Exception:"  # which a traceback follows
    reason = errors[0] if is_told else next((line for line in reversed(said) if line), f"exit status {status}")
    return f"pip cannot install the requirements: {reason}"


def _unreachable(index: str, error: str) -> str:
    parts = urlsplit(index)
    shown = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()  # without credentials
    cure = "check the network, or use --find-links and --no-index"
    return f"the package index {shown} cannot be reached ({error}); {cure}"


def _index_error(index: str) -> str:
    """Ask the index for its first page and return why that fails; "" if it succeeds, or without an index."""
    if not index.startswith(("http://", "https://")):
        return ""
    try:
        import urllib3

        from ..common.http_client import cause_of, open_client
    except ModuleNotFoundError:  # installed without dependencies: pip's own message remains
        return ""
    try:
        with open_client(index) as client:
            response = client.request("HEAD", index, timeout=_PROBE_TIMEOUT_S, retries=urllib3.Retry(0, redirect=5))
    except urllib3.exceptions.HTTPError as error:
        return cause_of(error)
    return f"status {response.status}" if response.status >= 500 or response.status in _NO_ENTRY else ""


def _without_origin(text: str) -> str:
    return re.sub(r"\s*\(from .*", "", text.strip())


def _check_installed(into: Path, target: Target) -> None:
    """Refuse packages that pip has built from a path or a URL, and editable ones."""
    for information in into.glob("*.dist-info"):
        name = information.name.removesuffix(".dist-info")
        tags = _read(information / "WHEEL")
        if re.search(r"^Tag: \S+-linux_\w+\s*$", tags, re.MULTILINE):
            raise PackagingError(
                f"requirement {name} was built for this machine, not for Lambda's {target.arch}; "
                "build its wheel for manylinux and name that instead"
            )
        origin = json.loads(_read(information / "direct_url.json") or "{}")
        if origin.get("dir_info", {}).get("editable"):
            raise PackagingError(f"requirement {name} is editable, so it is not installed; write it without -e")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
