"""What a project consists of: its functions, and what invokes them.

The readers of templates make it, `LocalProject` and `serve` run it. Functions are referred to by their names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..frontend.asynchronous import AsyncOptions
from ..frontend.url_cors import Cors
from .function import FunctionConfig


@dataclass(frozen=True)
class Alias:
    """A name of a version, or of two with weights."""

    name: str
    version: str
    weights: Mapping[str, float] = field(default_factory=dict)
    """The share of each additional version, 0 to 1 (`RoutingConfig.AdditionalVersionWeights`)."""
    provisioned: int = 0
    """Number of provisioned environments."""


@dataclass(frozen=True)
class Url:
    """A function URL."""

    invoke_mode: Literal["BUFFERED", "RESPONSE_STREAM"] = "BUFFERED"
    cors: Cors | None = None
    qualifier: str | None = None
    auth_type: Literal["NONE", "AWS_IAM"] = "NONE"


@dataclass(frozen=True)
class Function:
    """A function with its versions, aliases and limits; `config` is the one of `$LATEST`."""

    config: FunctionConfig
    logical_id: str = ""
    """Its id in the template; empty elsewhere."""
    runtime_name: str | None = None
    """Lambda's identifier, e.g. `python3.13`; None for an image."""
    unavailable: str = ""
    """Why it cannot run here, and the cure; callers get it as the error. Empty: it can."""
    versions: tuple[str, ...] = ()
    """Published versions, with the code of `$LATEST` at the start."""
    aliases: tuple[Alias, ...] = ()
    reserved_concurrency: int | None = None
    url: Url | None = None
    asynchronous: AsyncOptions = field(default_factory=AsyncOptions)
    sources: tuple[Path, ...] = ()
    """Files and folders whose changes reload the function, if they are others than its task root and layers."""


@dataclass(frozen=True)
class MockResponse:
    """A response that a REST API makes without a function, e.g. to preflight requests (a mock integration)."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""


@dataclass(frozen=True)
class Route:
    """A method and a path of an API, and the function behind it."""

    method: str
    """`GET`, …, or `ANY`."""
    path: str
    """E.g. `/orders/{id}` or `/{proxy+}`; `$default` is the default route of an HTTP API."""
    function: str | None
    """The function's name; None if the integration is not offered."""
    qualifier: str | None = None
    payload_format: Literal["1.0", "2.0"] = "1.0"
    timeout_s: float = 29.0
    """The integration's time-out."""
    unsupported: str = ""
    """Why requests get status 501, e.g. `authorizer MyAuthorizer`; empty if the route is served."""
    mock: MockResponse | None = None
    """The response of a mock integration, which has no function."""


@dataclass(frozen=True)
class Api:
    """An HTTP API or a REST API with one stage."""

    logical_id: str
    kind: Literal["HTTP", "REST"]
    routes: tuple[Route, ...]
    stage: str
    """`$default` has no part in the path of requests."""
    api_id: str = "a1b2c3d4e5"
    stage_variables: Mapping[str, str] = field(default_factory=dict)
    cors: Cors | None = None
    """The CORS settings of an HTTP API."""
    binary_media_types: tuple[str, ...] = ()
    """Of a REST API, e.g. `image/*`."""


@dataclass(frozen=True)
class Queue:
    """An SQS queue of the template."""

    logical_id: str
    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    """As `CreateQueue` takes them, without the redrive policy."""
    dead_letter_queue: str | None = None
    """The logical id of the queue for messages that were received too often."""
    max_receive_count: int = 0


@dataclass(frozen=True)
class QueueSource:
    """An event source mapping of an SQS queue."""

    logical_id: str
    function: str
    """The function's name."""
    queue: str
    """The logical id of a queue of the template, or an ARN."""
    qualifier: str | None = None
    batch_size: int = 10
    window_s: int = 0
    """The maximum batching window."""
    maximum_concurrency: int | None = None
    report_batch_item_failures: bool = False
    filters: tuple[str, ...] = ()
    """Patterns as JSON; a message has to match one of them."""
    enabled: bool = True


@dataclass(frozen=True)
class OtherSource:
    """A source of events that is listed, but not served: a stream, a schedule, a bucket, …"""

    logical_id: str
    function: str
    kind: str
    """As the template says, e.g. `Schedule`."""


@dataclass(frozen=True)
class Project:
    """Everything that one run serves."""

    folder: Path
    functions: tuple[Function, ...]
    apis: tuple[Api, ...] = ()
    queues: tuple[Queue, ...] = ()
    sources: tuple[QueueSource | OtherSource, ...] = ()
    notes: tuple[str, ...] = ()
    """What the start says: placeholders, resources that are not offered, layers that are left out."""
    files: tuple[Path, ...] = ()
    """The files that were read, whose change asks for a restart."""
