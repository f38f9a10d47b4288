"""Binaries without symbols for debuggers."""

from __future__ import annotations

import ctypes
import platform
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from awslambdaric_lite.packaging.archive import Member
from awslambdaric_lite.packaging.elf import read_elf
from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.strip_binaries import strip_members
from awslambdaric_lite.packaging.targets import Target

HERE = Target.parse("3.13", platform.machine())
OTHER = Target("3.13", "arm64" if HERE.arch == "x86_64" else "x86_64")

needs_tools = pytest.mark.skipif(
    not (shutil.which("cc") and shutil.which("strip")), reason="a compiler or strip is missing"
)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Return a library with symbols for debuggers."""
    source = tmp_path / "answer.c"
    source.write_text("static int number = 42;\nint answer(void) { return number; }\n")
    subprocess.run(["cc", "-g", "-shared", "-fPIC", "-o", "libanswer.so", "answer.c"], cwd=tmp_path, check=True)
    return tmp_path / "libanswer.so"


@needs_tools
def test_binaries_are_smaller_and_load(library: Path, tmp_path: Path) -> None:
    """A stripped library is smaller, keeps its mode and works; other files are not touched."""
    members = {
        "lib/libanswer.so": Member("lib/libanswer.so", library, executable=True),
        "app.py": Member("app.py", b"x = 1\n"),
        "text.so": Member("text.so", b"INPUT(libanswer.so)"),
        "short.so": Member("short.so", b"\x7fELF"),
    }
    stripped = strip_members(members, HERE)
    assert list(stripped) == ["lib/libanswer.so"] and stripped["lib/libanswer.so"].executable
    content = stripped["lib/libanswer.so"].read()
    assert len(content) < library.stat().st_size and b".debug_info" not in content
    assert read_elf(content) == read_elf(library.read_bytes())
    (tmp_path / "stripped.so").write_bytes(content)
    assert ctypes.CDLL(str(tmp_path / "stripped.so")).answer() == 42
    assert strip_members({"a.so": Member("a.so", content)}, HERE) == {}


@needs_tools
def test_damaged_results_are_not_taken(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A binary whose segments could not be mapped any more, or that cannot be read, stays as it is."""
    content = bytearray(library.read_bytes())
    (start,) = struct.unpack_from("<Q", content, 32)
    struct.pack_into("<Q", content, start + 16, 8)  # the address of the first segment does not fit its offset
    (tmp_path / "unaligned.so").write_bytes(content)
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools))
    members = {"a.so": Member("a.so", library)}
    for script in (f"/bin/cp {tmp_path}/unaligned.so $2", "echo > $2", "exit 1"):
        (tools / "strip").write_text(f"#!/bin/sh\n{script}\n")
        (tools / "strip").chmod(0o755)
        with pytest.raises(PackagingError, match=f"needs a program that strips binaries for {HERE.arch}: strip, "):
            strip_members(members, HERE)


@needs_tools
def test_missing_program_is_named(library: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a program for the architecture the message names those that would do; no binary needs none."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PackagingError, match="llvm-strip; install one of them"):
        strip_members({"a.so": Member("a.so", library)}, HERE)
    assert strip_members({"a.so": Member("a.so", library)}, OTHER) == {}
    assert strip_members({"app.py": Member("app.py", b"")}, HERE) == {}
