"""Region and account of a function: one setting each, which everything that names them follows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import urllib3

from awslambdaric_lite.emulator import AsyncOptions, InvalidFunction, LocalLambda

from .command_line import run
from .extension_harness import Programs
from .waiting import WAIT

WriteHandler = Callable[[str], Path]

SEEN = """
import os
def handler(event, context):
    return {
        "arn": context.invoked_function_arn,
        "region": [os.environ["AWS_REGION"], os.environ["AWS_DEFAULT_REGION"]],
        "domain": event.get("requestContext", {}).get("domainName"),
    }
"""
PLACES = [
    ("sa-east-1", "012345678912", "arn:aws:lambda:sa-east-1:012345678912:function:function"),
    ("cn-north-1", "111122223333", "arn:aws-cn:lambda:cn-north-1:111122223333:function:function"),
    ("us-gov-west-1", "111122223333", "arn:aws-us-gov:lambda:us-gov-west-1:111122223333:function:function"),
]


@pytest.mark.parametrize(("region", "account", "arn"), PLACES)
def test_region_and_account_reach_every_name(
    region: str, account: str, arn: str, write_handler: WriteHandler, tmp_path: Path
) -> None:
    """Variables, the context, callers' ARNs, the function URL, the log and destination records have one region."""
    records = tmp_path / "records"
    with LocalLambda(
        "app.handler",
        task_root=write_handler(SEEN),
        region=region,
        account=account,
        timeout_s=WAIT,
        asynchronous=AsyncOptions(on_success=records),
    ) as function:
        result = function.invoke()
        assert result.json() == {"arn": arn, "region": [region, region], "domain": None}
        start = result.logs.splitlines()[0]
        assert f"Runtime Version ARN: {arn.partition(':lambda:')[0]}:lambda:{region}::runtime:" in start
        path = f"{function.endpoint_url}/2015-03-31/functions/{arn}:$LATEST/invocations"
        assert urllib3.request("POST", path, body=b"{}").json()["arn"] == f"{arn}:$LATEST"
        elsewhere = path.replace(region, "eu-west-3")
        refused = urllib3.request("POST", elsewhere, body=b"{}")
        assert refused.status == 404 and f"in this region ('{region}')" in refused.json()["Message"]
        headers = {"Host": ""}
        assert urllib3.request("GET", function.url, headers=headers).json()["domain"].endswith(f".{region}.on.aws")
        function.invoke_async()
        function.wait_for_async()
    (record,) = [json.loads(line) for line in records.read_text().splitlines()]
    assert record["requestContext"]["functionArn"] == f"{arn}:$LATEST"


def test_users_region_is_default(write_handler: WriteHandler, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default region is that of the user's variables; the function's own variable takes precedence."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-south-1")
    root = write_handler(SEEN)
    assert LocalLambda("app.handler", task_root=root).function.arn.startswith("arn:aws:lambda:ap-south-1:")
    own = LocalLambda("app.handler", task_root=root, env={"AWS_REGION": "cn-north-1"})
    assert own.function.arn.startswith("arn:aws-cn:lambda:cn-north-1:")


def test_extension_gets_account(write_handler: WriteHandler, programs: Programs) -> None:
    """An extension that asks for the account gets that of the function."""
    ask = 'trace(extension.register([], Lambda_Extension_Accept_Feature="accountId").json())\nextension.next()\n'
    program = programs.write("asks", ask)
    root = write_handler("def handler(event, context): pass")
    with LocalLambda(
        "app.handler",
        task_root=root,
        account="111122223333",
        extensions=[program],
        env=programs.env,
        timeout_s=WAIT,
    ) as function:
        assert function.invoke().error is None
    assert programs.trace[0]["accountId"] == "111122223333"


@pytest.mark.parametrize("settings", [{"region": ""}, {"region": "us-east"}, {"region": None}])
def test_invalid_region_is_refused(settings: dict[str, Any], tmp_path: Path) -> None:
    """A name that no region has is refused."""
    with pytest.raises(InvalidFunction, match=r"region .* is not the name of an AWS region; choose one"):
        LocalLambda("app.handler", task_root=tmp_path, **settings)


@pytest.mark.parametrize("account", ["", "12", "01234567891x", "٠١٢٣٤٥٦٧٨٩١٢", 111122223333])
def test_invalid_account_is_refused(account: Any, tmp_path: Path) -> None:
    """Anything but twelve digits as text is refused as an account."""
    with pytest.raises(InvalidFunction, match=r"account .* is not the number of an AWS account; give its 12 digits"):
        LocalLambda("app.handler", task_root=tmp_path, account=account)


def test_command_line_sets_region_and_account(write_handler: WriteHandler, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--region` and `--account` set both; without them the region is the user's; invalid values exit with 2."""
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    invoke = ("invoke", "app.handler", "--task-root", str(write_handler(SEEN)))
    assert json.loads(run(*invoke).stdout)["region"] == ["eu-central-1", "eu-central-1"]
    given = run(*invoke, "--region", "us-gov-east-1", "--account", "111122223333")
    assert json.loads(given.stdout)["arn"] == "arn:aws-us-gov:lambda:us-gov-east-1:111122223333:function:function"
    for option, value in (("--region", "nowhere"), ("--account", "12")):
        refused = run(*invoke, option, value)
        assert (refused.returncode, refused.stdout) == (2, b"")
        assert f"{option[2:]} '{value}' is not the n" in refused.stderr.decode()
