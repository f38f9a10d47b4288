"""Events of the Lambda triggers of Amazon Cognito user pools."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, NamedTuple

from .shared import REGION, Event, derived_uuid, require_choice


class _Trigger(NamedTuple):
    sources: str  # separated by spaces; the first is the default
    request: dict[str, Any]  # without the user's attributes and the client's metadata
    response: dict[str, Any]


_MIGRATED = "userAttributes finalUserStatus messageAction desiredDeliveryMediums forceAliasCreation"
_TRIGGERS = {
    "PreSignUp": _Trigger(
        "SignUp AdminCreateUser ExternalProvider",
        {"validationData": None},
        {"autoConfirmUser": False, "autoVerifyEmail": False, "autoVerifyPhone": False},
    ),
    "PostConfirmation": _Trigger("ConfirmSignUp ConfirmForgotPassword", {}, {}),
    "PreAuthentication": _Trigger("Authentication", {"validationData": None, "userNotFound": False}, {}),
    "PostAuthentication": _Trigger("Authentication", {"newDeviceUsed": False}, {}),
    "TokenGeneration": _Trigger(
        "Authentication HostedAuth NewPasswordChallenge AuthenticateDevice RefreshTokens",
        {"groupConfiguration": {"groupsToOverride": [], "iamRolesToOverride": [], "preferredRole": None}},
        {"claimsOverrideDetails": None},
    ),
    "CustomMessage": _Trigger(
        "SignUp AdminCreateUser ResendCode ForgotPassword UpdateUserAttribute VerifyUserAttribute Authentication",
        {"codeParameter": "{####}", "linkParameter": "{##Click Here##}", "usernameParameter": None},
        {"smsMessage": None, "emailMessage": None, "emailSubject": None},
    ),
    "UserMigration": _Trigger(
        "Authentication ForgotPassword",
        {"password": "a password", "validationData": None},
        dict.fromkeys(_MIGRATED.split()),
    ),
    "DefineAuthChallenge": _Trigger(
        "Authentication",
        {"session": [], "userNotFound": False},
        {"challengeName": None, "issueTokens": None, "failAuthentication": None},
    ),
    "CreateAuthChallenge": _Trigger(
        "Authentication",
        {"challengeName": "CUSTOM_CHALLENGE", "session": [], "userNotFound": False},
        {"publicChallengeParameters": None, "privateChallengeParameters": None, "challengeMetadata": None},
    ),
    "CustomEmailSender": _Trigger(
        "SignUp AdminCreateUser ForgotPassword ResendCode UpdateUserAttribute VerifyUserAttribute Authentication"
        " AccountTakeOverNotification",
        {"type": "customEmailSenderRequestV1", "code": "an encrypted code"},
        {},
    ),
    "CustomSMSSender": _Trigger(
        "SignUp AdminCreateUser ForgotPassword ResendCode UpdateUserAttribute VerifyUserAttribute Authentication",
        {"type": "customSMSSenderRequestV1", "code": "an encrypted code"},
        {},
    ),
    "VerifyAuthChallengeResponse": _Trigger(
        "Authentication",
        {"privateChallengeParameters": {}, "challengeAnswer": "an answer", "userNotFound": False},
        {"answerCorrect": False},
    ),
}


def cognito(
    trigger: str = "PreSignUp",
    *,
    user_name: str = "ada",
    user_attributes: Mapping[str, str] | None = None,
    client_metadata: Mapping[str, str] | None = None,
    request: Mapping[str, Any] | None = None,
    version: str = "1",
    client_id: str = "4j6fqmpdvhmn4ovvq8d1example",
    user_pool_id: str | None = None,
    region: str = REGION,
) -> Event:
    """Return the event of a Cognito user pool's Lambda trigger.

        cognito("PreSignUp_SignUp", user_attributes={"email": "ada@example.com"})
        cognito("UserMigration", request={"password": "secret"})

    The function fills in the `response`. The same arguments always give the same event.

    Args:
        trigger: trigger, e.g. `PostConfirmation` for its default source, or its `triggerSource`, e.g.
            `PreSignUp_AdminCreateUser`. The pre token generation trigger is `TokenGeneration`.
        user_name: name of the user.
        user_attributes: attributes of the user, added to the default ones (email, sub, …) or replacing them.
        client_metadata: metadata that the application sends with its request. Default: none.
        request: fields of the trigger's request to replace, e.g. groupConfiguration or session.
        version: version of the TokenGeneration event: 1, 2 or 3. From 2 on it has the access token's `scopes`.
        client_id: id of the application's client.
        user_pool_id: id of the user pool. Default: one in the region.
        region: AWS region.

    Source: docs cognito/latest/developerguide/cognito-user-pools-working-with-lambda-triggers.html
    """
    name, source = _find(trigger)
    _, fields, response = copy.deepcopy(_TRIGGERS[name])
    if (name, source) == ("CustomMessage", "AdminCreateUser"):
        fields["usernameParameter"] = "{username}"
    elif (name, source) == ("UserMigration", "ForgotPassword"):
        del fields["password"]
    elif name == "TokenGeneration" and version != "1":
        fields["scopes"] = ["aws.cognito.signin.user.admin"]
        response = {"claimsAndScopeOverrideDetails": None}
    for field in request or ():
        if field not in fields:
            raise ValueError(f"the request of {name}_{source} has no {field!r}; it has: {', '.join(fields) or 'none'}")
    if name != "UserMigration":
        fields = {"userAttributes": _attributes(name, user_name) | dict(user_attributes or {}), **fields}
    if client_metadata is not None:
        fields["clientMetadata"] = dict(client_metadata)
    return {
        "version": version,
        "triggerSource": f"{name}_{source}",
        "region": region,
        "userPoolId": user_pool_id or f"{region}_EXAMPLE",
        "userName": user_name,
        "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": client_id},
        "request": fields | copy.deepcopy(dict(request or {})),
        "response": response,
    }


def _attributes(name: str, user_name: str) -> dict[str, str]:
    email = {"email": f"{user_name}@example.com"}
    if name == "PreSignUp":  # the user does not exist yet
        return email
    return {
        "sub": derived_uuid(user_name, "sub"),
        "cognito:user_status": "CONFIRMED",
        "email_verified": "true",
        **email,
    }


def _find(trigger: str) -> tuple[str, str]:
    name, _, source = trigger.partition("_")
    require_choice("trigger", name, _TRIGGERS)
    sources = _TRIGGERS[name].sources.split()
    if source:
        require_choice("trigger", trigger, [f"{name}_{each}" for each in sources])
    return name, source or sources[0]
