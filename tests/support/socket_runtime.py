"""Minimal runtime, used by tests of the emulator and written with a socket and `json` only.

It has one connection, and sends a reply and the next poll in one write. A failed import is posted to init/error.
"""

from __future__ import annotations

import importlib
import json
import os
import socket
import sys
from typing import BinaryIO

ROOT = "/2018-06-01/runtime/"


def request(method: str, path: str, body: bytes = b"") -> bytes:
    """Return a request as bytes."""
    return f"{method} {ROOT}{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def read(reply: BinaryIO) -> tuple[int, dict[str, str], bytes]:
    """Read a response: status, headers, body."""
    status = int(reply.readline().split()[1])
    headers: dict[str, str] = {}
    while line := reply.readline().strip():
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding") != "chunked":
        return status, headers, reply.read(int(headers["content-length"]))
    body = b""
    while size := int(reply.readline(), 16):
        body += reply.read(size)
        reply.readline()
    reply.readline()
    return status, headers, body


def failure(error: BaseException) -> bytes:
    """Return an error object as JSON."""
    return json.dumps({"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": []}).encode()


def main() -> None:
    """Load the handler, then reply to events until the process is killed."""
    host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")
    api = socket.create_connection((host, int(port)))
    replies = api.makefile("rb")
    module, _, name = os.environ["_HANDLER"].rpartition(".")
    sys.path.insert(0, os.getcwd())
    try:
        handler = getattr(importlib.import_module(module), name)
    except Exception as error:
        api.sendall(request("POST", "init/error", failure(error)))
        read(replies)
        sys.exit(1)
    answer = b""
    while True:
        api.sendall(answer + request("GET", "invocation/next"))
        if answer:
            read(replies)
        _, headers, event = read(replies)
        kind = "response"
        try:
            body = json.dumps(handler(json.loads(event), headers)).encode()
        except Exception as error:
            kind, body = "error", failure(error)
        sys.stdout.flush()
        answer = request("POST", f"invocation/{headers['lambda-runtime-aws-request-id']}/{kind}", body)


if __name__ == "__main__":
    main()
