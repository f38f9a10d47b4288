"""Start the runtime: the script that wrappers get where AWS gives them `/var/runtime/bootstrap.py`.

`LAMBDA_RUNTIME_DIR` names this folder then, because wrappers build the path of the script from it.
"""

import gc
import sys

if __name__ == "__main__":
    gc.disable()  # until initialize(), as in `awslambdaric_lite/__main__.py`
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]  # this folder
    sys.path.insert(0, __file__.rpartition("/awslambdaric_lite/")[0])
    import awslambdaric_lite  # noqa: F401 -- its modules are then found through it

    del sys.path[0]  # the parent may be the function's folder
    # Tools that instrument the runtime client look for `__main__.bootstrap`, as in the official one.
    from awslambdaric_lite import _runtime as bootstrap

    sys.exit(bootstrap.main(sys.argv[:1], started_as_file=True))
