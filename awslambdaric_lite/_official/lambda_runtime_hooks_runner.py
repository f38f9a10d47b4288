"""The module `awslambdaric.lambda_runtime_hooks_runner`: that which runs the hooks of SnapStart."""

import sys

from .._lifecycle import snapstart

sys.modules[__name__] = snapstart
