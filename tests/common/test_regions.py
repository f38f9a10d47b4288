"""Regions, compared with the partitions that botocore knows."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from awslambdaric_lite.common.regions import dns_suffix, is_aws_host, is_region, partition, require_region, users_region

PARTITIONS: list[dict[str, Any]] = (
    botocore.session.get_session().get_component("data_loader").load_data("partitions")["partitions"]
)


@pytest.mark.parametrize("known", PARTITIONS, ids=lambda known: known["id"])
def test_every_region_has_partition_and_domain_of_botocore(known: dict[str, Any]) -> None:
    """Each region that botocore lists is accepted and has botocore's partition and domain."""
    regions = [name for name in known["regions"] if not name.endswith("-global")]
    assert regions
    for region in regions:
        assert require_region(region) == region
        assert (partition(region), dns_suffix(region)) == (known["id"], known["outputs"]["dnsSuffix"])


@pytest.mark.parametrize("known", PARTITIONS, ids=lambda known: known["id"])
def test_hosts_of_every_partition_are_those_of_aws(known: dict[str, Any]) -> None:
    """A host in a domain that botocore lists belongs to AWS, in any spelling; one with a similar name does not."""
    for domain in (known["outputs"]["dnsSuffix"], known["outputs"]["dualStackDnsSuffix"]):
        assert is_aws_host(f"sqs.some-region.{domain}")
        assert is_aws_host(f"SQS.{domain.upper()}.")
        assert not is_aws_host(f"sqs.{domain}.example.com")
        assert not is_aws_host(f"sqs.not-{domain}")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "localhost.localstack.cloud", "com", ""])
def test_other_hosts_are_not_those_of_aws(host: str) -> None:
    """Local and foreign hosts do not belong to AWS."""
    assert not is_aws_host(host)


@pytest.mark.parametrize(
    "name", ["", "local", "us-east", "us-east-", "US-EAST-1", "us east 1", "us-east-1\n", "eu-1", 7]
)
def test_other_name_is_refused_with_cure(name: Any) -> None:
    """A name that no region can have is refused with an example."""
    with pytest.raises(ValueError, match=r"is not the name of an AWS region; choose one, e\.g\. eu-west-1"):
        require_region(name)


@pytest.mark.parametrize(
    ("variables", "region"),
    [
        ({}, "us-east-1"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, "us-east-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, "eu-west-1"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-1"}, "eu-west-1"),
        ({"AWS_REGION": "sa-east-1", "AWS_DEFAULT_REGION": "eu-west-1"}, "sa-east-1"),
    ],
)
def test_users_region_is_of_first_variable(
    variables: dict[str, str], region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's region is that of AWS_REGION, then AWS_DEFAULT_REGION, then us-east-1; empty ones do not count."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert users_region() == region
    assert is_region(region)
