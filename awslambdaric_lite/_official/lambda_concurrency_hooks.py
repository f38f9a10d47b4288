"""The module `awslambdaric.lambda_concurrency_hooks` of AWS's preview images: functions that run before the fork.

`_managed.pre_fork` runs them once in the first process of a Managed Instance, in the order of their registration.
"""

import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Hook = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]

__all__ = ["get_pre_fork", "register_pre_fork"]

RAN = b"_AWSLAMBDARIC_LITE_PRE_FORK"  # set if the first process ran the functions, and then executed itself again

_pre_fork_registry: "list[Hook]" = []


def register_pre_fork(func: "Callable[..., Any]") -> "Callable[..., Any]":
    """Let a function run before the fork; return it.

    Raises:
        RuntimeError: the setting lets workers load the function after the fork.
    """
    environ = posix.environ
    late = environ.get(b"AWSLAMBDARIC_LITE_FORK", b"").lower() == b"before" and b"AWS_LAMBDA_MAX_CONCURRENCY" in environ
    if late and RAN not in environ:
        raise RuntimeError(
            "register_pre_fork cannot run functions with AWSLAMBDARIC_LITE_FORK=before; use auto or after"
        )
    _pre_fork_registry.append((func, (), {}))
    return func


def get_pre_fork() -> "list[Hook]":
    """Return the registered functions, each with its arguments."""
    return _pre_fork_registry
