"""What the Runtime API keeps of an error's cause for X-Ray."""

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
    """What is kept of a cause, parsed."""
    text = xray.validated(json.dumps(cause))
    return None if text is None else json.loads(text)


def test_a_cause_is_kept() -> None:
    """In the order of the server's fields."""
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
def test_empty_fields(cause: object, result: object) -> None:
    """Unknown ones are lost, optional ones left out, missing lists null."""
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
def test_what_is_no_cause_is_ignored(text: str) -> None:
    """Another shape, or nothing to say."""
    assert xray.validated(text) is None


def test_lists_are_cut_until_they_fit() -> None:
    """To 80, 60, 40 or 20 percent of the exceptions and of the paths."""
    exceptions = [{"message": "x" * 1000, "type": f"E{number}"} for number in range(100)]
    cut = kept({"exceptions": exceptions, "paths": [f"p{number}" for number in range(10)]})
    assert [exception["type"] for exception in cut["exceptions"]] == [f"E{number}" for number in range(60)]
    assert cut["paths"] == [f"p{number}" for number in range(6)]


def test_frames_are_never_cut() -> None:
    """One exception with too large a stack is lost whole, and so are the paths."""
    large = {"message": "m", "stack": [{**FRAME, "path": "x" * 100}] * 1000}
    assert kept({"exceptions": [large], "paths": ["a"], "working_directory": "/var/task"}) == {
        "exceptions": [],
        "working_directory": "/var/task",
        "paths": [],
    }


def test_texts_are_cut_at_last() -> None:
    """To 30,720 bytes each, dots included."""
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
def test_whatever_comes_fits(cause: dict[str, Any]) -> None:
    """Kept is a cause of at most 64 KiB that is kept as it is, or nothing."""
    text = xray.validated(json.dumps(cause))
    if text is not None:
        assert len(text.encode()) <= xray.LIMIT
        assert xray.validated(text) in (text, None)


def test_the_cause_comes_with_the_answer(api: ApiServer) -> None:
    """From the header, beside the error, which stays as it is."""
    header = "Lambda-Runtime-Function-XRay-Error-Cause: " + json.dumps(CAUSE)
    with api.client() as client:
        invocation = api.begin(client)
        assert client.ask(reply(invocation, b"{}", header, kind="error")).status == 202
    [answer] = api.answers
    assert json.loads(answer.xray_cause or "") == CAUSE


def test_a_cause_in_the_body_comes_with_the_answer(api: ApiServer) -> None:
    """From the error's own object, out of which it is taken."""
    body = json.dumps({"errorMessage": "m", "errorType": "E", "stackTrace": ["a"], "errorCause": CAUSE}).encode()
    with api.client() as client:
        invocation = api.begin(client)
        content_type = "Content-Type: application/vnd.aws.lambda.error.cause+json"
        assert client.ask(reply(invocation, body, content_type, kind="error")).status == 202
    [answer] = api.answers
    assert json.loads(answer.payload) == {"errorMessage": "m", "errorType": "E", "stackTrace": ["a"]}
    assert json.loads(answer.xray_cause or "") == CAUSE


def test_a_bad_cause_does_no_harm(api: ApiServer) -> None:
    """202, and no cause."""
    with api.client() as client:
        invocation = api.begin(client)
        header = "Lambda-Runtime-Function-XRay-Error-Cause: {nonsense"
        assert client.ask(reply(invocation, b"{}", header, kind="error")).status == 202
    assert api.answers[0].xray_cause is None
