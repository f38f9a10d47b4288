"""Events compared with the examples in AWS's documentation, by the paths of their fields.

The builders name the pages. Powertools' data classes read the events that they know.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aws_lambda_powertools.utilities import data_classes
from aws_lambda_powertools.utilities.data_classes import api_gateway_authorizer_event as authorizers
from aws_lambda_powertools.utilities.data_classes.aws_config_rule_event import AWSConfigRuleEvent
from aws_lambda_powertools.utilities.data_classes.connect_contact_flow_event import ConnectContactFlowEvent
from aws_lambda_powertools.utilities.parser import models

from awslambdaric_lite import events

from .examples import BUILDS, Event

# The fields of the documented examples; those whose names are the user's own are not looked into.
DOCUMENTED = {
    "authorizer_token": """
        authorizationToken methodArn type
    """,
    "authorizer_v1": """
        headers httpMethod methodArn path pathParameters queryStringParameters requestContext.accountId
        requestContext.apiId requestContext.httpMethod requestContext.identity.sourceIp requestContext.path
        requestContext.requestId requestContext.resourceId requestContext.resourcePath requestContext.stage
        resource stageVariables type
    """,
    "appsync": """
        arguments identity info.fieldName info.parentTypeName info.selectionSetGraphQL info.selectionSetList
        info.variables prev request.headers source stash
    """,
    "s3_batch": """
        invocationId invocationSchemaVersion job.id tasks[].s3BucketArn tasks[].s3Key tasks[].s3VersionId
        tasks[].taskId
    """,
    "codepipeline": """
        CodePipeline.job.accountId CodePipeline.job.data.actionConfiguration.configuration.FunctionName
        CodePipeline.job.data.actionConfiguration.configuration.UserParameters
        CodePipeline.job.data.artifactCredentials.accessKeyId
        CodePipeline.job.data.artifactCredentials.secretAccessKey
        CodePipeline.job.data.artifactCredentials.sessionToken
        CodePipeline.job.data.inputArtifacts[].location.s3Location.bucketName
        CodePipeline.job.data.inputArtifacts[].location.s3Location.objectKey
        CodePipeline.job.data.inputArtifacts[].location.type CodePipeline.job.data.inputArtifacts[].name
        CodePipeline.job.data.inputArtifacts[].revision
        CodePipeline.job.data.outputArtifacts[].location.s3Location.bucketName
        CodePipeline.job.data.outputArtifacts[].location.s3Location.objectKey
        CodePipeline.job.data.outputArtifacts[].location.type CodePipeline.job.data.outputArtifacts[].name
        CodePipeline.job.data.outputArtifacts[].revision CodePipeline.job.id
    """,
    "codecommit": """
        Records[].awsRegion Records[].codecommit.references[].commit Records[].codecommit.references[].ref
        Records[].customData Records[].eventId Records[].eventName Records[].eventPartNumber
        Records[].eventSource Records[].eventSourceARN Records[].eventTime Records[].eventTotalParts
        Records[].eventTriggerConfigId Records[].eventTriggerName Records[].eventVersion
        Records[].userIdentityARN
    """,
    "config_rule": """
        accountId configRuleArn configRuleId configRuleName eventLeftScope executionRoleArn invokingEvent
        resultToken ruleParameters version
    """,
    "connect": """
        Details.ContactData.Attributes Details.ContactData.Channel Details.ContactData.ContactId
        Details.ContactData.CustomerEndpoint.Address Details.ContactData.CustomerEndpoint.Type
        Details.ContactData.InitialContactId Details.ContactData.InitiationMethod
        Details.ContactData.InstanceARN Details.ContactData.MediaStreams.Customer.Audio
        Details.ContactData.PreviousContactId Details.ContactData.Queue
        Details.ContactData.SystemEndpoint.Address Details.ContactData.SystemEndpoint.Type
        Details.Parameters Name
    """,
    "workmail": """
        envelope.mailFrom.address envelope.recipients[].address flowDirection invocationId messageId
        sender.address subject summaryVersion truncated
    """,
    "alexa": """
        context.AudioPlayer.playerActivity context.System.application.applicationId
        context.System.device.supportedInterfaces context.System.user.userId request.intent.name
        request.intent.slots request.locale request.requestId request.timestamp request.type
        session.application.applicationId session.attributes session.new session.sessionId
        session.user.userId version
    """,
    "lex": """
        bot.aliasId bot.aliasName bot.id bot.localeId bot.name bot.version inputMode inputTranscript
        interpretations[].intent.confirmationState interpretations[].intent.name
        interpretations[].intent.slots interpretations[].intent.state interpretations[].nluConfidence
        invocationSource messageVersion proposedNextState.dialogAction.slotToElicit
        proposedNextState.dialogAction.type proposedNextState.intent.confirmationState
        proposedNextState.intent.name proposedNextState.intent.slots proposedNextState.intent.state
        responseContentType sessionId sessionState.intent.confirmationState sessionState.intent.name
        sessionState.intent.slots sessionState.intent.state sessionState.originatingRequestId
        transcriptions[].resolvedContext.intent transcriptions[].resolvedSlots
        transcriptions[].transcription transcriptions[].transcriptionConfidence
    """,
    "step_functions_error": """
        Cause Error
    """,
    "authorizer_v2": """
        cookies headers identitySource pathParameters queryStringParameters rawPath rawQueryString
        requestContext.accountId requestContext.apiId requestContext.domainName requestContext.domainPrefix
        requestContext.http.method requestContext.http.path requestContext.http.protocol
        requestContext.http.sourceIp requestContext.http.userAgent requestContext.requestId
        requestContext.routeKey requestContext.stage requestContext.time requestContext.timeEpoch routeArn
        routeKey stageVariables type version
    """,
    "alexa_smart_home": """
        directive.endpoint.cookie directive.endpoint.endpointId directive.endpoint.scope.token
        directive.endpoint.scope.type directive.header.correlationToken directive.header.messageId
        directive.header.name directive.header.namespace directive.header.payloadVersion directive.payload
    """,
    "cloudfront": """
        Records[].cf.config.distributionDomainName Records[].cf.config.distributionId Records[].cf.config.eventType
        Records[].cf.config.requestId Records[].cf.request.clientIp Records[].cf.request.headers
        Records[].cf.request.method Records[].cf.request.origin.custom.customHeaders
        Records[].cf.request.origin.custom.domainName Records[].cf.request.origin.custom.keepaliveTimeout
        Records[].cf.request.origin.custom.path Records[].cf.request.origin.custom.port
        Records[].cf.request.origin.custom.protocol Records[].cf.request.origin.custom.readTimeout
        Records[].cf.request.origin.custom.sslProtocols Records[].cf.request.querystring Records[].cf.request.uri
        Records[].cf.response.headers Records[].cf.response.status Records[].cf.response.statusDescription
    """,
}
# The fields of a configuration item that changed.
ITEM = (
    "ARN availabilityZone awsAccountId awsRegion configuration configurationItemCaptureTime configurationItemStatus"
    " configurationItemVersion configurationStateId configurationStateMd5Hash relationships resourceCreationTime"
    " resourceId resourceName resourceType tags"
)


def paths(value: object, path: str = "") -> Iterator[str]:
    """Yield the path of each field, and of each list of objects with brackets behind its name."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield f"{path}{name}"
            yield from paths(inner, f"{path}{name}.")
    elif isinstance(value, list):
        for inner in value:
            yield from paths(inner, f"{path[:-1]}[].")


@pytest.mark.parametrize("name", DOCUMENTED)
def test_event_has_documented_fields(name: str) -> None:
    """An event has every field of the example in AWS's documentation."""
    assert set(DOCUMENTED[name].split()) - set(paths(BUILDS[name]())) == set()


def test_configuration_item_has_documented_fields() -> None:
    """The event of a Config rule has the changed resource as JSON text, with every documented field."""
    event = events.config_rule("AWS::S3::Bucket", {"name": "photos"}, resource_id="photos", parameters={"days": "7"})
    read = AWSConfigRuleEvent(event)
    item = json.loads(event["invokingEvent"])["configurationItem"]
    assert set(item) == set(ITEM.split())
    assert (read.invoking_event.message_type, read.rule_parameters) == (
        "ConfigurationItemChangeNotification",
        {"days": "7"},
    )
    assert item["ARN"] == "arn:aws:s3:us-east-1:123456789012:bucket/photos"


def test_authorizers_name_the_method() -> None:
    """The ARN of an authorizer's event has API, stage, method and path, which Powertools reads."""
    token = authorizers.APIGatewayAuthorizerTokenEvent(events.authorizer_token("Bearer x", "post", "/orders/7?a=1"))
    request = authorizers.APIGatewayAuthorizerRequestEvent(
        events.authorizer_v1("POST", "/orders/7", resource="/orders/{id}", headers={"Authorization": "Bearer x"})
    )
    http = authorizers.APIGatewayAuthorizerEventV2(
        events.authorizer_v2("GET", "/orders/7?a=1", identity_source=["Bearer x"], stage="dev", region="cn-north-1")
    )
    for arn in (token.parsed_arn, request.parsed_arn):
        assert (arn.api_id, arn.stage, arn.http_method, arn.resource) == ("a1b2c3d4e5", "prod", "POST", "orders/7")
    assert token.authorization_token == request.headers["Authorization"] == "Bearer x"
    assert request.path_parameters == {"id": "7"}
    assert (http.parsed_arn.arn, http.identity_source) == (
        "arn:aws-cn:execute-api:cn-north-1:123456789012:a1b2c3d4e5/dev/GET/orders/7",
        ["Bearer x"],
    )
    assert "body" not in request.raw_event and "isBase64Encoded" not in http.raw_event


def test_cloudfront_event_types_have_their_parts() -> None:
    """Requests at the origin have an origin, responses have a response, and only requests have a body."""
    found = {}
    for kind in ("viewer-request", "origin-request", "origin-response", "viewer-response"):
        record = events.cloudfront("GET", "/a?b=c", event_type=kind, cookies={"d": "e"})["Records"][0]["cf"]
        assert (record["request"]["uri"], record["request"]["querystring"]) == ("/a", "b=c")
        assert record["request"]["headers"]["cookie"] == [{"key": "Cookie", "value": "d=e"}]
        found[kind] = ("origin" in record["request"], "response" in record)
    assert found == {
        "viewer-request": (False, False),
        "origin-request": (True, False),
        "origin-response": (True, True),
        "viewer-response": (False, True),
    }
    posted = events.cloudfront("POST", "/", body={"a": 1})["Records"][0]["cf"]["request"]
    assert posted["body"] == {
        "inputTruncated": False,
        "action": "read-only",
        "encoding": "base64",
        "data": "eyJhIjoxfQ==",
    }


def test_conversations_follow_their_arguments() -> None:
    """Intents have slots, discoveries have no endpoint, and Lex asks for an empty slot."""
    assert events.alexa("AMAZON.HelpIntent")["request"]["intent"]["name"] == "AMAZON.HelpIntent"
    assert events.alexa()["session"]["new"] is True and "intent" not in events.alexa()["request"]
    assert events.alexa("SessionEndedRequest", reason="ERROR")["request"]["reason"] == "ERROR"
    discovery = events.alexa_smart_home()["directive"]
    assert discovery["payload"]["scope"]["type"] == "BearerToken" and "endpoint" not in discovery
    asked = events.lex(slots={"City": "Berlin", "Nights": ""})
    assert asked["proposedNextState"]["dialogAction"] == {"type": "ElicitSlot", "slotToElicit": "Nights"}
    assert asked["sessionState"]["intent"]["slots"]["City"]["value"]["interpretedValue"] == "Berlin"
    done = events.lex(slots={"City": "Berlin"}, source="FulfillmentCodeHook")
    assert "proposedNextState" not in done and done["sessionState"]["intent"]["state"] == "ReadyForFulfillment"
    contact = ConnectContactFlowEvent(events.connect(parameters={"menu": "sales"}))
    assert contact.parameters == {"menu": "sales"}


def test_powertools_reads_other_events() -> None:
    """Models and data classes of Powertools accept the events of AppSync, S3 Batch Operations and CodePipeline."""
    models.AppSyncResolverEventModel.model_validate(events.appsync("createPost", {"a": 1}, parent_type="Mutation"))
    models.S3BatchOperationModel.model_validate(events.s3_batch("a b", "c"))
    task = models.S3BatchOperationModel.model_validate(events.s3_batch("a", user_arguments={"k": "v"}))
    assert task.invocationSchemaVersion == "2.0"
    assert data_classes.S3BatchOperationEvent(events.s3_batch("red flower.jpg")).task.s3_key == "red flower.jpg"
    job = data_classes.CodePipelineJobEvent(events.codepipeline({"stage": "prod"}))
    assert job.decoded_user_parameters == {"stage": "prod"}
    text = events.appsync(selections=["id", "author/name", "author/age"])["info"]["selectionSetGraphQL"]
    assert text == "{\n  id\n  author {\n    name\n    age\n  }\n}"


REFUSED: list[tuple[Callable[[], Event], str]] = [
    (lambda: events.alexa("LaunchRequest", slots={"a": "b"}), "a LaunchRequest has no slots"),
    (lambda: events.alexa("SessionEndedRequest", reason="BORED"), "unsupported reason 'BORED'; choose one of"),
    (lambda: events.alexa_smart_home("TurnOn"), "invalid directive 'TurnOn'; write e.g. Alexa"),
    (lambda: events.authorizer_token("t", "GET", "orders"), "path 'orders' does not begin with /"),
    (lambda: events.cloudfront(event_type="request"), "unsupported event_type 'request'; choose one of"),
    (lambda: events.cloudfront(event_type="viewer-response", body="a"), "a viewer-response event has no body"),
    (lambda: events.cloudfront(response_headers={"a": "b"}), "a viewer-request event has no response"),
    (lambda: events.config_rule("Bucket"), "invalid resource_type 'Bucket'; write e.g. AWS::EC2::Instance"),
    (lambda: events.config_rule(configuration={}), "configuration needs a resource_type"),
    (lambda: events.connect(channel="FAX"), "unsupported channel 'FAX'; choose one of"),
    (lambda: events.lex(source="Hook"), "unsupported source 'Hook'; choose one of"),
    (lambda: events.s3_batch(), "s3_batch events have at least one record"),
    (lambda: events.workmail(direction="UP"), "unsupported direction 'UP'; choose one of"),
    (lambda: events.workmail(recipients=()), "give at least one"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED, ids=lambda value: value if isinstance(value, str) else "")
def test_other_arguments_are_refused(call: Callable[[], Any], message: str) -> None:
    """An argument that AWS would not send is refused; the message says what to change."""
    with pytest.raises(ValueError) as raised:
        call()
    assert message in str(raised.value)
