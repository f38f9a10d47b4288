"""The content and the metadata of the sdist and the wheel."""

from __future__ import annotations

import email
import json
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import awslambdaric_lite
from tests.packaging.conftest import Distributions
from tests.support.client_process import PROJECT

CONTENTS = Path(__file__).with_name("wheel_contents.txt")


def member(wheel: Path, name: str) -> str:
    """Return a file of the wheel's `dist-info`."""
    with zipfile.ZipFile(wheel) as archive:
        (path,) = [entry for entry in archive.namelist() if entry.endswith(f".dist-info/{name}")]
        return archive.read(path).decode()


def metadata(wheel: Path) -> Message:
    """Return the wheel's parsed metadata."""
    return email.message_from_string(member(wheel, "METADATA"))


def test_wheel_contents(distributions: Distributions) -> None:
    """The wheel has exactly the files of `wheel_contents.txt`."""
    with zipfile.ZipFile(distributions.wheel) as archive:
        names = sorted(archive.namelist())
    version = awslambdaric_lite.__version__
    expected = CONTENTS.read_text().replace("{version}", version).split()
    assert names == expected, f"bring {CONTENTS.name} up to date if this is intended"


def test_wheel_is_for_every_platform(distributions: Distributions) -> None:
    """The wheel is pure Python: its tag is `py3-none-any`."""
    tags = email.message_from_string(member(distributions.wheel, "WHEEL"))
    assert tags.get_all("Tag") == ["py3-none-any"] and tags["Root-Is-Purelib"] == "true"
    assert distributions.wheel.name == f"awslambdaric_lite-{awslambdaric_lite.__version__}-py3-none-any.whl"


def test_wheel_is_small(distributions: Distributions) -> None:
    """The wheel stays below 0.75 MB, tools and conformance cases included; layers carry the runtime alone."""
    assert distributions.wheel.stat().st_size < 950_000


def test_bill_of_materials_names_the_dependencies(distributions: Distributions) -> None:
    """The wheel's bill of materials is CycloneDX, and has the dependencies of the metadata."""
    text = member(distributions.wheel, "sboms/awslambdaric-lite.cdx.json")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document = json.loads(text)
    assert document["metadata"]["component"]["version"] == awslambdaric_lite.__version__
    assert [each["name"] for each in document["components"]] == ["orjson", "typing-extensions", "urllib3"]


def test_metadata_names_the_project(distributions: Distributions) -> None:
    """The metadata has name, version, license and the supported versions of Python."""
    data = metadata(distributions.wheel)
    assert (data["Name"], data["Version"]) == ("awslambdaric-lite", awslambdaric_lite.__version__)
    assert (data["Requires-Python"], data["License-Expression"]) == (">=3.10", "Apache-2.0")
    classifiers = data.get_all("Classifier") or []
    versions = {text.rpartition(" ")[2] for text in classifiers if "Python :: 3." in text}
    assert versions == {"3.10", "3.11", "3.12", "3.13", "3.14", "3.15"}
    assert "Typing :: Typed" in classifiers
    assert member(distributions.wheel, "licenses/LICENSE") == (PROJECT / "LICENSE").read_text()


def test_requirements_are_few(distributions: Distributions) -> None:
    """The package has three dependencies; all others belong to extras."""
    data = metadata(distributions.wheel)
    requirements = data.get_all("Requires-Dist") or []
    plain = {text.partition(";")[0].partition(">")[0].strip() for text in requirements if "extra ==" not in text}
    assert plain == {"orjson", "typing-extensions", "urllib3"}
    assert set(data.get_all("Provides-Extra") or []) >= {"local", "bench", "test"}
    local = {text.partition(">")[0] for text in requirements if "extra == 'local'" in text}
    assert "h11" in local


def test_entry_points(distributions: Distributions) -> None:
    """The wheel installs the command."""
    assert "awslambdaric-lite = awslambdaric_lite.cli:main" in member(distributions.wheel, "entry_points.txt")


def test_sdist_contents(distributions: Distributions) -> None:
    """The sdist has everything for building, testing and deploying, and no build results."""
    with tarfile.open(distributions.sdist) as archive:
        paths = [name.partition("/")[2] for name in archive.getnames()]
    for needed in (
        "bootstrap",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
    ):
        assert needed in paths
    for folder in ("awslambdaric_lite/", "tests/", "benchmarks/"):
        assert any(path.startswith(folder) for path in paths)
    assert not [path for path in paths if path.endswith((".pyc", ".so", ".whl")) or ".build/" in path]
    assert distributions.sdist.stat().st_size < 2_000_000


def test_bootstrap_stays_executable(distributions: Distributions) -> None:
    """`bootstrap` of the sdist is executable."""
    with tarfile.open(distributions.sdist) as archive:
        (entry,) = [entry for entry in archive if entry.name.endswith("/bootstrap")]
    assert entry.mode & 0o111 == 0o111
