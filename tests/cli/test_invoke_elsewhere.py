"""`awslambdaric-lite invoke` of functions that already run: in `serve`, in AWS's emulator, at a function URL."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from awslambdaric_lite.cli import main
from awslambdaric_lite.conformance.server import ScriptedServer
from tests.emulator.command_line import WAIT, Serve, command, environment, run
from tests.support.client_process import LITE
from tests.support.client_process import environment as runtime_environment
from tests.support.real_emulator import RealEmulator, Unavailable, binary

FUNCTIONS = """
import time

def handler(event, context):
    print("the function's log")
    if event == "fail":
        raise ValueError("refused")
    if event == "context":
        return [context.tenant_id, context.invoked_function_arn.partition(":function:")[2]]
    return {"got": event, "client": context.client_context and context.client_context.custom}

def stream(event, context):
    yield b"first "
    while event.get("wait") and not open(event["wait"]).read():
        time.sleep(0.01)
    if event.get("fail"):
        raise ValueError("late")
    yield b"second"
"""


@contextmanager
def real_emulator(folder: Path) -> Iterator[str]:
    """Yield the address of AWS's own emulator with a function of ours; skip the test where it is unavailable."""
    try:
        binary()
    except Unavailable as reason:
        pytest.skip(str(reason))
    variables = runtime_environment("", "", folder, {"AWS_LAMBDA_RUNTIME_API": None, "_HANDLER": None})
    with RealEmulator([*LITE, "app.handler"], variables, folder) as emulator:
        yield emulator.endpoint_url


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a function that returns and one that streams."""
    folder = tmp_path_factory.mktemp("functions")
    (folder / "app.py").write_text(FUNCTIONS)
    return folder


@pytest.fixture(scope="module")
def served(root: Path) -> Iterator[Serve]:
    """A buffered function behind `serve`."""
    with Serve("app.handler", "--task-root", str(root), "--name", "orders", "--alias", "live=3") as serve:
        yield serve


@pytest.fixture(scope="module")
def streaming(root: Path) -> Iterator[Serve]:
    """A streaming function behind `serve`."""
    with Serve("app.stream", "--task-root", str(root), "--url-mode", "RESPONSE_STREAM") as serve:
        yield serve


def invoke(url: str, *arguments: str, event: str = "{}") -> tuple[int, str, str]:
    """Invoke through a Lambda API: exit code, standard output, standard error."""
    return finished("--endpoint-url", url, *arguments, event=event)


def finished(*arguments: str, event: str = "{}") -> tuple[int, str, str]:
    """Run `invoke` with an event on standard input."""
    done = run("invoke", *arguments, "--event", "-", stdin=event.encode())
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@contextmanager
def responding(*responses: bytes) -> Iterator[str]:
    """Yield the address of a server that sends one response to each connection and closes it."""

    def script(sock: socket.socket, number: int) -> None:
        sock.recv(65536)
        sock.sendall(responses[number])

    with ScriptedServer(script) as server:
        yield f"http://{server.address}"


def test_payload_goes_to_standard_output(served: Serve) -> None:
    """The payload, and nothing else, goes to standard output; the exit code is 0."""
    code, output, errors = invoke(served.endpoint_url, "--name", "orders", event='{"a": "höhö"}')
    assert (code, json.loads(output), errors) == (0, {"got": {"a": "höhö"}, "client": None}, "")


def test_qualifier_and_tenant_are_sent(served: Serve) -> None:
    """The function gets the tenant of `--tenant-id`, and runs as the version or alias of `--qualifier`."""
    arguments = ("--name", "orders", "--qualifier", "live", "--tenant-id", "blue team")
    _, output, errors = invoke(served.endpoint_url, *arguments, event='"context"')
    assert (json.loads(output), errors) == (["blue team", "orders:live"], "")
    code, _, errors = invoke(served.endpoint_url, "--name", "orders", "--qualifier", "v2")
    assert code == 1 and "404 ResourceNotFoundException: Function not found: arn:aws:lambda:" in errors


def test_client_context_is_sent(served: Serve) -> None:
    """The function gets the client context of `--client-context`."""
    context = '{"custom": {"key": "value"}}'
    _, output, _ = invoke(served.endpoint_url, "--name", "orders", "--client-context", context)
    assert json.loads(output)["client"] == {"key": "value"}


def test_log_goes_to_standard_error(served: Serve) -> None:
    """With `--log` the end of the function's log goes to standard error."""
    code, output, errors = invoke(served.endpoint_url, "--name", "orders", "--log")
    assert code == 0 and json.loads(output)["got"] == {}
    assert "the function's log\n" in errors and "REPORT RequestId: " in errors


@pytest.mark.parametrize("mode", [[], ["--stream"]])
def test_function_error_is_exit_code_1(served: Serve, mode: list[str]) -> None:
    """A function that fails makes the exit code 1, and the error is shown."""
    code, output, errors = invoke(served.endpoint_url, "--name", "orders", *mode, event='"fail"')
    assert code == 1
    assert "awslambdaric-lite invoke: the function failed: " in errors
    assert '"errorMessage":"refused"' in output + errors


def test_unknown_function_has_servers_message(served: Serve) -> None:
    """A function that the server does not know is an error in the server's words."""
    code, output, errors = invoke(served.endpoint_url, "--name", "missing")
    assert (code, output) == (1, "")
    assert "HTTP 404 ResourceNotFoundException: Function not found: arn:aws:lambda:" in errors


def test_stream_is_shown_as_it_comes(streaming: Serve, tmp_path: Path) -> None:
    """With `--stream` the first part is on standard output before the function sends the second one."""
    gate = tmp_path / "gate"
    gate.touch()
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"wait": str(gate)}))
    arguments = ("invoke", "--endpoint-url", streaming.endpoint_url, "--stream", "--event", str(event))
    with subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, env=environment()) as process:
        assert process.stdout is not None
        assert os.read(process.stdout.fileno(), 100) == b"first "
        gate.write_text("open")
        assert process.stdout.read() == b"second"
    assert process.returncode == 0


def test_failed_stream_is_exit_code_1(streaming: Serve) -> None:
    """A stream that the function breaks off is shown up to there, with the error and the log on standard error."""
    code, output, errors = invoke(streaming.endpoint_url, "--stream", "--log", event='{"fail": true}')
    assert (code, output) == (1, "first ")
    assert "the function failed: Function.ValueError: " in errors and "REPORT RequestId: " in errors


def test_function_url_gets_post_request(served: Serve) -> None:
    """A function URL gets the event as the body of a POST request, and its response is shown."""
    code, output, errors = finished("--function-url", f"{served.url}path?a=b", event='{"a": 1}')
    request = json.loads(output)["got"]
    assert (code, errors) == (0, "")
    assert (request["rawPath"], request["rawQueryString"], request["body"]) == ("/path", "a=b", '{"a": 1}')
    assert request["requestContext"]["http"]["method"] == "POST"


def test_function_url_streams(streaming: Serve) -> None:
    """The response of a streaming function URL is shown whole."""
    assert finished("--function-url", streaming.url) == (0, "first second", "")


def test_error_of_function_url_is_exit_code_1() -> None:
    """An HTTP status of 300 or more makes the exit code 1; the response is shown all the same."""
    with responding(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\nbody") as url:
        code, output, errors = finished("--function-url", url)
    assert (code, output) == (1, "body")
    assert errors == f"awslambdaric-lite invoke: {url} responds with HTTP 502 Bad Gateway\n"


def test_real_emulator_is_invoked(root: Path) -> None:
    """AWS's own emulator runs the function, and the exit code is 1 if the function fails or is unknown."""
    with real_emulator(root) as url:
        code, output, errors = invoke(url, event='{"text": "höhö"}')
        assert (code, json.loads(output)["got"], errors) == (0, {"text": "höhö"}, "")
        code, output, errors = invoke(url, event='"fail"')
        assert code == 1 and '"errorMessage":"refused"' in output
        assert errors == "awslambdaric-lite invoke: the function failed: ValueError\n"
        code, output, errors = invoke(url, "--name", "missing")
        assert (code, output) == (1, "") and "HTTP 404" in errors


FRAME = bytes.fromhex("0000001000000000") + bytes.fromhex("05c248eb") + bytes.fromhex("7d98c8ff")
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\n"
BROKEN: dict[str, tuple[bytes, list[str], str]] = {
    "another protocol": (b"SSH-2.0-OpenSSH\r\n", [], "does not respond in HTTP: SSH-2.0-OpenSSH"),
    "a closed connection": (b"", [], "does not respond in HTTP"),
    "a truncated response": (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", [], "broke off"),
    "a page": (b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\n\x1b[31m", [], "HTTP 404 Not Found: \\x1b[31m"),
    "a redirection": (b"HTTP/1.1 301 Moved\r\nContent-Length: 0\r\n\r\n", [], "HTTP 301 Moved\n"),
    "no frames": (STREAM + b"Content-Length: 20\r\n\r\n" + b"x" * 20, ["--stream"], "not an event stream"),
    "half a frame": (STREAM + b"Content-Length: 9\r\n\r\n" + FRAME[:9], ["--stream"], "ends within a frame"),
    "a wrong checksum": (STREAM + b"Content-Length: 16\r\n\r\n" + FRAME[:15] + b"\0", ["--stream"], "wrong checksum"),
    "an empty stream": (
        STREAM + b"Content-Length: 0\r\n\r\n",
        ["--stream"],
        "ended before the invocation was complete",
    ),
}


@pytest.mark.parametrize(("response", "mode", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_response_is_explained(
    response: bytes, mode: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A response that is not Lambda's makes the exit code 1, with one line that says why."""
    with responding(response) as url:
        assert main(["invoke", "--endpoint-url", url, *mode]) == 1
    output = capsys.readouterr()
    assert message in output.err and output.err.startswith("awslambdaric-lite invoke: ")
    assert output.err.count("\n") == 1


def test_refused_connection_names_cure(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing listens, the message names the address and the cure."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    assert main(["invoke", "--endpoint-url", url]) == 1
    assert f"cannot connect to {url}: Connection refused; start the function there" in capsys.readouterr().err


def test_tls_without_server_names_cure(served: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    """An https address of a server without TLS is an error that proposes http."""
    assert main(["invoke", "--endpoint-url", served.endpoint_url.replace("http:", "https:")]) == 1
    assert "does not accept TLS" in (error := capsys.readouterr().err) and "try http instead of https" in error


def test_urllib3_is_for_running_functions(root: Path, tmp_path: Path) -> None:
    """Without urllib3 a local function can be invoked, and the message for another one says how to install it."""
    (tmp_path / "urllib3.py").write_text("raise ModuleNotFoundError('not installed', name='urllib3')")
    path = os.pathsep.join([str(tmp_path), environment()["PYTHONPATH"]])

    def invoke(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "awslambdaric_lite.cli", "invoke", *arguments],
            env=environment(PYTHONPATH=path),
            capture_output=True,
            timeout=WAIT,
            check=False,
        )

    assert invoke("app.handler", "--task-root", str(root)).returncode == 0
    done = invoke("--endpoint-url", "http://127.0.0.1:9")
    assert done.returncode == 2 and b"pip install urllib3" in done.stderr
