"""What `serve` says of a project: its functions, routes and sources with their addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..common.tables import escape_unprintable
from ..common.words import count
from ..emulator.config.project import Api, Function, Project, QueueSource

_GAP = "  "


@dataclass(frozen=True)
class ServedProject:
    """A served project and its addresses: of function URLs by function, of APIs by logical id."""

    project: Project
    endpoint_url: str
    urls: Mapping[str, str]
    apis: Mapping[str, str]
    sources: Mapping[str, str]
    """By logical id, the reason why a source is not polled; empty if it is."""

    def lines(self) -> list[str]:
        """Return a title, and a table of each kind."""
        project = self.project
        functions = count(len(project.functions), "function")
        lines = [f"Serving {functions} of {project.folder} until Ctrl-C", f"  Lambda API  {self.endpoint_url}"]
        lines += ["Functions", *_columns([self._function(each) for each in project.functions])]
        for api in project.apis:
            kind = f"{api.kind} API {api.logical_id}  {self.apis.get(api.logical_id, '')}"
            lines += [kind, *_columns(_routes(api))]
        if project.sources:
            rows = [self._source(field) for field in self.fields()["sources"]]
            lines += ["Sources", *_columns(rows)]
        callable_ = next((each.config.name for each in project.functions if not each.unavailable), None)
        if callable_ is not None:
            lines += [
                "Call them with",
                f"  awslambdaric-lite invoke --name {callable_}{self._option()} --event FILE",
                f'  boto3.client("lambda", endpoint_url="{self.endpoint_url}")'
                f'.invoke(FunctionName="{callable_}", Payload=b"{{}}")',
            ]
        return [escape_unprintable(line) for line in lines]

    def fields(self) -> dict[str, Any]:
        """Return the same for machines."""
        fields: dict[str, Any] = {
            "endpointUrl": self.endpoint_url,
            "functions": [
                {
                    "name": each.config.name,
                    "arn": each.config.arn,
                    "url": self.urls.get(each.config.name),
                    **({"unavailable": each.unavailable} if each.unavailable else {}),
                }
                for each in self.project.functions
            ],
            "apis": dict(self.apis),
            "sources": [
                {
                    "id": source.logical_id,
                    "kind": "SQS" if isinstance(source, QueueSource) else source.kind,
                    "function": source.function,
                    "polled": not (reason := self._reason(source.logical_id)),
                    **({"queue": source.queue} if isinstance(source, QueueSource) else {}),
                    **({"reason": reason} if reason else {}),
                }
                for source in self.project.sources
            ],
        }
        if len(self.project.functions) == 1:  # as for one function without a project
            function = self.project.functions[0]
            own = {"functionName": function.config.name, "handler": function.config.handler}
            fields = {**own, **fields, "functionUrl": self.urls.get(function.config.name)}
        return fields

    def _reason(self, logical_id: str) -> str:
        return self.sources.get(logical_id, f"not polled: `awslambdaric-lite trigger {logical_id}` sends an event")

    def _function(self, function: Function) -> list[str]:
        config = function.config
        runtime = function.runtime_name or ""
        if function.unavailable:
            return [config.name, "", runtime, "cannot run here"]
        return [config.name, config.handler, runtime, self.urls.get(config.name, "")]

    def _source(self, source: Mapping[str, Any]) -> list[str]:
        queue = f" {source['queue']}" if "queue" in source else ""
        state = "polled" if source["polled"] else source["reason"]
        return [source["id"], f"{source['kind']}{queue}", source["function"], state]

    def _option(self) -> str:
        return "" if self.endpoint_url.endswith(":9000") else f" --endpoint-url {self.endpoint_url}"


def _routes(api: Api) -> list[list[str]]:
    return [
        [
            route.method if route.path != "$default" else "",
            route.path,
            f"501: {route.unsupported}" if route.unsupported else route.function or "",
        ]
        for route in api.routes
    ]


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return lines with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  " + _GAP.join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
