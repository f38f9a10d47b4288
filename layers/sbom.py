"""The bill of materials of a layer: CycloneDX 1.6, as JSON.

It has neither a date nor a random serial number, so the same layer has the same bill. The serial number is computed
from the layer's content.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

import awslambdaric_lite
from awslambdaric_lite.packaging.errors import PackagingError

from .layer import Component, Layer

try:
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model import component as cyclonedx
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.license import LicenseExpression
    from cyclonedx.output.json import JsonV1Dot6
    from packageurl import PackageURL
except ModuleNotFoundError as missing:
    raise PackagingError(
        f"layers need {missing.name} for their bill of materials; "
        "install it with: pip install 'awslambdaric-lite[layers]'"
    ) from None


def sbom_json(layer: Layer) -> str:
    """Return the bill of materials' text."""
    bom = Bom(components=[_component(each) for each in layer.components])
    bom.metadata.component = cyclonedx.Component(
        name=layer.name,
        version=awslambdaric_lite.__version__,
        type=cyclonedx.ComponentType.APPLICATION,
        bom_ref=layer.name,
    )
    bom.register_dependency(bom.metadata.component, bom.components)
    document: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    document["metadata"].pop("timestamp")
    document["serialNumber"] = f"urn:uuid:{_number(layer)}"
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def _component(part: Component) -> cyclonedx.Component:
    return cyclonedx.Component(
        name=part.name,
        version=part.version,
        type=cyclonedx.ComponentType.LIBRARY,
        bom_ref=part.purl,
        purl=PackageURL.from_string(part.purl),
        licenses=[LicenseExpression(part.licenses)] if part.licenses else None,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=part.sha256)] if part.sha256 else None,
    )


def _number(layer: Layer) -> uuid.UUID:
    digest = hashlib.sha256(layer.name.encode())
    for member in sorted(layer.members, key=lambda member: member.name):
        digest.update(member.name.encode() + b"\0" + hashlib.sha256(member.read()).digest())
    return uuid.uuid5(uuid.NAMESPACE_URL, f"awslambdaric-lite/{digest.hexdigest()}")
