"""Lambda's limits for packages.

Source: the Lambda developer guide, "Lambda quotas" (docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
"MB" are 2**20 bytes there: the API's own message is "Unzipped size must be smaller than 262144000 bytes".
"""

from __future__ import annotations

MEGABYTE = 2**20

ZIPPED_LIMIT = 50 * MEGABYTE
"""Bytes of a zip file that is uploaded directly; through S3 it may have more."""

UNPACKED_LIMIT = 250 * MEGABYTE
"""Bytes of a function's package and all of its layers, when they are unpacked."""
