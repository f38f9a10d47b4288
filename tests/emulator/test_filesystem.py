"""What an environment's processes find under `/tmp` and `/opt`, with mounts and without."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from awslambdaric_lite.emulator.config.function import FunctionConfig
from awslambdaric_lite.emulator.environments import filesystem
from awslambdaric_lite.emulator.environments.filesystem import Layout
from awslambdaric_lite.emulator.errors import InvalidFunction
from tests.support import extension_client

from .conftest import SOCKET_RUNTIME
from .environment_harness import alive, running

WriteHandler = Callable[[str], Path]

LOOK = """
import os, tempfile
def handler(event, context):
    if event.get("write"): open("/tmp/written", "w").close()
    try: open("/opt/written", "w").close()
    except OSError as error: refused = error.strerror
    else: refused = None
    found = {folder: sorted(os.listdir(folder)) for folder in ("/tmp", "/opt")}
    found |= {"refused": refused, "temporary": tempfile.gettempdir()}
    return {**found, "pid": os.getpid(), "env": dict(os.environ)}
"""


@pytest.fixture
def outside() -> Iterator[tuple[Path, list[str]]]:
    """A task root and a runtime that need nothing of `/tmp` or `/opt`, on a system where this process may mount."""
    python = shutil.which("python3", path="/usr/bin:/bin")
    if filesystem._mounter() is None or python is None or not Path("/opt").is_dir():
        pytest.skip("needs the right to mount (root, unshare, mount), /opt and a python3 of the system")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        (Path(folder) / "app.py").write_text(LOOK)
        shutil.copy(SOCKET_RUNTIME, folder)
        yield Path(folder), [python, "-S", str(Path(folder) / SOCKET_RUNTIME.name)]


def test_each_environment_has_a_folder_of_its_own(
    write_handler: WriteHandler, socket_runtime: list[str], tmp_path: Path
) -> None:
    """Without mounts it is what `TMPDIR` says, and it goes with the local Lambda."""
    source = "import os, tempfile\ndef handler(event, context): return [tempfile.gettempdir(), os.environ['TMPDIR']]"

    async def story() -> list[str]:
        aliases = {"live": "3"}
        async with running(write_handler(source), socket_runtime, aliases=aliases) as function:
            found = [(await function.invoke(qualifier=qualifier))[0] for qualifier in (None, "live")]
            assert [folder for folder, _ in found] == [variable for _, variable in found]
            return [folder for folder, _ in found]

    first, second = asyncio.run(story())
    assert first != second
    assert not Path(first).parent.exists()


@pytest.mark.parametrize("private_tmp", [True, None])
def test_a_private_tmp(outside: tuple[Path, list[str]], private_tmp: bool | None) -> None:
    """`/tmp` is the environment's own, outlives a crash, and nothing of it is seen outside, mounts included."""
    root, runtime = outside
    mounts = Path("/proc/self/mountinfo").read_text()
    host = set(os.listdir("/tmp"))

    async def story() -> None:
        async with running(root, runtime, private_tmp=private_tmp) as function:
            seen, _ = await function.invoke({"write": True})
            assert seen["/tmp"] == ["written"]
            assert seen["temporary"] == seen["env"]["TMPDIR"] == "/tmp"
            (environment,) = function.host.pool.environments
            assert seen["pid"] == environment.pid  # what started it has become it
            assert "written" not in os.listdir("/tmp")
            environment.crash()
            assert (await function.invoke())[0]["/tmp"] == ["written"]
            assert Path("/proc/self/mountinfo").read_text() == mounts
        assert not alive(seen["pid"])

    asyncio.run(story())
    assert "written" not in set(os.listdir("/tmp")) - host


def test_a_mount_adds_no_variables(outside: tuple[Path, list[str]]) -> None:
    """The shell between leaves no trace in what the function sees."""
    root, runtime = outside

    async def seen(private_tmp: bool) -> set[str]:
        async with running(root, runtime, private_tmp=private_tmp) as function:
            return set((await function.invoke())[0]["env"])

    assert asyncio.run(seen(True)) == asyncio.run(seen(False))


def test_layers_on_opt(outside: tuple[Path, list[str]]) -> None:
    """They are mounted there, read-only, without being asked for, as `/tmp` is."""
    root, runtime = outside
    (root / "layer" / "python").mkdir(parents=True)

    async def story() -> None:
        async with running(root, runtime, layers=[root / "layer"], private_tmp=False) as function:
            seen, _ = await function.invoke()
            assert seen["/opt"] == ["python"]
            assert seen["refused"] == "Read-only file system"
            assert seen["env"]["PYTHONPATH"] == "/opt/python"
            assert seen["env"]["TMPDIR"] != "/tmp"
        async with running(root, runtime, layers=[root / "layer"]) as function:
            seen, _ = await function.invoke()
            assert (seen["/opt"], seen["/tmp"]) == (["python"], [])

    asyncio.run(story())


def test_an_extension_shares_the_mounts(outside: tuple[Path, list[str]]) -> None:
    """An extension of a layer finds itself on `/opt`, and `/tmp` is the function's, too."""
    root, runtime = outside
    program = root / "layer" / "extensions" / "watcher"
    program.parent.mkdir(parents=True)
    shutil.copy(Path(extension_client.__file__), root / "extension_client.py")
    program.write_text(
        f"#!{runtime[0]} -S\nimport os, sys\nsys.path.insert(0, {str(root)!r})\n"
        "from extension_client import ExtensionClient\n"
        "extension = ExtensionClient('watcher')\nextension.register(['INVOKE'])\n"
        "open('/tmp/' + '-'.join(os.listdir('/opt/extensions')), 'w').close()\n"
        "while True: extension.next()\n"
    )
    program.chmod(0o755)

    async def story() -> None:
        async with running(root, runtime, layers=[root / "layer"]) as function:
            seen, _ = await function.invoke()
            assert (seen["/opt"], seen["/tmp"]) == (["extensions"], ["watcher"])

    asyncio.run(story())


def test_what_lies_in_tmp_is_not_hidden(tmp_path: Path, outside: tuple[Path, list[str]]) -> None:
    """A task root, an interpreter, a layer, a search path: with any of them there `TMPDIR` has to do."""
    root, runtime = outside
    private = FunctionConfig("app.handler", root, runtime=runtime, private_tmp=None)
    assert Layout(private, root / "a").environment(0).tmp == Path("/tmp")
    inside = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        for settings in (
            {"task_root": inside},
            {"runtime": [*runtime, str(inside)]},
            {"runtime": [str(inside / "bin" / "python")]},
            {"env": {"PYTHONPATH": f"/usr/lib:{inside}"}},
        ):
            values = {"task_root": root, "runtime": runtime, **settings}
            function = FunctionConfig("app.handler", private_tmp=None, **values)  # type: ignore[arg-type]
            assert Layout(function, root / "b").environment(0).tmp == root / "b" / "tmp-0"
            demanded = FunctionConfig("app.handler", private_tmp=True, **values)  # type: ignore[arg-type]
            with pytest.raises(InvalidFunction, match=f"private /tmp is not possible: {inside}.* is in it"):
                Layout(demanded, root / "c")
    finally:
        inside.rmdir()


def test_a_private_tmp_where_nothing_may_be_mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Demanded, it is refused with the reason, and the start leaves nothing behind; else `TMPDIR` has to do."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    filesystem._mounter.cache_clear()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    async def story() -> None:
        with pytest.raises(InvalidFunction, match="this process may not mount; omit private_tmp"):
            async with running(tmp_path, ["true"], private_tmp=True):
                pass
        async with running(tmp_path, ["true"], private_tmp=None):
            assert list(tmp_path.glob("local-lambda-*"))

    try:
        asyncio.run(story())
    finally:
        filesystem._mounter.cache_clear()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("command", "reason"), [("./missing", "no such file"), ("./app.py", "permission denied")])
def test_a_runtime_that_cannot_be_executed_with_mounts(
    outside: tuple[Path, list[str]], command: str, reason: str
) -> None:
    """It is told as without them."""
    root, _ = outside

    async def story() -> None:
        async with running(root, [command], private_tmp=True) as function:
            answer, _ = await function.invoke()
            assert answer["errorType"] == "Runtime.InvalidEntrypoint"
            assert command in answer["errorMessage"] and reason in answer["errorMessage"]

    asyncio.run(story())
