"""orjson's wheel for tests without a network, made from its installed files."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import zipfile
from pathlib import Path


def has_orjson() -> bool:
    """Return whether orjson is installed for the running interpreter."""
    try:
        importlib.metadata.distribution("orjson")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def orjson_wheel(folder: Path) -> Path:
    """Write orjson's wheel for the running interpreter to a folder, from the files of its RECORD."""
    distribution = importlib.metadata.distribution("orjson")
    description = distribution.read_text("WHEEL")
    assert description is not None and distribution.files is not None
    tags = [line.removeprefix("Tag: ") for line in description.splitlines() if line.startswith("Tag: ")]
    platforms = ".".join(tag.split("-", 2)[2] for tag in tags)
    wheel = folder / f"orjson-{distribution.version}-{tags[0].rsplit('-', 1)[0]}-{platforms}.whl"
    information = f"orjson-{distribution.version}.dist-info"
    written_by_pip = {f"{information}/{name}" for name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")}
    lines = []
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in sorted(distribution.files):
            if str(file) in written_by_pip or file.suffix == ".pyc":
                continue
            content = Path(str(distribution.locate_file(file))).read_bytes()
            archive.writestr(str(file), content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            lines.append(f"{file},sha256={digest},{len(content)}\n")
        archive.writestr(f"{information}/RECORD", "".join([*lines, f"{information}/RECORD,,\n"]))
    return wheel
