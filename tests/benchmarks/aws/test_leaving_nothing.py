"""Whatever happens, nothing of ours stays in the account, and nothing of others goes."""

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
    """Return what refuses all calls of an operation."""
    return lambda call: Refusal(403, "AccessDeniedException", "not you") if call.operation == operation else None


class Signals:
    """Sends signals to the command's process when certain calls arrive, each once: while it waits for the answer."""

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
        """Tell whether every call has come."""
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
def test_ctrl_c_at_any_call(aws: AwsDouble, command: Command, layers: Path, operations: list[str]) -> None:
    """Ctrl-C, also again and again, ends the command soon, with everything deleted."""
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


def test_sigterm_is_as_good(aws: AwsDouble, command: Command, tmp_path: Path) -> None:
    """A service manager's signal deletes, too; the rounds that were whole are kept; the status says which signal."""
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


def test_a_killed_run_is_cleaned_up_by_the_next(
    aws: AwsDouble, command: Command, layers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """SIGKILL leaves all; `--clean` finds it by prefix and mark, and leaves what others have of the same prefix."""
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
    assert "nothing is left" in capsys.readouterr().err


def make_things_of_others(aws: AwsDouble) -> list[str]:
    """Make things with our prefix, but without the mark; return their names."""
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


def test_a_function_of_that_name_is_not_touched(aws: AwsDouble, command: Command) -> None:
    """Somebody's function stops the run, and survives it."""
    of_others = make_things_of_others(aws)
    with pytest.raises(SystemExit, match=r"bench-awslambdaric-zip-128-x86_64 exists already; choose another"):
        command(*ONE)
    assert aws.left() == of_others


def test_what_cannot_be_deleted_is_listed(aws: AwsDouble, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    """The rest is deleted, the status is 1, and the command that tries again is named and does it."""
    aws.on_call = refuse("DeleteFunction")
    assert command(*ONE) == 1
    told = capsys.readouterr().err
    assert "NOT deleted: function bench-awslambdaric-zip-128-x86_64: " in told and "not you" in told
    assert "python -m benchmarks aws --clean --function-prefix bench" in told
    assert aws.left() == ["bench-awslambdaric-zip-128-x86_64"]

    aws.on_call = lambda call: None
    assert command("--clean") == 0
    assert aws.left() == []


def test_keep(aws: AwsDouble, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    """`--keep` leaves everything and says so."""
    assert command(*ONE, "--keep") == 0
    assert len(aws.left()) == 2
    assert "kept function bench-awslambdaric-zip-128-x86_64" in capsys.readouterr().err
    assert command("--clean") == 0
    assert aws.left() == []


def test_log_groups_go_with_functions_of_a_role_that_writes_logs(aws: AwsDouble, command: Command) -> None:
    """With somebody's role, a log group that was not there before is deleted; one that was there stays."""
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
