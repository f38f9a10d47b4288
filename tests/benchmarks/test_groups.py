"""The CPU share of a function: the control groups of both versions, and the effect of a limit."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from benchmarks.build_cache import Unavailable, build_directory
from benchmarks.groups import FULL_CPU_MB, PERIOD, Groups, available, places, quota
from benchmarks.loadgen import LoadGenerator, RunFailed

CLIENT = """
import http.client, os, time
c = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    c.request("GET", "/2018-06-01/runtime/invocation/next")
    reply = c.getresponse(); reply.read()
    end = time.process_time() + 0.02
    while time.process_time() < end:
        pass
    groups = open("/proc/self/cgroup").read()
    request_id = reply.headers["Lambda-Runtime-Aws-Request-Id"]
    c.request("POST", f"/2018-06-01/runtime/invocation/{request_id}/response", groups)
    c.getresponse().read()
"""


def test_quota_is_proportional() -> None:
    """The quota is proportional to memory, with a whole CPU at 1769 MB and a minimum of a millisecond."""
    assert quota(FULL_CPU_MB) == PERIOD == 20_000
    assert [quota(memory) for memory in (128, 256, 512, 1024, 10)] == [1447, 2894, 5788, 11577, 1000]


def test_version_1_groups_are_found(tmp_path: Path) -> None:
    """Places of version 1 are this process's group first, then those above it up to the mount."""
    own = tmp_path / "cpu" / "user" / "me"
    own.mkdir(parents=True)
    mounts = (
        f"30 1 0:1 / {tmp_path} rw - tmpfs tmpfs rw\n31 30 0:2 / {tmp_path}/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
        f"32 30 0:3 / {tmp_path}/memory rw - cgroup cgroup rw,memory\n"
    )
    found = list(places(mounts, "5:memory:/else\n4:cpu,cpuacct:/user/me\n0::/\n"))
    assert found == [Groups(path, 1) for path in (own, own.parent, tmp_path / "cpu")]


def test_version_2_needs_cpu_controller(tmp_path: Path) -> None:
    """Places of version 2 are groups that pass the cpu controller on, also in a container."""
    (tmp_path / "slice" / "me").mkdir(parents=True)
    (tmp_path / "slice" / "cgroup.subtree_control").write_text("cpu memory\n")
    (tmp_path / "slice" / "me" / "cgroup.subtree_control").write_text("memory\n")
    mounts = f"31 30 0:2 /docker {tmp_path} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
    assert list(places(mounts, "0::/docker/slice/me\n")) == [Groups(tmp_path / "slice", 2)]


@pytest.mark.parametrize(("version", "file", "text"), [(1, "cpu.cfs_quota_us", "1447"), (2, "cpu.max", "1447 20000")])
def test_limit_has_notation_of_version(tmp_path: Path, version: int, file: str, text: str) -> None:
    """A limit has the file and the notation of its version; its group is new and removed afterwards."""
    groups = Groups(tmp_path, version)
    with groups.limited(128) as limit:
        assert (limit.file, limit.text) == (file, text)
        first = limit.group
        assert first.is_dir()
        (first / "cpu.cfs_period_us").unlink(
            missing_ok=True
        )  # a plain folder is not a control group: it keeps its files
    with groups.limited(128) as limit:
        assert limit.group != first
        (limit.group / "cpu.cfs_period_us").unlink(missing_ok=True)
    assert not list(tmp_path.iterdir())


def test_missing_right_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If no group can be made, the message has the reason and the place."""
    monkeypatch.setattr("benchmarks.groups.places", lambda mounts, memberships: iter([Groups(tmp_path / "none", 1)]))
    with pytest.raises(Unavailable, match=r"without the right to make control groups \(.*none: No such file"):
        available()


def test_client_is_limited_after_init(tmp_path: Path) -> None:
    """A client runs in its group from its first instruction on; the limit begins after its init."""
    try:
        groups = available()
        loadgen = LoadGenerator.built(build_directory(tmp_path / "build"))
    except Unavailable as reason:
        pytest.skip(str(reason))
    event = tmp_path / "event.json"
    event.write_text("{}")
    with groups.limited(128) as limit:
        command = [sys.executable, "-c", CLIENT]
        run = loadgen.run(command, os.environ, event=event, cwd=tmp_path, count=1, rest=True, limit=limit)
        name = limit.group.name
        throttled = re.search(r"^nr_throttled (\d+)", (limit.group / "cpu.stat").read_text(), re.MULTILINE)
    assert name in run.first.decode()
    assert throttled and int(throttled.group(1)) >= 2
    assert not limit.group.exists()


def test_missing_group_fails_run(tmp_path: Path) -> None:
    """A group that does not exist fails the run with a reason that names it."""
    try:
        loadgen = LoadGenerator.built(build_directory(tmp_path / "build"))
    except Unavailable as reason:
        pytest.skip(str(reason))
    event = tmp_path / "event.json"
    event.write_text("{}")
    missing = Groups(tmp_path, 2)
    with missing.limited(128) as limit:
        limit.group.rmdir()
        with pytest.raises(RunFailed, match=f"{limit.group}: No such file"):
            loadgen.run(["/bin/true"], {}, event=event, cwd=tmp_path, limit=limit)
        limit.group.mkdir()
