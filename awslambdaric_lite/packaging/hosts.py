"""The hosts of a function, and the module search path that each of them gives to it.

Sources: "Lambda runtimes" of the developer guide; for `managed`, `bootstrap.py` in `/var/runtime` of AWS's images; for
`provided`, this project's `bootstrap`; for `image`, an image whose command is `python -m awslambdaric_lite`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

Host = Literal["managed", "provided", "image"]
HOSTS: tuple[Host, ...] = get_args(Host)

TASK_ROOT = "/var/task"
OPT = "/opt"


@dataclass(frozen=True)
class SearchPath:
    """The folders before the standard library in `sys.path`, in their order."""

    folders: tuple[str, ...]
    sites: tuple[str, ...]
    """Those whose `.pth` files are processed, in the order in which this is done."""
    customers: tuple[str, ...]
    """Those that PYTHONPATH names."""


def search_path(
    host: Host, python: str, variables: Mapping[str, str], *, task_root: str, opt: str | None, platform: Sequence[str]
) -> SearchPath:
    """Return the search path of a function.

    Args:
        host: where it runs.
        python: its version of Python, e.g. "3.13".
        variables: its environment variables; a PYTHONPATH begins with its folders as the function sees them.
        task_root: the folder that has the place of `/var/task`.
        opt: the folder that has the place of `/opt`; None without layers.
        platform: folders with the packages of the host itself, which come last.
    """

    def placed(folder: str) -> str:
        for deployed, place in ((TASK_ROOT, task_root), (OPT, opt)):
            if place is not None and (folder == deployed or folder.startswith(f"{deployed}/")):
                return place + folder[len(deployed) :]
        return folder if folder.startswith("/") else f"{task_root}/{folder}"

    customers = [placed(folder) for folder in variables.get("PYTHONPATH", "").split(":") if folder]
    layers = [] if opt is None else [f"{opt}/python/lib/python{python}/site-packages", f"{opt}/python"]
    if host == "image":
        layers = []
    if host == "managed" and "PYTHONPATH" in variables:
        layers = []  # AWS's bootstrap then adds no layers
    sites = [] if host == "image" else [task_root, *layers]
    if host == "managed":
        return SearchPath((task_root, *layers, *platform, *customers), tuple(sites), tuple(customers))
    return SearchPath((task_root, *layers, *customers, *platform), tuple(sites), tuple(customers))


def function_variables(handler: str, *, task_root: str, home: Path) -> dict[str, str]:
    """Return Lambda's variables for an import of a handler, without credentials; `home` is for temporary files.

    Source: the Lambda developer guide, "Defined runtime environment variables".
    """
    return {
        "_HANDLER": handler,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",  # else boto3 waits for an instance's role
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_FUNCTION_NAME": "function",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/function",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        "AWS_REGION": "us-east-1",
        "HOME": str(home),
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LAMBDA_TASK_ROOT": task_root,
        "LANG": "en_US.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "TMPDIR": str(home),
        "TZ": ":UTC",
    }
