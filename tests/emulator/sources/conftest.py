"""Fixtures for event sources: queue servers that others wrote, and pollers that are closed after the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from awslambdaric_lite.emulator.sources.queues import sqs_client
from benchmarks.build_cache import Unavailable

from .harness import Polled, Queues
from .java import ElasticMq

REGION = "us-east-1"


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """Yield the address of moto's server."""
    from tests.layers.publishing import aws

    with aws.moto() as url:
        yield url


@pytest.fixture(scope="session")
def elasticmq_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of an ElasticMQ server."""
    try:
        server = ElasticMq(tmp_path_factory.mktemp("elasticmq"))
    except Unavailable as missing:
        pytest.skip(str(missing))
    server.start()
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def moto(moto_url: str) -> Iterator[Queues]:
    """Yield queues at moto's server."""
    client = sqs_client(moto_url, REGION)
    yield Queues(client)
    client.close()


@pytest.fixture(scope="session")
def elasticmq(elasticmq_url: str) -> Iterator[Queues]:
    """Yield queues at an ElasticMQ server."""
    client = sqs_client(elasticmq_url, REGION)
    yield Queues(client)
    client.close()


@pytest.fixture(params=["moto", "elasticmq"])
def queues(request: pytest.FixtureRequest) -> Queues:
    """Return queues at each server in turn."""
    found: Queues = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def poll() -> Iterator[Callable[..., Polled]]:
    """Yield a function that starts a poller, with the arguments of `Polled`."""
    started: list[Polled] = []

    def start(*arguments: Any, **settings: Any) -> Polled:
        started.append(Polled(*arguments, **settings))
        return started[-1]

    yield start
    for polled in started:
        polled.close()
