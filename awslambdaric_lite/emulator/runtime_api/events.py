"""An invocation as the answer to `next`."""

from __future__ import annotations

import re

from ..config.function import ApiOptions
from ..http.exchange import Exchange
from ..results import Invocation

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def send(exchange: Exchange, invocation: Invocation, options: ApiOptions) -> None:
    """Answer a poll with an invocation."""
    optional = (
        ("Lambda-Runtime-Trace-Id", invocation.trace_id, options.empty_headers),
        ("Lambda-Runtime-Client-Context", invocation.client_context, options.empty_headers),
        ("Lambda-Runtime-Cognito-Identity", invocation.cognito_identity, options.empty_headers),
        ("Lambda-Runtime-Aws-Tenant-Id", invocation.tenant_id, False),
        ("Lambda-Runtime-Invocation-Id", invocation.attempt_id if options.invocation_ids else "", False),
    )
    headers = [
        ("Content-Type", invocation.content_type),
        ("Lambda-Runtime-Aws-Request-Id", invocation.request_id),
        ("Lambda-Runtime-Deadline-Ms", str(invocation.deadline_ms)),
        ("Lambda-Runtime-Invoked-Function-Arn", invocation.arn),
        *(
            (name, _CONTROL.sub(" ", value).strip())  # a line break would end the header: a blank, as in Go
            for name, value, even_empty in optional
            if value or even_empty
        ),
    ]
    exchange.respond(200, headers, invocation.event, options.event_framing)
