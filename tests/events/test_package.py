"""What holds for every builder."""

from __future__ import annotations

import json
import subprocess
import sys

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
    "sns": ("message",),
    "sqs": ("body",),
}
NEVER_FRESH = {"cognito"}


def test_every_builder_has_an_example() -> None:
    """The public names are the builders, and the tests that run through the examples leave none out."""
    assert set(BUILDS) == set(events.__all__)


@pytest.mark.parametrize("name", events.__all__)
def test_events_are_json(name: str) -> None:
    """Only JSON's own types: what arrives in a function is equal to what was built."""
    event = BUILDS[name]()
    assert json.loads(json.dumps(event, allow_nan=False)) == event


@pytest.mark.parametrize("name", events.__all__)
def test_with_ids_and_time_given_nothing_is_fresh(name: str) -> None:
    """The same arguments give the same event."""
    assert BUILDS[name]() == BUILDS[name]()


@pytest.mark.parametrize("name", events.__all__)
def test_without_ids_events_differ(name: str) -> None:
    """Fresh ids at each call, at the same time too, wherever AWS has an id in the event."""
    build = getattr(events, name)
    arguments = ONLY_REQUIRED.get(name, ())
    timed = {} if name in ("cloudformation", "cognito") else {"time": 0}
    same = build(*arguments, **timed) == build(*arguments, **timed)
    assert same == (name in NEVER_FRESH | {"cloudwatch_logs", "kafka", "msk"})


@pytest.mark.parametrize("name", ["cloudwatch_logs", "dynamodb", "firehose", "kafka", "kinesis", "msk", "sqs"])
def test_a_batch_is_never_empty(name: str) -> None:
    """AWS sends no empty batches."""
    with pytest.raises(ValueError, match=f"{name} events have at least one record"):
        getattr(events, name)()


def test_importing_it_is_cheap() -> None:
    """Only the standard library is loaded, and neither the runtime, nor the emulator, nor asyncio."""
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
    assert all(name.startswith("awslambdaric_lite.events") for name in ours)
