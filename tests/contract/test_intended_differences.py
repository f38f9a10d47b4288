"""Both clients show the intended differences from awslambdaric."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from awslambdaric_lite.conformance.messages import Event, Request
from tests.contract.differences import DIFFERENCES, Difference, Side
from tests.contract.scenario import CONFIGURATIONS, LAUNCHERS, require_official
from tests.support.client_process import OFFICIAL, Run, run_client

_CAUSE = "Lambda-Runtime-Function-XRay-Error-Cause"


def run(difference: Difference, command: tuple[str, ...], configuration: str, task_root: Path) -> Run:
    """Run a difference's handler through one client."""
    module = difference.module()
    (task_root / "app.py").write_bytes(module.encode() if isinstance(module, str) else module)
    env = {"AWS_EXECUTION_ENV": CONFIGURATIONS[configuration], **difference.env}
    return run_client(
        command,
        difference.handler,
        difference.events,
        task_root=task_root,
        env=env,
        react=difference.react,
        telemetry=difference.telemetry,
    )


def summary(request: Request) -> str:
    """Return a short text for a post."""
    try:
        text = request.body.decode()
    except UnicodeDecodeError:
        return f"{request.verb} (not UTF-8)"
    if request.verb == "response":
        return f"response {text}"
    error = json.loads(text)
    message = error["errorMessage"].encode("utf-8", "backslashreplace").decode()
    return f"{request.verb} {error['errorType']}: {message}"


def output(result: Run) -> str:
    """Return everything that a run wrote."""
    frames = "".join(frame.text for frame in result.frames or ())
    return (result.stdout + result.stderr).decode("utf-8", "backslashreplace") + frames


def assert_side(side: Side, other: Side, result: Run) -> None:
    """Assert that a client behaves as the table says."""
    posts = [summary(request) for request in result.replies]
    assert len(posts) == len(side.posts) and all(map(_alike, side.posts, posts)), f"{posts}\n{output(result)}"
    assert result.exit_code == side.exit_code, output(result)
    for text in side.logged:
        assert text in output(result)
    for text in other.logged:
        assert text not in output(result)


def _alike(expected: str, given: str) -> bool:
    return re.fullmatch(re.escape(expected).replace(r"\*", ".*"), given, re.DOTALL) is not None


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.id)
def test_our_client_behaves_as_listed(difference: Difference, tmp_path: Path) -> None:
    """Our client behaves as the table says with each launcher."""
    for command in LAUNCHERS.values():
        assert_side(difference.ours, difference.official, run(difference, command, "managed", tmp_path))


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.id)
def test_official_client_still_differs(difference: Difference, tmp_path: Path) -> None:
    """The official client behaves as the table says; an entry without a difference must be removed."""
    require_official()
    for configuration in difference.configurations:
        assert_side(difference.official, difference.ours, run(difference, OFFICIAL, configuration, tmp_path))


def _cause(command: tuple[str, ...], source: str, tmp_path: Path) -> str:
    (tmp_path / "app.py").write_text(source, encoding="utf-8")
    env = {"AWS_EXECUTION_ENV": CONFIGURATIONS["managed"]}
    result = run_client(command, "app.handler", [Event()], task_root=tmp_path, env=env)
    (reply,) = result.replies
    cause = reply.header(_CAUSE)
    assert cause is not None
    return cause


_DEEP = """
def handler(event, context):
    down(event, 200)

def down(event, left):
    if left:
        down(event, left - 1)
    raise ValueError("größer €" * 20_000)
"""


def test_xray_cause_is_short_ascii(tmp_path: Path) -> None:
    """Our X-Ray cause is less than 60,000 ASCII characters with both ends of the stack, unlike the official one."""
    require_official()
    ours, official = _cause(LAUNCHERS["module"], _DEEP, tmp_path), _cause(OFFICIAL, _DEEP, tmp_path)
    assert ours.isascii() and len(ours) < 60_000 and len(json.loads(ours)["exceptions"][0]["stack"]) == 50
    assert (
        not official.isascii() and len(official) > 60_000 and len(json.loads(official)["exceptions"][0]["stack"]) == 202
    )
    for name in ("label", "path", "line"):
        stacks = [[frame[name] for frame in json.loads(cause)["exceptions"][0]["stack"]] for cause in (ours, official)]
        assert stacks[0] == stacks[1][:25] + stacks[1][-25:]
