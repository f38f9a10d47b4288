"""`awslambdaric-lite serve` with a project, and the commands that reach it."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from awslambdaric_lite.cli import main
from tests.emulator.command_line import WAIT, Reader, Serve, command, environment, run
from tests.emulator.sdk import lambda_client
from tests.emulator.test_cli_terminal import terminal

from .project_files import RUNTIME, write_functions, write_project

PORTS = ("--api-port", "0")
FUNCTION = "[tool.awslambdaric-lite.functions.a]\nhandler='a.b'"
ANSWERS = "def handler(event, context):\n    print('line of {0}')\n    return '{0}'"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a template."""
    return write_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def served(project: Path) -> Iterator[Serve]:
    """The running project."""
    with Serve(str(project), *PORTS) as serve:
        yield serve


@pytest.fixture
def http() -> Iterator[urllib3.PoolManager]:
    """An HTTP client that does not retry."""
    with urllib3.PoolManager(retries=False, timeout=WAIT) as manager:
        yield manager


def called(served: Serve, *arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
    """Run a command for the running project: exit code, standard output, standard error."""
    done = run(*arguments, "--endpoint-url", served.endpoint_url, stdin=stdin)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def messages(*bodies: str) -> bytes:
    """Return the event of a batch."""
    return json.dumps({"Records": [{"messageId": f"m{at}", "body": body} for at, body in enumerate(bodies)]}).encode()


def test_first_object_has_all_addresses(served: Serve, project: Path) -> None:
    """The event `serving` names functions, APIs and sources with their addresses."""
    serving = served.serving
    functions = {each["name"]: each for each in serving["functions"]}
    assert list(functions) == ["orders", "users", "batch", "tick", "legacy"]
    assert functions["orders"]["arn"] == "arn:aws:lambda:us-east-1:012345678912:function:orders"
    assert functions["orders"]["url"].startswith("http://127.0.0.1:")
    assert functions["users"]["url"] is None
    assert "nodejs22.x" in functions["legacy"]["unavailable"]
    assert list(serving["apis"]) == ["Shop"]
    sources = {each["id"]: each for each in serving["sources"]}
    assert {name: (each["kind"], each["function"]) for name, each in sources.items()} == {
        "BatchChanges": ("SQS", "batch"),
        "BatchMore": ("SQS", "batch"),
        "Nightly": ("Schedule", "tick"),
    }
    assert sources["BatchChanges"] | {"polled": False, "queue": "Changes"} == sources["BatchChanges"]
    assert sources["BatchChanges"]["reason"] == "not polled: set AWS_ENDPOINT_URL_SQS"
    assert not sources["Nightly"]["polled"]


def test_sdk_url_and_api_reach_functions(served: Serve, http: urllib3.PoolManager) -> None:
    """An SDK, a function URL and an API invoke; the events for machines name the function."""
    client = lambda_client(served.endpoint_url)
    reply = client.invoke(FunctionName="users", Payload=b'{"n": 1}')
    assert json.loads(json.loads(reply["Payload"].read())["body"]) == ["users", None, 1]
    assert served.event("invocation")["function"] == "users"
    url = served.serving["functions"][0]["url"]
    assert http.request("GET", f"{url}a").json() == ["orders", "/a", None]
    assert http.request("GET", f"{served.serving['apis']['Shop']}/orders/7").json() == ["orders", "/orders/7", None]
    while served.event("log")["function"] != "orders":
        pass
    assert http.request("GET", f"{served.serving['apis']['Shop']}/none").status == 404
    with pytest.raises(client.exceptions.ClientError, match=r"nodejs22\.x has no command on this machine"):
        client.invoke(FunctionName="legacy")


def test_invoke_by_name_uses_the_variable(served: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """`invoke --name` without a handler invokes the running project, which AWS_ENDPOINT_URL_LAMBDA names."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", served.endpoint_url)
    done = run("invoke", "--name", "users", "--event", "-", stdin=b'{"n": 2}')
    assert (done.returncode, json.loads(json.loads(done.stdout)["body"])) == (0, ["users", None, 2])
    done = run("invoke", "--name", "nobody")
    assert done.returncode == 1
    assert b"Function not found" in done.stderr


@pytest.mark.parametrize("words", [("invoke", "--name", "orders"), ("logs", "orders"), ("trigger", "orders")])
def test_unreachable_project_is_explained(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a running project the commands say where they have looked, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", f"http://127.0.0.1:{port}")
    assert main(list(words)) == 1
    assert f"cannot connect to http://127.0.0.1:{port}: Connection refused; start" in capsys.readouterr().err
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", "nowhere")
    assert main(list(words)) == 2
    assert "'nowhere' is not an HTTP URL" in capsys.readouterr().err


def test_logs_prints_kept_lines(served: Serve) -> None:
    """`logs` prints the lines of one function; what a terminal would obey is an escape, `--json` is exact."""
    lambda_client(served.endpoint_url).invoke(FunctionName="users", LogType="Tail")  # waits for the REPORT line
    code, output, error = called(served, "logs", "users")
    assert (code, error) == (0, "")
    lines = output.splitlines()
    assert lines[0].startswith("INIT_START ")
    assert "\\x1b[2Jworking for users" in lines
    assert lines[-1].startswith("REPORT RequestId: ")
    records = [json.loads(line) for line in called(served, "logs", "users", "--json")[1].splitlines()]
    assert {record["function"] for record in records} == {"users"}
    assert records[0]["kind"] == "platform"
    assert {"function": "users", "kind": "function", "line": "\x1b[2Jworking for users"} in records


def test_logs_keep_a_limited_number_of_lines(project: Path, http: urllib3.PoolManager) -> None:
    """The last megabyte of a log is kept; a line states how many lines are missing."""
    with Serve(str(project), *PORTS, "--only", "tick") as serve:
        event = {"FunctionName": "tick", "InvocationType": "Event", "Payload": b'{"lines": 40}'}
        lambda_client(serve.endpoint_url).invoke(**event)
        while not serve.event("log")["line"].startswith("REPORT"):
            pass
        body = http.request("GET", f"{serve.endpoint_url}/local/functions/tick/logs").data
        first, *others = [json.loads(line) for line in body.splitlines()]
        assert first["kind"] == "note"
        assert re.fullmatch(r"\d+ lines of the log are not kept", first["line"])
        assert others[-1]["line"].startswith("REPORT")
        assert len(body) < 1_200_000
        status, _, error = called(serve, "logs", "tick")
        assert (status, error) == (0, first["line"] + "\n")


def test_logs_of_one_function_names_the_cure(tmp_path: Path) -> None:
    """`serve HANDLER` keeps no log, and the error says what does."""
    (tmp_path / "app.py").write_text(ANSWERS.format("one"))
    with Serve("app.handler", "--task-root", str(tmp_path)) as serve:
        for words in (("logs", "function"), ("trigger", "function")):
            code, _, error = called(serve, *words)
            assert code == 1
            assert "needs `awslambdaric-lite serve` with a project at that address" in error


def test_logs_of_unknown_function_names_the_others(served: Serve) -> None:
    """An unknown function is an error with the names that exist."""
    code, output, error = called(served, "logs", "usres")
    assert (code, output) == (1, "")
    assert "no function has the name usres; choose one of: orders, users, batch, tick, legacy" in error


def test_logs_follow_prints_further_lines(served: Serve) -> None:
    """`logs --follow` prints lines as they are written; Ctrl-C ends it."""
    with subprocess.Popen(
        command("logs", "tick", "--follow", "--endpoint-url", served.endpoint_url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as following:
        assert following.stdout is not None
        output = Reader(following.stdout.fileno())
        client = lambda_client(served.endpoint_url)
        client.invoke(FunctionName="tick")
        output.until(lambda seen: seen.count(b"REPORT") == 1)
        client.invoke(FunctionName="tick")
        output.until(lambda seen: seen.count(b"REPORT") == 2)
        following.send_signal(signal.SIGINT)
        assert following.wait(WAIT) == 130


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example.com"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Host": "evil.example.com"}, 421),
        ({}, 200),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/local/functions/users/logs"), ("POST", "/local/sources/Nightly/trigger")]
)
def test_foreign_pages_cannot_use_local_routes(
    served: Serve, http: urllib3.PoolManager, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    """Requests of web pages of another origin, and for another host, are refused."""
    assert http.request(method, served.endpoint_url + path, headers=headers, body=b"{}").status == status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/local/functions/users/logs", 404),
        ("GET", "/local/sources/Nightly/trigger", 404),
        ("GET", "/local/nothing", 404),
        ("GET", "/local/functions/nobody/logs", 404),
        ("GET", "/health", 200),
    ],
)
def test_unknown_local_route_is_refused(
    served: Serve, http: urllib3.PoolManager, method: str, path: str, status: int
) -> None:
    """Other routes are unknown, and the Lambda API has its own."""
    assert http.request(method, served.endpoint_url + path).status == status


@pytest.mark.parametrize(
    ("name", "event", "code", "shown"),
    [
        ("BatchChanges", messages("good", "fine"), 0, "batch has processed 2 of 2 items"),
        ("BatchChanges", messages("good", "bad"), 1, "batch has processed 1 of 2 items\n  failed: m1"),
        ("BatchChanges", messages("lie"), 1, "the whole batch has failed: itemIdentifier 'unknown' is not the id"),
        ("BatchChanges", messages("crash"), 1, "batch failed: ValueError"),
        ("BatchChanges", messages("ignored", "good"), 0, "1 of 2 messages do not match the filters"),
        ("BatchChanges", messages("ignored"), 0, "batch is not invoked: 1 of 1 messages do not match the filters"),
        ("BatchChanges", messages(), 0, "batch is not invoked: the batch has no messages"),
        ("BatchMore", messages("bad"), 0, "batch has processed the event"),
        ("Nightly", b'{"a": 1}', 0, 'tick has processed the event\n{"a": 1}'),
        ("tick", b'"x\\u001b"', 0, 'tick has processed the event\n"x\\u001b"'),
    ],
)
def test_trigger_shows_what_the_source_would_see(served: Serve, name: str, event: bytes, code: int, shown: str) -> None:
    """`trigger` filters the batch, invokes the function of the source and says which messages have failed."""
    status, output, error = called(served, "trigger", name, "--event", "-", stdin=event)
    assert (status, error) == (code, "")
    assert shown in output


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "no source and no function with one source has the name nothing; sources: BatchChanges, BatchMore"),
        ("batch", "batch has several sources; choose one of: BatchChanges, BatchMore"),
        ("users", "no source and no function with one source has the name users"),
    ],
)
def test_unknown_source_is_an_error(served: Serve, name: str, message: str) -> None:
    """A name that is not the one of a source is an error with those that exist."""
    status, output, error = called(served, "trigger", name)
    assert (status, output) == (1, "")
    assert message in error


def test_trigger_prints_json(served: Serve) -> None:
    """`trigger --json` prints the whole outcome."""
    status, output, _ = called(served, "trigger", "BatchChanges", "--event", "-", "--json", stdin=messages("bad"))
    outcome = json.loads(output)
    assert status == 1
    assert outcome["failedItems"] == ["m0"]
    assert (outcome["source"], outcome["function"], outcome["items"], outcome["error"]) == (
        *("BatchChanges", "batch", 1),
        None,
    )


def test_malformed_event_gets_status_400(served: Serve, http: urllib3.PoolManager) -> None:
    """An event that is not JSON is refused by the route, too."""
    for body in (b"{", b"\xff", b""):
        reply = http.request("POST", f"{served.endpoint_url}/local/sources/BatchChanges/trigger", body=body)
        assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (400, "InvalidRequestContentException")


def test_plain_output_has_tables_and_names_before_lines(project: Path) -> None:
    """Plain output shows a table of functions, routes and sources, then log lines behind the function's name."""
    with Serve(str(project), *PORTS, as_json=False) as serve:
        banner = serve.output.text("boto3.client").splitlines()
        shown = [re.sub(r"(?<=127.0.0.1:)\d+", "PORT", " ".join(line.split())) for line in banner]
        assert shown[:2] == [f"Serving 5 functions of {project} until Ctrl-C", "Lambda API http://127.0.0.1:PORT"]
        assert f"orders app.handler {RUNTIME} http://127.0.0.1:PORT/" in shown
        assert "legacy nodejs22.x cannot run here" in shown
        assert "HTTP API Shop http://127.0.0.1:PORT" in shown
        assert "GET /orders/{id} orders" in shown
        assert "BatchChanges SQS Changes batch not polled: set AWS_ENDPOINT_URL_SQS" in shown
        assert "Nightly Schedule tick not polled: `awslambdaric-lite trigger Nightly` sends an event" in shown
        client = lambda_client(banner[1].split()[-1])
        client.invoke(FunctionName="users", LogType="Tail")
        code, output, error = serve.end()
    assert code == 0
    assert b"users  | \\x1b[2Jworking for users\n" in output
    assert re.search(rb"\nusers  \| START RequestId", output)
    assert b"nodejs22.x has no command on this machine" in error


def test_watch_reloads_functions_of_changed_code(tmp_path: Path) -> None:
    """A change reloads the functions that have this code, and names them; others stay warm."""
    root = write_functions(tmp_path / "shop", one=ANSWERS.format("one"), two=ANSWERS.format("two"))
    with Serve(str(root), *PORTS, "--watch") as serve:
        client = lambda_client(serve.endpoint_url)
        for name in ("one", "two"):
            assert json.load(client.invoke(FunctionName=name)["Payload"]) == name
        new = root / "new"
        new.write_text(ANSWERS.format("new"))
        new.replace(root / "one" / "app.py")
        event = serve.event("reload")
        assert (event["paths"], event["functions"]) == (["one/app.py"], ["one"])
        assert json.load(client.invoke(FunctionName="one")["Payload"]) == "new"
        assert json.load(client.invoke(FunctionName="two")["Payload"]) == "two"
        while (event := serve.event("invocation"))["function"] != "two" or event["cold"]:
            pass


def test_changed_project_file_asks_for_restart(tmp_path: Path) -> None:
    """A line asks for a restart after a change of `pyproject.toml`; its functions stay."""
    root = write_functions(tmp_path / "shop", one=ANSWERS.format("one"))
    with Serve(str(root), *PORTS, "--watch") as serve:
        with (root / "pyproject.toml").open("a") as file:
            file.write("timeout = 5\n")
        while "has changed" not in (text := serve.event("warning")["text"]):
            pass
        assert text == "pyproject.toml has changed; restart `awslambdaric-lite serve` to apply it"
        assert json.load(lambda_client(serve.endpoint_url).invoke(FunctionName="one")["Payload"]) == "one"


@pytest.mark.parametrize("option", ["--port", "--url-port", "--api-port"])
def test_port_in_use_is_named(option: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A port that another process uses is an error that names the port, the option and the cure."""
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        ports = {"--port": "0", "--url-port": "0", "--api-port": "0"} | {option: str(port)}
        assert main(["serve", str(project), *(word for pair in ports.items() for word in pair)]) == 2
    assert f"{option}: port {port} of 127.0.0.1 is in use; stop its listener" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("files", "words", "message"),
    [
        ({}, [], "has no project: no template.yaml"),
        ({}, [], "or give the HANDLER of one function, e.g. app.handler"),
        ({"notes.yaml": "a: 1"}, ["notes.yaml"], "notes.yaml has no Resources, so it is not a template"),
        ({"notes.yaml": "a: [1"}, ["-t", "notes.yaml"], "notes.yaml"),
        ({"app.handler": ""}, ["app.handler"], "app.handler"),
        ({"t.json": '{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}'}, ["t.json"], "has no function that could be"),
        ({"pyproject.toml": FUNCTION}, ["--account", "12"], "account '12' is not the number of an AWS account"),
        ({"pyproject.toml": FUNCTION}, ["--region", "x"], "region 'x' is not the name of an AWS region"),
        ({"pyproject.toml": FUNCTION}, ["--only", "b"], "no function b"),
    ],
)
def test_project_that_is_none_is_refused(
    files: dict[str, str],
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A file that is not a project, and a function that it does not have, are errors with a cure."""
    monkeypatch.chdir(tmp_path)
    for name, text in files.items():
        Path(name).write_text(text)
    assert main(["serve", "--port", "0", *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 2


def test_debug_attaches_the_terminal_to_one_function(tmp_path: Path) -> None:
    """`--only NAME --debug` gives the terminal to `breakpoint()` of that function."""
    source = "def handler(event, context):\n    answer = 42\n    breakpoint()\n    return answer"
    root = write_functions(tmp_path / "shop", one=source, two=ANSWERS.format("two"))
    ports = ("--port", "0", "--url-port", "0")
    with terminal("serve", str(root), "--only", "one", "--debug", *ports) as shown:
        url = shown.output.text("boto3.client").partition("Lambda API")[2].split()[0]
        code = "import sys; from awslambdaric_lite.cli import main; sys.exit(main(sys.argv[1:]))"
        with subprocess.Popen(
            [sys.executable, "-c", code, "invoke", "--name", "one", "--endpoint-url", url],
            stdout=subprocess.PIPE,
            env=environment(),
        ) as caller:
            shown.output.text("(Pdb) ")
            shown.type("c\n")
            assert caller.communicate(timeout=WAIT)[0] == b"42"


def test_status_lines_show_every_function(tmp_path: Path) -> None:
    """On a terminal each function has a line of figures; those without room are counted in the last line."""
    names = [f"function{number}" for number in range(10)]
    root = write_functions(tmp_path / "shop", **{name: ANSWERS.format(name) for name in names})
    ports = ("--port", "0", "--url-port", "0")
    with terminal("serve", str(root), *ports, LINES="12", COLUMNS="100") as shown:
        text = shown.output.text("7 more functions")
        url = text.partition("Lambda API")[2].split()[0]
        assert "function2 | 0 environments · 0 busy · 0 queued · 0 invocations · 0 errors" in text
        lambda_client(url).invoke(FunctionName="function1")
        shown.output.text("function1 | 1 environment · 0 busy · 0 queued · 1 invocation · 0 errors")
        lambda_client(url).invoke(FunctionName="function7")
        shown.output.text("7 more functions | 1 environment · 0 busy · 0 queued · 1 invocation · 0 errors")
        shown.process.send_signal(signal.SIGINT)
        shown.rest()
        assert shown.process.returncode == 0


def test_handler_imports_nothing_of_projects(tmp_path: Path) -> None:
    """`serve HANDLER` imports no module that only projects need."""
    (tmp_path / "app.py").write_text("def handler(event, context): pass")
    probe = "import sys; from awslambdaric_lite.cli import main; main(sys.argv[1:]); print('---', *sys.modules)"
    with subprocess.Popen(
        [sys.executable, "-c", probe, "serve", "app.handler", "--port", "0", "--url-port", "0"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        env=environment(),
    ) as serving:
        assert serving.stdout is not None
        Reader(serving.stdout.fileno()).text("Call it with")
        serving.send_signal(signal.SIGINT)
        modules = serving.communicate(timeout=WAIT)[0].decode().rpartition("---")[2].split()
    assert "awslambdaric_lite.emulator.service" in modules
    project = re.compile(
        r"awslambdaric_lite\.(project|emulator\.(gateway|sources|project_service|config\.project|frontend\.local_api))"
        r"|awslambdaric_lite\.cli\.(serve_project|served_project|polling)|boto3|botocore|yaml|samtranslator"
    )
    assert [name for name in modules if project.match(name)] == []


def test_one_function_has_the_fields_of_one(tmp_path: Path) -> None:
    """A project with one function has the fields of `serve HANDLER`, too."""
    root = write_functions(tmp_path / "shop", one=ANSWERS.format("one"))
    with Serve(str(root), *PORTS) as serve:
        assert serve.serving.keys() >= {"functionName", "handler", "functionUrl", "functions", "apis", "sources"}
        assert serve.serving["functionName"] == "one"
