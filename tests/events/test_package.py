"""Properties of every builder."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from typing import get_type_hints

import pytest

from awslambdaric_lite import events
from tests.support.client_process import package_root

from .examples import BUILDS

ONLY_REQUIRED = {
    "cloudwatch_logs": ("line",),
    "dynamodb": (("REMOVE", {"id": 1}),),
    "eventbridge": ("Order Shipped",),
    "firehose": ("data",),
    "kafka": ("data",),
    "kinesis": ("data",),
    "msk": ("data",),
    "s3": ("bucket", "key"),
    "s3_batch": ("key",),
    "sns": ("message",),
    "sqs": ("body",),
}
NEVER_FRESH = {"appsync", "authorizer_token", "cognito", "step_functions_error"}


def test_every_builder_has_an_example() -> None:
    """The examples of these tests contain every public builder."""
    assert set(BUILDS) == set(events.__all__)


@pytest.mark.parametrize("name", events.__all__)
def test_every_parameter_is_documented(name: str) -> None:
    """The signature of a builder has only named parameters, each with a type hint and a text in the docstring."""
    builder = getattr(events, name)
    parameters = inspect.signature(builder).parameters
    assert all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters.values())
    assert get_type_hints(builder).keys() == {*parameters, "return"}
    assert set(re.findall(r"^    (\w+): ", inspect.getdoc(builder) or "", re.MULTILINE)) == set(parameters)


def test_unknown_parameter_is_refused() -> None:
    """A parameter that the signature does not show raises TypeError."""
    with pytest.raises(TypeError, match="unexpected keyword argument 'hedaers'"):
        events.alb(hedaers={})  # type: ignore[call-arg]


@pytest.mark.parametrize("name", events.__all__)
def test_events_survive_json(name: str) -> None:
    """An event contains only JSON's types, so that a function receives an equal event."""
    event = BUILDS[name]()
    assert json.loads(json.dumps(event, allow_nan=False)) == event


@pytest.mark.parametrize("name", events.__all__)
def test_given_ids_and_time_fix_events(name: str) -> None:
    """With every id and the time as arguments, two events are equal."""
    assert BUILDS[name]() == BUILDS[name]()


@pytest.mark.parametrize("name", events.__all__)
def test_events_without_ids_differ(name: str) -> None:
    """Without ids, two events of the same time differ wherever AWS has an id in the event."""
    build = getattr(events, name)
    arguments = ONLY_REQUIRED.get(name, ())
    timed = {"time": 0} if "time" in inspect.signature(build).parameters else {}
    same = build(*arguments, **timed) == build(*arguments, **timed)
    assert same == (name in NEVER_FRESH | {"cloudwatch_logs", "kafka", "msk"})


@pytest.mark.parametrize(
    "name", ["cloudwatch_logs", "dynamodb", "firehose", "kafka", "kinesis", "msk", "s3_batch", "sqs"]
)
def test_empty_batch_is_refused(name: str) -> None:
    """A builder of a batch refuses to build an empty one, because AWS sends none."""
    with pytest.raises(ValueError, match=f"{name} events have at least one record"):
        getattr(events, name)()


def test_import_loads_only_standard_library() -> None:
    """The package loads only the standard library, without asyncio, and neither the runtime nor the emulator."""
    code = (
        "import sys; before = set(sys.modules); import awslambdaric_lite.events\n"
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before}))\n"
        "print(*sorted(name for name in sys.modules if name.startswith('awslambdaric_lite.')))"
    )
    command = [sys.executable, "-S", "-c", code]
    env = {"PYTHONPATH": package_root()}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=110)
    top, ours = (set(line.split()) for line in done.stdout.splitlines())
    assert top - {"awslambdaric_lite"} <= set(sys.stdlib_module_names)
    assert not top & {"asyncio", "http", "ssl"}
    assert all(name.startswith(("awslambdaric_lite.events", "awslambdaric_lite.common")) for name in ours)
