"""Errors of the function: owns `Fault`, and gives access to the errors in `_runtime_errors`.

That module is imported when one of its classes is first used, because six classes would cost each cold start 1 % more
instructions (guard). Hence modules write `_function_errors.ConnectionLost` and do not import the name.
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
    """An error that is reported under a name of the Runtime API, with the official client's name and text.

    Attributes:
        error_type: for example `Runtime.HandlerNotFound`.
        trace: the entries of `stackTrace`.
    """

    def __init__(self, exception_type: str, msg: str, trace: "list[str] | None" = None) -> None:
        """The parameters have the official client's names, because user code may raise this error."""
        super().__init__(msg)
        self.error_type = exception_type
        self.message = msg or ""
        self.trace = trace or []


def __getattr__(name: str) -> object:
    """Find a class of `_runtime_errors`.

    Raises:
        AttributeError: no class has that name.
    """
    if name.startswith("_"):  # `from … import` looks up `__path__`
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import _runtime_errors

    return getattr(_runtime_errors, name)
