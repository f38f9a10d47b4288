"""The reason of an installer's failure: the index, the project or the wheel, whichever it was.

Installers name a consequence, e.g. that no version fits. What the index has of the project tells the cause.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from .errors import PackagingError
from .index_settings import without_credentials
from .installers import InstallerFailure
from .package_index import IndexFile, PackageIndex, unreachable
from .requirement_lines import Requirement
from .source_builds import normal_name
from .targets import Target
from .wheel_choice import LATE_PATCH, best_wheel, standard

_MISSING = (
    r"No matching distribution found for (.+)",  # pip's, and then uv's
    r"Could not find a version that satisfies the requirement (.+)",
    r"([\w.-]+(?:[=<>!~][^\s,]*(?:,[=<>!~]\S+)*)?) has no (?:usable wheels|wheels with a matching)",
    r"all versions of ([\w.-]+) have no (?:usable wheels|wheels with a matching)",
    r"there (?:is|are) no versions? of (\S+)",
    r"(?:Because|,|and) (\S+) was not found in the",
    r"only ([\w.-]+)[<=>!~]\S* is available",
    r"only the following versions of ([\w.-]+) are available",
    r"Wheels are required for `(\S+)`",
)
_NEWEST = 3  # versions in a message


class MissingWheel(PackagingError):
    """A project without a wheel for the target; `source` is its newest source distribution that fits, or None."""

    def __init__(self, text: str, project: str, source: IndexFile | None) -> None:
        super().__init__(text)
        self.project = project
        self.source = source


def explain(
    failure: InstallerFailure, index: PackageIndex, target: Target, requirements: Sequence[Requirement]
) -> PackagingError:
    """Return the reason of a failure, on one line with its cure."""
    # uv wraps its sentences.
    text = " ".join(" ".join(failure.lines).split()) if failure.installer == "uv" else "\n".join(failure.lines)
    if mismatch := re.search(r"HASHES.*\n\s+(.+)|Hash mismatch for `(\S+)`", text):
        name = _without_origin(mismatch[1] or mismatch[2]).partition(" from ")[0]
        return PackagingError(
            f"{name} does not match the hash in the requirements; find out why before you correct the hash"
        )
    try:
        for named in _named(text, index):
            if (problem := _of_project(named, index, target, requirements)) is not None:
                return problem
    except PackagingError as error:
        return error
    if broken := re.search(r"after connection broken by '(.+)': \S+$", text, re.MULTILINE):
        return unreachable(next(iter(index.addresses), ""), broken[1].rpartition(": ")[2].strip("()'\""))
    if "ResolutionImpossible" in text or "requirements are unsatisfiable" in text:
        return _conflict(text, target)
    return PackagingError(f"{failure.installer} cannot install the requirements: {_reason(failure)}")


def newest_source(text: str, index: PackageIndex, target: Target) -> IndexFile:
    """Return the newest source distribution of a requirement on an index.

    Raises:
        PackagingError: the index has none that fits.
    """
    requirement = standard("requirements").Requirement(text)
    files = [file for file in index.files(requirement.name) if _python_fits(file.requires_python, target)]
    sources = _fitting([file for file in files if not file.is_wheel], requirement.specifier)
    parse = standard("version").Version
    if not sources:
        raise PackagingError(f"requirement {text} has no source distribution; remove its line --no-binary")
    return max(sources, key=lambda file: parse(file.version))


def _named(text: str, index: PackageIndex) -> Iterable[str]:
    """Return the requirements that the installer names as missing."""
    found = [match for pattern in _MISSING for match in re.findall(pattern, text)]
    for url in re.findall(r"Failed to fetch: `?(\S+?)`?(?:\s|$)", text):
        for address in index.addresses:
            beginning = f"{without_credentials(address).rstrip('/')}/"
            if without_credentials(url).startswith(beginning):
                found.append(without_credentials(url).removeprefix(beginning).strip("/"))
    return dict.fromkeys(_without_origin(each).rstrip(",.") for each in found)


def _of_project(
    named: str, index: PackageIndex, target: Target, requirements: Sequence[Requirement]
) -> PackagingError | None:
    """Return the problem of a project, or None if wheels of it fit."""
    module = standard("requirements")
    try:
        requirement = module.Requirement(named)
    except module.InvalidRequirement:
        return None
    project = normal_name(requirement.name)
    specifiers, shown = [requirement.specifier], named
    for each in requirements:
        own = re.match(r"[\w.-]*", each.text)
        if own is not None and own[0] and normal_name(own[0]) == project:
            specifiers.append(module.Requirement(each.text).specifier)
            shown = each.text
    files = index.files(project)
    if not files and index.addresses:
        cure = "correct the name or the index"
        return PackagingError(
            f"requirement {shown}: the package index {index.shown} has no project of this name; {cure}"
        )
    files = [file for file in files if _python_fits(file.requires_python, target)] or files
    specifier = standard("specifiers").SpecifierSet(",".join(str(each) for each in specifiers if str(each)))
    fitting = _fitting(files, specifier)
    if not fitting and all(_fitting(files, each) for each in specifiers):
        return None  # the requirements contradict each other
    with_wheel = [file for file in files if file.is_wheel and best_wheel([file.name], target)]
    if any(file in fitting for file in with_wheel):
        return None
    newest = _newest(with_wheel or ([] if fitting else files))
    there_is = f" (newest {'with a wheel' if with_wheel else 'version'}: {', '.join(newest)})" if newest else ""
    why = "" if fitting else ", as only other versions exist" if files else ", as --find-links has no such project"
    return MissingWheel(
        f"requirement {shown} has no wheel for Python {target.python} on {target.arch}{why}{there_is}; "
        "correct it, or build a wheel there and give its folder with --find-links",
        requirement.name,
        _source(fitting),
    )


def _fitting(files: Sequence[IndexFile], specifier: Any) -> list[IndexFile]:
    """Return the files whose versions fit, pre-releases only where nothing else does."""
    found = [file for file in files if specifier.contains(file.version)]
    return found or [file for file in files if specifier.contains(file.version, prereleases=True)]


def _source(files: Sequence[IndexFile]) -> IndexFile | None:
    """Return the newest source distribution; a version with wheels for other machines needs a compiler."""
    compiled = {file.version for file in files if file.is_wheel and not file.name.endswith("-none-any.whl")}
    parse = standard("version").Version
    newest = max((file for file in files if not file.is_wheel), key=lambda file: parse(file.version), default=None)
    return None if newest is None or newest.version in compiled else newest


def _newest(files: Iterable[IndexFile]) -> list[str]:
    return [str(version) for version in sorted({standard("version").Version(file.version) for file in files})][
        -_NEWEST:
    ]


def _python_fits(requires: str, target: Target) -> bool:
    module = standard("specifiers")
    try:
        return bool(module.SpecifierSet(requires).contains(f"{target.python}.{LATE_PATCH}"))
    except module.InvalidSpecifier:
        return True


def _conflict(text: str, target: Target) -> PackagingError:
    if python := re.search(r"([\w.-]+?)(?:==\S+)? requires Python (\S+) and", text):
        return PackagingError(
            f"Package {python[1]!r} requires a different Python: {target.python}.{LATE_PATCH} not in {python[2]!r}; "
            "require another version"
        )
    if conflict := re.search(r"Cannot install (.+?) because", text):
        return PackagingError(f"{conflict[1]} cannot be installed together; loosen one of them")
    because = re.search(r"Because (.+?)(?:, we can conclude|\Z)", text)
    why = f": {' '.join(because[1].split())}" if because else ""
    return PackagingError(f"the requirements cannot be installed together; loosen one of them{why}")


def _reason(failure: InstallerFailure) -> str:
    lines = [line for line in failure.lines if line]
    start = next((number for number, line in enumerate(lines) if line.lower().startswith("error:")), None)
    if start is None or lines[start].strip() == "ERROR: Exception:":  # which a traceback follows
        return lines[-1] if lines else f"exit status {failure.status}"
    kept = [lines[start].partition(":")[2].strip()]
    for line in lines[start + 1 :]:
        if line.startswith("["):  # pip's notice of a newer version
            break
        kept.append(re.sub(r"^(error|cause|hint):\s*", "", line.strip(), flags=re.IGNORECASE))
    return re.sub(r"(?<=://)[^/@\s]+@", "", " ".join(kept))  # without credentials


def _without_origin(text: str) -> str:
    return re.sub(r"\s*\(from .*", "", text.strip())
