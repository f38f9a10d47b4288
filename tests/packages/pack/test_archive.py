"""Archives: the same bytes for the same members, written completely or not at all."""

from __future__ import annotations

import os
import stat
import time
import zipfile
from pathlib import Path

import pytest

from awslambdaric_lite.common.files import is_unfinished
from awslambdaric_lite.packaging.archive import Member, Sizes, check_output, write_text_file, write_zip
from awslambdaric_lite.packaging.errors import PackagingError

APP = Member("app.py", b"x = 1\n")


@pytest.fixture(autouse=True)
def no_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the date of the environment."""
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


def test_bytes_depend_on_members_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes depend on names, content and whether a file is executable, and on nothing else."""
    script = tmp_path / "run.sh"
    script.write_bytes(b"#!/bin/sh\n")
    script.chmod(0o700)
    members = [Member("b/run.sh", script, executable=True), APP, Member("a.bin", bytes(1000))]
    write_zip(tmp_path / "one.zip", members)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    before = os.umask(0o077)
    try:
        script.chmod(0o755)
        os.utime(script, (1, 1))
        write_zip(tmp_path / "two.zip", reversed(members))
    finally:
        os.umask(before)
        monkeypatch.undo()
        time.tzset()
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_members_are_normalized(tmp_path: Path) -> None:
    """Names are sorted, modes are 0644 or 0755, dates are the earliest of zip files, content is deflated."""
    sizes = write_zip(tmp_path / "a.zip", [Member("z.sh", b"#!", executable=True), Member("ä/b.txt", b"a" * 5000), APP])
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.testzip() is None
        infos = archive.infolist()
    assert [(info.filename, info.external_attr >> 16, info.date_time) for info in infos] == [
        ("app.py", stat.S_IFREG | 0o644, (1980, 1, 1, 0, 0, 0)),
        ("z.sh", stat.S_IFREG | 0o755, (1980, 1, 1, 0, 0, 0)),
        ("ä/b.txt", stat.S_IFREG | 0o644, (1980, 1, 1, 0, 0, 0)),
    ]
    assert infos[2].compress_size < 100
    assert sizes == Sizes((tmp_path / "a.zip").stat().st_size, 5008, 3)


@pytest.mark.parametrize(
    ("epoch", "date"),
    [
        ("1700000001", (2023, 11, 14, 22, 13, 20)),  # a zip file counts in steps of two seconds
        ("0", (1980, 1, 1, 0, 0, 0)),
        ("99999999999", (2107, 12, 31, 23, 59, 58)),
        ("", (1980, 1, 1, 0, 0, 0)),
    ],
)
def test_source_date_epoch(epoch: str, date: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`SOURCE_DATE_EPOCH` is the date, within the range of zip files."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    write_zip(tmp_path / "a.zip", [APP])
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.getinfo("app.py").date_time == date


def test_invalid_source_date_epoch_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `SOURCE_DATE_EPOCH` that is not a number is refused."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(PackagingError, match="SOURCE_DATE_EPOCH='yesterday' is not a number"):
        write_zip(tmp_path / "a.zip", [APP])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a.py", "b.py", "a.py"], "a.py is included twice"),
        (["a", "a/b/c.py"], "a is a file and a folder .of a/b/c.py."),
        (["a", "a.txt", "a/b.py"], "a is a file and a folder .of a/b.py."),
        (["/etc/passwd"], "'/etc/passwd' is not a name"),
        (["../x"], "'../x' is not a name"),
        (["a/./x"], "'a/./x' is not a name"),
        (["a\\b"], "is not a name"),
        ([""], "'' is not a name"),
        (["caf\udce9.py"], "is not UTF-8"),
    ],
)
def test_invalid_names_are_refused(names: list[str], message: str, tmp_path: Path) -> None:
    """Invalid names are refused by name, and the old file is unchanged."""
    output = tmp_path / "a.zip"
    output.write_bytes(b"old")
    with pytest.raises(PackagingError, match=message):
        write_zip(output, [Member(name, b"") for name in names])
    assert output.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.zip"]


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    """A missing source, or a refusal of the result, leaves the old archive and nothing unfinished."""
    output = tmp_path / "a.zip"
    output.write_bytes(b"old")
    with pytest.raises(PackagingError, match=r"gone\.py cannot be read: No such file"):
        write_zip(output, [APP, Member("gone.py", tmp_path / "gone.py")])

    def refuse(sizes: Sizes) -> None:
        raise PackagingError(f"{sizes.files} files are too many")

    with pytest.raises(PackagingError, match="1 files are too many"):
        write_zip(output, [APP], accept=refuse)
    assert output.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.zip"]


def test_an_interruption_leaves_the_old_file(tmp_path: Path) -> None:
    """Ctrl-C during the writing leaves the old archive."""
    output = tmp_path / "a.zip"
    output.write_bytes(b"old")

    def interrupt(name: str, done: int, total: int) -> None:
        assert any(is_unfinished(each, "a.zip") for each in os.listdir(tmp_path))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_zip(output, [APP], progress=interrupt)
    assert (os.listdir(tmp_path), output.read_bytes()) == (["a.zip"], b"old")


def test_progress_counts_bytes(tmp_path: Path) -> None:
    """Progress counts bytes of content after each member."""
    told: list[tuple[str, int, int]] = []
    write_zip(tmp_path / "a.zip", [Member("b", bytes(7)), Member("a", bytes(5))], progress=lambda *it: told.append(it))
    assert told == [("a", 5, 12), ("b", 12, 12)]


@pytest.mark.parametrize("check", [check_output, lambda output: write_zip(output, [APP])], ids=["early", "late"])
def test_invalid_outputs_are_refused(check: object, tmp_path: Path) -> None:
    """The message names a missing folder, a device or a folder; a file does not replace a device."""
    assert callable(check)
    with pytest.raises(PackagingError, match=r"the folder .*nowhere does not exist"):
        check(tmp_path / "nowhere" / "a.zip")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for special in (pipe, tmp_path):
        with pytest.raises(PackagingError, match="is not an ordinary file"):
            check(special)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    with pytest.raises(PackagingError, match=r"/proc/self/a\.zip cannot be written"):
        check(Path("/proc/self/a.zip"))


def test_link_to_output_stays(tmp_path: Path) -> None:
    """The target of a link is replaced, and the link stays; the umask sets the mode."""
    (tmp_path / "real").mkdir()
    (tmp_path / "a.zip").symlink_to(tmp_path / "real" / "a.zip")
    before = os.umask(0o027)
    try:
        write_text_file(tmp_path / "a.zip", "wörld")
    finally:
        os.umask(before)
    assert (tmp_path / "a.zip").is_symlink()
    assert (tmp_path / "real" / "a.zip").read_text(encoding="utf-8") == "wörld"
    assert stat.S_IMODE((tmp_path / "real" / "a.zip").stat().st_mode) == 0o640
