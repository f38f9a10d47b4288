"""`awslambdaric-lite event`, as a user runs it."""

from __future__ import annotations

import argparse
import inspect
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from awslambdaric_lite import events
from awslambdaric_lite.cli import event as command
from awslambdaric_lite.cli import main
from awslambdaric_lite.cli.event_kinds import KINDS, Kind

from .command_lines import AT, SAME
from .examples import TIME_MS, Event

REPOSITORY = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "awslambdaric_lite.cli", "event", "sqs", "hello")
Run = Callable[..., Event]


@pytest.fixture
def run(capsysbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Run the command and parse what it prints."""

    def run_and_parse(*arguments: str) -> Event:
        assert main(["event", *arguments]) == 0, capsysbinary.readouterr().err
        output = capsysbinary.readouterr()
        assert output.err == b""
        assert output.out.endswith(b"}\n")
        event: Event = json.loads(output.out)
        return event

    return run_and_parse


@pytest.mark.parametrize(("arguments", "build"), SAME, ids=lambda value: value[0] if isinstance(value, list) else "")
def test_an_event_is_what_the_builder_makes(arguments: list[str], build: Callable[[], Event], run: Run) -> None:
    """Options are the builder's arguments; what is not given is the builder's default."""
    assert run(*arguments) == build()


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        (["INSERT", "--new", '{"name": "Ada"}'], {"NewImage": "Ada"}),
        (["modify", "--new", '{"name": "Ada"}', "--old", '{"name": "Bob"}'], {"NewImage": "Ada", "OldImage": "Bob"}),
        (["REMOVE", "--old", '{"name": "Bob"}'], {"OldImage": "Bob"}),
    ],
)
def test_dynamodb_changes(arguments: list[str], fields: dict[str, str], run: Run) -> None:
    """Plain JSON becomes DynamoDB's typed form, with all digits of its numbers."""
    keys = '{"id": 12345678901234567.89}'
    (record,) = run("dynamodb", *arguments, "--keys", keys, "--table", "users", *AT)["Records"]
    stream = record["dynamodb"]
    assert record["eventName"] == arguments[0].upper()
    assert {name: stream[name]["name"]["S"] for name in ("NewImage", "OldImage") if name in stream} == fields
    assert stream["Keys"] == {"id": {"N": "12345678901234567.89"}}
    assert ":table/users/" in record["eventSourceARN"]


def test_the_list_of_kinds(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a kind, every kind is named with one line, and it is no error."""
    assert main(["event"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "event KIND --help" in lines[0]
    assert [line.split()[0] for line in lines[2:]] == [kind.name for kind in KINDS]
    assert all(len(line) <= 80 for line in lines)


def test_every_builder_is_a_kind() -> None:
    """The command line leaves none out."""
    assert {kind.builder.__name__ for kind in KINDS} == set(events.__all__)


# What the command line calls otherwise than the builder, or leaves out because it is for servers.
RENAMED = {"dynamodb": {"change", "keys", "new", "old"}, "cognito": {"trigger_version"}}
WITHOUT_OPTION = {
    "function_url": {"protocol"},
    "dynamodb": {"changes", "event_ids"},
    "cognito": {"version"},
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_options_are_the_builders_arguments(kind: Kind, capsys: pytest.CaptureFixture[str]) -> None:
    """Each option is an argument, each argument has an option, and the help describes all of them."""
    parser = argparse.ArgumentParser()
    command.configure(parser)
    (subparsers,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    actions = [each for each in subparsers.choices[kind.name]._actions if each.dest != "help"]
    name = kind.builder.__name__
    arguments = set(inspect.signature(kind.builder).parameters)
    assert {each.dest for each in actions} - RENAMED.get(name, set()) == arguments - WITHOUT_OPTION.get(name, set())
    with pytest.raises(SystemExit) as done:
        main(["event", kind.name, "--help"])
    assert done.value.code == 0
    assert kind.summary in capsys.readouterr().out.replace("\n", " ")
    assert all(each.help for each in actions)


@pytest.mark.parametrize("kind", ["apigw-v1", "apigw-v2", "function-url", "alb"])
def test_bodies(kind: str, run: Run, tmp_path: Path) -> None:
    """JSON is labelled as such unless a header says otherwise; a file's bytes arrive as they are."""

    def sent(*arguments: str) -> tuple[str, bool, str | None]:
        event = run(kind, "POST", "/", *arguments)
        headers = {name.lower(): value for name, value in event["headers"].items()}
        return event["body"], event["isBase64Encoded"], headers.get("content-type")

    (tmp_path / "order.json").write_text('{ "é": 1 }\n', encoding="utf-8")
    (tmp_path / "image").write_bytes(b"\xff")
    assert sent("--body", '{"a": 1}') == ('{"a": 1}', False, "application/json")
    assert sent("--body", "[broken") == ("[broken", False, "text/plain; charset=utf-8")
    assert sent("--body", "7") == ("7", False, "text/plain; charset=utf-8")
    assert sent("--body", "{}", "--header", "CONTENT-TYPE=text/html") == ("{}", False, "text/html")
    assert sent("--body", f"@{tmp_path}/order.json") == ('{ "é": 1 }\n', False, "application/json")
    assert sent("--body", f"@{tmp_path}/image") == ("/w==", True, None)


def test_contents_from_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`@-` reads it, for text and for bytes."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"caf\xc3\xa9")))
    assert run("sqs", "@-")["Records"][0]["body"] == "café"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff")))
    assert run("kinesis", "@-")["Records"][0]["kinesis"]["data"] == "/w=="


@pytest.mark.parametrize(
    "text", ["2020-03-12T19:03:58.390Z", "2020-03-12T20:03:58.390+01:00", "2020-03-12 19:03:58.390", "1584039838.390"]
)
def test_times(text: str, run: Run) -> None:
    """ISO 8601, in UTC unless it says otherwise, or seconds since the epoch."""
    assert run("sqs", "a", "--time", text)["Records"][0]["attributes"]["SentTimestamp"] == str(TIME_MS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no-such-kind"], "invalid choice: 'no-such-kind'"),
        (["sqs"], "required: BODY"),
        (["sqs", "a", "--attribute", "b"], "argument --attribute: 'b' has no value; write NAME=value"),
        (["sqs", "a", "--time", "soon"], "argument --time: 'soon' is no time; write 2024-06-10T19:26:16Z"),
        (["sqs", "a", "--message-id", "1", "--message-id", "2"], "sqs: message_ids has 2 values for 1 items"),
        (["sqs", "a", "--receive-count", "x"], "argument --receive-count: invalid int value: 'x'"),
        (["sqs", "a", "--qeue", "x"], "--qeue"),
        (["sqs", "a", "--time", "1584039838390"], "sqs: time 1584039838390.0 is out of range; give seconds"),
        (["sqs", "a\udcff"], "is not UTF-8, and the service carries text"),
        (["eventbridge", "x", "--detail", '{"a": NaN}'], "NaN is not allowed; use null or a number"),
        (["sqs", "@missing"], "file 'missing' cannot be read: No such file or directory"),
        (["sqs", "@."], "file '.' cannot be read: Is a directory"),
        (["sqs", "@binary"], "'binary' is not UTF-8, and the service carries text"),
        (["apigw-v2", "/orders"], "method '/ORDERS' is no HTTP method; the order is method, path"),
        (["function-url", "GET", "x"], "function-url: path 'x' does not begin with /"),
        (["apigw-v2", "--authorizer", "jwt"], "argument --authorizer: 'jwt' is not JSON"),
        (["apigw-v2", "--authorizer", "[]"], "'[]' is no JSON object; write it in braces"),
        (["dynamodb", "INSERT", "--keys", "{}"], "dynamodb: INSERT has no keys"),
        (["dynamodb", "INSERT"], "required: --keys"),
        (["dynamodb", "INSERT", "--keys", '{"a": 1}', "--old", "{}"], "INSERT has no old item; leave --old out"),
        (["dynamodb", "REMOVE", "--keys", '{"a": 1}', "--new", "{}"], "REMOVE has no new item; leave --new out"),
        (["dynamodb", "UPSERT", "--keys", '{"a": 1}'], "there is: INSERT, MODIFY, REMOVE"),
        (["cognito", "SignUp"], "cognito: trigger 'SignUp' is none; there is: PreSignUp"),
        (["s3", "b"], "required: KEY"),
        (["ses", "--verdict", "spam=NO"], "verdict spam=NO is none"),
    ],
)
def test_usage_errors(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit code 2, one line that says what to change, nothing on standard output."""
    (tmp_path / "binary").write_bytes(b"\xff")
    monkeypatch.chdir(tmp_path)
    assert main(["event", *arguments]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    first, second = output.err.splitlines()
    assert first.startswith("awslambdaric-lite event: ") and message in first
    assert second == "usage help: awslambdaric-lite event --help"


def cli(*arguments: str | bytes) -> list[str | bytes]:
    """The command line of a fresh process."""
    return [sys.executable, "-m", "awslambdaric_lite.cli", *arguments]


def environment() -> dict[str, str]:
    """The environment for it: the package is found where this test found it."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path])}


def test_it_pipes_into_invoke(tmp_path: Path) -> None:
    """An event goes from one command to the other, non-ASCII text included."""
    (tmp_path / "app.py").write_text(
        "def handler(event, context):\n    return [record['body'] for record in event['Records']]\n"
    )
    with subprocess.Popen(cli("event", "sqs", "hello", "wörld"), stdout=subprocess.PIPE, env=environment()) as source:
        done = subprocess.run(
            cli("invoke", "app.handler", "--task-root", str(tmp_path), "--event", "-"),
            stdin=source.stdout,
            capture_output=True,
            env=environment(),
            timeout=110,
        )
    assert (source.returncode, done.returncode) == (0, 0), done.stderr
    assert json.loads(done.stdout) == ["hello", "wörld"]


def test_arguments_that_are_no_text() -> None:
    """Stray bytes on the command line do not break the JSON, and a service that carries bytes gets them."""
    done = subprocess.run(
        cli("event", "eventbridge", b"a\xffb"),
        capture_output=True,
        env={**environment(), "PYTHONUTF8": "1"},
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["detail-type"] == "a\udcffb"
    done = subprocess.run(
        cli("event", "kinesis", b"a\xffb"),
        capture_output=True,
        env={**environment(), "PYTHONUTF8": "1"},
        timeout=110,
    )
    assert json.loads(done.stdout)["Records"][0]["kinesis"]["data"] == "Yf9i"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_behind_the_output() -> None:
    """One line says so, and the exit code."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run(COMMAND, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "awslambdaric-lite: cannot write: No space left on device; make room, or write elsewhere\n"


def test_no_output_at_all() -> None:
    """Who closes it does not want to know."""
    closed = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *COMMAND], stderr=subprocess.PIPE, check=False)
    assert (closed.returncode, closed.stderr) == (0, b"")
