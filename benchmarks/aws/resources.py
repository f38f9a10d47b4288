"""The resources that a run makes in an account: each can check that it is ours, and delete itself.

Functions and roles carry a tag; layers cannot be tagged, so their versions have the mark in their description. Nothing
without the mark is deleted, whatever its name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from .account import Account, is_missing

TAG = "awslambdaric-lite:benchmark"
ROLE_PATH = "/awslambdaric-lite-benchmark/"
LOG_GROUP_TAG = "awslambdaric-lite:log-group"
"""Tag of a function whose log group did not exist before it, so that both may be deleted."""


def description(run: str) -> str:
    """Return the description of a layer version of a run."""
    return f"{TAG}={run}"


class Resource(Protocol):
    """A resource that exists or is about to be made; `str` returns its name."""

    def delete(self, account: Account) -> bool:
        """Delete the resource; return whether it existed and was ours. A signal waits for that."""


@dataclass(frozen=True)
class Function:
    """A Lambda function."""

    name: str
    run: str | None = None
    """The run that made it; None: any run of this tool."""

    def __str__(self) -> str:
        return f"function {self.name}"

    def delete(self, account: Account) -> bool:
        tags = _or_none(lambda: account.lambda_.get_function(FunctionName=self.name).get("Tags", {}))
        if not _is_ours(tags, self.run):
            return False
        account.make_when_possible(lambda: account.lambda_.delete_function(FunctionName=self.name))
        return True


@dataclass(frozen=True)
class Layer:
    """All versions of a layer that carry the mark."""

    name: str
    run: str | None = None

    def __str__(self) -> str:
        return f"layer {self.name}"

    def delete(self, account: Account) -> bool:
        pages = account.lambda_.get_paginator("list_layer_versions").paginate(LayerName=self.name)
        versions = _or_none(lambda: [version for page in pages for version in page["LayerVersions"]]) or []
        ours = [each["Version"] for each in versions if _describes(each.get("Description", ""), self.run)]
        for number in ours:
            account.make(partial(account.lambda_.delete_layer_version, LayerName=self.name, VersionNumber=number))
        return bool(ours)


@dataclass(frozen=True)
class Role:
    """An IAM role without policies, which lets Lambda run a function that may do nothing else."""

    name: str
    run: str | None = None

    def __str__(self) -> str:
        return f"role {self.name}"

    def delete(self, account: Account) -> bool:
        tags = _or_none(lambda: account.iam.list_role_tags(RoleName=self.name)["Tags"])
        if tags is None or not _is_ours({tag["Key"]: tag["Value"] for tag in tags}, self.run):
            return False
        account.make(lambda: account.iam.delete_role(RoleName=self.name))
        return True


@dataclass(frozen=True)
class LogGroup:
    """The log group that Lambda makes for a function whose role permits it, if it did not exist before."""

    function: str

    @property
    def name(self) -> str:
        """Its own name."""
        return f"/aws/lambda/{self.function}"

    def __str__(self) -> str:
        return f"log group {self.name}"

    def exists(self, account: Account) -> bool:
        """Return whether the log group exists."""
        found = account.logs.describe_log_groups(logGroupNamePrefix=self.name)["logGroups"]
        return any(group["logGroupName"] == self.name for group in found)

    def delete(self, account: Account) -> bool:
        deleted = _or_none(lambda: account.make(lambda: account.logs.delete_log_group(logGroupName=self.name)))
        return deleted is not None


@dataclass
class Ledger:
    """The resources that may exist because of this run; each is recorded before it is made."""

    entries: list[Resource] = field(default_factory=list)

    def record(self, resource: Resource) -> None:
        """Record a resource before it is made."""
        self.entries.append(resource)

    def delete_all(self, account: Account, deleted: Callable[[Resource], None]) -> dict[str, str]:
        """Delete all resources, the last made first; return the reasons by name if that fails."""
        failures = {}
        while self.entries:
            resource = self.entries.pop()
            try:
                if resource.delete(account):
                    deleted(resource)
            except Exception as error:  # after any error the other resources are still deleted
                failures[str(resource)] = str(error)
        return failures


def _or_none(call: Callable[[], Any]) -> Any:
    from botocore.exceptions import ClientError

    try:
        return call()
    except ClientError as error:
        if is_missing(error):
            return None
        raise


def _is_ours(tags: dict[str, str] | None, run: str | None) -> bool:
    return tags is not None and TAG in tags and run in (None, tags[TAG])


def _describes(text: str, run: str | None) -> bool:
    return text == description(run) if run else text.startswith(f"{TAG}=")
