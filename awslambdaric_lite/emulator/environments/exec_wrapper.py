"""The wrapper script of `AWS_LAMBDA_EXEC_WRAPPER`, which starts the default runtime as it starts AWS's managed ones.

Source: the Lambda developer guide, "Modifying the runtime environment"; the messages and the exit codes are those of
the managed Python runtimes.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from ..config.checks import EXEC_WRAPPER
from ..config.function import FunctionConfig
from .filesystem import Filesystem

_RUNTIME_DIR = Path(__file__).resolve().parents[1] / "managed_runtime"
_SCRIPT = r"""
if [ ! -f "$0" ]; then
  echo "$0: does not exist"
  exit 127
elif [ ! -x "$0" ]; then
  echo "$0: is not an executable"
  exit 126
fi
exec "$0" "$@"
"""


def wrapped(
    function: FunctionConfig, variables: Mapping[str, str], filesystem: Filesystem
) -> tuple[list[str], dict[str, str]]:
    """Return the runtime's command, which the wrapper starts if one is set, and the variables that this adds."""
    wrapper = variables.get(EXEC_WRAPPER)
    if not wrapper or function.runtime is not None:
        return function.command(), {}
    path = filesystem.task_root / filesystem.in_opt(wrapper).removeprefix("/var/task/")
    command = ["/bin/sh", "-c", _SCRIPT, str(path), sys.executable, str(_RUNTIME_DIR / "bootstrap.py")]
    version = f"AWS_Lambda_python{sys.version_info[0]}.{sys.version_info[1]}"
    return command, {"LAMBDA_RUNTIME_DIR": str(_RUNTIME_DIR), "AWS_EXECUTION_ENV": version, **function.env}
