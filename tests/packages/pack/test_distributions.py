"""Installed distributions in a package: what `--exclude` leaves of them, and what `importlib.metadata` answers."""

from __future__ import annotations

import shutil
import site
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import Distribution, DistributionFinder, MetadataPathFinder, packages_distributions
from pathlib import Path

import pytest

from awslambdaric_lite.packaging.archive import Member
from awslambdaric_lite.packaging.audit.platform_packages import PLATFORM_PACKAGES
from awslambdaric_lite.packaging.bytecode import cache_path
from awslambdaric_lite.packaging.distributions import finished_record
from awslambdaric_lite.packaging.function_contents import FunctionContents
from awslambdaric_lite.packaging.selection import Selection
from awslambdaric_lite.packaging.source_tree import collect
from awslambdaric_lite.packaging.wheels import install_requirements

from .test_function import HERE, names, pack
from .wheelhouse import add_wheel, needs_pip

FILES = {
    "shop/__init__.py": "",
    "shop/data/a.json": "{}",
    "shop/data/deep/b.json": "{}",
    "shop/tests/helpers.py": "",
    "shop/a.pyi": "",
    "shop_cli.py": "",
    "shop-1.0.data/data/share/shop/c.json": "{}",
    "shop-1.0.data/scripts/program": "\x7fELF",
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the files of distributions that pip has installed, by their names."""
    folder = tmp_path_factory.mktemp("installed")
    wheels = folder / "wheels"
    add_wheel(wheels, "shop", FILES, requires=["python_dateutil"], commands={"shop": "shop:main"})
    add_wheel(wheels, "python_dateutil", {"dateutil/__init__.py": ""}, requires=["six"])
    add_wheel(wheels, "six", {"six.py": ""})
    install_requirements(["shop"], folder / "target", HERE, find_links=wheels, no_index=True)
    paths = [path for path in (folder / "target").rglob("*") if path.is_file()]
    return {path.relative_to(folder / "target").as_posix(): path for path in paths}


def make_package(
    installed: Mapping[str, Path],
    *exclude: str,
    include: Sequence[str] = (),
    without_platform_packages: bool = False,
) -> FunctionContents:
    """Return a package with installed files."""
    selection = Selection(exclude, include)
    package = FunctionContents(HERE, selection, without_platform_packages=without_platform_packages)
    package.add_installed(installed, {}, prune=True)
    package.finish_records()
    return package


def listed(package: FunctionContents) -> set[str]:
    """Return the names that the RECORD of `shop` lists."""
    content = package.members["shop-1.0.dist-info/RECORD"].read().decode()
    return {line.partition(",")[0] for line in content.splitlines()}


@needs_pip
@pytest.mark.parametrize(
    ("pattern", "gone"),
    [
        ("shop/data/deep", {"shop/data/deep/b.json"}),
        ("shop/data/", {"shop/data/a.json", "shop/data/deep/b.json"}),
        ("shop/**/b.json", {"shop/data/deep/b.json"}),
        ("/data", set()),
        ("data", {"shop/data/a.json", "shop/data/deep/b.json"}),
        ("tests", {"shop/tests/helpers.py"}),
        ("*.json", {"shop/data/a.json", "shop/data/deep/b.json", "share/shop/c.json"}),
        ("share", {"share/shop/c.json"}),
        ("bin/program", {"bin/program"}),
        ("*.py[id]", set()),  # stubs are pruned anyway
        ("entry_points.txt", {"shop-1.0.dist-info/entry_points.txt"}),
    ],
)
def test_exclude_reaches_installed_files(pattern: str, gone: set[str], installed: dict[str, Path]) -> None:
    """A pattern excludes files of requirements, and RECORD does not list them."""
    package = make_package(installed, pattern)
    assert make_package(installed).members.keys() - package.members.keys() == gone
    assert listed(package) == {name for name in package.members if name in listed(make_package(installed)) - gone}
    assert {"shop/__init__.py", "shop-1.0.dist-info/RECORD"} <= listed(package)


@needs_pip
def test_excluded_distribution_leaves_no_metadata(installed: dict[str, Path]) -> None:
    """With the last file of a distribution its metadata goes; metadata of others stays, and may be excluded alone."""
    inside = make_package(installed, "shop", "shop_cli.py", "share", "bin").members
    assert not [name for name in inside if "shop" in name]
    assert "six-1.0.dist-info/METADATA" in inside
    assert "shop-1.0.dist-info/METADATA" in make_package(installed, "shop").members  # shop_cli is a module of it
    inside = make_package(installed, "/shop", "shop_cli.py").members
    assert "share/shop/c.json" in inside and "shop-1.0.dist-info/METADATA" not in inside
    inside = make_package(installed, "*.dist-info").members
    assert "shop/__init__.py" in inside and not [name for name in inside if ".dist-info" in name]


@needs_pip
def test_exceptions_are_included(installed: dict[str, Path]) -> None:
    """`!` and `--include` make exceptions of excluded files, the latter of pruned ones, too."""
    assert "shop/data/a.json" in make_package(installed, "*.json", "!a.json").members
    inside = make_package(installed, "shop", include=["shop/data/deep/"]).members
    assert [name for name in inside if name.startswith("shop/")] == ["shop/data/deep/b.json"]
    assert "shop/a.pyi" not in make_package(installed).members
    assert "shop/a.pyi" in make_package(installed, include=["*.pyi"]).members


@needs_pip
def test_platform_packages_are_excluded(installed: dict[str, Path], tmp_path: Path) -> None:
    """`--without-platform-packages` excludes installed packages of managed runtimes, not files of the user."""
    package = make_package(installed, without_platform_packages=True)
    assert not [name for name in package.members if name.startswith(("dateutil/", "python_dateutil-", "six"))]
    assert "shop/__init__.py" in package.members
    assert "six.py" in make_package(installed, without_platform_packages=True, include=["six*"]).members
    (tmp_path / "six.py").write_text("MINE = 1\n")
    package.add_own({"six.py": tmp_path / "six.py"})
    assert package.members["six.py"].read() == b"MINE = 1\n"


def test_vendored_platform_packages_are_excluded(tmp_path: Path) -> None:
    """Packages that were installed into a folder of the source are found by their RECORD."""
    package = FunctionContents(HERE, without_platform_packages=True)
    lines = {"six-1.0.dist-info/RECORD": "six.py,,\nsix-1.0.dist-info/RECORD,,\n", "six.py": "", "app.py": ""}
    files = {"app.py": tmp_path / "app.py"}
    for name, text in lines.items():
        files[f"vendor/{name}"] = tmp_path / name
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    package.add_own(files)
    assert sorted(package.members) == ["app.py", "vendor/app.py"]


def test_metadata_of_vendored_distributions(tmp_path: Path) -> None:
    """Metadata in the folder goes with its excluded modules; it stays if they lie elsewhere or cannot be listed."""
    texts = {
        "gone-1.dist-info/RECORD": "gone.py,,\n",
        "gone.py": "",
        "layer-1.dist-info/RECORD": "in_a_layer.py,,\n",
        "odd-1.dist-info/RECORD": f"{'a' * 200_000},,\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    selection = Selection(["gone.py"])
    package = FunctionContents(HERE, selection)
    package.add_own(collect(tmp_path, selection).files)
    package.finish_records()
    assert sorted(package.members) == ["layer-1.dist-info/RECORD", "odd-1.dist-info/RECORD"]
    assert package.members["odd-1.dist-info/RECORD"].read().decode() == texts["odd-1.dist-info/RECORD"]


@needs_pip
def test_one_selection_holds_for_the_whole_package(tmp_path: Path) -> None:
    """A pattern excludes files of the folder, of requirements and bytecode alike; a warning names unused patterns."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "app.py").write_text("")
    (source / "data.json").write_text("")
    (source / "requirements.txt").write_text("shop\n")
    add_wheel(tmp_path / "wheels", "shop", {"shop/__init__.py": "", "shop/a.json": ""})
    requirements = {"requirements": source / "requirements.txt", "find_links": tmp_path / "wheels", "no_index": True}
    packed = pack(
        source,
        tmp_path / "function.zip",
        exclude=["*.json", "app.*.pyc", "*.rst", "docs/"],
        include=["[x]"],
        without_platform_packages=True,
        **requirements,
    )
    inside = names(tmp_path / "function.zip")
    assert {"app.py", "shop/__init__.py", cache_path("shop/__init__.py", HERE.python)} <= set(inside)
    assert not {"data.json", "shop/a.json", cache_path("app.py", HERE.python)} & set(inside)
    assert packed.warnings == [
        "--exclude matches bytecode that was compiled for 1 module, which each cold start compiles without it",
        "--exclude matches nothing: *.rst, docs/",
        "--include matches nothing: [x]",
        "--without-platform-packages excludes nothing: no requirement is in the managed runtimes",
    ]


def test_record_lists_what_is_packed() -> None:
    """Lines of missing files go, others keep their hashes or get those of the packed content, in one order and form."""
    lines = b'../../bin/command,sha256=x,1\r\n"pkg/b,c.py",sha256=y,2\r\npkg/a.py,sha256=z,3\r\npkg/gone.py,,\r\n'
    record_name = "pkg-1.dist-info/RECORD"
    members = {
        record_name: Member(record_name, lines + b"pkg/d.py,sha256=old,9\npkg-1.dist-info/RECORD,,\n"),
        "bin/command": Member("bin/command", Path("command")),
        "pkg/b,c.py": Member("pkg/b,c.py", Path("b,c.py")),
        "pkg/a.py": Member("pkg/a.py", Path("a.py")),
        "pkg/d.pyc": Member("pkg/d.pyc", b""),
    }
    assert finished_record(record_name, members).decode().splitlines() == [
        "bin/command,sha256=x,1",
        "pkg-1.dist-info/RECORD,,",
        "pkg/a.py,sha256=z,3",
        '"pkg/b,c.py",sha256=y,2',
        "pkg/d.pyc,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0",
    ]


def answers(distribution: Distribution, kept: set[str]) -> dict[str, object]:
    """Return what importlib.metadata tells of a distribution, of those files that are kept."""
    files = {str(path): (path.hash and path.hash.value, path.size) for path in distribution.files or ()}
    return {
        "name": distribution.metadata["Name"],
        "version": distribution.version,
        "metadata": distribution.metadata.json,
        "requires": distribution.requires,
        "entry points": list(distribution.entry_points),
        "files": {name: told for name, told in files.items() if name in kept and not name.endswith("RECORD")},
        **{name: distribution.read_text(name) for name in ("top_level.txt", "INSTALLER", "REQUESTED", "WHEEL")},
    }


def installed_distributions(folder: Path) -> dict[str, Distribution]:
    """Return the distributions in a folder by their names."""
    found = MetadataPathFinder.find_distributions(DistributionFinder.Context(path=[str(folder)]))
    return {str(distribution.metadata["Name"]): distribution for distribution in found}


def test_metadata_answers_as_before_packing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every query gives for every package of this environment what it gave before, of the files that are packed."""
    here = Path(next(folder for folder in sys.path if folder in site.getsitepackages()))
    installed: dict[str, Path] = {}
    for distribution in installed_distributions(here).values():
        for path in distribution.files or ():
            # Large trees of modules answer no query.
            if (".." not in path.parts and ".dist-info" in str(path)) or str(path).count("/") < 2:
                installed[str(path)] = here / path
    installed = {name: path for name, path in installed.items() if path.is_file()}
    package = make_package(installed)
    target = tmp_path / "target"
    for name, member in package.members.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(member.read())
    before, after = installed_distributions(here), installed_distributions(target)
    assert after.keys() == before.keys() and len(after) > 50
    kept = set(package.members)
    for name, distribution in before.items():
        assert answers(after[name], kept) == answers(distribution, kept), name
        assert after[name].read_text("RECORD"), name

    def importable(folder: Path) -> dict[str, set[str]]:
        monkeypatch.setattr(sys, "path", [str(folder)])
        return {name: set(projects) for name, projects in packages_distributions().items()}

    packages = importable(target)
    assert {"boto3", "orjson", "yaml", "six"} <= packages.keys()
    assert {name: packages.get(name) for name in packages} == {
        name: projects for name, projects in importable(here).items() if name in packages
    }
    assert PLATFORM_PACKAGES["dateutil"] in packages["dateutil"]
    shutil.rmtree(target)
