"""What the runtime imports late is left out when user code has taken the last file descriptor."""

from __future__ import annotations

import json
from pathlib import Path

from awslambdaric_lite.conformance.messages import Event
from tests.process.lite import bodies, numbered, run_lite

TAKE_ALL = """
import os, resource
def take_all():
    unused = os.dup(0)
    os.close(unused)
    resource.setrlimit(resource.RLIMIT_NOFILE, (unused, unused))
"""


def test_wrong_call_is_posted_without_hint(tmp_path: Path) -> None:
    """The error of a function that is called with too many arguments is posted without a hint, and the loop goes on."""
    source = f"""{TAKE_ALL}
def handler(event, context):
    if event == 0:
        take_all()
    return wrong(event, context)
def wrong(event):
    return event
"""
    result = run_lite(tmp_path, source, numbered(2))
    assert result.ended_by_test
    assert [json.loads(body)["errorType"] for body in bodies(result)] == ["TypeError"] * 2
    assert b"Traceback" not in result.stderr


def test_exit_has_its_status(tmp_path: Path) -> None:
    """The exit of a handler is posted and has its status, although a thread of user code would go on."""
    source = f"""{TAKE_ALL}
import sys, threading, time
def handler(event, context):
    threading.Thread(target=time.sleep, args=(600,)).start()
    take_all()
    print("last words", end="")
    sys.exit(7)
"""
    result = run_lite(tmp_path, source)
    assert (result.exit_code, len(result.replies)) == (7, 1)
    assert b"last words" in result.stdout


def test_trace_ids_are_still_set(tmp_path: Path) -> None:
    """Trace ids are set by the C library if the module that sets them in place cannot be imported."""
    source = f"""{TAKE_ALL}
import ctypes, awslambdaric_lite._runtime as runtime
getenv = ctypes.CDLL(None).getenv
getenv.restype = ctypes.c_char_p
runtime._BEFORE_IN_PLACE = 1  # invocations; else a thousand would be needed
def handler(event, context):
    if context.aws_request_id == "request-0":
        take_all()
    return [os.environ["_X_AMZN_TRACE_ID"], getenv(b"_X_AMZN_TRACE_ID").decode()]
"""
    events = [Event(headers=(("Lambda-Runtime-Trace-Id", f"Root={number}"),)) for number in range(4)]
    result = run_lite(tmp_path, source, events)
    assert [json.loads(body) for body in bodies(result)] == [[f"Root={number}"] * 2 for number in range(4)]
