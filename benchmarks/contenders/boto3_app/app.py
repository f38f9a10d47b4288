"""What most functions do first."""

import boto3


def version(event: object, context: object) -> str:
    """Answer."""
    return str(boto3.__version__)
