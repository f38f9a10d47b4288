"""The module `awslambdaric.lambda_runtime_hooks_runner`: the one that runs the hooks of SnapStart."""

from .._lifecycle import snapstart as provided

__all__ = ["provided"]
