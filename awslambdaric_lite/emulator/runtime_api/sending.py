"""Events and replies of the Runtime API, sent over an exchange."""

from __future__ import annotations

from ...protocol.replies import Reply, event_headers
from ..config.function import ApiOptions
from ..http.exchange import Exchange, Headers
from ..results import Invocation


def send_reply(exchange: Exchange, reply: Reply, headers: Headers = ()) -> None:
    """Respond with a reply."""
    exchange.respond(reply.status, [*headers, *reply.headers], reply.body)


def send_event(exchange: Exchange, invocation: Invocation, options: ApiOptions) -> None:
    """Respond to a poll with an invocation."""
    empty = "" if options.empty_headers else None
    headers = event_headers(
        invocation.request_id,
        invocation.deadline_ms,
        invocation.arn,
        content_type=invocation.content_type,
        trace_id=invocation.trace_id or empty,
        client_context=invocation.client_context or empty,
        cognito_identity=invocation.cognito_identity or empty,
        tenant_id=invocation.tenant_id or None,
        attempt_id=(invocation.attempt_id or None) if options.invocation_ids else None,
    )
    exchange.respond(200, headers, invocation.event, options.event_framing)
