"""Which event sources are polled, and where."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ...common.regions import is_aws_host
from ...common.words import quoted
from ..config.project import QueueSource
from ..errors import InvalidSource
from .batches import REQUEST_SIZE

_VARIABLES = ("AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL")


@dataclass(frozen=True)
class PolledSource:
    """An event source, and where its queue is polled."""

    source: QueueSource
    endpoint_url: str | None = None
    """None is AWS itself, if the source is polled."""
    obstacle: str = ""
    """Why it is not polled, and the cure, e.g. `not polled: set AWS_ENDPOINT_URL_SQS`; empty if it is."""
    warning: str = ""


def plan_polling(
    sources: Iterable[QueueSource],
    environment: Mapping[str, str],
    endpoints: Mapping[str, str] | None = None,
    poll_aws: Collection[str] = (),
) -> list[PolledSource]:
    """Decide for each source whether and where its queue is polled.

    Args:
        sources: the sources of the project.
        environment: variables, of which `AWS_ENDPOINT_URL_SQS` and `AWS_ENDPOINT_URL` name an endpoint.
        endpoints: endpoints by service, which take precedence (`--endpoint-url sqs=URL`).
        poll_aws: logical ids of the sources that are polled at AWS (`--poll-aws`).

    Raises:
        InvalidSource: the endpoint is not a URL, or no source has a logical id of `poll_aws`.
    """
    sources = list(sources)
    for name in poll_aws:
        if name not in (known := [source.logical_id for source in sources]):
            raise InvalidSource(
                f"no event source of a queue has the logical id {quoted(name)}; choose one of: {', '.join(known)}"
            )
    url = sqs_endpoint(environment, endpoints)
    return [_plan(source, url, source.logical_id in poll_aws) for source in sources]


def sqs_endpoint(environment: Mapping[str, str], endpoints: Mapping[str, str] | None = None) -> str | None:
    """Return the endpoint of SQS that an option or a variable names, if one does.

    Raises:
        InvalidSource: it is not a URL.
    """
    url = (endpoints or {}).get("sqs") or next(
        (environment[each] for each in _VARIABLES if environment.get(each)), None
    )
    if url is not None:
        _host(url)
    return url


def is_aws(endpoint_url: str | None) -> bool:
    """Return whether an endpoint is AWS itself; None is.

    Raises:
        InvalidSource: it is not a URL.
    """
    return endpoint_url is None or is_aws_host(_host(endpoint_url))


def _plan(source: QueueSource, url: str | None, at_aws: bool) -> PolledSource:
    if not source.enabled:
        return PolledSource(source, obstacle="not polled: it is disabled; set Enabled to true")
    if at_aws:
        warning = f"{source.logical_id} takes messages from the queue at AWS: no other consumer gets them"
        return PolledSource(source, url if url is not None and is_aws(url) else None, warning=warning)
    if url is None:
        return PolledSource(source, obstacle="not polled: set AWS_ENDPOINT_URL_SQS")
    if is_aws(url):
        return PolledSource(source, obstacle=f"not polled: {url} is AWS; name it with --poll-aws {source.logical_id}")
    return PolledSource(source, url)


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:  # a port that is not a number, or half an IPv6 address
        is_url = False
    if not is_url or not parts.hostname:
        raise InvalidSource(f"endpoint {quoted(url)} of SQS is not a URL; use e.g. http://localhost:9324")
    return parts.hostname


def check_source(source: QueueSource, *, is_fifo: bool) -> None:
    """Refuse settings that AWS refuses.

    Raises:
        InvalidSource: the message names the source and the setting.
    """
    largest = REQUEST_SIZE if is_fifo else 10_000
    maximum, window_s = source.maximum_concurrency, source.window_s
    problems = {
        f"batch size {source.batch_size} is out of range; it is 1 to {largest}": not 1 <= source.batch_size <= largest,
        f"batching window {window_s} s is out of range; it is 0 to 300 s": not 0 <= window_s <= 300,
        "a FIFO queue has no batching window; remove it": is_fifo and window_s > 0,
        f"batch size {source.batch_size} needs a batching window of 1 s or more": source.batch_size > 10
        and window_s == 0,
        f"maximum concurrency {maximum} is out of range; it is 2 to 1000": maximum is not None
        and not 2 <= maximum <= 1000,
    }
    for text, holds in problems.items():
        if holds:
            raise InvalidSource(f"source {source.logical_id}: {text}")
