"""Queues of a template at an endpoint, and which sources are polled where."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError

from awslambdaric_lite.emulator.config.project import Queue, QueueSource
from awslambdaric_lite.emulator.errors import InvalidSource, QueueUnavailable
from awslambdaric_lite.emulator.sources.plan import plan_polling, sqs_endpoint
from awslambdaric_lite.emulator.sources.queues import create_queues, find_queues, one_line, queue_name, sqs_client

from .harness import Queues

ORDERS = QueueSource("Orders", "function", "OrdersQueue")
OTHERS = QueueSource("Others", "function", "OthersQueue")
LOCAL = "http://localhost:9324"
AWS = "https://sqs.eu-west-1.amazonaws.com"


def template(prefix: str, **attributes: str) -> list[Queue]:
    """Return queues of which one is the dead-letter queue of the other, in an order that templates may have."""
    return [
        Queue("Orders", f"{prefix}-orders.fifo", {"VisibilityTimeout": "7", **attributes}, "Dead", 3),
        Queue("Dead", f"{prefix}-dead.fifo"),
        Queue("Plain", f"{prefix}-plain"),
    ]


def test_queues_are_created_with_their_attributes(queues: Queues) -> None:
    """Queues get the attributes of the template, and dead-letter queues by their ARNs, in any order of the template."""
    found = create_queues(template("created"), queues.client)
    assert {each: address.arn.rpartition(":")[2] for each, address in found.items()} == {
        "Orders": "created-orders.fifo",
        "Dead": "created-dead.fifo",
        "Plain": "created-plain",
    }
    orders = queues.attributes(found["Orders"].url)
    policy = json.loads(orders["RedrivePolicy"])
    assert (orders["VisibilityTimeout"], orders["FifoQueue"]) == ("7", "true")
    assert (policy["deadLetterTargetArn"], int(policy["maxReceiveCount"])) == (found["Dead"].arn, 3)
    queues.send(found["Orders"], "one", MessageGroupId="a", MessageDeduplicationId="1")
    assert queues.counts(found["Orders"]) == (1, 0)


def test_existing_queues_keep_messages_and_get_new_attributes(queues: Queues) -> None:
    """A queue that exists already keeps its messages, and gets the attributes that the template has now."""
    first = create_queues(template("kept"), queues.client)
    queues.send(first["Plain"], "one")
    changed = [*template("kept", VisibilityTimeout="9")[:2], Queue("Plain", "kept-plain", {"DelaySeconds": "1"})]
    assert create_queues(changed, queues.client) == first
    assert queues.attributes(first["Orders"].url)["VisibilityTimeout"] == "9"
    assert queues.attributes(first["Plain"].url)["DelaySeconds"] == "1"
    assert queues.counts(first["Plain"]) == (1, 0)


def test_queues_are_found_by_name(queues: Queues) -> None:
    """Queues that exist are found by name; a note names those that do not exist, and the cure."""
    made = create_queues([Queue("Plain", "found-plain")], queues.client)
    notes: list[str] = []
    names = {"Plain": "found-plain", "Missing": "found-missing"}
    assert find_queues(names, queues.client, notes.append) == made
    [note] = notes
    assert note.startswith("queue found-missing (Missing) does not exist at http://127.0.0.1:")
    assert note.endswith("; create it with --create-resources")


def test_refused_queue_names_queue_and_endpoint(queues: Queues) -> None:
    """A queue that the server refuses is an error with the server's words, the logical id and the endpoint."""
    with pytest.raises(QueueUnavailable, match=r"^queue with space \(Bad\) at http://127\.0\.0\.1:\d+: .+"):
        create_queues([Queue("Bad", "with space")], queues.client)


def test_missing_dead_letter_queue_is_an_error(moto: Queues) -> None:
    """A dead-letter queue that the template does not have is an error that names both."""
    with pytest.raises(InvalidSource, match="queue Orders: its dead-letter queue Missing is not in the template"):
        create_queues([Queue("Orders", "dead-letter-missing", {}, "Missing", 1)], moto.client)


def test_silent_endpoint_is_an_error() -> None:
    """An endpoint that does not answer is an error that names it and the cure."""
    with socket.socket() as taken:  # bound, but not listening
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        client = sqs_client(url, "us-east-1")
        try:
            with pytest.raises(QueueUnavailable, match="start the server, or name another endpoint") as raised:
                find_queues({"Orders": "orders"}, client, print)
            assert str(raised.value).startswith(f"queue orders at {url}: ")
        finally:
            client.close()


@pytest.mark.parametrize(
    "url",
    [
        AWS,
        "https://SQS.eu-west-1.AmazonAWS.com.",
        "https://sqs.cn-north-1.amazonaws.com.cn",
        "https://eu-west-1.queue.amazonaws.com:443/",
        "https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com",
        "https://sqs.us-gov-west-1.amazonaws.com",
        "https://sqs.us-iso-east-1.c2s.ic.gov",
        "https://sqs.eusc-de-east-1.amazonaws.eu",
        "https://sqs.eu-west-1.api.aws",
        None,
    ],
)
def test_nothing_is_created_at_aws(url: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """No queue is created at an endpoint of AWS, whatever its partition and spelling; no request is made."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", LOCAL)  # an endpoint is what the caller says
    client = sqs_client(url, "eu-west-1")

    def refuse(**_: Any) -> None:
        raise AssertionError("a request was made")

    client.meta.events.register("before-send", refuse)
    with pytest.raises(QueueUnavailable, match=r"queues are not created at .+, which is AWS; name a local endpoint"):
        create_queues([Queue("Orders", "orders")], client)
    client.close()


def test_page_of_another_server_is_cut() -> None:
    """The page of a server that is not one of SQS becomes one short line of the error."""
    error = one_line("<html>\n  " + "Not Implemented " * 50 + "\n</html>")
    assert error.startswith("<html> Not Implemented Not ")
    assert (len(error), error[-1], "\n" in error) == (301, "…", False)


def test_missing_profile_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile of the user that does not exist is an error that names it."""
    monkeypatch.setenv("AWS_PROFILE", "missing-profile")
    with pytest.raises(QueueUnavailable, match=r"SQS at AWS cannot be used: .*missing-profile"):
        sqs_client(None, "eu-west-1")


def test_queue_of_another_account_is_found_at_aws() -> None:
    """At AWS the owner of a queue that an ARN names is part of the request."""
    client = sqs_client(AWS, "eu-west-1")
    asked: list[dict[str, Any]] = []

    def refuse(params: dict[str, Any], **_: Any) -> None:
        asked.append(json.loads(params["body"]))
        raise BotoCoreError

    client.meta.events.register("before-call.sqs.GetQueueUrl", refuse)
    with pytest.raises(QueueUnavailable):
        find_queues({"arn:aws:sqs:eu-west-1:123456789012:jobs": "jobs"}, client, print)
    assert asked == [{"QueueName": "jobs", "QueueOwnerAWSAccountId": "123456789012"}]
    client.close()


def test_name_of_a_queue_comes_from_template_or_arn() -> None:
    """The name of a queue comes from the template, or from the end of its ARN."""
    known = [Queue("Orders", "orders")]
    assert queue_name("Orders", known) == "orders"
    assert queue_name("arn:aws:sqs:eu-west-1:123456789012:jobs.fifo", known) == "jobs.fifo"
    assert queue_name("Missing", known) is None


@pytest.mark.parametrize(
    ("environment", "endpoints", "expected"),
    [
        ({}, {}, None),
        ({"AWS_ENDPOINT_URL": LOCAL}, {}, LOCAL),
        ({"AWS_ENDPOINT_URL": AWS, "AWS_ENDPOINT_URL_SQS": LOCAL}, {}, LOCAL),
        ({"AWS_ENDPOINT_URL": LOCAL, "AWS_ENDPOINT_URL_SQS": ""}, {}, LOCAL),
        ({"AWS_ENDPOINT_URL_SQS": AWS}, {"sqs": LOCAL}, LOCAL),
        ({"AWS_ENDPOINT_URL_SQS": LOCAL}, {"s3": AWS}, LOCAL),
    ],
)
def test_endpoint_comes_from_option_then_variables(
    environment: dict[str, str], endpoints: dict[str, str], expected: str | None
) -> None:
    """The option takes precedence over the variable of the service, which takes precedence over the general one."""
    assert sqs_endpoint(environment, endpoints) == expected


@pytest.mark.parametrize(
    "url", ["localhost:9324", "ftp://localhost", "http://", "http://host:port", "http://[::1", "x"]
)
def test_endpoint_that_is_no_url_is_an_error(url: str) -> None:
    """An endpoint that is not a URL is an error with an example."""
    with pytest.raises(InvalidSource, match=r"of SQS is not a URL; use e\.g\. http://localhost:9324"):
        plan_polling([ORDERS], {"AWS_ENDPOINT_URL_SQS": url})


def test_source_is_polled_at_a_named_endpoint_only() -> None:
    """Sources are polled at a local endpoint; without one the reason names the variable."""
    assert [(each.endpoint_url, each.obstacle) for each in plan_polling([ORDERS, OTHERS], {})] == [
        (None, "not polled: set AWS_ENDPOINT_URL_SQS")
    ] * 2
    [plan] = plan_polling([ORDERS], {"AWS_ENDPOINT_URL": LOCAL})
    assert (plan.source, plan.endpoint_url, plan.obstacle, plan.warning) == (ORDERS, LOCAL, "", "")


def test_aws_is_polled_only_by_name() -> None:
    """AWS is polled only for named sources, with a warning, even if a variable names AWS's endpoint."""
    orders, others = plan_polling([ORDERS, OTHERS], {"AWS_ENDPOINT_URL_SQS": AWS}, poll_aws=["Orders"])
    assert (orders.endpoint_url, orders.obstacle) == (AWS, "")
    assert orders.warning == "Orders takes messages from the queue at AWS: no other consumer gets them"
    assert others.obstacle == f"not polled: {AWS} is AWS; name it with --poll-aws Others"
    orders, others = plan_polling([ORDERS, OTHERS], {"AWS_ENDPOINT_URL": LOCAL}, poll_aws=["Orders"])
    assert (orders.endpoint_url, bool(orders.warning), others.endpoint_url) == (None, True, LOCAL)


def test_disabled_source_is_not_polled() -> None:
    """A source that the template disables is not polled, and the reason says so."""
    [plan] = plan_polling([QueueSource("Orders", "function", "Queue", enabled=False)], {"AWS_ENDPOINT_URL": LOCAL})
    assert plan.obstacle == "not polled: it is disabled; set Enabled to true"


def test_unknown_source_is_an_error() -> None:
    """A logical id that no source has is an error that lists those that exist."""
    with pytest.raises(InvalidSource, match="has the logical id 'Order'; choose one of: Orders, Others"):
        plan_polling([ORDERS, OTHERS], {}, poll_aws=["Order"])


def test_missing_boto3_is_an_error_with_its_cure() -> None:
    """Without boto3, making a client is an error with the name of the extra; the modules themselves do not need it."""
    program = """
import sys
sys.modules["boto3"] = None
from awslambdaric_lite.emulator.sources import plan, queue_poller, queues
assert "botocore" not in sys.modules
try:
    queues.sqs_client("http://localhost", "us-east-1")
except ModuleNotFoundError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "queues need boto3; install it with: pip install 'awslambdaric-lite[project]'\n"


def test_one_function_imports_no_source() -> None:
    """A local function imports neither event sources nor boto3."""
    program = """
import sys
import awslambdaric_lite.emulator, awslambdaric_lite.emulator.service, awslambdaric_lite.cli.serve
print([name for name in sys.modules if ".sources" in name or name.startswith("boto")])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
