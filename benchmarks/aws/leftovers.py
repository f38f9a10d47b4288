"""Finds resources that an earlier run could not delete, because it was killed or lost its connection."""

from __future__ import annotations

from .account import Account
from .resources import LOG_GROUP_TAG, ROLE_PATH, TAG, Function, Layer, Ledger, LogGroup, Role


def find(account: Account, prefix: str) -> Ledger:
    """Return the resources with the prefix in their name and our mark, in the order in which runs make them.

    Raises:
        botocore.exceptions.ClientError: the account may not be searched.
    """
    ledger = Ledger()
    start = f"{prefix}-"
    for page in account.iam.get_paginator("list_roles").paginate(PathPrefix=ROLE_PATH):
        for role in page["Roles"]:
            if role["RoleName"].startswith(start):
                ledger.record(Role(role["RoleName"]))
    for page in account.lambda_.get_paginator("list_layers").paginate():
        for layer in page["Layers"]:
            if layer["LayerName"].startswith(start):
                ledger.record(Layer(layer["LayerName"]))
    for page in account.lambda_.get_paginator("list_functions").paginate():
        for function in page["Functions"]:
            if not function["FunctionName"].startswith(start):
                continue
            tags = account.lambda_.list_tags(Resource=function["FunctionArn"])["Tags"]
            if TAG in tags:
                if tags.get(LOG_GROUP_TAG):
                    ledger.record(LogGroup(function["FunctionName"]))
                ledger.record(Function(function["FunctionName"]))
    return ledger
