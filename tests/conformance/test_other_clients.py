"""Clients of other languages have the results that the documentation shows; they take minutes to build.

`-m clients` runs these tests.
"""

from __future__ import annotations

import pytest

from benchmarks.build_cache import Unavailable
from tests.conformance.clients import OTHERS, Client
from tests.conformance.stored import all_results, read

pytestmark = [pytest.mark.clients, pytest.mark.timeout(900)]


@pytest.mark.parametrize("client", OTHERS, ids=lambda client: client.name)
def test_client_has_its_stored_results(client: Client) -> None:
    """The results of a client are those of the stored run."""
    try:
        subject = client.subject()
    except Unavailable as reason:
        pytest.skip(str(reason))
    stored = read()[client.name]["cases"]
    given = all_results(subject)
    changed = {name: given[name] for name in given if given[name]["outcome"] != stored[name]["outcome"]}
    assert changed == {}
