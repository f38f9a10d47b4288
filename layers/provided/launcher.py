"""The program that Lambda starts: `/opt/bootstrap`, a Python script without a shell before it.

Python compiles the script at every start, so it has two statements: its work is in bytecode, and rare work in a module
that is imported on demand.
"""

from __future__ import annotations

from pathlib import Path

PACKAGE = "awslambdaric_lite"
WRAPPER_MODULE = "_exec_wrapper.py"
BOOTSTRAP_MODULE = "_bootstrap.py"
_DEPLOYED = Path(__file__).with_name("deployed")

_SHEBANG = "#!/opt/bin/python3.X -S\n"

_BOOTSTRAP = """\
with open("/opt/SITE_PACKAGES/awslambdaric_lite/_bootstrap.pyc", "rb", 0) as file:
    bootstrap = file.read()
exec(__import__("marshal").loads(bootstrap[16:]))
"""

_BEGIN = """\
import gc
import posix
import sys

if __name__ == "__main__":  # else a child process of `multiprocessing`, which imports what its parent was started with
    gc.disable()  # as __main__ of the package does
    if posix.environ.get(b"AWS_LAMBDA_EXEC_WRAPPER"):
        sys.path.insert(0, "/opt/SITE_PACKAGES")
        from awslambdaric_lite._exec_wrapper import become_wrapper

        become_wrapper(sys.argv)
"""

# Either of these makes the name `bootstrap`, and takes the program's folder off the path.
_OF_BYTECODE = """\
    folder = "/opt/SITE_PACKAGES/awslambdaric_lite"
    with open(f"{folder}/start-3.X.bin", "rb", 0) as file:
        exec(sys.modules["marshal"].loads(file.read()))
    del folder, file
"""
_OF_SOURCES = """\
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]
    sys.path.insert(0, "/opt/SITE_PACKAGES")
    import awslambdaric_lite

    del sys.path[0]
    from awslambdaric_lite import _runtime as bootstrap

"""
_END = """\
    sys.exit(bootstrap.main(sys.argv, started_as_file=True))
"""

_PYTHON3 = """\
#!/bin/sh
exec /opt/bin/python3.X "$@"
"""


def bootstrap(version: str, site_packages: str, *, compiled: bool) -> bytes:
    """Return the program for a version of Python; the package is in `site_packages` of the layer.

    `main` runs under `sys.exit`, and `bootstrap` is a name of `__main__`, because tools that instrument clients look
    for it. If the package is `compiled`, the program executes its `bootstrap_module`.
    """
    text = _SHEBANG + (_BOOTSTRAP if compiled else _BEGIN + _OF_SOURCES + _END)
    return _filled_in(text, version, site_packages)


def bootstrap_module(version: str, site_packages: str) -> bytes:
    """Return the module that the program executes as bytecode. It reads the start file (`packaging.start_file`)."""
    return _filled_in(_BEGIN + _OF_BYTECODE + _END, version, site_packages)


def python3(version: str) -> bytes:
    """Return a script `python3` for programs that a function starts: zip files for Lambda should not contain links."""
    return _PYTHON3.replace("python3.X", f"python{version}").encode()


def wrapper_source() -> bytes:
    """Return the module that runs `AWS_LAMBDA_EXEC_WRAPPER`."""
    return (_DEPLOYED / WRAPPER_MODULE).read_bytes()


def _filled_in(text: str, version: str, site_packages: str) -> bytes:
    return text.replace("3.X", version).replace("SITE_PACKAGES", site_packages).encode()
