"""The services of an AWS account that the benchmark needs, with retries after throttling."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .interruptions import Interruptions

_T = TypeVar("_T")

ATTEMPTS = 10
"""Maximum number of attempts of a throttled or failed call; the SDK waits longer each time, up to 20 s."""

TIMEOUT_S = 30
"""Timeout of each function in seconds; a hello-world takes far less."""

_PATIENCE_S = 60.0


class AccountError(Exception):
    """A permanent refusal of the account; the message names the call, the reason and the cure."""


@dataclass(frozen=True)
class Account:
    """Clients of the services, whose calls are safe from signals."""

    region: str
    lambda_: Any
    iam: Any
    sts: Any
    logs: Any
    interruptions: Interruptions
    pause: Callable[[float], None] = field(default=time.sleep)

    def caller(self) -> str:
        """Return the ARN of the caller.

        Raises:
            AccountError: credentials are missing, or the service does not respond.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return str(self.sts.get_caller_identity()["Arn"])
        except (BotoCoreError, ClientError) as error:
            raise AccountError(f"AWS does not answer: {error}; configure credentials as for the AWS CLI") from error

    def make(self, call: Callable[[], _T]) -> _T:
        """Make or delete a resource; a signal waits for the response.

        Raises:
            botocore.exceptions.ClientError: the service refuses.
        """
        with self.interruptions.deferred():
            return call()

    def make_when_possible(self, call: Callable[[], _T], temporary: Callable[[Exception], bool] | None = None) -> _T:
        """Make a resource; retry temporary refusals for at most a minute.

        Without `temporary` these are refusals because a change of the function is in progress.
        """
        from botocore.exceptions import ClientError

        waited, pause = 0.0, 1.0
        while True:
            try:
                return self.make(call)
            except ClientError as error:
                if not (temporary or is_busy)(error) or waited >= _PATIENCE_S:
                    raise
            self.pause(pause)
            waited, pause = waited + pause, min(pause * 1.5, 8.0)


def error_code(error: Exception) -> str:
    """Return the code of a ClientError, e.g. `ResourceNotFoundException`."""
    response: dict[str, Any] = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Code", ""))


def is_missing(error: Exception) -> bool:
    """Return whether an error says that the resource does not exist (IAM uses another code)."""
    return error_code(error) in ("ResourceNotFoundException", "NoSuchEntity")


def is_busy(error: Exception) -> bool:
    """Return whether an error says that an earlier change is in progress, or that a new name is in use."""
    return error_code(error) == "ResourceConflictException"


def open_account(region: str | None, endpoint_url: str | None, interruptions: Interruptions) -> Account:
    """Return the account of the default credentials.

    Raises:
        AccountError: boto3 is missing, or no region is known.
    """
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise AccountError(f"{error.name} is not installed; install it with: pip install boto3") from error
    try:
        session = boto3.Session(region_name=region)
        if not session.region_name:
            raise AccountError("no region is configured; give one, e.g. --region us-east-1")

        def client(service: str, attempts: int = ATTEMPTS) -> Any:
            # After the timeout of a function the connection is lost.
            retries = {"mode": "standard", "max_attempts": attempts}
            config = Config(retries=retries, read_timeout=2 * TIMEOUT_S, connect_timeout=10)  # type: ignore[arg-type, unused-ignore]
            return session.client(service, endpoint_url=endpoint_url, config=config)  # type: ignore[call-overload, unused-ignore]

        # The first call checks the connection, which must not take minutes.
        services = client("lambda"), client("iam"), client("sts", 2), client("logs")
    except (BotoCoreError, ValueError) as error:
        raise AccountError(f"AWS cannot be called: {error}") from error
    return Account(session.region_name, *services, interruptions)
