"""What the environment asks for, read once. Imports only `_faults`."""

from ._faults import SettingError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._options import Options

_PREFIX = b"AWSLAMBDARIC_LITE_"
_ELSEWHERE = (b"AWSLAMBDARIC_LITE_PYTHON", b"AWSLAMBDARIC_LITE_NEXT_WRAPPER")  # not for this process


class Settings:
    """The variables that the runtime obeys.

    Attributes:
        handler: such as `app.handler`; empty if nobody named one.
        options: None if no variable that begins with `AWSLAMBDARIC_LITE_` is set.
    """

    __slots__ = ("api", "codec", "handler", "json_format", "log_level", "options", "pipeline")

    def __init__(self, environ: "dict[bytes, bytes]", arguments: "list[str]") -> None:
        """Read the environment.

        Raises:
            SettingError: `AWS_LAMBDA_RUNTIME_API` is missing or malformed.
        """

        def variable(name: str) -> "str | None":
            value = environ.get(name.encode())
            return None if value is None else value.decode(errors="surrogateescape")

        self.handler = arguments[0] if arguments else variable("_HANDLER") or ""
        self.api = Address(variable("AWS_LAMBDA_RUNTIME_API"))
        self.json_format = (variable("AWS_LAMBDA_LOG_FORMAT") or "").upper() == "JSON"
        self.log_level = variable("AWS_LAMBDA_LOG_LEVEL")
        self.pipeline = True
        self.codec = "auto"
        self.options: "Options | None" = None
        if [name for name in environ if name.startswith(_PREFIX) and name not in _ELSEWHERE]:
            from ._options import Options

            self.options = Options(environ)
            self.pipeline = self.options["PIPELINE"] == "1"
            self.codec = self.options["CODEC"]


class Address:
    """Where the Runtime API listens.

    `AWS_LAMBDA_RUNTIME_API` is `host:port`; emulators also give a scheme and a path prefix.
    """

    __slots__ = ("host", "netloc", "port", "prefix")

    def __init__(self, value: "str | None") -> None:
        """Parse the variable's value.

        Raises:
            SettingError: it is missing or malformed.
        """
        if not value:
            raise SettingError("AWS_LAMBDA_RUNTIME_API is not set; it must be host:port of a Lambda Runtime API")
        scheme, separator, rest = value.strip().rpartition("://")
        self.netloc, _, prefix = rest.partition("/")
        self.prefix = f"/{prefix.strip('/')}" if prefix.strip("/") else ""
        host, colon, port = self.netloc.rpartition(":")
        if separator and (not colon or self.netloc.endswith("]")):
            host, port = self.netloc, "80"
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        elif ":" in host:  # a bare IPv6 address with a port behind it would be ambiguous
            host = ""
        plain = rest.isascii() and rest.isprintable() and " " not in rest
        number = int(port) if port.isascii() and port.isdigit() and len(port) < 6 else 0
        if (separator and scheme.lower() != "http") or not host or not plain or not 0 < number < 65536 or "@" in host:
            example = "it must be host:port, such as 127.0.0.1:9001"
            raise SettingError(f"AWS_LAMBDA_RUNTIME_API={value!r} is malformed; {example}")
        self.host = host
        self.port = number
