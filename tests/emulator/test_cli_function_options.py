"""The options that say what the function is, as `invoke` takes them; `serve` takes the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from awslambdaric_lite.cli import main

from .command_line import run, shell

WriteHandler = Callable[[str], Path]


def invoke(root: Path, *arguments: str, runtime: list[str] | None = None) -> tuple[int, object, str]:
    """Invoke `app.handler`: exit code, payload, log."""
    given = [] if runtime is None else ["--runtime", shell(runtime)]
    done = run("invoke", "app.handler", "--task-root", str(root), *given, *arguments)
    return done.returncode, json.loads(done.stdout), done.stderr.decode()


def test_name_and_client_context(write_handler: WriteHandler) -> None:
    """The context shows both."""
    root = write_handler(
        "def handler(event, context):\n    return [context.function_name, context.client_context.custom['key']]"
    )
    code, payload, _ = invoke(root, "--name", "orders", "--client-context", '{"custom": {"key": "value"}}')
    assert (code, payload) == (0, ["orders", "value"])


def test_layers(write_handler: WriteHandler, tmp_path: Path) -> None:
    """Their packages import, those of the last one first."""
    for name in ("one", "two"):
        (tmp_path / name / "python").mkdir(parents=True)
        (tmp_path / name / "python" / "shared.py").write_text(f"NAME = {name!r}")
    root = write_handler("import shared\ndef handler(event, context):\n    return shared.NAME")
    layers = ("--layer", str(tmp_path / "one"), "--layer", str(tmp_path / "two"))
    assert invoke(root, *layers)[:2] == (0, "two")


def test_logs_in_json(write_handler: WriteHandler) -> None:
    """`--log-format` is that of the platform and of the function, `--log-level` that of the function."""
    root = write_handler(
        "import logging\ndef handler(event, context):\n    logging.info('quiet')\n    logging.warning('loud')"
    )
    code, _, log = invoke(root, "--log-format", "JSON", "--log-level", "WARN")
    records = [json.loads(line) for line in log.splitlines()]
    assert code == 0
    assert "platform.report" in [record.get("type") for record in records]
    assert [record["message"] for record in records if "message" in record] == ["loud"]


def test_credentials_stay_here_unless_passed_on(
    write_handler: WriteHandler, socket_runtime: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Worthless ones are there in any case; `--aws` passes on the caller's."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAMINE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")
    root = write_handler("import os\ndef handler(event, context):\n    return os.environ['AWS_ACCESS_KEY_ID']")
    assert invoke(root, runtime=socket_runtime)[1] not in ("", "AKIAMINE")
    assert invoke(root, "--aws", runtime=socket_runtime)[1] == "AKIAMINE"


def test_an_init_error_is_told_once(write_handler: WriteHandler) -> None:
    """One invocation does not repeat the init, as one look at the traceback is enough."""
    root = write_handler("import no_such_module")
    code, payload, log = invoke(root)
    assert code == 1
    assert isinstance(payload, dict) and payload["errorType"] == "Runtime.ImportModuleError"
    assert log.count("Runtime.ImportModuleError: Unable to import module") == 1


@pytest.mark.parametrize("name", ["invoke", "serve"])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--env-file", "missing"], "--env-file missing does not exist"),
        (["--layer", "missing"], "missing"),
        (["--log-format", "XML"], "--log-format"),
        (["--log-level", "DEBUG"], "log level DEBUG needs the log format JSON"),
        (["--env", "_HANDLER=x"], "_HANDLER"),
        (["--memory", "much"], "--memory"),
        (["--timeout", "nan"], "up to 900 s"),
    ],
)
def test_usage_errors(
    name: str,
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit code 2 and what to change."""
    monkeypatch.chdir(tmp_path)
    assert main([name, "app.handler", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("context", "message"),
    [("{", "--client-context is not JSON"), ("[]", "--client-context is no JSON object")],
)
def test_a_client_context_that_is_none(context: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is checked before anything starts."""
    assert main(["invoke", "app.handler", "--client-context", context]) == 2
    assert message in capsys.readouterr().err
