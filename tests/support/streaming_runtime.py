"""Minimal streaming runtime, used by tests of the emulator: `socket_runtime` with generators.

An iterator of bytes, e.g. the result of a generator function, is streamed, one chunk for each part; the content type is
the handler's attribute `content_type`, and the handler may yield an HTTP prelude. Any other result is an ordinary JSON
response. An exception before the first chunk is an ordinary error, later it becomes error trailers.
"""

from __future__ import annotations

import base64
import importlib
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support.socket_runtime import ROOT, failure, read, request

HEAD = (
    "POST {root}invocation/{id}/response HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n"
    "Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n"
    "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n"
)
TRAILERS = "Lambda-Runtime-Function-Error-Type: {}\r\nLambda-Runtime-Function-Error-Body: {}\r\n"


def stream(api: socket.socket, request_id: str, content_type: str, first: bytes, rest: Iterator[bytes]) -> None:
    """Send a streamed response up to its end or its error trailers."""
    head = HEAD.format(root=ROOT, id=request_id, content_type=content_type).encode()
    api.sendall(head + chunk(first))
    trailers = ""
    while True:
        try:
            part = next(rest)
        except StopIteration:
            break
        except Exception as error:
            body = base64.b64encode(failure(error)).decode()
            trailers = TRAILERS.format(f"Function.{type(error).__name__}", body)
            break
        api.sendall(chunk(part))
    api.sendall(f"0\r\n{trailers}\r\n".encode())


def chunk(data: bytes) -> bytes:
    """Return a chunk; no bytes without data, because an empty chunk would end the body."""
    return b"%x\r\n%s\r\n" % (len(data), data) if data else b""


def answer(
    api: socket.socket, handler: Callable[[Any, dict[str, str]], object], event: bytes, headers: dict[str, str]
) -> None:
    """Run the handler with one event and send its result or error."""
    request_id = headers["lambda-runtime-aws-request-id"]
    kind = "response"
    try:
        result = handler(json.loads(event), headers)
        if isinstance(result, Iterator):
            first = next(result, b"")
        else:
            body = json.dumps(result).encode()
    except Exception as error:
        kind, body, result = "error", failure(error), None
    if isinstance(result, Iterator):
        content_type = getattr(handler, "content_type", "application/octet-stream")
        stream(api, request_id, content_type, first, result)
    else:
        api.sendall(request("POST", f"invocation/{request_id}/{kind}", body))


def main() -> None:
    """Load the handler, then reply to events until the process is killed."""
    host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")
    api = socket.create_connection((host, int(port)))
    replies: BinaryIO = api.makefile("rb")
    module, _, name = os.environ["_HANDLER"].rpartition(".")
    sys.path.insert(0, os.getcwd())
    handler = getattr(importlib.import_module(module), name)
    while True:
        api.sendall(request("GET", "invocation/next"))
        _, headers, event = read(replies)
        answer(api, handler, event, headers)
        sys.stdout.flush()
        read(replies)


if __name__ == "__main__":
    main()
