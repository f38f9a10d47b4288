"""Real applications answer equally with lazy imports, and with an import list their events import nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from awslambdaric_lite.packaging.import_recording import LIST_VARIABLE, list_text, record_imports
from tests.apps.compared_applications import APPLICATIONS, CREDENTIALS, answers, skip_without_package
from tests.process.lite import write_app
from tests.support.client_process import package_root

pytestmark = pytest.mark.skipif(sys.version_info < (3, 15), reason="Python 3.15 and later has lazy imports")

SETTING = "AWSLAMBDARIC_LITE_LAZY_IMPORTS"


@pytest.mark.parametrize("name", APPLICATIONS)
def test_application_answers_equally_in_all_modes(tmp_path: Path, name: str) -> None:
    """Replies do not depend on which imports are lazy."""
    skip_without_package(name)
    expected, _ = answers(tmp_path / "off", name, {})
    assert ("response" in str(expected[0])) is (name != "failing")
    for value in ("all", "installed"):
        found, log = answers(tmp_path / value, name, {SETTING: value})
        assert found == expected, log


@pytest.mark.parametrize("name", [name for name in APPLICATIONS if name != "failing"])
def test_recorded_events_import_nothing_with_the_list(tmp_path: Path, name: str) -> None:
    """With a recorded list, replies are the same, and the recorded event resolves nothing."""
    skip_without_package(name)
    expected, _ = answers(tmp_path / "off", name, {})
    source, handler, sent = APPLICATIONS[name]
    root = tmp_path / "recorded"
    root.mkdir()
    write_app(root, source)
    stream = {"AWSLAMBDARIC_LITE_APP_STREAM": "1"} if name.endswith("streamed") else {}
    variables = {**CREDENTIALS, **stream, "GATES": "/", "PYTHONPATH": package_root(), "AWS_LAMBDA_LOG_LEVEL": "DEBUG"}
    settings = {"task_root": root, "env": variables}
    first = json.dumps(sent[0]).encode()
    with pytest.warns(UserWarning, match="AWS_LAMBDA_LOG_LEVEL"):  # of text logs; the runtime reads it all the same
        entries = record_imports(handler, [first], lazy="all", settings=settings)
    (root / "imports.txt").write_text(list_text(entries))
    env = {SETTING: "all", LIST_VARIABLE: "imports.txt", "AWS_LAMBDA_LOG_LEVEL": "DEBUG"}
    found, log = answers(root, name, env)
    assert found == expected
    assert "the first event resolved 0 imports in " in log
    assert "not imported" not in log
