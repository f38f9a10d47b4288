"""What Lambda starts: `/opt/bootstrap`, which is Python itself, without a shell before it.

It is compiled at every start, hence short: what is rare is in a module that comes as bytecode.
"""

from __future__ import annotations

from pathlib import Path

PACKAGE = "awslambdaric_lite"
WRAPPER_MODULE = "_exec_wrapper.py"
_IN_LAYER = Path(__file__).with_name("in_layer")

_BOOTSTRAP = """\
#!/opt/bin/python3.X -S
import gc
import posix
import sys

if __name__ == "__main__":  # else a child process of `multiprocessing`, which imports what its parent was started with
    gc.disable()  # as __main__ of the package does
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]
    sys.path.insert(0, "/opt/SITE_PACKAGES")
    import awslambdaric_lite

    del sys.path[0]
    if posix.environ.get(b"AWS_LAMBDA_EXEC_WRAPPER"):
        from awslambdaric_lite._exec_wrapper import become_wrapper

        become_wrapper(sys.argv)
    from awslambdaric_lite import _runtime as bootstrap

    sys.exit(bootstrap.main(sys.argv, started_as_file=True))
"""

_PYTHON3 = """\
#!/bin/sh
exec /opt/bin/python3.X "$@"
"""


def bootstrap(version: str, site_packages: str) -> bytes:
    """The program for a version of Python; the package lies in `site_packages` of the layer.

    `main` runs under `sys.exit`, and `bootstrap` is a name of `__main__`, where tools that instrument clients look.
    """
    return _BOOTSTRAP.replace("python3.X", f"python{version}").replace("SITE_PACKAGES", site_packages).encode()


def python3(version: str) -> bytes:
    """A `python3` for programs that a function starts: a zip file for Lambda should have no links."""
    return _PYTHON3.replace("python3.X", f"python{version}").encode()


def wrapper_source() -> bytes:
    """The module that makes way for `AWS_LAMBDA_EXEC_WRAPPER`."""
    return (_IN_LAYER / WRAPPER_MODULE).read_bytes()
