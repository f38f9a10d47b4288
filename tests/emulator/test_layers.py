"""Layers: which files are merged, in which order, and how a function's processes see them."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from awslambdaric_lite.emulator import LocalLambda
from awslambdaric_lite.emulator.config.function import FunctionConfig
from awslambdaric_lite.emulator.environments.layers import extension_programs, layer_variables, merge
from awslambdaric_lite.emulator.errors import InvalidFunction

from .environment_harness import running
from .extension_harness import FOLLOW, HEAD, Programs

WriteHandler = Callable[[str], Path]
PACKAGES = f"python/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"


def folder(root: Path, files: Mapping[str, str]) -> Path:
    """Write a layer as a folder."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def archive(path: Path, files: Mapping[str, str], mode: int = 0o100644) -> Path:
    """Write a layer as a zip file."""
    with zipfile.ZipFile(path, "w") as written:
        for name, text in files.items():
            member = zipfile.ZipInfo(name, (2024, 2, 3, 4, 5, 6))
            member.external_attr = mode << 16 | 0x20  # of MS-DOS: to be archived
            written.writestr(member, text)
    return path


def content(root: Path) -> dict[str, str]:
    """Return the text of every file below a folder."""
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_later_layer_overwrites_earlier_one(tmp_path: Path) -> None:
    """Files of a later layer replace those of an earlier one, and a file and a folder replace each other."""
    layers = [
        folder(tmp_path / "first", {"python/a.py": "1", "python/b.py": "1", "bin/tool": "1", "x": "1"}),
        archive(tmp_path / "second.zip", {"python/b.py": "2", "python/c.py": "2", "x/y": "2"}),
        folder(tmp_path / "third", {"python/c.py": "3", "bin": "3"}),
    ]
    merged = merge(layers, tmp_path / "opt")
    assert merged == tmp_path / "opt"
    assert content(merged) == {"python/a.py": "1", "python/b.py": "2", "python/c.py": "3", "bin": "3", "x/y": "2"}
    assert content(layers[0])["python/b.py"] == "1"


def test_merge_keeps_mode_time_and_links(tmp_path: Path) -> None:
    """Merged files keep execute permission and modification time, and links keep their targets."""
    program = folder(tmp_path / "layer", {"bin/tool": "#!/bin/sh"}) / "bin" / "tool"
    program.chmod(0o755)
    os.utime(program, (1_000_000_000, 1_000_000_000))
    (tmp_path / "layer" / "bin" / "alias").symlink_to("tool")
    zipped = archive(tmp_path / "a.zip", {"run": "#!/bin/sh"}, 0o100755)
    linked = archive(tmp_path / "b.zip", {"lib/link": "../run"}, 0o120777)
    plain = archive(tmp_path / "c.zip", {"data": ""}, 0)
    merged = merge([tmp_path / "layer", zipped, linked, plain], tmp_path / "opt")
    assert merged is not None
    assert (merged / "bin/tool").stat().st_mtime == 1_000_000_000
    assert os.access(merged / "bin/tool", os.X_OK)
    assert os.readlink(merged / "bin/alias") == "tool"
    assert os.access(merged / "run", os.X_OK)
    assert (merged / "run").stat().st_mtime == 1_706_933_106  # 2024-02-03 04:05:06 UTC
    assert (merged / "lib/link").read_text() == "#!/bin/sh"
    assert (merged / "data").stat().st_mode & 0o777 == 0o644


def test_single_folder_is_not_copied(tmp_path: Path) -> None:
    """A single folder is used without a copy, and no layer creates no folder."""
    layer = folder(tmp_path / "layer", {"python/a.py": ""})
    assert merge([layer], tmp_path / "opt") == layer
    assert merge([], tmp_path / "opt") is None
    assert not (tmp_path / "opt").exists()


@pytest.mark.parametrize("name", ["../outside", "python/../../outside", "/outside"])
def test_zip_member_outside_is_rejected(tmp_path: Path, name: str) -> None:
    """A zip file with a member outside the target is rejected, and nothing is written there."""
    with pytest.raises(InvalidFunction, match=r"evil\.zip has the member .*outside"):
        merge([archive(tmp_path / "evil.zip", {name: "x"})], tmp_path / "opt")
    assert not (tmp_path / "outside").exists()


def test_link_into_opt_stays_in_its_layer(tmp_path: Path) -> None:
    """A layer's link to a file below /opt is kept, because Lambda unpacks layers there."""
    layer = archive(tmp_path / "a.zip", {"lib/x.so": "/opt/lib/x.so.1"}, 0o120777)
    merged = merge([layer], tmp_path / "opt")
    assert merged is not None and (merged / "lib" / "x.so").readlink() == Path("/opt/lib/x.so.1")


def test_link_is_replaced_by_folder(tmp_path: Path) -> None:
    """A link to a folder is replaced if a later layer has files below its name; a link out of the layer is rejected."""
    (tmp_path / "elsewhere").mkdir()
    link = archive(tmp_path / "a.zip", {"python": str(tmp_path / "elsewhere")}, 0o120777)
    with pytest.raises(InvalidFunction, match=r"layer .*a\.zip has the link 'python' to .*, out of it"):
        merge([link], tmp_path / "opt")
    shutil.rmtree(tmp_path / "opt")
    link = archive(tmp_path / "a.zip", {"python": "elsewhere"}, 0o120777)
    below = archive(tmp_path / "b.zip", {"python/a.py": "x"})
    merged = merge([link, below], tmp_path / "opt")
    assert merged is not None and (merged / "python" / "a.py").read_text() == "x"
    assert not (merged / "elsewhere").exists() and not list((tmp_path / "elsewhere").iterdir())


def test_invalid_layer_is_rejected(tmp_path: Path) -> None:
    """More than five layers, a missing file, a file that is not a zip, and a damaged one are rejected."""
    layer = folder(tmp_path / "layer", {"python/a.py": ""})
    (tmp_path / "text").write_text("no archive")
    damaged = archive(tmp_path / "damaged.zip", {"a": "x" * 1000})
    damaged.write_bytes(damaged.read_bytes().replace(b"xxxx", b"yyyy", 1))
    FunctionConfig("app.handler", tmp_path, layers=[layer] * 5)
    with pytest.raises(InvalidFunction, match="6 layers are too many; Lambda takes up to 5"):
        FunctionConfig("app.handler", tmp_path, layers=[layer] * 6)
    for path in (tmp_path / "missing.zip", tmp_path / "text"):
        with pytest.raises(InvalidFunction, match=f"layer {path} is neither a folder nor a zip file"):
            FunctionConfig("app.handler", tmp_path, layers=[path])
    with pytest.raises(InvalidFunction, match=r"layer .*damaged\.zip: 'a' is damaged"):
        merge([damaged], tmp_path / "opt")


def test_existing_folders_extend_search_paths(tmp_path: Path) -> None:
    """Each existing layer folder is appended to its search path."""
    layer = folder(tmp_path / "layer", {"bin/tool": "", f"{PACKAGES}/a.py": "", "python/b.py": ""})
    assert layer_variables(layer, Path("/opt"), {"PATH": "/bin", "PYTHONPATH": ""}) == {
        "PATH": "/bin:/opt/bin",
        "PYTHONPATH": f"/opt/{PACKAGES}:/opt/python",
    }
    libraries = folder(tmp_path / "libraries", {"lib/libx.so": ""})
    assert layer_variables(libraries, libraries, {"LD_LIBRARY_PATH": "/lib"}) == {
        "LD_LIBRARY_PATH": f"/lib:{libraries}/lib"
    }


def test_files_in_extensions_are_programs(tmp_path: Path) -> None:
    """Every file directly in `extensions` is a program, sorted by name, unless they are disabled."""
    layer = folder(tmp_path / "layer", {"extensions/b": "", "extensions/a": "", "extensions/more/c": "", "d": ""})
    assert extension_programs(layer) == [layer / "extensions/a", layer / "extensions/b"]
    assert extension_programs(None) == extension_programs(tmp_path) == []
    (layer / "disable-extensions-jwigqn8j").touch()
    assert extension_programs(layer) == []


def test_function_uses_merged_layers(write_handler: WriteHandler, socket_runtime: list[str], tmp_path: Path) -> None:
    """A function imports packages and runs programs of its layers; the last layer takes precedence."""
    first = folder(tmp_path / "first", {"python/shared.py": "VALUE = 1", f"{PACKAGES}/other.py": "VALUE = 2"})
    second = archive(tmp_path / "second.zip", {"python/shared.py": "VALUE = 3"})
    tools = archive(tmp_path / "tools.zip", {"bin/layer-tool": "#!/bin/sh\necho from the layer"}, 0o100755)
    source = (
        "import other, shared, subprocess\ndef handler(event, context):\n"
        "    return [shared.VALUE, other.VALUE, subprocess.check_output(['layer-tool'], text=True)]"
    )

    async def scenario() -> None:
        async with running(write_handler(source), socket_runtime, layers=[first, second, tools]) as function:
            assert (await function.invoke())[0] == [3, 2, "from the layer\n"]

    asyncio.run(scenario())


def test_extension_of_layer_registers_by_filename(
    write_handler: WriteHandler, socket_runtime: list[str], tmp_path: Path
) -> None:
    """An extension of a layer registers under the name of its file."""
    programs = Programs(tmp_path)
    layer = archive(tmp_path / "layer.zip", {"extensions/watcher": HEAD + FOLLOW}, 0o100755)

    async def scenario() -> None:
        root = write_handler("def handler(event, context): return 1")
        async with running(root, socket_runtime, layers=[layer], env=programs.env) as function:
            _, completion = await function.invoke()
            assert "EXTENSION\tName: watcher\tState: Ready\tEvents: [INVOKE, SHUTDOWN]" in completion.logs
        assert [entry if isinstance(entry, str) else entry["eventType"] for entry in programs.trace] == [
            "registered",
            "INVOKE",
            "SHUTDOWN",
        ]

    asyncio.run(scenario())


def test_pth_files_of_the_function_are_processed(write_handler: WriteHandler) -> None:
    """The default runtime finds modules in a folder that a `.pth` file in the task root names."""
    root = write_handler("import vended\ndef handler(event, context):\n    return vended.X")
    (root / "vendor").mkdir()
    (root / "vendor" / "vended.py").write_text("X = 1")
    (root / "more.pth").write_text("vendor\n")
    with LocalLambda("app.handler", task_root=root) as function:
        assert function.invoke().json() == 1
