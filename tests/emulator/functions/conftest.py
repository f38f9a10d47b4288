"""Projects whose functions are in one file."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.emulator import FunctionConfig, LocalProject
from awslambdaric_lite.emulator.config.project import Function, Project

from ..runtimes import SOCKET_RUNTIME
from ..waiting import WAIT

APP = """
import http.client, json, os, time

def echo(event, headers):
    return {
        "event": event,
        "name": os.environ["AWS_LAMBDA_FUNCTION_NAME"],
        "version": os.environ["AWS_LAMBDA_FUNCTION_VERSION"],
        "arn": headers["lambda-runtime-invoked-function-arn"],
        "pid": os.getpid(),
        "code": "first",
        "env": dict(os.environ),
    }

def call(event, headers):
    host = os.environ["AWS_ENDPOINT_URL_LAMBDA"].partition("://")[2]
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.request("POST", f"/2015-03-31/functions/{event['name']}/invocations", json.dumps(event))
    response = connection.getresponse()
    return {"status": response.status, "body": json.loads(response.read())}

def held(event, headers):
    open(event["begun"], "w").close()
    while not os.path.exists(event["gate"]):
        time.sleep(0.005)
    return os.getpid()
"""


@dataclasses.dataclass
class Projects:
    """Maker of projects whose functions are handlers of one file."""

    folder: Path

    def function(
        self, name: str, handler: str = "echo", *, config: dict[str, Any] | None = None, **more: Any
    ) -> Function:
        """Return a function of the file."""
        runtime = [sys.executable, "-S", str(SOCKET_RUNTIME)]
        settings = {"runtime": runtime, "timeout_s": WAIT, "init_timeout_s": WAIT, **(config or {})}
        return Function(FunctionConfig(f"app.{handler}", self.folder, name=name, **settings), **more)

    def project(self, *functions: Function, **more: Any) -> Project:
        """Return a project of functions."""
        return Project(self.folder, functions, **more)

    def edit(self) -> None:
        """Change what `echo` returns as `code`."""
        file = self.folder / "app.py"
        file.write_text(file.read_text().replace('"first"', '"second"'))


@pytest.fixture
def projects(tmp_path: Path) -> Projects:
    """Return a maker of projects with a new folder."""
    folder = tmp_path / "src"
    folder.mkdir()
    (folder / "app.py").write_text(APP)
    return Projects(folder)


@pytest.fixture
def run(projects: Projects) -> Iterator[Callable[..., LocalProject]]:
    """Yield a function that starts a project of functions."""
    started: list[LocalProject] = []

    def start(*functions: Function, **settings: Any) -> LocalProject:
        started.append(LocalProject(projects.project(*functions), **settings))
        started[-1].start()
        return started[-1]

    yield start
    for each in started:
        each.close()
