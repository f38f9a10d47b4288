"""Cases of header fields, refused replies and X-Ray causes."""

from __future__ import annotations

from collections.abc import Sequence

from ...common.json_text import compact
from ...common.quotas import MAX_PAYLOAD
from ...protocol.replies import ATTEMPT_ID
from .. import checks
from ..case import TRACE, TRACE_IDS, Case, ask, asked, echoes, on
from ..checks import CAUSE
from ..messages import ARN, DueEvent, Event, Request
from ..record import request_id
from ..server import Reaction

_TENANT = "Lambda-Runtime-Aws-Tenant-Id"
_CLIENT = {
    "installation_id": "an-installation",
    "app_title": "an app",
    "app_version_name": "1.0",
    "app_version_code": "1",
    "app_package_name": "com.example",
}
_CONTEXT = ("Lambda-Runtime-Client-Context", compact({"custom": {"key": "value"}, "env": {}, "client": _CLIENT}))
_IDENTITY = ("Lambda-Runtime-Cognito-Identity", '{"cognitoIdentityId":"an-id","cognitoIdentityPoolId":"a-pool"}')
_EMPTY = tuple((name, "") for name in (TRACE, _CONTEXT[0], _IDENTITY[0], _TENANT, ATTEMPT_ID))


def _refused(status: int) -> Case:
    return Case(
        f"refusals.response-{status}",
        "refusals",
        f"A {status} for a response is not followed by an error; the next event is handled.",
        echoes(2),
        [checks.posts("response 0", "response 1"), checks.values(0, 1)],
        react=on("response", 0, Reaction(status=status)),
    )


def _refused_error(status: int) -> Case:
    return Case(
        f"refusals.error-{status}",
        "refusals",
        f"A {status} for an error is not followed by another error; the next event is handled.",
        [ask("raise", message="first"), ask("echo", 1, value=1)],
        [checks.posts("error 0", "response 1")],
        react=on("error", 0, Reaction(status=status)),
    )


def _odd_fields(fields: Sequence[tuple[str, str]], body: bytes) -> bytes:
    spelled = [(name.lower() if place % 2 else name.upper(), text) for place, (name, text) in enumerate(fields)]
    lines = ["HTTP/1.1 200 OK", *(f"{name}:{text} \t" for name, text in spelled), f"content-length:{len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _refuse_causes(request: Request, count: int) -> Reaction | None:
    return Reaction(status=431, ignored=True, close=True) if request.header(CAUSE) else None


HEADERS = [
    Case(
        "headers.context",
        "headers",
        "The handler sees the request id and the ARN of the function.",
        [ask("context")],
        [checks.members(0, requestId=request_id(0), functionArn=ARN)],
    ),
    Case(
        "headers.names",
        "headers",
        "Names of header fields in any case, and values with blanks around them, are read.",
        [Event(asked("context"), request_id(0), render=_odd_fields)],
        [checks.members(0, requestId=request_id(0), functionArn=ARN)],
    ),
    Case(
        "headers.deadline",
        "headers",
        "The handler sees the time that is left until the deadline.",
        [DueEvent(asked("context"), request_id(0), seconds=60.0)],
        [checks.remaining_ms(20_000, 60_000)],
    ),
    Case(
        "headers.client-context",
        "headers",
        "The handler sees the client context.",
        [ask("context", 0, _CONTEXT)],
        [checks.members(0, clientContext={"key": "value"})],
    ),
    Case(
        "headers.identity",
        "headers",
        "The handler sees the Cognito identity.",
        [ask("context", 0, _IDENTITY)],
        [checks.members(0, identityId="an-id")],
    ),
    Case(
        "headers.tenant",
        "headers",
        "The handler sees the tenant id.",
        [ask("context", 0, (_TENANT, "tenant-7"))],
        [checks.members(0, tenantId="tenant-7")],
    ),
    Case(
        "headers.empty",
        "headers",
        "Empty header fields are treated as absent ones.",
        [ask("context", 0, *_EMPTY)],
        [checks.members(0, clientContext=None, identityId=None, tenantId=None), checks.echoes_attempts(None)],
    ),
    Case(
        "headers.trace",
        "headers",
        "The handler sees the trace id of its invocation, and none without one.",
        [ask("trace", 0, (TRACE, TRACE_IDS[0])), ask("trace", 1, (TRACE, TRACE_IDS[1])), ask("trace", 2)],
        [checks.traces(TRACE_IDS[0], TRACE_IDS[1], None)],
    ),
    Case(
        "headers.empty-trace",
        "headers",
        "An empty trace id removes that of the invocation before.",
        [ask("trace", 0, (TRACE, TRACE_IDS[0])), ask("trace", 1, (TRACE, ""))],
        [checks.traces(TRACE_IDS[0], None)],
    ),
    Case(
        "headers.invocation-id",
        "headers",
        "The invocation id of an event is in its response, and no response has one without it.",
        [ask("echo", 0, (ATTEMPT_ID, "attempt-1")), ask("echo", 1, (ATTEMPT_ID, "attempt-2")), ask("echo", 2)],
        [checks.echoes_attempts("attempt-1", "attempt-2", None)],
    ),
    Case(
        "headers.invocation-id-error",
        "headers",
        "The invocation id of an event is in its error.",
        [ask("raise", 0, (ATTEMPT_ID, "attempt-1"), message="failed")],
        [checks.fails(0, "failed"), checks.echoes_attempts("attempt-1")],
    ),
]

REFUSALS = [
    *map(_refused, (400, 403, 410, 413)),
    *map(_refused_error, (403, 410)),
    Case(
        "refusals.unread-413",
        "refusals",
        "A 413 that arrives before the response was read is not followed by an error; the next event is handled.",
        [ask("size", 0, bytes=7_000_000), ask("echo", 1, value=1)],
        [checks.posts("response 0", "response 1"), checks.refused_with(413), checks.responds_to(1, 1)],
        react=on("response", 0, Reaction(status=413)),  # of a client that declares no length, after the body
        limit=MAX_PAYLOAD,
    ),
    Case(
        "refusals.response-500",
        "refusals",
        "The process exits with another code than 0 if a response gets 500.",
        echoes(2),
        [checks.posts("response 0"), checks.exits()],
        react=on("response", 0, Reaction(status=500)),
    ),
]

XRAY = [
    Case(
        "xray.one-line",
        "xray",
        "The X-Ray cause of a message with line breaks and other characters is one line of ASCII.",
        [ask("raise", message="größer €\r\nsecond\x00 line")],
        [checks.fails(0, "größer €\r\nsecond\x00 line"), checks.cause_fits(1 << 20)],
    ),
    Case(
        "xray.short",
        "xray",
        "The X-Ray cause of a message of 200 KB has at most 65,536 characters, which the service keeps.",
        [ask("raise", message="m" * 200_000)],
        [checks.fails(0, "m" * 200_000), checks.cause_fits(65_536)],
    ),
    Case(
        "xray.head",
        "xray",
        "The header fields of an error with a message of 2 MB stay below 1 MiB.",
        [ask("raise", message="m" * 2_000_000), ask("echo", 1, value=1)],
        [checks.fails(0, "m" * 2_000_000), checks.heads_fit],
    ),
    Case(
        "xray.refused",
        "xray",
        "An error that gets 431 is posted again without its X-Ray cause.",
        [ask("raise", message="failed"), ask("echo", 1, value=1)],
        [checks.posts_again_without_cause, checks.fails(0, "failed")],
        react=_refuse_causes,
    ),
]
