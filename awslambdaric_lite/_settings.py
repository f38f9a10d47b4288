"""Settings: owns reading the platform's environment variables, once, before user code can change them.

For the same reason, this module keeps functions of the standard library, see `originals`. Imports C builtins and
`_function_errors`.

Settings and addresses are plain namespaces, because a class costs 0.2 % more instructions at a cold start (guard).
"""

import _thread
import posix
import sys
import time

from . import _function_errors

try:
    import _signal  # spares `enum`  # pyright: ignore[reportMissingImports]
except ImportError:  # a Python without CPython's C module
    import signal as _signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._types import Address, Settings

# What these modules contain before user code runs, which may replace it: gevent replaces functions that wait, freezegun
# the clocks. Modules of the package that are loaded later take the functions from here. They are kept in dictionaries,
# because freezegun also replaces what modules have imported. Naming each function costs more instructions (guard).
originals: "dict[str, dict[str, Any]]" = {
    "_signal": _signal.__dict__.copy(),  # pyright: ignore[reportAttributeAccessIssue]
    "_thread": _thread.__dict__.copy(),
    "posix": posix.__dict__.copy(),
    "time": time.__dict__.copy(),
}

_PREFIX = b"AWSLAMBDARIC_LITE_"
_ELSEWHERE = (b"AWSLAMBDARIC_LITE_PYTHON", b"AWSLAMBDARIC_LITE_NEXT_WRAPPER")  # `bootstrap` and the wrapper read them
_namespace: "Callable[..., Any]" = type(sys.implementation)  # types.SimpleNamespace


def read_settings(environ: "dict[bytes, bytes]", arguments: "list[str]") -> "Settings":
    """Read the environment; the first argument names the handler.

    Raises:
        SettingError: `AWS_LAMBDA_RUNTIME_API` is missing or malformed.
    """

    def variable(name: str) -> "str | None":
        value = environ.get(name.encode())
        return None if value is None else value.decode(errors="surrogateescape")

    settings: "Settings" = _namespace(
        handler=arguments[0] if arguments else variable("_HANDLER") or "",
        api=read_address(variable("AWS_LAMBDA_RUNTIME_API")),
        json_format=(variable("AWS_LAMBDA_LOG_FORMAT") or "").upper() == "JSON",
        log_level=variable("AWS_LAMBDA_LOG_LEVEL"),
        pipeline=True,
        codec="auto",
        options=None,
    )
    if [name for name in environ if name.startswith(_PREFIX) and name not in _ELSEWHERE]:
        from ._optional_settings import Options

        settings.options = Options(environ)
        settings.pipeline = settings.options["PIPELINE"] == "1"
        settings.codec = settings.options["CODEC"]
    return settings


def read_address(value: "str | None") -> "Address":
    """Parse the value of `AWS_LAMBDA_RUNTIME_API`.

    It is `host:port`; emulators also give a scheme and a path prefix.

    Raises:
        SettingError: the value is missing or malformed.
    """
    if not value:
        raise _function_errors.SettingError(
            "AWS_LAMBDA_RUNTIME_API is not set; it must be host:port of a Lambda Runtime API"
        )
    scheme, separator, rest = value.strip().rpartition("://")
    netloc, _, prefix = rest.partition("/")
    prefix = prefix.strip("/")
    host, colon, port = netloc.rpartition(":")
    if separator and (not colon or netloc.endswith("]")):
        host, port = netloc, "80"
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:  # an IPv6 address without brackets, after which a port would be ambiguous
        host = ""
    plain = rest.isascii() and rest.isprintable() and " " not in rest
    number = int(port) if port.isascii() and port.isdigit() and len(port) < 6 else 0
    if (separator and scheme.lower() != "http") or not host or not plain or not 0 < number < 65536 or "@" in host:
        example = "it must be host:port, e.g. 127.0.0.1:9001"
        raise _function_errors.SettingError(f"AWS_LAMBDA_RUNTIME_API={value!r} is malformed; {example}")
    address: "Address" = _namespace(host=host, port=number, netloc=netloc, prefix=f"/{prefix}" if prefix else "")
    return address
