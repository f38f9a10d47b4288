"""The services of one AWS account, as far as they are needed, with patience for throttling."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .interruptions import Interruptions

_T = TypeVar("_T")

ATTEMPTS = 10
"""How often a throttled or failed call is sent in all; the SDK waits longer each time, up to 20 s."""

TIMEOUT_S = 30
"""Of each function; the answer of a hello-world comes long before."""

_PATIENCE_S = 60.0


class AccountError(Exception):
    """The account refuses something for good; the message names the call, the reason and the cure."""


@dataclass(frozen=True)
class Account:
    """Clients of the services, and how to call them when a signal may come at any time."""

    region: str
    lambda_: Any
    iam: Any
    sts: Any
    logs: Any
    interruptions: Interruptions
    pause: Callable[[float], None] = field(default=time.sleep)

    def caller(self) -> str:
        """Return the ARN of whoever calls.

        Raises:
            AccountError: there are no credentials, or no service answers.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return str(self.sts.get_caller_identity()["Arn"])
        except (BotoCoreError, ClientError) as error:
            raise AccountError(f"AWS does not answer: {error}; configure credentials as for the AWS CLI") from error

    def make(self, call: Callable[[], _T]) -> _T:
        """Make or delete something: a signal waits for the answer.

        Raises:
            botocore.exceptions.ClientError: the service refuses.
        """
        with self.interruptions.deferred():
            return call()

    def make_when_possible(self, call: Callable[[], _T], temporary: Callable[[Exception], bool] | None = None) -> _T:
        """Do the same again, with pauses, while a refusal is temporary; for a minute at most.

        Without `temporary` these are the refusals of a function that is still being changed.
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
    """Return the code of a ClientError, such as `ResourceNotFoundException`."""
    response: dict[str, Any] = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Code", ""))


def is_missing(error: Exception) -> bool:
    """Tell whether an error says that the thing does not exist (IAM has a code of its own for it)."""
    return error_code(error) in ("ResourceNotFoundException", "NoSuchEntity")


def is_busy(error: Exception) -> bool:
    """Tell whether an error says that an earlier change of the thing is under way (or that a new name is taken)."""
    return error_code(error) == "ResourceConflictException"


def open_account(region: str | None, endpoint_url: str | None, interruptions: Interruptions) -> Account:
    """Return the account of the usual credentials.

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
            raise AccountError("no region is configured; give one with --region, such as --region us-east-1")

        def client(service: str, attempts: int = ATTEMPTS) -> Any:
            # Invocations take as long as a function may at most; longer is a lost connection.
            retries = {"mode": "standard", "max_attempts": attempts}
            config = Config(retries=retries, read_timeout=2 * TIMEOUT_S, connect_timeout=10)  # type: ignore[arg-type, unused-ignore]
            return session.client(service, endpoint_url=endpoint_url, config=config)  # type: ignore[call-overload, unused-ignore]

        # The first call tells whether anybody is there: that is not to take minutes.
        services = client("lambda"), client("iam"), client("sts", 2), client("logs")
    except (BotoCoreError, ValueError) as error:
        raise AccountError(f"AWS cannot be called: {error}") from error
    return Account(session.region_name, *services, interruptions)
