"""The exceptions of the runtime: the function's faults here, and by name those of `_failures`.

Those come with the first of them: six classes would cost each cold start 0.15 ms, and nothing but `except` clauses that
are not reached names them. Hence `_faults.ConnectionLost` rather than an import of the name.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._failures import ApiError as ApiError
    from ._failures import ConnectionLost as ConnectionLost
    from ._failures import ForkedChild as ForkedChild
    from ._failures import ProtocolError as ProtocolError
    from ._failures import RuntimeFailure as RuntimeFailure
    from ._failures import SettingError as SettingError


class Fault(Exception):
    """An error with a name of its own in the Runtime API; names and texts are those of the official client.

    It is reported as the result of the invocation or of init.

    Attributes:
        error_type: such as `Runtime.HandlerNotFound`.
        trace: ready-made entries for `stackTrace`.
    """

    def __init__(self, error_type: str, message: str, trace: "list[str] | None" = None) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message
        self.trace = trace or []


def __getattr__(name: str) -> object:
    """Find a class of `_failures`.

    Raises:
        AttributeError: it has none of that name.
    """
    if name.startswith("_"):  # `__path__`, which importing a name from here asks for
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import _failures

    return getattr(_failures, name)
