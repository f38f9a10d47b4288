"""Secrets, and files that tools have left. Files that an installed distribution lists are neither."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import partial

from ...common.words import count, format_size
from ..distributions import listed_files
from ..secret_files import secret_in
from ..tool_files import is_of_tool
from .findings import Finding, examples
from .subject import Subject


def check_leftovers(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each kind of file and top-level folder."""
    listed = {name for names in listed_files(subject.files, subject.package.read).values() for name in names}
    secrets: dict[str, list[str]] = defaultdict(list)
    of_tools = []
    for name, size in subject.files.items():
        if name in listed:
            continue
        if (kind := secret_in(name, size, partial(subject.package.read, name))) is not None:
            secrets[kind].append(name)
        elif any(is_of_tool(part) and not part.endswith(".egg-info") for part in name.split("/")):
            of_tools.append(name)
    for kind, names in sorted(secrets.items()):
        for top, some in subject.by_top(names).items():
            text = f"{count(len(some), 'file')} that may hold {kind}; who can read the package can read them"
            yield Finding("secret", "warning", top, f"{text}; exclude them ({examples(some)})")
    for top, some in subject.by_top(of_tools).items():
        total = format_size(sum(subject.files[name] for name in some))
        text = f"{count(len(some), 'file')} of tools, {total}, that the function does not need; exclude them"
        yield Finding("tool-files", "info", top, f"{text} ({examples(some)})")
