"""Events of buckets, buses, logs, stacks, mail and user pools."""

from __future__ import annotations

import base64
import gzip
import json
from urllib.parse import unquote_plus

import pytest
from aws_lambda_powertools.utilities.data_classes import (
    CloudWatchLogsEvent,
    S3Event,
    SESEvent,
)
from hypothesis import given
from hypothesis import strategies as st

from awslambdaric_lite import events

from .examples import ID, TIME, TIME_MS
from .quiet import quiet


@quiet
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_s3_keys_are_url_encoded(key: str) -> None:
    """The key in an S3 event is URL-encoded, and decodes to the key of the object."""
    event = events.s3("photos", key)
    raw = event["Records"][0]["s3"]["object"]["key"]
    assert raw.isascii() and " " not in raw
    assert unquote_plus(raw) == S3Event(event).object_key == key


def test_s3_creation_has_bucket_and_object() -> None:
    """The event of a created object has the bucket, the object and the version of the structure."""
    (record,) = events.s3("photos", "a/red flower.jpg", event="s3:ObjectCreated:Copy", size=7, version_id="v1")[
        "Records"
    ]
    assert (record["eventName"], record["eventVersion"]) == ("ObjectCreated:Copy", "2.1")
    assert record["s3"]["bucket"]["arn"] == "arn:aws:s3:::photos"
    found = record["s3"]["object"]
    assert (found["key"], found["size"], found["versionId"]) == ("a/red+flower.jpg", 7, "v1")
    assert len(found["eTag"]) == 32 and int(found["sequencer"], 16)


@pytest.mark.parametrize(
    ("name", "fields", "version"),
    [
        ("ObjectRemoved:Delete", {"key", "sequencer"}, "2.1"),
        ("ObjectRemoved:DeleteMarkerCreated", {"key", "sequencer"}, "2.1"),
        ("LifecycleExpiration:Delete", {"key"}, "2.3"),
        ("ObjectTagging:Delete", {"key", "size", "eTag"}, "2.3"),
        ("ObjectAcl:Put", {"key", "size", "eTag"}, "2.3"),
    ],
)
def test_s3_type_decides_the_fields(name: str, fields: set[str], version: str) -> None:
    """Events of deleted objects have neither size nor ETag, and only creations and removals have a sequencer."""
    (record,) = events.s3("b", "k", event=name)["Records"]
    assert (record["s3"]["object"].keys(), record["eventVersion"]) == (fields, version)


def test_s3_sequencers_rise_with_time() -> None:
    """The later of two events of a key has the greater sequencer."""
    first, second = (
        events.s3("b", "k", time=time)["Records"][0]["s3"]["object"]["sequencer"] for time in (TIME_MS / 1000, 1.7e9)
    )
    assert first < second


def test_eventbridge_envelope_has_every_field() -> None:
    """An EventBridge event has the time in whole seconds, and the given detail and resources."""
    event = events.eventbridge("Shipped", {"order": 7}, source="com.example", resources=("arn:a",), id=ID, time=TIME)
    assert event == {
        "version": "0",
        "id": ID,
        "detail-type": "Shipped",
        "source": "com.example",
        "account": "123456789012",
        "time": "2020-03-12T19:03:58Z",
        "region": "us-east-1",
        "resources": ["arn:a"],
        "detail": {"order": 7},
    }


def test_rule_and_schedule_differ() -> None:
    """Events of a scheduled rule and of EventBridge Scheduler differ in source, resource and type of the detail."""
    rule, schedule = events.scheduled("nightly"), events.scheduled("nightly", scheduler=True)
    assert (rule["source"], rule["detail"]) == ("aws.events", {})
    assert rule["resources"] == ["arn:aws:events:us-east-1:123456789012:rule/nightly"]
    assert (schedule["source"], schedule["detail"]) == ("aws.scheduler", "{}")
    assert schedule["resources"] == ["arn:aws:scheduler:us-east-1:123456789012:schedule/default/nightly"]
    assert rule["detail-type"] == schedule["detail-type"] == "Scheduled Event"


def test_cloudwatch_logs_are_compressed_json() -> None:
    """Log events are gzipped JSON with rising ids, and the name of the log stream contains the day."""
    raw = events.cloudwatch_logs("REPORT\tRequestId", {"level": "ERROR"}, log_group="/aws/lambda/f", time=TIME)
    compressed = base64.b64decode(raw["awslogs"]["data"], validate=True)
    assert compressed[4:8] == bytes(4), "the time of compression is in it"
    data = json.loads(gzip.decompress(compressed))
    assert data["messageType"] == "DATA_MESSAGE"
    decoded = CloudWatchLogsEvent(raw).parse_logs_data()
    assert (decoded.log_group, decoded.owner) == ("/aws/lambda/f", "123456789012")
    assert decoded.log_stream.startswith("2020/03/12/[$LATEST]")
    first, second = decoded.log_events
    assert (first.message, json.loads(second.message)) == ("REPORT\tRequestId", {"level": "ERROR"})
    assert first.timestamp == TIME_MS
    assert int(first.get_id) < int(second.get_id) and len(first.get_id) == 56


def test_cloudformation_properties_become_text() -> None:
    """Numbers and booleans become text at any depth, and the service token is one of the properties."""
    event = events.cloudformation("Update", {"N": 3, "L": [True, {"x": 1.5}], "S": "s"}, old_properties={"N": 2})
    token = event["ServiceToken"]
    assert event["ResourceProperties"] == {"ServiceToken": token, "N": "3", "L": ["true", {"x": "1.5"}], "S": "s"}
    assert event["OldResourceProperties"] == {"ServiceToken": token, "N": "2"}
    assert event["PhysicalResourceId"] == "my-stack-MyResource"


def test_cloudformation_request_fits_its_type() -> None:
    """Only requests for existing resources have a physical id, and the response URL can be replaced."""
    create = events.cloudformation(response_url="http://127.0.0.1:8000/", logical_resource_id="Primer", stack="s")
    assert "PhysicalResourceId" not in create and "OldResourceProperties" not in create
    assert (create["ResponseURL"], create["LogicalResourceId"]) == ("http://127.0.0.1:8000/", "Primer")
    assert ":stack/s/" in create["StackId"]
    assert events.cloudformation("Delete", physical_resource_id="r")["PhysicalResourceId"] == "r"


def test_ses_mail_repeats_sender_and_recipients() -> None:
    """Sender and recipients are in the mail, its headers and the receipt, with the given verdicts."""
    event = SESEvent(
        events.ses(
            "Invoice",
            sender="Bob <bob@example.com>",
            recipients=["a@example.org", "b@example.org"],
            headers={"X-Spam": "yes"},
            verdicts={"spam": "FAIL"},
            time=TIME,
        )
    )
    mail, receipt = event.mail, event.receipt
    assert (mail.source, mail.destination) == ("bob@example.com", ["a@example.org", "b@example.org"])
    assert (mail.common_headers.subject, mail.common_headers.get_from) == ("Invoice", ["Bob <bob@example.com>"])
    headers = {header.name: header.value for header in mail.headers}
    assert (headers["To"], headers["X-Spam"]) == ("a@example.org, b@example.org", "yes")
    assert headers["Date"] == mail.common_headers.date == "Thu, 12 Mar 2020 19:03:58 +0000"
    assert headers["Message-ID"] == mail.common_headers.message_id
    assert (receipt.spam_verdict.status, receipt.virus_verdict.status) == ("FAIL", "PASS")
    assert receipt.recipients == mail.destination


def test_cognito_arguments_change_the_request() -> None:
    """User attributes are added to the default ones, and fields of the request are replaced."""
    event = events.cognito("UserMigration", user_name="bob", request={"password": "secret"})
    assert event["request"] == {"password": "secret", "validationData": None}
    assert "password" not in events.cognito("UserMigration_ForgotPassword")["request"]
    attributes = events.cognito("PreSignUp", user_attributes={"custom:plan": "free"})["request"]["userAttributes"]
    assert attributes == {"email": "ada@example.com", "custom:plan": "free"}
    assert events.cognito("CustomMessage_AdminCreateUser")["request"]["usernameParameter"] == "{username}"
    assert events.cognito("CustomMessage")["triggerSource"] == "CustomMessage_SignUp"


def test_events_share_no_objects() -> None:
    """A handler that changes its event changes neither another event nor the builder's arguments."""
    events.cognito("PreSignUp")["response"]["autoConfirmUser"] = True
    assert events.cognito("PreSignUp")["response"]["autoConfirmUser"] is False
    events.cognito("DefineAuthChallenge")["request"]["session"].append("x")
    assert events.cognito("DefineAuthChallenge")["request"]["session"] == []
    events.cognito("TokenGeneration")["request"]["groupConfiguration"]["groupsToOverride"].append("x")
    assert events.cognito("TokenGeneration")["request"]["groupConfiguration"]["groupsToOverride"] == []
    detail = {"nested": {"a": 1}}
    events.eventbridge("x", detail)["detail"]["nested"].clear()
    assert detail == {"nested": {"a": 1}}
    first, second = events.sqs("a", "b", message_attributes={"k": "v"})["Records"]
    first["messageAttributes"].clear()
    assert second["messageAttributes"]
    one, two = events.kafka("a", "b", headers={"k": "v"})["records"]["my-topic-0"]
    one["headers"].clear()
    assert two["headers"]
