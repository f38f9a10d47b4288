"""Optional settings: owns the variables that begin with `AWSLAMBDARIC_LITE_`. Imports nothing."""

_PREFIX = b"AWSLAMBDARIC_LITE_"
_CHOICES = {
    "APP": ("auto", "handler", "asgi", "wsgi", "factory"),
    "APP_STREAM": ("0", "1"),
    "BUNDLE": ("",),
    "CANCEL_AT_DEADLINE": ("0", "1"),
    "CODEC": ("auto", "stdlib", "orjson"),
    "CONCURRENCY_MODE": ("process", "asyncio", "thread"),
    "ENCODER": ("off", "standard"),
    "ERROR_CHAIN": ("0", "1"),
    "IMPORT_LIST": ("",),
    "LAZY_IMPORTS": ("off", "all", "installed"),
    "FORK": ("auto", "after", "before"),
    "PIPELINE": ("1", "0"),
    "STALE_PYC": ("installed", "off", "all"),
}  # allowed values, the default first
_FILES = ("BUNDLE", "IMPORT_LIST")
_PATHS = ("APP_BASE_PATH", "APP_EVENTS_PATH")
_ELSEWHERE = ("PYTHON", "NEXT_WRAPPER")  # read by `bootstrap` and by the layer's wrapper


class Options:
    """The chosen values, and the defaults of the other options.

    Attributes:
        problems: one line for each variable with an invalid value or an unknown name.
        timeout_dump_ms: time between the stack dump and the deadline, None without a dump.
    """

    def __init__(self, environ: "dict[bytes, bytes]") -> None:
        self.problems: "list[str]" = []
        self.timeout_dump_ms: "int | None" = None
        self._chosen: "dict[str, str]" = {}
        for key, raw in environ.items():
            if key.startswith(_PREFIX):
                name, value = key[len(_PREFIX) :].decode("utf-8", "replace"), raw.decode("utf-8", "replace")
                problem = self._take(name, value)
                if problem:
                    self.problems.append(f"AWSLAMBDARIC_LITE_{name}={value!r} is ignored: {problem}")

    def __getitem__(self, name: str) -> str:
        """Return the value of an option, e.g. of `CODEC`."""
        return self._chosen.get(name, _CHOICES[name][0])  # pyright: ignore[reportReturnType]

    def path(self, name: str) -> "str | None":
        """Return the value of an option that is a path, None if it is not set."""
        return self._chosen.get(name)

    @property
    def concerns_handler(self) -> bool:
        """Whether an option changes the handler: it declares an application, or asks for timeout dumps."""
        return self["APP"] in ("asgi", "wsgi", "factory") or self.timeout_dump_ms is not None

    @property
    def concerns_init(self) -> bool:
        """Whether an option changes error reports, or imports in init."""
        return self["ERROR_CHAIN"] == "1" or self["LAZY_IMPORTS"] != "off" or any(map(self.path, _FILES))

    def _take(self, name: str, value: str) -> "str | None":
        """Store a value; return the reason if it is invalid."""
        if name in _ELSEWHERE or not value:
            return None
        if name == "TIMEOUT_DUMP_MS":
            if not (value.isascii() and value.isdigit() and len(value) < 10 and int(value)):
                return "must be a number of milliseconds, 1 to 999999999"
            self.timeout_dump_ms = int(value)
            return None
        if name == "ENCODER" and value.lower() not in _CHOICES[name]:
            module, *others = value.split(".")
            if not others or not all(part.isidentifier() for part in (module, *others)):
                return "must be one of: off, standard, MODULE.FUNCTION"
            self._chosen[name] = value
            return None
        if name in _PATHS:
            if not value.startswith("/") or any(part in value for part in ("//", "?", "#", " ")):
                return "must be a path that begins with /, e.g. /shop"
            self._chosen[name] = value
            return None
        if name in _FILES or (name == "LAZY_IMPORTS" and "/" in value):
            self._chosen[name] = value
            return None
        allowed = _CHOICES.get(name)
        if allowed is None:
            names = sorted((*_CHOICES, *_PATHS, "TIMEOUT_DUMP_MS", *_ELSEWHERE))
            return f"unknown variable; choose one of: {', '.join(names)}"
        if value.lower() not in allowed:
            further = ", the path of a file (with a slash)" if name == "LAZY_IMPORTS" else ""
            return f"must be one of: {', '.join(allowed)}{further}"
        self._chosen[name] = value.lower()
        return None
