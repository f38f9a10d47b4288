"""The image of a managed runtime in a private root, as far as it concerns a replacement of AWS's runtime client.

`/var/runtime/bootstrap` and `bootstrap.py` are our own. They do what AWS's documentation and images show: the order of
`sys.path`, when PYTHONPATH is kept and when it is set, the messages about a wrapper that cannot be executed.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from .private_root import PrivateRoot

WRAPPER = "/opt/awslambdaric-lite"

_BOOTSTRAP = """#!/bin/sh
export AWS_EXECUTION_ENV=AWS_Lambda_python{version}
if [ -z "$AWS_LAMBDA_EXEC_WRAPPER" ]; then
    exec /var/lang/bin/python{version} /var/runtime/bootstrap.py
elif [ ! -f "$AWS_LAMBDA_EXEC_WRAPPER" ]; then
    echo "$AWS_LAMBDA_EXEC_WRAPPER: does not exist"
    exit 127
elif [ ! -x "$AWS_LAMBDA_EXEC_WRAPPER" ]; then
    echo "$AWS_LAMBDA_EXEC_WRAPPER: is not an executable"
    exit 126
fi
exec "$AWS_LAMBDA_EXEC_WRAPPER" /var/lang/bin/python{version} /var/runtime/bootstrap.py
"""

_BOOTSTRAP_PY = """
import os
import site
import sys


def main():
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    root = os.environ["LAMBDA_TASK_ROOT"]
    layers = [f"/opt/python/lib/{version}/site-packages", "/opt/python"]
    customers = "PYTHONPATH" in os.environ
    if customers:
        layers = []
    elif sys.version_info >= (3, 11):
        sys.path.insert(0, f"/var/lang/lib/{version}/site-packages")
    for folder in reversed([root, *layers]):
        sys.path.insert(0, folder)
    for folder in [root, *layers]:
        site.addsitedir(folder)
    if not customers:
        os.environ["PYTHONPATH"] = os.environ["LAMBDA_RUNTIME_DIR"]
    from awslambdaric.__main__ import main as run

    run([root, os.environ["_HANDLER"]])


if __name__ == "__main__":
    main()
"""

# Replaces AWS's client under interpreters without it: events in, results out.
_STANDBY = '''
"""A client for tests that run under another Python than the one for which awslambdaric is installed."""

import importlib
import json
import os
import urllib.request


def main(arguments):
    module, _, name = arguments[1].rpartition(".")
    handler = getattr(importlib.import_module(module), name)
    base = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
    while True:
        with urllib.request.urlopen(f"{base}/next", timeout=None) as answer:
            request_id = answer.headers["Lambda-Runtime-Aws-Request-Id"]
            result = handler(json.load(answer), None)
        request = urllib.request.Request(f"{base}/{request_id}/response", json.dumps(result).encode(), method="POST")
        urllib.request.urlopen(request, timeout=None).close()
'''


class ManagedImage:
    """A private root with an interpreter, AWS's client, a function and a layer.

    Args:
        folder: the folder of the root.
        interpreter: e.g. `~/.pyenv/versions/3.13.0/bin/python3.13`.
        layer: the unpacked layer, or None.
        files: the function's files, by their names below `/var/task`.
    """

    def __init__(self, folder: Path, interpreter: Interpreter, layer: Path | None, files: dict[str, str]) -> None:
        self.root = PrivateRoot(folder)
        self.interpreter = interpreter
        self.root.bind(interpreter.prefix, "/var/lang")
        if layer is not None:
            self.root.copy(layer, "/opt")
        self.root.bind_loader(interpreter.executable)
        self.root.write("/var/runtime/bootstrap", _BOOTSTRAP.replace("{version}", interpreter.version), executable=True)
        self.root.write("/var/runtime/bootstrap.py", _BOOTSTRAP_PY)
        self._add_client()
        for name, content in files.items():
            self.root.write(f"/var/task/{name}", content)

    def _add_client(self) -> None:
        if not self.interpreter.has_official_client:
            self.root.write("/var/runtime/awslambdaric/__init__.py", "")
            self.root.write("/var/runtime/awslambdaric/__main__.py", _STANDBY)
            return
        for name in _CLIENT:
            source = _found(name)
            self.root.copy(source, f"/var/runtime/{source.name}")

    def start(self, **env: str | None) -> list[str]:
        """Return the command line that Lambda executes; LocalLambda's `runtime`."""
        return self.root.command(["/var/runtime/bootstrap"], env=env)

    def wrapped(self, **env: str | None) -> list[str]:
        """Return the same with the wrapper set."""
        return self.start(**{"AWS_LAMBDA_EXEC_WRAPPER": WRAPPER, **env})


class Interpreter:
    """A CPython of this machine."""

    def __init__(self, executable: Path, version: str) -> None:
        self.version = version
        self.executable = executable
        self.prefix = executable.resolve().parents[1]
        running = f"{sys.version_info[0]}.{sys.version_info[1]}"
        self.has_official_client = version == running and all(importlib.util.find_spec(name) for name in _CLIENT)

    def __repr__(self) -> str:
        return f"python{self.version}"


_CLIENT = ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py")


def _found(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.origin is not None
    return Path(spec.submodule_search_locations[0]) if spec.submodule_search_locations else Path(spec.origin)
