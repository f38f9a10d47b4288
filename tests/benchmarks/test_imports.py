"""Import trees of real clients up to their first poll."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from benchmarks.build_cache import Unavailable
from benchmarks.contenders import Contender
from benchmarks.contenders.client import Client
from benchmarks.imports import from_json, import_trees, measure_imports, to_json

POLLS = """
import http.client, os, colorsys
connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
connection.request("GET", "/2018-06-01/runtime/invocation/next")
connection.getresponse()
import wave
"""


def client(*command: str) -> Contender:
    """Return a contender with a command and no other settings."""
    return Contender(command[0], Client(command), {"PATH": os.environ["PATH"]})


def test_imports_form_tree_until_poll(tmp_path: Path) -> None:
    """Each import lies below the module that made it, later imports are left out, and the root is the whole start."""
    tree = measure_imports("client", [sys.executable, "-c", POLLS], {"PATH": os.environ["PATH"]}, tmp_path)
    assert tree is not None
    names = [node.name for node in tree.walk()]
    assert names[0] == "client" and "colorsys" in names and "wave" not in names
    http_client = next(node for node in tree.children if node.name == "http.client")
    assert "socket" in [node.name for node in http_client.walk()]
    assert tree.total_us >= sum(child.total_us for child in tree.children)
    assert tree.self_us == tree.total_us - sum(child.total_us for child in tree.children)


def test_only_python_clients_have_trees(tmp_path: Path) -> None:
    """A shell has no tree, nor has a client that exits without polling; the others are measured."""
    shell = (
        "exec 3<>/dev/tcp/${AWS_LAMBDA_RUNTIME_API/://}; "
        r"printf 'GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n' >&3; sleep 60"
    )
    failing = client(sys.executable, "-c", POLLS.replace("/next", "/error").replace("invocation", "init"))
    found = import_trees([client("/bin/bash", "-c", shell), failing, client(sys.executable, "-c", POLLS)], tmp_path)
    assert list(found) == [sys.executable]
    assert to_json(from_json(found[sys.executable])) == found[sys.executable]


def test_client_without_poll_is_error(tmp_path: Path) -> None:
    """A client that does not poll is an error and not a tree."""
    script = POLLS.replace("/next", "/error").replace("invocation", "init")
    with pytest.raises(Unavailable, match="a worker exited"):
        measure_imports("client", [sys.executable, "-c", script], {"PATH": os.environ["PATH"]}, tmp_path)
