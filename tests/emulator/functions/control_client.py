"""A boto3 client that compares every answer with botocore's service model."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from botocore.model import Shape

from ..sdk import lambda_client

_KINDS: dict[str, Any] = {
    "string": str,
    "integer": int,
    "long": int,
    "boolean": bool,
    "double": (int, float),
    "timestamp": (int, float),
    "list": list,
    "map": dict,
    "structure": dict,
}


def checking_client(endpoint_url: str) -> Any:
    """Return a client that fails if an answer has a member, a type or a value that the model does not have."""
    client = lambda_client(endpoint_url)
    client.meta.events.register("before-parse.lambda", _compare)
    return client


def _compare(operation_model: Any, response_dict: dict[str, Any], **_: Any) -> None:
    status, body = response_dict["status_code"], response_dict["body"]
    if not isinstance(body, bytes) or operation_model.name.startswith("Invoke"):
        return
    if status >= 400:
        name = response_dict["headers"]["x-amzn-errortype"]
        shape = next((each for each in operation_model.error_shapes if each.name == name), None)
        # These are errors of the service's front end, which no operation declares.
        common = {"ValidationException", "SerializationException", "InvalidRequestContentException"}
        common |= {"NotImplementedException", "AccessDeniedException", "RequestEntityTooLargeException"}
        assert shape is not None or name in common, f"{operation_model.name} has no error {name}"
        if shape is not None:
            assert shape.metadata["error"]["httpStatusCode"] == status
            compare(shape, json.loads(body), name)
        return
    expected = operation_model.http.get("responseCode", 200)
    assert status == expected or operation_model.name == "DeleteFunction", f"{operation_model.name}: {status}"
    if operation_model.output_shape is None or status == 204:
        assert body == b"", f"{operation_model.name} has no answer"
        return
    compare(operation_model.output_shape, json.loads(body), operation_model.name)


def compare(shape: Shape, value: Any, path: str) -> None:
    """Fail if a value of an answer does not fit a shape."""
    expected = _KINDS[shape.type_name]
    assert isinstance(value, expected), f"{path} is {value!r}, not a {shape.type_name}"
    model: Any = shape
    if shape.type_name == "structure":
        for name, each in value.items():
            assert name in model.members, f"{path} has no member {name}"
            compare(model.members[name], each, f"{path}.{name}")
    elif shape.type_name == "list":
        for number, each in enumerate(value):
            compare(model.member, each, f"{path}[{number}]")
    elif shape.type_name == "map":
        for key, each in value.items():
            compare(model.value, each, f"{path}[{key!r}]")
    elif shape.type_name == "string" and model.enum:
        assert value in model.enum, f"{path} is {value!r}, not one of {model.enum}"


def package(source: str, *, compression: int = zipfile.ZIP_STORED) -> bytes:
    """Return a zip file with `app.py`, the same bytes each time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("app.py"), source, compression)
    return buffer.getvalue()
