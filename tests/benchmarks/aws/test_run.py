"""Whole runs: moto's control plane, real processes behind the invocations, real REPORT lines."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.aws.resources import ROLE_PATH, TAG
from benchmarks.build_cache import HERE
from benchmarks.results import Results

from .conftest import Command
from .double import AwsDouble, Call, Refusal

OFFICIAL_ONLY = ("--variant", "awslambdaric", "--samples", "1", "--warm", "0")


def c_function(folder: Path) -> Path:
    """Compile the C client statically, as a Rust function could be; skip the test if that is not possible."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler or platform.machine() != "x86_64":
        pytest.skip("no C compiler for x86_64 on PATH")
    target = folder / "bootstrap"
    source = HERE / "contenders" / "c" / "client.c"
    compiled = subprocess.run([compiler, "-O1", "-static", "-o", target, source], capture_output=True, check=False)
    if compiled.returncode:
        pytest.skip("the C compiler cannot link statically (libc.a is missing)")
    return target


def test_run_measures_every_variant(
    aws: AwsDouble, command: Command, layers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run starts four functions cold in each round, writes all samples into both files, and deletes all resources."""
    output, perf = tmp_path / "new" / "r.json", tmp_path / "perf.json"
    files = ["-o", str(output), "--lambda-perf", str(perf)]
    rust = ["--rust", str(c_function(tmp_path))]
    assert (
        command("--layers", str(layers), *rust, "--samples", "2", "--warm", "1", "--runtime", "python3.13", *files) == 0
    )

    results = Results.load(output)
    assert list(results.samples) == ["awslambdaric", "lite-wrapper", "lite-provided", "rust"]
    assert results.rounds == 2 and results.skipped == {} and results.per_run == {"warm_duration_128mb": 1}
    for contender in results.samples:
        for measure in ("init_duration", "first_duration", "first_billed_duration", "warm_duration"):
            values = results.of(contender, f"{measure}_128mb")
            assert len(values) == 2 and all(0 < value < 60 for value in values), (contender, measure)
        assert all(2**20 <= value < 2**30 for value in results.of(contender, "max_memory_used_128mb"))
    assert results.machine["region"] == "us-east-1" and results.machine["python"] == "python3.13"
    assert [each["r"] for each in json.loads(perf.read_text())["runtimeData"]] == list(aws.functions)

    assert aws.left() == []
    told = capsys.readouterr()
    for name in aws.functions:
        assert f"benchmarks: deleted function {name}" in told.err
    assert "deleted layer bench-wrapper-" in told.err and "deleted role bench-" in told.err
    assert "rust at 128 MB" in told.out


def test_functions_get_their_settings(aws: AwsDouble, command: Command, layers: Path) -> None:
    """Each function gets its runtime, layer, memory, variables and mark, and the role has no rights."""
    variants = ["--variant", "lite-wrapper", "--variant", "lite-provided", "--memory", "128", "--memory", "256"]
    assert command("--layers", str(layers), *variants, "--samples", "1", "--log-format", "JSON") == 0

    created = {call.json()["FunctionName"]: call.json() for call in aws.calls if call.operation == "CreateFunction"}
    assert len(created) == 4
    wrapped, provided = created["bench-lite-wrapper-zip-256-x86_64"], created["bench-lite-provided-zip-128-x86_64"]
    assert (wrapped["Runtime"], provided["Runtime"]) == ("python3.13", "provided.al2023")
    assert (wrapped["MemorySize"], provided["MemorySize"]) == (256, 128)
    assert wrapped["Environment"]["Variables"] == {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/awslambdaric-lite"}
    assert provided["Environment"]["Variables"] == {}
    assert [":layer:bench-wrapper-" in layer for layer in wrapped["Layers"]] == [True]
    assert [":layer:bench-provided-" in layer for layer in provided["Layers"]] == [True]
    assert wrapped["LoggingConfig"] == {"LogFormat": "JSON", "SystemLogLevel": "INFO"}
    assert aws.operations().count("PublishLayerVersion") == 2  # one for all sizes of memory
    published = next(call.json() for call in aws.calls if call.operation == "PublishLayerVersion")
    run = wrapped["Tags"][TAG]
    assert published["Description"] == f"{TAG}={run}"
    role = next(call.body.decode() for call in aws.calls if call.operation == "CreateRole")
    assert ROLE_PATH.replace("/", "%2F") in role and run in role
    assert "AttachRolePolicy" not in aws.operations() and "PutRolePolicy" not in aws.operations()
    # Every cold start follows a change.
    changes = [call.json() for call in aws.calls if call.operation == "UpdateFunctionConfiguration"]
    assert len(changes) == 4


def test_temporary_refusals_are_retried(aws: AwsDouble, command: Command) -> None:
    """Throttled calls, creations with a role that Lambda does not know yet, and changes of a function in transition are
    retried.
    """
    refusals = {
        "CreateRole": Refusal(429, "ThrottlingException"),
        "CreateFunction": Refusal(400, "InvalidParameterValueException", "The role cannot be assumed by Lambda."),
        "UpdateFunctionConfiguration": Refusal(409, "ResourceConflictException", "An update is in progress"),
        "Invoke": Refusal(429, "TooManyRequestsException"),
        "DeleteFunction": Refusal(409, "ResourceConflictException", "An update is in progress"),
    }
    expected = list(refusals)
    aws.on_call = lambda call: refusals.pop(call.operation, None)
    assert command(*OFFICIAL_ONLY) == 0

    assert [aws.operations().count(operation) for operation in expected] == [2] * len(expected)
    assert aws.left() == []


def test_permanent_refusal_ends_run(aws: AwsDouble, command: Command) -> None:
    """A permanent refusal ends the run with AWS's message, and the resources are deleted."""
    aws.on_call = lambda call: (
        Refusal(400, "InvalidParameterValueException", "Unsupported runtime")
        if call.operation == "CreateFunction"
        else None
    )
    with pytest.raises(SystemExit, match=r"benchmarks: AWS refuses: .*Unsupported runtime"):
        command(*OFFICIAL_ONLY)
    assert aws.operations().count("CreateFunction") == 1
    aws.on_call = lambda call: None
    assert aws.left() == []


def test_wrong_function_is_skipped(
    aws: AwsDouble, command: Command, layers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A function that responds wrongly is skipped with the reason, and the others are measured."""

    def spoil(call: Call) -> None:
        if call.operation == "CreateFunction" and "lite-wrapper" in (name := call.json()["FunctionName"]):
            (aws.functions[name].folder / "app.py").write_text("def hello(event, context): return 'bye'")

    aws.after_call = spoil
    output = tmp_path / "r.json"
    variants = ["--variant", "lite-wrapper", "--variant", "awslambdaric", "--layers", str(layers)]
    assert command(*variants, "--samples", "2", "--warm", "0", "-o", str(output)) == 0

    results = Results.load(output)
    assert list(results.samples) == ["awslambdaric"] and results.rounds == 2
    assert '"bye" instead of {"message": "hello"}' in results.skipped["lite-wrapper at 128 MB"]
    assert 'skipped: lite-wrapper at 128 MB: responded "bye"' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("broken", "reason"),
    [("tail_without_report", "no REPORT in the log"), ("always_warm", "3 changes of its configuration led to no cold")],
)
def test_missing_cold_starts_fail(
    aws: AwsDouble,
    command: Command,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    broken: str,
    reason: str,
) -> None:
    """A run without a cold start exits with 1, writes no file, and deletes all resources."""
    setattr(aws, broken, True)
    output = tmp_path / "r.json"
    # A first start is always cold, so the second one shows the failure.
    status = command("--variant", "awslambdaric", "--samples", "2", "--warm", "0", "-o", str(output))

    assert status == 1 and not output.exists()
    assert reason in capsys.readouterr().err
    assert aws.left() == []


def test_help_needs_no_account() -> None:
    """`python -m benchmarks aws --help` works without an account."""
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks", "aws", "--help"],
        cwd=HERE.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--function-prefix NAME" in answer.stdout
