"""The pytest plugin, in separate runs of pytest."""

from __future__ import annotations

import importlib.metadata

import pytest

pytest_plugins = ["pytester"]

APP = """
import os

def handler(event, context):
    print("working with", event)
    return {"event": event, "memory": context.memory_limit_in_mb, "name": context.function_name, "pid": os.getpid()}
"""


@pytest.fixture
def folder(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Return a folder with a function in `src`; pytest runs in it with this plugin only."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.mkdir("src").joinpath("app.py").write_text(APP)
    return pytester


def run(folder: pytest.Pytester, source: str, *arguments: str, configuration: str = "") -> pytest.RunResult:
    """Run one test module."""
    folder.makeini(f"[pytest]\nfilterwarnings = error\n{configuration}")
    folder.makepyfile(source)
    return folder.runpytest_subprocess("-p", "awslambdaric_lite.pytest_plugin", "--strict-markers", *arguments)


def test_distribution_declares_plugin() -> None:
    """The distribution declares the plugin as a `pytest11` entry point."""
    found = importlib.metadata.entry_points(group="pytest11")
    assert [each.value for each in found if each.name == "awslambdaric_lite"] == ["awslambdaric_lite.pytest_plugin"]


def test_plugin_imports_nothing_until_used(folder: pytest.Pytester) -> None:
    """The plugin imports no other module until a test uses a fixture."""
    source = """
        import sys

        def ours():
            return sorted(name for name in sys.modules if name.partition(".")[0] == "awslambdaric_lite")

        BEFORE = ours()

        def test_unused():
            assert BEFORE == ours() == ["awslambdaric_lite", "awslambdaric_lite.pytest_plugin"]
            assert not {"asyncio", "h11", "rich"} & set(sys.modules)

        def test_context_only(lambda_context):
            added = {f"awslambdaric_lite.{name}" for name in ("_context", "common", "common.regions")}
            assert set(ours()) - set(BEFORE) == added

        def test_function(local_lambda):
            assert "awslambdaric_lite.emulator" in sys.modules
    """
    run(folder, source).assert_outcomes(passed=3)


def test_functions_are_closed_after_test(folder: pytest.Pytester) -> None:
    """`local_lambda` starts any number of functions and closes them after the test, passed or failed."""
    source = """
        import json, os, pytest

        PIDS = []

        def test_two(local_lambda):
            one = local_lambda("app.handler", task_root="src", memory_mb=256)
            two = local_lambda("app.handler", task_root="src", function_name="two")
            answers = [one.invoke({"n": 1}).json(), two.invoke({"n": 2}).json()]
            assert [answer["event"] for answer in answers] == [{"n": 1}, {"n": 2}]
            assert [answer["memory"] for answer in answers] == ["256", "128"]
            assert [answer["name"] for answer in answers] == ["function", "two"]
            PIDS.extend(answer["pid"] for answer in answers)

        def test_closed():
            for pid in PIDS:
                with pytest.raises(ProcessLookupError):
                    os.kill(pid, 0)

        def test_failing(local_lambda):
            PIDS[:] = [local_lambda("app.handler", task_root="src").invoke().json()["pid"]]
            assert False

        def test_closed_after_a_failure():
            test_closed()

        def test_bad_setting(local_lambda):
            with pytest.raises(ValueError, match="takes 128 MB and more"):
                local_lambda("app.handler", memory_mb=1)
    """
    result = run(folder, source)
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(
        ["*Captured stderr call*", "START RequestId: *", "working with {}", "REPORT RequestId: *"]
    )


def test_closest_marker_overrides_configuration(folder: pytest.Pytester) -> None:
    """Arguments override the closest marker, which overrides other markers and the configuration file."""
    source = """
        import pytest

        pytestmark = pytest.mark.local_lambda(memory_mb=512, function_name="module")

        @pytest.mark.local_lambda(memory_mb=1024)
        def test_closest(local_lambda):
            answer = local_lambda("app.handler").invoke().json()
            assert (answer["memory"], answer["name"]) == ("1024", "module")

        def test_call(local_lambda):
            assert local_lambda("app.handler", memory_mb=2048).invoke().json()["memory"] == "2048"

        @pytest.mark.local_lambda(task_root="elsewhere")
        def test_task_root(local_lambda):
            with pytest.raises(ValueError, match="elsewhere is not a directory"):
                local_lambda("app.handler")
    """
    run(folder, source, configuration="local_lambda_task_root = src").assert_outcomes(passed=3)


def test_context_has_realistic_new_values(folder: pytest.Pytester) -> None:
    """`lambda_context` has realistic values, new for each test, and follows Lambda's variables."""
    source = """
        import uuid

        SEEN = []

        def test_made_up(lambda_context):
            uuid.UUID(lambda_context.aws_request_id)
            SEEN.append(lambda_context.aws_request_id)
            assert 2000 < lambda_context.get_remaining_time_in_millis() <= 3000
            assert lambda_context.function_name == "function"
            assert lambda_context.function_version == "$LATEST"
            assert lambda_context.memory_limit_in_mb == "128"
            assert lambda_context.invoked_function_arn.endswith(":function:function")
            assert lambda_context.log_group_name == "/aws/lambda/function"
            assert "[$LATEST]" in lambda_context.log_stream_name
            assert lambda_context.client_context is None
            lambda_context.tenant_id = "mine"

        def test_next(lambda_context):
            assert lambda_context.aws_request_id not in SEEN
            assert lambda_context.tenant_id is None

        import pytest

        @pytest.fixture
        def variables(monkeypatch):
            monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "orders")
            monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            monkeypatch.setenv("AWS_REGION", "eu-west-1")

        def test_of_variables(variables, lambda_context):
            assert lambda_context.function_name == "orders"
            assert lambda_context.memory_limit_in_mb == "512"
            assert lambda_context.invoked_function_arn == "arn:aws:lambda:eu-west-1:012345678912:function:orders"
    """
    run(folder, source).assert_outcomes(passed=3)


def test_failed_test_shows_handler_traceback(folder: pytest.Pytester) -> None:
    """The report of a failed test has the traceback that the runtime logged."""
    folder.path.joinpath("src", "broken.py").write_text("def handler(event, context):\n    return event['missing']")
    source = """
        def test_it(local_lambda):
            result = local_lambda("broken.handler", task_root="src").invoke()
            assert result.error is None
    """
    result = run(folder, source)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["[[]ERROR] KeyError: 'missing'", "Traceback (most recent call last):"])


def test_marker_and_fixtures_are_documented(folder: pytest.Pytester) -> None:
    """`pytest --markers` and `pytest --fixtures` list the marker and the fixtures."""
    result = run(folder, "def test(): pass", "--markers")
    result.stdout.fnmatch_lines(["@pytest.mark.local_lambda(**settings): *"])
    result = run(folder, "def test(): pass", "--fixtures")
    result.stdout.fnmatch_lines(["local_lambda*", "lambda_context*"])


def test_projects_are_closed_after_test(folder: pytest.Pytester) -> None:
    """`local_project` starts projects, shows their logs with the functions' names, and closes them after the test."""
    source = """
        import os
        from pathlib import Path
        import pytest

        PIDS = []

        def test_two(local_project):
            from awslambdaric_lite.emulator import FunctionConfig
            from awslambdaric_lite.emulator.config.project import Function, Project

            names = ("one", "two")
            functions = [Function(FunctionConfig("app.handler", Path("src"), name=name)) for name in names]
            project = local_project(Project(Path(), tuple(functions)))
            answers = [project.invoke(name).json() for name in names]
            assert [answer["name"] for answer in answers] == ["one", "two"]
            PIDS.extend(answer["pid"] for answer in answers)
            assert False

        def test_closed():
            assert len(PIDS) == 2
            for pid in PIDS:
                with pytest.raises(ProcessLookupError):
                    os.kill(pid, 0)
    """
    result = run(folder, source)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*Captured stderr call*", "one: working with {}", "two: working with {}"])
