"""Cloud assemblies of the AWS CDK: `manifest.json`, the templates of its stacks and their assets.

Source: the schema of cloud assemblies, `@aws-cdk/cloud-assembly-schema`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .documents import read_document
from .errors import InvalidProject

_ENVIRONMENT = re.compile(r"aws://(?P<account>[^/]+)/(?P<region>.+)")


@dataclass(frozen=True)
class AssemblyStack:
    """A stack of an assembly; region and account are None where it leaves them open."""

    name: str
    file: Path
    region: str | None
    account: str | None
    assets: dict[str, Path]
    """Files and folders by the names of their objects in S3."""


def read_assembly(folder: Path) -> list[AssemblyStack]:
    """Read an assembly, and those that it contains.

    Raises:
        InvalidProject: it is not an assembly.
    """
    file = folder / "manifest.json"
    manifest = read_document(file)
    artifacts = manifest.get("artifacts") if isinstance(manifest, dict) else None
    if not isinstance(artifacts, dict):
        raise InvalidProject(f"{file} has no artifacts, so it is not of a cloud assembly; name the folder cdk.out")
    stacks: list[AssemblyStack] = []
    assets: dict[str, Path] = {}
    for artifact in artifacts.values():
        if artifact.get("type") == "cdk:asset-manifest":
            assets |= _assets(folder, artifact)
    for name, artifact in artifacts.items():
        properties = artifact.get("properties") or {}
        if artifact.get("type") == "cdk:cloud-assembly":
            stacks += read_assembly(folder / str(properties.get("directoryName")))
        elif artifact.get("type") == "aws:cloudformation:stack":
            place = _ENVIRONMENT.fullmatch(artifact.get("environment", ""))
            region = None if place is None or place["region"].startswith("unknown") else place["region"]
            account = None if place is None or place["account"].startswith("unknown") else place["account"]
            template = folder / str(properties.get("templateFile"))
            stacks.append(AssemblyStack(str(properties.get("stackName", name)), template, region, account, assets))
    return stacks


def _assets(folder: Path, artifact: dict[str, Any]) -> dict[str, Path]:
    listed = read_document(folder / artifact["properties"]["file"])
    found = {}
    for content in listed.get("files", {}).values():
        path = content.get("source", {}).get("path")
        for destination in content.get("destinations", {}).values():
            if path is not None and "objectKey" in destination:
                found[destination["objectKey"]] = folder / path
    return found
