"""Reading calls of the control plane: answers from the registry, in the form of the service model."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from awslambdaric_lite.emulator import Cors, LocalProject
from awslambdaric_lite.emulator.config.project import Alias, OtherSource, Project, Queue, QueueSource, Url

from .conftest import Projects
from .control_client import checking_client, package

Run = Callable[..., LocalProject]
ARN = "arn:aws:lambda:us-east-1:012345678912:function:"


@pytest.fixture
def client(projects: Projects, run: Run) -> Any:
    """Return a client of a project with two functions."""
    one = projects.function(
        "one",
        config={"env": {"STAGE": "test"}, "memory_mb": 256, "timeout_s": 7, "provisioned": 0},
        versions=("1", "2"),
        aliases=(Alias("live", "2", {"1": 0.25}), Alias("old", "1", provisioned=1)),
        reserved_concurrency=5,
        url=Url("RESPONSE_STREAM", Cors(["https://a.com"], max_age=60, allow_credentials=True), "live", "AWS_IAM"),
    )
    return checking_client(run(one, projects.function("two"), projects.function("three")).endpoint_url)


def test_function_has_its_settings(client: Any, projects: Projects) -> None:
    """GetFunction and GetFunctionConfiguration show settings, state, code and reserved concurrency."""
    found = client.get_function(FunctionName="one")
    configuration = found["Configuration"]
    assert (configuration["FunctionName"], configuration["FunctionArn"]) == ("one", ARN + "one")
    assert (configuration["Handler"], configuration["Runtime"]) == ("app.echo", "provided.al2023")
    assert (configuration["Timeout"], configuration["MemorySize"]) == (7, 256)
    assert configuration["Environment"] == {"Variables": {"STAGE": "test"}}
    assert (configuration["State"], configuration["LastUpdateStatus"]) == ("Active", "Successful")
    assert configuration["CodeSize"] == (projects.folder / "app.py").stat().st_size
    assert configuration["Version"] == "$LATEST"
    assert found["Code"]["Location"] == projects.folder.as_uri()
    assert found["Concurrency"] == {"ReservedConcurrentExecutions": 5}
    single = client.get_function_configuration(FunctionName="one")
    assert {**single, "ResponseMetadata": None} == {**configuration, "ResponseMetadata": None}
    assert "Concurrency" not in client.get_function(FunctionName="two")


@pytest.mark.parametrize(
    ("settings", "arn", "version"),
    [
        ({"FunctionName": "one:live"}, "one:live", "2"),
        ({"FunctionName": "one", "Qualifier": "1"}, "one:1", "1"),
        ({"FunctionName": "one", "Qualifier": "$LATEST"}, "one:$LATEST", "$LATEST"),
        ({"FunctionName": ARN + "two"}, "two", "$LATEST"),
        ({"FunctionName": "012345678912:function:one:old"}, "one:old", "1"),
    ],
)
def test_qualifier_selects_version(client: Any, settings: dict[str, str], arn: str, version: str) -> None:
    """A qualifier, in the name or apart, selects the version, and the ARN shows it."""
    found = client.get_function_configuration(**settings)
    assert (found["FunctionArn"], found["Version"]) == (ARN + arn, version)


def test_digest_is_that_of_the_code(projects: Projects, run: Run, tmp_path: Path) -> None:
    """`CodeSha256` is that of a zip file; of a folder it changes with the content and only with it."""
    content = package("def echo(event, headers): pass")
    (tmp_path / "code.zip").write_bytes(content)
    zipped = projects.function("zipped")
    zipped = type(zipped)(type(zipped.config)("app.echo", tmp_path / "code.zip", "zipped"))
    client = checking_client(run(zipped, projects.function("folder")).endpoint_url)
    found = client.get_function_configuration(FunctionName="zipped")
    assert base64.b64decode(found["CodeSha256"]) == hashlib.sha256(content).digest()
    assert found["CodeSize"] == len(content)

    def digest() -> str:
        return str(client.get_function_configuration(FunctionName="folder")["CodeSha256"])

    first = digest()
    (projects.folder / "__pycache__").mkdir()
    (projects.folder / "__pycache__" / "app.pyc").write_text("bytecode")
    assert digest() == first
    projects.edit()
    second = digest()
    (projects.folder / "other.py").write_text("")
    assert len({first, second, digest()}) == 3


def test_lists_have_pages(client: Any) -> None:
    """Lists are complete over their pages; every page but the last has a marker."""
    assert [each["FunctionName"] for each in client.list_functions()["Functions"]] == ["one", "three", "two"]
    first = client.list_functions(MaxItems=2)
    assert len(first["Functions"]) == 2
    rest = client.list_functions(MaxItems=2, Marker=first["NextMarker"])
    assert [each["FunctionName"] for each in rest["Functions"]] == ["two"] and "NextMarker" not in rest
    every = client.get_paginator("list_functions").paginate(FunctionVersion="ALL", PaginationConfig={"PageSize": 2})
    arns = [each["FunctionArn"].removeprefix(ARN) for page in every for each in page["Functions"]]
    assert arns == ["one:$LATEST", "one:1", "one:2", "three:$LATEST", "two:$LATEST"]
    versions = client.get_paginator("list_versions_by_function").paginate(
        FunctionName="one", PaginationConfig={"PageSize": 1}
    )
    assert [each["Version"] for page in versions for each in page["Versions"]] == ["$LATEST", "1", "2"]
    aliases = client.get_paginator("list_aliases").paginate(FunctionName="one", PaginationConfig={"PageSize": 1})
    assert [each["Name"] for page in aliases for each in page["Aliases"]] == ["live", "old"]


def test_lists_have_filters(client: Any) -> None:
    """Aliases are listed by one of their versions."""
    for version, names in (("1", ["live", "old"]), ("2", ["live"]), ("$LATEST", [])):
        found = client.list_aliases(FunctionName="one", FunctionVersion=version)["Aliases"]
        assert [each["Name"] for each in found] == names


def test_alias_has_weights(client: Any) -> None:
    """GetAlias shows the version and the weights of others."""
    found = client.get_alias(FunctionName="one", Name="live")
    assert (found["AliasArn"], found["FunctionVersion"]) == (ARN + "one:live", "2")
    assert found["RoutingConfig"] == {"AdditionalVersionWeights": {"1": 0.25}}
    assert "RoutingConfig" not in client.get_alias(FunctionName="one", Name="old")


def test_url_is_shown(client: Any) -> None:
    """The configuration of a URL shows where it is served, and its settings."""
    found = client.get_function_url_config(FunctionName="one", Qualifier="live")
    assert (found["AuthType"], found["InvokeMode"]) == ("AWS_IAM", "RESPONSE_STREAM")
    assert found["Cors"] == {"AllowOrigins": ["https://a.com"], "AllowCredentials": True, "MaxAge": 60}
    assert found["FunctionUrl"].startswith("http://127.0.0.1:")
    (listed,) = client.list_function_url_configs(FunctionName="one")["FunctionUrlConfigs"]
    assert listed == {name: value for name, value in found.items() if name != "ResponseMetadata"}
    assert client.list_function_url_configs(FunctionName="two")["FunctionUrlConfigs"] == []
    for settings in ({"FunctionName": "one"}, {"FunctionName": "two"}, {"FunctionName": "one", "Qualifier": "old"}):
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            client.get_function_url_config(**settings)


def test_concurrency_is_shown(client: Any) -> None:
    """Reserved and provisioned concurrency, and the account's rest, are shown."""
    assert client.get_function_concurrency(FunctionName="one")["ReservedConcurrentExecutions"] == 5
    assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(FunctionName="two")
    found = client.get_provisioned_concurrency_config(FunctionName="one", Qualifier="old")
    assert (found["Status"], found["AvailableProvisionedConcurrentExecutions"]) == ("READY", 1)
    (listed,) = client.list_provisioned_concurrency_configs(FunctionName="one")["ProvisionedConcurrencyConfigs"]
    assert listed["FunctionArn"] == ARN + "one:old"
    with pytest.raises(client.exceptions.ProvisionedConcurrencyConfigNotFoundException):
        client.get_provisioned_concurrency_config(FunctionName="one", Qualifier="live")
    settings = client.get_account_settings()
    limit = settings["AccountLimit"]
    assert (limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"]) == (1000, 995)
    assert settings["AccountUsage"]["FunctionCount"] == 3


def test_event_source_mappings_are_listed(projects: Projects) -> None:
    """Mappings of queues are listed by function and by source; a schedule is not a mapping."""
    project = Project(
        projects.folder,
        (projects.function("one"), projects.function("two")),
        queues=(Queue("Jobs", "jobs-queue"),),
        sources=(
            QueueSource("JobsEvent", "one", "Jobs", batch_size=5, window_s=2, filters=('{"body":{"a":[1]}}',)),
            QueueSource(
                "OtherEvent",
                "two",
                "arn:aws:sqs:us-east-1:012345678912:other",
                qualifier="live",
                maximum_concurrency=3,
                report_batch_item_failures=True,
                enabled=False,
            ),
            OtherSource("Tick", "one", "Schedule"),
        ),
    )
    with LocalProject(project) as running:
        client = checking_client(running.endpoint_url)
        first, second = client.list_event_source_mappings()["EventSourceMappings"]
        assert (first["BatchSize"], first["MaximumBatchingWindowInSeconds"], first["State"]) == (5, 2, "Enabled")
        assert first["EventSourceArn"] == "arn:aws:sqs:us-east-1:012345678912:jobs-queue"
        assert first["FilterCriteria"] == {"Filters": [{"Pattern": '{"body":{"a":[1]}}'}]}
        assert (second["FunctionArn"], second["State"]) == (ARN + "two:live", "Disabled")
        assert (second["FunctionResponseTypes"], second["ScalingConfig"]) == (
            ["ReportBatchItemFailures"],
            {"MaximumConcurrency": 3},
        )
        for filters in ({"FunctionName": "two"}, {"EventSourceArn": second["EventSourceArn"]}):
            (found,) = client.list_event_source_mappings(**filters)["EventSourceMappings"]
            assert found["UUID"] == second["UUID"]
        assert client.get_event_source_mapping(UUID=first["UUID"])["BatchSize"] == 5
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            client.get_event_source_mapping(UUID="0" * 36)


@pytest.mark.parametrize(
    ("call", "settings", "name", "text"),
    [
        ("get_function", {"FunctionName": "four"}, "ResourceNotFoundException", f"Function not found: {ARN}four"),
        ("get_function", {"FunctionName": "one:3"}, "ResourceNotFoundException", f"Function not found: {ARN}one:3"),
        ("get_function", {"FunctionName": "a b"}, "ValidationException", "'a b' at 'functionName'"),
        (
            "get_function",
            {"FunctionName": "one:1", "Qualifier": "2"},
            "InvalidParameterValueException",
            "The derived qualifier from the function name does not match",
        ),
        ("get_alias", {"FunctionName": "one", "Name": "x"}, "ResourceNotFoundException", f"alias arn: {ARN}one:x"),
        ("get_policy", {"FunctionName": "one"}, "ResourceNotFoundException", "The resource you requested does not"),
        ("get_policy", {"FunctionName": "four"}, "ResourceNotFoundException", "Function not found"),
        ("list_functions", {"Marker": "x"}, "InvalidParameterValueException", "pagination token"),
        ("list_versions_by_function", {"FunctionName": "four"}, "ResourceNotFoundException", "Function not found"),
    ],
)
def test_bad_request_gets_service_error(client: Any, call: str, settings: dict[str, Any], name: str, text: str) -> None:
    """Unknown resources and bad parameters get AWS's error."""
    with pytest.raises(ClientError) as raised:
        getattr(client, call)(**settings)
    assert raised.value.response["Error"]["Code"] == name
    assert text in raised.value.response["Error"]["Message"]


def test_waiters_end(client: Any) -> None:
    """Every waiter of boto3 ends after its first request if the function can run."""
    for name in client.waiter_names:
        settings = {"Qualifier": "1"} if name == "published_version_active" else {}
        client.get_waiter(name).wait(FunctionName="one", WaiterConfig={"MaxAttempts": 1}, **settings)


def test_unavailable_function_is_shown_as_failed(projects: Projects, run: Run) -> None:
    """A list shows a function that cannot run on this machine, with its state and the reason."""
    client = checking_client(run(projects.function("image", unavailable="no image can run")).endpoint_url)
    (found,) = client.list_functions()["Functions"]
    assert (found["State"], found["StateReason"], found["PackageType"]) == ("Failed", "no image can run", "Image")
    assert json.dumps(client.get_function(FunctionName="image")["Code"])
