"""`awslambdaric-lite serve`, as a user runs it and as clients see it."""

from __future__ import annotations

import concurrent.futures
import json
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import urllib3

from .command_line import Serve, shell
from .sdk import lambda_client
from .waiting import WAIT, alive, wait_until

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


def test_sdk_and_http_invocations_are_reported(
    write_handler: WriteHandler, socket_runtime: list[str], http: urllib3.PoolManager
) -> None:
    """boto3 and plain HTTP clients reach the function; each invocation prints an event after its log."""
    root = str(write_handler(HELLO))
    with Serve("app.handler", "--task-root", root, "--runtime", shell(socket_runtime), "--writable") as serve:
        answer = lambda_client(serve.endpoint_url).invoke(FunctionName="function", Payload=b'{"n": 1}')
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


def test_plain_output_shows_examples_then_logs(
    write_handler: WriteHandler, socket_runtime: list[str], http: urllib3.PoolManager
) -> None:
    """Plain output shows addresses and example commands once, then the log, without escape sequences."""
    root = str(write_handler(HELLO))
    arguments = ("app.handler", "--name", "hello", "--task-root", root, "--runtime", shell(socket_runtime))
    with Serve(*arguments, "--writable", as_json=False) as serve:
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


def test_setting_above_quota_is_reported_as_warning(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """A timeout above Lambda's quota is a `warning` event."""
    root = str(write_handler(HELLO))
    with Serve("app.handler", "--task-root", root, "--runtime", shell(socket_runtime), "--timeout", "1801") as serve:
        assert serve.event("warning")["text"] == "timeout 1801 s is above Lambda's quota of 1800 s"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_stops_serve_cleanly(
    number: int, write_handler: WriteHandler, socket_runtime: list[str], http: urllib3.PoolManager
) -> None:
    """A signal stops `serve` with exit code 0; a waiting caller gets an error, and no process or port remains."""
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


def test_sigkill_terminates_function(
    write_handler: WriteHandler, socket_runtime: list[str], http: urllib3.PoolManager
) -> None:
    """SIGKILL of `serve` terminates the function's process."""
    root = str(write_handler("import os\ndef handler(event, context):\n    return os.getpid()"))
    with Serve("app.handler", "--task-root", root, "--runtime", shell(socket_runtime)) as serve:
        pid = int(http.request("GET", serve.url).data)
        serve.end(signal.SIGKILL)
        wait_until(lambda: not alive(pid), "the function was left behind")


def test_stopped_event_counts_lost_events(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """The `stopped` event counts the asynchronous events that were not finished."""
    root = str(write_handler(HELD))
    arguments = ("app.handler", "--task-root", root, "--runtime", shell(socket_runtime), "--concurrency", "1")
    with Serve(*arguments, "--timeout", "60") as serve:
        caller = lambda_client(serve.endpoint_url)
        for _ in range(3):
            assert caller.invoke(FunctionName="function", InvocationType="Event")["StatusCode"] == 202
        serve.event("log")
        serve.process.send_signal(signal.SIGINT)
        assert serve.event("stopped")["lostEvents"] == 3
        assert serve.process.wait(WAIT) == 0


def test_retry_options_reach_queue(write_handler: WriteHandler, socket_runtime: list[str], tmp_path: Path) -> None:
    """`--retries`, `--retry-delay-scale` and `--on-failure` configure the invocation queue."""
    root = str(write_handler("def handler(event, context):\n    raise ValueError('boom')"))
    record = tmp_path / "failed.jsonl"
    with Serve(
        *("app.handler", "--task-root", root, "--runtime", shell(socket_runtime)),
        *("--retries", "1", "--retry-delay-scale", "0", "--on-failure", str(record)),
    ) as serve:
        lambda_client(serve.endpoint_url).invoke(FunctionName="function", InvocationType="Event", Payload=b'{"n": 1}')
        wait_until(lambda: record.exists() and record.read_bytes().endswith(b"\n"), "no record was written")
        assert serve.end()[0] == 0
    written = json.loads(record.read_text())
    assert written["requestContext"]["condition"] == "RetriesExhausted"
    assert (written["requestContext"]["approximateInvokeCount"], written["requestPayload"]) == (2, {"n": 1})


def test_alias_concurrency_and_provisioned_options_apply(
    write_handler: WriteHandler, socket_runtime: list[str], http: urllib3.PoolManager
) -> None:
    """`--alias` maps to a version, `--provisioned` starts environments, and `--concurrency` limits callers with 429."""
    root = write_handler(HELD.replace('return "old"', "return os.environ['AWS_LAMBDA_FUNCTION_VERSION']"))
    with (
        Serve(
            *("app.handler", "--task-root", str(root), "--runtime", shell(socket_runtime), "--timeout", "60"),
            *("--alias", "live=7", "--concurrency", "1", "--provisioned", "1"),
        ) as serve,
        concurrent.futures.ThreadPoolExecutor() as callers,
    ):
        assert http.request("GET", serve.endpoint_url + "/health").json()["environments"] == 1
        first = callers.submit(lambda_client(serve.endpoint_url).invoke, FunctionName="function")
        while not serve.event("log")["line"].startswith("pid "):
            pass
        lambda_ = lambda_client(serve.endpoint_url)
        with pytest.raises(lambda_.exceptions.TooManyRequestsException):
            lambda_.invoke(FunctionName="function")
        assert serve.event("invocation")["errorType"] == "TooManyRequests"
        (root / "go").touch()
        assert json.loads(first.result(WAIT)["Payload"].read()) == "$LATEST"
    with Serve(
        "app.handler", "--task-root", str(root), "--runtime", shell(socket_runtime), "--alias", "live=7"
    ) as serve:
        answer = lambda_client(serve.endpoint_url).invoke(FunctionName="function", Qualifier="live")
        assert (json.loads(answer["Payload"].read()), answer["ExecutedVersion"]) == ("7", "7")


def test_cors_origin_allows_browser_requests(
    write_handler: WriteHandler, socket_runtime: list[str], http: urllib3.PoolManager
) -> None:
    """`--cors-origin` answers preflight requests and adds CORS headers to responses."""
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


def test_closed_output_stops_serve(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """`serve` exits with 1 and without a traceback if the reader of its output closes the pipe."""
    root = str(write_handler("import os\ndef handler(event, context):\n    print('pid', os.getpid())"))
    with Serve("app.handler", "--task-root", root, "--runtime", shell(socket_runtime), "--writable") as serve:
        assert serve.process.stdout is not None
        serve.process.stdout.close()
        lambda_client(serve.endpoint_url).invoke(FunctionName="function", InvocationType="Event")
        assert serve.process.wait(WAIT) == 1
        assert serve.process.stderr is not None
        assert b"Traceback" not in serve.process.stderr.read()


def test_non_loopback_host_prints_warning(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """A host other than loopback prints a warning about who can run the function."""
    root = str(write_handler(HELLO))
    arguments = ("app.handler", "--task-root", root, "--runtime", shell(socket_runtime), "--host", "0.0.0.0")
    with Serve(*arguments, "--writable", as_json=False) as serve:
        serve.output.text("Serving app.handler")
        returncode, _, error = serve.end()
    assert returncode == 0
    assert (
        error == b"warning: anyone who can reach 0.0.0.0 can invoke this function; "
        b"use --host 127.0.0.1 to allow this machine only\n"
    )


def test_hanging_init_does_not_block_stop(write_handler: WriteHandler, socket_runtime: list[str]) -> None:
    """SIGINT stops `serve` with exit code 0 while the init of a provisioned environment hangs."""
    root = str(write_handler("import time\nprint('hangs', flush=True)\ntime.sleep(60)"))
    arguments = ("app.handler", "--task-root", root, "--runtime", shell(socket_runtime), "--provisioned", "1")
    with Serve(*arguments, as_json=False) as serve:
        serve.output.text("hangs\n")
        assert serve.end()[::2] == (0, b"")


def test_change_is_reloaded_while_init_hangs(
    write_handler: WriteHandler, socket_runtime: list[str], http: urllib3.PoolManager
) -> None:
    """`--watch` reloads a change, and SIGINT stops `serve`, while the init of a provisioned environment hangs."""
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
