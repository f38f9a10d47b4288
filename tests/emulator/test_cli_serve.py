"""`awslambdaric-lite serve`, as a user runs it and as clients see it."""

from __future__ import annotations

import concurrent.futures
import json
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3
from botocore.config import Config

from awslambdaric_lite.cli import main

from .command_line import WAIT, Serve, alive, shell, wait_until

WriteHandler = Callable[[str], Path]
HELLO = "def handler(event, context):\n    print('working', event)\n    return {'got': event}"
HELD = """
import os, time
def handler(event, context):
    print("pid", os.getpid(), flush=True)
    while not os.path.exists("go"):
        time.sleep(0.005)
    return "old"
"""


def client(endpoint_url: str) -> Any:
    """A boto3 client that asks once only."""
    return boto3.client(
        "lambda",
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=WAIT),
    )


@pytest.fixture
def http() -> Iterator[urllib3.PoolManager]:
    """An HTTP client that asks once only."""
    with urllib3.PoolManager(retries=False, timeout=WAIT) as manager:
        yield manager


def test_sdks_and_http_clients_reach_the_function(
    write_handler: WriteHandler, socket_runtime: list[str], http: urllib3.PoolManager
) -> None:
    """Both doors, each invocation an event with its report, its log before that."""
    root = str(write_handler(HELLO))
    with Serve("app.handler", "--task-root", root, "--runtime", shell(socket_runtime)) as serve:
        answer = client(serve.endpoint_url).invoke(FunctionName="function", Payload=b'{"n": 1}')
        assert json.loads(answer["Payload"].read()) == {"got": {"n": 1}}
        event = serve.event("invocation")
        assert event["requestId"] == answer["ResponseMetadata"]["RequestId"]
        assert (event["cold"], event["errorType"], event["report"]["status"]) == (True, None, "success")
        reply = http.request("GET", serve.url + "path?a=b")
        assert (reply.status, reply.json()["got"]["rawPath"]) == (200, "/path")
        assert serve.event("invocation")["cold"] is False
        returncode, output, error = serve.end()
        events = [json.loads(line) for line in output.splitlines()]
    assert (returncode, error) == (0, b"")
    assert [event["event"] for event in events if event["event"] != "log"] == [
        *("serving", "invocation", "invocation", "stopped")
    ]
    assert "working {'n': 1}" in [event.get("line") for event in events]
    assert events[-1]["lostEvents"] == 0


def test_plain_output_says_how_to_call_and_then_logs(
    write_handler: WriteHandler, socket_runtime: list[str], http: urllib3.PoolManager
) -> None:
    """Addresses and examples once, then the log; no escape sequences where there is no terminal."""
    root = str(write_handler(HELLO))
    arguments = ("app.handler", "--name", "hello", "--task-root", root, "--runtime", shell(socket_runtime))
    with Serve(*arguments, as_json=False) as serve:
        banner = serve.output.text("  curl http://127.0.0.1:").splitlines()
        assert banner[0] == "Serving app.handler as hello until Ctrl-C"
        endpoint_url = banner[1].split()[-1]
        assert any("aws lambda invoke" in line and endpoint_url in line for line in banner)
        assert any("boto3.client" in line and endpoint_url in line for line in banner)
        path = "/2015-03-31/functions/hello/invocations"
        assert http.request("POST", endpoint_url + path, body=b"{}").json() == {"got": {}}
        serve.output.text("REPORT RequestId")
        returncode, output, error = serve.end()
    assert (returncode, error) == (0, b"")
    assert b"working {}\n" in output
    assert b"\x1b" not in output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_a_good_end_that_leaves_nothing(
    number: int, write_handler: WriteHandler, socket_runtime: list[str], http: urllib3.PoolManager
) -> None:
    """In the middle of an invocation: exit code 0, the caller answered, no process and no port left."""
    root = str(write_handler(HELD))
    with (
        Serve("app.handler", "--task-root", root, "--runtime", shell(socket_runtime), "--timeout", "60") as serve,
        concurrent.futures.ThreadPoolExecutor() as callers,
    ):
        reply = callers.submit(http.request, "GET", serve.url)
        while not (line := serve.event("log")["line"]).startswith("pid "):
            pass
        returncode, _, error = serve.end(number)
        assert (returncode, error) == (0, b"")
        assert reply.result(WAIT).status in (500, 502, 503)
        assert not alive(int(line.split()[1]))
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(serve.endpoint_url.rpartition(":")[2])))


def test_a_kill_leaves_nothing(
    write_handler: WriteHandler, socket_runtime: list[str], http: urllib3.PoolManager
) -> None:
    """Even where it cannot clean up itself."""
    root = str(write_handler("import os\ndef handler(event, context):\n    return os.getpid()"))
    with Serve("app.handler", "--task-root", root, "--runtime", shell(socket_runtime)) as serve:
        pid = int(http.request("GET", serve.url).data)
        serve.end(signal.SIGKILL)
        wait_until(lambda: not alive(pid), "the function was left behind")


def test_lost_events_are_told(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """What is queued when it stops is counted; nothing is lost in silence."""
    root = str(write_handler(HELD))
    arguments = ("app.handler", "--task-root", root, "--runtime", shell(socket_runtime), "--concurrency", "1")
    with Serve(*arguments, "--timeout", "60") as serve:
        caller = client(serve.endpoint_url)
        for _ in range(3):
            assert caller.invoke(FunctionName="function", InvocationType="Event")["StatusCode"] == 202
        serve.event("log")
        serve.process.send_signal(signal.SIGINT)
        assert serve.event("stopped")["lostEvents"] == 3
        assert serve.process.wait(WAIT) == 0


def test_asynchronous_events_are_retried_and_recorded(
    write_handler: WriteHandler, socket_runtime: list[str], tmp_path: Path
) -> None:
    """`--retries`, `--retry-delay-scale` and `--on-failure` reach the queue."""
    root = str(write_handler("def handler(event, context):\n    raise ValueError('boom')"))
    record = tmp_path / "failed.jsonl"
    with Serve(
        *("app.handler", "--task-root", root, "--runtime", shell(socket_runtime)),
        *("--retries", "1", "--retry-delay-scale", "0", "--on-failure", str(record)),
    ) as serve:
        client(serve.endpoint_url).invoke(FunctionName="function", InvocationType="Event", Payload=b'{"n": 1}')
        wait_until(lambda: record.exists() and record.read_bytes().endswith(b"\n"), "no record was written")
        assert serve.end()[0] == 0
    written = json.loads(record.read_text())
    assert written["requestContext"]["condition"] == "RetriesExhausted"
    assert (written["requestContext"]["approximateInvokeCount"], written["requestPayload"]) == (2, {"n": 1})


def test_aliases_concurrency_and_provisioned_environments(
    write_handler: WriteHandler, socket_runtime: list[str], http: urllib3.PoolManager
) -> None:
    """`--alias` names a version, `--provisioned` starts ahead, and beyond `--concurrency` callers get 429."""
    root = write_handler(HELD.replace('return "old"', "return os.environ['AWS_LAMBDA_FUNCTION_VERSION']"))
    with (
        Serve(
            *("app.handler", "--task-root", str(root), "--runtime", shell(socket_runtime), "--timeout", "60"),
            *("--alias", "live=7", "--concurrency", "1", "--provisioned", "1"),
        ) as serve,
        concurrent.futures.ThreadPoolExecutor() as callers,
    ):
        assert http.request("GET", serve.endpoint_url + "/health").json()["environments"] == 1
        first = callers.submit(client(serve.endpoint_url).invoke, FunctionName="function")
        while not serve.event("log")["line"].startswith("pid "):
            pass
        lambda_ = client(serve.endpoint_url)
        with pytest.raises(lambda_.exceptions.TooManyRequestsException):
            lambda_.invoke(FunctionName="function")
        assert serve.event("invocation")["errorType"] == "TooManyRequests"
        (root / "go").touch()
        assert json.loads(first.result(WAIT)["Payload"].read()) == "$LATEST"
    with Serve(
        "app.handler", "--task-root", str(root), "--runtime", shell(socket_runtime), "--alias", "live=7"
    ) as serve:
        answer = client(serve.endpoint_url).invoke(FunctionName="function", Qualifier="live")
        assert (json.loads(answer["Payload"].read()), answer["ExecutedVersion"]) == ("7", "7")


def test_function_url_for_web_pages(
    write_handler: WriteHandler, socket_runtime: list[str], http: urllib3.PoolManager
) -> None:
    """`--cors-origin` answers a browser's preflight request and marks responses."""
    root = str(write_handler(HELLO))
    origin = "http://localhost:5173"
    with Serve(
        *("app.handler", "--task-root", root, "--runtime", shell(socket_runtime)), *("--cors-origin", origin)
    ) as serve:
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        for reply in (
            http.request("OPTIONS", serve.url, headers=asked),
            http.request("GET", serve.url, headers={"Origin": origin}),
        ):
            assert (reply.status, reply.headers["Access-Control-Allow-Origin"]) == (200, origin)


def test_a_reader_that_goes_away_ends_it(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """As `serve | head` does: no traceback, nothing left."""
    root = str(write_handler("import os\ndef handler(event, context):\n    print('pid', os.getpid())"))
    with Serve("app.handler", "--task-root", root, "--runtime", shell(socket_runtime)) as serve:
        assert serve.process.stdout is not None
        serve.process.stdout.close()
        client(serve.endpoint_url).invoke(FunctionName="function", InvocationType="Event")
        assert serve.process.wait(WAIT) == 1
        assert serve.process.stderr is not None
        assert b"Traceback" not in serve.process.stderr.read()


def test_other_machines_are_let_in_with_a_warning(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """A bind to more than loopback says what it means."""
    root = str(write_handler(HELLO))
    arguments = ("app.handler", "--task-root", root, "--runtime", shell(socket_runtime), "--host", "0.0.0.0")
    with Serve(*arguments, as_json=False) as serve:
        serve.output.text("Serving app.handler")
        returncode, _, error = serve.end()
    assert returncode == 0
    assert error == b"warning: whoever reaches 0.0.0.0 can run this function; --host 127.0.0.1 lets only this machine\n"


@pytest.mark.parametrize("option", ["--port", "--url-port"])
def test_a_busy_port(option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The port, the option and the cure are named."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        free = {"--port": "0", "--url-port": "0"} | {option: str(port)}
        ports = [word for pair in free.items() for word in pair]
        assert main(["serve", "app.handler", "--task-root", str(tmp_path), *ports]) == 2
    assert f"{option}: port {port} of 127.0.0.1 is in use; stop its listener" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "HANDLER"),
        (["app"], "handler 'app' has no dot"),
        (["app.handler", "--task-root", "missing"], "missing is not a directory"),
        (["app.handler", "--port", "http"], "--port: 'http' is no port; it is a number from 0"),
        (["app.handler", "--url-port", "70000"], "'70000' is no port"),
        (["app.handler", "--concurrency", "0"], "concurrency 0 is out of range"),
        (["app.handler", "--concurrency", "many"], "--concurrency"),
        (["app.handler", "--provisioned", "11"], "provisioned 11 is out of range"),
        (["app.handler", "--alias", "live"], "--alias 'live' has no version; write NAME=VERSION"),
        (["app.handler", "--alias", "7=7"], "alias 7=7"),
        (["app.handler", "--retries", "3"], "3 retry attempts are out of range"),
        (["app.handler", "--on-failure", "missing/file"], "missing is not a directory"),
        (["app.handler", "--env-file", "missing.env"], "--env-file missing.env does not exist"),
        (
            ["app.handler", "--host", "no-such-host.invalid", "--port", "0"],
            "--host: address no-such-host.invalid is unknown",
        ),
        (["app.handler", "--host", "192.0.2.1", "--port", "0"], "--host: address 192.0.2.1 is not a local address"),
        (["app.handler", "--unknown"], "--unknown"),
    ],
)
def test_usage_errors(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit code 2 and what to change, with nothing on standard output."""
    monkeypatch.chdir(tmp_path)
    assert main(["serve", *arguments]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert message in output.err
    assert output.err.endswith("usage help: awslambdaric-lite serve --help\n")


def test_an_init_that_hangs_does_not_hold_up_the_end(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """Ctrl-C while a provisioned environment starts is as good an end as any."""
    root = str(write_handler("import time\nprint('hangs', flush=True)\ntime.sleep(60)"))
    arguments = ("app.handler", "--task-root", root, "--runtime", shell(socket_runtime), "--provisioned", "1")
    with Serve(*arguments, as_json=False) as serve:
        serve.output.text("hangs\n")
        assert serve.end()[::2] == (0, b"")


def test_a_change_is_taken_while_an_init_hangs(
    write_handler: WriteHandler, socket_runtime: list[str], http: urllib3.PoolManager
) -> None:
    """Provisioned environments that never become ready do not hold up the next change, nor the end."""
    root = write_handler(HELLO)
    arguments = ("app.handler", "--task-root", str(root), "--runtime", shell(socket_runtime), "--watch")
    with Serve(*arguments, "--provisioned", "1") as serve:
        (root / "app.py").write_text("import time\nprint('hangs', flush=True)\ntime.sleep(60)")
        while serve.event("log")["line"] != "hangs":
            pass
        (root / "app.py").write_text("def handler(event, context):\n    return 'mended'")
        serve.event("reload")
        assert http.request("GET", serve.url).json() == "mended"
        assert serve.end()[::2] == (0, b"")
