"""The Rust function: compiled here, and used only if it runs on provided.al2023."""

from __future__ import annotations

import platform
from pathlib import Path

from ..build_cache import BuildCache, Unavailable
from ..contenders.compiled import rust
from ..interpreter import Interpreter
from .variants import NotPossible

_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def bootstrap(given: Path | None, build: Path, architecture: str) -> Path:
    """Return the compiled function: the given one, or the benchmark's own, built by cargo.

    Raises:
        NotPossible: it cannot be built for this architecture here, or needs a newer C library than Lambda has.
    """
    if given is None:
        if _MACHINES.get(platform.machine().lower()) != architecture:
            raise NotPossible(f"cargo builds for this machine, not for {architecture}; give a compiled one with --rust")
        try:
            # The cache needs the interpreter of Python contenders; no such contender is built here.
            nobody = Interpreter(Path(), Path(), "", "", "")
            given = Path(rust(BuildCache(build, nobody)).command[0])
        except Unavailable as reason:
            raise NotPossible(f"{reason}; give a compiled one with --rust") from reason
    _check(given, architecture)
    return given


def _check(path: Path, architecture: str) -> None:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotPossible(f"--rust {path}: {error.strerror}; name the compiled `bootstrap`") from error
    from awslambdaric_lite.packaging.elf import glibc_needed, read_elf
    from awslambdaric_lite.packaging.errors import PackagingError
    from awslambdaric_lite.packaging.targets import Target

    try:
        elf = read_elf(content)
    except PackagingError as error:
        raise NotPossible(f"{path.name}: {error}") from error
    target = Target.parse("3.13", architecture)  # the version of Python names the image, provided.al2023
    if elf is None or elf.machine != target.machine:
        raise NotPossible(f"{path.name} is not a program for {architecture}; compile it for that")
    if (needed := glibc_needed(elf)) and needed > target.glibc:
        have, want = (".".join(map(str, version)) for version in (target.glibc, needed))
        cure = "compile it for a musl target, or with `cargo zigbuild`, and give it with --rust"
        raise NotPossible(f"{path.name} needs glibc {want}, and provided.al2023 has {have}; {cure}")
