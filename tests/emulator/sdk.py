"""The AWS SDK as a client of the local Lambda."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

from .waiting import WAIT


def lambda_client(endpoint_url: str) -> Any:
    """Return a boto3 client that does not retry."""
    return boto3.client(
        "lambda",
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=WAIT, max_pool_connections=50),
    )
