"""The name, the description and the upload of a layer."""

from __future__ import annotations

import pytest

from awslambdaric_lite.packaging.errors import PackagingError
from layers.publishing import publication
from layers.publishing.layer_file import read_layer_file
from layers.publishing.publication import publications

from .conftest import MakeLayer

REGIONS = ["eu-central-1", "us-east-1"]
LICENSES = "Apache-2.0 AND (MPL-2.0 AND (Apache-2.0 OR MIT))"


def test_wrapper_is_described(make_layer: MakeLayer) -> None:
    """A wrapper layer is described for the managed runtimes of its versions."""
    (todo,) = publications([read_layer_file(make_layer("wrapper", "3.13"))], REGIONS[:1], "awslambdaric-lite", None)
    said = todo.description()
    assert said.pop("Description").endswith("Python 3.13: set AWS_LAMBDA_EXEC_WRAPPER=/opt/awslambdaric-lite")
    assert said == {
        "LayerName": "awslambdaric-lite-wrapper-py313-x86_64",
        "CompatibleRuntimes": ["python3.13"],
        "CompatibleArchitectures": ["x86_64"],
        "LicenseInfo": LICENSES,
    }


def test_a_wrapper_for_all(make_layer: MakeLayer) -> None:
    """The description of a layer for all versions fits Lambda's 256 characters."""
    versions = ("3.10", "3.11", "3.12", "3.13", "3.14", "3.15")
    layer = read_layer_file(make_layer("wrapper", *versions, arch="arm64"))
    (todo,) = publications([layer], REGIONS[:1], "acme_tools", None)
    said = todo.description()
    assert said["LayerName"] == "acme_tools-wrapper-all-arm64"
    assert said["CompatibleRuntimes"] == [f"python{version}" for version in versions]
    assert said["CompatibleArchitectures"] == ["arm64"] and len(said["Description"]) <= 256


def test_a_layer_with_its_own_interpreter(make_layer: MakeLayer) -> None:
    """A provided layer is described for provided.al2023."""
    (todo,) = publications([read_layer_file(make_layer("provided", "3.15"))], REGIONS[:1], "awslambdaric-lite", None)
    assert todo.description()["CompatibleRuntimes"] == ["provided.al2023"]
    assert todo.name == "awslambdaric-lite-provided-py315-x86_64"


def test_every_layer_in_every_region(make_layer: MakeLayer) -> None:
    """Publications are ordered by region."""
    layers = [read_layer_file(make_layer(kind)) for kind in ("wrapper", "provided")]
    todo = publications(layers, REGIONS, "p", None)
    assert [(each.region, each.layer.kind) for each in todo] == [
        (region, kind) for region in REGIONS for kind in ("wrapper", "provided")
    ]


@pytest.mark.parametrize("prefix", ["", "a b", "a.b", "ä", "a/b"])
def test_a_bad_prefix(prefix: str, make_layer: MakeLayer) -> None:
    """A prefix with characters that Lambda's names cannot have is refused."""
    with pytest.raises(PackagingError, match=r"cannot begin a layer's name; .* --layer-name-prefix"):
        publications([read_layer_file(make_layer())], REGIONS, prefix, None)


def test_a_long_prefix(make_layer: MakeLayer) -> None:
    """A prefix that makes names longer than 140 characters is refused."""
    with pytest.raises(PackagingError, match=r"use a shorter --layer-name-prefix"):
        publications([read_layer_file(make_layer())], REGIONS, "p" * 130, None)


def test_the_same_name_twice(make_layer: MakeLayer) -> None:
    """Two files with the same layer name are refused."""
    layers = [read_layer_file(make_layer(folder=folder)) for folder in ("one", "two")]
    with pytest.raises(PackagingError, match=r"one/.* and .*two/.* would both be published as"):
        publications(layers, REGIONS, "p", None)


def test_large_layers_need_a_bucket(make_layer: MakeLayer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large layer needs a bucket for each region; a small one is uploaded directly."""
    small = read_layer_file(make_layer("wrapper"))
    large = read_layer_file(make_layer("provided", content=bytes(range(256)) * 9))
    monkeypatch.setattr(publication, "ZIPPED_LIMIT", small.size)
    with pytest.raises(PackagingError, match=r"a request takes .*; name an S3 bucket for it with --bucket"):
        publications([small, large], REGIONS, "p", None)
    with pytest.raises(PackagingError, match=r"name one for each with {region}"):
        publications([small, large], REGIONS, "p", "layers")
    assert [each.bucket for each in publications([small, large], REGIONS[:1], "p", "layers")] == [None, "layers"]
    todo = publications([small, large], REGIONS, "p", "layers-{region}")
    assert [each.bucket for each in todo] == [None, "layers-eu-central-1", None, "layers-us-east-1"]
    assert todo[1].key == todo[3].key != todo[0].key and todo[1].key.startswith("p-provided-py313-x86_64/")
