"""The file `bootstrap`, which `provided.*` starts: can the kernel run it?

Source: execve(2), and the Lambda developer guide, "Building a custom runtime".
"""

from __future__ import annotations

from collections.abc import Iterator

from ..hosts import TASK_ROOT
from .findings import Finding
from .subject import Subject

_NAME = "bootstrap"
_EXECUTABLE = 0o001
_ELF = b"\x7fELF"
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def check_bootstrap(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each reason why it does not start."""
    if _NAME in subject.files:
        if not subject.package.mode(_NAME) & _EXECUTABLE:
            yield _error("it is not executable; chmod a+rx before zipping")
        problem = _problem(subject, subject.package.read(_NAME))
        if problem is not None:
            yield _error(problem)


def _problem(subject: Subject, content: bytes) -> str | None:
    if content.startswith(_ELF):
        return None  # `check_binaries` reads it
    if content.startswith(_MARKS):
        return "it begins with a byte order mark; save it as UTF-8 without one"
    if not content.startswith(b"#!"):
        return "it begins neither with #! nor as an ELF file; write the interpreter into its first line, e.g. #!/bin/sh"
    first_line = content.partition(b"\n")[0]
    words = first_line[2:].decode("utf-8", "replace").split()
    if first_line.endswith(b"\r") or (b"\r\n" in content and words and words[0].endswith("sh")):
        return (
            "it has line ends of Windows, which shells and the kernel do not understand; save it with line feeds only"
        )
    if not words or not words[0].startswith("/"):
        return "its first line does not name an interpreter by its whole path; write e.g. #!/bin/sh"
    inside = words[0].removeprefix(f"{TASK_ROOT}/")
    if inside != words[0] and not subject.is_layer and inside not in subject.package.names():
        return f"its first line names {words[0]}, which the package does not have; add it"
    return None


def _error(text: str) -> Finding:
    return Finding("bootstrap", "error", _NAME, f"bootstrap does not start: {text}")
