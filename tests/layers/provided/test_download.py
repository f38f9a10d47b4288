"""Downloads of interpreters: their addresses, their cache and their hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.targets import ARCHITECTURES, PYTHON_VERSIONS, Target
from layers.provided.download import Build, cache_folder, fetch, find_build
from tests.layers.provided.releases import Index, Releases

NAME = "cpython-3.13.7+20260101-x86_64-unknown-linux-gnu-install_only_stripped.tar.gz"
PATH = f"/20260101/{NAME.replace('+', '%2B')}"
ARCHIVE = b"an archive" * 100_000
SHA256 = hashlib.sha256(ARCHIVE).hexdigest()
TARGET = Target("3.13", "x86_64")

# pbs-installer reads its data with a function that is deprecated in some versions of Python.
pytestmark = pytest.mark.filterwarnings("ignore:open_text is deprecated:DeprecationWarning")


@pytest.fixture
def releases(monkeypatch: pytest.MonkeyPatch) -> Iterator[Releases]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Releases({PATH: ARCHIVE}) as server:
        yield server


def build(releases: Releases, sha256: str = SHA256) -> Build:
    return Build("3.13.7", releases.url + PATH, sha256)


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("python", PYTHON_VERSIONS)
def test_every_version_and_architecture_has_a_build(python: str, arch: str) -> None:
    """pbs-installer has a build with a hash for every version and architecture that layers support."""
    found = find_build(Target(python, arch))
    assert found.release.startswith(f"{python}.")
    assert found.name.startswith(f"cpython-{found.release}+") and found.name.endswith("install_only_stripped.tar.gz")
    assert ("aarch64" if arch == "arm64" else "x86_64") in found.name
    assert len(found.sha256) == 64


def test_index_gets_its_own_names() -> None:
    """The build passes the index's own names of architectures."""
    index = Index(f"https://example.com/{NAME}", SHA256)
    assert find_build(Target("3.13", "arm64"), index) == Build("3.13.7", index.url, SHA256)
    assert index.asked == [("3.13", "aarch64", "linux")]


@pytest.mark.parametrize(
    ("index", "missing"),
    [
        (Index(f"https://example.com/{NAME}", None), "SHA-256"),
        (Index("https://example.com/cpython-full.tar.zst", SHA256), "install_only_stripped"),
    ],
)
def test_unusable_build_is_refused(index: Index, missing: str) -> None:
    """A build without a hash, or of another flavour, is refused."""
    with pytest.raises(PackagingError, match=f"no {missing} of CPython 3.13.7 for x86_64: .*--interpreter"):
        find_build(TARGET, index)


def test_an_unknown_version_is_refused() -> None:
    """A version that the index does not have is refused with the cure."""
    with pytest.raises(PackagingError, match=r"has no CPython 3\.77 for x86_64: .*--interpreter"):
        find_build(Target("3.77", "x86_64"))


def test_a_download_is_kept_and_not_repeated(releases: Releases, tmp_path: Path) -> None:
    """A download stays in the cache and is not repeated."""
    cache = tmp_path / "cache"
    path = fetch(build(releases), cache)
    assert (path, path.read_bytes()) == (cache / NAME, ARCHIVE)
    assert fetch(build(releases), cache) == path
    assert releases.requests == [f"GET {PATH}"]
    assert [entry.name for entry in cache.iterdir()] == [NAME]


def test_damaged_cache_is_downloaded_again(releases: Releases, tmp_path: Path) -> None:
    """A file of the cache with another hash is downloaded again."""
    (tmp_path / NAME).write_bytes(ARCHIVE[:-1])
    assert fetch(build(releases), tmp_path).read_bytes() == ARCHIVE
    assert len(releases.requests) == 1


def test_redirects_are_followed(releases: Releases, tmp_path: Path) -> None:
    """A redirect leads to the file."""
    releases.redirects = {"/latest/" + NAME: PATH}
    moved = Build("3.13.7", f"{releases.url}/latest/{NAME}", SHA256)
    assert fetch(moved, tmp_path).read_bytes() == ARCHIVE
    assert releases.requests == [f"GET /latest/{NAME}", f"GET {PATH}"]


def test_server_error_is_retried(releases: Releases, tmp_path: Path) -> None:
    """A request that fails with a server error is sent again."""
    releases.statuses = [503]
    assert fetch(build(releases), tmp_path).read_bytes() == ARCHIVE
    assert len(releases.requests) == 2


def test_another_content_is_refused_and_not_kept(releases: Releases, tmp_path: Path) -> None:
    """Content with another hash is refused and not cached."""
    wrong = "0" * 64
    with pytest.raises(PackagingError, match=f"SHA-256 is {SHA256}, it should be {wrong}; .*--interpreter"):
        fetch(build(releases, wrong), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_truncated_body_is_refused(releases: Releases, tmp_path: Path) -> None:
    """A body that ends early is refused and not cached."""
    (tmp_path / NAME).write_bytes(b"an older one")
    releases.cut_short = True
    with pytest.raises(PackagingError, match=r"cannot be downloaded .*--interpreter"):
        fetch(build(releases), tmp_path)
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [(NAME, b"an older one")]


@pytest.mark.parametrize("statuses", [[404], [403]])
def test_error_status_is_named(releases: Releases, tmp_path: Path, statuses: list[int]) -> None:
    """The message names a status, e.g. 404, and the cure."""
    releases.statuses = statuses[:]
    with pytest.raises(PackagingError, match=f"answers with status {statuses[0]}; .*--interpreter") as raised:
        fetch(build(releases), tmp_path)
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_missing_server_is_named(tmp_path: Path) -> None:
    """One line names an address without a server."""
    with Releases({}) as gone:
        address = gone.url
    with pytest.raises(PackagingError, match=r"cannot be downloaded \(.*refused.*\); .*--interpreter") as raised:
        fetch(Build("3.13.7", address + PATH, SHA256), tmp_path)
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 400


def test_a_proxy_of_the_environment_is_used(
    releases: Releases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy of the environment gets the request."""
    url = "http://builds.example" + PATH
    releases.files = {url: ARCHIVE}
    monkeypatch.setenv("http_proxy", releases.url)
    monkeypatch.setenv("no_proxy", "")
    assert fetch(Build("3.13.7", url, SHA256), tmp_path).read_bytes() == ARCHIVE
    assert releases.requests == [f"GET {url}"]


def test_unwritable_cache_is_named(releases: Releases, tmp_path: Path) -> None:
    """The message names a cache that cannot be written, and the cure."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PackagingError, match=r"file/cache cannot be written: .*XDG_CACHE_HOME.*--interpreter"):
        fetch(build(releases), tmp_path / "file" / "cache")


def test_cache_follows_xdg_cache_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`XDG_CACHE_HOME` sets the folder of the cache if it is absolute."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    assert cache_folder() == tmp_path / "elsewhere" / "awslambdaric-lite"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # invalid by the specification
    assert cache_folder() == tmp_path / ".cache" / "awslambdaric-lite"
