"""The command `soak`: short runs with real processes, and the judgement of samples."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks.soak import main
from benchmarks.soak.samples import PARTS, Sample, Soak


@pytest.mark.parametrize("options", [[], ["--local"]])
def test_short_run_stores_and_draws_samples(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run of 300 invocations answers all of them rightly, loses none, and stores a sample for each hundredth."""
    stored, chart = tmp_path / "soak.json", tmp_path / "soak.svg"
    main([*options, "--count", "300", "-o", str(stored), "--chart", str(chart)])
    found = json.loads(stored.read_text())
    assert found["problems"] == []
    assert len(found["samples"]) == PARTS
    counts = found["counts"]
    assert counts.pop("lost", 0) == counts.pop("doubled", 0) == 0
    assert sum(counts.values()) == 300
    assert chart.read_text().startswith("<svg")
    assert "300 invocations: " in capsys.readouterr().out
    main(["--from", str(stored)])
    assert "300 invocations: " in capsys.readouterr().out


def test_wrong_answer_ends_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A runtime that answers with something else fails the run, which names the invocation."""
    runtime = tmp_path / "runtime.py"
    runtime.write_text(
        "import http.client, os\n"
        "api = http.client.HTTPConnection(os.environ['AWS_LAMBDA_RUNTIME_API'])\n"
        "while True:\n"
        "    api.request('GET', '/2018-06-01/runtime/invocation/next')\n"
        "    event = api.getresponse()\n"
        "    event.read()\n"
        "    number = event.getheader('Lambda-Runtime-Aws-Request-Id')\n"
        "    api.request('POST', f'/2018-06-01/runtime/invocation/{number}/response', b'{}')\n"
        "    api.getresponse().read()\n"
    )
    assert main(["--count", "100", "--runtime", f"{sys.executable} {runtime}"]) == 1
    assert "invocation 0 (" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("last", "text"),
    [
        (Sample(0, 105, 7, 1.0, 9.0), None),
        (Sample(0, 106, 7, 1.0, 1.0), "memory: the last tenth uses 1.060 of the second; the limit is 1.05"),
        (Sample(0, 100, 8, 1.0, 1.0), "descriptors: the last tenth uses 1.143 of the second; the limit is 1.05"),
        (Sample(0, 100, 7, 1.2, 1.0), "cpu_s: the last tenth uses 1.200 of the second; the limit is 1.10"),
    ],
)
def test_growth_is_judged(last: Sample, text: str | None) -> None:
    """Memory, descriptors and CPU time of the last tenth are compared with the second; latency is not judged."""
    soak = Soak({}, [Sample(0, 100, 7, 1.0, 1.0)] * (PARTS - 10) + [last] * 10)
    assert soak.exceeded() == ([] if text is None else [text])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--count", "99"], "--count 99 is too small; give at least 100"),
        (["--local", "--runtime", "x"], "--runtime is for a run without --local; leave one of them out"),
        (["--from", "/nonexistent"], "/nonexistent is not a file of samples"),
    ],
)
def test_wrong_arguments_are_refused(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong argument is an error of usage that names the cure."""
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2
    assert message in capsys.readouterr().err
