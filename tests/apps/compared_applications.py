"""Applications whose answers tests compare: frameworks, SDKs and handlers of all forms, with their events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite import events
from awslambdaric_lite.conformance.messages import Event, Request
from tests.apps.applications import DJANGO, FASTAPI, FLASK, STARLETTE
from tests.apps.served_applications import FURTHER, REACHED, REGULAR
from tests.process.lite import write_app
from tests.support.client_process import LITE, PROJECT, package_root, run_client

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "eu-west-1"}
CONTENDERS = PROJECT / "benchmarks" / "contenders"

BOTO3 = """
import boto3
from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError
from botocore.stub import Stubber
client = boto3.client("dynamodb")
table = boto3.resource("dynamodb").Table("table")
def handler(event, context):
    answers = []
    with Stubber(client) as stub:
        stub.add_response("get_item", {"Item": {"a": {"S": "x"}}})
        stub.add_client_error("get_item", "ResourceNotFoundException")
        for _ in range(2):
            try:
                answers.append(client.get_item(TableName="table", Key={"a": {"S": "1"}})["Item"])
            except client.exceptions.ResourceNotFoundException as error:
                answers.append([type(error).__mro__[1].__name__, str(error), isinstance(error, ClientError)])
    url = boto3.client("s3").generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
    return [*answers, table.name, Key("a").eq(1).get_expression()["operator"], url.partition("?")[0]]
"""
POWERTOOLS = """
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2, event_source
from aws_lambda_powertools.utilities.parser import BaseModel, ValidationError, parse
logger, metrics = Logger(service="test"), Metrics(namespace="test", service="test")
api, batch = APIGatewayHttpResolver(), BatchProcessor(event_type=EventType.SQS)
class Item(BaseModel):
    number: int
@api.get("/items/<number>")
def item(number):
    return parse({"number": number}, Item).model_dump()
@api.get("/missing")
def missing():
    raise NotFoundError("no such item")
@event_source(data_class=APIGatewayProxyEventV2)
def handler(event, context):
    logger.info("called")
    answers = [api.resolve({**event.raw_event, "rawPath": path}, context) for path in ("/items/1", "/missing", "/x")]
    try:
        parse({"number": "x"}, Item)
    except ValidationError as error:
        answers.append(error.error_count())
    record = {"messageId": "1", "body": "{}", "eventSource": "aws:sqs", "attributes": {}}
    records = {"Records": [record, {**record, "messageId": "2"}]}
    def use(record):
        assert record.message_id == "1"
    return [*answers, process_partial_response(records, use, batch, context)]
"""
HTTPX = """
import httpx
transport = httpx.MockTransport(lambda request: httpx.Response(200, json={"url": str(request.url)}))
async def handler(event, context):
    async with httpx.AsyncClient(transport=transport) as client:
        answer = (await client.get("https://host/path")).json()
    try:
        httpx.get("http://127.0.0.1:1/")
    except httpx.ConnectError as error:
        return [answer, type(error).__module__, httpx.__version__.count(".")]
"""
REQUESTS = """
import requests
def handler(event, context):
    try:
        requests.get("http://127.0.0.1:1/", auth=requests.auth.HTTPBasicAuth("a", "b"))
    except requests.exceptions.ConnectionError as error:
        return [type(error).__name__, requests.codes.ok, requests.__version__.count(".")]
"""
PYDANTIC = """
from __future__ import annotations
import dataclasses, datetime, decimal, typing
from pydantic import BaseModel, Field, TypeAdapter, ValidationError, field_validator
class Order(BaseModel):
    when: datetime.datetime
    total: decimal.Decimal = Field(gt=0)
    lines: list[Line] = []
    @field_validator("total")
    @classmethod
    def check(cls, value):
        return value + 1
class Line(BaseModel):
    name: typing.Annotated[str, Field(min_length=1)]
@dataclasses.dataclass
class Plain:
    order: typing.Optional[Order] = None
def handler(event, context):
    try:
        Order(when="x", total=0)
    except ValidationError as error:
        failed = error.error_count()
    order = Order(when="2026-01-01", total=1, lines=[{"name": "a"}])
    return [failed, order.model_dump_json(), TypeAdapter(Plain).json_schema(), sorted(typing.get_type_hints(Plain))]
"""
SQLALCHEMY = """
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
class Base(DeclarativeBase):
    pass
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
engine = sa.create_engine("sqlite://")
def handler(event, context):
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.merge(User(id=1, name="a"))
        return [user.name for user in session.scalars(sa.select(User))]
"""
NUMPY = """
import numpy
def handler(event, context):
    return [numpy.arange(6).reshape(2, 3).sum().item(), numpy.linalg.norm([3, 4]).item(), numpy.fft.fft([1]).size]
"""
JINJA = """
import jinja2, yaml
page, base = "{% extends 'base' %}{% block x %}{{ v|upper }}{% endblock %}", "<{% block x %}{% endblock %}>"
environment = jinja2.Environment(loader=jinja2.DictLoader({"page": page, "base": base}))
def handler(event, context):
    return [environment.get_template("page").render(v="x"), yaml.safe_load("a: [1]"), yaml.dump({"a": 1})]
"""
FAILING = """
import decimal
def handler(event, context):
    import json.decoder
    raise json.decoder.JSONDecodeError(str(decimal.Decimal(1)), "doc", 1)
"""
COROUTINE = """
import asyncio, csv
async def handler(event, context):
    await asyncio.sleep(0)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(asyncio.to_thread(csv.list_dialects)) for _ in range(2)]
    return [task.result() for task in tasks]
"""
STREAM = """
import decimal, csv
def handler(event, context):
    yield str(decimal.Decimal(1))
    import graphlib
    yield graphlib.__name__
    yield ",".join(csv.list_dialects())
"""
HTTP = [events.function_url("GET", "/ticks"), events.function_url("GET", "/nowhere")]
TELL = [
    events.function_url("POST", "/tell/a%20b?x=1", headers={"content-type": "text/plain"}, body="text"),
    *(events.function_url("GET", path) for path in ("/many", "/binary", "/stream", "/fail", "/nowhere")),
]
ITEMS = [events.api_gateway_v2("GET", f"/items/{number}?page=2") for number in ("1", "x")]
ITEM = events.function_url("POST", "/items/3?q=x", headers={"content-type": "application/json"}, body="{}")
OPENAPI = [events.function_url("GET", path) for path in ("/openapi.json", "/docs")]


def _streaming(source: str) -> tuple[str, str, list[Any]]:
    return REACHED.replace("        time.sleep(0.005)", "        return") + source, "app.app", HTTP


# Sources, handlers and events.
APPLICATIONS: dict[str, tuple[str, str, list[Any]]] = {
    "starlette": (STARLETTE, "app.app", TELL),
    "flask": (FLASK, "app.app", TELL),
    "fastapi": (FASTAPI, "app.app", [ITEM, *OPENAPI, events.function_url("POST", "/items/x", body="{}")]),
    "django, wsgi": (DJANGO.replace("{gateway}", "wsgi"), "app.app", TELL[:1] + TELL[-1:]),
    "django, asgi": (DJANGO.replace("{gateway}", "asgi"), "app.app", TELL[:1] + TELL[-1:]),
    "the benchmark's fastapi": ((CONTENDERS / "fastapi_app/app.py").read_text(), "app.application", ITEMS),
    "the benchmark's fastapi, mangum": ((CONTENDERS / "fastapi_app/app.py").read_text(), "app.wrapped", ITEMS),
    "the benchmark's powertools": ((CONTENDERS / "powertools_app/app.py").read_text(), "app.items", ITEMS),
    "the benchmark's boto3": ((CONTENDERS / "boto3_app/app.py").read_text(), "app.version", [{}]),
    "boto3": (BOTO3, "app.handler", [{}]),
    "powertools": (POWERTOOLS, "app.handler", [events.api_gateway_v2("GET", "/")]),
    "httpx": (HTTPX, "app.handler", [{}]),
    "requests": (REQUESTS, "app.handler", [{}]),
    "pydantic": (PYDANTIC, "app.handler", [{}]),
    "sqlalchemy": (SQLALCHEMY, "app.handler", [{}]),
    "numpy": (NUMPY, "app.handler", [{}]),
    "jinja2": (JINJA, "app.handler", [{}]),
    "failing": (FAILING, "app.handler", [{}]),
    "coroutine": (COROUTINE, "app.handler", [{}]),
    "stream": (STREAM, "app.handler", [{}]),
    **{f"{name}, streamed": _streaming(source) for name, source in {**REGULAR, **FURTHER}.items()},
}
_PACKAGES = {"powertools": "aws_lambda_powertools"}  # of names that are not their packages
WITHOUT_PACKAGES = ("asgi", "wsgi", "failing", "coroutine", "stream")


def answers(root: Path, name: str, env: Mapping[str, str]) -> tuple[list[object], str]:
    """Return verbs, bodies and types of the replies, and the log."""
    source, handler, sent = APPLICATIONS[name]
    root.mkdir(exist_ok=True)
    write_app(root, source)
    stream = {"AWSLAMBDARIC_LITE_APP_STREAM": "1"} if name.endswith("streamed") else {}
    variables = {**CREDENTIALS, **stream, "GATES": "/", "PYTHONPATH": package_root(), **env}
    given = [Event(json.dumps(event).encode()) for event in sent]
    result = run_client(LITE, handler, given, task_root=root, env=variables)
    return [_comparable(reply, root) for reply in result.replies], result.stdout.decode()


def _comparable(reply: Request, root: Path) -> object:
    return reply.verb, reply.body.replace(str(root).encode(), b""), reply.header("Content-Type")


def skip_without_package(name: str) -> None:
    """Skip the test if the application's package is not installed."""
    top = name.partition(",")[0].partition(" ")[0]
    if top == "the":
        top = name.partition("'s ")[2].partition(",")[0]
    if top not in WITHOUT_PACKAGES:
        pytest.importorskip(_PACKAGES.get(top, top), reason=f"{name}: the package is not installed")
