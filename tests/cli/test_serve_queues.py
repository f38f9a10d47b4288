"""`awslambdaric-lite serve` with the queues of a project at a server of SQS that others wrote."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from awslambdaric_lite.emulator.sources.queues import sqs_client
from tests.emulator.command_line import Serve
from tests.emulator.sdk import lambda_client
from tests.layers.publishing import aws

from .project_files import RUNTIME

PORTS = ("--api-port", "0")
SOURCE = """
import os

def handler(event, context):
    print("url", os.environ["QUEUE_URL"], "endpoint", os.environ["AWS_ENDPOINT_URL_SQS"])
    print("bodies", *[record["body"] for record in event["Records"]])
"""


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """The address of moto's server."""
    with aws.moto() as url:
        yield url


def write_consumer(folder: Path, queue: str) -> Path:
    """Write a template with a queue and its consumer."""
    (folder / "app.py").write_text(SOURCE)
    (folder / "template.json").write_text(
        json.dumps(
            {
                "Resources": {
                    "Jobs": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": queue}},
                    "Worker": {
                        "Type": "AWS::Lambda::Function",
                        "Properties": {
                            **{"Handler": "app.handler", "Runtime": RUNTIME, "Code": ".", "Timeout": 20},
                            "Environment": {"Variables": {"QUEUE_URL": {"Ref": "Jobs"}}},
                        },
                    },
                    "Source": {
                        "Type": "AWS::Lambda::EventSourceMapping",
                        "Properties": {
                            "FunctionName": {"Ref": "Worker"},
                            "EventSourceArn": {"Fn::GetAtt": ["Jobs", "Arn"]},
                        },
                    },
                }
            }
        )
    )
    return folder


def line_of(serve: Serve, beginning: str) -> str:
    """Return the next line of a log that begins like this."""
    while not (line := serve.event("log")["line"]).startswith(beginning):
        pass
    return str(line)


def test_queue_is_created_and_polled(moto: str, tmp_path: Path) -> None:
    """`--create-resources` creates the queue; `Ref` has its real URL, and its messages reach the function."""
    root = write_consumer(tmp_path, "created")
    with Serve(str(root), *PORTS, "--endpoint-url", f"sqs={moto}", "--create-resources") as serve:
        [source] = serve.serving["sources"]
        assert (source["polled"], source["queue"]) == (True, "Jobs")
        client = sqs_client(moto, "us-east-1")
        url = client.get_queue_url(QueueName="created")["QueueUrl"]
        client.send_message(QueueUrl=url, MessageBody="one")
        assert line_of(serve, "url ") == f"url {url} endpoint {moto}"
        assert line_of(serve, "bodies ") == "bodies one"
        functions = lambda_client(serve.serving["endpointUrl"])
        [mapping] = functions.list_event_source_mappings()["EventSourceMappings"]
        real = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        assert mapping["EventSourceArn"] == real
        assert serve.end()[0] == 0
    client.close()
    functions.close()


def test_existing_queue_is_found_by_the_variable(moto: str, tmp_path: Path) -> None:
    """A queue that exists at AWS_ENDPOINT_URL_SQS is polled; a line names one that does not, and the cure."""
    root = write_consumer(tmp_path, "later")
    client = sqs_client(moto, "us-east-1")
    with Serve(str(root), *PORTS, AWS_ENDPOINT_URL_SQS=moto) as serve:
        [source] = serve.serving["sources"]
        assert (source["polled"], source["reason"]) == (False, "not polled yet: its queue is looked for")
        while "does not exist" not in (text := serve.event("warning")["text"]):
            pass
        assert text == f"queue later (Jobs) does not exist at {moto}; create it with --create-resources"
        url = client.create_queue(QueueName="later")["QueueUrl"]
        client.send_message(QueueUrl=url, MessageBody="two")
        while "is polled now" not in serve.event("warning")["text"]:
            pass
        assert line_of(serve, "bodies ") == "bodies two"
    with Serve(str(root), *PORTS, AWS_ENDPOINT_URL=moto) as serve:
        assert serve.serving["sources"][0]["polled"]
        assert serve.end()[0] == 0
    client.close()


def test_endpoint_that_does_not_answer_is_named(tmp_path: Path) -> None:
    """An endpoint without a server is a warning; the functions of the project are served."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    root = write_consumer(tmp_path, "never")
    with Serve(str(root), *PORTS, "--endpoint-url", f"sqs={url}", "--create-resources") as serve:
        assert not serve.serving["sources"][0]["polled"]
        text = serve.event("warning")["text"]
        assert re.match(rf"queue never( \(Jobs\))? at {url}: .*start the server", text)
        assert serve.end()[0] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--create-resources",), "--create-resources needs a local endpoint; name it by --endpoint-url sqs=URL"),
        (
            ("--create-resources", "--endpoint-url", "sqs=https://sqs.eu-west-1.amazonaws.com"),
            "--create-resources needs a local endpoint",
        ),
        (("--poll-aws", "Jobs"), "--poll-aws: no event source of a queue has the logical id 'Jobs'; choose one of: So"),
    ],
)
def test_option_without_effect_is_refused(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    """Queues are not created at AWS, and only sources of the project are polled there."""
    root = write_consumer(tmp_path, "none")
    code = "import sys; from awslambdaric_lite.cli import main; sys.exit(main(sys.argv[1:]))"
    variables = {name: value for name, value in os.environ.items() if not name.startswith("AWS_ENDPOINT")}
    done = subprocess.run(
        [sys.executable, "-c", code, "serve", str(root), "--port", "0", *PORTS, *words],
        capture_output=True,
        env=variables,
        check=False,
    )
    assert done.returncode == 2
    assert message in done.stderr.decode()
