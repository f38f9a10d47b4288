"""Start the runtime: `python -m awslambdaric_lite [handler]`, or this file run by `bootstrap`.

This file is short because a script is compiled at every start; the modules it imports come from bytecode.
"""

import gc
import sys

if __name__ == "__main__":
    gc.disable()  # until initialize(), because walking modules that stay costs time (spawn_to_next)
    if __spec__ is None:  # run as a file: Python put the package's folder on the path instead of its parent
        if not getattr(sys.flags, "safe_path", False):
            del sys.path[0]
        sys.path.insert(0, __file__.rpartition("/")[0].rpartition("/")[0] or "/")
        import awslambdaric_lite  # noqa: F401 -- its modules are then found through it

        del sys.path[0]  # the parent may be the function's folder, whose files must not replace C modules
    # Tools that instrument the runtime client look for `__main__.bootstrap`, as in the official one.
    from awslambdaric_lite import _runtime as bootstrap

    sys.exit(bootstrap.main(sys.argv, started_as_file=__spec__ is None))
