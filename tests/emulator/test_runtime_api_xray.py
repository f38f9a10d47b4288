"""X-Ray causes of errors: which ones the Runtime API keeps."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awslambdaric_lite.emulator.runtime_api import xray

from .harness import ApiServer, reply

FRAME = {"path": "app.py", "line": 3, "label": "handler"}
CAUSE: dict[str, Any] = {
    "working_directory": "/var/task",
    "exceptions": [{"message": "m", "type": "ValueError", "stack": [FRAME]}],
    "paths": ["app.py"],
}


def kept(cause: object) -> Any:
    """Return the validated cause, parsed."""
    text = xray.validated(json.dumps(cause))
    return None if text is None else json.loads(text)


def test_cause_has_field_order_of_aws() -> None:
    """A valid cause is kept with the field order of AWS's server."""
    assert xray.validated(json.dumps(CAUSE)) == (
        '{"exceptions":[{"message":"m","type":"ValueError","stack":[{"path":"app.py","line":3,"label":"handler"}]}],'
        '"working_directory":"/var/task","paths":["app.py"]}'
    )


@pytest.mark.parametrize(
    ("cause", "result"),
    [
        ({"message": "m"}, {"exceptions": None, "working_directory": "", "paths": None, "message": "m"}),
        ({"paths": ["a"], "other": 1}, {"exceptions": None, "working_directory": "", "paths": ["a"]}),
        ({"exceptions": [None]}, {"exceptions": [{}], "working_directory": "", "paths": None}),
        (
            {"exceptions": [{"stack": [{"line": None, "path": "", "label": "f"}]}], "paths": []},
            {"exceptions": [{"stack": [{"label": "f"}]}], "working_directory": "", "paths": []},
        ),
    ],
)
def test_empty_fields_are_normalized(cause: object, result: object) -> None:
    """Unknown fields are dropped, optional ones omitted, and missing lists become null."""
    assert kept(cause) == result


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "null",
        "[]",
        "{}",
        '{"paths":[],"message":""}',
        '{"message":1}',
        '{"paths":"a"}',
        '{"paths":[1]}',
        '{"exceptions":{}}',
        '{"message":NaN}',
        '{"exceptions":[{"stack":[{"line":1.0}]}]}',
        '{"exceptions":[{"stack":[{"line":true}]}]}',
        '{"exceptions":[{"stack":[{"line":"1"}]}]}',
        "[" * 100_000,
    ],
)
def test_invalid_cause_is_ignored(text: str) -> None:
    """A cause of another shape, or without content, is ignored."""
    assert xray.validated(text) is None


def test_long_lists_are_shortened() -> None:
    """Exceptions and paths are cut to 80, 60, 40 or 20 percent until the cause fits."""
    exceptions = [{"message": "x" * 1000, "type": f"E{number}"} for number in range(100)]
    cut = kept({"exceptions": exceptions, "paths": [f"p{number}" for number in range(10)]})
    assert [exception["type"] for exception in cut["exceptions"]] == [f"E{number}" for number in range(60)]
    assert cut["paths"] == [f"p{number}" for number in range(6)]


def test_exception_with_large_stack_is_dropped() -> None:
    """An exception with too large a stack is dropped whole, and so are the paths."""
    large = {"message": "m", "stack": [{**FRAME, "path": "x" * 100}] * 1000}
    assert kept({"exceptions": [large], "paths": ["a"], "working_directory": "/var/task"}) == {
        "exceptions": [],
        "working_directory": "/var/task",
        "paths": [],
    }


def test_long_texts_are_shortened_last() -> None:
    """A cause that is too large even without its lists has its texts cut to 30,720 bytes, dots included."""
    cut = kept({"message": "m" * 70_000, "working_directory": "ü" * 40_000, "paths": ["a"]})
    assert cut["message"] == "m" * 30_717 + "..."
    assert cut["working_directory"] == "ü" * 15_358 + "..."
    assert cut["paths"] is None


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "message": st.text(max_size=30) | st.integers(),
            "working_directory": st.text(max_size=30),
            "paths": st.lists(st.text(max_size=40_000), max_size=5) | st.none(),
            "exceptions": st.lists(st.fixed_dictionaries({"message": st.text()}), max_size=3),
        },
    )
)
def test_kept_cause_fits_limit(cause: dict[str, Any]) -> None:
    """A kept cause has at most 64 KiB, and a second validation keeps or drops it unchanged."""
    text = xray.validated(json.dumps(cause))
    if text is not None:
        assert len(text.encode()) <= xray.LIMIT
        assert xray.validated(text) in (text, None)


def test_cause_of_header_reaches_answer(api: ApiServer) -> None:
    """A cause in the header is recorded, and the error stays unchanged."""
    header = "Lambda-Runtime-Function-XRay-Error-Cause: " + json.dumps(CAUSE)
    with api.client() as client:
        invocation = api.begin(client)
        assert client.ask(reply(invocation, b"{}", header, kind="error")).status == 202
    [answer] = api.answers
    assert json.loads(answer.xray_cause or "") == CAUSE


def test_cause_of_body_reaches_answer(api: ApiServer) -> None:
    """A cause in the error's body is recorded and removed from the body."""
    body = json.dumps({"errorMessage": "m", "errorType": "E", "stackTrace": ["a"], "errorCause": CAUSE}).encode()
    with api.client() as client:
        invocation = api.begin(client)
        content_type = "Content-Type: application/vnd.aws.lambda.error.cause+json"
        assert client.ask(reply(invocation, body, content_type, kind="error")).status == 202
    [answer] = api.answers
    assert json.loads(answer.payload) == {"errorMessage": "m", "errorType": "E", "stackTrace": ["a"]}
    assert json.loads(answer.xray_cause or "") == CAUSE


def test_malformed_cause_is_ignored(api: ApiServer) -> None:
    """An error with a malformed cause gets 202 and has no cause."""
    with api.client() as client:
        invocation = api.begin(client)
        header = "Lambda-Runtime-Function-XRay-Error-Cause: {nonsense"
        assert client.ask(reply(invocation, b"{}", header, kind="error")).status == 202
    assert api.answers[0].xray_cause is None
