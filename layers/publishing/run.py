"""Publishing to all regions: regions in parallel, the layers of a region one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from awslambdaric_lite.packaging.errors import PackagingError

from .publication import Publication
from .region import Published, Region, one_line

_AT_ONCE = 8


@dataclass(frozen=True)
class Outcome:
    """The result of a publication: `published`, or the `error` that prevented it."""

    publication: Publication
    published: Published | None = None
    error: str | None = None


def open_regions(todo: Sequence[Publication], *, profile: str | None, endpoint_url: str | None) -> dict[str, Region]:
    """Make clients for every region of the publications. Nothing is sent.

    Raises:
        PackagingError: boto3 is not installed, or a region or the profile does not exist.
    """
    session = _session(profile)
    with_bucket: dict[str, bool] = {}
    for each in todo:
        check_region(session, each.region)
        with_bucket[each.region] = with_bucket.get(each.region, False) or each.bucket is not None
    return {name: Region(session, name, endpoint_url, with_bucket=s3) for name, s3 in with_bucket.items()}


def check_regions(names: Sequence[str]) -> None:
    """Check the names of regions, without any account.

    Raises:
        PackagingError: boto3 is not installed, or a name is invalid.
    """
    session = _session(None)
    for name in names:
        check_region(session, name)


def check_region(session: Any, name: str) -> None:
    """Check the name of a region by boto3's patterns.

    Raises:
        PackagingError: the name is invalid.
    """
    from botocore.exceptions import UnknownRegionError

    try:
        session.get_partition_for_region(name)
    except UnknownRegionError:
        raise PackagingError(f"{name!r} is not a region of AWS; use e.g. eu-central-1") from None


def publish_all(
    todo: Sequence[Publication], regions: dict[str, Region], *, public: bool, advance: Callable[[Publication], None]
) -> Iterator[Outcome]:
    """Publish; yield the result of each, region by region in their order.

    A failure in one region does not stop others. `advance` is called from several threads. After an interruption, no
    further requests are sent, and pending ones are not awaited.
    """
    stopped = threading.Event()

    def do(name: str) -> list[Outcome]:
        outcomes = []
        for publication in todo:
            if publication.region == name and not stopped.is_set():
                outcomes.append(_done(publication, regions[name], public))
                advance(publication)
        return outcomes

    threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="publish")
    try:
        for outcomes in threads.map(do, regions):
            yield from outcomes
    finally:
        stopped.set()
        threads.shutdown(wait=False, cancel_futures=True)


def _done(publication: Publication, region: Region, public: bool) -> Outcome:
    try:
        return Outcome(publication, region.publish(publication, public=public))
    except PackagingError as error:
        return Outcome(publication, error=str(error))


def _session(profile: str | None) -> Any:
    try:
        import boto3
        from botocore.exceptions import BotoCoreError
    except ModuleNotFoundError as missing:
        raise PackagingError(
            f"publishing needs {missing.name}; install it with: pip install 'awslambdaric-lite[layers]'"
        ) from None
    try:
        return boto3.Session(profile_name=profile)
    except BotoCoreError as error:
        raise PackagingError(f"{one_line(error)}; check --profile and your AWS settings") from None
