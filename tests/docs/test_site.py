"""The built documentation."""

from __future__ import annotations

import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.docs.blocks import DOCS, PROJECT
from tests.support.client_process import GUARD

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="this is not a checkout")


class _Resources(HTMLParser):
    """Collects what a page loads: scripts, styles, fonts, pictures and frames, but not what it links to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the address that a tag loads."""
        values = dict(attrs)
        address = values.get("href") if tag == "link" and values.get("rel") != "canonical" else values.get("src")
        if address:
            self.found.append(address)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as mkdocs builds it; a warning is an error."""
    pytest.importorskip("material", reason="the extra docs is not installed")
    pytest.importorskip("mkdocstrings", reason="the extra docs is not installed")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        # Without --quiet, which hides warnings from --strict.
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=PROJECT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": ""},
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_site_builds_strictly(site: Path) -> None:
    """mkdocs builds every page without a warning and without a connection."""
    for page in DOCS.glob("*.md"):
        assert (site / ("index.html" if page.stem == "index" else f"{page.stem}/index.html")).is_file()


def test_pages_load_nothing_from_other_hosts(site: Path) -> None:
    """Scripts, styles, fonts and pictures of every page and style sheet come from the site itself."""
    for page in site.rglob("*.html"):
        resources = _Resources()
        resources.feed(page.read_text(encoding="utf-8"))
        assert resources.found
        assert not [address for address in resources.found if "//" in address], page
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert "@import" not in text and "url(http" not in text and "url(//" not in text, sheet


def test_reference_has_public_names(site: Path) -> None:
    """The API reference describes the settings, the event builders, the types and the fixtures."""
    text = (site / "reference" / "index.html").read_text(encoding="utf-8")
    for name in (
        "emulator.LocalLambda.invoke",
        "emulator.FunctionConfig.idle_timeout_s",
        "events.sqs",
        "types.Context",
        "pytest_plugin.local_lambda",
        "StreamingResponse",
        "on_shutdown",
    ):
        assert f'id="awslambdaric_lite.{name}"' in text, name


def test_reference_names_keyword_arguments(site: Path) -> None:
    """The signatures of HTTP events name the keyword arguments that they share, not `**fields`."""
    text = (site / "reference" / "index.html").read_text(encoding="utf-8")
    assert "HttpFields" not in text
    assert text.count("source_ip") > 4
