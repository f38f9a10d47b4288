"""Scenarios about logging and printing, in each format, at each level, to each destination."""

from __future__ import annotations

from collections.abc import Mapping

from awslambdaric_lite.conformance.messages import Event
from tests.contract.scenario import Scenario
from tests.handlers.log_records import CALLS

_TENANT = ("Lambda-Runtime-Aws-Tenant-Id", "tenant-7")
_EVENTS = [Event(b'"%b"' % name.encode()) for name in CALLS if name != "exc_info without exception"] + [
    Event(b'"warning"', headers=(_TENANT,))
]

_FORMATS: dict[str, tuple[Mapping[str, str], bool]] = {
    "text": ({}, False),
    "text, level": ({"AWS_LAMBDA_LOG_LEVEL": "INFO"}, False),
    "JSON": ({"AWS_LAMBDA_LOG_FORMAT": "JSON"}, False),
    "JSON, level": ({"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "DEBUG"}, False),
    "framed text": ({"AWS_LAMBDA_LOG_FORMAT": "Text"}, True),
    "framed text, level": ({"AWS_LAMBDA_LOG_LEVEL": "DEBUG"}, True),
    "framed JSON": ({"AWS_LAMBDA_LOG_FORMAT": "jSoN"}, True),
    "framed JSON, level": ({"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "TRACE"}, True),
}

_LEVELS = [
    "TRACE",
    "trace",
    "DEBUG",
    "debug",
    "INFO",
    "WARN",
    "WARNING",
    "ERROR",
    "FATAL",
    "CRITICAL",
    "NOTSET",
    "",
    "LOUD",
    "10",
]

_BASIC_CONFIG = """
import logging
logging.basicConfig(level=logging.INFO, format="%(message)s")
logging.info("configured at import")

def handler(event, context):
    logging.info("hello")
    logging.getLogger().handlers[0].setFormatter(logging.Formatter("%(aws_request_id)s|%(message)s|"))
    logging.warning("formatted")
    return [type(handler).__name__ for handler in logging.getLogger().handlers]
"""

_FORCED = """
import logging, sys
logging.basicConfig(level=logging.DEBUG, force=True, stream=sys.stdout, format="%(levelname)s:%(message)s")

def handler(event, context):
    logging.debug("forced")
    context.log("through the context\\n")
    return [type(handler).__name__ for handler in logging.getLogger().handlers]
"""

_AT_IMPORT = """
import logging
print("printed at import")
logging.warning("before any request")
logging.getLogger("app").error("with a name")
logger = logging.getLogger(__name__)
logger.setLevel("DEBUG")
logger.debug("in detail")

def handler(event, context):
    logger.info("in a request")
    return [type(handler).__name__ for handler in logging.getLogger().handlers]
"""

_LATE = """
def handler(event, context):
    import logging
    logging.warning("first import in a request")
    root = logging.getLogger()
    return [root.level, [type(handler).__name__ for handler in root.handlers]]
"""

_PROBE = """
import logging

def handler(event, context):
    root = logging.getLogger()
    own = root.handlers[-1]
    for level in (5, 10, 20, 25, 30, 40, 50, 60):
        root.log(level, "at %d", level)
    return {
        "level": root.level,
        "handlers": [type(handler).__name__ for handler in root.handlers],
        "formatter": type(own.formatter).__name__ in ("Formatter", "_TextFormatter") or type(own.formatter).__name__,
        "format": own.formatter._fmt,
        "filters": [type(item).__name__ for item in own.filters],
        "sink": type(own.log_sink).__name__,
        "last resort": type(logging.lastResort).__name__,
    }
"""

_EARLY = """
import logging
logging.getLogger().addHandler(logging.StreamHandler())
logging.getLogger("early").warning("before the runtime")
"""

_DICT_CONFIG = """
import logging.config
logging.config.dictConfig({
    "version": 1,
    "formatters": {"plain": {"format": "%(levelname)s %(message)s"}},
    "handlers": {"out": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "plain"}},
    "root": {"handlers": ["out"], "level": "INFO"},
})

def handler(event, context):
    logging.info("configured by a dict")
    return [type(handler).__name__ for handler in logging.getLogger().handlers]
"""

_FORMATTER = """
import json, logging

class Own(logging.Formatter):
    def format(self, record):
        text = record.getMessage()
        return json.dumps({"id": record.aws_request_id, "tenant": record.tenant_id, "text": text}) + "\\n"

for handler_ in logging.getLogger().handlers:
    handler_.setFormatter(Own())

def handler(event, context):
    logging.warning("own format")
    logging.getLogger("child").error("of a child")
"""


def _source(name: str, source: str, events: int = 1, **env: str) -> Scenario:
    files = {"app.py": source}
    return Scenario(f"logging, {name}", "app.handler", [Event()] * events, env, files=files)


LOGGING = [
    *(
        Scenario(f"records, {name}", "log_records.handler", _EVENTS, env, telemetry=fd, client_frames=True)
        for name, (env, fd) in _FORMATS.items()
    ),
    *(_source(f"level {level!r}", _PROBE, AWS_LAMBDA_LOG_LEVEL=level) for level in _LEVELS),
    *(
        _source(f"level {level!r} in JSON", _PROBE, AWS_LAMBDA_LOG_FORMAT="JSON", AWS_LAMBDA_LOG_LEVEL=level)
        for level in _LEVELS[:6]
    ),
    *(_source(f"format {value!r}", _PROBE, AWS_LAMBDA_LOG_FORMAT=value) for value in ("Text", "json", "XML", "")),
    _source("basicConfig", _BASIC_CONFIG),
    _source("basicConfig, forced", _FORCED),
    _source("at import", _AT_IMPORT, 2),
    _source("at import, JSON", _AT_IMPORT, 2, AWS_LAMBDA_LOG_FORMAT="JSON"),
    _source("first import in a request", _LATE, 2),
    _source("dictConfig", _DICT_CONFIG),
    _source("own formatter", _FORMATTER, 2),
    Scenario(
        "logging, imported by sitecustomize",
        "app.handler",
        files={"app.py": _AT_IMPORT, "site/sitecustomize.py": _EARLY},
        env={"PYTHONPATH": "{task_root}/site:{package}"},
    ),
    Scenario(
        "logging, imported by sitecustomize, framed",
        "app.handler",
        files={"app.py": _PROBE, "site/sitecustomize.py": _EARLY},
        env={"PYTHONPATH": "{task_root}/site:{package}"},
        telemetry=True,
    ),
    Scenario("printing", "printing.handler", [Event(b"%d" % number) for number in range(9)]),
    Scenario("printing, framed", "printing.handler", [Event(b"%d" % number) for number in range(9)], telemetry=True),
    Scenario(
        "printing, JSON",
        "printing.handler",
        [Event(b"%d" % number) for number in range(9)],
        {"AWS_LAMBDA_LOG_FORMAT": "JSON"},
    ),
    Scenario("printing at import", "app.handler", files={"app.py": "print('no newline', end='')\nhandler = print\n"}),
]
