"""The checks of `doctor` on a package that will be written."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Mapping
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


def check_content(
    members: Mapping[str, Member], source: Path, target: Target, host: Host, *, unchecked: Collection[str]
) -> list[str]:
    """Check the files of a function's package, and return the warnings.

    Args:
        members: the files by their names.
        source: the folder of the function.
        target: where it will run.
        host: what runs it.
        unchecked: names of files that the user includes in any case.

    Raises:
        PackagingError: `doctor` would report an error.
    """
    subject = Subject(source, _Members(members, source), target, host=host, is_function=True, unchecked=unchecked)
    findings = [finding for check in CONTENT_CHECKS for finding in check(subject)]
    if errors := [finding for finding in findings if finding.level == "error"]:
        raise PackagingError(
            f"{'; '.join(_texts(errors))}; leave files out with --exclude PATTERN, or pack them in any case with "
            "--include PATTERN"
        )
    return list(_texts(finding for finding in findings if finding.level == "warning"))


def _texts(findings: Collection[Finding] | Iterator[Finding]) -> Iterator[str]:
    return (f"{'' if finding.path == '.' else finding.path + ': '}{finding.message}" for finding in findings)


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
