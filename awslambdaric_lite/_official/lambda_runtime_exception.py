"""The module `awslambdaric.lambda_runtime_exception`: the error that has a name of the Runtime API."""

from .._function_errors import Fault as FaultException

__all__ = ["FaultException"]

for _name in (
    "MARSHAL_ERROR",
    "UNMARSHAL_ERROR",
    "USER_CODE_SYNTAX_ERROR",
    "HANDLER_NOT_FOUND",
    "IMPORT_MODULE_ERROR",
    "BUILT_IN_MODULE_CONFLICT",
    "MALFORMED_HANDLER_NAME",
    "BEFORE_SNAPSHOT_ERROR",
    "AFTER_RESTORE_ERROR",
    "LAMBDA_CONTEXT_UNMARSHAL_ERROR",
    "LAMBDA_RUNTIME_CLIENT_ERROR",
    "PRE_FORK_ERROR",
):
    setattr(FaultException, _name, "Runtime." + _name.title().replace("_", ""))


def _official_name(ours: str) -> property:
    return property(lambda fault: getattr(fault, ours), lambda fault, value: setattr(fault, ours, value))


FaultException.msg = _official_name("message")  # type: ignore[attr-defined]
FaultException.exception_type = _official_name("error_type")  # type: ignore[attr-defined]
