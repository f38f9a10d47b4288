"""The exceptions of the runtime: the function's faults here, and by name those of `_runtime_errors`.

Those come with the first of them: six classes would cost each cold start 0.15 ms, and nothing but `except` clauses that
are not reached names them. Hence `_function_errors.ConnectionLost` rather than an import of the name.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._runtime_errors import ApiError as ApiError
    from ._runtime_errors import ConnectionLost as ConnectionLost
    from ._runtime_errors import ForkedChild as ForkedChild
    from ._runtime_errors import ProtocolError as ProtocolError
    from ._runtime_errors import RuntimeFailure as RuntimeFailure
    from ._runtime_errors import SettingError as SettingError


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
    """Find a class of `_runtime_errors`.

    Raises:
        AttributeError: it has none of that name.
    """
    if name.startswith("_"):  # `__path__`, which importing a name from here asks for
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import _runtime_errors

    return getattr(_runtime_errors, name)
