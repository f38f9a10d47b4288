"""Patterns that choose files of a package, in the syntax of `.gitignore`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from .errors import PackagingError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


class Patterns:
    """Patterns of which the last that matches decides; one that begins with `!` makes an exception."""

    def __init__(self, lines: Iterable[str]) -> None:
        # Both mean the same in git, but pathspec takes the first for the folder, too, which permits no exceptions.
        patterns = [re.sub(r"/\*\*\s*$", "/*", line) for line in lines]
        self._spec = _parse(patterns) if patterns else None

    def decide(self, name: str) -> bool | None:
        """Return whether they match a path; False for an exception, None if none matches.

        The path of a folder ends with a slash.
        """
        return None if self._spec is None else self._spec.check_file(name).include


class Selection:
    """The user's choice among all files of a package: patterns to exclude, and patterns to include in any case."""

    def __init__(self, exclude: Sequence[str] = (), include: Sequence[str] = ()) -> None:
        """Parse the patterns.

        Raises:
            PackagingError: one is invalid.
        """
        self._unused: dict[tuple[str, str], Patterns] = {}
        for option, patterns in (("--exclude", exclude), ("--include", include)):
            for pattern in patterns:
                if not is_valid(pattern):
                    raise PackagingError(f"{option} {pattern!r} is not a pattern; write it as in .gitignore")
                self._unused[option, pattern] = Patterns([pattern])
        self._exclude = Patterns(exclude)
        self._include = Patterns(include)
        self._by_file = any(pattern.startswith("!") for pattern in exclude)
        self.has_exceptions = bool(include)
        """Whether a file may be included although its folder is left out."""

    def includes(self, name: str) -> bool:
        """Return whether a file is included in any case."""
        for key in [key for key, pattern in self._unused.items() if pattern.decide(name) is not None]:
            del self._unused[key]
        return self._include.decide(name) is True

    def excludes(self, name: str) -> bool:
        """Return whether a file, or a folder whose path ends with a slash, is excluded.

        Where patterns make exceptions, only files are.
        """
        if self.includes(name) or (self._by_file and name.endswith("/")):
            return False
        return self._exclude.decide(name) is True

    def warnings(self) -> list[str]:
        """Return a warning for each option with patterns that have matched nothing."""
        unused = {option: [pattern for each, pattern in self._unused if each == option] for option, _ in self._unused}
        return [f"{option} matches nothing: {', '.join(patterns)}" for option, patterns in unused.items()]


def is_valid(pattern: str) -> bool:
    """Return whether a text is a pattern, neither a comment nor empty."""
    try:
        return any(each.include is not None for each in _parse([pattern]).patterns)
    except (ValueError, re.error):
        return False


def _parse(lines: Iterable[str]) -> GitIgnoreSpec:
    try:
        from pathspec import GitIgnoreSpec
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "the choice of files by patterns needs pathspec; install it with: pip install 'awslambdaric-lite[local]'",
            name="pathspec",
        ) from None
    return GitIgnoreSpec.from_lines(lines)
