"""The modules that run inside Lambda."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from awslambdaric_lite.packaging.runtime import bootstrap_script, runtime_sources


def test_the_runtime_is_complete_without_the_tools(tmp_path: Path) -> None:
    """Every module of the runtime can be imported without the tools, which are not among its files."""
    sources = runtime_sources()
    for name, content in sources.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    modules = sorted(name.removesuffix(".py").replace("/", ".") for name in sources if "__" not in name)
    code = f"""
import importlib, sys
for name in {modules}:
    importlib.import_module(name)
print(sys.modules['awslambdaric_lite'].__file__)
"""
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == (f"{tmp_path}/awslambdaric_lite/__init__.py\n", "")
    tops = {name.split("/")[1] for name in sources}
    assert {"__init__.py", "__main__.py", "_runtime.py", "types.py"} <= tops
    assert not {name for name in tops if not name.startswith("_") and name != "types.py"}


def test_bootstrap_prefers_its_version() -> None:
    """The script is the installed one; with a version, it looks for that first."""
    script = bootstrap_script()
    assert b"/awslambdaric_lite/__main__.py" in script and b"\nlite_version=3\n" in script
    assert bootstrap_script("3.12") == script.replace(b"\nlite_version=3\n", b"\nlite_version=3.12\n")
