"""Events of conversations: Alexa, Amazon Lex and Amazon Connect."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ..common.regions import make_arn
from .shared import (
    ACCOUNT,
    REGION,
    Event,
    Moment,
    When,
    derived_uuid,
    digits,
    fresh_id,
    label,
    require_choice,
    token,
)

_SESSION_ENDS = ("USER_INITIATED", "ERROR", "EXCEEDED_MAX_REPROMPTS")
_LEX_HOOKS = ("DialogCodeHook", "FulfillmentCodeHook")
_CHANNELS = ("VOICE", "CHAT", "TASK", "EMAIL")


def alexa(
    request: str = "LaunchRequest",
    *,
    slots: Mapping[str, str] | None = None,
    attributes: Mapping[str, Any] | None = None,
    reason: str = "USER_INITIATED",
    locale: str = "en-US",
    skill: str = "my-skill",
    user: str = "my-user",
    session_id: str | None = None,
    request_id: str | None = None,
    time: When = None,
) -> Event:
    """Return a request to an Alexa custom skill.

        alexa("AnswerIntent", slots={"Answer": "1"}, attributes={"score": 0})

    Args:
        request: LaunchRequest, SessionEndedRequest, or the name of an intent, e.g. `AMAZON.HelpIntent`.
        slots: values of the intent's slots by name.
        attributes: attributes of the session. Default: none.
        reason: reason of a SessionEndedRequest: USER_INITIATED, ERROR or EXCEEDED_MAX_REPROMPTS.
        locale: locale of the user.
        skill: name of the skill, the last part of its id.
        user: name of the user, the last part of their id.
        session_id: last part of the session's id. Default: a new one.
        request_id: last part of the request's id. Default: a new one.
        time: time of the request. Default: now. An aware datetime, or seconds since the epoch.

    Source: https://developer.amazon.com/docs/alexa/custom-skills/request-and-response-json-reference.html
    """
    require_choice("reason", reason, _SESSION_ENDS)
    is_intent = request not in ("LaunchRequest", "SessionEndedRequest")
    if slots and not is_intent:
        raise ValueError(f"a {request} has no slots; give the name of an intent, or leave them out")
    application = {"applicationId": f"amzn1.ask.skill.{skill}"}
    person = {"userId": f"amzn1.ask.account.{user}"}
    body: dict[str, Any] = {
        "type": "IntentRequest" if is_intent else request,
        "requestId": f"amzn1.echo-api.request.{request_id or fresh_id()}",
        "locale": locale,
        "timestamp": Moment(time).iso,
    }
    if is_intent:
        filled = {
            name: {"name": name, "value": value, "confirmationStatus": "NONE"} for name, value in (slots or {}).items()
        }
        body["intent"] = {"name": request, "confirmationStatus": "NONE", "slots": filled}
    elif request == "SessionEndedRequest":
        body["reason"] = reason
    return {
        "version": "1.0",
        "session": {
            "new": request == "LaunchRequest",
            "sessionId": f"amzn1.echo-api.session.{session_id or fresh_id()}",
            "application": application,
            "attributes": copy.deepcopy(dict(attributes or {})),
            "user": person,
        },
        "context": {
            "AudioPlayer": {"playerActivity": "IDLE"},
            "System": {
                "application": dict(application),
                "user": dict(person),
                "device": {
                    "deviceId": f"amzn1.ask.device.{label(user, 'device', 32).upper()}",
                    "supportedInterfaces": {"AudioPlayer": {}},
                },
                "apiEndpoint": "https://api.amazonalexa.com",
                "apiAccessToken": token(user, "access", 48),
            },
        },
        "request": body,
    }


def alexa_smart_home(
    directive: str = "Alexa.Discovery.Discover",
    *,
    endpoint_id: str = "endpoint-001",
    payload: Mapping[str, Any] | None = None,
    access_token: str = "access-token-from-skill",
    message_id: str | None = None,
) -> Event:
    """Return a directive to an Alexa smart home skill.

        alexa_smart_home("Alexa.PowerController.TurnOn", endpoint_id="lamp-1")

    Args:
        directive: interface and name of the directive, e.g. `Alexa.PowerController.TurnOn`.
        endpoint_id: id of the device, except for discoveries.
        payload: payload of the directive. Default: empty.
        access_token: token of the user's account.
        message_id: id of the message. Default: a new one.

    Source: https://developer.amazon.com/docs/alexa/device-apis/message-guide.html
    """
    namespace, dot, name = directive.rpartition(".")
    if not namespace or not dot or not name:
        raise ValueError(f"invalid directive {directive!r}; write e.g. Alexa.PowerController.TurnOn")
    message_id = message_id or fresh_id()
    header = {"namespace": namespace, "name": name, "messageId": message_id, "payloadVersion": "3"}
    scope = {"type": "BearerToken", "token": access_token}
    body = copy.deepcopy(dict(payload or {}))
    if namespace == "Alexa.Discovery":
        return {"directive": {"header": header, "payload": {"scope": scope, **body}}}
    header["correlationToken"] = token(message_id, "correlation", 48)
    endpoint = {"scope": scope, "endpointId": endpoint_id, "cookie": {}}
    return {"directive": {"header": header, "endpoint": endpoint, "payload": body}}


def lex(
    intent: str = "BookHotel",
    *,
    slots: Mapping[str, str] | None = None,
    text: str = "Book a hotel",
    source: str = "DialogCodeHook",
    attributes: Mapping[str, str] | None = None,
    bot: str = "my-bot",
    locale: str = "en_US",
    session_id: str | None = None,
    request_id: str | None = None,
) -> Event:
    """Return an event of an Amazon Lex V2 bot.

        lex("BookHotel", slots={"City": "Berlin", "Nights": ""}, text="A hotel in Berlin")

    A dialog hook with an empty slot is about to ask for it (`proposedNextState`).

    Args:
        intent: name of the intent.
        slots: values of the intent's slots by name; an empty one has no value yet.
        text: text of the user.
        source: hook that calls the function: DialogCodeHook or FulfillmentCodeHook.
        attributes: attributes of the session. Default: none.
        bot: name of the bot.
        locale: locale of the bot.
        session_id: id of the session. Default: a new one.
        request_id: id of the session's first request. Default: a new one.

    Source: docs lexv2/latest/dg/lambda-input-format.html
    """
    require_choice("source", source, _LEX_HOOKS)
    filled = {name: _lex_slot(value) for name, value in (slots or {}).items()}
    state = "InProgress" if source == "DialogCodeHook" else "ReadyForFulfillment"
    described = {"name": intent, "slots": filled, "state": state, "confirmationState": "None"}
    event: Event = {
        "messageVersion": "1.0",
        "invocationSource": source,
        "inputMode": "Text",
        "responseContentType": "text/plain; charset=utf-8",
        "sessionId": session_id or digits(fresh_id(), "session", 15),
        "inputTranscript": text,
        "bot": {
            "id": label(bot, "bot", 10).upper(),
            "name": bot,
            "aliasId": "TSTALIASID",
            "aliasName": "TestBotAlias",
            "localeId": locale,
            "version": "DRAFT",
        },
        "interpretations": [
            {"intent": copy.deepcopy(described), "interpretationSource": "Lex", "nluConfidence": 1.0},
            {
                "intent": {"name": "FallbackIntent", "slots": {}, "state": state, "confirmationState": "None"},
                "interpretationSource": "Lex",
            },
        ],
        "sessionState": {
            "activeContexts": [],
            "sessionAttributes": dict(attributes or {}),
            "intent": copy.deepcopy(described),
            "originatingRequestId": request_id or fresh_id(),
        },
        "transcriptions": [
            {
                "transcription": text,
                "transcriptionConfidence": 1.0,
                "resolvedContext": {"intent": intent},
                "resolvedSlots": {name: slot for name, slot in copy.deepcopy(filled).items() if slot is not None},
            }
        ],
    }
    wanted = next((name for name, slot in filled.items() if slot is None), None)
    if source == "DialogCodeHook" and wanted is not None:
        event["proposedNextState"] = {
            "intent": copy.deepcopy(described),
            "dialogAction": {"type": "ElicitSlot", "slotToElicit": wanted},
            "prompt": {"attempt": "Initial"},
        }
    return event


def connect(
    *,
    parameters: Mapping[str, str] | None = None,
    attributes: Mapping[str, str] | None = None,
    channel: str = "VOICE",
    customer: str = "+14155550100",
    system: str = "+14155550199",
    contact_id: str | None = None,
    account: str = ACCOUNT,
    region: str = REGION,
) -> Event:
    """Return the event of an Amazon Connect flow that invokes a function.

        connect(parameters={"menu": "sales"}, attributes={"language": "de"})

    Args:
        parameters: parameters that the flow passes to the function. Default: none.
        attributes: attributes of the contact. Default: none.
        channel: channel of the contact: VOICE, CHAT, TASK or EMAIL.
        customer: phone number of the customer.
        system: phone number that the customer called.
        contact_id: id of the contact. Default: a new one.
        account: number of the AWS account.
        region: AWS region.

    Source: docs connect/latest/adminguide/connect-lambda-functions.html
    """
    require_choice("channel", channel, _CHANNELS)
    contact_id = contact_id or fresh_id()
    kind = "TELEPHONE_NUMBER"
    return {
        "Name": "ContactFlowEvent",
        "Details": {
            "ContactData": {
                "Attributes": dict(attributes or {}),
                "Channel": channel,
                "ContactId": contact_id,
                "CustomerEndpoint": {"Address": customer, "Type": kind},
                "InitialContactId": contact_id,
                "InitiationMethod": "INBOUND",
                "InstanceARN": make_arn("connect", region, account, f"instance/{derived_uuid(account, 'instance')}"),
                "PreviousContactId": contact_id,
                "Queue": None,
                "SystemEndpoint": {"Address": system, "Type": kind},
                "MediaStreams": {"Customer": {"Audio": None}},
            },
            "Parameters": dict(parameters or {}),
        },
    }


def _lex_slot(value: str) -> dict[str, Any] | None:
    if not value:
        return None
    return {
        "shape": "Scalar",
        "value": {"originalValue": value, "interpretedValue": value, "resolvedValues": [value]},
    }
