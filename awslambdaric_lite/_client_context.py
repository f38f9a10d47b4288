"""The client context of an invocation: owns its fields, of mobile applications and of traces. Imports nothing."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

W3C_FIELDS = ("traceparent", "tracestate", "baggage")  # the fields that the official client accepts


def format_record(record: object, names: "tuple[str, ...]") -> str:
    """Format a record as the official client does."""
    return f"{type(record).__name__}([{','.join(f'{name}={getattr(record, name)}' for name in names)}])"


class Client:
    """The mobile application that invoked the function; a field that it did not send is None."""

    __slots__ = ("app_package_name", "app_title", "app_version_code", "app_version_name", "installation_id")

    def __init__(self, fields: "dict[str, Any] | None" = None) -> None:
        fields = {} if fields is None else fields
        self.installation_id: "str | None" = fields.get("installation_id")
        self.app_title: "str | None" = fields.get("app_title")
        self.app_version_name: "str | None" = fields.get("app_version_name")
        self.app_version_code: "str | None" = fields.get("app_version_code")
        self.app_package_name: "str | None" = fields.get("app_package_name")

    def __repr__(self) -> str:
        names = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")
        return format_record(self, names)


class ClientContext:
    """The client context that a caller sent."""

    __slots__ = ("client", "custom", "env")

    def __init__(self, fields: "dict[str, Any] | None" = None) -> None:
        fields = {} if fields is None else fields
        self.custom: "dict[str, Any] | None" = fields.get("custom")
        self.env: "dict[str, Any] | None" = fields.get("env")
        client = fields.get("client")
        self.client: "Client | None" = None if client is None else Client(client)

    def __repr__(self) -> str:
        return format_record(self, ("custom", "env", "client"))


def w3c_fields(client_context: "dict[str, Any]") -> "dict[str, str]":
    """Remove the fields of the W3C trace context from a client context and return them."""
    fields = client_context.pop("w3c", None) if type(client_context) is dict else None
    if type(fields) is not dict:
        return {}
    return {name: fields[name] for name in W3C_FIELDS if isinstance(fields.get(name), str)}
