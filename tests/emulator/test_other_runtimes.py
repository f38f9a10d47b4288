"""Runtimes in other languages: a shell script with curl, and a compiled client."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from awslambdaric_lite.emulator import LocalLambda
from benchmarks.build_cache import HERE, Unavailable
from benchmarks.loadgen import compile_c

from .sdk import lambda_client

BOOTSTRAP = """#!/bin/sh
set -eu
api="http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation"
while true; do
  event=$(curl -sS -D "$TMPDIR/head" "$api/next")
  id=$(sed -n 's/^lambda-runtime-aws-request-id: *//Ip' "$TMPDIR/head" | tr -d '\\r')
  echo "handling $id with $_HANDLER"
  case $event in
    *fail*) curl -sS -d '{"errorType":"Shell.Failed","errorMessage":"as asked"}' "$api/$id/error" ;;
    *exit*) exit 3 ;;
    *) curl -sS -d "{\\"echo\\":$event}" "$api/$id/response" ;;
  esac > "$TMPDIR/reply"
done
"""


@pytest.fixture
def shell_function(tmp_path: Path) -> Path:
    """Return a task root whose bootstrap is a shell script."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (tmp_path / "bootstrap").write_text(BOOTSTRAP)
    (tmp_path / "bootstrap").chmod(0o755)
    return tmp_path


def test_shell_bootstrap_serves_boto3(shell_function: Path) -> None:
    """Responses, errors and exits of a shell bootstrap reach boto3; curl reads chunked events."""
    with LocalLambda("function.sh", task_root=shell_function, runtime=["./bootstrap"], timeout_s=30) as function:
        client = lambda_client(function.endpoint_url)

        def invoke(event: object) -> tuple[str | None, object]:
            answer = client.invoke(FunctionName="function", Payload=json.dumps(event))
            return answer.get("FunctionError"), json.loads(answer["Payload"].read())

        assert invoke({"n": 1}) == (None, {"echo": {"n": 1}})
        assert invoke("x" * 50_000) == (None, {"echo": "x" * 50_000})
        assert invoke("fail") == ("Unhandled", {"errorType": "Shell.Failed", "errorMessage": "as asked"})
        error, payload = invoke("exit")
        assert error == "Unhandled" and isinstance(payload, dict)
        assert payload["errorType"] == "Runtime.ExitError" and payload["errorMessage"].endswith("exit status 3")
        assert invoke(2) == (None, {"echo": 2})
        client.close()


def test_compiled_client_pipelines_requests(tmp_path: Path, write_handler: Callable[[str], Path]) -> None:
    """A C client that pipelines response and next poll is served by one environment."""
    try:
        program = compile_c(HERE / "contenders" / "c" / "client.c", tmp_path / "c")
    except Unavailable as reason:
        pytest.skip(str(reason))
    root = write_handler("")
    with LocalLambda("app.echo", task_root=root, runtime=[str(program)], timeout_s=30) as function:
        for number in range(20):
            assert function.invoke({"n": number}).json() == {"n": number}
        assert function.environments[0].pid is not None
        assert len(function.environments) == 1
