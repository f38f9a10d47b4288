"""Arguments that the builders refuse, and usage errors of `awslambdaric-lite event`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from awslambdaric_lite import events
from awslambdaric_lite.cli import main

from .examples import Event

REFUSED_CALLS: list[tuple[Callable[[], Event], str]] = [
    (lambda: events.function_url("/orders"), "invalid HTTP method '/orders'; the order is method, path"),
    (lambda: events.function_url("", "/"), "invalid HTTP method ''"),
    (lambda: events.function_url("GET", "orders"), "path 'orders' does not begin with /"),
    (lambda: events.function_url("GET", "https://example.com/"), "does not begin with /"),
    (lambda: events.function_url(headers=[("a", b"b")]), "header 'a' has the value b'b'"),  # type: ignore[list-item]
    (lambda: events.function_url(headers={"a": 7}), "header 'a' has the value 7"),  # type: ignore[arg-type]
    (lambda: events.function_url(authorizer={"jwt": {}}), "unsupported authorizer key 'jwt'; choose one of: iam"),
    (lambda: events.api_gateway_v2(authorizer={"claims": {}}), "choose one of: iam, jwt, lambda"),
    (lambda: events.api_gateway_v2(payload_format="3.0"), "choose one of: 2.0, 1.0"),
    (lambda: events.api_gateway_v2(route_key="orders"), "invalid route_key 'orders'; write"),
    (lambda: events.api_gateway_v2(route_key="GET orders"), "invalid route_key 'GET orders'"),
    (lambda: events.api_gateway_v2("POST", route_key="GET /"), "does not match POST; write 'POST /' or ANY"),
    (lambda: events.api_gateway_v2("GET", "/a", route_key="GET /b"), "path '/a' does not match '/b'"),
    (lambda: events.api_gateway_v1("GET", "/prod/a", resource="/a"), "give the path without the stage"),
    (lambda: events.websocket("$connect", "body"), r"a \$connect event has no body"),
    (lambda: events.websocket("chat", headers={"a": "b"}), r"use \$connect, or leave them out"),
    (lambda: events.s3("b", "k", event="ObjectCreated"), "unsupported event 'ObjectCreated'; choose one of: Obj"),
    (lambda: events.sqs("a", message_ids=["1", "2"]), "message_ids has 2 values for 1 items"),
    (lambda: events.cloudformation("Upgrade"), "choose one of: Create, Update, Delete"),
    (lambda: events.cloudformation("Create", old_properties={}), "use Update, or leave them out"),
    (lambda: events.cloudformation("Create", physical_resource_id="r"), "because the function returns it"),
    (lambda: events.ses(verdicts={"spam": "MAYBE"}), "unsupported verdict for spam 'MAYBE'; choose one of: PASS, "),
    (lambda: events.ses(verdicts={"taste": "FAIL"}), "unsupported check 'taste'; choose one of: spam, virus"),
    (lambda: events.ses(recipients="a@example.org"), "recipients is a list of addresses"),
    (lambda: events.ses(recipients=()), "give at least one"),
    (lambda: events.cognito("SignUp"), "unsupported trigger 'SignUp'; choose one of: PreSignUp, "),
    (lambda: events.cognito("PreSignUp_Admin"), "choose one of: PreSignUp_SignUp, PreSignUp_AdminCreateUser"),
    (lambda: events.cognito("PreSignUp", request={"a": 1}), "PreSignUp_SignUp has no 'a'; it has: validationData"),
    (lambda: events.cognito("PostConfirmation", request={"a": 1}), "it has: none"),
    (
        lambda: events.dynamodb(("UPDATE", {"id": 1})),
        "unsupported change 'UPDATE'; choose one of: INSERT, MODIFY, REMOVE",
    ),
    (lambda: events.dynamodb(("INSERT",)), "INSERT has 0 items; give the keys and then: NewImage"),  # type: ignore[arg-type]
    (lambda: events.dynamodb(("INSERT", {"id": 1}, {}, {})), "INSERT has 3 items"),
    (lambda: events.dynamodb(("MODIFY", {"id": 1}, "text")), "keys and images are dicts"),  # type: ignore[arg-type]
    (lambda: events.dynamodb(("REMOVE", {})), "REMOVE has no keys; give them as a dict"),
    (
        lambda: events.dynamodb(("REMOVE", {"id": 1}), view_type="BOTH"),
        "choose one of: NEW_AND_OLD_IMAGES, NEW_IMAGE, ",
    ),
]
USAGE_ERRORS = [
    (["no-such-kind"], "invalid choice: 'no-such-kind'"),
    (["sqs"], "required: BODY"),
    (["sqs", "a", "--region", "nowhere"], "argument --region: 'nowhere' is not the name of an AWS region; choose one"),
    (["alb", "--account", "12"], "argument --account: '12' is not the number of an AWS account; give its 12 digits"),
    (["sqs", "a", "--attribute", "b"], "argument --attribute: 'b' has no value; write NAME=value"),
    (["sqs", "a", "--time", "soon"], "argument --time: 'soon' is not a time; write e.g. 2024-06-10T19:26:16Z"),
    (["sqs", "a", "--message-id", "1", "--message-id", "2"], "sqs: message_ids has 2 values for 1 items"),
    (["sqs", "a", "--receive-count", "x"], "argument --receive-count: invalid int value: 'x'"),
    (["sqs", "a", "--qeue", "x"], "--qeue"),
    (["sqs", "a", "--time", "1584039838390"], "sqs: time 1584039838390.0 is out of range; give seconds"),
    (["sqs", "a\udcff"], "is not UTF-8, and the service carries text"),
    (["eventbridge", "x", "--detail", '{"a": NaN}'], "NaN is not allowed; use null or a number"),
    (["sqs", "@missing"], "file 'missing' cannot be read: No such file or directory"),
    (["sqs", "@."], "file '.' cannot be read: Is a directory"),
    (["sqs", "@binary"], "'binary' is not UTF-8, and the service carries text"),
    (["apigw-v2", "/orders"], "apigw-v2: invalid HTTP method '/orders'; the order is method, path"),
    (["function-url", "GET", "x"], "function-url: path 'x' does not begin with /"),
    (["apigw-v2", "--authorizer", "jwt"], "argument --authorizer: 'jwt' is not JSON"),
    (["apigw-v2", "--authorizer", "[]"], "'[]' is not a JSON object; write it in braces"),
    (["dynamodb", "INSERT", "--keys", "{}"], "dynamodb: INSERT has no keys"),
    (["dynamodb", "INSERT"], "required: --keys"),
    (["dynamodb", "INSERT", "--keys", '{"a": 1}', "--old", "{}"], "INSERT has no old item; leave --old out"),
    (["dynamodb", "REMOVE", "--keys", '{"a": 1}', "--new", "{}"], "REMOVE has no new item; leave --new out"),
    (["dynamodb", "UPSERT", "--keys", '{"a": 1}'], "choose one of: INSERT, MODIFY, REMOVE"),
    (["cognito", "SignUp"], "cognito: unsupported trigger 'SignUp'; choose one of: PreSignUp"),
    (["s3", "b"], "required: KEY"),
    (["ses", "--verdict", "spam=NO"], "unsupported verdict for spam 'NO'; choose one of: PASS"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED_CALLS)
def test_builder_refuses_invalid_arguments(call: Callable[[], Event], message: str) -> None:
    """A builder refuses arguments that AWS would not send; the message names the argument and the cure."""
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(("arguments", "message"), USAGE_ERRORS)
def test_usage_error_is_one_line(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A usage error is one line that says what to change, before one that names the kind's help, with exit code 2."""
    (tmp_path / "binary").write_bytes(b"\xff")
    monkeypatch.chdir(tmp_path)
    assert main(["event", *arguments]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    first, second = output.err.splitlines()
    assert first.startswith("awslambdaric-lite event: ") and message in first
    kind = "" if arguments == ["no-such-kind"] else f" {arguments[0]}"
    assert second == f"usage help: awslambdaric-lite event{kind} --help"
