"""Makes functions, layers and a role in an account."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .account import TIMEOUT_S, Account, AccountError, error_code
from .resources import LOG_GROUP_TAG, ROLE_PATH, TAG, Function, Layer, Ledger, LogGroup, Role, description
from .variants import Deployment, LayerFile

_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}


def _role_not_yet_known(error: Exception) -> bool:
    # "The role defined for the function cannot be assumed by Lambda": IAM needs time to distribute a new role.
    return error_code(error) == "InvalidParameterValueException" and "assumed" in str(error)


@dataclass
class Deployer:
    """Makes the resources of one run; each is in the ledger before it is made."""

    account: Account
    ledger: Ledger
    prefix: str
    run: str
    log_format: str = "Text"

    def role(self) -> str:
        """Make a role for the functions; return its ARN.

        The role has no policies: the response of an invocation contains the report, and functions without the right to
        write logs leave no log groups behind.
        """
        name = f"{self.prefix}-{self.run}"
        self.ledger.record(Role(name, self.run))
        document = json.dumps(_TRUST)
        made = self.account.make(
            lambda: self.account.iam.create_role(
                RoleName=name,
                Path=ROLE_PATH,
                AssumeRolePolicyDocument=document,
                Description="Cold start benchmark; can be deleted",
                Tags=[{"Key": TAG, "Value": self.run}],
            )
        )
        return str(made["Role"]["Arn"])

    def layer(self, layer: LayerFile, runtime: str, architecture: str) -> str:
        """Publish a layer for this run; return the ARN of its version."""
        name = f"{self.prefix}-{layer.kind}-{self.run}"
        self.ledger.record(Layer(name, self.run))
        content = layer.path.read_bytes()
        made = self.account.make(
            lambda: self.account.lambda_.publish_layer_version(
                LayerName=name,
                Description=description(self.run),
                Content={"ZipFile": content},
                CompatibleRuntimes=[runtime],
                CompatibleArchitectures=[architecture],
            )
        )
        return str(made["LayerVersionArn"])

    def function(self, deployment: Deployment, role: str, layer: str | None, *, own_role: bool) -> None:
        """Make a function and wait until it can be invoked.

        Raises:
            AccountError: a function of that name exists.
        """
        from botocore.exceptions import ClientError

        variant = deployment.variant
        tags = {TAG: self.run}
        if not own_role and self._will_have_a_new_log_group(deployment.name):
            self.ledger.record(LogGroup(deployment.name))
            tags[LOG_GROUP_TAG] = "ours"
        self.ledger.record(Function(deployment.name, self.run))
        options: dict[str, Any] = {"Layers": [layer]} if layer else {}
        if self.log_format == "JSON":
            options["LoggingConfig"] = {"LogFormat": "JSON", "SystemLogLevel": "INFO"}
        try:
            self.account.make_when_possible(
                lambda: self.account.lambda_.create_function(
                    FunctionName=deployment.name,
                    Runtime=variant.runtime,
                    Role=role,
                    Handler=variant.handler,
                    Code={"ZipFile": variant.code},
                    Architectures=[variant.architecture],
                    MemorySize=deployment.memory_mb,
                    Timeout=TIMEOUT_S,
                    Environment={"Variables": dict(variant.environment)},
                    Tags=tags,
                    **options,
                ),
                _role_not_yet_known,
            )
        except ClientError as error:
            if error_code(error) == "ResourceConflictException":
                cure = f"choose another --function-prefix, or delete with --clean the resources of {self.prefix}"
                raise AccountError(f"function {deployment.name} exists already; {cure}") from error
            raise
        self.account.lambda_.get_waiter("function_active_v2").wait(FunctionName=deployment.name)

    def _will_have_a_new_log_group(self, name: str) -> bool:
        from botocore.exceptions import ClientError

        try:
            return not LogGroup(name).exists(self.account)
        except ClientError:  # without the right to list log groups none is deleted
            return False
