"""Small binaries that the tests compile."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

COMPILER = "gcc"

needs_compiler = pytest.mark.skipif(shutil.which(COMPILER) is None, reason=f"{COMPILER} is missing: apt install gcc")


def compile_c(output: Path, source: str, *flags: str) -> bytes:
    """Compile a program, or with `-shared` a library, and return its bytes."""
    done = subprocess.run(
        [COMPILER, "-x", "c", "-O1", "-fno-stack-protector", "-", "-o", str(output), *flags],
        input=source,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    return output.read_bytes()


def compile_library(output: Path, source: str, *flags: str) -> bytes:
    """Compile a shared library."""
    return compile_c(output, source, "-shared", "-fPIC", *flags)


def symbol_user(function: str, version: str | None = None) -> str:
    """Return a source that calls a function without a header, optionally of a version of its symbol."""
    binding = f'__asm__(".symver {function},{function}@{version}");\n' if version else ""
    return f"extern long {function}();\n{binding}long use(void) {{ return {function}(0, 0, 0); }}\n"
