"""Client of the Extensions and Telemetry APIs, written with sockets and `json` only.

Programs and handlers of tests import it; it finds the API by `AWS_LAMBDA_RUNTIME_API`.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from typing import Any, NamedTuple

TRACE = "EXTENSION_TRACE"  # the variable with the file to which programs append their events


class Reply(NamedTuple):
    """Response of the API, with header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The parsed body."""
        return json.loads(self.body)


class ExtensionClient:
    """Client of one extension, with one connection."""

    def __init__(self, name: str, address: str | None = None) -> None:
        self.name = name
        self.identifier = ""
        host, _, port = (address or os.environ["AWS_LAMBDA_RUNTIME_API"]).rpartition(":")
        self._socket = socket.create_connection((host, int(port)))
        self._replies = self._socket.makefile("rb")

    def close(self) -> None:
        """Close the connection."""
        self._replies.close()
        self._socket.close()

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> None:
        """Send a request; underscores in names of headers become hyphens."""
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    def read(self) -> Reply:
        """Read a response."""
        status = int(self._replies.readline().split()[1])
        headers: dict[str, str] = {}
        while line := self._replies.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return Reply(status, headers, self._replies.read(int(headers["content-length"])))

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
        """Send a request and read its response."""
        self.send(method, path, body, **headers)
        return self.read()

    def register(self, events: Sequence[str] | None = (), **headers: str) -> Reply:
        """Register with the name, and store the identifier."""
        body = json.dumps({"events": events}).encode()
        reply = self.ask("POST", "/2020-01-01/extension/register", body, Lambda_Extension_Name=self.name, **headers)
        self.identifier = reply.headers.get("lambda-extension-identifier", "")
        return reply

    def next(self) -> Reply:
        """Wait for the next event."""
        self.wait()
        return self.read()

    def wait(self) -> None:
        """Ask for the next event without waiting for it."""
        self.send("GET", "/2020-01-01/extension/event/next", Lambda_Extension_Identifier=self.identifier)

    def report(self, phase: str, error_type: str) -> Reply:
        """Report an error in `init` or at `exit`."""
        path = f"/2020-01-01/extension/{phase}/error"
        headers = {"Lambda_Extension_Identifier": self.identifier, "Lambda_Extension_Function_Error_Type": error_type}
        return self.ask("POST", path, b"{}", **headers)

    def subscribe(self, destination: dict[str, Any], types: Sequence[str], **buffering: int) -> Reply:
        """Subscribe to telemetry."""
        request: dict[str, Any] = {"schemaVersion": "2022-12-13", "types": types, "destination": destination}
        if buffering:
            request["buffering"] = buffering
        body = json.dumps(request).encode()
        return self.ask("PUT", "/2022-07-01/telemetry", body, Lambda_Extension_Identifier=self.identifier)


def trace(what: object) -> None:
    """Append a JSON value to the file that the test reads."""
    with open(os.environ[TRACE], "a") as file:
        file.write(json.dumps(what) + "\n")
