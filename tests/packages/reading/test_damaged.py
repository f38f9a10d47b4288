"""Damaged zip files: each is read or refused with an error that names it, wherever the damage is."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from awslambdaric_lite.cli import main
from awslambdaric_lite.emulator import InvalidFunction
from awslambdaric_lite.emulator.config.function import FunctionConfig
from awslambdaric_lite.emulator.environments.layers import merge
from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.reading import extract, is_zip, open_package


def archive(compression: int, *, zip64: bool) -> bytes:
    """Return a small archive with a file, a stream and a link."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", compression) as archive:
        archive.writestr("app.py", "def handler(event, context): ...")
        with archive.open("data", "w", force_zip64=zip64) as member:
            member.write(bytes(range(64)))
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "app.py")
    return data.getvalue()


# A table of contents that says that it is on another disk, before which is_zipfile itself raises.
END = b"PK\5\6" + b"\xff" * 16 + b"\0\0"
LOCATOR = b"PK\6\7" + b"\1\0\0\0" + b"\0" * 8 + b"\2\0\0\0"
OTHER_DISK = b"\0" * 80 + LOCATOR + END


def damaged() -> Iterator[bytes]:
    """Yield archives that are cut at many offsets, or have one byte changed."""
    for compression, zip64 in ((zipfile.ZIP_STORED, False), (zipfile.ZIP_DEFLATED, True), (zipfile.ZIP_LZMA, False)):
        whole = archive(compression, zip64=zip64)
        for offset in range(0, len(whole), 5):
            yield whole[:offset]
            changed = bytearray(whole)
            changed[offset] ^= 0xFF
            yield bytes(changed)
    for offset in range(len(OTHER_DISK)):
        yield OTHER_DISK[offset:]
        yield archive(zipfile.ZIP_STORED, zip64=False) + OTHER_DISK[offset:]


def test_damaged_archive_is_read_or_refused(tmp_path: Path) -> None:
    """Every damaged archive is read, or refused with an error that names the file."""
    path = tmp_path / "a {0}.zip"
    refused = 0
    for number, data in enumerate(damaged()):
        path.write_bytes(data)
        is_zip(path)
        try:
            with open_package(path) as package:
                for name in package.names():
                    with package.open(name) as member:
                        member.read()
        except PackagingError as error:
            assert str(path) in str(error)
            refused += 1
        if number % 40 == 0:
            try:
                extract(path, tmp_path / str(number))
            except PackagingError as error:
                assert str(path) in str(error)
    assert refused > 200


def test_damaged_layer_is_invalid(tmp_path: Path) -> None:
    """Every damaged layer is accepted, or refused as an invalid function."""
    path = tmp_path / "layer.zip"
    for number, data in enumerate(damaged()):
        if number % 5 and not data.endswith(END):
            continue
        path.write_bytes(data)
        (tmp_path / str(number)).mkdir()
        try:
            merge(FunctionConfig("app.handler", tmp_path, layers=[path]).layers, tmp_path / str(number) / "opt")
        except InvalidFunction as error:
            assert str(path) in str(error)


@pytest.mark.parametrize(
    "data", [OTHER_DISK, END, b"PK\3\4", archive(0, zip64=False)[:-1]], ids=["disk", "end", "begin", "cut"]
)
@pytest.mark.parametrize(
    "arguments", [["doctor"], ["invoke", "app.handler", "--layer"], ["serve", "app.handler", "--layer"]]
)
def test_commands_report_damaged_archive(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes, arguments: list[str]
) -> None:
    """`doctor` and `--layer` report a damaged archive as an error of the command line, without a traceback."""
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    with pytest.raises(SystemExit) as ended:
        raise SystemExit(main([*arguments, str(path)]))
    assert ended.value.code in (1, 2)
    assert str(path) in capsys.readouterr().err
