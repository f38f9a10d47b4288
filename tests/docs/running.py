"""A page as a script: its files are written and its commands run, in one folder, from top to bottom.

A block with a title is a file. A `sh` block runs in bash; `awslambdaric-lite serve` in it starts a local Lambda that
serves the rest of the page, on free ports in place of 9000, 9001 and 3000. A `python` block without a title is a
script.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.docs.blocks import Block
from tests.docs.parsing import check_syntax
from tests.support.client_process import GUARD

_SERVE = "awslambdaric-lite serve "
_LAMBDA_API, _FUNCTION_URL, _API = "http://127.0.0.1:9000", "http://127.0.0.1:9001", "http://127.0.0.1:3000"
_RUNTIME = re.compile(r"(?<=Runtime: )python3\.\d+")


class Page:
    """The state of one page while its blocks run: the folder and the local Lambdas that it has started."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._servers: list[subprocess.Popen[str]] = []
        self._addresses: dict[str, str] = {}
        programs = os.pathsep.join((sysconfig.get_path("scripts"), os.environ["PATH"]))
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS", "PYTEST_"))}
        credentials = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "testing")
        self._environment = {**inherited, **credentials, "PATH": programs, "HOME": str(folder)}

    def __enter__(self) -> Page:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.terminate()
        for server in self._servers:
            server.communicate(timeout=GUARD)

    def run(self, block: Block) -> None:
        """Write or run one block.

        Raises:
            AssertionError: a command failed.
        """
        check_syntax(block)
        text = block.text
        for written, real in self._addresses.items():
            text = text.replace(written, real)
        if block.title:
            path = self._folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            running = f"python{sys.version_info[0]}.{sys.version_info[1]}"  # others need not be on this machine
            path.write_text(_RUNTIME.sub(running, text), encoding="utf-8")
        elif block.kind == "python":
            self._run([sys.executable, "-"], text, block)
        elif block.kind == "sh":
            served = [line for line in text.splitlines() if line.startswith(_SERVE)]
            for line in served:
                self._serve(line)
            rest = "\n".join(line for line in text.splitlines() if line not in served)
            self._run(["bash", "-euo", "pipefail"], rest, block)
        else:
            raise AssertionError(f"{block}: a {block.kind} block without a title does not run; mark what it needs")

    def _run(self, command: list[str], text: str, block: Block) -> None:
        done = subprocess.run(
            command,
            input=text,
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=2 * GUARD,
            check=False,
        )
        assert done.returncode == 0, f"{block}: exit code {done.returncode}\n{done.stdout}{done.stderr}"

    def _serve(self, line: str) -> None:
        is_project = line.removeprefix(_SERVE).startswith("-")
        server = subprocess.Popen(
            ["bash", "-c", f"exec {line} --json --port 0 --url-port 0{' --api-port 0' if is_project else ''}"],
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._servers.append(server)
        assert server.stdout is not None
        serving: Mapping[str, Any] = json.loads(server.stdout.readline())
        self._addresses[_LAMBDA_API] = self._environment["AWS_ENDPOINT_URL_LAMBDA"] = serving["endpointUrl"]
        if is_project:
            self._addresses[_API] = next(iter(serving["apis"].values()), _API).rstrip("/")
        else:
            self._addresses[_FUNCTION_URL] = serving["functionUrl"].rstrip("/")
