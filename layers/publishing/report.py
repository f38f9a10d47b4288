"""The report on standard output and standard error, for people and for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from awslambdaric_lite.common.words import format_size

from .publication import Publication
from .run import Outcome


def print_plan(todo: Iterable[Publication], *, public: bool, as_json: bool) -> None:
    """Print the plan: a line for each layer and region, or a JSON list."""
    if as_json:
        print(json.dumps([_plan(each, public) for each in todo], indent=2))
        return
    for each in todo:
        said = each.description()
        way = format_size(each.layer.size) + (f" through s3://{each.bucket}" if each.bucket else "")
        runtimes, architectures = (",".join(said[name]) for name in ("CompatibleRuntimes", "CompatibleArchitectures"))
        print(each.region, each.name, runtimes, architectures, said["LicenseInfo"], way, sep="\t")
    print(f"nothing was sent (--dry-run){'; everybody could use these layers (--public)' * public}", file=sys.stderr)


def print_outcomes(outcomes: Iterable[Outcome], *, as_json: bool) -> bool:
    """Print ARNs on standard output, failures on standard error; return whether all succeeded.

    As JSON it is a list: a failure has an `error` instead of an `arn`.
    """
    listed = []
    good = True
    for outcome in outcomes:
        listed.append(_outcome(outcome))
        where = f"{outcome.publication.region} {outcome.publication.name}"
        if outcome.published is None:
            good = False
            print(f"publish.py: {where}: {outcome.error}", file=sys.stderr)
            continue
        if not outcome.published.created:
            print(f"{where}: version {outcome.published.version} has this content already", file=sys.stderr)
        if not as_json:
            print(outcome.published.arn)
    if as_json:
        print(json.dumps(listed, indent=2))
    return good


@contextmanager
def progress_bar(total: int) -> Iterator[Callable[[Publication], None]]:
    """Show a bar on standard error, if it is a terminal and rich is installed; yield the function that advances it."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    except ModuleNotFoundError:
        yield lambda publication: None
        return
    console = Console(file=sys.stderr)
    columns = (TextColumn("publishing"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total)
        yield lambda publication: progress.update(
            task, advance=1, description=f"{publication.region} {publication.name}"
        )


def _plan(publication: Publication, public: bool) -> dict[str, Any]:
    layer = publication.layer
    return {
        "region": publication.region,
        "layer": publication.name,
        "file": str(layer.path),
        "size": layer.size,
        "code_sha256": layer.sha256,
        "bucket": publication.bucket,
        "public": public,
        "request": publication.description(),
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    entry: dict[str, Any] = {"region": outcome.publication.region, "layer": outcome.publication.name}
    if outcome.published is None:
        return {**entry, "error": outcome.error}
    done = outcome.published
    return {**entry, "arn": done.arn, "version": done.version, "created": done.created}
