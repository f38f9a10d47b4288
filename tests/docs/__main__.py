"""`python -m tests.docs` lists the blocks that are parsed, not run; `--write` writes the generated tables."""

from __future__ import annotations

import argparse
from collections import Counter

from tests.docs.blocks import marked_blocks
from tests.docs.tables import TABLES, with_table


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.docs", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the generated tables into docs/")
    if parser.parse_args().write:
        for name, (path, _) in TABLES.items():
            path.write_text(with_table(name), encoding="utf-8")
        return
    blocks = marked_blocks()
    for block in blocks:
        print(f"{block}: needs {block.needs}")
    counts = Counter(block.needs for block in blocks)
    print(f"{len(blocks)} blocks are parsed, not run:", "; ".join(f"{n} need {what}" for what, n in counts.items()))


if __name__ == "__main__":
    main()
