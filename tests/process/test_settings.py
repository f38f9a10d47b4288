"""The runtime finds the Runtime API, and explains a wrong address or an API that does not answer."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

from awslambdaric_lite.conformance.messages import Event, Request
from awslambdaric_lite.conformance.recorder import Recorder
from awslambdaric_lite.conformance.server import Reaction, ScriptedServer
from tests.process.lite import COUNTING, bodies, launchers, numbered, one_line, run_lite, runs, write_app
from tests.support.client_process import BOOTSTRAPPED, GUARD, LITE, environment


def start(task_root: Path, command: tuple[str, ...], address: str | None) -> subprocess.CompletedProcess[bytes]:
    """Run a client that must exit."""
    write_app(task_root, COUNTING)
    env = environment("", "app.handler", task_root, {"AWS_LAMBDA_RUNTIME_API": address})
    return subprocess.run(
        [*command, "app.handler"], env=env, cwd=task_root, capture_output=True, timeout=GUARD, check=False
    )


@launchers
@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "localhost",
        "127.0.0.1",
        ":9001",
        "127.0.0.1:",
        "127.0.0.1:http",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "https://127.0.0.1:9001",
        "host name:9001",
        "user@127.0.0.1:9001",
        "::1:9001",
        "[::1",
        "127.0.0.1:9001\r\nX: y",
        "höst:9001",
    ],
)
def test_unusable_address_is_explained(tmp_path: Path, address: str | None, command: tuple[str, ...]) -> None:
    """A missing or malformed address writes one line that names the variable, and exits with 1."""
    result = start(tmp_path, command, address)
    text = result.stderr.decode()
    assert (result.returncode, result.stdout) == (1, b"")
    assert (
        text.startswith("awslambdaric-lite: AWS_LAMBDA_RUNTIME_API") and text.count("\n") == 1 and "host:port" in text
    )


def test_wrong_settings_are_logged(tmp_path: Path) -> None:
    """A setting with a wrong value is logged once with the allowed values, and ignored."""
    env = {"AWSLAMBDARIC_LITE_PIPELINE": "maybe", "AWSLAMBDARIC_LITE_CODEC": "fast"}
    result = run_lite(tmp_path, COUNTING, numbered(2), env=env)
    assert result.ended_by_test and bodies(result) == [b"0", b"1"]
    lines = result.stdout.decode().splitlines()
    assert len(lines) == 2
    assert "AWSLAMBDARIC_LITE_PIPELINE='maybe'" in lines[0] and "1, 0" in lines[0]
    assert "AWSLAMBDARIC_LITE_CODEC='fast'" in lines[1] and "auto, stdlib, orjson" in lines[1]


@pytest.mark.parametrize(
    "form",
    ["{0}", "http://{0}", "HTTP://{0}", "http://{0}/", "{0}/some/prefix", "http://{0}/prefix/", " {0} "],
)
def test_address_may_have_scheme_and_prefix(tmp_path: Path, form: str) -> None:
    """The address may have a scheme and a path prefix, which each request then has."""
    result = run_lite(tmp_path, COUNTING, numbered(2), address=lambda recorder: form.format(recorder.address))
    prefix = form.partition("{0}")[2].strip(" /")
    assert result.ended_by_test and bodies(result) == [b"0", b"1"]
    assert all(request.path.startswith(f"/{prefix}/2018-06-01/".replace("//", "/")) for request in result.requests)
    (host,) = {request.header("Host") for request in result.requests}
    assert host is not None and host.startswith("127.0.0.1:") and host.count(":") == 1


def test_host_name_is_resolved(tmp_path: Path) -> None:
    """The address may be a host name."""
    result = run_lite(tmp_path, COUNTING, numbered(2), address=lambda recorder: f"localhost:{recorder.port}")
    assert result.ended_by_test and bodies(result) == [b"0", b"1"]
    assert str(result.requests[0].header("Host")).startswith("localhost:")


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.skipif(not _has_ipv6(), reason="this machine has no ::1")
def test_ipv6_address_has_brackets(tmp_path: Path) -> None:
    """An IPv6 address is written in brackets."""
    result = run_lite(tmp_path, COUNTING, numbered(2), host="::1")
    assert result.ended_by_test and bodies(result) == [b"0", b"1"]
    assert str(result.requests[0].header("Host")).startswith("[::1]:")


def test_proxy_variables_are_ignored(tmp_path: Path) -> None:
    """The Runtime API is requested directly if the environment names a proxy."""
    proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"), "http://127.0.0.1:1")
    result = run_lite(tmp_path, COUNTING, numbered(2), env=proxies)
    assert result.ended_by_test and bodies(result) == [b"0", b"1"]


@launchers
def test_missing_api_ends_the_process(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Without an API, some attempts are made; then one line names it, and the process exits with 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    result = start(tmp_path, command, f"127.0.0.1:{port}")
    text = result.stderr.decode()
    assert result.returncode == 1 and text.startswith("awslambdaric-lite: ") and text.count("\n") == 1
    assert "Runtime API" in text
    assert runs(tmp_path) == []


def test_unknown_host_ends_the_process(tmp_path: Path) -> None:
    """A host name that cannot be resolved writes one line, and exits with 1."""
    result = start(tmp_path, LITE, "no-such-host.invalid:9001")
    text = result.stderr.decode()
    assert result.returncode == 1 and text.startswith("awslambdaric-lite: ") and text.count("\n") == 1


def test_api_stopped_during_handler_is_fatal(tmp_path: Path) -> None:
    """An API that stops while a handler runs ends the process with one line; the handler ran once."""
    servers: list[Recorder] = []

    def address(recorder: Recorder) -> str:
        servers.append(recorder)
        return recorder.address

    def react(request: Request, number: int) -> Reaction | None:
        if request.request_id == "request-1":
            return Reaction(ignored=True, cut=0, before=servers[0].stop)
        return None

    result = run_lite(tmp_path, COUNTING, numbered(3), react=react, address=address)
    assert result.exit_code == 1
    assert runs(tmp_path) == ["request-0", "request-1"]
    assert "Runtime API" in one_line(result)


def test_api_that_closes_polls_is_fatal(tmp_path: Path) -> None:
    """An API that closes each connection gets six polls; then the process exits with 1."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(ignored=True, cut=0)

    result = run_lite(tmp_path, COUNTING, numbered(1), react=react)
    assert result.exit_code == 1
    assert len(result.requests) == 6
    assert "Runtime API" in one_line(result)


def test_init_error_without_api_is_logged(tmp_path: Path) -> None:
    """An init error that cannot be posted is logged, and the process exits with 1."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(ignored=True, cut=0)

    result = run_lite(tmp_path, "raise ValueError('at import')", react=react)
    assert result.exit_code == 1
    assert b"[ERROR] ValueError: at import" in result.stdout
    assert "Runtime API" in one_line(result)


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-OpenSSH\r\n", b"HTTP/2 200\r\n\r\n", b"\x16\x03\x01\x02\x00", b"HTTP/1.1 abc\r\n\r\n"]
)
def test_other_protocol_is_shown(tmp_path: Path, answer: bytes) -> None:
    """The bytes of a server that does not use HTTP/1.1 are shown in one line, and the process exits with 1."""

    def script(sock: socket.socket, number: int) -> None:
        sock.recv(65536)
        sock.sendall(answer)

    with ScriptedServer(script) as server:
        process = start(tmp_path, LITE, server.address)
    text = process.stderr
    assert process.returncode == 1
    assert text.startswith(b"awslambdaric-lite: ") and text.count(b"\n") == 1 and repr(answer)[2:8].encode() in text


@pytest.mark.parametrize(
    "headers",
    [
        (("Lambda-Runtime-Deadline-Ms", ""),),
        (("Lambda-Runtime-Deadline-Ms", "0"),),
        (("Lambda-Runtime-Deadline-Ms", "soon"),),
        (("Lambda-Runtime-Deadline-Ms", "-5"),),
    ],
    ids=lambda headers: headers[0][1] or "empty",
)
def test_malformed_deadline_leaves_no_time(tmp_path: Path, headers: tuple[tuple[str, str], ...]) -> None:
    """With a malformed deadline the remaining time is 0."""
    source = "def handler(event, context):\n    return context.get_remaining_time_in_millis()\n"
    result = run_lite(tmp_path, source, [Event(headers=headers)])
    assert result.ended_by_test and bodies(result) == [b"0"]


def test_missing_content_type_gives_bytes(tmp_path: Path) -> None:
    """An event without a content type reaches the handler as bytes."""
    source = "def handler(event, context):\n    return repr(event)\n"
    result = run_lite(tmp_path, source, [Event(b"{}", content_type=None)])
    assert result.ended_by_test and bodies(result) == [b"\"b'{}'\""]


@pytest.mark.parametrize(
    "request_id", ["8476a536-e9f4-11e8-9739-2dfe598c3fcd", "a b/c?d#e", "é", "%41", "..", "x" * 500]
)
def test_request_id_is_one_path_segment(tmp_path: Path, request_id: str) -> None:
    """Each request id is sent as one path segment."""
    source = "def handler(event, context):\n    return context.aws_request_id\n"

    result = run_lite(tmp_path, source, [Event(request_id=request_id), Event(request_id="b")])
    assert [request.status for request in result.replies] == [202, 202]
    assert [unquote(request.request_id) for request in result.replies] == [request_id, "b"]
    assert result.replies[0].request_id.isascii() and "/" not in result.replies[0].request_id
    assert result.ended_by_test


def test_python_is_the_one_under_test(tmp_path: Path) -> None:
    """Both launchers run the interpreter that runs the tests."""
    source = "import sys\n\ndef handler(event, context):\n    return sys.version\n"
    for command in (LITE, BOOTSTRAPPED):
        (body,) = bodies(run_lite(tmp_path, source, command=command))
        assert body.decode() == '"' + sys.version.replace("\n", "\\n").replace('"', '\\"') + '"'
