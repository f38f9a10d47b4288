"""Real applications answer equally with an import bundle of their packages, alone and with lazy imports."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

import pytest

from awslambdaric_lite.packaging.import_bundle import BUNDLE_VARIABLE, write_bundle
from tests.apps.compared_applications import APPLICATIONS, CREDENTIALS, WITHOUT_PACKAGES, answers, skip_without_package
from tests.process.lite import write_app


@pytest.mark.parametrize("name", [name for name in APPLICATIONS if name.partition(",")[0] not in WITHOUT_PACKAGES])
def test_application_answers_equally_with_a_bundle(tmp_path: Path, name: str) -> None:
    """Replies do not depend on where the bytecode of packages comes from, nor on which imports are lazy then."""
    skip_without_package(name)
    expected, _ = answers(tmp_path / "off", name, {})
    source, handler, _ = APPLICATIONS[name]
    root = tmp_path / "bundled"
    root.mkdir()
    write_app(root, source)
    packages, bundle = Path(sysconfig.get_path("purelib")), tmp_path / "imports.bundle"
    variables = {**CREDENTIALS, "GATES": "/", "PYTHONPATH": str(root)}
    written = write_bundle(packages, handler, environment=variables, path=bundle)
    assert written.modules > 10
    for lazy in ("off", "all") if sys.version_info >= (3, 15) else ("off",):
        env = {BUNDLE_VARIABLE: str(bundle), "AWSLAMBDARIC_LITE_LAZY_IMPORTS": lazy}
        found, log = answers(root, name, env)
        assert found == expected, log
        assert "import bundle" not in log and "differs" not in log
