"""Several functions at one address: routing, environments, calls between functions, and functions that cannot run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import urllib3
from botocore.exceptions import ClientError

from awslambdaric_lite.emulator import (
    EmulatorError,
    FunctionUnavailable,
    InvalidFunction,
    LocalLambdaClosed,
    LocalProject,
    UnknownFunction,
    UnknownQualifier,
)
from awslambdaric_lite.emulator.config.project import Alias, Api, Project, Route, Url
from awslambdaric_lite.emulator.environments.memory import descendants

from ..sdk import lambda_client
from ..waiting import WAIT, gone, wait_until
from .conftest import Projects

Run = Callable[..., LocalProject]
PREFIX = "arn:aws:lambda:us-east-1:012345678912:function:"


def test_function_is_found_by_each_form_of_name(projects: Projects, run: Run) -> None:
    """A name, a partial ARN and an ARN, each with a qualifier or without, reach their function and version."""
    project = run(
        projects.function("orders", versions=("1",), aliases=(Alias("live", "1"),)),
        projects.function("function"),
    )
    client = lambda_client(project.endpoint_url)
    for wanted, name, version in (
        ("orders", "orders", "$LATEST"),
        ("orders:live", "orders", "1"),
        ("orders:1", "orders", "1"),
        ("function", "function", "$LATEST"),
        ("function:orders:live", "orders", "1"),
        ("012345678912:function:orders", "orders", "$LATEST"),
        ("999999999999:function:function", "function", "$LATEST"),
        (PREFIX + "orders:live", "orders", "1"),
        (PREFIX + "function", "function", "$LATEST"),
    ):
        answer = client.invoke(FunctionName=wanted, Payload=b"{}")
        seen = json.load(answer["Payload"])
        assert (seen["name"], seen["version"], answer["ExecutedVersion"]) == (name, version, version), wanted
        assert seen["arn"] == PREFIX + name + (f":{wanted.rpartition(':')[2]}" if version == "1" else "")


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("missing", f"Function not found: {PREFIX}missing"),
        ("one:7", f"Function not found: {PREFIX}one:7"),
        ("two:live", f"Function not found: {PREFIX}two:live"),
        (
            PREFIX.replace("us-east-1", "eu-west-1") + "one",
            "Functions from 'eu-west-1' are not reachable in this region",
        ),
    ],
)
def test_unknown_function_is_not_found(projects: Projects, run: Run, wanted: str, message: str) -> None:
    """Unknown names, and versions and aliases of other functions, get AWS's error and start nothing."""
    project = run(projects.function("one", versions=("1",), aliases=(Alias("live", "1"),)), projects.function("two"))
    with pytest.raises(ClientError, match="ResourceNotFoundException") as raised:
        lambda_client(project.endpoint_url).invoke(FunctionName=wanted)
    assert message in raised.value.response["Error"]["Message"]
    assert not project.function("one").environments and not project.function("two").environments


def test_environments_belong_to_one_function(projects: Projects, run: Run) -> None:
    """Functions with the same code never share an environment."""
    project = run(*(projects.function(name) for name in ("one", "two", "three")))
    first = {name: project.invoke(name).json()["pid"] for name in ("one", "two", "three")}
    assert len(set(first.values())) == 3
    assert {name: project.invoke(name).json()["pid"] for name in ("three", "one", "two")} == first


def test_idle_functions_have_no_process_and_no_file(
    projects: Projects, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten functions start nothing; the first invocation of one starts its runtime and one watcher for all."""
    (scratch := tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    before = descendants(os.getpid())
    project = run(*(projects.function(f"f{number}") for number in range(10)))
    assert descendants(os.getpid()) == before
    assert not list(scratch.iterdir())
    pids = [project.invoke(name).json()["pid"] for name in ("f3", "f7")]
    assert len(set(descendants(os.getpid())) - set(before)) == 3
    project.close()
    assert all(gone(pid) for pid in pids)
    assert not list(scratch.iterdir())


def test_functions_call_each_other(projects: Projects, run: Run) -> None:
    """A function reaches the other ones at `AWS_ENDPOINT_URL_LAMBDA`, unless it sets the variable."""
    own = {"AWS_ENDPOINT_URL_LAMBDA": "http://127.0.0.1:9"}
    project = run(
        projects.function("caller", "call"), projects.function("callee"), projects.function("own", config={"env": own})
    )
    answer = project.invoke("caller", {"name": "callee"}).json()
    assert (answer["status"], answer["body"]["name"]) == (200, "callee")
    assert answer["body"]["env"]["AWS_ENDPOINT_URL_LAMBDA"] == project.endpoint_url
    assert project.invoke("own").json()["env"]["AWS_ENDPOINT_URL_LAMBDA"] == "http://127.0.0.1:9"


def test_function_that_calls_itself_ends_at_its_limit(projects: Projects, run: Run) -> None:
    """Endless calls of a function to itself end with 429 in its last environment, and every caller gets a response."""
    project = run(projects.function("loop", "call", config={"concurrency": 3}))
    answer = project.invoke("loop", {"name": "loop"}).json()
    for _ in range(2):
        assert answer["status"] == 200
        answer = answer["body"]
    assert (answer["status"], answer["body"]["Reason"]) == (429, "ConcurrentInvocationLimitExceeded")


def test_close_ends_functions_that_wait_for_each_other(projects: Projects, run: Run, tmp_path: Path) -> None:
    """A project closes while one function waits for another; the callers get the reason."""
    project = run(projects.function("caller", "call"), projects.function("held", "held"))
    event = {"name": "held", "begun": str(tmp_path / "begun"), "gate": str(tmp_path / "gate")}
    with ThreadPoolExecutor() as executor:
        waiting = executor.submit(project.invoke, "caller", event)
        wait_until((tmp_path / "begun").exists)
        pids = [each.pid for name in ("caller", "held") for each in project.function(name).environments]
        project.close()
        with pytest.raises(LocalLambdaClosed):
            waiting.result(WAIT)
    assert len(pids) == 2 and all(gone(pid) for pid in pids if pid is not None)


def test_unavailable_function_says_why(projects: Projects, run: Run) -> None:
    """A function that cannot run here answers its reason, in AWS's shape for SDKs; the others run."""
    project = run(
        projects.function("image", unavailable="an image cannot run here; give --runtime"), projects.function("other")
    )
    with pytest.raises(FunctionUnavailable, match="an image cannot run here"):
        project.invoke("image")
    with pytest.raises(FunctionUnavailable):
        project.function("image").invoke_async()
    client = lambda_client(project.endpoint_url)
    for kind in ("RequestResponse", "Event"):
        with pytest.raises(client.exceptions.InvalidRuntimeException) as raised:
            client.invoke(FunctionName="image", InvocationType=kind)
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 502
        assert raised.value.response["Message"] == "an image cannot run here; give --runtime"
    assert urllib3.request("GET", project.url("image")).status == 502
    assert project.invoke("other").json()["name"] == "other"


def test_damaged_code_stops_one_function_only(projects: Projects, run: Run, tmp_path: Path) -> None:
    """A function whose code cannot be prepared answers that; the others run."""
    layer = tmp_path / "layer.zip"
    layer.write_bytes(b"PK\5\6" + b"\0" * 18)
    damaged = projects.function("damaged", config={"layers": [layer], "provisioned": 1})
    lazy = projects.function("lazy", config={"layers": [layer]})
    layer.write_bytes(b"PK\3\4 no zip")
    project = run(damaged, lazy, projects.function("other"))
    with pytest.raises(FunctionUnavailable, match=r"damaged cannot run: .*layer\.zip"):
        project.invoke("damaged")
    with pytest.raises(InvalidFunction, match=r"layer\.zip"):
        project.invoke("lazy")
    with zipfile.ZipFile(layer, "w"):
        pass
    project.function("damaged").reload()
    assert project.invoke("damaged").json()["name"] == "damaged"
    assert project.invoke("other").json()["name"] == "other"


def test_urls_have_their_settings(projects: Projects, run: Run) -> None:
    """Each function has another URL, with the qualifier of its settings."""
    project = run(
        projects.function("one", versions=("1",), aliases=(Alias("live", "1"),), url=Url(qualifier="live")),
        projects.function("two"),
    )
    one, two = (urllib3.request("GET", project.url(name)).json() for name in ("one", "two"))
    assert (one["name"], one["version"]) == ("one", "1")
    assert (two["name"], two["version"]) == ("two", "$LATEST")
    assert project.url("one") == project.url("one") != project.url("two")


def test_apis_reach_their_functions(projects: Projects) -> None:
    """Each API has its port and its stage, and its routes reach their functions and versions."""
    functions = (projects.function("one", versions=("1",)), projects.function("two"))
    project = Project(
        projects.folder,
        functions,
        apis=(
            Api("Http", "HTTP", (Route("GET", "/one/{id}", "one", "1", "2.0"),), "$default"),
            Api("Rest", "REST", (Route("ANY", "/two", "two"), Route("GET", "/image", None, unsupported="x")), "prod"),
        ),
    )
    with LocalProject(project) as running:
        http, rest = running.api_url("Http"), running.api_url("Rest")
        assert (http, rest) == (running.api_url("Http"), running.api_url("Rest"))
        assert rest.endswith("/prod") and not http.endswith("/")
        assert urllib3.request("GET", f"{http}/one/7").json()["version"] == "1"
        assert urllib3.request("POST", f"{rest}/two").status == 502  # not a response of the REST API's form
        assert len(running.function("two").environments) == 1
        assert urllib3.request("GET", f"{http}/two").status == 404
        with pytest.raises(EmulatorError, match="has no API Other; it has: Http, Rest"):
            running.api_url("Other")


def test_asynchronous_events_reach_their_function(projects: Projects, run: Run) -> None:
    """Events without a waiting caller run in the function that they name."""
    project = run(projects.function("one"), projects.function("two"))
    client = lambda_client(project.endpoint_url)
    for name in ("one", "two", "one"):
        assert client.invoke(FunctionName=name, InvocationType="Event")["StatusCode"] == 202
        project.function(name).wait_for_async()
    assert [len(project.function(name).environments) for name in ("one", "two")] == [1, 1]


def test_alias_publishes_its_version(projects: Projects, run: Run) -> None:
    """A version that only an alias names has a copy of the code, too; without a qualifier the new code runs."""
    project = run(projects.function("one", aliases=(Alias("live", "4", {"2": 0.0}),)))
    projects.edit()
    project.function("one").reload()
    codes = {
        qualifier: project.invoke("one", qualifier=qualifier).json()["code"] for qualifier in ("live", "4", "2", None)
    }
    assert codes == {"live": "first", "4": "first", "2": "first", None: "second"}


def test_quotas_are_warned_of(projects: Projects) -> None:
    """A setting above a quota of AWS warns when the project is made, with the function's name."""
    with pytest.warns(UserWarning, match="^one: memory 20000 MB is above Lambda's quota"):
        LocalProject(projects.project(projects.function("one", config={"memory_mb": 20000})))


def test_logs_have_names(projects: Projects, run: Run) -> None:
    """`on_log` receives the function's name with each line."""
    seen: list[tuple[str, str]] = []
    project = run(projects.function("one"), projects.function("two"), on_log=lambda *line: seen.append(line))
    for name in ("one", "two"):
        assert project.invoke(name).logs.splitlines() == [line for each, line in seen if each == name]


def test_health_check_names_functions(projects: Projects, run: Run) -> None:
    """A health check lists the functions and starts none."""
    project = run(projects.function("one"), projects.function("two"))
    answer = urllib3.request("GET", f"{project.endpoint_url}/health")
    assert answer.json() == {"status": "ok", "functions": ["one", "two"], "environments": 0}


def test_unknown_names_are_errors(projects: Projects, run: Run) -> None:
    """The project refuses names that it does not have, and lists those that it has."""
    project = run(projects.function("one", versions=("1",)), projects.function("two"))
    for call in (project.function, project.invoke, project.url):
        with pytest.raises(UnknownFunction, match="has no function three; it has: one, two"):
            call("three")
    with pytest.raises(UnknownQualifier, match=r"known: \$LATEST, 1$"):
        project.invoke("one", qualifier="2")


def test_two_functions_with_one_name_are_refused(projects: Projects) -> None:
    """A project with two functions of the same name is refused when it is made."""
    with pytest.raises(InvalidFunction, match="two functions have the name one"):
        LocalProject(projects.project(projects.function("one"), projects.function("one")))


def test_project_that_does_not_run_refuses_calls(projects: Projects) -> None:
    """Before its start and after its end a project refuses calls; it may be started again."""
    project = LocalProject(projects.project(projects.function("one")))
    for _ in range(2):
        with pytest.raises(LocalLambdaClosed, match="this LocalProject is not running"):
            project.invoke("one")
        with project:
            function = project.function("one")
            assert function.invoke().json()["name"] == "one"
        with pytest.raises(LocalLambdaClosed):
            function.invoke()


def test_project_without_functions_runs(tmp_path: Path) -> None:
    """A project without functions has an address that finds none."""
    with LocalProject(Project(tmp_path, ())) as project:
        answer = urllib3.request("POST", f"{project.endpoint_url}/2015-03-31/functions/one/invocations", body=b"{}")
        assert (answer.status, answer.json()["Message"]) == (404, f"Function not found: {PREFIX}one")


def test_single_function_imports_nothing_of_projects() -> None:
    """`LocalLambda`, also with its endpoint and its URL, loads no module that only projects need."""
    code = """
import sys
from awslambdaric_lite.emulator import LocalLambda
with LocalLambda("app.handler") as function:
    function.endpoint_url, function.url
print(*(name.partition(".")[2] for name in sys.modules if name.startswith("awslambdaric_lite.")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "emulator.frontend.invoke_api" in loaded
    kept = {"registry", "versions", "workspace"}
    assert {name for name in loaded if name.startswith("emulator.functions.")} == {
        f"emulator.functions.{n}" for n in kept
    }
    assert not {name for name in loaded if "project" in name or "gateway" in name or "sources" in name}
