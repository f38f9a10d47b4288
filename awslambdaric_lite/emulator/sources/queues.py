"""Queues at an endpoint: created there from the template, or found by name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from ...common.json_text import compact
from ..config.project import Queue
from ..errors import InvalidSource, QueueUnavailable
from .plan import is_aws

_LONGEST_ERROR = 300  # characters
_READ_LIMIT_S = 10  # above the longest wait of a request, so that `close` of a poller does not wait for long


class QueueAddress(NamedTuple):
    """The URL and the ARN of a queue: what `Ref` and `GetAtt` of it are."""

    url: str
    arn: str


def sqs_client(endpoint_url: str | None, region: str) -> Any:
    """Return a client of boto3, which does not retry. At AWS, which None is, it has the user's credentials.

    At any other endpoint it has those of the environment or placeholders, so that nothing else is searched for them.

    Raises:
        QueueUnavailable: botocore refuses the settings, e.g. the user's profile.
        ModuleNotFoundError: boto3 is not installed; the message names the extra.
    """
    try:
        from boto3.session import Session
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "queues need boto3; install it with: pip install 'awslambdaric-lite[project]'", name="boto3"
        ) from None
    has_own = is_aws(endpoint_url) or "AWS_ACCESS_KEY_ID" in os.environ or "AWS_PROFILE" in os.environ
    key = None if has_own else "placeholder"  # None: botocore searches for credentials
    settings = Config(
        retries={"total_max_attempts": 1},
        connect_timeout=5,
        read_timeout=_READ_LIMIT_S,
        ignore_configured_endpoint_urls=True,  # the caller has read the variables; None is AWS all the same
    )
    try:
        return Session(key, key, region_name=region).client("sqs", endpoint_url=endpoint_url, config=settings)
    except BotoCoreError as error:
        raise QueueUnavailable(f"SQS at {endpoint_url or 'AWS'} cannot be used: {error}") from error


def create_queues(queues: Iterable[Queue], client: Any) -> dict[str, QueueAddress]:
    """Create queues that do not exist, and give those that exist the template's attributes.

    Args:
        queues: the queues of the template.
        client: a client for a local endpoint.

    Returns:
        The address of each queue by its logical id.

    Raises:
        QueueUnavailable: the endpoint is AWS, does not answer, or refuses a queue.
        InvalidSource: a dead-letter queue is not in the template.
    """
    queues, url = list(queues), client.meta.endpoint_url
    if is_aws(url):
        raise QueueUnavailable(f"queues are not created at {url}, which is AWS; name a local endpoint of SQS")
    found: dict[str, QueueAddress] = {}
    for queue in queues:
        attributes = dict(queue.attributes) | ({"FifoQueue": "true"} if queue.name.endswith(".fifo") else {})
        known = _find(queue.name, client)
        if known is None:
            with _refusals(queue.logical_id, queue.name, url):
                created = client.create_queue(QueueName=queue.name, Attributes=attributes)["QueueUrl"]
            known = QueueAddress(created, _arn(created, client))
        elif changeable := {name: value for name, value in attributes.items() if name != "FifoQueue"}:
            with _refusals(queue.logical_id, queue.name, url):
                client.set_queue_attributes(QueueUrl=known.url, Attributes=changeable)
        found[queue.logical_id] = known
    for queue in queues:  # when the dead-letter queues exist
        if queue.dead_letter_queue is None:
            continue
        if queue.dead_letter_queue not in found:
            raise InvalidSource(
                f"queue {queue.logical_id}: its dead-letter queue {queue.dead_letter_queue} is not in the template"
            )
        target = found[queue.dead_letter_queue].arn
        policy = compact({"deadLetterTargetArn": target, "maxReceiveCount": queue.max_receive_count})
        with _refusals(queue.logical_id, queue.name, url):
            address = found[queue.logical_id].url
            client.set_queue_attributes(QueueUrl=address, Attributes={"RedrivePolicy": policy})
    return found


def find_queues(names: Mapping[str, str], client: Any, note: Callable[[str], None]) -> dict[str, QueueAddress]:
    """Find queues by name.

    Args:
        names: the name of each queue by its logical id or ARN (`queue_name`).
        client: a client for the endpoint.
        note: receives a line for each queue that does not exist.

    Returns:
        The address of each queue that exists.

    Raises:
        QueueUnavailable: the endpoint does not answer, or refuses the request.
    """
    found = {}
    for key, name in names.items():
        owner = key.split(":")[4] if key.startswith("arn:") and is_aws(client.meta.endpoint_url) else None
        address = _find(name, client, owner)
        if address is not None:
            found[key] = address
        else:
            cure = "create it" if is_aws(client.meta.endpoint_url) else "create it with --create-resources"
            note(f"queue {name} ({key}) does not exist at {client.meta.endpoint_url}; {cure}")
    return found


def queue_name(key: str, queues: Iterable[Queue]) -> str | None:
    """Return the name of a queue by its logical id or ARN; None for a logical id that the template does not have."""
    if key.startswith("arn:"):
        return key.rpartition(":")[2]
    return next((queue.name for queue in queues if queue.logical_id == key), None)


def one_line(error: object) -> str:
    """Return the text of an error on one line, cut if it is long, e.g. because it is the page of another server."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST_ERROR else f"{text[:_LONGEST_ERROR]}…"


def _find(name: str, client: Any, owner: str | None = None) -> QueueAddress | None:
    account = {"QueueOwnerAWSAccountId": owner} if owner else {}
    with _refusals(name, name, client.meta.endpoint_url):
        try:
            url = client.get_queue_url(QueueName=name, **account)["QueueUrl"]
        except client.exceptions.QueueDoesNotExist:
            return None
        return QueueAddress(url, _arn(url, client))


def _arn(url: str, client: Any) -> str:
    answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    arn: str = answer["Attributes"]["QueueArn"]
    return arn


@contextmanager
def _refusals(logical_id: str, name: str, endpoint_url: str) -> Iterator[None]:
    """Turn botocore's exceptions into `QueueUnavailable`, which names the queue and the endpoint."""
    from botocore.exceptions import BotoCoreError, ClientError

    what = f"queue {name}" + (f" ({logical_id})" if logical_id != name else "") + f" at {endpoint_url}"
    try:
        yield
    except ClientError as error:
        raise QueueUnavailable(f"{what}: {one_line(error.response['Error'].get('Message') or error)}") from error
    except BotoCoreError as error:
        raise QueueUnavailable(f"{what}: {one_line(error)}; start the server, or name another endpoint") from error
