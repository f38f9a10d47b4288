"""Functions with an import bundle: what a module returns tells whether its code came from the bundle or from disk."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from awslambdaric_lite.conformance.messages import Event
from awslambdaric_lite.packaging.import_bundle import BUNDLE_NAME, BUNDLE_VARIABLE, write_bundle
from tests.support.client_process import LITE, Run, package_root, run_client

VALUE = 'value = "bundle"\n'
ON_DISK = VALUE.replace("bundle", "ondisk")  # has the same size
OLD = 1_700_000_000  # a date before the test


class Task:
    """A task root with modules of an installed distribution and other modules."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._installed: list[str] = []

    def write(self, files: Mapping[str, str], *, installed: bool = False) -> None:
        """Write modules."""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            os.utime(path, (OLD, OLD))
        if installed:
            self._installed += files
            record = self.root / "library-1.dist-info" / "RECORD"
            record.parent.mkdir(exist_ok=True)
            record.write_text("".join(f"{name},,\n" for name in self._installed))

    def bundle(self, *, path: Path | None = None) -> None:
        """Write the bundle, then give modules with a value another one on disk, with size and date as before."""
        write_bundle(self.root, "app.handler", path=path)
        for file in self.root.rglob("*.py"):
            status, text = file.stat(), file.read_text(encoding="utf-8")
            file.write_text(text.replace(VALUE, ON_DISK), encoding="utf-8")
            os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
        for folder in [*self.root.rglob("__pycache__")]:
            shutil.rmtree(folder)

    def run(
        self, env: Mapping[str, str | None] | None = None, *, bundle: str | None = BUNDLE_NAME, path: str = ""
    ) -> Run:
        """Run the handler with one event; `path` is added to PYTHONPATH."""
        folders = ":".join(filter(None, [package_root(), path]))
        variables = {"PYTHONPATH": folders, "PYTHONDONTWRITEBYTECODE": "1", BUNDLE_VARIABLE: bundle, **(env or {})}
        return run_client(LITE, "app.handler", [Event()], task_root=self.root, env=variables)

    def result(self, env: Mapping[str, str | None] | None = None, *, path: str = "", log: str = "") -> object:
        """Run the handler with one event; return its result. The log must have the text `log`, or nothing."""
        run = self.run(env, path=path)
        text = run.stdout.decode()
        assert (log in text and text.count("\n") == 1) if log else not text, text
        return json.loads(run.replies[0].body)


def damage(file: Path, at: int) -> None:
    """Change bytes of a file."""
    content = bytearray(file.read_bytes())
    content[at : at + 8] = bytes(byte ^ 0xFF for byte in content[at : at + 8])
    file.write_bytes(content)
