"""The option `--lazy`: which imports are lazy while imports are recorded."""

from __future__ import annotations

from pathlib import Path

from .errors import UsageError

DEFAULT_MODE = "installed"
LAZY_HELP = (
    "which imports are lazy, as in AWSLAMBDARIC_LITE_LAZY_IMPORTS: off, all, installed or a file of patterns "
    f"(default: {DEFAULT_MODE})"
)


def lazy_mode(text: str) -> str:
    """Return the value of AWSLAMBDARIC_LITE_LAZY_IMPORTS for an argument of `--lazy`.

    Raises:
        UsageError: it is neither a mode nor a file.
    """
    if "/" in text:
        if not Path(text).is_file():
            raise UsageError(f"--lazy {text} is not a file; name a file of patterns")
        return str(Path(text).absolute())
    if text not in ("off", "all", "installed"):
        raise UsageError(f"--lazy {text!r} is unknown; choose off, all, installed or the path of a file (with a slash)")
    return text
