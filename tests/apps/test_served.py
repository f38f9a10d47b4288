"""Applications of each framework stream through the local Lambda's function URL, whatever host name its clients use."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import urllib3

from awslambdaric_lite.emulator import LocalLambda
from tests.apps.served_applications import FURTHER, REACHED, REGULAR
from tests.emulator.command_line import Reader, Serve
from tests.emulator.waiting import WAIT
from tests.process.lite import write_app

STREAMS = {"AWSLAMBDARIC_LITE_APP_STREAM": "1"}
PACKAGES = {"django": "django", "falcon": "falcon", "asgi": "", "wsgi": ""}
applications = pytest.mark.parametrize("name", [*REGULAR, *FURTHER])


def write(folder: Path, name: str) -> None:
    """Write an application, or skip the test if its framework is missing."""
    framework = name.partition(",")[0]
    if name in FURTHER:
        pytest.importorskip(framework, reason=f"{framework} is not installed")
    write_app(folder, REACHED + {**REGULAR, **FURTHER}[name])


@applications
def test_application_streams_through_local_url(tmp_path: Path, name: str) -> None:
    """The first chunk arrives before the second exists, with status, headers and cookies of the application."""
    write(tmp_path, name)
    environment = {**STREAMS, "GATES": str(tmp_path)}
    with (
        LocalLambda(
            "app.app", task_root=tmp_path, env=environment, url_mode="RESPONSE_STREAM", timeout_s=60
        ) as function,
        urllib3.PoolManager(retries=False, timeout=WAIT) as http,
    ):
        answer = http.request("GET", function.url + "ticks", headers={"Host": "shop.example"}, preload_content=False)
        assert (answer.status, answer.headers["x-a"]) == (202, "1")
        assert answer.headers["content-type"].startswith("text/plain")
        cookies = [value.partition(";")[0] for value in answer.headers.getlist("set-cookie")]
        assert cookies == ["a=1", "b=2"]
        assert answer.read(6) == b"first\n"
        (tmp_path / "first").touch()
        assert answer.read() == b"second\n"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is missing")
@pytest.mark.parametrize("name", ["starlette", "flask"])
def test_application_streams_from_serve_to_curl(tmp_path: Path, name: str) -> None:
    """`serve --url-mode RESPONSE_STREAM` sends what the application sends, when it sends it, to curl."""
    write(tmp_path, name)
    settings = ["--env", f"GATES={tmp_path}", "--env", "AWSLAMBDARIC_LITE_APP_STREAM=1"]
    with Serve("app.app", "--task-root", str(tmp_path), "--url-mode", "RESPONSE_STREAM", *settings) as serve:
        line = ["curl", "--silent", "--include", "--no-buffer", f"{serve.url}ticks"]
        with subprocess.Popen(line, stdout=subprocess.PIPE) as curl:
            assert curl.stdout is not None
            head = Reader(curl.stdout.fileno()).text("first\n")
            (tmp_path / "first").touch()
            rest = curl.stdout.read().decode()
        assert curl.returncode == 0
    assert head.startswith("HTTP/1.1 202 ")
    assert re.findall(r"(?mi)^set-cookie: (\w=\w)", head) == ["a=1", "b=2"]
    assert (head + rest).split("\r\n\r\n", 1)[1] == "first\nsecond\n"


@pytest.mark.parametrize("name", ["starlette", "flask"])
def test_envelope_from_streaming_url_is_warned_about(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Without APP_STREAM a URL that streams sends the envelope as text, and one log line says so and names the cure."""
    write(tmp_path, name)
    (tmp_path / "first").touch()
    with LocalLambda(
        "app.app", task_root=tmp_path, env={"GATES": str(tmp_path)}, url_mode="RESPONSE_STREAM", timeout_s=60
    ) as function:
        answer = urllib3.request("GET", function.url + "ticks", timeout=WAIT)
    assert (answer.status, answer.json()["statusCode"]) == (200, 202)
    (record,) = caplog.records
    assert "statusCode" in record.getMessage() and "AWSLAMBDARIC_LITE_APP_STREAM=1" in record.getMessage()


def test_stream_to_buffered_url_is_explained(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With APP_STREAM=1 a buffered URL responds with 502, and one log line names the mode and the setting."""
    write(tmp_path, "flask")
    (tmp_path / "first").touch()
    with LocalLambda("app.app", task_root=tmp_path, env={**STREAMS, "GATES": str(tmp_path)}, timeout_s=60) as function:
        assert urllib3.request("GET", function.url + "ticks", timeout=WAIT).status == 502
    (record,) = caplog.records
    assert "RESPONSE_STREAM" in record.getMessage() and "AWSLAMBDARIC_LITE_APP_STREAM" in record.getMessage()


@pytest.mark.parametrize("text", ['{"a": "statusCode"}', '["statusCode"]', '{"body": {"statusCode": 200}}'])
def test_other_results_from_streaming_url_are_not_warned_about(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Results that only look like an envelope are sent without a log line."""
    write_app(tmp_path, f"def handler(event, context): return {text}")
    with LocalLambda("app.handler", task_root=tmp_path, url_mode="RESPONSE_STREAM", timeout_s=60) as function:
        assert urllib3.request("GET", function.url, timeout=WAIT).status == 200
    assert not caplog.records
