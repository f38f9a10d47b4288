"""Environment variables of a runtime's process, from the function's settings and the host."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.common.quotas import MAX_VARIABLES
from awslambdaric_lite.emulator.config.checks import check_customer_variables
from awslambdaric_lite.emulator.config.function import FunctionConfig
from awslambdaric_lite.emulator.environments.filesystem import Layout
from awslambdaric_lite.emulator.environments.variables import process_environment
from awslambdaric_lite.emulator.errors import InvalidFunction


def environment(folder: Path, kind: str = "on-demand", **settings: Any) -> dict[str, str]:
    """Return the variables of a process of a function with these settings."""
    function = FunctionConfig("app.handler", folder, **settings)
    return process_environment(
        function,
        version="7",
        initialization_type=kind,
        runtime_api="127.0.0.1:9001",
        filesystem=Layout(function, folder).environment(0),
        log_stream="2026/11/21/[7]abc",
    )


def test_function_sees_exact_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function sees the variables that AWS sets on `provided.*`, and only `PATH` of the host."""
    for name in ("HOST_SECRET", "AWS_PROFILE", "HOME", "PYTHONPATH", "LANGUAGE"):
        monkeypatch.setenv(name, "of the host")
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    monkeypatch.setenv("PATH", "/here:/there")
    assert environment(tmp_path, name="greeter", memory_mb=512, region="eu-central-1", env={"TABLE": "orders"}) == {
        "_HANDLER": "app.handler",
        "_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "AWS_ACCESS_KEY": "ASIAIOSFODNN7EXAMPLE",
        "AWS_ACCESS_KEY_ID": "ASIAIOSFODNN7EXAMPLE",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_FUNCTION_NAME": "greeter",
        "AWS_LAMBDA_FUNCTION_VERSION": "7",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/greeter",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/21/[7]abc",
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
        "AWS_REGION": "eu-central-1",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AWS_SESSION_TOKEN": "local-session-token",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LAMBDA_TASK_ROOT": str(tmp_path),
        "LANG": "en_US.UTF-8",
        "PATH": "/here:/there",
        "TABLE": "orders",
        "TMPDIR": str(tmp_path / "tmp-0"),
        "TZ": ":UTC",
    }


def test_optional_variables_follow_settings(tmp_path: Path) -> None:
    """JSON logs add format and level, and a snapshot has no log group and stream."""
    plain = environment(tmp_path)
    assert "AWS_LAMBDA_LOG_FORMAT" not in plain
    logging = environment(tmp_path, log_format="JSON", log_level="DEBUG")
    assert (logging["AWS_LAMBDA_LOG_FORMAT"], logging["AWS_LAMBDA_LOG_LEVEL"]) == ("JSON", "DEBUG")
    snapshot = environment(tmp_path, "snap-start", snap_start=True)
    assert snapshot["AWS_LAMBDA_INITIALIZATION_TYPE"] == "snap-start"
    assert set(plain) - set(snapshot) == {"AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"}


def test_function_variables_take_precedence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function's variables override the platform's and the host's."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    env = {
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_REGION": "mars-east-1",
        "AWS_ACCESS_KEY_ID": "mine",
        "LANG": "C",
        "PATH": "/bin",
        "TZ": "Europe/Vienna",
        "_HIDDEN": "1",
    }
    seen = environment(tmp_path, env=env, pass_env=["TZ"])
    assert {name: seen[name] for name in env} == env


def test_only_listed_host_variables_are_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the listed variables of the host are passed, if they are set."""
    monkeypatch.setenv("DATABASE_URL", "postgres://localhost")
    monkeypatch.setenv("DATABASE_PASSWORD", "hunter2")
    monkeypatch.delenv("UNSET", raising=False)
    seen = environment(tmp_path, pass_env=["DATABASE_URL", "UNSET"])
    assert seen["DATABASE_URL"] == "postgres://localhost"
    assert not {"DATABASE_PASSWORD", "UNSET"} & set(seen)


def test_aws_credentials_pass_profile_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`aws_credentials` passes the caller's profile and the absolute paths of the credential files."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_PROFILE", "development")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "~/elsewhere")
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").touch()
    (tmp_path / "elsewhere").touch()
    seen = environment(tmp_path, aws_credentials=True)
    assert seen["AWS_PROFILE"] == "development"
    assert seen["AWS_REGION"] == "eu-west-1"
    assert seen["AWS_CONFIG_FILE"] == str(tmp_path / ".aws" / "config")
    assert seen["AWS_SHARED_CREDENTIALS_FILE"] == str(tmp_path / "elsewhere")
    assert not {"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "HOME"} & set(seen)
    assert "AWS_PROFILE" not in environment(tmp_path)


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("AWS_LAMBDA_RUNTIME_API", "own"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "own"),
        ("_HANDLER", "handler"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "memory_mb"),
        ("LAMBDA_TASK_ROOT", "task_root"),
    ],
)
def test_reserved_name_is_rejected_with_cure(tmp_path: Path, name: str, cure: str) -> None:
    """A reserved variable name is rejected with the setting to use instead."""
    with pytest.raises(InvalidFunction, match=f"{name} is reserved.*{cure}"):
        FunctionConfig("app.handler", tmp_path, env={name: "x"})
    with pytest.raises(InvalidFunction, match=f"{name} is reserved"):
        FunctionConfig("app.handler", tmp_path, pass_env=[name])


def test_variables_above_4_kb_are_rejected(tmp_path: Path) -> None:
    """Variables of exactly the limit in bytes of JSON are accepted; one more byte is rejected with both sizes."""
    room = MAX_VARIABLES - len('{"A":"","B":""}') - 2
    FunctionConfig("app.handler", tmp_path, env={"A": "x" * room, "B": "ä"})
    text = re.escape(f"{MAX_VARIABLES + 1} bytes as JSON; Lambda takes up to {MAX_VARIABLES}")
    with pytest.raises(InvalidFunction, match=text):
        FunctionConfig("app.handler", tmp_path, env={"A": "x" * (room + 1), "B": "ä"})


@pytest.mark.parametrize("env", [{"A": "\ud83d"}, {"A": "x\ud800y"}, {"A\udfff": "1"}])
def test_lone_surrogate_is_refused(env: dict[str, str]) -> None:
    """A variable with half of a character, which no process can have, is refused when the function is declared."""
    with pytest.raises(InvalidFunction, match="has a lone surrogate; remove it"):
        check_customer_variables(env)


def test_escaped_bytes_of_the_host_are_passed() -> None:
    """A value of the host that is not UTF-8 is text with surrogates in Python, and stays allowed."""
    check_customer_variables({"A": "\udc80"})
