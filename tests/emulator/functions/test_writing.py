"""Writing calls of the control plane: functions, code, versions, aliases and limits change as on AWS."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import zipfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import urllib3
from botocore.exceptions import ClientError

from awslambdaric_lite.emulator import InvalidFunction, LocalProject, TooManyRequests, UnknownFunction
from awslambdaric_lite.emulator.config.project import Alias
from awslambdaric_lite.emulator.frontend import control_members
from awslambdaric_lite.emulator.frontend.control_reading import READING
from awslambdaric_lite.emulator.frontend.control_writing import WRITING

from ..harness import Client
from ..waiting import WAIT, gone, wait_until
from .conftest import Projects
from .control_client import checking_client, package

Run = Callable[..., LocalProject]
ARN = "arn:aws:lambda:us-east-1:012345678912:function:"
RUNTIME = f"python{sys.version_info[0]}.{sys.version_info[1]}"
ROLE = "arn:aws:iam::012345678912:role/r"
SOURCE = """
import os
def handler(event, context):
    stage, version = os.environ.get("STAGE"), context.function_version
    return {{"code": {code!r}, "version": version, "stage": stage, "pid": os.getpid()}}
"""


def code(text: str) -> bytes:
    """Return a zip file whose handler returns the text as `code`."""
    return package(SOURCE.format(code=text))


def invoke(client: Any, **settings: Any) -> Any:
    """Invoke a function and return its result."""
    return json.load(client.invoke(Payload=b"{}", **settings)["Payload"])


def create(client: Any, name: str = "new", text: str = "a", **settings: Any) -> Any:
    """Create a function for this interpreter."""
    settings = {"Timeout": 60, "Runtime": RUNTIME, "Handler": "app.handler", "Role": ROLE, **settings}
    return client.create_function(FunctionName=name, Code={"ZipFile": code(text)}, **settings)


@pytest.fixture
def project(projects: Projects, run: Run) -> LocalProject:
    """Return a running project with one function, which has a version and an alias."""
    return run(projects.function("one", versions=("1",), aliases=(Alias("live", "1"),)))


@pytest.fixture
def client(project: LocalProject) -> Any:
    """Return a client of the project."""
    return checking_client(project.endpoint_url)


def test_function_is_created_changed_and_deleted(client: Any, project: LocalProject) -> None:
    """A function exists from CreateFunction to DeleteFunction; each change ends environments that are frozen."""
    created = create(client, Environment={"Variables": {"STAGE": "a"}}, Tags={"team": "x"}, Description="text")
    assert base64.b64decode(created["CodeSha256"]) == hashlib.sha256(code("a")).digest()
    client.get_waiter("function_active_v2").wait(FunctionName="new", WaiterConfig={"MaxAttempts": 1})
    assert (
        client.get_function(FunctionName="new")["Tags"]
        == client.list_tags(Resource=ARN + "new")["Tags"]
        == {"team": "x"}
    )
    first = invoke(client, FunctionName="new")
    assert (first["code"], first["stage"]) == ("a", "a")
    updated = client.update_function_code(FunctionName="new", ZipFile=code("b"))
    client.get_waiter("function_updated_v2").wait(FunctionName="new", WaiterConfig={"MaxAttempts": 1})
    second = invoke(client, FunctionName="new")
    assert (second["code"], second["stage"]) == ("b", "a")
    changed = client.update_function_configuration(
        FunctionName="new", Environment={"Variables": {"STAGE": "b"}}, MemorySize=512, Timeout=59, Description="other"
    )
    assert (changed["MemorySize"], changed["Timeout"], changed["Description"]) == (512, 59, "other")
    third = invoke(client, FunctionName="new")
    assert (third["code"], third["stage"]) == ("b", "b")
    assert len({first["pid"], second["pid"], third["pid"]}) == 3
    wait_until(lambda: gone(first["pid"]) and gone(second["pid"]))
    assert len({each["RevisionId"] for each in (created, updated, changed)}) == 3
    client.delete_function(FunctionName="new")
    wait_until(lambda: gone(third["pid"]))
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function(FunctionName="new")
    with pytest.raises(UnknownFunction):
        project.invoke("new")
    assert invoke(client, FunctionName=create(client, text="c")["FunctionArn"])["code"] == "c"


def test_version_has_its_own_code_and_settings(client: Any) -> None:
    """A published version keeps code and settings; numbers count up and are not used again."""
    create(client, Environment={"Variables": {"STAGE": "a"}})
    first = client.publish_version(FunctionName="new", Description="first")
    assert (first["Version"], first["FunctionArn"], first["Description"]) == ("1", ARN + "new:1", "first")
    assert client.publish_version(FunctionName="new")["Version"] == "1"
    client.update_function_code(FunctionName="new", ZipFile=code("b"))
    client.update_function_configuration(FunctionName="new", Environment={"Variables": {"STAGE": "b"}})
    second = client.publish_version(FunctionName="new")
    assert (second["Version"], second["CodeSha256"] != first["CodeSha256"]) == ("2", True)
    third = client.update_function_code(FunctionName="new", ZipFile=code("c"), Publish=True)
    assert (third["Version"], third["FunctionArn"]) == ("3", ARN + "new:3")
    client.delete_function(FunctionName="new", Qualifier="3")
    assert client.update_function_configuration(FunctionName="new", MemorySize=256)["Version"] == "$LATEST"
    assert client.publish_version(FunctionName="new")["Version"] == "4"
    seen = {
        version: (answer["code"], answer["stage"], answer["version"])
        for version in ("1", "2", "4", "$LATEST")
        for answer in [invoke(client, FunctionName="new", Qualifier=version)]
    }
    assert seen == {
        "1": ("a", "a", "1"),
        "2": ("b", "b", "2"),
        "4": ("c", "b", "4"),
        "$LATEST": ("c", "b", "$LATEST"),
    }
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke(FunctionName="new", Qualifier="3")


def test_version_of_a_folder_keeps_its_code(client: Any, projects: Projects, project: LocalProject) -> None:
    """A version of a function in a folder has a copy; `$LATEST` runs what the folder has now."""
    projects.edit()
    project.function("one").reload()
    assert project.invoke("one").json()["code"] == "second"
    assert project.invoke("one", qualifier="live").json()["code"] == "first"
    assert client.publish_version(FunctionName="one")["Version"] == "2"
    assert project.invoke("one", qualifier="2").json()["code"] == "second"
    (projects.folder / "app.py").unlink()
    assert project.invoke("one", qualifier="2").json()["code"] == "second"


def test_alias_divides_invocations_by_weight(client: Any) -> None:
    """An alias with weights invokes both versions; the answer tells which one; an update changes them."""
    create(client)
    client.publish_version(FunctionName="new")
    client.update_function_code(FunctionName="new", ZipFile=code("b"), Publish=True)
    weights = {"AdditionalVersionWeights": {"2": 0.5}}
    created = client.create_alias(FunctionName="new", Name="live", FunctionVersion="1", RoutingConfig=weights)
    assert created["RoutingConfig"] == weights
    seen: Counter[tuple[str, str]] = Counter()
    for _ in range(60):
        answer = client.invoke(FunctionName="new:live", Payload=b"{}")
        seen[answer["ExecutedVersion"], json.load(answer["Payload"])["code"]] += 1
    assert set(seen) == {("1", "a"), ("2", "b")} and min(seen.values()) > 5
    updated = client.update_alias(FunctionName="new", Name="live", FunctionVersion="2", RoutingConfig={})
    assert "RoutingConfig" not in updated and updated["RevisionId"] != created["RevisionId"]
    assert {client.invoke(FunctionName="new:live")["ExecutedVersion"] for _ in range(10)} == {"2"}
    kept = client.update_alias(FunctionName="new", Name="live", Description="text")
    assert (kept["FunctionVersion"], kept["Description"]) == ("2", "text")
    for _ in range(2):
        client.delete_alias(FunctionName="new", Name="live")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke(FunctionName="new:live")


def test_provisioned_environments_follow_their_alias(projects: Projects, run: Run) -> None:
    """Environments of an alias with provisioned concurrency are ready, and move with the alias."""
    project = run(projects.function("one", versions=("1",), aliases=(Alias("live", "1", provisioned=2),)))
    client = checking_client(project.endpoint_url)
    first = {each.pid for each in project.function("one").environments}
    assert len(first) == 2
    answer = project.invoke("one", qualifier="live").json()
    assert answer["pid"] in first and answer["env"]["AWS_LAMBDA_INITIALIZATION_TYPE"] == "provisioned-concurrency"
    projects.edit()
    client.publish_version(FunctionName="one")
    client.update_alias(FunctionName="one", Name="live", FunctionVersion="2")
    second = {each.pid for each in project.function("one").environments if each.provisioned}
    assert len(second) == 2 and not first & second
    answer = project.invoke("one", qualifier="live").json()
    assert (answer["pid"] in second, answer["code"]) == (True, "second")
    wait_until(lambda: all(gone(pid) for pid in first if pid is not None))
    project.function("one").reload()
    assert {each.pid for each in project.function("one").environments if each.provisioned} == second


def hold(project: LocalProject, executor: ThreadPoolExecutor, name: str, folder: Path, number: int) -> Any:
    """Start an invocation that waits for the file `gate`; return its future when it runs."""
    event = {"begun": str(folder / f"begun-{name}-{number}"), "gate": str(folder / "gate")}
    waiting = executor.submit(project.invoke, name, event)
    wait_until(Path(event["begun"]).exists)
    return waiting


def reason(client: Any, name: str) -> str:
    """Invoke a function that is throttled; return the reason."""
    with pytest.raises(client.exceptions.TooManyRequestsException) as raised:
        client.invoke(FunctionName=name)
    return str(raised.value.response["Reason"])


def test_functions_share_what_others_do_not_reserve(projects: Projects, run: Run, tmp_path: Path) -> None:
    """Each function has what it reserves; all others share the account's rest; the error names the limit."""
    project = run(
        projects.function("mine", "held", reserved_concurrency=1),
        projects.function("two", "held"),
        projects.function("three", "held"),
        account_concurrency=3,
    )
    client = checking_client(project.endpoint_url)
    with ThreadPoolExecutor() as executor:
        running = [hold(project, executor, name, tmp_path, 1) for name in ("mine", "two", "three")]
        assert reason(client, "mine") == "ReservedFunctionConcurrentInvocationLimitExceeded"
        assert reason(client, "two") == reason(client, "three") == "ConcurrentInvocationLimitExceeded"
        with pytest.raises(TooManyRequests, match="the account runs 2 invocations"):
            project.invoke("two")
        client.put_function_concurrency(FunctionName="two", ReservedConcurrentExecutions=0)
        assert reason(client, "two") == "ReservedFunctionConcurrentInvocationLimitExceeded"
        client.delete_function_concurrency(FunctionName="mine")
        running.append(hold(project, executor, "mine", tmp_path, 2))
        (tmp_path / "gate").touch()
        assert len({each.result(WAIT).json() for each in running}) == 4
    assert reason(client, "two") == "ReservedFunctionConcurrentInvocationLimitExceeded"
    client.delete_function_concurrency(FunctionName="two")
    assert project.invoke("two", {"begun": str(tmp_path / "b"), "gate": str(tmp_path / "gate")}).error is None


def test_reserved_concurrency_covers_provisioned_environments(projects: Projects, run: Run) -> None:
    """Reserved concurrency below the provisioned one is refused, in the project and in a later request."""
    aliases = (Alias("live", "1", provisioned=1), Alias("old", "1", provisioned=1))
    with pytest.raises(InvalidFunction, match="has 2 provisioned environments and reserves a concurrency of 1"):
        LocalProject(projects.project(projects.function("one", aliases=aliases, reserved_concurrency=1)))
    project = run(projects.function("one", aliases=aliases, reserved_concurrency=2))
    client = checking_client(project.endpoint_url)
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="below the provisioned concurrency"):
        client.put_function_concurrency(FunctionName="one", ReservedConcurrentExecutions=1)
    client.put_function_concurrency(FunctionName="one", ReservedConcurrentExecutions=3)
    assert len(project.function("one").environments) == 2


def test_layers_are_named_by_their_arns(projects: Projects, run: Run, tmp_path: Path) -> None:
    """A function's layers have ARNs, by which an update takes them away and gives them to another function."""
    layers = [tmp_path / name / "tools" for name in ("first", "second")]
    for number, layer in enumerate(layers):
        (layer / "python").mkdir(parents=True)
        (layer / "python" / "tool.py").write_text(f"NUMBER = {number}")
    client = checking_client(
        run(projects.function("one", config={"layers": layers}), projects.function("two")).endpoint_url
    )
    arns = [each["Arn"] for each in client.get_function_configuration(FunctionName="one")["Layers"]]
    assert [arn.rpartition("012345678912:")[2] for arn in arns] == ["layer:tools:1", "layer:tools:2"]
    assert "Layers" not in client.update_function_configuration(FunctionName="one", Layers=[])
    moved = client.update_function_configuration(FunctionName="two", Layers=arns[1:])
    assert moved["Layers"] == [{"Arn": arns[1], "CodeSize": len("NUMBER = 1")}]
    seen = {name: "PYTHONPATH" in invoke(client, FunctionName=name)["env"] for name in ("one", "two")}
    assert seen == {"one": False, "two": True}


def test_lower_limit_closes_idle_environments(projects: Projects, run: Run, tmp_path: Path) -> None:
    """A lower reserved concurrency closes idle environments above it."""
    project = run(projects.function("one", "held"))
    client = checking_client(project.endpoint_url)
    with ThreadPoolExecutor() as executor:
        running = [hold(project, executor, "one", tmp_path, number) for number in range(3)]
        client.put_function_concurrency(FunctionName="one", ReservedConcurrentExecutions=1)
        (tmp_path / "gate").touch()
        pids = {each.result(WAIT).json() for each in running}
    wait_until(lambda: sum(not gone(pid) for pid in pids) == 1)
    assert client.put_function_concurrency(FunctionName="one", ReservedConcurrentExecutions=2)
    assert client.get_function_concurrency(FunctionName="one")["ReservedConcurrentExecutions"] == 2


def test_deleted_function_completes_its_invocations(projects: Projects, run: Run, tmp_path: Path) -> None:
    """A running invocation of a function that is deleted completes; then its processes end."""
    project = run(projects.function("one", "held"))
    client = checking_client(project.endpoint_url)
    with ThreadPoolExecutor() as executor:
        running = hold(project, executor, "one", tmp_path, 1)
        client.delete_function(FunctionName="one")
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            client.invoke(FunctionName="one")
        (tmp_path / "gate").touch()
        pid = running.result(WAIT).json()
    wait_until(lambda: gone(pid))


def test_project_closes_while_deleted_function_runs(projects: Projects, run: Run, tmp_path: Path) -> None:
    """A project closes although a deleted function has not completed its invocation."""
    project = run(projects.function("one", "held"))
    with ThreadPoolExecutor() as executor:
        running = hold(project, executor, "one", tmp_path, 1)
        checking_client(project.endpoint_url).delete_function(FunctionName="one")
        project.close()
        assert running.exception(WAIT) is not None


UPDATE = "update_function_configuration"
BAD: list[tuple[str, dict[str, Any], str, int, str]] = [
    (
        "create_alias",
        {"Name": "12", "FunctionVersion": "1"},
        "ValidationException",
        400,
        "'12' at 'name' failed to sat",
    ),
    (
        "create_alias",
        {"Name": "live", "FunctionVersion": "1"},
        "ResourceConflictException",
        409,
        "Alias already exists",
    ),
    ("create_alias", {"Name": "b", "FunctionVersion": "7"}, "ResourceNotFoundException", 404, f"{ARN}one:7"),
    (
        "create_alias",
        {"Name": "b", "FunctionVersion": "1", "RoutingConfig": {"AdditionalVersionWeights": {"$LATEST": 0.1}}},
        "InvalidParameterValueException",
        400,
        "$LATEST is not supported for an alias pointing to more than 1 version",
    ),
    (
        "update_alias",
        {"Name": "live", "RoutingConfig": {"AdditionalVersionWeights": {"1": 1.5}}},
        "ValidationException",
        400,
        "less than or equal to 1.0",
    ),
    (
        "update_alias",
        {"Name": "live", "RevisionId": "old"},
        "PreconditionFailedException",
        412,
        "does not match the lat",
    ),
    ("update_alias", {"Name": "missing"}, "ResourceNotFoundException", 404, f"Cannot find alias arn: {ARN}one:missing"),
    (UPDATE, {"RevisionId": "old"}, "PreconditionFailedException", 412, "does not match the latest"),
    (UPDATE, {"MemorySize": 64000}, "ValidationException", 400, "'64000' at 'memorySize' failed to satisfy constraint"),
    (UPDATE, {"Timeout": 99999}, "ValidationException", 400, "Member must have value less than or equal to 5400"),
    (
        UPDATE,
        {"Role": "x"},
        "ValidationException",
        400,
        "'x' at 'role' failed to satisfy constraint: Member must satisfy",
    ),
    (
        UPDATE,
        {"Description": "x" * 257},
        "ValidationException",
        400,
        "Member must have length less than or equal to 256",
    ),
    (UPDATE, {"EphemeralStorage": {"Size": 99999}}, "ValidationException", 400, "at 'ephemeralStorage.size'"),
    (UPDATE, {"Handler": "a b", "Timeout": 99999}, "ValidationException", 400, "2 validation errors detected: "),
    (UPDATE, {"LoggingConfig": {"LogFormat": "Xml"}}, "ValidationException", 400, "enum value set: [JSON, Text]"),
    (UPDATE, {"Runtime": "cobol85"}, "InvalidParameterValueException", 400, "Runtime cobol85 is not offered"),
    (
        UPDATE,
        {"Layers": ["arn:aws:lambda:us-east-1:012345678912:layer:x:1"]},
        "InvalidParameterValueException",
        400,
        "layer:x:1 is unknown to the local Lambda",
    ),
    (
        UPDATE,
        {"Environment": {"Variables": {"_HANDLER": "x", "STAGE": "a", "AWS_REGION": "x"}}},
        "InvalidParameterValueException",
        400,
        "Reserved keys used in this request: _HANDLER, AWS_REGION",
    ),
    (
        UPDATE,
        {"DeadLetterConfig": {"TargetArn": "arn:aws:sqs:x"}},
        "InvalidParameterValueException",
        400,
        "not offered",
    ),
    (
        UPDATE,
        {"Environment": {"Variables": {"A-B": "x"}}},
        "ValidationException",
        400,
        "Map keys must satisfy constraint",
    ),
    (UPDATE, {"Environment": {"Variables": {"AB": "x" * 5000}}}, "InvalidParameterValueException", 400, "up to 4096"),
    ("update_function_code", {"ZipFile": b"no zip"}, "InvalidParameterValueException", 400, "Could not unzip uploaded"),
    ("update_function_code", {"ZipFile": b""}, "InvalidParameterValueException", 400, "must be a non-empty zip"),
    (
        "update_function_code",
        {"ZipFile": package("x" * 262_144_000, compression=zipfile.ZIP_DEFLATED)},
        "InvalidParameterValueException",
        400,
        "Unzipped size must be smaller than 262144000 bytes",
    ),
    ("update_function_code", {"ZipFile": code("a")[:-9]}, "InvalidParameterValueException", 400, "Could not unzip"),
    ("update_function_code", {}, "InvalidParameterValueException", 400, "Please provide a source for function code"),
    (
        "update_function_code",
        {"S3Bucket": "bucket", "S3Key": "key"},
        "InvalidParameterValueException",
        400,
        "S3Bucket is not offered",
    ),
    ("publish_version", {"CodeSha256": "x"}, "InvalidParameterValueException", 400, "CodeSHA256 (x) is different from"),
    (
        "put_function_concurrency",
        {"ReservedConcurrentExecutions": 901},
        "InvalidParameterValueException",
        400,
        "below its minimum value of [100]",
    ),
    ("delete_function", {"Qualifier": "$LATEST"}, "InvalidParameterValueException", 400, "$LATEST version cannot be"),
    ("delete_function", {"Qualifier": "1"}, "ResourceConflictException", 409, "is used by the aliases ['live']"),
    ("delete_function", {"Qualifier": "7"}, "ResourceNotFoundException", 404, f"{ARN}one:7"),
]


@pytest.mark.parametrize(("call", "settings", "name", "status", "text"), BAD)
def test_bad_change_is_refused(
    client: Any, project: LocalProject, call: str, settings: dict[str, Any], name: str, status: int, text: str
) -> None:
    """A change that AWS would refuse gets its error, and nothing changes."""
    before = client.get_function(FunctionName="one")
    with pytest.raises(ClientError) as raised:
        getattr(client, call)(FunctionName="one", **settings)
    error = raised.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == (name, status)
    assert text in error["Error"]["Message"]
    assert client.get_function(FunctionName="one")["Configuration"] == before["Configuration"]
    assert project.invoke("one").json()["code"] == "first"
    assert list(client.list_aliases(FunctionName="one")["Aliases"]) == [client_alias(client)]


def client_alias(client: Any) -> Any:
    """Return the alias that the project begins with."""
    found = client.get_alias(FunctionName="one", Name="live")
    del found["ResponseMetadata"]
    assert found["FunctionVersion"] == "1"
    return found


@pytest.mark.parametrize(
    ("settings", "name", "text"),
    [
        ({"FunctionName": "one"}, "ResourceConflictException", "Function already exist: one"),
        ({"FunctionName": "a.b"}, "ValidationException", "'a.b' at 'functionName'"),
        ({"FunctionName": "a" * 65}, "ValidationException", "at 'functionName'"),
        ({"PackageType": "Image"}, "InvalidParameterValueException", "PackageType Image is not offered"),
        ({"Code": {"ZipFile": b"no zip"}}, "InvalidParameterValueException", "Could not unzip uploaded file"),
        ({"Code": {"ImageUri": "x"}}, "InvalidParameterValueException", "ImageUri is not offered"),
        ({"Code": {}}, "InvalidParameterValueException", "Please provide a source for function code"),
        ({"MemorySize": 40000}, "ValidationException", "at 'memorySize'"),
        ({"Runtime": "python2.7"}, "InvalidParameterValueException", "Runtime python2.7 is not offered"),
    ],
)
def test_function_that_cannot_be_created_does_not_exist(
    client: Any, settings: dict[str, Any], name: str, text: str
) -> None:
    """A function that AWS would refuse, or that cannot run here, is not created."""
    request = {"FunctionName": "new", "Runtime": RUNTIME, "Handler": "app.handler", "Role": ROLE}
    with pytest.raises(ClientError) as raised:
        client.create_function(**{**request, "Code": {"ZipFile": code("a")}, **settings})
    assert raised.value.response["Error"]["Code"] == name
    assert text in raised.value.response["Error"]["Message"]
    assert [each["FunctionName"] for each in client.list_functions()["Functions"]] == ["one"]


@pytest.mark.parametrize(
    ("body", "error", "text"),
    [
        (b"{", "InvalidRequestContentException", "Could not parse request body into json"),
        (b"[]", "InvalidRequestContentException", "is not an object"),
        (b'{"Timeout": "3"}', "SerializationException", "STRING_VALUE can not be converted to an Integer"),
        (b'{"Timeout": true}', "SerializationException", "TRUE_VALUE can not be converted to an Integer"),
        (b'{"Handler": 3}', "SerializationException", "NUMBER_VALUE can not be converted to a String"),
        (b'{"Environment": []}', "SerializationException", "START_ARRAY can not be converted to a Map"),
        (b'{"Environment": {"Variables": {"AB": 1}}}', "SerializationException", "NUMBER_VALUE can not be converted"),
        (b'{"Timeout": 0}', "ValidationException", "Member must have value greater than or equal to 1"),
        (b'{"Handler": null, "Timeout": 5401}', "ValidationException", "1 validation error detected"),
    ],
)
def test_malformed_body_is_refused(project: LocalProject, body: bytes, error: str, text: str) -> None:
    """A body that is not an object, or that has members of another type, gets AWS's error."""
    url = f"{project.endpoint_url}/2015-03-31/functions/one/configuration"
    answer = urllib3.request("PUT", url, body=body)
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (400, error)
    assert text in answer.json()["message"]


def test_missing_members_are_refused(project: LocalProject) -> None:
    """The error names each required member that is missing."""
    url = f"{project.endpoint_url}/2015-03-31/functions"
    message = urllib3.request("POST", url, body=b'{"Role": null}').json()["message"]
    assert message.startswith("3 validation errors detected: Value null at 'functionName' failed to satisfy constraint")


def test_revision_of_a_caller_is_compared(client: Any) -> None:
    """A change with the present revision is made; the same one again is refused."""
    revision = client.get_function_configuration(FunctionName="one")["RevisionId"]
    client.update_function_configuration(FunctionName="one", Description="x", RevisionId=revision)
    with pytest.raises(client.exceptions.PreconditionFailedException):
        client.update_function_code(FunctionName="one", ZipFile=code("b"), RevisionId=revision)


def test_dry_run_changes_nothing(client: Any, project: LocalProject) -> None:
    """UpdateFunctionCode with DryRun shows the result, and leaves code and revision."""
    before = client.get_function_configuration(FunctionName="one")
    shown = client.update_function_code(FunctionName="one", ZipFile=code("b"), DryRun=True)
    assert base64.b64decode(shown["CodeSha256"]) == hashlib.sha256(code("b")).digest()
    after = client.get_function_configuration(FunctionName="one")
    assert (after["CodeSha256"], after["RevisionId"]) == (before["CodeSha256"], before["RevisionId"])
    assert project.invoke("one").json()["code"] == "first"


def test_other_operations_say_that_they_are_not_offered(project: LocalProject) -> None:
    """Every other operation of the service model gets an error in AWS's form; unknown paths are unknown operations."""
    model: Any = botocore.session.get_session().get_service_model("lambda")
    offered = {*READING, *WRITING, "Invoke", "InvokeAsync", "InvokeWithResponseStream"}
    assert offered <= set(model.operation_names)
    with urllib3.PoolManager() as http:
        for name in set(model.operation_names) - offered:
            route = model.operation_model(name).http
            path = route["requestUri"].replace("{FunctionName}", "one").replace("{", "").replace("}", "")
            answer = http.request(route["method"], project.endpoint_url + path, body=b"{}")
            assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (501, "NotImplementedException"), name
            assert "is not offered by the local Lambda" in answer.json()["message"]
        for method, path in (
            ("GET", "/2015-03-31/other"),
            ("GET", "/2015-03-31/functions/one/invocations"),
            ("PUT", "/x"),
        ):
            answer = http.request(method, project.endpoint_url + path)
            assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (404, "UnknownOperationException")


def test_routes_are_those_of_the_model() -> None:
    """Methods and paths of the operations equal those of the service model."""
    model: Any = botocore.session.get_session().get_service_model("lambda")
    for name, (route, *_) in {**READING, **WRITING}.items():
        http = model.operation_model(name).http
        assert route == f"{http['method']} {http['requestUri']}", name


def test_members_are_those_of_the_model() -> None:
    """Types, patterns and limits of the members equal those of the service model."""
    kinds = {"string": str, "integer": int, "boolean": bool, "list": list, "structure": dict, "map": dict, "blob": str}
    model: Any = botocore.session.get_session().get_service_model("lambda")

    def compare(members: Any, shapes: Any, path: str) -> None:
        for name, member in members.items():
            shape, where = shapes[name], f"{path}.{name}"
            assert member.kind is kinds[shape.type_name], where
            if member.kind is str and name not in ("Runtime", "KMSKeyArn", "FunctionName"):
                assert member.values == tuple(getattr(shape, "enum", ())), where
                assert member.pattern == shape.metadata.get("pattern", ""), where
            if (member.least, member.most) != (None, None):
                assert (member.least, member.most) == (shape.metadata.get("min"), shape.metadata.get("max")), where
            if member.members:
                compare(member.members, shape.members, where)

    for name, members in control_members.MEMBERS.items():
        shape = model.operation_model(name).input_shape
        compare(members, shape.members, name)
        required = {each for each in shape.required_members if not shape.members[each].serialization}
        assert set(control_members.REQUIRED.get(name, ())) == required, name


@pytest.mark.parametrize(
    "method_and_path", ["PUT /2015-03-31/functions/one/configuration", "GET /2015-03-31/functions"]
)
def test_web_pages_cannot_use_the_control_plane(project: LocalProject, method_and_path: str) -> None:
    """A request of a web page of another origin gets 403, one for another host name 421; nothing changes."""
    method, path = method_and_path.split()
    before = project.function("one")
    for headers, status in (
        ({"Origin": "https://evil.com"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Host": "evil.com"}, 421),
    ):
        body = None if method == "GET" else b'{"Handler": "app.other"}'
        answer = urllib3.request(method, project.endpoint_url + path, body=body, headers=headers)
        assert answer.status == status
    assert before.invoke().json()["code"] == "first"


@pytest.mark.parametrize(("path", "limit"), [("configuration", 6_291_556), ("code", 70_167_211)])
def test_large_request_is_refused_before_its_body(project: LocalProject, path: str, limit: int) -> None:
    """A request above AWS's limit gets 413 when its head has arrived."""
    with Client(project.endpoint_url.removeprefix("http://")) as client:
        head = (
            f"PUT /2015-03-31/functions/one/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {limit + 1}\r\n\r\n"
        )
        reply = client.ask(head.encode())
    assert (reply.status, reply.headers["x-amzn-errortype"]) == (413, "RequestEntityTooLargeException")
    assert f"must be smaller than {limit} bytes" in reply.body.decode()
