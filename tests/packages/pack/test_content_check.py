"""Packages that `pack` refuses for what `doctor` would report."""

from __future__ import annotations

from pathlib import Path

import pytest

from awslambdaric_lite.packaging.archive import Member
from awslambdaric_lite.packaging.content_check import check_content
from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.targets import Target
from tests.packages.doctor.packages import TARGET, findings, make_zip
from tests.packages.doctor.test_binaries import MODERN, OTHER_ARCH, library, needing_neighbour
from tests.packages.elf.builds import needs_compiler, symbol_user

from .test_function import HERE, names, pack
from .wheelhouse import add_wheel, needs_pip

pytestmark = needs_compiler

OLD = f"cpython-39-{TARGET.multiarch}.so"


def check(
    files: dict[str, bytes],
    target: Target = MODERN,
    unchecked: tuple[str, ...] = (),
    installed: tuple[str, ...] = (),
) -> list[str]:
    """Check members of a package."""
    members = {name: Member(name, content) for name, content in files.items()}
    return check_content(members, Path("source"), target, "managed", unchecked=unchecked, installed=installed)


def refused_by_doctor() -> dict[str, tuple[dict[str, bytes], Target]]:
    """Return packages with an error by the code of the error."""
    return {
        "extension-version": ({"native/__init__.py": b"", f"native/fast.{OLD}": library()}, MODERN),
        "extension-version of Windows": ({"fast.cp313-win_amd64.pyd": b"MZ"}, MODERN),
        "binary-architecture": ({"native/fast.so": library()}, OTHER_ARCH),
        "binary-architecture of macOS": ({"lib/libx.so": b"\xcf\xfa\xed\xfe"}, MODERN),
        "binary-glibc": ({"fast.so": library(symbol_user("gettid"))}, Target("3.11", TARGET.arch)),
        "binary-library": ({"bin/tool": needing_neighbour()}, MODERN),
        "binary-broken": ({"fast.so": library()[:200]}, MODERN),
    }


@pytest.mark.parametrize(
    "kind",
    [
        *("extension-version", "extension-version of Windows", "binary-architecture", "binary-architecture of macOS"),
        *("binary-glibc", "binary-library", "binary-broken"),
    ],
)
def test_pack_and_doctor_agree_about_errors(kind: str, tmp_path: Path) -> None:
    """`pack` refuses what `doctor` calls an error, with its message and a cure; included files are packed."""
    files, target = refused_by_doctor()[kind]
    path = make_zip(tmp_path / "a.zip", dict(files))
    (finding,) = [finding for finding in findings(path, target) if finding.level == "error"]
    assert finding.code == kind.partition(" ")[0]
    with pytest.raises(PackagingError) as caught:
        check(files, target)
    place = "" if finding.path == "." else f"{finding.path}: "
    assert str(caught.value).startswith(f"{place}{finding.message}; leave files out")
    assert "with --exclude PATTERN" in str(caught.value) and "--include PATTERN" in str(caught.value)
    assert check(files, target, unchecked=tuple(files)) == []


def test_installed_programs_for_other_systems_are_a_warning() -> None:
    """Programs and modules of other systems in requirements are a warning; foreign modules of Linux are refused."""
    files = {"pkg/linux-arm64/tool": library(), "pkg/fast.cp313-win_amd64.pyd": b"MZ", "pkg/__init__.py": b""}
    warnings = check(files, OTHER_ARCH, installed=tuple(files))
    assert [warning.partition(" ")[0] for warning in warnings] == ["pkg:", "pkg:"]
    with pytest.raises(PackagingError, match="pkg/linux-arm64/tool is made for"):
        check(files, OTHER_ARCH)
    for name in ("pkg/module.so", "pkg/libx.so.1"):
        with pytest.raises(PackagingError, match=f"^pkg: {name} is made for") as caught:
            check({**files, name: library()}, OTHER_ARCH, installed=(*files, name))
        assert "tool" not in str(caught.value)


def test_warnings_and_fitting_files() -> None:
    """Warnings of the checks are returned; fitting files, data and a folder `python` of a function have none."""
    files = {f"native/fast.{OLD}": library(), "native/fast.py": b""}
    (warning,) = check(files)
    assert warning.startswith("native: 1 extension module named")
    fine = {"fast.abi3.so": library(), "python/lib/python3.9/site-packages/x.py": b"", "data.bin": b"\x7fELX"}
    assert check(fine) == []


def test_provided_runtimes_have_newer_glibc() -> None:
    """With `--runtime` a binary is compared with the glibc of provided.al2023, whatever the version of Python."""
    members = {"fast.so": Member("fast.so", library(symbol_user("gettid")))}
    assert check_content(members, Path("source"), Target("3.11", TARGET.arch), "provided") == []


@needs_pip
def test_own_and_installed_files_are_checked(tmp_path: Path) -> None:
    """A module for another Python is refused in the folder and in a requirement, and the old file stays."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "app.py").write_text("")
    name = f"fast.{OLD}"
    add_wheel(tmp_path / "wheels", "native", {f"native/{name}": library(), "native/__init__.py": ""})
    (tmp_path / "requirements.txt").write_text("native")
    links = {"find_links": tmp_path / "wheels", "no_index": True}
    output = tmp_path / "a.zip"
    output.write_bytes(b"old")
    with pytest.raises(PackagingError, match=f"^native: 1 extension module named .* which Python {HERE.python} on"):
        pack(source, output, requirements=tmp_path / "requirements.txt", **links)
    (source / name).write_bytes(library())
    with pytest.raises(PackagingError, match=r"^1 extension module named"):
        pack(source, output)
    assert output.read_bytes() == b"old"
    pack(source, output, exclude=["*.so"])
    assert name not in names(output)
    pack(source, output, include=[name])
    assert name in names(output)
