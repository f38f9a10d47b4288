"""Start the runtime: `python -m awslambdaric_lite [handler]`, or this file run by `bootstrap`.

Kept this short because a script is compiled at every start; the modules it imports come from bytecode.
"""

import sys

if __name__ == "__main__":
    if __spec__ is None:  # run as a file: the package's parent, not the package itself, is where imports start
        if not getattr(sys.flags, "safe_path", False):
            del sys.path[0]
        sys.path.insert(0, __file__.rpartition("/")[0].rpartition("/")[0])
    # Tools that instrument the runtime client look for `__main__.bootstrap`, as in the official one.
    from awslambdaric_lite import _runtime as bootstrap

    sys.exit(bootstrap.main(sys.argv, started_as_file=__spec__ is None))
