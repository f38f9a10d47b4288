"""Quotas and runtimes are those of the newest service model of Lambda."""

from __future__ import annotations

import re
from typing import Any

import botocore.session
import pytest

from awslambdaric_lite.common import quotas
from awslambdaric_lite.packaging.targets import ARCHITECTURES, PYTHON_VERSIONS

_OLDER = ("python2.7", "python3.6", "python3.7", "python3.8", "python3.9")  # before the oldest Python that we support


@pytest.fixture(scope="module")
def model() -> Any:
    """Return botocore's model of the service."""
    return botocore.session.get_session().get_service_model("lambda")


@pytest.mark.parametrize(
    ("shape", "bounds"),
    [
        ("Timeout", (1, quotas.MAX_MANAGED_TIMEOUT_S)),
        ("MemorySize", (quotas.MIN_MEMORY_MB, quotas.MAX_MANAGED_MEMORY_MB)),
        ("PerExecutionEnvironmentMaxConcurrency", (1, quotas.MAX_MANAGED_CONCURRENCY)),
    ],
)
def test_bounds_are_those_of_the_model(model: Any, shape: str, bounds: tuple[int, int]) -> None:
    """A range that the model states for a number is ours."""
    metadata = model.shape_for(shape).metadata
    assert (metadata["min"], metadata["max"]) == bounds


def test_smallest_ephemeral_storage(model: Any) -> None:
    """The smallest ephemeral storage is the model's."""
    assert model.shape_for("EphemeralStorageSize").metadata["min"] == quotas.MIN_EPHEMERAL_STORAGE_MB


@pytest.mark.parametrize(
    ("operation", "member", "text"),
    [
        ("CreateFunction", "Timeout", f"maximum allowed value is {quotas.MAX_TIMEOUT_S:,} seconds"),
        ("Invoke", "Payload", f"{quotas.MAX_PAYLOAD // quotas.MEGABYTE} MB for synchronous"),
        ("Invoke", "Payload", f"{quotas.MAX_ASYNC_PAYLOAD // quotas.MEGABYTE} MB for asynchronous"),
        (
            "CreateFunction",
            "EphemeralStorage",
            f"between {quotas.MIN_EPHEMERAL_STORAGE_MB} and {quotas.MAX_EPHEMERAL_STORAGE_MB:,} MB",
        ),
        ("CreateFunctionUrlConfig", "InvokeMode", f"payload size is {quotas.MAX_STREAM // quotas.MEGABYTE} MB"),
    ],
)
def test_documentation_of_a_member_states_the_quota(model: Any, operation: str, member: str, text: str) -> None:
    """A quota that the model states in words only is ours."""
    documentation = model.operation_model(operation).input_shape.members[member].documentation
    assert text in re.sub(r"<[^>]*>", "", documentation)


def test_every_python_runtime_is_known(model: Any) -> None:
    """Packages can be made for every managed Python that Lambda has, and for no other version."""
    runtimes = {name for name in model.shape_for("Runtime").enum if name.startswith("python")}
    assert runtimes - set(_OLDER) == {f"python{version}" for version in PYTHON_VERSIONS}


def test_every_architecture_is_known(model: Any) -> None:
    """The architectures are the model's."""
    assert model.shape_for("Architecture").enum == list(ARCHITECTURES)
