"""The choice of wheels and the evaluation of markers for the target, by the rules of `packaging`."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .errors import PackagingError
from .targets import Target

if TYPE_CHECKING:
    from packaging.tags import Tag

LATE_PATCH = 99
"""The patch release of the target's Python that requirements are compared with.

Lambda patches its interpreters within weeks, so a requirement on a patch release ("python_full_version >= '3.11.3'")
holds there; a bare "3.11" would mean 3.11.0.
"""


def standard(module: str) -> Any:
    """Return a module of `packaging`, the reference of the standards, or pip's copy of it.

    Raises:
        PackagingError: neither is installed.
    """
    for package in ("packaging", "pip._vendor.packaging"):
        try:
            return importlib.import_module(f"{package}.{module}")
        except ModuleNotFoundError:
            continue
    raise PackagingError(
        "requirements cannot be read, because packaging is missing: pip install 'awslambdaric-lite[local]'"
    )


def markers(target: Target) -> dict[str, str]:
    """Return the values of PEP 508's environment markers on Lambda."""
    full_version = f"{target.python}.{LATE_PATCH}"
    return {
        "implementation_name": "cpython",
        "implementation_version": full_version,
        "os_name": "posix",
        "platform_machine": "aarch64" if target.arch == "arm64" else target.arch,
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": full_version,
        "python_version": target.python,
        "sys_platform": "linux",
    }


def marker_holds(marker: str, target: Target, extra: str = "") -> bool:
    """Return whether a marker holds on the target.

    Raises:
        PackagingError: it is not a marker.
    """
    module = standard("markers")
    values = {**markers(target), "extra": extra, "platform_release": "", "platform_version": ""}
    try:
        return bool(module.Marker(marker).evaluate(values))
    except (module.InvalidMarker, module.UndefinedEnvironmentName, module.UndefinedComparison):
        raise PackagingError(f"{marker!r} is not a marker of a requirement; correct it") from None


def lock_marker_holds(marker: str, target: Target, groups: Iterable[str]) -> bool:
    """Return whether a marker of a lock file (PEP 751) holds on the target, without extras and with some groups.

    Raises:
        PackagingError: it is not a marker.
    """
    if not re.search(r"\b(extras|dependency_groups)\b", marker):
        return marker_holds(marker, target)
    module = standard("markers")
    values = {**markers(target), "extras": frozenset(), "dependency_groups": frozenset(groups)}
    try:
        return bool(module.Marker(marker).evaluate(values, context="lock_file"))
    except (module.InvalidMarker, TypeError):  # of a `packaging` that is older than PEP 751
        raise PackagingError(f"{marker!r} cannot be evaluated; pip install -U packaging") from None


def best_wheel(names: Iterable[str], target: Target) -> str | None:
    """Return the file name of the wheel that fits the target best, or None."""
    ranks = {tag: rank for rank, tag in enumerate(_tags(target))}
    best: tuple[int, str] | None = None
    for name in names:
        fitting = [ranks[tag] for tag in _wheel_tags(name) if tag in ranks]
        if fitting and (best is None or min(fitting) < best[0]):
            best = min(fitting), name
    return None if best is None else best[1]


def _wheel_tags(name: str) -> Iterable[Tag]:
    utils = standard("utils")
    try:
        tags: Iterable[Tag] = utils.parse_wheel_filename(name)[3]
    except (utils.InvalidWheelFilename, standard("version").InvalidVersion):
        return ()
    return tags


def _tags(target: Target) -> list[Tag]:
    tags = standard("tags")
    version = tuple(map(int, target.python.split(".")))
    platforms = list(target.wheel_platforms)
    machine = platforms[-1].partition("_")[2]
    platforms += [f"manylinux_2_{minor}_{machine}" for minor in range(16, 4, -1)]
    platforms += [f"manylinux2010_{machine}", f"manylinux1_{machine}"]
    return [
        *tags.cpython_tags(version, abis=[target.abi], platforms=platforms),
        *tags.compatible_tags(version, interpreter=target.abi, platforms=platforms),
    ]
