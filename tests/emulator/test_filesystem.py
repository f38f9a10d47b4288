"""What an environment's processes see in `/tmp` and `/opt`, with and without mounts."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from awslambdaric_lite.common import private_mounts
from awslambdaric_lite.emulator.config.function import FunctionConfig
from awslambdaric_lite.emulator.environments.filesystem import Layout
from awslambdaric_lite.emulator.errors import InvalidFunction
from tests.support import extension_client

from .environment_harness import running
from .runtimes import SOCKET_RUNTIME
from .waiting import alive

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
    """Yield a task root and a runtime outside `/tmp` and `/opt`, on a system where this process may mount."""
    python = shutil.which("python3", path="/usr/bin:/bin")
    if python is None or not Path("/opt").is_dir():
        pytest.skip("needs /opt and a python3 of the system")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name)
        (folder / "app.py").write_text(LOOK)
        shutil.copy(SOCKET_RUNTIME, folder)
        runtime = [python, "-S", str(folder / SOCKET_RUNTIME.name)]
        try:
            Layout(FunctionConfig("app.handler", folder, runtime=runtime, private_tmp=True), folder / "layout")
        except InvalidFunction as reason:
            if "this process may not mount" not in str(reason):
                raise
            pytest.skip("needs the permission to mount (root, unshare, mount)")
        yield folder, runtime


def test_each_environment_has_separate_tmpdir(
    write_handler: WriteHandler, socket_runtime: list[str], tmp_path: Path
) -> None:
    """Without mounts each environment has a separate `TMPDIR`, which is removed on close."""
    source = "import os, tempfile\ndef handler(event, context): return [tempfile.gettempdir(), os.environ['TMPDIR']]"

    async def scenario() -> list[str]:
        aliases = {"live": "3"}
        async with running(write_handler(source), socket_runtime, aliases=aliases) as function:
            found = [(await function.invoke(qualifier=qualifier))[0] for qualifier in (None, "live")]
            assert [folder for folder, _ in found] == [variable for _, variable in found]
            return [folder for folder, _ in found]

    first, second = asyncio.run(scenario())
    assert first != second
    assert not Path(first).parent.exists()


@pytest.mark.parametrize("private_tmp", [True, None])
def test_private_tmp_survives_crash(outside: tuple[Path, list[str]], private_tmp: bool | None) -> None:
    """A private `/tmp` survives a crash, and neither its files nor its mounts are visible outside."""
    root, runtime = outside
    mounts = Path("/proc/self/mountinfo").read_text()
    host = set(os.listdir("/tmp"))

    async def scenario() -> None:
        async with running(root, runtime, private_tmp=private_tmp) as function:
            seen, _ = await function.invoke({"write": True})
            assert seen["/tmp"] == ["written"]
            assert seen["temporary"] == seen["env"]["TMPDIR"] == "/tmp"
            (environment,) = function.host.pool.environments
            assert seen["pid"] == environment.pid  # the mounting shell has executed the runtime in its place
            assert "written" not in os.listdir("/tmp")
            environment.crash()
            assert (await function.invoke())[0]["/tmp"] == ["written"]
            assert Path("/proc/self/mountinfo").read_text() == mounts
        assert not alive(seen["pid"])

    asyncio.run(scenario())
    assert "written" not in set(os.listdir("/tmp")) - host


def test_mount_adds_no_variables(outside: tuple[Path, list[str]]) -> None:
    """Mounting adds no environment variable to the function."""
    root, runtime = outside

    async def seen(private_tmp: bool) -> set[str]:
        async with running(root, runtime, private_tmp=private_tmp) as function:
            return set((await function.invoke())[0]["env"])

    assert asyncio.run(seen(True)) == asyncio.run(seen(False))


def test_layers_are_mounted_on_opt(outside: tuple[Path, list[str]]) -> None:
    """Layers are mounted on `/opt`, read-only, and by default `/tmp` is mounted, too."""
    root, runtime = outside
    (root / "layer" / "python").mkdir(parents=True)

    async def scenario() -> None:
        async with running(root, runtime, layers=[root / "layer"], private_tmp=False) as function:
            seen, _ = await function.invoke()
            assert seen["/opt"] == ["python"]
            assert seen["refused"] == "Read-only file system"
            assert seen["env"]["PYTHONPATH"] == "/opt/python"
            assert seen["env"]["TMPDIR"] != "/tmp"
        async with running(root, runtime, layers=[root / "layer"]) as function:
            seen, _ = await function.invoke()
            assert (seen["/opt"], seen["/tmp"]) == (["python"], [])

    asyncio.run(scenario())


def test_extension_shares_mounts(outside: tuple[Path, list[str]]) -> None:
    """An extension of a layer shares `/opt` and `/tmp` with the function."""
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

    async def scenario() -> None:
        async with running(root, runtime, layers=[root / "layer"]) as function:
            seen, _ = await function.invoke()
            assert (seen["/opt"], seen["/tmp"]) == (["extensions"], ["watcher"])

    asyncio.run(scenario())


def test_needed_path_in_tmp_prevents_private_tmp(tmp_path: Path, outside: tuple[Path, list[str]]) -> None:
    """If task root, runtime or search path lies in `/tmp`, the environment uses `TMPDIR` instead."""
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


def test_private_tmp_without_permission_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without permission to mount, a required private `/tmp` is rejected; an optional one falls back to `TMPDIR`."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    private_mounts.reset_caches()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    async def scenario() -> None:
        with pytest.raises(InvalidFunction, match="this process may not mount; omit private_tmp"):
            async with running(tmp_path, ["true"], private_tmp=True):
                pass
        async with running(tmp_path, ["true"], private_tmp=None):
            assert list(tmp_path.glob("local-lambda-*"))

    try:
        asyncio.run(scenario())
    finally:
        private_mounts.reset_caches()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("command", "reason"), [("./missing", "no such file"), ("./app.py", "permission denied")])
def test_unexecutable_runtime_is_reported_with_mounts(
    outside: tuple[Path, list[str]], command: str, reason: str
) -> None:
    """With mounts a runtime that cannot be executed is reported with the same error as without."""
    root, _ = outside

    async def scenario() -> None:
        async with running(root, [command], private_tmp=True) as function:
            answer, _ = await function.invoke()
            assert answer["errorType"] == "Runtime.InvalidEntrypoint"
            assert command in answer["errorMessage"] and reason in answer["errorMessage"]

    asyncio.run(scenario())


def test_folder_of_local_lambda_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of the local Lambda are in a new folder of a shared one, which only its user can open."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (elsewhere := tmp_path / "elsewhere").mkdir()
    names = iter(["taken", "new"])
    monkeypatch.setattr(tempfile, "_get_candidate_names", lambda: names)
    (tmp_path / "local-lambda-taken").symlink_to(elsewhere)
    (root := tmp_path / "root").mkdir()

    async def scenario() -> None:
        async with running(root, ["true"], private_tmp=False):
            folder = tmp_path / "local-lambda-new"
            assert not folder.is_symlink() and folder.stat().st_mode & 0o777 == 0o700
            assert not list(elsewhere.iterdir())

    asyncio.run(scenario())
