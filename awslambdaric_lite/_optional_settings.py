"""The variables that begin with `AWSLAMBDARIC_LITE_`, for whoever sets one. Imports nothing."""

_PREFIX = b"AWSLAMBDARIC_LITE_"
_CHOICES = {
    "APP": ("auto", "handler", "asgi", "wsgi"),
    "APP_STREAM": ("0", "1"),
    "CANCEL_AT_DEADLINE": ("0", "1"),
    "CODEC": ("auto", "stdlib", "orjson"),
    "CONCURRENCY_MODE": ("process", "asyncio", "thread"),
    "FORK": ("auto", "after", "before"),
    "PIPELINE": ("1", "0"),
    "STALE_PYC": ("installed", "off", "all"),
}  # allowed values, the default first
_ELSEWHERE = ("PYTHON", "NEXT_WRAPPER")  # read by `bootstrap` and by the layer's wrapper


class Options:
    """What was chosen, with the defaults for the rest.

    Attributes:
        problems: one line for each variable that has a value it cannot have, or that does not exist.
        timeout_dump_ms: None, or how long before the deadline the stacks are written.
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
        """Return the value of an option, such as `CODEC`."""
        return self._chosen.get(name, _CHOICES[name][0])

    @property
    def concerns_handler(self) -> bool:
        """Whether something is to be done with the handler: it was said to be an application, or is to be watched."""
        return self["APP"] in ("asgi", "wsgi") or self.timeout_dump_ms is not None

    def _take(self, name: str, value: str) -> "str | None":
        """Note a value; return what is wrong with it."""
        if name in _ELSEWHERE or not value:
            return None
        if name == "TIMEOUT_DUMP_MS":
            if not (value.isascii() and value.isdigit() and 0 < int(value) <= 900_000):
                return "it can be a number of milliseconds, 1 to 900000"
            self.timeout_dump_ms = int(value)
            return None
        allowed = _CHOICES.get(name)
        if allowed is None:
            return f"there is no such variable, only {', '.join(sorted((*_CHOICES, 'TIMEOUT_DUMP_MS', *_ELSEWHERE)))}"
        if value.lower() not in allowed:
            return f"it can be {', '.join(allowed)}"
        self._chosen[name] = value.lower()
        return None
