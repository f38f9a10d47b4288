"""Runtime whose internal extensions call the Extensions API, and which responds with a transcript of the calls.

Every entry is a list: request, status, content type and body, with identifiers replaced. This package's emulator and
AWS's run it.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading

sys.path.insert(0, os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..")))

from tests.support import socket_runtime
from tests.support.extension_client import ExtensionClient, Reply

STRANGER = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
transcript: list[list[object]] = []
names: dict[str, str] = {}
registered: list[ExtensionClient] = []


def note(what: str, reply: Reply) -> None:
    """Add an entry."""
    body = reply.body.decode()
    for identifier, name in names.items():
        body = body.replace(identifier, name)
    transcript.append([what, reply.status, reply.headers.get("content-type"), body])


def register(client: ExtensionClient, body: bytes, what: str, **headers: str) -> None:
    """Register with this body, and store the identifier."""
    headers = {"Lambda_Extension_Name": client.name, **headers}
    reply = client.ask("POST", "/2020-01-01/extension/register", body, **headers)
    if reply.status == 200:
        client.identifier = reply.headers["lambda-extension-identifier"]
        names[client.identifier] = f"<{client.name}>"
        registered.append(client)
    note(what, reply)


def before_the_runtime_is_up() -> None:
    """Send the requests of the init phase."""
    first = ExtensionClient("first")
    for body in (b'{"events":["BOOT"]}', b'{"events":["SHUTDOWN"]}', b'{"events":[],"configurationKeys":["A"]}'):
        register(first, body, f"register {body.decode()}")
    register(first, b"{}", "register without a name", Lambda_Extension_Name="")
    register(first, b'{"events":["INVOKE"]}', "register")
    register(first, b"null", "register again")
    second, third = ExtensionClient("second"), ExtensionClient("third")
    register(second, b"null", "register with null")
    register(third, b"{}", "register with an empty object")
    fourth = ExtensionClient("fourth")
    register(fourth, b'{"events":[]}', "register a fourth")
    for number in range(5, 11):
        register(ExtensionClient(f"number-{number}"), b"{}", f"register number {number}")
    register(ExtensionClient("number-11"), b"{}", "register number 11")
    for path, method in (("event/next", "GET"), ("init/error", "POST"), ("exit/error", "POST")):
        path = f"/2020-01-01/extension/{path}"
        error = {"Lambda_Extension_Function_Error_Type": "Own.Error"}
        for identifier in ("", "odd", STRANGER):
            headers = {"Lambda_Extension_Identifier": identifier, **error}
            note(f"{path} of {identifier!r}", first.ask(method, path, b"", **headers))
    path = "/2020-01-01/extension/init/error"
    note("untyped", first.ask("POST", path, b"{}", Lambda_Extension_Identifier=first.identifier))
    note("a wrong method", first.ask("GET", "/2020-01-01/extension/register"))
    note("a wrong path", first.ask("POST", "/2020-01-01/extension/other"))
    note("the logs API", first.ask("PUT", "/2020-08-15/logs", b"{}"))


def follow(extension: ExtensionClient) -> None:
    """Read events."""
    while True:
        extension.next()


def main() -> None:
    """Send all requests, serve one invocation, and respond with the transcript."""
    host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")
    api = socket.create_connection((host, int(port)))
    replies = api.makefile("rb")
    before_the_runtime_is_up()
    for extension in registered:
        threading.Thread(target=follow, args=(extension,), daemon=True).start()
    api.sendall(socket_runtime.request("GET", "invocation/next"))
    _, headers, _ = socket_runtime.read(replies)
    late = ExtensionClient("late")
    register(late, b"{}", "register late")
    late.identifier = registered[1].identifier  # of an extension that waits, because it has subscribed to no event
    note("report an error of the init late", late.report("init", "Own.Error"))
    note("ask while another call waits", late.next())
    note("report the end", late.report("exit", "Own.Error"))
    note("report it again", late.report("exit", "Other.Error"))
    note("ask after that", late.next())
    body = json.dumps(transcript).encode()
    request_id = headers["lambda-runtime-aws-request-id"]
    api.sendall(socket_runtime.request("POST", f"invocation/{request_id}/response", body))
    socket_runtime.read(replies)
    api.sendall(socket_runtime.request("GET", "invocation/next"))
    replies.read()


if __name__ == "__main__":
    main()
