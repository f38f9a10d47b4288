"""AWS's quotas for functions, each once.

Sources, unless a quota names its own: the service model of Lambda in botocore (`Timeout`, `MemorySize`,
`EphemeralStorageSize`, `PerExecutionEnvironmentMaxConcurrency`; a test compares them with the newest model), and the
Lambda developer guide, "Lambda quotas" (docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html). "MB" are
2**20 bytes there: the API's own message is "Unzipped size must be smaller than 262144000 bytes".

AWS has raised some of them before, so a value above one of these gets a warning and works.
"""

from __future__ import annotations

MEGABYTE = 2**20

MAX_TIMEOUT_S = 1800
"""Seconds that an invocation may take; source: the documentation of `Timeout`, which once had 900."""

MAX_MANAGED_TIMEOUT_S = 5400
"""The same on Managed Instances; source: the documentation of `Timeout`, which restricts it to asynchronous invocations
and most event sources."""

MIN_MEMORY_MB = 128

MAX_MEMORY_MB = 10_240
"""Memory of a function; source: "Lambda quotas"."""

MAX_MANAGED_MEMORY_MB = 32_768
"""Memory of a function on Managed Instances."""

MAX_MANAGED_CONCURRENCY = 1600
"""Invocations at the same time in one environment of Managed Instances."""

MIN_EPHEMERAL_STORAGE_MB = 512

MAX_EPHEMERAL_STORAGE_MB = 10_240
"""Size of `/tmp`; source: the documentation of `EphemeralStorage`."""

MAX_VARIABLES = 4096
"""Bytes of all environment variables of a function; Lambda measures them as JSON."""

MAX_LAYERS = 5

MAX_PAYLOAD = 6 * MEGABYTE + 100
"""Bytes of the event and of the response of a synchronous invocation; exactly this many are accepted."""

MAX_ASYNC_PAYLOAD = MEGABYTE
"""Bytes of the event of an asynchronous invocation; source: the documentation of `Invoke`."""

MAX_LEGACY_PAYLOAD = 256 * 1024
"""Bytes of the event of the deprecated operation `InvokeAsync`; source: the API reference."""

MAX_STREAM = 200 * MEGABYTE
"""Bytes of a streamed response; source: the documentation of `InvokeMode`."""

MAX_API_PAYLOAD = 10 * MEGABYTE
"""Bytes of a request's or response's body at API Gateway; source: "Quotas" in its developer guide."""

MAX_API_HEADERS = 10_240
"""Bytes of all header values of a request, for HTTP APIs with the request line; source: the same."""

ZIPPED_LIMIT = 50 * MEGABYTE
"""Bytes of a zip file that is uploaded directly; through S3 it may have more."""

UNPACKED_LIMIT = 250 * MEGABYTE
"""Bytes of a function's package and all of its layers, when they are unpacked."""
