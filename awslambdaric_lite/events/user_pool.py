"""Events of the Lambda triggers of Amazon Cognito user pools."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, NamedTuple

from .shared import REGION, Event, derived_uuid


class _Trigger(NamedTuple):
    sources: tuple[str, ...]  # the first is the usual one
    request: dict[str, Any]  # besides the user's attributes and the client's metadata
    response: dict[str, Any]


_TRIGGERS = {
    "PreSignUp": _Trigger(
        ("SignUp", "AdminCreateUser", "ExternalProvider"),
        {"validationData": None},
        {"autoConfirmUser": False, "autoVerifyEmail": False, "autoVerifyPhone": False},
    ),
    "PostConfirmation": _Trigger(("ConfirmSignUp", "ConfirmForgotPassword"), {}, {}),
    "PreAuthentication": _Trigger(("Authentication",), {"validationData": None, "userNotFound": False}, {}),
    "PostAuthentication": _Trigger(("Authentication",), {"newDeviceUsed": False}, {}),
    "TokenGeneration": _Trigger(
        ("Authentication", "HostedAuth", "NewPasswordChallenge", "AuthenticateDevice", "RefreshTokens"),
        {"groupConfiguration": {"groupsToOverride": [], "iamRolesToOverride": [], "preferredRole": None}},
        {"claimsOverrideDetails": None},
    ),
    "CustomMessage": _Trigger(
        (
            "SignUp",
            "AdminCreateUser",
            "ResendCode",
            "ForgotPassword",
            "UpdateUserAttribute",
            "VerifyUserAttribute",
            "Authentication",
        ),
        {"codeParameter": "{####}", "linkParameter": "{##Click Here##}", "usernameParameter": None},
        {"smsMessage": None, "emailMessage": None, "emailSubject": None},
    ),
    "UserMigration": _Trigger(
        ("Authentication", "ForgotPassword"),
        {"password": "a password", "validationData": None},
        {
            "userAttributes": None,
            "finalUserStatus": None,
            "messageAction": None,
            "desiredDeliveryMediums": None,
            "forceAliasCreation": None,
        },
    ),
    "DefineAuthChallenge": _Trigger(
        ("Authentication",),
        {"session": [], "userNotFound": False},
        {"challengeName": None, "issueTokens": None, "failAuthentication": None},
    ),
    "CreateAuthChallenge": _Trigger(
        ("Authentication",),
        {"challengeName": "CUSTOM_CHALLENGE", "session": [], "userNotFound": False},
        {"publicChallengeParameters": None, "privateChallengeParameters": None, "challengeMetadata": None},
    ),
    "VerifyAuthChallengeResponse": _Trigger(
        ("Authentication",),
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
    """The event of a user pool's Lambda trigger, its `response` still to be filled in. Nothing in it is fresh.

        cognito("PreSignUp_SignUp", user_attributes={"email": "ada@example.com"})
        cognito("UserMigration", request={"password": "secret"})

    Args:
        trigger: the event's `triggerSource` (`PostConfirmation_ConfirmForgotPassword`), or the trigger alone
            (`PostConfirmation`) for its usual source. Pre token generation is called `TokenGeneration` there.
        user_name: the user.
        user_attributes: more, or other, attributes than the usual ones (`email`, `sub`, …).
        client_metadata: what the application sent along.
        request: other values for the fields of this trigger's request, such as `groupConfiguration` or `session`.
        version: of the TokenGeneration event: 1, 2 or 3; from 2 on it has the access token's `scopes`.
        client_id: the application.
        user_pool_id: default: one in the region.
        region: the region.

    Raises:
        ValueError: there is no such trigger, or its request has no such field.

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
    if name == "PreSignUp":  # there is no user yet
        return email
    return {
        "sub": derived_uuid(user_name, "sub"),
        "cognito:user_status": "CONFIRMED",
        "email_verified": "true",
        **email,
    }


def _find(trigger: str) -> tuple[str, str]:
    name, _, source = trigger.partition("_")
    if name not in _TRIGGERS:
        raise ValueError(f"trigger {trigger!r} is none; there is: {', '.join(_TRIGGERS)}")
    sources = _TRIGGERS[name].sources
    if source and source not in sources:
        raise ValueError(f"trigger {trigger!r} is none; there is: {', '.join(f'{name}_{each}' for each in sources)}")
    return name, source or sources[0]
