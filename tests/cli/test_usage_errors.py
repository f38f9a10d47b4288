"""Usage errors of all commands: the exit code, and a message that states how to correct the command line."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from awslambdaric_lite.cli import COMMANDS, main

URL = "http://127.0.0.1:9"

FUNCTION_OPTIONS = [  # of invoke and serve
    (["app"], "handler 'app' has no dot; write MODULE.FUNCTION, e.g. app.handler"),
    (["app.handler", "--task-root", "missing"], "missing is not a directory"),
    (["app.handler", "--env-file", "missing"], "--env-file missing does not exist"),
    (["app.handler", "--layer", "missing"], "missing"),
    (["app.handler", "--log-format", "XML"], "--log-format"),
    (["app.handler", "--log-level", "DEBUG"], "log level DEBUG needs the log format JSON"),
    (["app.handler", "--env", "_HANDLER=x"], "_HANDLER"),
    (["app.handler", "--memory", "much"], "--memory"),
    (
        ["app.handler", "--ephemeral-storage", "511"],
        "ephemeral storage 511 MB is out of range; Lambda takes 512 MB and",
    ),
    (["app.handler", "--ephemeral-storage", "much"], "--ephemeral-storage"),
    (["app.handler", "--region", "nowhere"], "region 'nowhere' is not the name of an AWS region; choose one, e.g."),
    (["app.handler", "--account", "12"], "account '12' is not the number of an AWS account; give its 12 digits"),
    (["app.handler", "--alias", "live"], "--alias 'live' has no version; write NAME=VERSION"),
    (["app.handler", "--timeout", "nan"], "timeout nan s is out of range; it is above 0"),
    (["app.handler", "--managed-concurrency", "0"], "managed concurrency 0 is out of range; Lambda takes 1 to 1600"),
    (["app.handler", "--managed-concurrency", "many"], "argument --managed-concurrency: invalid int value: 'many'"),
    (["app.handler", "--managed-concurrency", "2", "--debug"], "debug does not go with managed_concurrency"),
    (["app.handler", "--managed-concurrency", "2", "--log-format", "Text"], "--log-format Text does not work with"),
]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "a command is missing; choose one of: invoke"),
        (["no-such-command"], "invalid choice"),
        *(([name, *arguments], message) for name in ("invoke", "serve") for arguments, message in FUNCTION_OPTIONS),
        (["conformance", "--case", "inti.error"], "--case inti.error: no such case; did you mean init.error?"),
        (["conformance", "--case", "?"], "--case ?: no such case; --list shows all cases"),
        (["conformance", "--runtime", ""], "--runtime is empty; give the command of a runtime client"),
        (["conformance", "--runtime", "'a"], "cannot be split into arguments: No closing quotation; close its quotes"),
        (["conformance", "--runtime", "./missing"], "--runtime: cannot find an executable ./missing in "),
        (["conformance", "--task-root", "missing"], "missing is not a folder; give the folder of the handler"),
        (["conformance", "--timeout", "0"], "'0' is not a number of seconds from 1 to 600"),
        (["conformance", "--env", "K"], "--env"),
        (["conformance", "--env", "_HANDLER=x"], "_HANDLER"),
        (["conformance", "--handler", ""], "--handler is empty; give the handler's name"),
        (["invoke"], "HANDLER"),
        (["invoke", "app.handler", "--event", "missing.json"], "event file missing.json does not exist"),
        (["invoke", "app.handler", "--event", '{"a":1}'], "pipe the JSON itself into `--event -`"),
        (["invoke", "app.handler", "--event", "."], "is a directory"),
        (
            ["invoke", "app.handler", "--debug", "--event", "-"],
            "--debug gives standard input to the function; read the event from a file",
        ),
        (["invoke", "app.handler", "--client-context", "{"], "--client-context is not JSON"),
        (["invoke", "app.handler", "--client-context", "[]"], "--client-context is not a JSON object"),
        (["invoke", "app.handler", "--qualifier", ""], "--qualifier is empty; give a version or an alias"),
        (["invoke", "app.handler", "--qualifier", "v2"], "Function not found: arn:aws:lambda:us-east-1:012345678912:"),
        (["invoke", "app.handler", "--qualifier", "v2"], "known: $LATEST; add it by --alias v2=VERSION"),
        (["invoke", "app.handler", "--tenant-id", ""], "--tenant-id '' is not valid; it has 1 to 256 letters"),
        (["invoke", "app.handler", "--tenant-id", "a;b"], "--tenant-id 'a;b' is not valid"),
        (["invoke", "--function-url", "http://127.0.0.1:1", "--qualifier", "v2"], "--qualifier has no effect with"),
        (["invoke", "app.handler", "--timeout", "soon"], "--timeout"),
        (["invoke", "app.handler", "--timeout", "inf"], "timeout inf s is out of range"),
        (["invoke", "app.handler", "--memory", "64"], "memory 64 MB is out of range; Lambda takes 128 MB and more"),
        (["invoke", "app.handler", "--env", "NAME"], "NAME=value"),
        (["invoke", "app.handler", "--runtime", ""], "--runtime is empty"),
        (["invoke", "app.handler", "--runtime", "'open"], "cannot be split"),
        (["invoke", "app.handler", "--runtime", "no-such-program"], "no executable no-such-program on PATH"),
        (["invoke", "app.handler", "--runtime", "./bootstrap"], "no executable ./bootstrap in the task root"),
        (["invoke", "app.handler", "--unknown"], "--unknown"),
        (["serve"], "HANDLER"),
        (["serve", "app.handler", "--port", "http"], "--port: 'http' is not a port; give a number from 0"),
        (["serve", "app.handler", "--url-port", "70000"], "'70000' is not a port"),
        (["serve", "app.handler", "--concurrency", "0"], "concurrency 0 is out of range"),
        (["serve", "app.handler", "--concurrency", "many"], "--concurrency"),
        (["serve", "app.handler", "--provisioned", "11"], "provisioned 11 is out of range"),
        (["serve", "app.handler", "--alias", "live"], "--alias 'live' has no version; write NAME=VERSION"),
        (["serve", "app.handler", "--alias", "7=7"], "alias 7=7"),
        (["serve", "app.handler", "--retries", "3"], "3 retry attempts are out of range"),
        (["serve", "app.handler", "--on-failure", "missing/file"], "missing is not a directory"),
        (["serve", "app.handler", "--env-file", "missing.env"], "--env-file missing.env does not exist"),
        (
            ["serve", "app.handler", "--host", "no-such-host.invalid", "--port", "0"],
            "--host: address no-such-host.invalid is unknown",
        ),
        (
            ["serve", "app.handler", "--host", "192.0.2.1", "--port", "0"],
            "--host: address 192.0.2.1 is not a local address",
        ),
        (["serve", "app.handler", "--unknown"], "--unknown"),
        (["invoke", "--endpoint-url", "localhost:9000"], "'localhost:9000' is not an HTTP URL; write e.g. http://"),
        (["invoke", "--function-url", "http://"], "--function-url: 'http://' is not an HTTP URL"),
        (["invoke", "--endpoint-url", URL, "--function-url", URL], "not allowed with argument"),
        (["invoke", "--endpoint-url", URL, "app.handler"], "HANDLER has no effect with --endpoint-url; leave one of"),
        (["invoke", "--endpoint-url", URL, "--timeout", "5"], "--timeout has no effect with --endpoint-url"),
        (["invoke", "--endpoint-url", URL, "--json"], "--json has no effect with --endpoint-url"),
        (["invoke", "--name", "orders", "--timeout", "5"], "--timeout has no effect with --name without a HANDLER"),
        (["invoke", "--function-url", URL, "--name", "orders"], "--name has no effect with --function-url"),
        (["invoke", "--function-url", URL, "--stream"], "--stream has no effect with --function-url"),
        (["invoke", "app.handler", "--stream"], "--stream needs --endpoint-url"),
        (["invoke", "app.handler", "--log"], "--log needs --endpoint-url"),
        (["bench", "app"], "handler 'app' is not MODULE.FUNCTION; write e.g. app.handler"),
        (["bench", "app.handler", "--budget", "150"], "--budget '150' is "),
        (["bench", "app.handler", "--budget-memory", "3ms"], "--budget-memory '3ms' is "),
        (["bench", "app.handler", "--rounds", "0"], "argument --rounds: '0' is not a number from 1 to 1000000"),
        (["bench", "app.handler", "--timeout", "never"], "argument --timeout: 'never' is not a number of seconds"),
        (["bench", "app.handler", "--env", "X"], "--env 'X' has no value"),
        (["bench", "app.handler", "--env", "_HANDLER=x"], "_HANDLER is reserved"),
        (["bench", "app.handler", "--event", "none.json"], "event file none.json does not exist"),
        (["bench", "app.handler", "--event", "-", "--event", "-"], "give --event - once"),
        (["bench", "app.handler", "--task-root", "none"], "is not a directory"),
        (["bench", "app.handler", "--python", "none/python"], "--python none/python is "),
        (["bench", "app.handler", "--against", "./none"], "cannot find an executable ./none"),
        (["bench", "app.handler", "-o", "none/result.json"], "-o: none/result.json cannot be written"),
        (["doctor"], "PATH"),
        (["doctor", "nowhere.zip"], "nowhere.zip does not exist; give the path of a zip file or a folder"),
        (["doctor", ".", "--python", "2.7"], "Python '2.7'"),
        (["doctor", ".", "--arch", "mips"], "x86_64, arm64"),
        (["doctor", ".", "--fail-on", "fatal"], "invalid choice: 'fatal'"),
        (["doctor", ".", "--flame", "x.svg"], "name the handler with --handler"),
        (["doctor", ".", "--handler", "app"], "write e.g. app.handler"),
        (["doctor", ".", "--env", "TABLE"], "write NAME=value"),
        (["pack", ".", "-o", "a.zip", "--arch", "riscv64"], "x86_64, arm64"),
        (["pack", ".", "-o", "a.zip", "--python", "2.7"], "Python '2.7'"),
        (["pack", ".", "-o", "a.zip", "--find-links", "nowhere"], "--find-links nowhere is not a folder"),
        (["pack", ".", "-o", "a.zip", "--requirements", "a.txt", "--no-requirements"], "not allowed with argument"),
        (["pack", "."], "the following arguments are required: -o/--output"),
    ],
)
def test_usage_error_is_reported_with_cure(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A usage error exits with 2 and prints one line with the cure and one that names the help, both to stderr."""
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    first, second = output.err.splitlines()
    assert message in first
    command = f" {arguments[0]}" if arguments and arguments[0] in COMMANDS else ""
    assert second == f"usage help: awslambdaric-lite{command} --help"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1,\n "b": }', "line 2, column 7"),
        (b"", "is empty"),
        (b"[NaN]", "NaN is not allowed"),
        (b'"\xff"', "not UTF-8 (byte 1)"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_invalid_event_is_rejected_with_position(
    content: bytes, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An event that is not JSON is rejected before the function starts; the message states file and position."""
    path = tmp_path / "event.json"
    path.write_bytes(content)
    assert main(["invoke", "app.handler", "--event", str(path)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert str(path) in error


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_event_is_rejected_with_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An event file without read permission is rejected with the reason."""
    path = tmp_path / "event.json"
    path.write_text("{}")
    path.chmod(0)
    assert main(["invoke", "app.handler", "--event", str(path)]) == 2
    assert "Permission denied" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--port", "--url-port"])
def test_port_in_use_is_rejected(option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A port that another process uses is rejected; the message states the port, the option and the cure."""
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        free = {"--port": "0", "--url-port": "0"} | {option: str(port)}
        ports = [word for pair in free.items() for word in pair]
        assert main(["serve", "app.handler", "--task-root", str(tmp_path), *ports]) == 2
    assert f"{option}: port {port} of 127.0.0.1 is in use; stop its listener" in capsys.readouterr().err
