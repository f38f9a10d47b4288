"""The hashes of sources that bytecode carries (PEP 552), as the target's Python computes them.

The only user of the private module `_imp`: `importlib.util.source_hash` computes the running version's hash only. It
changed with 3.11 (SipHash-2-4 to SipHash-1-3), and its key is a version's magic number.
"""

from __future__ import annotations

import marshal
import subprocess
import sys
from collections.abc import Iterable, Sequence

from ..bytecode import find_interpreter

_SINCE = (3, 11)
_CHUNK = 16 * 1024 * 1024  # bytes of sources for one process

_WORKER = """
import _imp, marshal, sys
keys, sources = marshal.load(sys.stdin.buffer)
sys.stdout.buffer.write(marshal.dumps([_imp.source_hash(key, source) for key, source in zip(keys, sources)], 2))
"""


def source_hashes(sources: Iterable[bytes], magics: Sequence[int], version: str) -> list[bytes] | None:
    """Hash each source for its magic number; return None if this machine lacks the interpreter for that."""
    keys = [int.from_bytes(magic.to_bytes(2, "little") + b"\r\n", "little") for magic in magics]
    if not keys:
        return []
    if (sys.version_info[:2] >= _SINCE) == (_numbers(version) >= _SINCE):
        import _imp

        return [_imp.source_hash(key, source) for key, source in zip(keys, sources, strict=True)]
    interpreter = find_interpreter(version)
    if interpreter is None:
        return None
    hashes: list[bytes] = []
    for part_keys, part_sources in _chunks(keys, sources):
        done = subprocess.run(
            [str(interpreter), "-I", "-S", "-c", _WORKER],
            input=marshal.dumps((part_keys, part_sources), 2),
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            return None
        hashes += marshal.loads(done.stdout)
    return hashes


def _chunks(keys: list[int], sources: Iterable[bytes]) -> Iterable[tuple[list[int], list[bytes]]]:
    part_keys: list[int] = []
    part: list[bytes] = []
    size = 0
    for key, source in zip(keys, sources, strict=True):
        part_keys.append(key)
        part.append(source)
        size += len(source)
        if size >= _CHUNK:
            yield part_keys, part
            part_keys, part, size = [], [], 0
    if part:
        yield part_keys, part


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
