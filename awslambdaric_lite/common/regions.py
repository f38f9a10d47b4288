"""AWS regions: which one the user has chosen, and the partition and the domain of each.

Source: the partitions of botocore, and the pattern of a region in the service model of Lambda.
"""

from __future__ import annotations

import os
import re

REGION = "us-east-1"
ACCOUNT = "012345678912"  # of a local function, as in AWS's emulator of the Runtime API

_NAME = re.compile(r"(eusc-)?[a-z]{2}(-gov|-iso[a-z]?)?-[a-z]+-\d")
# The partition and the domain of regions by the beginning of their names; all others are in `aws`.
_PARTITIONS = {
    "cn-": ("aws-cn", "amazonaws.com.cn"),
    "us-gov-": ("aws-us-gov", "amazonaws.com"),
    "us-iso-": ("aws-iso", "c2s.ic.gov"),
    "us-isob-": ("aws-iso-b", "sc2s.sgov.gov"),
    "eu-isoe-": ("aws-iso-e", "cloud.adc-e.uk"),
    "us-isof-": ("aws-iso-f", "csp.hci.ic.gov"),
    "eusc-": ("aws-eusc", "amazonaws.eu"),
}
# The first ones are those of endpoints with IPv6.
_DOMAINS = (
    *("api.aws", "api.amazonwebservices.com.cn", "api.amazonwebservices.eu", "api.aws.ic.gov", "api.aws.scloud"),
    *("api.cloud-aws.adc-e.uk", "api.aws.hci.ic.gov", "amazonaws.com"),
    *(domain for _, domain in _PARTITIONS.values()),
)


def users_region() -> str:
    """Return the region of the user's environment variables, unchecked, or us-east-1."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or REGION


def require_region(name: str) -> str:
    """Return the name of a region.

    Raises:
        ValueError: no region can have this name.
    """
    if not isinstance(name, str) or not is_region(name):
        raise ValueError(
            f"{name!r} is not the name of an AWS region; choose one, e.g. eu-west-1 "
            "(the default is AWS_REGION, then AWS_DEFAULT_REGION)"
        )
    return name


def is_region(name: str) -> bool:
    """Return whether a region can have this name."""
    return _NAME.fullmatch(name) is not None


def partition(region: str) -> str:
    """Return the partition of a region, e.g. `aws`, with which ARNs begin."""
    return _find(region)[0]


def make_arn(service: str, region: str, account: str, resource: str) -> str:
    """Return the ARN of a resource."""
    return f"arn:{partition(region)}:{service}:{region}:{account}:{resource}"


def dns_suffix(region: str) -> str:
    """Return the domain of a region's services, e.g. `amazonaws.com`."""
    return _find(region)[1]


def is_aws_host(host: str) -> bool:
    """Return whether a host belongs to a domain of AWS's services."""
    name = f".{host.lower().rstrip('.')}"
    return any(name.endswith(f".{domain}") for domain in _DOMAINS)


def _find(region: str) -> tuple[str, str]:
    return next((found for start, found in _PARTITIONS.items() if region.startswith(start)), ("aws", "amazonaws.com"))
