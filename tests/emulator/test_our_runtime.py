"""This package's runtime in the local Lambda: streams, applications, shutdown, snapshots."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import urllib3

from awslambdaric_lite.emulator import LocalLambda

from .sdk import lambda_client

WriteHandler = Callable[[str], Path]
GATED = """
from awslambdaric_lite import StreamingResponse

def handler(event, context):
    return StreamingResponse(body(), 201, {{"x-made": "now"}}, cookies=["a=1"], media_type="text/plain")

def body():
    yield "first "
    with open({gate!r}) as gate:
        yield gate.read()
    {end}
"""


def gated(tmp_path: Path, end: str = "") -> str:
    """Return a handler whose second chunk waits for the test."""
    os.mkfifo(tmp_path / "gate")
    return GATED.format(gate=str(tmp_path / "gate"), end=end)


def open_gate(tmp_path: Path) -> None:
    """Release the second chunk."""
    (tmp_path / "gate").write_text("second")


def test_boto3_reads_stream_with_prelude(write_handler: WriteHandler, tmp_path: Path) -> None:
    """boto3 reads the first chunk before the second one exists, and the prelude unchanged."""
    with LocalLambda("app.handler", task_root=write_handler(gated(tmp_path)), timeout_s=30) as function:
        client = lambda_client(function.endpoint_url)
        stream = client.invoke_with_response_stream(FunctionName="function")["EventStream"]
        events = iter(stream)
        seen = b""
        while not seen.endswith(b"first "):
            seen += next(events)["PayloadChunk"]["Payload"]
        open_gate(tmp_path)
        rest = list(events)
        assert b"".join(event["PayloadChunk"]["Payload"] for event in rest[:-1]) == b"second"
        assert rest[-1]["InvokeComplete"].get("ErrorCode") is None
        assert json.loads(seen.partition(b"\0")[0])["statusCode"] == 201
        client.close()


def test_boto3_receives_stream_error(write_handler: WriteHandler, tmp_path: Path) -> None:
    """The last event that boto3 reads has the error of the generator."""
    source = gated(tmp_path, "raise ValueError('in the middle')")
    with LocalLambda("app.handler", task_root=write_handler(source), timeout_s=30) as function:
        threading.Thread(target=open_gate, args=(tmp_path,)).start()
        client = lambda_client(function.endpoint_url)
        *_, last = client.invoke_with_response_stream(FunctionName="function")["EventStream"]
        assert last["InvokeComplete"]["ErrorCode"] == "Function.ValueError"
        assert "in the middle" in last["InvokeComplete"]["ErrorDetails"]
        client.close()


def test_function_url_streams_with_prelude(write_handler: WriteHandler, tmp_path: Path) -> None:
    """A function URL sends status, headers and cookies of the prelude and streams the body."""
    root = write_handler(gated(tmp_path))
    with (
        LocalLambda("app.handler", task_root=root, timeout_s=30, url_mode="RESPONSE_STREAM") as function,
        urllib3.PoolManager() as http,
    ):
        response = http.request("GET", function.url, preload_content=False)
        assert (response.status, response.headers["x-made"]) == (201, "now")
        assert response.headers.getlist("set-cookie") == ["a=1"]
        assert response.read(6) == b"first "
        open_gate(tmp_path)
        assert response.read() == b"second"
        response.release_conn()


def test_web_application_serves_function_url(write_handler: WriteHandler) -> None:
    """A FastAPI application serves HTTP behind a function URL; its lifespan ends with the environment."""
    source = """
from contextlib import asynccontextmanager
from fastapi import FastAPI

@asynccontextmanager
async def lifespan(app):
    print("startup", flush=True)
    yield
    print("shutdown", flush=True)

app = FastAPI(lifespan=lifespan)

@app.post("/items/{number}")
async def item(number: int, body: dict):
    return {"number": number, "body": body}
"""
    lines: list[str] = []
    with (
        LocalLambda("app.app", task_root=write_handler(source), timeout_s=30, on_log=lines.append) as function,
        urllib3.PoolManager() as http,
    ):
        response = http.request("POST", f"{function.url}items/7", json={"a": 1})
        assert (response.status, response.json()) == (200, {"number": 7, "body": {"a": 1}})
        assert http.request("POST", f"{function.url}items/seven", json={}).status == 422
    assert (lines.count("startup"), lines.count("shutdown")) == (1, 1)


def test_shutdown_hook_runs_on_close(write_handler: WriteHandler) -> None:
    """A shutdown hook runs when the environment is closed."""
    source = """
from awslambdaric_lite import on_shutdown
on_shutdown(lambda: print("closed", flush=True))
async def handler(event, context): return "answer"
"""
    lines: list[str] = []
    with LocalLambda("app.handler", task_root=write_handler(source), on_log=lines.append) as function:
        assert function.invoke().json() == "answer"
        assert "closed" not in lines
    assert lines.count("closed") == 1


def test_snapshot_hooks_run_around_restore(write_handler: WriteHandler) -> None:
    """Snapshot hooks run before the snapshot and after the restore, which is logged."""
    source = """
from snapshot_restore_py import register_after_restore, register_before_snapshot
log = []
register_before_snapshot(log.append, "before")
register_after_restore(log.append, "after")
def handler(event, context): return log
"""
    with LocalLambda("app.handler", task_root=write_handler(source), snap_start=True) as function:
        result = function.invoke()
        assert result.json() == ["before", "after"]
        assert "RESTORE_REPORT" in result.logs
        function.snapshot_restore()
        assert function.invoke().json() == ["before", "after"]


def test_timeout_dump_logs_stack(write_handler: WriteHandler) -> None:
    """The timeout dump logs the stack of a function that hangs."""
    source = "import time\ndef hang(): time.sleep(60)\ndef handler(event, context): hang()\n"
    env = {"AWSLAMBDARIC_LITE_TIMEOUT_DUMP_MS": "500"}
    with LocalLambda("app.handler", task_root=write_handler(source), timeout_s=1, env=env) as function:
        result = function.invoke()
        assert result.error_type == "Sandbox.Timedout"
        assert "in hang" in result.logs
