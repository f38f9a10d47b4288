"""Events of AWS CloudFormation custom resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ..common.regions import dns_suffix, make_arn
from .shared import ACCOUNT, REGION, Event, derived_uuid, fresh_id, require_choice


def cloudformation(
    request_type: str = "Create",
    properties: Mapping[str, Any] | None = None,
    *,
    old_properties: Mapping[str, Any] | None = None,
    physical_resource_id: str | None = None,
    resource_type: str = "Custom::MyResource",
    logical_resource_id: str = "MyResource",
    stack: str = "my-stack",
    function_name: str = "my-function",
    response_url: str | None = None,
    request_id: str | None = None,
    account: str = ACCOUNT,
    region: str = REGION,
) -> Event:
    """Return a request for a CloudFormation custom resource.

        cloudformation("Update", {"Count": 3}, old_properties={"Count": 2}, response_url=server.url)

    Args:
        request_type: type of the request: Create, Update or Delete.
        properties: properties of the resource. Numbers and booleans become text, as CloudFormation sends them.
        old_properties: properties before an update. Default: none.
        physical_resource_id: id of the existing resource (Update, Delete). Default: derived from stack and logical id.
        resource_type: type of the resource: `AWS::CloudFormation::CustomResource`, or one that begins with `Custom::`.
        logical_resource_id: name of the resource in the template.
        stack: name of the stack.
        function_name: name of the function, which is the service token.
        response_url: URL to which the function PUTs its response; use one of a local server to see it. Default: a URL
            in AWS's format that accepts nothing.
        request_id: id of the request. Default: a new one.
        account: number of the AWS account.
        region: AWS region.

    Source: docs AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html
    """
    require_choice("request_type", request_type, ("Create", "Update", "Delete"))
    if request_type != "Update" and old_properties is not None:
        raise ValueError(f"a {request_type} request has no old_properties; use Update, or leave them out")
    if request_type == "Create" and physical_resource_id is not None:
        raise ValueError("a Create request has no physical_resource_id; leave it out, because the function returns it")
    request_id = request_id or fresh_id()
    token = make_arn("lambda", region, account, f"function:{function_name}")
    stack_id = make_arn("cloudformation", region, account, f"stack/{stack}/{derived_uuid(stack, 'stack')}")
    bucket = f"cloudformation-custom-resource-response-{region.replace('-', '')}.s3.{region}.{dns_suffix(region)}"
    path = quote(f"{stack_id}|{logical_resource_id}|{request_id}", safe="/")
    event: Event = {
        "RequestType": request_type,
        "ServiceToken": token,
        "ResponseURL": response_url or f"https://{bucket}/{path}?X-Amz-Expires=7200&X-Amz-Signature=example",
        "StackId": stack_id,
        "RequestId": request_id,
        "LogicalResourceId": logical_resource_id,
        "ResourceType": resource_type,
        "ResourceProperties": {"ServiceToken": token, **_as_sent(properties or {})},
    }
    if request_type != "Create":
        event["PhysicalResourceId"] = physical_resource_id or f"{stack}-{logical_resource_id}"
    if request_type == "Update":
        event["OldResourceProperties"] = {"ServiceToken": token, **_as_sent(old_properties or {})}
    return event


def _as_sent(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _as_sent(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_as_sent(member) for member in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value
