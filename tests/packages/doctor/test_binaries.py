"""Findings about binaries."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import pytest

from awslambdaric_lite.packaging.targets import Target
from tests.packages.elf.builds import compile_library, needs_compiler, symbol_user

from .packages import TARGET, Content, codes, findings, make_zip

pytestmark = needs_compiler

MODERN = Target("3.13", TARGET.arch)
SUFFIX = f".cpython-313-{MODERN.multiarch}.so"
OTHER_ARCH = Target("3.13", "arm64" if TARGET.arch == "x86_64" else "x86_64")


@functools.cache
def library(source: str = symbol_user("getpid"), *flags: str) -> bytes:
    """Return a compiled library."""
    with tempfile.TemporaryDirectory() as folder:
        if "-lneighbour" in flags:
            compile_library(Path(folder) / "libneighbour.so", "int neighbour(void) { return 1; }\n")
            flags = (*flags, f"-L{folder}")
        return compile_library(Path(folder) / "lib.so", source, "-w", *flags)


def needing_neighbour(*flags: str) -> bytes:
    """Return a library that needs libneighbour.so."""
    return library("int neighbour(void); int use(void) { return neighbour(); }\n", "-lneighbour", *flags)


def audited(tmp_path: Path, files: dict[str, Content], target: Target = MODERN) -> list[tuple[str, str, str]]:
    """Return the findings about a package with these files."""
    return codes(findings(make_zip(tmp_path / "a.zip", files), target))


def test_fitting_modules_are_fine(tmp_path: Path) -> None:
    """Modules for the target have no finding under any name that the interpreter imports."""
    files: dict[str, Content] = {f"package/{name}": library() for name in (f"a{SUFFIX}", "b.abi3.so", "c.so")}
    assert audited(tmp_path, files) == []


def test_another_architecture(tmp_path: Path) -> None:
    """A package for another architecture has one finding, by content, whatever the files' names."""
    files: dict[str, Content] = {f"package/module{index}.so": library() for index in range(5)}
    (found,) = findings(make_zip(tmp_path / "a.zip", files), OTHER_ARCH)
    assert codes([found]) == [("binary-architecture", "error", "package")]
    assert f"package/module0.so is made for {TARGET.arch}, not for {OTHER_ARCH.arch}" in found.message
    assert found.message.endswith("and 2 more like these")
    named = {f"package/module.cpython-313-{TARGET.multiarch}.so": library()}
    assert audited(tmp_path, dict(named), OTHER_ARCH) == [("binary-architecture", "error", "package")]


def test_too_new_a_glibc(tmp_path: Path) -> None:
    """The finding names file, version and symbol; the same file fits the newer image."""
    path = make_zip(tmp_path / "a.zip", {"package/module.so": library(symbol_user("gettid"))})
    assert findings(path, MODERN) == []
    (found,) = findings(path, Target("3.11", TARGET.arch))
    assert codes([found]) == [("binary-glibc", "error", "package")]
    assert found.message == "package/module.so needs GLIBC_2.30 (for the symbol gettid); Lambda has glibc 2.26"


@pytest.mark.parametrize(
    ("place", "flags", "expected"),
    [
        (None, (), [("binary-library", "error", "package")]),
        (None, ("-Wl,-rpath,$ORIGIN",), [("binary-library", "error", "package")]),
        ("libneighbour.so", (), []),
        ("lib/libneighbour.so", (), []),
        ("package/libneighbour.so", ("-Wl,-rpath,$ORIGIN",), []),
        ("package.libs/libneighbour.so", ("-Wl,-rpath,${ORIGIN}/../package.libs",), []),
        ("package.libs/libneighbour.so", (), []),
        ("vendored/libneighbour.so", ("-Wl,-rpath,$ORIGIN/../vendored",), []),
        ("vendored/libneighbour.so", ("-Wl,-rpath,$ORIGIN/../vendored,--disable-new-dtags",), []),
        ("elsewhere/libneighbour.so", ("-Wl,-rpath,/usr/local/lib",), [("binary-library", "info", "package")]),
        ("elsewhere/libneighbour.so", ("-Wl,-rpath,$ORIGIN/../../..",), [("binary-library", "info", "package")]),
    ],
)
def test_needed_libraries(
    tmp_path: Path, place: str | None, flags: tuple[str, ...], expected: list[tuple[str, str, str]]
) -> None:
    """A needed library is found on the loader's path, elsewhere in the package, or not at all."""
    files: dict[str, Content] = {"package/module.so": needing_neighbour(*flags)}
    if place is not None:
        files[place] = library("int neighbour(void) { return 1; }\n")
    assert audited(tmp_path, files) == expected


def test_a_library_of_a_layer(tmp_path: Path) -> None:
    """The function's layer may have its library; the function may have its layer's."""
    function = make_zip(tmp_path / "function.zip", {"module.so": needing_neighbour()})
    layer = make_zip(tmp_path / "layer.zip", {"lib/libneighbour.so": library("int neighbour(void) { return 1; }\n")})
    assert codes(findings(function, MODERN)) == [("binary-library", "error", ".")]
    assert findings(function, MODERN, layers=[layer]) == []
    needy = make_zip(tmp_path / "needy.zip", {"python/module.so": needing_neighbour()})
    assert codes(findings(needy, MODERN)) == [("binary-library", "warning", "python")]


def test_modules_of_another_version(tmp_path: Path) -> None:
    """A module for another version is an error, unless the right one exists; with Python source, a warning."""
    old = f"cpython-312-{MODERN.multiarch}.so"
    wrong: dict[str, Content] = {f"package/fast.{old}": library()}
    (found,) = findings(make_zip(tmp_path / "a.zip", wrong), MODERN)
    assert codes([found]) == [("extension-version", "error", "package")]
    assert f"1 extension module named *.{old}" in found.message
    for right in (f"package/fast{SUFFIX}", "package/fast.abi3.so", "package/fast.so"):
        assert audited(tmp_path, {**wrong, right: library()}) == []
    with_source = audited(tmp_path, {**wrong, "package/fast.py": ""})
    assert ("extension-version", "warning", "package") in with_source


@pytest.mark.parametrize(
    "suffix",
    ["cpython-313-darwin.so", "cp313-win_amd64.pyd", "cpython-313t-x86_64-linux-gnu.so", "pypy310-pp73-linux.so"],
)
def test_modules_of_other_systems(tmp_path: Path, suffix: str) -> None:
    """Names show modules of macOS, Windows, free-threaded Python and PyPy."""
    assert audited(tmp_path, {f"package/a.{suffix}": b"\xcf\xfa\xed\xfe"}) == [
        ("extension-version", "error", "package")
    ]


def test_modules_of_alpine(tmp_path: Path) -> None:
    """A module for musl is an error."""
    name = f"package/a.cpython-313-{MODERN.multiarch.replace('gnu', 'musl')}.so"
    assert audited(tmp_path, {name: library()}) == [("extension-version", "error", "package")]


def test_libraries_of_macos(tmp_path: Path) -> None:
    """A library with the suffix of macOS is not a module, so that nothing on Lambda tries to load it."""
    assert audited(tmp_path, {"package/attach.dylib": b"\xcf\xfa\xed\xfe", "package/__init__.py": ""})[:1] == [
        ("bytecode-missing", "warning", "package")
    ]


def test_content_of_other_systems(tmp_path: Path) -> None:
    """A file that Linux cannot load, or a damaged one, is an error, whatever its name."""
    files: dict[str, Content] = {"package/a.so": b"\xcf\xfa\xed\xfe" + bytes(60), "package/b.so": library()[:200]}
    found = findings(make_zip(tmp_path / "a.zip", files), MODERN)
    assert codes(found) == [("binary-architecture", "error", "package"), ("binary-broken", "error", "package")]
    assert "is made for macOS" in found[0].message
    assert "package/b.so is a broken ELF file" in found[1].message


def test_programs_count_and_texts_do_not(tmp_path: Path) -> None:
    """A file without a suffix may be a program; a linker script is not one."""
    files: dict[str, Content] = {"bin/tool": library(), "lib/libc.so": "GROUP ( libc.so.6 )\n", "README": "text"}
    assert audited(tmp_path, files, OTHER_ARCH) == [("binary-architecture", "error", "bin")]
