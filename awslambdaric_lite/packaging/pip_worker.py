"""Run pip for another machine: `pip_worker.py MARKERS ARGUMENT...`.

pip takes a version and platforms on its command line, but evaluates the markers of requirements
(`; python_version < "3.11"`) for the interpreter that runs it (pypa/pip issue 11664), and older
versions did so with `Requires-Python`. MARKERS is a JSON object with the values that hold where the function runs.
"""

import sys

if __name__ == "__main__":
    del sys.path[0]  # this folder, whose modules must not hide those of the standard library

import json
import runpy
from typing import Any

if __name__ == "__main__":
    from pip._internal.commands.install import InstallCommand
    from pip._vendor.packaging import markers

    here, there = markers.default_environment, json.loads(sys.argv.pop(1))
    markers.default_environment = lambda: {**here(), **there}
    version = tuple(map(int, there["python_full_version"].split(".")))
    make_resolver = InstallCommand.make_resolver

    def make_resolver_for_target(self: InstallCommand, *arguments: Any, **settings: Any) -> Any:
        return make_resolver(*arguments, **{**settings, "py_version_info": version})

    InstallCommand.make_resolver = make_resolver_for_target  # type: ignore
    runpy.run_module("pip", run_name="__main__", alter_sys=True)
