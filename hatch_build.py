"""The description of the distributions: README.md without links that only work in a checkout.

PyPI shows README.md away from the repository. Where `[project.urls]` has `Repository`, relative links and pictures
become links into it; without it, a relative link becomes its text and a relative picture is left out.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?![a-z]+:|#)(?P<path>[^)\s]+)\)")


class DescriptionHook(MetadataHookInterface):
    """Hatchling's hook that sets `readme`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the description of the project."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        repository = metadata.get("urls", {}).get("Repository", "")
        metadata["readme"] = {"content-type": "text/markdown", "text": with_absolute_links(text, repository)}


def with_absolute_links(text: str, repository: str) -> str:
    """Return Markdown without relative links; an empty `repository` means that the project has no address."""

    def absolute(match: re.Match[str]) -> str:
        kind = "raw" if match["picture"] else "blob"
        if repository:
            return f"{match['picture']}[{match['text']}]({repository.rstrip('/')}/{kind}/main/{match['path']})"
        return "" if match["picture"] else match["text"]

    return _LINK.sub(absolute, text)
