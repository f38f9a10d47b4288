"""Libraries for the dynamic loader: the interpreter's own in the layer, all others on the image."""

from __future__ import annotations

from pathlib import Path

import pytest

from awslambdaric_lite.packaging.elf import read_elf
from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.targets import Target
from layers.layer import Where
from layers.provided.interpreter import Interpreter, Origin
from layers.provided.libraries import add_libpython, check
from tests.layers.provided.elf_writer import ARM64, elf_file

TARGET = Target("3.13", "x86_64")
OLD = Target("3.10", "x86_64")
LIBRARY = "libpython3.13.so.1.0"


def interpreter(folder: Path, *, libpython: bytes | None = None) -> Interpreter:
    if libpython is not None:
        (folder / LIBRARY).write_bytes(libpython)
    return Interpreter(folder, folder / "python", folder, "lib/python3.13", (folder / "none", folder), Origin("3.13.1"))


def test_static_program_stays_unchanged(tmp_path: Path) -> None:
    """A program without a shared `libpython` is not changed."""
    program = elf_file(program=True)
    files = {"bin/python3.13": program}
    assert add_libpython(files, interpreter(tmp_path, libpython=elf_file())) == []
    assert files == {"bin/python3.13": program}


def test_shared_library_is_packed(tmp_path: Path) -> None:
    """The program finds the packed library by its new run path; no folder of the host remains in it."""
    home = "/home/somebody/.pyenv/versions/3.13.0/lib"
    program = elf_file(needed=[LIBRARY, "libc.so.6"], run_path=home, program=True)
    libpython = elf_file(needed=["libm.so.6"], soname=LIBRARY, run_path=home)
    files = {"bin/python3.13": program}
    assert add_libpython(files, interpreter(tmp_path, libpython=libpython)) == [f"lib/{LIBRARY}"]
    for name, needed in (("bin/python3.13", (LIBRARY, "libc.so.6")), (f"lib/{LIBRARY}", ("libm.so.6",))):
        elf = read_elf(files[name])
        assert elf is not None
        assert (elf.runpath, elf.needed) == (("$ORIGIN/../lib",), needed)
        assert home.encode() not in files[name]
    assert len(files["bin/python3.13"]) == len(program)


def test_library_path_replaces_run_path(tmp_path: Path) -> None:
    """A library that the program names by `$ORIGIN` needs no run path."""
    program = elf_file(needed=[f"$ORIGIN/../lib/{LIBRARY}"], program=True)
    files = {"bin/python3.13": program}
    assert add_libpython(files, interpreter(tmp_path, libpython=elf_file())) == [f"lib/{LIBRARY}"]
    assert files["bin/python3.13"] == program
    check(files, TARGET, "aws")


@pytest.mark.parametrize("run_path", [None, "/usr/lib", "$ORIGIN/lib"])
def test_program_without_run_path_is_refused(tmp_path: Path, run_path: str | None) -> None:
    """A program that finds its library by this machine's settings is refused."""
    files = {"bin/python3.13": elf_file(needed=[LIBRARY], run_path=run_path, program=True)}
    with pytest.raises(PackagingError, match=f"python finds its {LIBRARY} by this machine's settings, .*--interpreter"):
        add_libpython(files, interpreter(tmp_path, libpython=elf_file()))


def test_missing_library_is_named(tmp_path: Path) -> None:
    """The message names a library that the installation lacks."""
    files = {"bin/python3.13": elf_file(needed=[LIBRARY], run_path="/home/somebody/python", program=True)}
    with pytest.raises(PackagingError, match=f"needs {LIBRARY}, which its installation does not have"):
        add_libpython(files, interpreter(tmp_path))


def test_compatible_files_are_accepted() -> None:
    """Files that the target's loader accepts are accepted."""
    symbols = {"memcpy": ("libc.so.6", "GLIBC_2.34"), "pow": ("libm.so.6", "GLIBC_2.29")}
    files = {
        "bin/python3.13": elf_file(program=True),
        "lib/python3.13/lib-dynload/math.so": elf_file(needed=["libc.so.6", "libm.so.6"], symbols=symbols),
        "lib/python3.13/lib-dynload/_tkinter.so": elf_file(needed=["libtcl9.0.so"]),
        "lib/libtcl9.0.so": elf_file(soname="libtcl9.0.so"),
        "lib/python3.13/LICENSE.txt": b"not an ELF file",
    }
    check(files, TARGET, "aws")


@pytest.mark.parametrize("target", [TARGET, OLD])
def test_newer_glibc_is_refused(target: Target) -> None:
    """A file that needs more than `provided.al2023`'s glibc 2.34 is refused with its symbol."""
    new = elf_file(symbols={"old": ("libc.so.6", "GLIBC_2.34"), "strlcpy": ("libc.so.6", "GLIBC_2.38")})
    with pytest.raises(PackagingError) as raised:
        check({"lib-dynload/new.so": new}, target, "aws")
    text = str(raised.value)
    assert "lib-dynload/new.so needs GLIBC_2.38 (for the symbol strlcpy); Lambda has glibc 2.34" in text
    assert text.endswith("name an --interpreter that is built for older systems and contains its libraries")
    check({"lib-dynload/new.so": elf_file(symbols={"x": ("libc.so.6", "GLIBC_2.34")})}, target, "aws")


def test_unknown_library_is_refused() -> None:
    """A library that is neither in the layer nor on the image is refused."""
    with pytest.raises(PackagingError, match=r"_ssl\.so needs libssl\.so\.3, which is neither in the package nor"):
        check({"_ssl.so": elf_file(needed=["libssl.so.3", "libc.so.6"])}, TARGET, "aws")


def test_extension_module_is_not_a_library() -> None:
    """An extension module of the layer does not count as a library for the loader."""
    files = {"lib-dynload/_a.so": elf_file(needed=["_b.so"]), "lib-dynload/_b.so": elf_file()}
    with pytest.raises(PackagingError, match=r"_a\.so needs _b\.so"):
        check(files, TARGET, "aws")


def test_other_architecture_is_refused_on_host() -> None:
    """A file for another architecture is refused on the host, too."""
    places: tuple[Where, ...] = ("aws", "host")
    for where in places:
        with pytest.raises(PackagingError, match=r"_json\.so is made for arm64, not for x86_64"):
            check({"_json.so": elf_file(machine=ARM64)}, TARGET, where)


def test_host_libraries_count_on_host() -> None:
    """For the host, its libraries replace those of the image."""
    files = {"_ssl.so": elf_file(needed=["libssl.so.3"], symbols={"strlcpy": ("libc.so.6", "GLIBC_2.38")})}
    check(files, TARGET, "host")


def test_many_problems_stay_readable() -> None:
    """The message names the first problems and counts the rest."""
    files = {f"_{number}.so": elf_file(needed=["libodd.so.1"]) for number in range(9)}
    with pytest.raises(PackagingError, match="and 6 more; name an") as raised:
        check(files, TARGET, "aws")
    assert str(raised.value).count("libodd.so.1") == 3


def test_a_broken_file_is_refused_by_name() -> None:
    """A damaged file is refused by name."""
    with pytest.raises(PackagingError, match=r"^_json\.so: broken ELF file"):
        check({"_json.so": elf_file()[:100]}, TARGET, "aws")
