"""After any end of a run the account has none of our resources, and all of the others."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.aws.resources import ROLE_PATH, TAG
from benchmarks.results import Results

from .conftest import Command
from .double import AwsDouble, Call, Refusal

GUARD = 110
ONE = ("--variant", "awslambdaric", "--samples", "1", "--warm", "0")


def refuse(operation: str) -> Callable[[Call], Refusal | None]:
    """Return a hook that refuses all calls of an operation."""
    return lambda call: Refusal(403, "AccessDeniedException", "not you") if call.operation == operation else None


class Signals:
    """A hook that sends signals to the command's process, each once, while it waits for the response to a call."""

    def __init__(self, *operations: str, number: signal.Signals = signal.SIGINT) -> None:
        self._operations = list(operations)
        self._number = number
        self.process: subprocess.Popen[str] | None = None

    def __call__(self, call: Call) -> None:
        assert self.process is not None
        if self._operations and call.operation == self._operations[0]:
            self._operations.pop(0)
            self.process.send_signal(self._number)

    def sent_all(self) -> bool:
        """Return whether every expected call has arrived."""
        return not self._operations


@pytest.mark.parametrize(
    "operations",
    [
        ["CreateRole"],
        ["PublishLayerVersion"],
        ["CreateFunction", "DeleteFunction"],
        ["CreateFunction", "CreateFunction"],
        ["UpdateFunctionConfiguration", "DeleteRole"],
        ["Invoke", "DeleteFunction", "DeleteLayerVersion", "DeleteRole"],
    ],
    ids=" then ".join,
)
def test_ctrl_c_deletes_everything(aws: AwsDouble, command: Command, layers: Path, operations: list[str]) -> None:
    """Ctrl-C during any call, also repeated, ends the command soon and deletes all resources."""
    signals = Signals(*operations)
    aws.on_call = signals
    options = ["--layers", str(layers), "--variant", "lite-wrapper", "--variant", "awslambdaric", "--samples", "500"]
    signals.process = command.start(*options, "--warm", "0")
    _, told = signals.process.communicate(timeout=GUARD)

    assert signals.process.returncode == 1, told
    assert told.endswith("benchmarks: stopped\n"), told
    assert "Traceback" not in told
    assert signals.sent_all() or operations == ["CreateFunction", "CreateFunction"]
    assert aws.left() == []


def test_sigterm_deletes_everything(aws: AwsDouble, command: Command, tmp_path: Path) -> None:
    """SIGTERM deletes all resources, keeps the complete rounds, and decides the exit status."""
    output = tmp_path / "r.json"
    process = command.start("--variant", "awslambdaric", "--samples", "500", "--warm", "0", "-o", str(output))

    def on_call(call: Call) -> None:
        if call.operation == "Invoke" and aws.operations().count("Invoke") == 3:
            process.terminate()

    aws.on_call = on_call
    _, told = process.communicate(timeout=GUARD)
    assert process.returncode == 128 + signal.SIGTERM, told
    assert "deleted function bench-awslambdaric-zip-128-x86_64" in told
    assert aws.left() == []
    assert Results.load(output).rounds == 2


def test_clean_deletes_after_sigkill(
    aws: AwsDouble, command: Command, layers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After SIGKILL `--clean` deletes the resources with prefix and mark, and keeps others with the same prefix."""
    signals = Signals("Invoke", number=signal.SIGKILL)
    aws.on_call = signals
    signals.process = command.start("--layers", str(layers), "--variant", "lite-wrapper")
    signals.process.communicate(timeout=GUARD)
    of_others = make_things_of_others(aws)
    assert len(aws.left()) == 3 + len(of_others)

    assert command("--clean", "--dry-run") == 0
    assert len(aws.left()) == 3 + len(of_others)
    assert "would delete function bench-lite-wrapper-zip-128-x86_64" in capsys.readouterr().err

    assert command("--clean") == 0
    told = capsys.readouterr().err
    assert sorted(line.split()[2] for line in told.splitlines() if " deleted " in line) == ["function", "layer", "role"]
    assert sorted(aws.left()) == sorted(of_others)

    assert command("--clean") == 0
    assert "left nothing" in capsys.readouterr().err


def make_things_of_others(aws: AwsDouble) -> list[str]:
    """Make resources with our prefix and without our mark; return their names."""
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = aws.client("iam").create_role(RoleName="bench-role", Path=ROLE_PATH, AssumeRolePolicyDocument=trust)
    services = aws.client("lambda")
    empty = b"PK\5\6" + 18 * b"\0"
    services.publish_layer_version(LayerName="bench-layer", Description="mine", Content={"ZipFile": empty})
    services.create_function(
        FunctionName="bench-awslambdaric-zip-128-x86_64",
        Runtime="python3.13",
        Role=role["Role"]["Arn"],
        Handler="a.b",
        Code={"ZipFile": empty},
        Tags={"team": "mine"},
    )
    return ["bench-awslambdaric-zip-128-x86_64", "bench-layer", "bench-role"]


def test_existing_function_is_kept(aws: AwsDouble, command: Command) -> None:
    """A function that exists under a needed name stops the run and is not changed."""
    of_others = make_things_of_others(aws)
    with pytest.raises(SystemExit, match=r"bench-awslambdaric-zip-128-x86_64 exists already; choose another"):
        command(*ONE)
    assert aws.left() == of_others


def test_failed_deletion_is_listed(aws: AwsDouble, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    """A failed deletion is listed and makes the exit status 1; the message has a command that deletes it later."""
    aws.on_call = refuse("DeleteFunction")
    assert command(*ONE) == 1
    told = capsys.readouterr().err
    assert "NOT deleted: function bench-awslambdaric-zip-128-x86_64: " in told and "not you" in told
    assert "python -m benchmarks aws --clean --function-prefix bench" in told
    assert aws.left() == ["bench-awslambdaric-zip-128-x86_64"]

    aws.on_call = lambda call: None
    assert command("--clean") == 0
    assert aws.left() == []


def test_keep_leaves_all_resources(aws: AwsDouble, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    """`--keep` deletes nothing and lists the resources."""
    assert command(*ONE, "--keep") == 0
    assert len(aws.left()) == 2
    assert "kept function bench-awslambdaric-zip-128-x86_64" in capsys.readouterr().err
    assert command("--clean") == 0
    assert aws.left() == []


def test_new_log_groups_are_deleted(aws: AwsDouble, command: Command) -> None:
    """With a role that writes logs, the run deletes the log groups that did not exist before it."""
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="/aws/lambda/bench-awslambdaric-zip-128-x86_64")

    def write_logs(call: Call) -> None:
        if call.operation == "Invoke" and "512" in call.path:
            logs.create_log_group(logGroupName="/aws/lambda/bench-awslambdaric-zip-512-x86_64")

    aws.after_call = write_logs
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = aws.client("iam").create_role(RoleName="theirs", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    assert command(*ONE, "--memory", "128", "--memory", "512", "--role", role) == 0

    assert aws.operations().count("DeleteLogGroup") == 1
    assert aws.left() == ["theirs", "/aws/lambda/bench-awslambdaric-zip-128-x86_64"]
    created = [call.json() for call in aws.calls if call.operation == "CreateFunction"]
    assert [each["Role"] for each in created] == [role, role]
    assert all(each["Tags"][TAG] for each in created)
