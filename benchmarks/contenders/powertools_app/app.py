"""An API behind API Gateway, with AWS's own toolkit: routing, structured logs, metrics."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger(service="benchmark")
metrics = Metrics(namespace="benchmark", service="benchmark")
api = APIGatewayHttpResolver()


@api.get("/items/<number>")
def item(number: str) -> dict[str, Any]:
    """Answer an item."""
    logger.info("asked for an item", extra={"number": number})
    metrics.add_metric(name="items", unit=MetricUnit.Count, value=1)
    return {"id": int(number), "page": api.current_event.query_string_parameters.get("page")}


@logger.inject_lambda_context
@metrics.log_metrics
def items(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request."""
    return api.resolve(event, context)
