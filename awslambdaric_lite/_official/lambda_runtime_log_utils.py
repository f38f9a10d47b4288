"""The module `awslambdaric.lambda_runtime_log_utils`: the formatter of JSON logs, levels and frame types."""

import enum
import logging  # noqa: F401 -- its import loads `_logs`

from .._logs import JSON_DATE as _DATETIME_FORMAT
from .._logs import NOT_EXTRA as _RESERVED_FIELDS
from .._logs import JsonFormatter, level_name
from .._logs import level_of as _format_log_level
from .._sinks import JSON_FRAMES as _JSON_FRAME_TYPES
from .._sinks import TEXT_FRAMES as _TEXT_FRAME_TYPES

__all__ = [
    "_DATETIME_FORMAT",
    "_DEFAULT_FRAME_TYPE",
    "_JSON_FRAME_TYPES",
    "_RESERVED_FIELDS",
    "_TEXT_FRAME_TYPES",
    "JsonFormatter",
    "LogFormat",
    "_format_log_level",
    "_get_log_level_from_env_var",
    "_json_encoder",
]

_DEFAULT_FRAME_TYPE = _TEXT_FRAME_TYPES[0]
_get_log_level_from_env_var = level_name
_json_encoder = JsonFormatter().encoder


class LogFormat(enum.IntEnum):
    """A format of log records."""

    JSON = 0
    TEXT = 1

    @classmethod
    def from_str(cls, value: "str | None") -> int:
        """Return the format that a value of `AWS_LAMBDA_LOG_FORMAT` selects."""
        return (cls.JSON if value and value.upper() == "JSON" else cls.TEXT).value
