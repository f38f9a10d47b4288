"""CPU time and bytes of a zip file's members at each level of deflate: `python -m benchmarks.compression FILE.zip …`.

The files are packages, e.g. those of `awslambdaric-lite pack`. Rounds are interleaved; each time is the median.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

LEVELS = range(1, 10)
BEST = 9  # the level that the others are compared with


def compressed_size(contents: Sequence[bytes], level: int) -> int:
    """Return the bytes of all contents after deflate."""
    total = 0
    for content in contents:
        compressor = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
        total += len(compressor.compress(content)) + len(compressor.flush())
    return total


def measure(contents: Sequence[bytes], levels: Sequence[int], rounds: int) -> dict[int, tuple[float, int]]:
    """Return seconds of CPU time and bytes for each level."""
    times: dict[int, list[float]] = {level: [] for level in levels}
    sizes = {}
    for _ in range(rounds):
        for level in levels:
            before = time.process_time()
            sizes[level] = compressed_size(contents, level)
            times[level].append(time.process_time() - before)
    return {level: (statistics.median(times[level]), sizes[level]) for level in levels}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table for each package."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compression", description=__doc__.partition("\n")[0])
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE.zip", help="zip file to compress again")
    parser.add_argument("--rounds", type=int, default=3, help="number of rounds (default: 3)")
    options = parser.parse_args(arguments)
    for file in options.files:
        with zipfile.ZipFile(file) as archive:
            contents = [archive.read(info) for info in archive.infolist()]
        found = measure(contents, LEVELS, options.rounds)
        best_time, best_size = found[BEST]
        print(f"{file}: {len(contents)} files, {sum(map(len, contents)) / 2**20:.1f} MB")
        for level, (seconds, size) in found.items():
            print(f"  level {level}  CPU {seconds / best_time:5.2f}  bytes {size / best_size:6.3f}  ({seconds:.2f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
