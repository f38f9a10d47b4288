"""Import bundles that the runtime ignores, or whose code is not that of the package's modules."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

from ..._lifecycle import import_bundle as served
from ..bytecode import MAGIC
from .findings import Finding, examples
from .subject import Subject

_SUFFIX = ".bundle"
_CURE = "write it again with awslambdaric-lite pack --bundle-imports"


def check_import_bundles(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each bundle that is ignored, or has other code than the package."""
    for name in subject.files:
        if name.endswith(_SUFFIX):
            content = subject.package.read(name)
            if content.startswith(served.FIRST_LINE[:-2]):
                yield from _check(subject, name, content)


def _check(subject: Subject, name: str, content: bytes) -> Iterator[Finding]:
    head = content[: served.HEADER]
    number = MAGIC.get(subject.target.python)
    magic = head[len(served.FIRST_LINE) :][:4] if number is None else number.to_bytes(2, "little") + b"\r\n"
    try:
        begin = served.check_head(head, len(content), magic)
        _, root, (folders, _), _, _ = served.parse_index(head, content[served.HEADER : begin], len(content) - begin)
    except ValueError as error:
        yield Finding("bundle-unusable", "warning", name, f"the runtime ignores the import bundle: {error}; {_CURE}")
        return
    root = posixpath.normpath(posixpath.join(posixpath.dirname(name), root))
    trusted = [*_differing(subject, root, folders, trusted=True)]
    if trusted:
        text = f"other code than {examples(trusted)}, which would run instead"
        yield Finding("bundle-mismatch", "error", name, f"the import bundle has {text}; {_CURE}")
    own = [*_differing(subject, root, folders, trusted=False)]
    if own:
        text = f"{examples(own)}, which are imported from disk"
        yield Finding("bundle-stale", "warning", name, f"the import bundle has other code than {text}; {_CURE}")


def _differing(subject: Subject, root: str, folders: served.Folders, *, trusted: bool) -> Iterable[str]:
    """Yield the files of modules whose content is not the one that was compiled."""
    for folder, modules in folders.items():
        for module, (number, _, _, size, content, time) in modules.items():
            if (time is None) is trusted:
                file = posixpath.normpath(f"{root}/{folder}/{module}{served.FILES[number]}")
                if subject.files.get(file) != size or served.fingerprint(subject.package.read(file)) != content:
                    yield file
