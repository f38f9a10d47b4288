"""The target of a package: a version of Python on an architecture, and the software that Lambda has for it.

Facts only. Sources: the service model of Lambda in botocore (which runtimes exist; a test compares the table with the
newest model); the Lambda developer guide, "Lambda runtimes" (which runtime runs on which Amazon Linux) and "OS-only
runtimes"; the Amazon Linux 2023 user guide, "Core toolchain packages glibc, gcc, binutils".
"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass

from .errors import PackagingError

_AMAZON_LINUX = {
    "3.10": "2",
    "3.11": "2",
    "3.12": "2023",
    "3.13": "2023",
    "3.14": "2023",
    "3.15": "2023",
}  # of the managed runtime of each version
PYTHON_VERSIONS: tuple[str, ...] = tuple(_AMAZON_LINUX)
"""The versions of Python that packages can be made for; each has a managed runtime, e.g. `python3.13`."""

ARCHITECTURES: tuple[str, ...] = ("x86_64", "arm64")
"""The architectures, in Lambda's spelling."""

_ALIASES = {"aarch64": "arm64", "amd64": "x86_64"}
_MACHINES = {"x86_64": 62, "arm64": 183}  # EM_X86_64 and EM_AARCH64 of elf.h
_GLIBC = {"2": (2, 26), "2023": (2, 34)}
NEWEST_GLIBC = max(_GLIBC.values())
"""The glibc of `provided.al2023` and of AWS's newest images, with every Python."""

_OLDEST_WHEELS = 17  # manylinux2014 is manylinux_2_17 (PEP 600); pip adds older ones

# The loaders of each architecture's programs and libraries (its psABI).
_LOADERS = {"x86_64": "/lib64/ld-linux-x86-64.so.2", "arm64": "/lib/ld-linux-aarch64.so.1"}

IMAGE_LIBRARIES: frozenset[str] = frozenset(
    {
        # glibc 2.34 and 2.26: the package `glibc` of both Amazon Linux releases.
        "ld-linux-x86-64.so.2",
        "ld-linux-aarch64.so.1",
        "libanl.so.1",
        "libBrokenLocale.so.1",
        "libc.so.6",
        "libdl.so.2",
        "libm.so.6",
        "libmvec.so.1",
        "libnss_compat.so.2",
        "libnss_dns.so.2",
        "libnss_files.so.2",
        "libpthread.so.0",
        "libresolv.so.2",
        "librt.so.1",
        "libthread_db.so.1",
        "libutil.so.1",
        # The packages `libgcc` and `libstdc++`: microdnf, which the images have, is written in C and links C++.
        "libgcc_s.so.1",
        "libstdc++.so.6",
        # `rpm -qa` in the image of python3.12, quoted in amazonlinux/amazon-linux-2023 issue 585, and `ldd` in one of
        # Amazon Linux 2, quoted in lambgeo/docker-lambda issue 34: only libraries of both.
        "libz.so.1",
    }
)
"""The sonames that every image of Lambda has: few on purpose, packages should contain all others."""

_GLIBCXX = {  # newest symbol versions of libstdc++ and libgcc; source: GCC manual, "ABI Policy and Guidelines"
    (2, 34): {"GLIBCXX": (3, 4, 29), "CXXABI": (1, 3, 13)},  # GCC 11 on Amazon Linux 2023
    (2, 26): {"GLIBCXX": (3, 4, 24), "CXXABI": (1, 3, 11)},  # GCC 7 on Amazon Linux 2
}


@dataclass(frozen=True)
class Target:
    """A version of Python, e.g. "3.13", on an architecture of `ARCHITECTURES`.

    It runs on the managed runtime of that version, or, with `is_provided`, on `provided.al2023`.
    """

    python: str
    arch: str
    is_provided: bool = False

    @classmethod
    def parse(cls, python: str, arch: str) -> Target:
        """Parse a user's input; `aarch64` and `amd64` are accepted.

        Raises:
            PackagingError: the version or the architecture is unsupported.
        """
        arch = _ALIASES.get(arch, arch)
        if python not in PYTHON_VERSIONS:
            raise PackagingError(f"unsupported Python {python!r}; choose one of: {', '.join(PYTHON_VERSIONS)}")
        if arch not in ARCHITECTURES:
            raise PackagingError(f"unsupported architecture {arch!r}; choose one of: {', '.join(ARCHITECTURES)}")
        return cls(python, arch)

    @property
    def cache_tag(self) -> str:
        """Return the tag of bytecode files, e.g. `cpython-313`."""
        return f"cpython-{self.python.replace('.', '')}"

    @property
    def abi(self) -> str:
        """Return the tag of the interpreter's binary interface in wheels, e.g. `cp313`."""
        return f"cp{self.python.replace('.', '')}"

    @property
    def multiarch(self) -> str:
        """Return the platform in the file names of extension modules, e.g. `x86_64-linux-gnu`."""
        return f"{self._machine_name}-linux-gnu"

    @property
    def machine(self) -> int:
        """Return `e_machine` of its ELF files."""
        return _MACHINES[self.arch]

    @property
    def loader(self) -> str:
        """Return the path of the dynamic loader that programs name."""
        return _LOADERS[self.arch]

    @property
    def glibc(self) -> tuple[int, int]:
        """Return the version of glibc: 2.34 on Amazon Linux 2023, 2.26 on Amazon Linux 2 (python3.10, python3.11)."""
        return _GLIBC["2023" if self.is_provided else _AMAZON_LINUX[self.python]]

    @property
    def compiler_versions(self) -> dict[str, tuple[int, ...]]:
        """Return the newest `GLIBCXX` and `CXXABI` symbol versions of the image's libstdc++."""
        return dict(_GLIBCXX[self.glibc])

    @property
    def wheel_platforms(self) -> tuple[str, ...]:
        """Return the platforms of wheels for pip's `--platform`, newest first.

        The last is `manylinux2014`; pip adds the older ones itself.
        """
        newest = range(self.glibc[1], _OLDEST_WHEELS - 1, -1)
        return (
            *(f"manylinux_2_{minor}_{self._machine_name}" for minor in newest),
            f"manylinux2014_{self._machine_name}",
        )

    @property
    def is_of_this_machine(self) -> bool:
        """Return whether binaries for it run on this machine, as far as system and processor show."""
        machine = platform.machine()
        return platform.system() == "Linux" and _ALIASES.get(machine, machine) == self.arch

    @property
    def _machine_name(self) -> str:
        return "aarch64" if self.arch == "arm64" else self.arch


def host_target() -> Target:
    """Return the running interpreter's version on this machine.

    Raises:
        PackagingError: Lambda has no such version or machine.
    """
    return Target.parse(f"{sys.version_info[0]}.{sys.version_info[1]}", platform.machine())
