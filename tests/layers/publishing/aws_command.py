"""A double of the AWS CLI: `aws SERVICE OPERATION --option value…`, and `aws SERVICE wait WAITER …`.

Options are those of botocore's models: unknown options and values of a wrong type are refused.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import boto3
from botocore import xform_name
from botocore.model import Shape


def main(arguments: list[str]) -> None:
    """Run the command line; print the response, or write a payload to the named file."""
    service, operation, *rest = arguments
    waiter = rest.pop(0) if operation == "wait" else None
    options: dict[str, list[str]] = {}
    files: list[str] = []
    while rest:
        word = rest.pop(0)
        if word.startswith("--"):
            options[word.removeprefix("--")] = [rest.pop(0)]
        else:
            files.append(word)
    client = boto3.client(service, region_name=options.pop("region", [None])[0])
    if waiter is not None:
        waiting = client.get_waiter(waiter.replace("-", "_"))
        waiting.wait(**parameters(client.meta.service_model.operation_model("GetFunction").input_shape, options))
        return
    method = operation.replace("-", "_")
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
    answer = getattr(client, method)(**parameters(model.input_shape, options))
    if "Payload" in answer:
        (file,) = files
        Path(file).write_bytes(answer.pop("Payload").read())
    print(json.dumps(answer, default=str))


def parameters(shape: Any, options: dict[str, list[str]]) -> dict[str, Any]:
    """Return the options as boto3's arguments; `KeyError` names an unknown one."""
    members = {xform_name(name, "-"): (name, member) for name, member in shape.members.items()}
    if "Code" in shape.members:  # an option of the CLI: --zip-file is Code.ZipFile
        file = options.pop("zip-file")[0]
        given = {"Code": {"ZipFile": Path(file.removeprefix("fileb://")).read_bytes()}}
    else:
        given = {}
    return {**given, **{members[name][0]: value(members[name][1], text[0]) for name, text in options.items()}}


def value(shape: Shape, text: str) -> Any:
    """Return the value of a word; structures are in the CLI's shorthand, `Variables={NAME=VALUE,…}`."""
    if shape.type_name == "list":
        return text.split()
    if shape.type_name == "structure":
        name, _, content = text.partition("=")
        pairs = content.strip("{}").split(",")
        return {name: dict(pair.split("=", 1) for pair in pairs)}
    return text


if __name__ == "__main__":
    main(sys.argv[1:])
