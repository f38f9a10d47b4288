"""The layer of the interpreter that runs the tests, built once and unpacked as on Lambda."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from layers.provided import build
from layers.writing import write
from tests.layers.provided.installations import HOST, copy_own_installation, make_archive, pack_installed


@dataclass(frozen=True)
class Unpacked:
    """A layer for this machine.

    Attributes:
        folder: the content of `/opt` on Lambda.
        has_orjson: whether orjson was packed.
    """

    folder: Path
    archive: Path
    has_orjson: bool

    @property
    def manifest(self) -> dict[str, object]:
        """Return the manifest of the zip file."""
        text = self.archive.with_suffix(".manifest.json").read_text(encoding="utf-8")
        manifest: dict[str, object] = json.loads(text)
        return manifest


_writestr = zipfile.ZipFile.writestr


def _written_quickly(archive: zipfile.ZipFile, member: zipfile.ZipInfo, content: bytes, **options: object) -> None:
    """Compress less: half of the time would save one per cent of the size."""
    _writestr(archive, member, content, compresslevel=1)


@pytest.fixture(scope="session")
def host_layer(tmp_path_factory: pytest.TempPathFactory) -> Unpacked:
    """Build the layer from an archive of this interpreter, in the form of python-build-standalone's."""
    work = tmp_path_factory.mktemp("host-layer")
    work.chmod(0o755)
    interpreter = make_archive(copy_own_installation(work / "installation"), work / "interpreter.tar")
    wheel = pack_installed("orjson", work / "wheels")
    wheels = None if wheel is None else wheel.parent
    layer = build(HOST, where="host", interpreter=interpreter, keep=[], wheels=wheels, orjson=wheel is not None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zipfile.ZipFile, "writestr", _written_quickly)
        archive = write(layer, work / "dist")[0]
    with zipfile.ZipFile(archive) as packed:
        for member in packed.infolist():
            path = Path(packed.extract(member, work / "opt"))
            path.chmod(member.external_attr >> 16 & 0o777)
    return Unpacked(work / "opt", archive, wheel is not None)
