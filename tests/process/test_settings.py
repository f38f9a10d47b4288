"""Where the Runtime API is, and what is said if that is unclear or nobody is there."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.process.lite import COUNTING, bodies, numbered, one_line, run_lite, runs, write_app
from tests.support.client_process import BOOTSTRAPPED, GUARD, LITE, environment
from tests.support.recorder import Event, Reaction, Recorder, Request

launchers = pytest.mark.parametrize("command", [LITE, BOOTSTRAPPED], ids=["module", "bootstrap"])


def start(task_root: Path, command: tuple[str, ...], address: str | None) -> subprocess.CompletedProcess[bytes]:
    """Run a client that is expected to end by itself."""
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
def test_unusable_address(tmp_path: Path, address: str | None, command: tuple[str, ...]) -> None:
    """A missing or malformed address: one line that names the variable, exit 1."""
    result = start(tmp_path, command, address)
    text = result.stderr.decode()
    assert (result.returncode, result.stdout) == (1, b"")
    assert (
        text.startswith("awslambdaric-lite: AWS_LAMBDA_RUNTIME_API") and text.count("\n") == 1 and "host:port" in text
    )


def test_no_traceback_for_wrong_settings(tmp_path: Path) -> None:
    """A setting with a value that it cannot have is named once, with the values that it can have, and ignored."""
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
def test_address_forms(tmp_path: Path, form: str) -> None:
    """The address may have a scheme and a path prefix, which every request then has too."""
    result = run_lite(tmp_path, COUNTING, numbered(2), address=lambda recorder: form.format(recorder.address))
    prefix = form.partition("{0}")[2].strip(" /")
    assert result.ended_by_test and bodies(result) == [b"0", b"1"]
    assert all(request.path.startswith(f"/{prefix}/2018-06-01/".replace("//", "/")) for request in result.requests)
    (host,) = {request.header("Host") for request in result.requests}
    assert host is not None and host.startswith("127.0.0.1:") and host.count(":") == 1


def test_host_name(tmp_path: Path) -> None:
    """A host name is resolved."""
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
def test_ipv6(tmp_path: Path) -> None:
    """An IPv6 address is given in brackets."""
    result = run_lite(tmp_path, COUNTING, numbered(2), host="::1")
    assert result.ended_by_test and bodies(result) == [b"0", b"1"]
    assert str(result.requests[0].header("Host")).startswith("[::1]:")


def test_proxy_variables_are_ignored(tmp_path: Path) -> None:
    """The Runtime API is asked directly, whatever proxy the environment names."""
    proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"), "http://127.0.0.1:1")
    result = run_lite(tmp_path, COUNTING, numbered(2), env=proxies)
    assert result.ended_by_test and bodies(result) == [b"0", b"1"]


@launchers
def test_nobody_listens(tmp_path: Path, command: tuple[str, ...]) -> None:
    """No API at start: some attempts, then one line with the address, exit 1; the handler never ran."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    result = start(tmp_path, command, f"127.0.0.1:{port}")
    text = result.stderr.decode()
    assert result.returncode == 1 and text.startswith("awslambdaric-lite: ") and text.count("\n") == 1
    assert "Runtime API" in text
    assert runs(tmp_path) == []


def test_unknown_host(tmp_path: Path) -> None:
    """A host that cannot be resolved ends as one that nobody listens on."""
    result = start(tmp_path, LITE, "no-such-host.invalid:9001")
    text = result.stderr.decode()
    assert result.returncode == 1 and text.startswith("awslambdaric-lite: ") and text.count("\n") == 1


def test_api_gone_in_the_middle(tmp_path: Path) -> None:
    """The API goes away while a handler runs: some attempts, then one line, exit 1; the handler ran once."""
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


def test_api_that_hangs_up_on_every_poll(tmp_path: Path) -> None:
    """An API that takes connections and closes them is asked a bounded number of times."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(ignored=True, cut=0)

    result = run_lite(tmp_path, COUNTING, numbered(1), react=react)
    assert result.exit_code == 1
    assert len(result.requests) == 6
    assert "Runtime API" in one_line(result)


def test_api_gone_before_init_error(tmp_path: Path) -> None:
    """An init error that nobody takes is in the log all the same; exit 1."""

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(ignored=True, cut=0)

    result = run_lite(tmp_path, "raise ValueError('at import')", react=react)
    assert result.exit_code == 1
    assert b"[ERROR] ValueError: at import" in result.stdout
    assert "Runtime API" in one_line(result)


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-OpenSSH\r\n", b"HTTP/2 200\r\n\r\n", b"\x16\x03\x01\x02\x00", b"HTTP/1.1 abc\r\n\r\n"]
)
def test_no_http(tmp_path: Path, answer: bytes) -> None:
    """A server that does not speak HTTP/1.1: one line that shows its bytes, exit 1."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        write_app(tmp_path, COUNTING)
        env = environment(f"127.0.0.1:{listener.getsockname()[1]}", "app.handler", tmp_path, {})
        command = [*LITE, "app.handler"]
        with subprocess.Popen(
            command, env=env, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            try:
                listener.settimeout(GUARD)
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)
                    connection.shutdown(socket.SHUT_WR)
                    _, text = process.communicate(timeout=GUARD)
            finally:
                process.kill()
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
def test_odd_deadlines(tmp_path: Path, headers: tuple[tuple[str, str], ...]) -> None:
    """A deadline that cannot be read leaves no time, and breaks nothing."""
    source = "def handler(event, context):\n    return context.get_remaining_time_in_millis()\n"
    result = run_lite(tmp_path, source, [Event(headers=headers)])
    assert result.ended_by_test and bodies(result) == [b"0"]


def test_missing_content_type(tmp_path: Path) -> None:
    """An event without content type is handed over as bytes."""
    source = "def handler(event, context):\n    return repr(event)\n"
    result = run_lite(tmp_path, source, [Event(b"{}", content_type=None)])
    assert result.ended_by_test and bodies(result) == [b"\"b'{}'\""]


@pytest.mark.parametrize(
    "request_id", ["8476a536-e9f4-11e8-9739-2dfe598c3fcd", "a b/c?d#e", "é", "%41", "..", "x" * 500]
)
def test_request_ids(tmp_path: Path, request_id: str) -> None:
    """Any request id comes back as one path segment."""
    source = "def handler(event, context):\n    return context.aws_request_id\n"

    result = run_lite(tmp_path, source, [Event(request_id=request_id), Event(request_id="b")])
    assert [request.status for request in result.replies] == [202, 202]
    assert [unquote(request.request_id) for request in result.replies] == [request_id, "b"]
    assert result.replies[0].request_id.isascii() and "/" not in result.replies[0].request_id
    assert result.ended_by_test


def test_python_is_the_one_under_test(tmp_path: Path) -> None:
    """Both ways to start run the interpreter that runs the tests."""
    source = "import sys\n\ndef handler(event, context):\n    return sys.version\n"
    for command in (LITE, BOOTSTRAPPED):
        (body,) = bodies(run_lite(tmp_path, source, command=command))
        assert body.decode() == '"' + sys.version.replace("\n", "\\n").replace('"', '\\"') + '"'
