"""Start the runtime as `__main__.py` does, from one file with the modules of each start. It is deployed as bytecode.

The script is short because Python first searches a script for the end of a zip file, byte by byte: with the modules in
it, that was 1 % of the instructions of a cold start (instructions_cold of the guard).
"""

import gc
import sys

if __name__ == "__main__":  # else a child process of `multiprocessing`, which imports its parent's script
    gc.disable()  # as in __main__.py
    folder = __file__.rpartition("/")[0]
    with open(f"{__file__.rpartition('.')[0]}.bin", "rb", 0) as file:
        exec(sys.modules["marshal"].loads(file.read()))  # makes the name `bootstrap`
    del folder, file
    sys.exit(bootstrap.main(sys.argv, started_as_file=True))  # type: ignore[name-defined]  # noqa: F821
