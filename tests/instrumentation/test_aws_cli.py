"""The AWS CLI (version 1) as a client of a project: it invokes, reads and changes functions."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.emulator import FunctionConfig, LocalProject
from awslambdaric_lite.emulator.config.project import Alias, Function, Project

WAIT = 300.0
RUNTIME = f"python{sys.version_info[0]}.{sys.version_info[1]}"
APP = "def handler(event, context):\n    return [{code!r}, context.function_name, context.function_version, event]\n"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the program of the AWS CLI: that of this machine if it is version 1, else a new one from PyPI."""
    found = shutil.which("aws")
    if found is not None:
        shown = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=WAIT)
        if (shown.stdout + shown.stderr).startswith("aws-cli/1."):
            return found
    folder = tmp_path_factory.mktemp("aws-cli")
    venv.create(folder, with_pip=True)
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "awscli<2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT)
    if done.returncode:
        pytest.skip(f"the AWS CLI cannot be installed from PyPI: {done.stderr.strip().rpartition(chr(10))[2]}")
    return str(folder / "bin" / "aws")


@pytest.fixture
def run(aws: str, tmp_path: Path) -> Any:
    """Return a function that runs a command of `aws lambda` with a project, and the project's folder."""
    (tmp_path / "app.py").write_text(APP.format(code="a"))
    config = FunctionConfig("app.handler", tmp_path, "one", timeout_s=60)
    function = Function(config, versions=("1",), aliases=(Alias("live", "1"),))
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_PAGER": "",
    }
    with LocalProject(Project(tmp_path, (function,))) as project:
        environment["AWS_ENDPOINT_URL_LAMBDA"] = project.endpoint_url

        def command(*arguments: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [aws, "lambda", *arguments], capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=WAIT
            )

        yield command


Command = Callable[..., "subprocess.CompletedProcess[str]"]


def answer(done: subprocess.CompletedProcess[str]) -> Any:
    """Return the answer of a command that succeeded."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else None


def test_cli_invokes_and_reads(run: Command, tmp_path: Path) -> None:
    """The CLI invokes a version by its alias, and reads functions, versions and aliases page by page."""
    invoked = answer(
        run("invoke", "--function-name", "one", "--qualifier", "live", "--payload", '{"n": 1}', "out.json")
    )
    assert invoked == {"StatusCode": 200, "ExecutedVersion": "1"}
    assert json.loads((tmp_path / "out.json").read_text()) == ["a", "one", "1", {"n": 1}]
    functions = answer(run("list-functions", "--page-size", "1"))["Functions"]
    assert [each["FunctionName"] for each in functions] == ["one"]
    versions = answer(run("list-versions-by-function", "--function-name", "one", "--page-size", "1"))["Versions"]
    assert [each["Version"] for each in versions] == ["$LATEST", "1"]
    assert answer(run("get-alias", "--function-name", "one", "--name", "live"))["FunctionVersion"] == "1"
    refused = run("get-function", "--function-name", "missing")
    assert refused.returncode == 255 or refused.returncode == 254
    assert "(ResourceNotFoundException) when calling the GetFunction operation: Function not found" in refused.stderr


def test_cli_changes_functions(run: Command, tmp_path: Path) -> None:
    """The CLI creates, updates, publishes and deletes a function, and waits for it."""
    for text in "ab":
        with zipfile.ZipFile(tmp_path / f"{text}.zip", "w") as archive:
            archive.writestr("app.py", APP.format(code=text))
    named = ("--function-name", "new")
    role = ("--role", "arn:aws:iam::012345678912:role/r")
    created = answer(
        run(
            "create-function",
            *named,
            *role,
            "--runtime",
            RUNTIME,
            "--handler",
            "app.handler",
            "--zip-file",
            "fileb://a.zip",
        )
    )
    assert (created["State"], created["Version"]) == ("Active", "$LATEST")
    answer(run("wait", "function-active-v2", *named))
    answer(run("update-function-configuration", *named, "--timeout", "60", "--environment", "Variables={STAGE=1}"))
    assert answer(run("publish-version", *named))["Version"] == "1"
    answer(run("update-function-code", *named, "--zip-file", "fileb://b.zip"))
    answer(run("wait", "function-updated", *named))
    answer(run("create-alias", *named, "--name", "live", "--function-version", "1"))
    for qualifier, code, version in (("live", "a", "1"), ("$LATEST", "b", "$LATEST")):
        answer(run("invoke", *named, "--qualifier", qualifier, "out.json"))
        assert json.loads((tmp_path / "out.json").read_text()) == [code, "new", version, {}]
    answer(run("put-function-concurrency", *named, "--reserved-concurrent-executions", "0"))
    throttled = run("invoke", *named, "out.json")
    assert "TooManyRequestsException" in throttled.stderr
    answer(run("delete-function", *named))
    assert run("get-function", *named).returncode != 0
