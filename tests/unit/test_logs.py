"""Tests of `_logs`: log records in text, JSON and frames, each compared with the official client's."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any

import pytest

from awslambdaric_lite._logs import (
    JsonFormatter,
    LambdaLoggerFilter,
    LambdaLoggerHandler,
    LambdaLoggerHandlerWithFrameType,
    install,
    level_name,
)
from awslambdaric_lite._sinks import JSON_FRAMES, TEXT_FRAMES

from .recording_sink import RecordingSink


@pytest.fixture(autouse=True)
def root(monkeypatch: pytest.MonkeyPatch) -> logging.Logger:
    """Replace the root logger for each test; pytest adds handlers to the new one, which some tests remove."""
    logger = logging.RootLogger(logging.WARNING)
    monkeypatch.setattr(logging, "root", logger)
    assert logging.getLogger() is logger
    return logger


def invocation() -> tuple[str | None, str | None]:
    """Return the request id and tenant id of the current invocation."""
    return "id-1", "tenant-1"


def failure() -> Any:
    """Return the `exc_info` of an exception."""
    try:
        raise ValueError("é")
    except ValueError:
        return sys.exc_info()


class Unprintable:
    """An object without a JSON form, which has a text."""

    def __str__(self) -> str:
        return "as text"


RECORDS: dict[str, dict[str, Any]] = {
    "plain": {"msg": "text"},
    "arguments": {"msg": "%s of %d", "args": ("é", 3)},
    "a dictionary of arguments": {"msg": "%(a)s", "args": ({"a": 1},)},
    "several lines": {"msg": "a\nb\r\n"},
    "a dictionary": {"msg": {"a": [1, Unprintable()]}},
    "a dictionary with arguments": {"msg": {"a": 1}, "args": ("x",)},
    "an object": {"msg": Unprintable()},
    "an exception": {"msg": "failed", "exc_info": failure()},
    "extra": {"msg": "m", "extra": {"user": "é", "count": 3, "nothing": None, "odd": Unprintable()}},
    "extra with reserved keys": {
        "msg": "m",
        "extra": {"level": "x", "timestamp": 1, "requestId": "mine", "stackTrace": 1},
    },
    "a task's name": {"msg": "m", "extra": {"taskName": "Task-1"}},
    "no task's name": {"msg": "m", "extra": {"taskName": None}},
    "without a request": {"msg": "m", "without": True},
    "with a tenant": {"msg": "m", "extra": {"tenant_id": "t"}},
}
LEVELS = [0, 5, 10, 15, 20, 30, 35, 40, 50, 60, 1000, -5]


def record(level: int, fields: dict[str, Any]) -> logging.LogRecord:
    """Make a record."""
    made = logging.LogRecord(
        "app.module",
        level,
        "/var/task/app.py",
        12,
        fields["msg"],
        fields.get("args", ()),
        fields.get("exc_info"),
        "handler",
    )
    made.created, made.msecs = 1_700_000_000.5, 500.0
    if not fields.get("without"):
        made.aws_request_id = "id-1"
        made.tenant_id = None
    made.__dict__.update(fields.get("extra", {}))
    return made


def outcome(formatter: logging.Formatter, made: logging.LogRecord) -> object:
    """Format a record; return the text and the changes to the record, or the error."""
    try:
        text = formatter.format(made)
    except Exception as error:
        return type(error).__name__
    return text, made.levelno, made.levelname, getattr(made, "_frame_type", None)


@pytest.fixture
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Convert times to UTC in every formatter, as the official client does."""
    monkeypatch.setattr(logging.Formatter, "converter", time.gmtime)


@pytest.mark.usefixtures("_utc")
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", RECORDS)
def test_json_record_equals_official_record(name: str, level: int) -> None:
    """A JSON record has the official text byte for byte, and the same changes to the log record."""
    from awslambdaric.lambda_runtime_log_utils import JsonFormatter as Official

    expected = outcome(Official(), record(level, RECORDS[name]))
    assert outcome(JsonFormatter(), record(level, RECORDS[name])) == expected


def test_empty_exc_info_keeps_record() -> None:
    """A record with `exc_info=True` outside an `except` block is logged; the official client loses it."""
    made = record(40, {"msg": "m", "exc_info": (None, None, None)})
    found = json.loads(JsonFormatter().format(made))
    assert found["message"] == "m"
    assert not {"errorType", "errorMessage", "stackTrace", "location"} & set(found)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, ""),
        ("", ""),
        ("TRACE", "DEBUG"),
        ("trace", "TRACE"),
        ("info", "INFO"),
        ("WARN", "WARN"),
        ("nonsense", "NONSENSE"),
    ],
)
def test_level_names_equal_official_names(value: str | None, name: str) -> None:
    """A level name becomes upper case; `TRACE` becomes `DEBUG`; `logging` judges all others."""
    from awslambdaric.lambda_runtime_log_utils import _get_log_level_from_env_var

    assert level_name(value) == name == _get_log_level_from_env_var(value)


@pytest.mark.parametrize("json_format", [False, True])
@pytest.mark.parametrize("level", [None, "TRACE", "INFO", "ERROR", "FATAL", "nonsense"])
def test_installed_handler_equals_official_handler(json_format: bool, level: str | None, root: logging.Logger) -> None:
    """Class name, level, text and frame type are the official ones for every log format and level."""
    from awslambdaric import bootstrap
    from awslambdaric.lambda_runtime_log_utils import LogFormat, _get_log_level_from_env_var

    def logged(sink: RecordingSink) -> object:
        (handler,) = root.handlers
        for number in LEVELS:
            handler.handle(record(number, {"msg": "text %s", "args": ("é",), "without": True}))
        return type(handler).__name__, root.level, sink.texts

    root.handlers.clear()
    converter = logging.Formatter.converter
    try:
        theirs = RecordingSink()
        kind = LogFormat.JSON if json_format else LogFormat.TEXT
        bootstrap._GLOBAL_AWS_REQUEST_ID, bootstrap._GLOBAL_TENANT_ID = invocation()
        bootstrap._setup_logging(kind, _get_log_level_from_env_var(level), theirs)
        expected = logged(theirs)
    finally:
        logging.Formatter.converter = converter
        bootstrap._GLOBAL_AWS_REQUEST_ID = bootstrap._GLOBAL_TENANT_ID = None
    root.handlers.clear()
    root.setLevel(logging.WARNING)
    ours = RecordingSink()
    install(ours, invocation, json_format=json_format, log_level=level)
    assert logged(ours) == expected


def test_installing_keeps_other_formatters() -> None:
    """Installing does not switch other formatters to UTC, unlike the official client."""
    converter = logging.Formatter.converter
    install(RecordingSink(), invocation, json_format=False, log_level=None)
    install(RecordingSink(), invocation, json_format=True, log_level=None)
    assert logging.Formatter.converter is converter


def test_times_are_utc(root: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records have UTC times in any time zone."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        for json_format, start in (
            (False, "[WARNING]\t2023-11-14T22:13:20.500Z\tid-1\t"),
            (True, '{"timestamp": "2023-11-14T22:13:20Z"'),
        ):
            root.handlers.clear()
            sink = RecordingSink()
            install(sink, invocation, json_format=json_format, log_level=None)
            root.handlers[0].handle(record(30, {"msg": "m"}))
            assert sink.texts[0][0].startswith(start)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_handler_is_added_to_existing_handlers(root: logging.Logger) -> None:
    """A handler that was installed earlier, e.g. by `basicConfig`, stays first."""
    before = logging.NullHandler()
    root.handlers[:] = [before]
    install(RecordingSink(), invocation, json_format=False, log_level=None)
    assert root.handlers[0] is before
    assert type(root.handlers[1]).__name__ == "LambdaLoggerHandler"


def test_replaced_formatter_gets_request_id(root: logging.Logger) -> None:
    """A formatter that a tool installs gets the request id and tenant id of each record's invocation."""
    root.handlers.clear()
    sink = RecordingSink()
    ids: list[tuple[str | None, str | None]] = [("a", "t"), (None, None)]
    install(sink, lambda: ids.pop(0), json_format=False, log_level=None)
    root.handlers[0].setFormatter(logging.Formatter("%(aws_request_id)s|%(tenant_id)s|%(message)s"))
    for _ in range(2):
        root.warning("m")
    assert [text for text, _ in sink.texts] == ["a|t|m", "|None|m"]


def test_frame_type_follows_level() -> None:
    """The frame type follows the record's level and the formatter; the plain handler sends no type."""
    for formatter, frames in ((logging.Formatter(), TEXT_FRAMES), (JsonFormatter(), JSON_FRAMES)):
        sink = RecordingSink()
        handler = LambdaLoggerHandlerWithFrameType(sink)
        handler.setFormatter(formatter)
        for level in (10, 20, 30, 40, 50, 55, 25):
            handler.emit(record(level, {"msg": "m"}))
        assert [frame for _, frame in sink.texts] == [frames[level] for level in (10, 20, 30, 40, 50, 50, 20)]
    plain = RecordingSink()
    LambdaLoggerHandler(plain).emit(record(40, {"msg": "m"}))
    assert plain.texts == [("m", None)]


def test_filter_passes_every_record() -> None:
    """The filter passes every record and adds the request id and tenant id."""
    made = record(10, {"msg": "m", "without": True})
    assert LambdaLoggerFilter(invocation).filter(made) is True
    assert (vars(made)["aws_request_id"], vars(made)["tenant_id"]) == ("id-1", "tenant-1")


class Unloaded:
    """A module whose first use imports it, which fails."""

    def __getattr__(self, name: str) -> object:
        raise ImportError(f"cannot import traceback for {name}")


@pytest.mark.parametrize("json_format", [True, False])
def test_record_of_exception_needs_no_traceback_module(
    root: logging.Logger, monkeypatch: pytest.MonkeyPatch, json_format: bool
) -> None:
    """The record of an exception has a plain stack if the standard library's module cannot be imported any more."""
    caught = failure()
    monkeypatch.setattr(logging, "traceback", Unloaded())
    root.handlers.clear()
    sink = RecordingSink()
    install(sink, invocation, json_format=json_format, log_level=None)
    root.error("failed", exc_info=caught)
    ((text, _),) = sink.texts
    if json_format:
        found = json.loads(text)
        assert (found["errorType"], found["errorMessage"]) == ("ValueError", "é")
        assert found["stackTrace"][0].endswith('in failure\n    raise ValueError("é")\n')
    else:
        assert "Traceback (most recent call last):\n" in text
        assert 'in failure\n    raise ValueError("é")\nValueError: é' in text
