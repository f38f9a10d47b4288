"""Concurrent invocations in one execution environment, as on Lambda Managed Instances.

Try it: `python -m awslambdaric_lite.examples.managed_instances` sends four concurrent invocations. Or serve the
function and invoke it from several terminals:
`awslambdaric-lite serve awslambdaric_lite.examples.managed_instances.handler --managed-concurrency 4`
"""

from __future__ import annotations

import logging
import os
import sys
import time

from awslambdaric_lite.types import JSON, Context

_HANDLER = "awslambdaric_lite.examples.managed_instances.handler"
_SECONDS = 1.0
_logger = logging.getLogger(__name__)


def handler(event: JSON, context: Context) -> JSON:
    """Take a second; each log record contains the request id of its invocation."""
    _logger.info("begins in worker %d", os.getpid())
    time.sleep(_SECONDS)  # simulates a database or another service
    _logger.info("ends in worker %d", os.getpid())
    return {"requestId": context.aws_request_id, "worker": os.getpid()}


def main(count: int = 4) -> None:
    """Send `count` concurrent invocations, and show the worker of each."""
    from concurrent.futures import ThreadPoolExecutor

    from awslambdaric_lite.emulator import LocalLambda

    with (
        LocalLambda(_HANDLER, managed_concurrency=count, on_log=_show) as function,
        ThreadPoolExecutor(count) as callers,
    ):
        function.invoke()  # starts the environment
        began = time.perf_counter()
        answers = [result.json() for result in callers.map(function.invoke, [{}] * count)]
        took = time.perf_counter() - began
        for answer in answers:
            print(f"{answer['requestId']} was answered by worker {answer['worker']}")
        print(
            f"{count} invocations of {_SECONDS:g} s took {took:.1f} s together, "
            f"in {len(function.environments)} environment"
        )


def _show(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    main()
