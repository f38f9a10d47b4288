"""Events of software delivery: AWS CodePipeline, CodeCommit and Config, and errors of Step Functions."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ..common.regions import make_arn, partition
from .shared import (
    ACCOUNT,
    REGION,
    Event,
    Moment,
    TextContent,
    When,
    as_json,
    as_text,
    fresh_id,
    hexadecimal,
    label,
    token,
)


def codepipeline(
    user_parameters: TextContent = "",
    *,
    function_name: str = "my-function",
    input_bucket: str = "my-pipeline-bucket",
    input_key: str = "my-pipeline/source/artifact.zip",
    output_bucket: str = "my-pipeline-bucket",
    output_key: str = "my-pipeline/output/artifact.zip",
    job_id: str | None = None,
    account: str = ACCOUNT,
) -> Event:
    """Return a job of an AWS CodePipeline action.

        codepipeline({"stage": "prod"}, input_key="pipeline/source/1.zip")

    Args:
        user_parameters: user parameters of the action. Text as it is, anything else as JSON.
        function_name: name of the function in the action.
        input_bucket: bucket of the input artifact.
        input_key: key of the input artifact.
        output_bucket: bucket of the output artifact.
        output_key: key of the output artifact.
        job_id: id of the job. Default: a new one.
        account: number of the AWS account.

    Source: docs codepipeline/latest/userguide/actions-invoke-lambda-function.html
    """
    job_id = job_id or fresh_id()
    return {
        "CodePipeline.job": {
            "id": job_id,
            "accountId": account,
            "data": {
                "actionConfiguration": {
                    "configuration": {"FunctionName": function_name, "UserParameters": as_text(user_parameters)}
                },
                "inputArtifacts": [
                    _artifact("input-artifact", input_bucket, input_key, hexadecimal(job_id, "revision", 40))
                ],
                "outputArtifacts": [_artifact("output-artifact", output_bucket, output_key, None)],
                "artifactCredentials": {
                    "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
                    "secretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                    "sessionToken": token(job_id, "session", 96),
                },
            },
        }
    }


def codecommit(
    repository: str = "my-repository",
    *,
    ref: str = "refs/heads/main",
    commit: str | None = None,
    trigger: str = "my-trigger",
    custom_data: str = "",
    event_id: str | None = None,
    account: str = ACCOUNT,
    region: str = REGION,
    time: When = None,
) -> Event:
    """Return a push to an AWS CodeCommit repository.

        codecommit("shop", ref="refs/heads/release")

    Args:
        repository: name of the repository.
        ref: reference that was updated.
        commit: id of the commit. Default: derived from the event's id.
        trigger: name of the trigger.
        custom_data: custom data of the trigger.
        event_id: id of the event. Default: a new one.
        account: number of the AWS account.
        region: AWS region.
        time: time of the event. Default: now. An aware datetime, or seconds since the epoch.

    Source: docs lambda/latest/dg/services-codecommit.html
    """
    event_id = event_id or fresh_id()
    record = {
        "awsRegion": region,
        "codecommit": {"references": [{"commit": commit or hexadecimal(event_id, "commit", 40), "ref": ref}]},
        "customData": custom_data,
        "eventId": event_id,
        "eventName": "ReferenceChanges",
        "eventPartNumber": 1,
        "eventSource": "aws:codecommit",
        "eventSourceARN": make_arn("codecommit", region, account, repository),
        "eventTime": f"{Moment(time).iso_ms[:-1]}+0000",
        "eventTotalParts": 1,
        "eventTriggerConfigId": event_id,
        "eventTriggerName": trigger,
        "eventVersion": "1.0",
        "userIdentityARN": f"arn:{partition(region)}:iam::{account}:root",
    }
    return {"Records": [record]}


def config_rule(
    resource_type: str | None = None,
    configuration: Mapping[str, Any] | None = None,
    *,
    resource_id: str = "my-resource",
    parameters: Mapping[str, str] | None = None,
    rule: str = "my-rule",
    result_token: str | None = None,
    account: str = ACCOUNT,
    region: str = REGION,
    time: When = None,
) -> Event:
    """Return the event of a custom AWS Config rule.

        config_rule("AWS::S3::Bucket", {"name": "photos"}, resource_id="photos")

    Without a resource, it is the event of a rule that runs periodically.

    Args:
        resource_type: type of the resource that changed, e.g. `AWS::EC2::Instance`. Default: none.
        configuration: configuration of the resource. Default: empty.
        resource_id: id of the resource.
        parameters: parameters of the rule. Default: none.
        rule: name of the rule.
        result_token: result token. Default: a new one.
        account: number of the AWS account.
        region: AWS region.
        time: time of the notification. Default: now. An aware datetime, or seconds since the epoch.

    Source: docs config/latest/developerguide/evaluate-config_develop-rules_example-events.html
    """
    moment = Moment(time).iso_ms
    rule_id = f"config-rule-{label(rule, 'rule', 6)}"
    if resource_type is None:
        if configuration is not None:
            raise ValueError("configuration needs a resource_type; give the type, or leave the configuration out")
        invoking: dict[str, Any] = {
            "awsAccountId": account,
            "notificationCreationTime": moment,
            "messageType": "ScheduledNotification",
            "recordVersion": "1.0",
        }
    else:
        service, kind = [*resource_type.split("::"), "", ""][1:3]
        if not service or not kind:
            raise ValueError(f"invalid resource_type {resource_type!r}; write e.g. AWS::EC2::Instance")
        item = {
            "configurationItemCaptureTime": moment,
            "configurationStateId": 0,
            "awsAccountId": account,
            "configurationItemStatus": "OK",
            "resourceId": resource_id,
            "resourceName": resource_id,
            "ARN": make_arn(service.lower(), region, account, f"{kind.lower()}/{resource_id}"),
            "awsRegion": region,
            "availabilityZone": "Not Applicable",
            "configurationStateMd5Hash": hexadecimal(resource_id, "state", 32),
            "resourceType": resource_type,
            "resourceCreationTime": moment,
            "configurationItemVersion": "1.3",
            "tags": {},
            "relationships": [],
            "configuration": copy.deepcopy(dict(configuration or {})),
        }
        invoking = {"configurationItem": item, "messageType": "ConfigurationItemChangeNotification"}
    return {
        "version": "1.0",
        "invokingEvent": as_json(invoking),
        "ruleParameters": as_json(dict(parameters or {})),
        "resultToken": result_token or fresh_id(),
        "eventLeftScope": False,
        "executionRoleArn": f"arn:{partition(region)}:iam::{account}:role/config-role",
        "configRuleArn": make_arn("config", region, account, f"config-rule/{rule_id}"),
        "configRuleName": rule,
        "configRuleId": rule_id,
        "accountId": account,
    }


def step_functions_error(error: str = "States.TaskFailed", cause: TextContent = "") -> Event:
    """Return an error that a Step Functions state passes on (Catch).

        step_functions_error("ValueError", {"errorMessage": "no order", "errorType": "ValueError"})

    The same arguments always give the same event. Other states pass any input to a function.

    Args:
        error: name of the error, e.g. `States.Timeout` or that of an exception.
        cause: cause of the error. Text as it is, anything else as JSON, as after a failed function.

    Source: docs step-functions/latest/dg/concepts-error-handling.html
    """
    return {"Error": error, "Cause": as_text(cause)}


def _artifact(name: str, bucket: str, key: str, revision: str | None) -> dict[str, Any]:
    location = {"type": "S3", "s3Location": {"bucketName": bucket, "objectKey": key}}
    return {"name": name, "revision": revision, "location": location}
