"""The checks of `doctor` on a package that will be written."""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import IO

from .archive import Member
from .audit.findings import Finding
from .audit.run import CONTENT_CHECKS
from .audit.subject import Subject
from .errors import PackagingError
from .hosts import Host
from .package import File, Package
from .targets import Target

_LIBRARY = re.compile(r"\.so(\.|$)")


def check_content(
    members: Mapping[str, Member],
    source: Path,
    target: Target,
    host: Host,
    *,
    unchecked: Collection[str] = (),
    installed: Collection[str] = (),
) -> list[str]:
    """Check the files of a function's package, and return the warnings.

    Some wheels have programs for several systems, of which one is chosen when it is needed. So an error in an installed
    file is a warning, unless it is a module or a library of Linux.

    Args:
        members: the files by their names.
        source: the folder of the function.
        target: where it will run.
        host: what runs it.
        unchecked: names of files that the user includes in any case.
        installed: names of files of requirements.

    Raises:
        PackagingError: `doctor` would report an error.
    """
    package = _Members(members, source)

    def findings(passed: Collection[str]) -> list[Finding]:
        subject = Subject(source, package, target, host=host, is_function=True, unchecked=passed)
        return [finding for check in CONTENT_CHECKS for finding in check(subject)]

    found = [finding for finding in findings(unchecked) if finding.level != "info"]
    if any(finding.level == "error" for finding in found):
        optional = [name for name in installed if not is_library(name)]
        errors = [finding for finding in findings({*unchecked, *optional}) if finding.level == "error"]
        if errors:
            cure = "leave files out with --exclude PATTERN, or pack them in any case with --include PATTERN"
            raise PackagingError(f"{'; '.join(map(_text, errors))}; {cure}")
    return [_text(finding) for finding in found]


def is_library(name: str) -> bool:
    """Return whether a file is a module or a library of Linux, by its name."""
    return _LIBRARY.search(name) is not None


def _text(finding: Finding) -> str:
    return finding.message if finding.path == "." else f"{finding.path}: {finding.message}"


class _Members(Package):
    """The files of a package that will be written."""

    def __init__(self, members: Mapping[str, Member], source: Path) -> None:
        super().__init__(source)
        for name, member in members.items():
            mode = 0o755 if member.executable else 0o644
            self._files[name] = File(member.size(), mode, 0, partial(_open, member))
        self._check_tree()

    def close(self) -> None:
        pass

    def packed_size(self) -> None:
        return None


def _open(member: Member) -> IO[bytes]:
    return member.source.open("rb") if isinstance(member.source, Path) else io.BytesIO(member.source)
