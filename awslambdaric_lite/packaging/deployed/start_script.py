"""Starts the runtime as `__main__.py` does, from one file with all that each start needs. Lies beside it as bytecode.

This short, for Python searches whatever it runs as a script for the end of a zip file first, byte by byte: with the
modules in here that was 0.4 of the 38 million instructions of a cold start.
"""

import gc
import sys

if __name__ == "__main__":  # else a child process of `multiprocessing`, which imports what its parent was started with
    gc.disable()  # as in __main__.py
    folder = __file__.rpartition("/")[0]
    with open(f"{__file__.rpartition('.')[0]}.bin", "rb", 0) as file:
        exec(sys.modules["marshal"].loads(file.read()))  # makes the name `bootstrap`
    del folder, file
    sys.exit(bootstrap.main(sys.argv, started_as_file=True))  # type: ignore[name-defined]  # noqa: F821
