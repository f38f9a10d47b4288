"""Import trees of clients that are started for real, up to their first poll."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from benchmarks.contenders import Contender
from benchmarks.contenders.client import Client
from benchmarks.imports import from_json, import_trees, measure_imports, to_json
from benchmarks.workshop import Unavailable

POLLS = """
import http.client, os, colorsys
connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
connection.request("GET", "/2018-06-01/runtime/invocation/next")
connection.getresponse()
import wave
"""


def client(*command: str) -> Contender:
    """Return a contender of which nothing is known but its command."""
    return Contender(command[0], Client(command), {"PATH": os.environ["PATH"]})


def test_a_start_is_a_tree_up_to_the_poll(tmp_path: Path) -> None:
    """Imports lie below the module that made them; those after the poll are not there; the root is the whole start."""
    tree = measure_imports("client", [sys.executable, "-c", POLLS], {"PATH": os.environ["PATH"]}, tmp_path)
    assert tree is not None
    names = [node.name for node in tree.walk()]
    assert names[0] == "client" and "colorsys" in names and "wave" not in names
    http_client = next(node for node in tree.children if node.name == "http.client")
    assert "socket" in [node.name for node in http_client.walk()]
    assert tree.total_us >= sum(child.total_us for child in tree.children)
    assert tree.self_us == tree.total_us - sum(child.total_us for child in tree.children)


def test_what_is_no_python_has_none_and_what_fails_is_left_out(tmp_path: Path) -> None:
    """A shell that polls has no imports; one that ends without polling is no contender; the rest is measured."""
    shell = (
        "exec 3<>/dev/tcp/${AWS_LAMBDA_RUNTIME_API/://}; "
        r"printf 'GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n' >&3; sleep 60"
    )
    failing = client(sys.executable, "-c", POLLS.replace("/next", "/error").replace("invocation", "init"))
    found = import_trees([client("/bin/bash", "-c", shell), failing, client(sys.executable, "-c", POLLS)], tmp_path)
    assert list(found) == [sys.executable]
    assert to_json(from_json(found[sys.executable])) == found[sys.executable]


def test_a_client_that_reports_an_error_is_named(tmp_path: Path) -> None:
    """What does not poll is an error, not a tree."""
    script = POLLS.replace("/next", "/error").replace("invocation", "init")
    with pytest.raises(Unavailable, match="a worker has ended"):
        measure_imports("client", [sys.executable, "-c", script], {"PATH": os.environ["PATH"]}, tmp_path)
