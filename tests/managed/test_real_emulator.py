"""Worker processes under AWS's own emulator in Managed Instances mode.

That mode wants its files at the platform's places, so the emulator runs in a private mount namespace, which needs root.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.managed.harness import alive_in_session, wait_until
from tests.support.client_process import package_root
from tests.support.real_emulator import CallerResponse, Unavailable, binary, free_ports, listens

GUARD = 110.0
WORKERS = 4
_ATTEMPTS = 3
FUNCTION = """
import os, socket
def handler(event, context):
    if "meet" in event:  # wait until all invocations run
        with socket.create_connection(("127.0.0.1", event["meet"])) as meeting:
            meeting.recv(1)
    if event.get("do") == "fail":
        raise KeyError("on purpose")
    if event.get("do") == "exit":
        os._exit(3)
    return {"pid": os.getpid(), "first": os.getppid(), "number": event.get("number"), "id": context.aws_request_id}
"""
# Only the emulator and its children see this file system in memory; the function runs as another user.
SCRIPT = """
set -e
mount -t tmpfs -o mode=755 tmpfs /var
mkdir /var/task /var/lang /var/runtime /var/package /var/site
mount --bind {prefix} /var/lang
mount --bind {package} /var/package
mount --bind {site} /var/site
cp {emulator} /var/emulator
cp {app} /var/task/app.py
printf '#!/bin/sh\\nexec /var/lang/bin/{python} -m {module} app.handler\\n' > /var/runtime/bootstrap
chmod 755 /var/runtime/bootstrap /var/task/app.py
cd /var/task
addresses="--runtime-interface-emulator-address {address} --runtime-api-address {api}"
exec /var/emulator $addresses /var/runtime/bootstrap app.handler
"""

both_clients = pytest.mark.parametrize("module", ["awslambdaric_lite", "awslambdaric"])


@pytest.fixture(autouse=True, scope="module")
def _possible() -> None:
    try:
        binary()
    except Unavailable as reason:
        pytest.skip(str(reason))
    try:
        tried = subprocess.run(
            ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/var"], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        pytest.skip("a private mount namespace needs unshare (util-linux)")
    if tried.returncode != 0:
        pytest.skip(f"no private mount namespace, which needs root: {tried.stderr.strip()}")


class Emulator:
    """A running emulator that has loaded the function."""

    def __init__(self, port: int, session: int) -> None:
        self._port = port
        self.session = session

    def invoke(self, **event: object) -> CallerResponse:
        """Invoke the function and wait for its response."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=GUARD)
        try:
            path = "/2015-03-31/functions/function/invocations"
            connection.request("POST", path, json.dumps(event), {"Content-Type": "application/json"})
            response = connection.getresponse()
            return CallerResponse(response.status, response.read())
        finally:
            connection.close()

    def told(self, **event: object) -> dict[str, Any]:
        """Invoke as soon as a worker polls; the emulator refuses earlier invocations with 400."""
        end = time.monotonic() + GUARD
        while (answer := self.invoke(**event)).status == 400 and time.monotonic() < end:
            time.sleep(0.01)
        assert answer.status == 200, answer
        result = answer.json()
        assert isinstance(result, dict)
        return result

    def told_at_once(self) -> list[dict[str, Any]]:
        """Send one concurrent invocation to each worker."""
        with socket.create_server(("127.0.0.1", 0)) as meeting, ThreadPoolExecutor(WORKERS) as callers:
            meeting.settimeout(GUARD)
            event = {"meet": meeting.getsockname()[1]}
            calls = [callers.submit(self.told, **event, number=number) for number in range(WORKERS)]
            for joined in [meeting.accept()[0] for _ in calls]:
                joined.close()
            return [call.result(GUARD) for call in calls]


@contextlib.contextmanager
def emulator(module: str, folder: Path) -> Iterator[Emulator]:
    """Run the emulator with that runtime client."""
    (folder / "app.py").write_text(FUNCTION)
    for attempt in range(_ATTEMPTS):
        port, api_port, process = _launch(module, folder)
        try:
            wait_until(
                lambda p=process, a=port, b=api_port: p.poll() is not None or _ready(p.pid, a, b), "the emulator"
            )
            if process.poll() is not None and attempt + 1 < _ATTEMPTS:
                continue  # another process has taken one of the ports
            assert process.poll() is None, (folder / "log").read_text()
            yield Emulator(port, process.pid)
            return
        except BaseException:
            print((folder / "log").read_text(errors="replace")[-5000:])
            raise
        finally:
            for pid in alive_in_session(process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait(GUARD)


def _launch(module: str, folder: Path) -> tuple[int, int, subprocess.Popen[bytes]]:
    """Start the emulator on two ports that are free now; return them and its process."""
    port, api_port = free_ports(2)
    places = {
        "prefix": sys.base_prefix,
        "package": package_root(),
        "site": sysconfig.get_path("platlib"),
        "emulator": str(binary()),
        "app": str(folder / "app.py"),
        "address": f"127.0.0.1:{port}",
        "api": f"127.0.0.1:{api_port}",
    }
    script = SCRIPT.format(
        python=f"python{sys.version_info[0]}.{sys.version_info[1]}",
        module=module,
        **{name: shlex.quote(place) for name, place in places.items()},
    )
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": "/var/package:/var/site",
        "AWS_LAMBDA_MAX_CONCURRENCY": str(WORKERS),
        "_HANDLER": "app.handler",
    }
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", script],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return port, api_port, process


def _ready(process: int, *ports: int) -> bool:
    try:
        return listens(process, ports)
    except OSError:
        return False


@both_clients
def test_four_workers_answer_concurrent_invocations(module: str, tmp_path: Path) -> None:
    """Four workers of one first process answer four concurrent invocations, and each caller gets its own result."""
    if module == "awslambdaric":
        pytest.importorskip("awslambdaric")
    with emulator(module, tmp_path) as real:
        real.told()
        results = real.told_at_once()
        assert sorted(result["number"] for result in results) == [0, 1, 2, 3]
        assert len({result["pid"] for result in results}) == len({result["id"] for result in results}) == WORKERS
        assert len({result["first"] for result in results}) == 1


@both_clients
def test_no_reply_is_lost_or_mixed_up(module: str, tmp_path: Path) -> None:
    """Each of a few hundred invocations gets its own result or error."""
    if module == "awslambdaric":
        pytest.importorskip("awslambdaric")
    with emulator(module, tmp_path) as real:
        for number in range(100):
            assert real.told(number=number)["number"] == number
            assert real.told(do="fail")["errorType"] == "KeyError"


def test_exited_worker_is_replaced(tmp_path: Path) -> None:
    """The caller gets an error that its worker exited, another worker replaces it, and the environment continues."""
    with emulator("awslambdaric_lite", tmp_path) as real:
        first = real.told()["first"]
        real.told_at_once()
        error = json.loads(real.invoke(do="exit").body)
        assert error["errorType"] == "Runtime.ExitError" and error["errorMessage"].endswith("exit status 3")
        # None of four concurrent invocations goes to the exited worker, whose poll was answered before.
        results = real.told_at_once()
        assert len({result["pid"] for result in results}) == WORKERS
        assert {result["first"] for result in results} == {first}
