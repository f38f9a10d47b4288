"""A stack: a template with the values of its parameters, and what its intrinsic functions refer to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..common.regions import dns_suffix, make_arn
from . import intrinsics, parameters
from .errors import WRONG_FORM, InvalidProject, Problem, explain
from .intrinsics import NO_VALUE, as_text, nearest
from .resource_types import (
    ALIAS,
    FUNCTION,
    HTTP_API,
    LAYER,
    NAME_ATTRIBUTES,
    NAMED,
    PARTS,
    QUEUE,
    REST_API,
    VERSION,
    last_part,
    make_id,
    properties_of,
)
from .shared import Shared
from .unfinished import Unfinished

_DYNAMIC = re.compile(r"\{\{(resolve:[^{}]+)\}\}")
_URL = re.compile(r"https?://.+/(?P<account>\d{12})/(?P<name>[^/]+)")


class Stack:
    """A template, and the scope of its intrinsic functions."""

    def __init__(
        self,
        shared: Shared,
        file: Path,
        template: dict[str, Any],
        name: str,
        *,
        given: Mapping[str, Any] | None = None,
        parent: Stack | None = None,
        logical_id: str = "",
        region: str | None = None,
        account: str | None = None,
    ) -> None:
        """Begin a stack.

        Args:
            shared: what it has in common with others.
            file: that of the template.
            template: its content.
            name: that of the stack.
            given: the parameters' values, with the parent's intrinsic functions in a nested stack.
            parent: the stack that has this one as a resource.
            logical_id: its id in the parent.
            region: that of the stack, if it is not that of the options.
            account: likewise.
        """
        self.shared = shared
        self.file = file
        self.template = template
        self.name = name
        self.parent = parent
        self.prefix: str = "" if parent is None else f"{parent.prefix}{logical_id}/"
        self.region = region or shared.options.chosen_region
        self.account = account or shared.options.account
        self.assets: dict[str, Path] = {}
        """Files and folders of a cloud assembly, by the names of their objects in S3."""
        self.nested: dict[str, Stack] = {}
        self.failures: dict[str, str] = {}
        """Functions that the transform refuses, and why."""
        self._given = given or {}
        self._unfinished = Unfinished(file)
        self._conditions: dict[str, bool] = {}
        self._parameters: dict[str, Any] = {}
        shared.stacks.append(self)

    @property
    def folder(self) -> Path:
        """The folder to which the template's paths are relative."""
        return self.file.parent

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources whose conditions are true."""
        return {
            logical_id: resource
            for logical_id, resource in self.section("Resources").items()
            if isinstance(resource, dict) and self._exists(logical_id, resource)
        }

    def of_type(self, *kinds: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the existing resources of some types with their properties, which are not resolved."""
        for logical_id, resource in self.resources.items():
            if resource.get("Type") in kinds:
                yield logical_id, properties_of(resource)

    def section(self, name: str) -> dict[str, Any]:
        """Return a section of the template."""
        found = self.template.get(name)
        if found is None:
            return {}
        if not isinstance(found, dict):
            raise InvalidProject(f"{self.file}: {name} is not a mapping; check its indentation")
        return found

    def note(self, logical_id: str, text: str) -> None:
        """Add a line that the start prints."""
        note = f"{self.file}: {self.prefix}{logical_id}: {text}"
        if note not in self.shared.notes:
            self.shared.notes.append(note)

    # The scope of intrinsic functions.

    def resolve(self, value: Any) -> Any:
        """Return a value without intrinsic functions, and without what `AWS::NoValue` removes.

        Raises:
            Problem: a function has another form than CloudFormation's, or refers to something unknown.
        """
        if isinstance(value, str):
            return _DYNAMIC.sub(lambda match: self._dynamic(match[1]), value) if "{{" in value else value
        if isinstance(value, list):
            return [each for each in map(self.resolve, value) if each is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if intrinsics.is_call(value):
            return intrinsics.call(self, *next(iter(value.items())))
        resolved = {key: self.resolve(each) for key, each in value.items()}
        return {key: each for key, each in resolved.items() if each is not NO_VALUE}

    def ref(self, name: str) -> Any:
        """Return the value of `Ref`."""
        if name.startswith("AWS::"):
            return parameters.pseudo_parameter(name, self.region, self.account, self.name)
        if name in self.section("Parameters"):
            return self._parameter(name)
        return self._reference(name)

    def attribute(self, name: str, attribute: str) -> Any:
        """Return the value of `Fn::GetAtt`."""
        resource = self._resource(name)
        given = self.shared.options.resources
        if (value := given.get(f"{self.prefix}{name}.{attribute}")) is not None:
            return value
        kind = resource.get("Type", "")
        if name in self.nested and attribute.startswith("Outputs."):
            return self.nested[name].output(attribute.removeprefix("Outputs."))
        if kind == FUNCTION and attribute == "Arn":
            return self.function_arn(name)
        if kind == VERSION and attribute == "Version":
            return self.version_number(name)
        if (kind, attribute) in ((ALIAS, "AliasArn"), (HTTP_API, "ApiId"), (REST_API, "RestApiId")):
            return self.ref(name)
        if kind == REST_API and attribute == "RootResourceId":
            return f"{name}/"
        if kind in NAMED:
            with self._unfinished.entering(f"{name}"):
                known, arn = self._identity(name)
            if attribute in NAME_ATTRIBUTES:
                return known
            if attribute in ("Arn", "TopicArn"):
                return arn
        elif kind.startswith(PARTS) and attribute.endswith("Id"):
            return name
        elif attribute in ("Arn", f"{kind.rpartition(':')[2]}Arn") and given.get(f"{self.prefix}{name}"):
            return given[f"{self.prefix}{name}"]
        return self._placeholder(f"{name}.{attribute}", f"--resource {self.prefix}{name}.{attribute}=VALUE")

    def condition(self, name: str) -> bool:
        """Return the value of a condition."""
        conditions = self.section("Conditions")
        if name not in conditions:
            raise Problem(f"condition {name} does not exist{nearest(str(name), conditions)}")
        if name not in self._conditions:
            with self._unfinished.entering(f"condition {name}"):
                self._conditions[name] = intrinsics.is_true(self, conditions[name])
        return self._conditions[name]

    def mapping(self, name: str) -> Any:
        """Return a table of `Mappings`."""
        return self.section("Mappings").get(name)

    def export(self, name: str) -> Any:
        """Return the value that a stack of this project exports, or that the options have for its name."""
        if (given := self.shared.given(name)) is not None:
            return given
        for stack in self.shared.stacks:
            for output in stack.section("Outputs").values():
                exported = output.get("Export", {}).get("Name") if isinstance(output, dict) else None
                if exported is not None and stack.resolve(exported) == name:
                    return stack.resolve(output.get("Value"))
        return self._placeholder(name, f"--parameter {name}=VALUE")

    def output(self, name: str) -> Any:
        """Return the value of an output."""
        output = self.section("Outputs").get(name)
        if not isinstance(output, dict):
            raise Problem(f"{self.file} has no output {name}{nearest(name, self.section('Outputs'))}")
        return self.resolve(output.get("Value"))

    # What functions and queues are called.

    def function_name(self, logical_id: str) -> str:
        """Return the name of a function: `FunctionName`, else its logical id, as `sam local` does."""
        if (given := self.shared.options.resources.get(f"{self.prefix}{logical_id}")) is not None:
            return last_part(given)
        with self._unfinished.entering(logical_id):
            named = self.resolve(properties_of(self._resource(logical_id)).get("FunctionName"))
        if isinstance(named, str) and named:
            return named.rpartition(":")[2]
        for stack in self.shared.stacks:
            if stack is self:
                return logical_id[:64]
            if logical_id in stack.section("Resources"):
                break
        return f"{self.name}-{logical_id}"[:64]

    def function_arn(self, logical_id: str) -> str:
        """Return the ARN of a function."""
        given = self.shared.options.resources.get(f"{self.prefix}{logical_id}", "")
        if given.startswith("arn:"):
            return given
        return make_arn("lambda", self.region, self.account, f"function:{self.function_name(logical_id)}")

    def version_number(self, logical_id: str) -> str:
        """Return the number of a version: that of its place among the function's versions."""
        wanted = properties_of(self._resource(logical_id)).get("FunctionName")
        same = [each for each, properties in self.of_type(VERSION) if properties.get("FunctionName") == wanted]
        return str(same.index(logical_id) + 1)

    def layer_arn(self, logical_id: str) -> str:
        """Return the ARN of a version of a layer of the template."""
        name = self.resolve(properties_of(self._resource(logical_id)).get("LayerName")) or logical_id
        return make_arn("lambda", self.region, self.account, f"layer:{self.prefix.replace('/', '-')}{name}:1")

    def queue_name(self, logical_id: str) -> str:
        """Return the name of a queue: `QueueName`, else its logical id."""
        return self._identity(logical_id)[0]

    def parameter_values(self) -> dict[str, str]:
        """Return the parameters' values as text, as transforms get them."""
        values = {name: self._parameter(name) for name in self.section("Parameters")}
        return {name: ",".join(value) if isinstance(value, list) else value for name, value in values.items()}

    def check_parameters(self) -> None:
        """Check the given values and the defaults.

        Raises:
            InvalidProject: the template does not allow one.
        """
        for name, declared in self.section("Parameters").items():
            is_known = name in self._given or (isinstance(declared, dict) and "Default" in declared)
            if is_known and not str(declared.get("Type")).startswith(parameters.FROM_STORE):
                try:
                    self._parameter(name)
                except Problem as error:
                    raise InvalidProject(f"{self.file}: {error}") from None

    def _exists(self, logical_id: str, resource: dict[str, Any]) -> bool:
        name = resource.get("Condition")
        try:
            return name is None or self.condition(name)
        except Problem as error:
            raise InvalidProject(f"{self.file}: {logical_id}: {error}") from None

    def _resource(self, name: str) -> dict[str, Any]:
        resource = self.section("Resources").get(name)
        if not isinstance(resource, dict):
            names = [*self.section("Parameters"), *self.section("Resources")]
            raise Problem(f"{name} is neither a parameter nor a resource{nearest(str(name), names)}")
        return resource

    def _reference(self, name: str) -> Any:
        kind = self._resource(name).get("Type", "")
        given = self.shared.options.resources.get(f"{self.prefix}{name}")
        if kind == FUNCTION:
            return self.function_name(name)
        if kind in (VERSION, ALIAS):
            return self._qualified(name, kind)
        if kind == LAYER:
            return self.layer_arn(name)
        if kind in (HTTP_API, REST_API):
            return given or make_id(f"{self.name}/{self.prefix}{name}")
        if kind in NAMED:
            with self._unfinished.entering(name):
                known, arn = self._identity(name)
            if NAMED[kind][3] == "url":
                return self._queue_url(name, known, arn)
            return known if NAMED[kind][3] == "name" else arn
        if given is not None:
            return given
        if kind.endswith("::Stage"):
            return self.resolve(properties_of(self._resource(name)).get("StageName")) or "default"
        if kind.startswith(PARTS):
            return name
        return self._placeholder(name, f"--resource {self.prefix}{name}=NAME_OR_ARN")

    def _qualified(self, name: str, kind: str) -> str:
        """Return the ARN of a version or of an alias."""
        properties = properties_of(self._resource(name))
        with self._unfinished.entering(name):
            function = as_text(self.resolve(properties.get("FunctionName")))
            qualifier = self.version_number(name) if kind == VERSION else as_text(self.resolve(properties.get("Name")))
        if not function.startswith("arn:"):
            function = make_arn("lambda", self.region, self.account, f"function:{function}")
        return f"{function}:{qualifier}"

    def _identity(self, logical_id: str) -> tuple[str, str]:
        """Return the name and the ARN of a resource."""
        resource = self._resource(logical_id)
        name_property, service, form, _ = NAMED[resource["Type"]]
        properties = properties_of(resource)
        given = self.shared.options.resources.get(f"{self.prefix}{logical_id}")
        account = self.account
        if given is not None and given.startswith("arn:"):
            return last_part(given), given
        if given is not None and (url := _URL.fullmatch(given)) is not None:
            name, account = url["name"], url["account"]
        elif given is not None:
            name = given
        elif (named := self.resolve(properties.get(name_property))) is not None and named is not NO_VALUE:
            name = as_text(named)
        else:
            name = logical_id
            if resource["Type"] == QUEUE and str(properties.get("FifoQueue", "")).lower() == "true":
                name += ".fifo"
            if resource["Type"] not in (QUEUE, "AWS::IAM::Role"):
                self._placeholder(name, f"--resource {self.prefix}{logical_id}=NAME_OR_ARN")
        region, owner = (self.region, account) if service != "s3" else ("", "")
        return name, make_arn(service, "" if service == "iam" else region, owner, f"{form}{name.lstrip('/')}")

    def _queue_url(self, logical_id: str, name: str, arn: str) -> str:
        given = self.shared.options.resources.get(f"{self.prefix}{logical_id}", "")
        if given.startswith("http"):
            return given
        account = arn.split(":")[4]
        if (endpoint := self.shared.options.endpoints.get("sqs")) is not None:
            return f"{endpoint.rstrip('/')}/{account}/{name}"
        self._placeholder(name, f"--resource {self.prefix}{logical_id}=URL, or --endpoint-url sqs=URL")
        return f"https://sqs.{self.region}.{dns_suffix(self.region)}/{account}/{name}"

    def _parameter(self, name: str) -> Any:
        if name not in self._parameters:
            with self._unfinished.entering(f"parameter {name}"):
                try:
                    self._parameters[name] = self._value_of(name)
                except InvalidProject:
                    raise
                except WRONG_FORM as error:
                    raise Problem(f"parameter {name}: {explain(error)}") from None
        return self._parameters[name]

    def _value_of(self, name: str) -> Any:
        declared = self.section("Parameters")[name]
        if not isinstance(declared, dict):
            raise Problem(f"parameter {name} is not a mapping; check its indentation")
        if name in self._given:
            given = self._given[name] if self.parent is None else self.parent.resolve(self._given[name])
        else:
            given = declared.get("Default")
        if given is None:
            given = parameters.make_placeholder(name, declared)
            self._placeholder(given, f"--parameter {name}=VALUE")
        text = ",".join(map(as_text, given)) if isinstance(given, list) else as_text(given)
        if str(declared.get("Type")).startswith(parameters.FROM_STORE):
            text = self._dynamic(f"resolve:ssm:{text}", text)
        else:
            parameters.check(name, declared, text)
        return parameters.split(text) if parameters.is_list(declared) else text

    def _dynamic(self, reference: str, placeholder: str | None = None) -> str:
        """Return the value of a dynamic reference, which is without its braces."""
        if (given := self.shared.given(reference)) is not None:
            return given
        self._placeholder(reference, f"--parameter {reference}=VALUE")
        return placeholder or reference

    def _placeholder(self, value: str, cure: str) -> str:
        self.shared.unknown.setdefault(cure, value)
        return value
