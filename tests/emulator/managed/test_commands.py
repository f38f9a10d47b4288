"""Managed Instances on the command line: `invoke`, `serve` with concurrent callers, the example."""

from __future__ import annotations

import base64
import concurrent.futures
import json
import subprocess
import sys
from pathlib import Path

import pytest
import urllib3

from tests.emulator.command_line import Serve, environment, run
from tests.emulator.sdk import lambda_client
from tests.emulator.waiting import WAIT

from .fleet import EACH, Runtime, platform


def written(folder: Path, runtime: Runtime) -> list[str]:
    """Write `app.py`; return the arguments that serve it."""
    (folder / "app.py").write_text(runtime.source)
    arguments = ["app.handler", "--task-root", str(folder), "--managed-concurrency", "3", "--timeout", "60"]
    if (command := runtime.settings["runtime"]) is not None:
        arguments += ["--runtime", " ".join(f"'{argument}'" for argument in command)]
    for name, value in runtime.settings["env"].items():
        arguments += ["--env", f"{name}={value}"]
    return arguments


@pytest.mark.parametrize("runtime", EACH)
def test_serve_runs_concurrent_invocations(runtime: Runtime, tmp_path: Path) -> None:
    """`serve` runs invocations of Lambda API and function URL concurrently in one environment."""
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    code = tmp_path / "code"  # read-only for the function
    code.mkdir()
    arguments = written(code, runtime)
    with (
        Serve(*arguments, "--concurrency", "1") as serve,
        concurrent.futures.ThreadPoolExecutor() as callers,
        urllib3.PoolManager(retries=False, timeout=WAIT, maxsize=4) as http,
    ):
        endpoint = f"{serve.endpoint_url}/2015-03-31/functions/function/invocations"
        calls = [
            callers.submit(
                http.request,
                "POST",
                url,
                body=json.dumps({"meet": str(meeting), "count": 3, "name": name}),
                headers={"Content-Type": "application/json"},
            )
            for name, url in (("a", endpoint), ("b", endpoint), ("c", serve.url))
        ]
        replies = [call.result(WAIT) for call in calls]
        assert [reply.status for reply in replies] == [200, 200, 200]
        assert [reply.json()["name"] for reply in replies] == ["a", "b", "c"]
        assert [reply.json()["id"] for reply in replies] == [reply.headers["x-amzn-RequestId"] for reply in replies]
        outcomes = [serve.event("invocation") for _ in replies]
        assert {outcome["requestId"] for outcome in outcomes} == {reply.json()["id"] for reply in replies}
        returncode, output, error = serve.end()
    assert (returncode, error) == (0, b"")
    log = "\n".join(json.loads(line).get("line", "") for line in output.splitlines())
    assert len(platform(log, "initStart")) == 1
    assert len(platform(log, "report")) == 3


def test_log_tail_has_matching_invocation(tmp_path: Path) -> None:
    """The log tail has the report and the lines of the invocation that requested it."""
    with Serve(*written(tmp_path, EACH[0].values[0])) as serve:  # type: ignore[arg-type]
        client = lambda_client(serve.endpoint_url)
        answer = client.invoke(FunctionName="function", Payload=b'{"name":"tail"}', LogType="Tail")
        tail = base64.b64decode(answer["LogResult"]).decode()
        client.close()
    assert platform(tail, "report")[0]["requestId"] == answer["ResponseMetadata"]["RequestId"]
    assert "begins tail" in tail


def test_invoke_prints_managed_logs(tmp_path: Path) -> None:
    """`invoke --managed-concurrency` runs one invocation with the logs of Managed Instances."""
    done = run("invoke", *written(tmp_path, EACH[0].values[0]))  # type: ignore[arg-type]
    assert done.returncode == 0
    assert json.loads(done.stdout)["env"]["AWS_LAMBDA_MAX_CONCURRENCY"] == "3"
    assert platform(done.stderr.decode(), "report")[0]["status"] == "success"


def test_example_shows_four_workers(tmp_path: Path) -> None:
    """The example runs as its docstring describes and shows four concurrent workers."""
    done = subprocess.run(
        [sys.executable, "-m", "awslambdaric_lite.examples.managed_instances"],
        capture_output=True,
        env=environment(),
        cwd=tmp_path,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    *answers, summary = done.stdout.decode().splitlines()
    ids, workers = {line.split()[0] for line in answers}, {line.split()[-1] for line in answers}
    assert (len(ids), len(workers)) == (4, 4)
    assert summary.startswith("4 invocations of 1 s took")
    assert summary.endswith("in 1 environment")
    assert all(f'"requestId": "{each}"' in done.stderr.decode() for each in ids)
