"""APIs in front of functions with real processes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import urllib3

from awslambdaric_lite.emulator.config.function import FunctionConfig
from awslambdaric_lite.emulator.config.project import Api, Route
from awslambdaric_lite.emulator.errors import UnknownQualifier
from awslambdaric_lite.emulator.gateway.api import ApiGateway
from awslambdaric_lite.emulator.http.server import HttpServer
from awslambdaric_lite.emulator.results import Invocation
from awslambdaric_lite.emulator.service import FunctionService

from ..loop_thread import LoopThread
from ..waiting import WAIT, Gate, wait_until
from .served_api import http_api, rest_api

SOURCE = """
import json, os, time

def handler(event, headers):
    path = event.get("rawPath") or event["path"]
    if path.endswith("/fail"):
        raise ValueError("failed on purpose")
    if path.endswith("/exit"):
        os._exit(3)
    if path.endswith("/wait"):
        open(os.environ["GATE"]).read()
    if path.endswith("/sleep"):
        time.sleep(100)
    return {"statusCode": 200, "body": json.dumps({"path": path, "body": event.get("body")})}
"""


class Project(LoopThread):
    """One function and its APIs, in an event loop of a thread."""

    def __init__(self, function: FunctionConfig, *apis: Api) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.service = FunctionService(function, on_log=self.lines.append)
        self.gateways: list[tuple[ApiGateway, HttpServer]] = []

        async def start() -> None:
            await self.service.start()
            for api in apis:
                gateway = ApiGateway(api, self._submit, region="us-east-1", account="111122223333")
                self.gateways.append((gateway, HttpServer(gateway)))

        self.wait(start())
        self.client = urllib3.PoolManager(retries=False, timeout=WAIT, maxsize=8)
        self.urls = [f"http://{server.address}{gateway.base_path}" for gateway, server in self.gateways]

    def _submit(self, name: str, qualifier: str | None, invocation: Invocation) -> None:
        try:
            if name != "orders":
                raise UnknownQualifier(f"Function not found: {name}")
            invocation.version, invocation.arn = self.service.function.resolve(qualifier)
            self.service.host.submit(invocation)
        except Exception as error:
            invocation.abandon(error)

    def close(self) -> None:
        """Close the function, then the APIs."""
        self.client.clear()
        self.wait(self.service.close())
        for gateway, server in self.gateways:
            self.wait(gateway.close())
            self.run(server.close)
        self.stop()


@pytest.fixture
def make_project(write_handler: Callable[[str], Path], socket_runtime: list[str]) -> Iterator[Callable[..., Project]]:
    """Yield a function that serves APIs in front of a function."""
    projects: list[Project] = []

    def make(*apis: Api, **settings: Any) -> Project:
        options = {"runtime": socket_runtime, "timeout_s": WAIT, **settings}
        projects.append(Project(FunctionConfig("app.handler", write_handler(SOURCE), **options), *apis))
        return projects[-1]

    yield make
    for project in projects:
        project.close()


HTTP = http_api(Route("ANY", "/{proxy+}", "orders", payload_format="2.0"), Route("GET", "/other/{x}", "missing"))
REST = rest_api(Route("ANY", "/{proxy+}", "orders", "live"), Route("GET", "/other/{x}", "missing"))


def test_two_apis_share_a_function(make_project: Callable[..., Project]) -> None:
    """An HTTP API and a REST API invoke one function, with the version of the route's alias."""
    project = make_project(HTTP, REST, aliases={"live": "7"})
    http, rest = (
        project.client.request("POST", f"{url}/a/b", body=b"text", headers={"Content-Type": "text/plain"})
        for url in project.urls
    )
    assert (http.status, rest.status) == (200, 200)
    assert [json.loads(answer.data)["path"] for answer in (http, rest)] == ["/a/b", "/a/b"]
    assert json.loads(http.data)["body"] == json.loads(rest.data)["body"] == "text"
    assert any("Version: 7" in line for line in project.lines)


@pytest.mark.parametrize("path", ["/fail", "/exit"])
def test_failed_function_gets_status_of_the_kind(make_project: Callable[..., Project], path: str) -> None:
    """A function that raises or exits gets 500 from an HTTP API and 502 from a REST API; the next request works."""
    project = make_project(HTTP, REST, aliases={"live": "7"})
    for url, status in zip(project.urls, (500, 502), strict=True):
        assert project.client.request("GET", f"{url}{path}").status == status
        assert project.client.request("GET", f"{url}/a").status == 200
        assert project.client.request("GET", f"{url}/other/1").status == 500


def test_timeout_of_the_function_is_a_failure(make_project: Callable[..., Project]) -> None:
    """A function that exceeds its own timeout has failed."""
    project = make_project(HTTP, timeout_s=0.3)
    answer = project.client.request("GET", f"{project.urls[0]}/sleep")
    assert (answer.status, answer.data) == (500, b'{"message":"Internal Server Error"}')


def test_function_continues_after_timeout_of_the_route(make_project: Callable[..., Project], tmp_path: Path) -> None:
    """After the route's timeout the function continues, and its environment serves the next request."""
    gate = Gate(tmp_path)
    hasty = rest_api(Route("GET", "/wait", "orders", timeout_s=0.1), Route("GET", "/a", "orders"))
    project = make_project(hasty, concurrency=1, env={"GATE": str(gate.path)})
    assert project.client.request("GET", f"{project.urls[0]}/wait").status == 504
    answer = project.client.request("GET", f"{project.urls[0]}/a")  # the only environment is busy
    assert (answer.status, answer.data) == (500, b'{"message": "Internal server error"}')
    gate.open()
    wait_until(lambda: project.client.request("GET", f"{project.urls[0]}/a").status == 200)


def test_requests_are_served_at_the_same_time(make_project: Callable[..., Project]) -> None:
    """Requests at the same time use an environment each."""
    project = make_project(HTTP)
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda at: project.client.request("GET", f"{project.urls[0]}/{at}"), range(2)))
    assert [answer.status for answer in answers] == [200, 200]
    assert {json.loads(answer.data)["path"] for answer in answers} == {"/0", "/1"}


def test_closing_answers_running_requests(make_project: Callable[..., Project], tmp_path: Path) -> None:
    """A request that runs while the project closes gets an error, not a closed connection."""
    gate = Gate(tmp_path)
    project = make_project(HTTP, env={"GATE": str(gate.path)})
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(project.client.request, "GET", f"{project.urls[0]}/wait")
        wait_until(lambda: project.service.host.pool.busy)
        project.wait(project.service.close())
        assert waiting.result(WAIT).status == 500
