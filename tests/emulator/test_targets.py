"""Names of functions and qualifiers: what the service model allows is looked up, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import urllib3

from awslambdaric_lite.emulator import FunctionConfig, InvalidFunction, LocalLambda, UnknownQualifier
from awslambdaric_lite.emulator.frontend import requests, targets
from awslambdaric_lite.emulator.frontend.service_errors import ServiceError
from awslambdaric_lite.emulator.functions.registry import FunctionEntry, Registry
from awslambdaric_lite.emulator.host import FunctionHost

from .command_line import Serve, shell
from .waiting import WAIT

ACCOUNT = "012345678912"
ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function"
# Values for each branch of the pattern of names, with the name, the qualifier and the region in them.
NAMES = [
    ("greeter", "greeter", None),
    ("greeter.v2", "greeter.v2", None),
    ("a-b_C9", "a-b_C9", None),
    ("function", "function", None),
    ("us-east-1", "us-east-1", None),
    (ACCOUNT, ACCOUNT, None),
    ("greeter:7", "greeter", "7"),
    ("greeter:$LATEST", "greeter", "$LATEST"),
    ("greeter:$LATEST.PUBLISHED", "greeter", "$LATEST.PUBLISHED"),
    ("function:greeter", "greeter", None),
    ("function:greeter:live", "greeter", "live"),
    ("function:live", "function", "live"),
    ("function:function", "function", None),
    (f"{ACCOUNT}:greeter", "greeter", None),
    (f"{ACCOUNT}:function:greeter", "greeter", None),
    (f"{ACCOUNT}:function:greeter:live", "greeter", "live"),
    ("us-east-1:greeter", "greeter", None),
    ("us-east-1:live", "us-east-1", "live"),
    (f"us-east-1:{ACCOUNT}:function:greeter", "greeter", None),
    (f"us-east-1:{ACCOUNT}:function:greeter:live", "greeter", "live"),
    (f"{ARN}:greeter", "greeter", None),
    (f"{ARN}:greeter:$LATEST.PUBLISHED", "greeter", "$LATEST.PUBLISHED"),
    (f"{ARN}:function:live", "function", "live"),
    (f"arn::lambda:us-east-1:{ACCOUNT}:greeter", "greeter", None),
    ("arn:aws:lambda:greeter", "greeter", None),
]
REGIONS = ["us-gov-west-1", "us-iso-east-1", "us-isob-east-1", "eusc-de-east-1", "cn-north-1", "ap-southeast-2"]
NO_NAMES = ["", "a b", "a:b:c", "grüßer", "arn:aws:s3:us-east-1:x", "greeter:", ":greeter", "greeter:v$1", "a" * 257]
QUALIFIERS = ["$LATEST", "$LATEST.PUBLISHED", "$", "v$1", "7", "live", "a-b_C", "a" * 128]
NO_QUALIFIERS = ["$LATEST.OTHER", "a.b", "a b", "ä", "a" * 129]


@pytest.fixture(scope="module")
def members() -> Any:
    """Return the members of Invoke's request in botocore's model."""
    model = botocore.session.get_session().get_service_model("lambda")
    return model.operation_model("Invoke").input_shape.members


def test_patterns_are_those_of_the_model(members: Any) -> None:
    """Patterns and lengths of names, qualifiers and tenants equal those of the newest service model."""
    metadata = {name: members[name].metadata for name in ("FunctionName", "Qualifier", "TenantId")}
    ours = {
        "FunctionName": (targets.FUNCTION_NAME, targets.MAX_FUNCTION_NAME),
        "Qualifier": (targets.QUALIFIER, targets.MAX_QUALIFIER),
        "TenantId": (requests.TENANT_ID, requests.MAX_TENANT_ID),
    }
    assert {name: (each["pattern"], each["max"]) for name, each in metadata.items()} == ours


def find(folder: Path, wanted: str, qualifier: str | None = None, **settings: Any) -> str:
    """Return the ARN of a target, or the type of the error."""
    try:
        entry = FunctionEntry(FunctionHost(FunctionConfig("app.handler", folder, **settings)))
        return targets.find_target(Registry.of_one(entry), wanted, qualifier).arn
    except ServiceError as error:
        return error.name


@pytest.mark.parametrize(("wanted", "name", "qualifier"), NAMES)
def test_allowed_name_finds_function(wanted: str, name: str, qualifier: str | None, tmp_path: Path) -> None:
    """Each form of a name that the model allows finds the function with this name, and its qualifier."""
    managed: dict[str, Any] = {"managed_concurrency": 2} if qualifier == "$LATEST.PUBLISHED" else {}
    aliases = {"live": "7"}
    found = find(tmp_path, wanted, name=name, aliases=aliases, **managed)
    assert found == f"{ARN}:{name}" + (f":{qualifier}" if qualifier else "")
    assert find(tmp_path, wanted, name="other", aliases=aliases, **managed) == "ResourceNotFoundException"


@pytest.mark.parametrize("region", REGIONS)
def test_region_of_every_partition_is_allowed(region: str, tmp_path: Path) -> None:
    """Names with the function's region find it; in another region it is not found."""
    wanted = f"arn:aws:lambda:{region}:{ACCOUNT}:function:greeter"
    for each in (wanted, wanted.removeprefix("arn:aws:lambda:")):
        assert find(tmp_path, each, name="greeter", region=region).endswith(":greeter")
        assert find(tmp_path, each, name="greeter") == "ResourceNotFoundException"


@pytest.mark.parametrize("wanted", NO_NAMES)
def test_other_name_violates_constraint(wanted: str, tmp_path: Path) -> None:
    """A name that the model does not allow is a validation error."""
    assert find(tmp_path, wanted) == "ValidationException"


@pytest.mark.parametrize("qualifier", QUALIFIERS)
def test_allowed_qualifier_is_looked_up(qualifier: str, tmp_path: Path) -> None:
    """A qualifier that the model allows is a version, an alias, or not found."""
    known = {"$LATEST": f"{ARN}:function:$LATEST", "live": f"{ARN}:function:live", "7": f"{ARN}:function:7"}
    expected = known.get(qualifier, "ResourceNotFoundException")
    assert find(tmp_path, "function", qualifier, aliases={"live": "7"}) == expected


@pytest.mark.parametrize("qualifier", NO_QUALIFIERS)
def test_other_qualifier_violates_constraint(qualifier: str, tmp_path: Path) -> None:
    """A qualifier that the model does not allow is a validation error."""
    assert find(tmp_path, "function", qualifier) == "ValidationException"


def test_managed_instances_run_published_version(tmp_path: Path) -> None:
    """On Managed Instances, invocations without a qualifier run `$LATEST.PUBLISHED`, and aliases may name it."""
    function = FunctionConfig("app.handler", tmp_path, managed_concurrency=2, aliases={"live": "$LATEST.PUBLISHED"})
    assert function.resolve(None) == ("$LATEST.PUBLISHED", f"{ARN}:function")
    assert function.resolve("$LATEST.PUBLISHED") == ("$LATEST.PUBLISHED", f"{ARN}:function:$LATEST.PUBLISHED")
    assert function.resolve("live") == ("$LATEST.PUBLISHED", f"{ARN}:function:live")
    assert FunctionConfig("app.handler", tmp_path).resolve(None) == ("$LATEST", f"{ARN}:function")
    with pytest.raises(InvalidFunction, match="needs managed_concurrency"):
        FunctionConfig("app.handler", tmp_path, aliases={"live": "$LATEST.PUBLISHED"})


def test_published_version_reaches_function(write_handler: Callable[[str], Path]) -> None:
    """The function and the caller see the version `$LATEST.PUBLISHED` of Managed Instances."""
    source = "import os\ndef handler(event, context): return os.environ['AWS_LAMBDA_FUNCTION_VERSION']"
    with LocalLambda(
        "app.handler", task_root=write_handler(source), managed_concurrency=2, provisioned=1, timeout_s=WAIT
    ) as function:
        assert len(function.environments) == 1
        path = f"{function.endpoint_url}/2015-03-31/functions/function/invocations"
        for query in ("", "?Qualifier=$LATEST.PUBLISHED"):
            answer = urllib3.request("POST", path + query, body=b"{}")
            assert (answer.json(), answer.headers["X-Amz-Executed-Version"]) == ("$LATEST.PUBLISHED",) * 2
        assert len(function.environments) == 1


@pytest.mark.parametrize(
    ("qualifier", "cure"),
    [
        ("v2", "known: $LATEST, live, 7; add it by --alias v2=VERSION, in Python by aliases={'v2': 'VERSION'}"),
        ("8", "known: $LATEST, live, 7; add it by --alias NAME=8, in Python by aliases={'NAME': '8'}"),
        ("v$1", "no alias can have this name; known: $LATEST, live, 7"),
        ("$LATEST.PUBLISHED", "only Managed Instances (managed_concurrency, --managed-concurrency) have it; known: "),
    ],
)
def test_unknown_qualifier_says_how_to_make_it_known(qualifier: str, cure: str, tmp_path: Path) -> None:
    """The message for an unknown qualifier lists the known ones and names the setting and the option."""
    with pytest.raises(UnknownQualifier) as raised:
        FunctionConfig("app.handler", tmp_path, aliases={"live": "7"}).resolve(qualifier)
    assert str(raised.value).startswith(f"Function not found: {ARN}:function:{qualifier}; {cure}")


def test_serve_shows_how_to_make_qualifier_known(
    write_handler: Callable[[str], Path], socket_runtime: list[str]
) -> None:
    """The caller of an unknown qualifier gets AWS's text, and `serve` shows how to make it known."""
    root = write_handler("def handler(event, context): pass")
    with Serve("app.handler", "--task-root", str(root), "--runtime", shell(socket_runtime)) as serve:
        path = f"{serve.endpoint_url}/2015-03-31/functions/function/invocations?Qualifier=v2"
        answer = urllib3.request("POST", path, body=b"{}")
        assert (answer.status, answer.json()["Message"]) == (404, f"Function not found: {ARN}:function:v2")
        assert "--alias v2=VERSION" in serve.event("log")["line"]
