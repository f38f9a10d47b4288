"""Functions that user code registered to run before the fork: owns running them, see AWS's preview images.

Loaded if the function has imported `awslambdaric.lambda_concurrency_hooks`.
"""

from .._official.lambda_concurrency_hooks import get_pre_fork
from .._report import log_report, make_report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._client import LambdaRuntimeClient
    from .._types import LogSink, Runtime


def run_hooks(runtime: "Runtime", client: "LambdaRuntimeClient", sink: "LogSink") -> None:
    """Run the functions; each worker then finds what they have started.

    Raises:
        SystemExit: a function failed; the error was posted.
    """
    try:
        for function, arguments, named in get_pre_fork():
            function(*arguments, **named)
        return
    except Exception as raised:
        report, _ = make_report(raised)
    log_report(report, sink)
    runtime.flush()
    client.post_init_error(report, "Runtime.PreForkError")
    raise SystemExit(1)
