"""The runtimes send the same requests and logs for the same handler and events."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.context_scenarios import CONTEXTS
from tests.contract.event_scenarios import EVENTS
from tests.contract.failure_scenarios import FAILURES
from tests.contract.init_scenarios import INITS
from tests.contract.logging_scenarios import LOGGING
from tests.contract.result_scenarios import RESULTS
from tests.contract.scenario import CONFIGURATIONS, LAUNCHERS, Scenario, differences, observed, require_official, run
from tests.support.client_process import OFFICIAL

SCENARIOS = [*RESULTS, *EVENTS, *CONTEXTS, *FAILURES, *INITS, *LOGGING]


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.id)
def test_scenario_equals_official_client(scenario: Scenario, configuration: str, tmp_path: Path) -> None:
    """Posts, log output and exit code of our client equal those of awslambdaric with each launcher."""
    require_official()
    if scenario.env.get("AWSLAMBDARIC_LITE_CODEC") == "orjson":
        pytest.importorskip("orjson", reason="orjson is not installed: it has no wheel for some versions of Python")
    task_root = scenario.task_root(tmp_path)
    official = run(scenario, OFFICIAL, configuration, task_root)
    assert official.exit_code == scenario.exit_code, official.stderr.decode()
    expected = observed(official, scenario)
    for launcher, command in LAUNCHERS.items():
        result = run(scenario, command, configuration, task_root)
        different = differences(expected, observed(result, scenario))
        assert not different, f"started by {launcher}:\n" + "\n".join(different)
        assert_hint(scenario, result.stdout + b"".join(frame.text.encode() for frame in result.frames or ()))


def assert_hint(scenario: Scenario, logged: bytes) -> None:
    """Assert that the expected hint was logged once."""
    if scenario.hint:
        assert logged.count(scenario.hint.encode()) == 1
