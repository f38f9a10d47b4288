"""The package index: its settings, and the messages about its failures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.targets import Target
from awslambdaric_lite.packaging.wheels import install_requirements

from .index_double import IndexDouble, serving
from .wheelhouse import add_source_distribution, add_wheel, needs_pip, needs_uv

pytestmark = needs_pip
BOTH = pytest.mark.parametrize("installer", [pytest.param("uv", marks=needs_uv), "pip"])

TARGET = Target("3.13", "x86_64")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[IndexDouble]:
    """Serve an index, which is the only one of this machine's settings."""
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "cache"))
    with serving(tmp_path / "files") as double:
        monkeypatch.setenv("PIP_INDEX_URL", double.url)
        monkeypatch.setenv("PIP_RETRIES", "0")
        yield double


def names(folder: Path) -> set[str]:
    """Return the names of the packages in a folder."""
    return {path.name.partition("-")[0] for path in folder.glob("*.dist-info")}


@BOTH
@pytest.mark.parametrize(
    "setting",
    [
        {"PIP_NO_DEPS": "1", "PIP_REPORT": "report.json", "PIP_DRY_RUN": "1", "PIP_NO_BINARY": ":all:"},
        {"PIP_CONFIG_FILE": "[install]\nno-deps = true\nprefix = elsewhere\n[global]\nroot = elsewhere\nquiet = 3\n"},
        {"UV_NO_DEPS": "1", "UV_TARGET": "elsewhere", "UV_OVERRIDE": "leaf==2\n"},
        {"UV_CONFIG_FILE": "[pip]\nno-deps = true\nprefix = 'elsewhere'\n"},
    ],
    ids=lambda setting: ",".join(setting),
)
def test_settings_of_other_installations_have_no_effect(
    setting: dict[str, str], installer: str, index: IndexDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever settings pip and uv have for other installations, the package has the requirement and its dependency."""
    add_wheel(index.folder, "root", {"root.py": ""}, requires=("leaf",))
    add_wheel(index.folder, "leaf", {"leaf.py": ""})
    monkeypatch.chdir(tmp_path)
    for name, value in setting.items():
        if "\n" in value:
            (tmp_path / name).write_text(value)
            value = str(tmp_path / name)
        monkeypatch.setenv(name, value)
    install_requirements(["root"], tmp_path / "into", TARGET, installer=installer)
    assert names(tmp_path / "into") == {"root", "leaf"}
    assert sorted(path.name for path in (tmp_path / "into").glob("*.py")) == ["leaf.py", "root.py"]
    assert not (tmp_path / "elsewhere").exists()


@BOTH
def test_settings_of_the_index_apply(
    installer: str, index: IndexDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An index with credentials, another one, links and constraints of pip's files apply with either installer."""
    add_wheel(index.folder, "first", {"first.py": ""}, requires=("second", "third"))
    add_wheel(index.folder, "first", {"first.py": ""}, version="2.0")
    add_wheel(tmp_path / "links", "third", {"third.py": ""})
    index.entry = "user:secret"
    with serving(tmp_path / "more") as more:
        add_wheel(more.folder, "second", {"second.py": ""})
        constraints = tmp_path / "constraints.txt"
        constraints.write_text("first<2\n")
        monkeypatch.delenv("PIP_INDEX_URL")
        (tmp_path / "config" / "pip").mkdir(parents=True)
        (tmp_path / "config" / "pip" / "pip.conf").write_text(
            f"[global]\nindex-url = {index.url_with_entry}\nextra_index_url =\n    {more.url}\n"
            f"[install]\nfind-links = {tmp_path / 'links'}\nconstraint = {constraints}\n"
        )
        install_requirements(["first"], tmp_path / "into", TARGET, installer=installer)
    assert names(tmp_path / "into") == {"first", "second", "third"}
    assert (tmp_path / "into" / "first-1.0.dist-info").exists()


@BOTH
def test_index_of_uv_applies(
    installer: str, index: IndexDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where pip names no index, that of uv's settings is used by either installer."""
    add_wheel(index.folder, "first", {"first.py": ""})
    monkeypatch.delenv("PIP_INDEX_URL")
    (tmp_path / "config" / "uv").mkdir(parents=True)
    (tmp_path / "config" / "uv" / "uv.toml").write_text(
        f'[[index]]\nname = "own"\nurl = "{index.url}"\ndefault = true\n'
    )
    install_requirements(["first"], tmp_path / "into", TARGET, installer=installer)
    assert names(tmp_path / "into") == {"first"}


@BOTH
@pytest.mark.parametrize(
    ("requirement", "change", "message"),
    [
        ("first", {"status": 500}, r"the package index URL cannot be reached \(status 500\); check its address"),
        ("first", {"status": 403}, r"the package index URL cannot be used: it refuses access \(status 403\); check"),
        (
            "frist",
            {},
            "requirement frist: the package index URL has no project of this name; correct the name or the index",
        ),
        ("first>=3", {}, r"requirement first>=3 has no wheel .*, as only other versions exist \(newest .*: 1.0, 2.0\)"),
        ("native", {}, r"requirement native has no wheel for Python 3.13 on x86_64; correct it, or build"),
        ("asks", {}, r"requirement native(==1.0)? has no wheel for Python 3.13 on x86_64; correct it, or build"),
        ("lonely", {}, r"requirement absent: the package index URL has no project of this name"),
    ],
)
def test_failure_names_its_cause(
    requirement: str, change: dict[str, object], message: str, installer: str, index: IndexDouble, tmp_path: Path
) -> None:
    """One line names the index, the project or the wheel, whichever it was, and the cure."""
    add_wheel(index.folder, "first", {"first.py": ""})
    add_wheel(index.folder, "first", {"first.py": ""}, version="2.0")
    add_wheel(index.folder, "native", {"native.so": ""}, tag="cp313-cp313-win_amd64")
    add_wheel(index.folder, "asks", {"asks.py": ""}, requires=("native",))
    add_wheel(index.folder, "lonely", {"lonely.py": ""}, requires=("absent",))
    for name, value in change.items():
        setattr(index, name, value)
    with pytest.raises(PackagingError, match=message.replace("URL", index.url)) as caught:
        install_requirements([requirement], tmp_path / "into", TARGET, installer=installer)
    assert "\n" not in str(caught.value)


@BOTH
def test_index_that_does_not_answer_is_named(
    installer: str, index: IndexDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A closed port is distinguished from a project that the index lacks, and credentials are not shown."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:secret@127.0.0.1:9/simple")
    message = r"the package index http://127.0.0.1:9/simple cannot be reached \(.*refused\)"
    with pytest.raises(PackagingError, match=message) as caught:
        install_requirements(["first"], tmp_path / "into", TARGET, installer=installer)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("installer", "as_json"), [pytest.param("uv", False, marks=needs_uv), ("pip", True)], ids=["uv-html", "pip-json"]
)
def test_source_distribution_is_built(
    installer: str, as_json: bool, index: IndexDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project without wheels is built, also one that another requires, by code that sees no credentials."""
    index.as_json = as_json
    index.entry = "user:secret"
    add_wheel(index.folder, "root", {"root.py": ""}, requires=("leaf<2",))
    for version in ("0.9", "1.0", "2.0"):
        add_source_distribution(index.folder, "leaf", version=version)
    monkeypatch.setenv("PIP_INDEX_URL", index.url_with_entry)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    install_requirements(["root"], tmp_path / "into", TARGET, installer=installer)
    assert (tmp_path / "into" / "leaf-1.0.dist-info").exists()
    built = (tmp_path / "into" / "leaf.py").read_text()
    assert "secret" not in built and "PATH" in built


@BOTH
def test_hash_of_source_distribution_is_verified(installer: str, index: IndexDouble, tmp_path: Path) -> None:
    """A requirement with the hash of its source distribution is built; another hash is refused before the build."""
    source = add_source_distribution(index.folder, "leaf")
    digest = sha256(source.read_bytes()).hexdigest()
    install_requirements([f"leaf==1.0 --hash=sha256:{digest}"], tmp_path / "into", TARGET, installer=installer)
    assert names(tmp_path / "into") == {"leaf"}
    with pytest.raises(PackagingError, match=r"leaf-1\.0\.tar\.gz does not match the hash in the requirements"):
        wrong = f"leaf==1.0 --hash=sha256:{'0' * 64}"
        install_requirements([wrong], tmp_path / "into", TARGET, installer=installer)
