"""Tests of `_settings`: the settings in the environment, and the address of the Runtime API."""

from __future__ import annotations

import pytest

from awslambdaric_lite._function_errors import SettingError
from awslambdaric_lite._optional_settings import Options
from awslambdaric_lite._settings import read_address, read_settings

API = {b"AWS_LAMBDA_RUNTIME_API": b"127.0.0.1:9001"}


@pytest.mark.parametrize(
    ("value", "host", "port", "netloc", "prefix"),
    [
        ("127.0.0.1:9001", "127.0.0.1", 9001, "127.0.0.1:9001", ""),
        ("169.254.100.1:9001", "169.254.100.1", 9001, "169.254.100.1:9001", ""),
        ("localhost:1", "localhost", 1, "localhost:1", ""),
        ("api.internal:65535", "api.internal", 65535, "api.internal:65535", ""),
        ("[::1]:9001", "::1", 9001, "[::1]:9001", ""),
        ("[fe80::1%eth0]:9001", "fe80::1%eth0", 9001, "[fe80::1%eth0]:9001", ""),
        ("http://127.0.0.1:9001", "127.0.0.1", 9001, "127.0.0.1:9001", ""),
        ("HTTP://127.0.0.1:9001/", "127.0.0.1", 9001, "127.0.0.1:9001", ""),
        ("127.0.0.1:9001/function/", "127.0.0.1", 9001, "127.0.0.1:9001", "/function"),
        ("http://api:80/a/b", "api", 80, "api:80", "/a/b"),
        ("http://api/a", "api", 80, "api", "/a"),
        ("http://[::1]", "::1", 80, "[::1]", ""),
        (" 127.0.0.1:9001\n", "127.0.0.1", 9001, "127.0.0.1:9001", ""),
    ],
)
def test_address_has_host_and_port(value: str, host: str, port: int, netloc: str, prefix: str) -> None:
    """An address is a host name, IPv4 or bracketed IPv6 address with a port; scheme and path are optional."""
    address = read_address(value)
    assert (address.host, address.port, address.netloc, address.prefix) == (host, port, netloc, prefix)


@pytest.mark.parametrize("value", [None, ""])
def test_missing_address_is_explained(value: str | None) -> None:
    """The error for a missing address names the variable and its form on one line."""
    with pytest.raises(SettingError, match=r"^AWS_LAMBDA_RUNTIME_API is not set; .*host:port.*$"):
        read_address(value)


@pytest.mark.parametrize(
    "value",
    [
        " ",
        "localhost",
        "localhost:",
        ":9001",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "127.0.0.1:009001",
        "127.0.0.1:http",
        "127.0.0.1:-1",
        "127.0.0.1:٩",
        "127.0.0.1:²",
        "::1:9001",
        "[]:9001",
        "[::1:9001",
        "::1]:9001",
        "https://127.0.0.1:9001",
        "ftp://127.0.0.1:9001",
        "user@host:9001",
        "http://user:password@host:9001",
        "ho st:9001",
        "host\t:9001",
        "host\r\nX: y:9001",
        "hôst:9001",
        "host:9001/a b",
        "host:9001/a\r\nX: y",
        "host:9001/é",
        "host:9001/€",
        "host:9001/a\rb",
        "host:9001?a",
        "host:9001#a",
        "/host:9001",
        "http://",
    ],
)
def test_malformed_address_is_shown(value: str) -> None:
    """The error for a malformed address names the variable, its value and an example on one line."""
    with pytest.raises(SettingError) as caught:
        read_address(value)
    message = str(caught.value)
    assert message.startswith(f"AWS_LAMBDA_RUNTIME_API={value!r} is malformed; ")
    assert "127.0.0.1:9001" in message
    assert "\n" not in message


def test_settings_have_defaults() -> None:
    """Without variables and arguments, each setting has its default."""
    settings = read_settings(dict(API), [])
    assert settings.handler == ""
    assert settings.json_format is False
    assert settings.log_level is None
    assert settings.pipeline is True
    assert settings.codec == "auto"
    assert settings.options is None
    assert settings.api.port == 9001


def test_handler_argument_wins_over_variable() -> None:
    """The handler of `python -m awslambdaric_lite app.handler` wins over `_HANDLER`, as in the official client."""
    environ = {**API, b"_HANDLER": "m\u00f6dul.handler".encode()}
    assert read_settings(environ, []).handler == "m\u00f6dul.handler"
    assert read_settings(environ, ["other.handler"]).handler == "other.handler"


def test_variables_may_hold_any_bytes() -> None:
    """A variable that is not UTF-8 is decoded as `os.environ` decodes it."""
    assert read_settings({**API, b"_HANDLER": b"a.\xff"}, []).handler == "a.\udcff"


@pytest.mark.parametrize(
    ("value", "expected"), [("JSON", True), ("json", True), ("Text", False), ("", False), ("x", False)]
)
def test_log_format_is_json_or_text(value: str, expected: bool) -> None:
    """The log format is JSON if the variable says so in any case, and text otherwise."""
    assert read_settings({**API, b"AWS_LAMBDA_LOG_FORMAT": value.encode()}, []).json_format is expected


@pytest.mark.parametrize(
    ("name", "value", "attribute", "expected"),
    [
        ("PIPELINE", "0", "pipeline", False),
        ("PIPELINE", "1", "pipeline", True),
        ("PIPELINE", "", "pipeline", True),
        ("CODEC", "stdlib", "codec", "stdlib"),
        ("CODEC", "ORJSON", "codec", "orjson"),
        ("CODEC", "", "codec", "auto"),
    ],
)
def test_own_settings_ignore_case(name: str, value: str, attribute: str, expected: object) -> None:
    """A setting accepts its values in any case; an empty variable counts as unset."""
    settings = read_settings({**API, f"AWSLAMBDARIC_LITE_{name}".encode(): value.encode()}, [])
    assert getattr(settings, attribute) == expected
    assert settings.options is not None and settings.options.problems == []


@pytest.mark.parametrize(
    ("name", "attribute", "default", "allowed"),
    [("PIPELINE", "pipeline", True, "1, 0"), ("CODEC", "codec", "auto", "auto, stdlib, orjson")],
)
def test_bad_value_falls_back_to_default(name: str, attribute: str, default: object, allowed: str) -> None:
    """A bad value selects the default, and one line names the variable, the value and the allowed values."""
    settings = read_settings({**API, f"AWSLAMBDARIC_LITE_{name}".encode(): b"yes\nplease"}, [])
    assert getattr(settings, attribute) == default
    assert settings.options is not None
    (problem,) = settings.options.problems
    assert f"AWSLAMBDARIC_LITE_{name}='yes\\nplease'" in problem
    assert problem.endswith(allowed)
    assert "\n" not in problem


def test_unknown_variable_is_reported() -> None:
    """An unknown variable is reported in one line with the known names."""
    settings = read_settings({**API, b"AWSLAMBDARIC_LITE_CODECS": b"orjson"}, [])
    assert settings.options is not None
    (problem,) = settings.options.problems
    assert "AWSLAMBDARIC_LITE_CODECS='orjson'" in problem and "CODEC," in problem


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "1000000000", "soon"])
def test_milliseconds_out_of_range_are_reported(value: str) -> None:
    """A number of milliseconds that is out of range is reported and ignored."""
    options = Options({b"AWSLAMBDARIC_LITE_TIMEOUT_DUMP_MS": value.encode()})
    assert options.timeout_dump_ms is None
    assert "1 to 999999999" in options.problems[0]
    assert Options({b"AWSLAMBDARIC_LITE_TIMEOUT_DUMP_MS": b"5400000"}).timeout_dump_ms == 5_400_000
