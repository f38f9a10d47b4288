"""Events compared with models that AWS publishes: parser and data classes of Powertools for AWS Lambda."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import cognito_user_pool_event as pool
from aws_lambda_powertools.utilities.parser import models
from pydantic import BaseModel, ValidationError

from awslambdaric_lite import events

from .examples import BUILDS, TIME, Event
from .test_documented import DOCUMENTED

MODELS: dict[str, type[BaseModel]] = {
    "alb": models.AlbModel,
    "api_gateway_v1": models.APIGatewayProxyEventModel,
    "api_gateway_v2": models.APIGatewayProxyEventV2Model,
    "cloudformation": models.CloudFormationCustomResourceCreateModel,
    "cloudwatch_logs": models.CloudWatchLogsModel,
    "cognito": models.CognitoPostConfirmationTriggerModel,
    "dynamodb": models.DynamoDBStreamModel,
    "eventbridge": models.EventBridgeModel,
    "firehose": models.KinesisFirehoseModel,
    "function_url": models.LambdaFunctionUrlModel,
    "kafka": models.KafkaSelfManagedEventModel,
    "kinesis": models.KinesisDataStreamModel,
    "msk": models.KafkaMskEventModel,
    "s3": models.S3Model,
    "scheduled": models.EventBridgeModel,
    "ses": models.SesModel,
    "sns": models.SnsModel,
    "sqs": models.SqsModel,
    "websocket": models.APIGatewayWebSocketMessageEventModel,
}
IAM = {"iam": {"accessKey": "AKIA", "accountId": "111122223333", "callerId": "AIDA", "cognitoIdentity": None}}
JWT = {"jwt": {"claims": {"sub": "7"}, "scopes": ["read"]}}
VARIANTS: list[tuple[type[BaseModel], Event]] = [
    (models.AlbModel, events.alb()),
    (models.APIGatewayProxyEventModel, events.api_gateway_v1("PUT", "/?a=1&a=2", body=b"\xff", cookies={"a": "b"})),
    (models.APIGatewayProxyEventModel, events.api_gateway_v1(authorizer={"claims": {"sub": "7"}})),
    (models.APIGatewayProxyEventV2Model, events.api_gateway_v2(authorizer=JWT, cookies={"a": "b"}, body={"a": 1})),
    (models.APIGatewayProxyEventV2Model, events.api_gateway_v2(authorizer={"lambda": {"tenant": 7}}, stage="dev")),
    (models.APIGatewayProxyEventV2Model, events.api_gateway_v2(authorizer=IAM, stage_variables={"a": "b"})),
    (models.APIGatewayWebSocketConnectEventModel, events.websocket("$connect", query={"a": "b"})),
    (models.APIGatewayWebSocketDisconnectEventModel, events.websocket("$disconnect", user_agent="curl")),
    (models.CloudFormationCustomResourceDeleteModel, events.cloudformation("Delete")),
    (models.CloudFormationCustomResourceUpdateModel, events.cloudformation("Update", {"a": 1}, old_properties={})),
    (models.EventBridgeModel, events.scheduled(scheduler=True)),
    (models.LambdaFunctionUrlModel, events.function_url(authorizer=IAM)),
    (models.LambdaFunctionUrlModel, events.function_url("DELETE", "/a", body=b"\x00", cookies=["a=b"])),
    (models.S3Model, events.s3("b", "k", event="s3:ObjectRemoved:Delete", version_id="v")),
    (models.S3Model, events.s3("b", "k", event="ObjectTagging:Delete")),
    (models.S3Model, events.s3("b", "k", event="LifecycleExpiration:Delete")),
    (models.SnsModel, events.sns("m", subject="s", message_attributes={"n": 7, "b": b"\x00"})),
    (models.SqsModel, events.sqs("m", message_attributes={"n": 7, "b": b"\x00"}, group_id="g")),
    (models.S3SqsEventNotificationModel, events.sqs(events.s3("b", "k"))),
]


def test_every_event_is_compared() -> None:
    """The event of each builder is compared with a model, or with the documentation."""
    assert set(MODELS) | set(DOCUMENTED) == set(events.__all__)


@pytest.mark.parametrize("name", MODELS)
def test_parser_accepts_every_event(name: str) -> None:
    """The model of Powertools accepts the event of each builder."""
    MODELS[name].model_validate(copy.deepcopy(BUILDS[name]()), strict=False)


@pytest.mark.parametrize(("model", "event"), VARIANTS, ids=lambda value: getattr(value, "__name__", ""))
def test_parser_accepts_variants(model: type[BaseModel], event: Event) -> None:
    """The model of Powertools accepts events with other arguments, too."""
    model.model_validate(copy.deepcopy(event))


@pytest.mark.parametrize("name", MODELS)
def test_parser_refuses_missing_fields(name: str) -> None:
    """Each model refuses the event without one of its required fields, so that its acceptance is evidence."""
    event = BUILDS[name]()
    wanted = [field.alias or key for key, field in MODELS[name].model_fields.items() if field.is_required()]
    assert wanted
    for field in wanted:
        with pytest.raises(ValidationError):
            MODELS[name].model_validate({key: value for key, value in event.items() if key != field})


TRIGGERS: dict[str, type[BaseModel]] = {
    "PreSignUp": models.CognitoPreSignupTriggerModel,
    "PostConfirmation": models.CognitoPostConfirmationTriggerModel,
    "PreAuthentication": models.CognitoPreAuthenticationTriggerModel,
    "PostAuthentication": models.CognitoPostAuthenticationTriggerModel,
    "TokenGeneration": models.CognitoPreTokenGenerationTriggerModelV1,
    "CustomMessage": models.CognitoCustomMessageTriggerModel,
    "UserMigration": models.CognitoMigrateUserTriggerModel,
    "DefineAuthChallenge": models.CognitoDefineAuthChallengeTriggerModel,
    "CreateAuthChallenge": models.CognitoCreateAuthChallengeTriggerModel,
    "CustomEmailSender": models.CognitoCustomEmailSenderTriggerModel,
    "CustomSMSSender": models.CognitoCustomSMSSenderTriggerModel,
    "VerifyAuthChallengeResponse": models.CognitoVerifyAuthChallengeTriggerModel,
}
SOURCES: dict[str, type[Any]] = {
    "PreSignUp_AdminCreateUser": pool.PreSignUpTriggerEvent,
    "PreSignUp_ExternalProvider": pool.PreSignUpTriggerEvent,
    "PostConfirmation_ConfirmForgotPassword": pool.PostConfirmationTriggerEvent,
    "TokenGeneration_RefreshTokens": pool.PreTokenGenerationTriggerEvent,
    "CustomMessage_AdminCreateUser": pool.CustomMessageTriggerEvent,
}


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_parser_accepts_cognito_triggers(trigger: str) -> None:
    """The model of each Cognito trigger accepts its event with and without client metadata."""
    TRIGGERS[trigger].model_validate(events.cognito(trigger))
    TRIGGERS[trigger].model_validate(events.cognito(trigger, client_metadata={"a": "b"}))


@pytest.mark.parametrize("trigger", SOURCES)
def test_cognito_sources_keep_the_trigger(trigger: str) -> None:
    """Events of other trigger sources have the name of the source and the fields of the trigger."""
    event = SOURCES[trigger](events.cognito(trigger, user_name="bob"))
    assert (event.trigger_source, event.user_name) == (trigger, "bob")
    assert event.request.user_attributes["email"] == "bob@example.com"


def test_cognito_token_generation_has_scopes() -> None:
    """Version 2 of the TokenGeneration event has the scopes of the access token."""
    configuration = {"groupsToOverride": ["admins"], "iamRolesToOverride": [], "preferredRole": None}
    raw = events.cognito("TokenGeneration", version="2", request={"groupConfiguration": configuration})
    event = pool.PreTokenGenerationV2TriggerEvent(raw)
    assert event.request.scopes == ["aws.cognito.signin.user.admin"]
    assert event.request.group_configuration.groups_to_override == ["admins"]
    assert (raw["version"], raw["response"]) == ("2", {"claimsAndScopeOverrideDetails": None})


def test_models_read_the_given_time() -> None:
    """The models read the given time from the format of each event."""
    for name, path in {
        "api_gateway_v1": "requestContext.requestTimeEpoch",
        "api_gateway_v2": "requestContext.timeEpoch",
        "cloudwatch_logs": "awslogs.decoded_data.logEvents.0.timestamp",
        "function_url": "requestContext.timeEpoch",
        "kafka": "records.my-topic-0.0.timestamp",
        "s3": "Records.0.eventTime",
        "ses": "Records.0.ses.mail.timestamp",
        "sns": "Records.0.Sns.Timestamp",
        "sqs": "Records.0.attributes.SentTimestamp",
        "websocket": "requestContext.requestTimeEpoch",
    }.items():
        value: Any = MODELS[name].model_validate(copy.deepcopy(BUILDS[name]())).model_dump(by_alias=False)
        for part in path.split("."):
            key = {"requestContext": "request_context", "requestTimeEpoch": "request_time_epoch"}.get(part, part)
            value = value[int(part)] if isinstance(value, list) else value[key if key in value else part]
        assert value == TIME, name
