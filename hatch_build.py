"""What building adds to the distributions: the description, and the wheel's bill of materials.

The description is README.md without links that only work in a checkout. PyPI shows README.md away from the repository.
Where `[project.urls]` has `Repository`, relative links and pictures become links into it; without it, a relative link
becomes its text and a relative picture is left out.

The bill of materials is CycloneDX 1.6 in `.dist-info/sboms` (PEP 770). The wheel has no code of others; the components
are the dependencies that it declares, whose versions an installation chooses.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

SBOM_NAME = "awslambdaric-lite.cdx.json"
_REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+")
_LINK = re.compile(r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?![a-z]+:|#)(?P<path>[^)\s]+)\)")


class DescriptionHook(MetadataHookInterface):
    """Hatchling's hook that sets `readme`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the description of the project."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        repository = metadata.get("urls", {}).get("Repository", "")
        metadata["readme"] = {"content-type": "text/markdown", "text": with_absolute_links(text, repository)}


class BillOfMaterialsHook(BuildHookInterface):  # type: ignore[type-arg]
    """Hatchling's hook that adds the bill of materials to a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the file for the builder."""
        if self.target_name == "wheel":
            core = self.metadata.core
            text = bill_of_materials(self.metadata.version, core.license_expression, core.dependencies)
            self._folder = tempfile.TemporaryDirectory(prefix="awslambdaric-lite-")
            path = Path(self._folder.name, SBOM_NAME)
            path.write_text(text, encoding="utf-8")
            build_data["sbom_files"].append(str(path))

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the file."""
        if self.target_name == "wheel":
            self._folder.cleanup()


def bill_of_materials(version: str, license_expression: str, dependencies: list[str]) -> str:
    """Return the CycloneDX document of a wheel; `dependencies` are requirements, e.g. `urllib3>=2`."""
    own = f"pkg:pypi/awslambdaric-lite@{version}"
    names = sorted(match[0] for match in map(_REQUIREMENT.match, dependencies) if match)
    components = [
        {"type": "library", "name": name, "bom-ref": f"pkg:pypi/{name}", "purl": f"pkg:pypi/{name}"} for name in names
    ]
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "library",
                "name": "awslambdaric-lite",
                "version": version,
                "bom-ref": own,
                "purl": own,
                "licenses": [{"expression": license_expression}],
            }
        },
        "components": components,
        "dependencies": [{"ref": own, "dependsOn": [each["bom-ref"] for each in components]}],
    }
    return json.dumps(document, indent=2) + "\n"


def with_absolute_links(text: str, repository: str) -> str:
    """Return Markdown without relative links; an empty `repository` means that the project has no address."""

    def absolute(match: re.Match[str]) -> str:
        kind = "raw" if match["picture"] else "blob"
        if repository:
            return f"{match['picture']}[{match['text']}]({repository.rstrip('/')}/{kind}/main/{match['path']})"
        return "" if match["picture"] else match["text"]

    return _LINK.sub(absolute, text)
