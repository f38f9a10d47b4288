"""A project for tests of the command line: functions, an API, a queue and a schedule, without a transform."""

from __future__ import annotations

import sys
from pathlib import Path

RUNTIME = f"python{sys.version_info[0]}.{sys.version_info[1]}"
SOURCE = """
import json

def handler(event, context):
    print("\\x1b[2Jworking for", context.function_name)
    return {"statusCode": 200, "body": json.dumps([context.function_name, event.get("rawPath"), event.get("n")])}

def batch(event, context):
    bodies = [record["body"] for record in event["Records"]]
    if "crash" in bodies:
        raise ValueError("refused")
    failed = [record["messageId"] for record in event["Records"] if record["body"] == "bad"]
    return {"batchItemFailures": [{"itemIdentifier": one} for one in failed + ["unknown"] * ("lie" in bodies)]}

def tick(event, context):
    for number in range(event.get("lines", 0) if isinstance(event, dict) else 0):
        print(number, "x" * 64_000)
    return event
"""
_FUNCTION = """
  {id}:
    Type: AWS::Lambda::Function
    Properties: {{FunctionName: {name}, Handler: {handler}, Runtime: {runtime}, Code: src, Timeout: 20}}"""
TEMPLATE = (
    "Resources:"
    + _FUNCTION.format(id="Orders", name="orders", handler="app.handler", runtime=RUNTIME)
    + _FUNCTION.format(id="Users", name="users", handler="app.handler", runtime=RUNTIME)
    + _FUNCTION.format(id="Batch", name="batch", handler="app.batch", runtime=RUNTIME)
    + _FUNCTION.format(id="Tick", name="tick", handler="app.tick", runtime=RUNTIME)
    + _FUNCTION.format(id="Legacy", name="legacy", handler="index.handler", runtime="nodejs22.x")
    + """
  OrdersUrl:
    Type: AWS::Lambda::Url
    Properties: {TargetFunctionArn: !Ref Orders, AuthType: NONE}
  Shop:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: shop, ProtocolType: HTTP}
  Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Shop
      IntegrationType: AWS_PROXY
      IntegrationUri: !GetAtt Orders.Arn
      PayloadFormatVersion: "2.0"
  GetOrder:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Shop, RouteKey: "GET /orders/{id}", Target: !Sub "integrations/${Integration}"}
  Changes:
    Type: AWS::SQS::Queue
    Properties: {QueueName: changes}
  BatchChanges:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      FunctionName: !Ref Batch
      EventSourceArn: !GetAtt Changes.Arn
      FunctionResponseTypes: [ReportBatchItemFailures]
      FilterCriteria: {Filters: [{Pattern: '{"body": [{"anything-but": "ignored"}]}'}]}
  BatchMore:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: !Ref Batch, EventSourceArn: !GetAtt Changes.Arn}
  Nightly:
    Type: AWS::Events::Rule
    Properties: {ScheduleExpression: rate(1 day), Targets: [{Id: one, Arn: !GetAtt Tick.Arn}]}
"""
)


def write_project(folder: Path) -> Path:
    """Write the template and the code of its functions."""
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "app.py").write_text(SOURCE)
    (folder / "template.yaml").write_text(TEMPLATE)
    return folder


def write_functions(folder: Path, **sources: str) -> Path:
    """Write a `pyproject.toml` with functions whose code is separate."""
    tables = []
    for name, source in sources.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "app.py").write_text(source)
        tables.append(f'[tool.awslambdaric-lite.functions.{name}]\nhandler = "app.handler"\ntask-root = "{name}"\n')
    (folder / "pyproject.toml").write_text("\n".join(tables))
    return folder
