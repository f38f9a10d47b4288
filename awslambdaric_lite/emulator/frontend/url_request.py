"""An HTTP request to a function URL, as an event of payload format 2.0."""

from __future__ import annotations

from ...events import function_url
from ...events.shared import as_json
from ..http.exchange import RecordedRequest
from .forwarding import SOURCE_IP, forwarded_lines, origin_form


def url_event(request: RecordedRequest, body: bytes, *, request_id: str, trace_id: str, region: str) -> bytes:
    """Return the event.

    Raises:
        ValueError: the method is invalid, or the target is not a path.
    """
    event = function_url(
        request.method,
        origin_form(request.path),
        headers=forwarded_lines(request, trace_id),
        body=body,
        source_ip=SOURCE_IP,
        protocol=f"HTTP/{request.http_version}",
        request_id=request_id,
        region=region,
    )
    return as_json(event).encode()
