"""Options that configure the function, tested through `invoke`; `serve` accepts the same options."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from .command_line import run, shell

WriteHandler = Callable[[str], Path]


def invoke(root: Path, *arguments: str, runtime: list[str] | None = None) -> tuple[int, object, str]:
    """Invoke `app.handler`; return exit code, payload and log."""
    given = [] if runtime is None else ["--runtime", shell(runtime)]
    done = run("invoke", "app.handler", "--task-root", str(root), *given, *arguments)
    return done.returncode, json.loads(done.stdout), done.stderr.decode()


def test_name_and_client_context_reach_handler(write_handler: WriteHandler) -> None:
    """The handler's context contains the values of `--name` and `--client-context`."""
    root = write_handler(
        "def handler(event, context):\n    return [context.function_name, context.client_context.custom['key']]"
    )
    code, payload, _ = invoke(root, "--name", "orders", "--client-context", '{"custom": {"key": "value"}}')
    assert (code, payload) == (0, ["orders", "value"])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--qualifier", "7"), ["7", "function:7", None]),
        (("--qualifier", "live", "--alias", "live=3"), ["3", "function:live", None]),
        (("--qualifier", "$LATEST", "--tenant-id", "blue"), ["$LATEST", "function:$LATEST", "blue"]),
    ],
)
def test_qualifier_and_tenant_reach_handler(
    options: tuple[str, ...], expected: list[str | None], write_handler: WriteHandler
) -> None:
    """`--qualifier` selects the version and the ARN, and `--tenant-id` sets the tenant."""
    root = write_handler(
        "def handler(event, context):\n    arn = context.invoked_function_arn.partition(':function:')[2]\n"
        "    return [context.function_version, arn, context.tenant_id]"
    )
    assert invoke(root, *options)[:2] == (0, expected)


def test_last_layer_is_imported_first(write_handler: WriteHandler, tmp_path: Path) -> None:
    """Packages of `--layer` folders are importable; the last layer takes precedence."""
    for name in ("one", "two"):
        (tmp_path / name / "python").mkdir(parents=True)
        (tmp_path / name / "python" / "shared.py").write_text(f"NAME = {name!r}")
    root = write_handler("import shared\ndef handler(event, context):\n    return shared.NAME")
    layers = ("--layer", str(tmp_path / "one"), "--layer", str(tmp_path / "two"))
    assert invoke(root, *layers)[:2] == (0, "two")


def test_log_format_and_level_apply(write_handler: WriteHandler) -> None:
    """`--log-format` applies to platform and function logs; `--log-level` filters the function's logs."""
    root = write_handler(
        "import logging\ndef handler(event, context):\n    logging.info('quiet')\n    logging.warning('loud')"
    )
    code, _, log = invoke(root, "--log-format", "JSON", "--log-level", "WARN", "--writable")
    records = [json.loads(line) for line in log.splitlines()]
    assert code == 0
    assert "platform.report" in [record.get("type") for record in records]
    assert [record["message"] for record in records if "message" in record] == ["loud"]


def test_credentials_are_passed_only_with_aws(
    write_handler: WriteHandler, socket_runtime: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function receives placeholder credentials by default and the caller's credentials with `--aws`."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAMINE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")
    root = write_handler("import os\ndef handler(event, context):\n    return os.environ['AWS_ACCESS_KEY_ID']")
    assert invoke(root, runtime=socket_runtime)[1] not in ("", "AKIAMINE")
    assert invoke(root, "--aws", runtime=socket_runtime)[1] == "AKIAMINE"


def test_init_error_is_logged_once(write_handler: WriteHandler) -> None:
    """`invoke` logs an init error once, because it does not repeat a failed init."""
    root = write_handler("import no_such_module")
    code, payload, log = invoke(root)
    assert code == 1
    assert isinstance(payload, dict) and payload["errorType"] == "Runtime.ImportModuleError"
    assert log.count("Runtime.ImportModuleError: Unable to import module") == 1


def test_setting_above_quota_gets_a_warning(write_handler: WriteHandler) -> None:
    """A timeout or a memory above Lambda's quota gets a warning, and the function runs."""
    root = write_handler("def handler(event, context):\n    return context.get_remaining_time_in_millis() > 1800_000")
    code, payload, log = invoke(root, "--timeout", "1801", "--memory", "10241")
    assert (code, payload) == (0, True)
    assert log.splitlines()[:2] == [
        "warning: timeout 1801 s is above Lambda's quota of 1800 s",
        "warning: memory 10241 MB is above Lambda's quota of 10240 MB",
    ]
    assert "quota" not in invoke(root, "--timeout", "1800", "--memory", "10240")[2]


@pytest.mark.parametrize("options", [[], ["--json"], ["--log-format", "JSON"], ["--aws"]], ids=" ".join)
@pytest.mark.parametrize("body", ["return 1", "raise ValueError('x')", "import os; os._exit(1)"])
def test_values_of_variables_are_in_no_output(
    write_handler: WriteHandler, monkeypatch: pytest.MonkeyPatch, options: list[str], body: str
) -> None:
    """Neither the log, the report nor an error contains a variable's value, or the caller's credentials."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "value-of-the-caller")
    root = write_handler(f"def handler(event, context):\n    {body}\n")
    done = run("invoke", "app.handler", "--task-root", str(root), "--env", "TOKEN=value-of-the-function", *options)
    assert done.returncode in (0, 1)
    assert b"value-of-the" not in done.stdout + done.stderr
