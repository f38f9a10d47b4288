"""The tests replay the inputs of the corpus, and atheris searches a while for new ones."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from . import runtime_targets, tool_targets

TARGETS = {**runtime_targets.TARGETS, **tool_targets.TARGETS}
CORPUS = Path(__file__).with_name("corpus")
SECONDS = os.environ.get("FUZZ_SECONDS", "10")  # for each target
INPUTS = [(path.parent.name, path.name) for path in sorted(CORPUS.glob("*/*"))]


@pytest.mark.parametrize(("target", "name"), INPUTS, ids=["/".join(names) for names in INPUTS])
def test_input_of_the_corpus_keeps_the_promise(target: str, name: str) -> None:
    """An input that was found once does not break its target."""
    TARGETS[target]((CORPUS / target / name).read_bytes())


def test_every_target_has_a_corpus() -> None:
    """Each target begins with inputs that reach its code, and no folder belongs to a target that was renamed."""
    assert {path.name for path in CORPUS.iterdir()} == TARGETS.keys()


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("atheris"), reason="atheris has no wheel for this Python")
@pytest.mark.parametrize("target", TARGETS)
def test_search_finds_no_input(target: str) -> None:
    """A search of some seconds (FUZZ_SECONDS for each target) finds no input that breaks the target."""
    command = [sys.executable, "-m", "tests.fuzz", target, SECONDS]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=float(SECONDS) + 300)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
