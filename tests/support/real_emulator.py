"""AWS's runtime interface emulator: the download of its binary, and a running emulator.

The binary is published inside the wheel of `aws-sam-cli` (Apache-2.0). It is downloaded once into the user's cache, is
never shipped, and only the tests use it. Its HTTP server takes one invocation at a time.
"""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import json
import os
import platform
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

GUARD = 110.0  # seconds after which a test that still waits has failed
_ATTEMPTS = 5  # starts, each on new ports: another process may use a free port first
_FOLDER = "samcli/local/rapid"
_ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
_PATH = "/2015-03-31/functions/function/invocations"
_IN_PRIVATE_MOUNTS = ("unshare", "--mount", "--propagation", "private", "sh", "-c")


class Unavailable(Exception):
    """The binary is not available; the text has the reason."""


def binary() -> Path:
    """Return the emulator's binary, downloading it if it is not in the cache yet.

    Raises:
        Unavailable: this machine has no build of it, or the download failed.
    """
    architecture = _ARCHITECTURES.get(platform.machine().lower())
    if sys.platform != "linux" or architecture is None:
        raise Unavailable(f"AWS's emulator is built for Linux on x86_64 and arm64, not for {platform.platform()}")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "awslambdaric-lite-tests"
    path = cache / f"aws-lambda-rie-{architecture}"
    if path.exists():
        return path
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "lock", "w") as lock:  # one test process downloads, the others wait
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            _download(f"{_FOLDER}/{path.name}", path)
    return path


def _download(member: str, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--only-binary=:all:", "--ignore-requires-python", "--dest", folder, "aws-sam-cli"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if result.returncode != 0:
            reason = (result.stderr or result.stdout).strip().rpartition("\n")[2]
            raise Unavailable(f"AWS's emulator could not be downloaded (pip download aws-sam-cli): {reason}")
        (wheel,) = Path(folder).glob("*.whl")
        unpacked = Path(folder) / "binary"
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, open(unpacked, "wb") as copy:
            shutil.copyfileobj(source, copy)
        unpacked.chmod(0o755)
        unpacked.replace(target)


def check_private_mounts() -> None:
    """Check that a process may have private mounts, which Managed Instances need.

    Raises:
        Unavailable: private mounts are not possible.
    """
    try:
        result = subprocess.run([*_IN_PRIVATE_MOUNTS, "mount -t tmpfs none /var"], capture_output=True, text=True)
    except FileNotFoundError:
        raise Unavailable("Managed Instances need a private mount namespace, and unshare(1) is missing") from None
    if result.returncode != 0:
        raise Unavailable(f"Managed Instances need a private mount namespace: {result.stderr.strip()}")


@dataclass(frozen=True)
class CallerResponse:
    """Response of the emulator to a caller."""

    status: int
    body: bytes

    def json(self) -> object:
        """Return the parsed body."""
        return json.loads(self.body)


class RealEmulator:
    """Running emulator with one function; a context manager that kills all its processes."""

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], cwd: Path, *, max_concurrency: int | None = None
    ) -> None:
        """`command` is the runtime's; the emulator uses its last argument as the handler.

        With `max_concurrency` the emulator runs in the mode of Managed Instances, where the command becomes
        `/var/runtime/bootstrap` and user 993 runs it in an empty `/var/task`.
        """
        self._binary = binary()
        self._command = list(command)
        self._env = dict(env)
        self._cwd = cwd
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (closed on exit)
        self._max_concurrency = max_concurrency
        self._port = 0
        self.api_address = ""
        """`host:port` of the Runtime API."""

    def __enter__(self) -> RealEmulator:
        for _ in range(_ATTEMPTS):
            if self._start():
                return self
        log = self.log()
        self._log.close()
        raise AssertionError(f"the emulator did not start: {log}")

    def __exit__(self, *_: object) -> None:
        self._stop()
        self._log.close()

    def _start(self) -> bool:
        """Start the emulator on two free ports; return whether it got them."""
        self._port, api_port = free_ports(2)
        addresses = ["--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"]
        addresses += ["--runtime-api-address", f"127.0.0.1:{api_port}"]
        self.api_address = f"127.0.0.1:{api_port}"
        command, env = [str(self._binary), *addresses, *self._command], self._env
        if self._max_concurrency is not None:
            command = [*_IN_PRIVATE_MOUNTS, self._managed([str(self._binary), *addresses])]
            env = {**env, "AWS_LAMBDA_MAX_CONCURRENCY": str(self._max_concurrency)}
        self._process = subprocess.Popen(
            command,
            env=env,
            cwd=self._cwd,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        end = time.monotonic() + GUARD
        while self._process.poll() is None and time.monotonic() < end:  # it exits if a port is not free
            try:
                if listens(self._process.pid, (self._port, api_port)):
                    return True
            except OSError:
                pass  # the process exited meanwhile
            time.sleep(0.01)
        self._stop()
        return False

    def _managed(self, emulator: Sequence[str]) -> str:
        """Return the shell script that creates the folders of Managed Instances and executes the emulator."""
        bootstrap = f"#!/bin/sh\nexec {shlex.join(self._command)}\n"
        return (
            "set -e; mount -t tmpfs none /var; mkdir /var/task /var/runtime; "
            f"printf %s {shlex.quote(bootstrap)} > /var/runtime/bootstrap; chmod 755 /var/runtime/bootstrap; "
            f"exec {shlex.join([*emulator, '/var/runtime/bootstrap', 'app.handler'])}"
        )

    def _stop(self) -> None:
        """Stop the emulator and every process of its session; each of its children has another process group."""
        self._process.terminate()
        try:
            self._process.wait(GUARD / 6)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(GUARD)
        for process in _session(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    @property
    def endpoint_url(self) -> str:
        """The address of the Lambda API."""
        return f"http://127.0.0.1:{self._port}"

    def log(self) -> str:
        """Return the output of the emulator and the function."""
        return os.pread(self._log.fileno(), 1 << 26, 0).decode(errors="replace")

    def invoke(self, event: bytes = b"{}") -> CallerResponse:
        """Invoke the function and return the response."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=GUARD)
        try:
            connection.request("POST", _PATH, event)
            response = connection.getresponse()
            return CallerResponse(response.status, response.read())
        finally:
            connection.close()


def listens(process: int, ports: Sequence[int]) -> bool:
    """Return whether the process itself listens on all of the ports, from `/proc/net/tcp` (proc(5))."""
    own = set()
    for descriptor in Path(f"/proc/{process}/fd").iterdir():
        try:
            own.add(os.readlink(descriptor))
        except OSError:
            continue  # the descriptor was closed meanwhile
    listening = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in own:
            listening.add(int(fields[1].rpartition(":")[2], 16))
    return listening.issuperset(ports)


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [sock.getsockname()[1] for sock in sockets]
    finally:
        for sock in sockets:
            sock.close()


def _session(leader: int) -> list[int]:
    """Return the processes of a session, from the sixth field of each `/proc/<pid>/stat` (proc(5))."""
    members = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
            except OSError:
                continue  # the process exited meanwhile
            if int(fields[3]) == leader and int(folder.name) != leader:
                members.append(int(folder.name))
    return members
