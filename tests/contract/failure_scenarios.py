"""Scenarios about handlers that raise."""

from __future__ import annotations

import io
import sys
import zipfile

from awslambdaric_lite.conformance.messages import Event
from tests.contract.scenario import Scenario
from tests.handlers.failures import FAILURES as _NAMES

_EVENTS = [Event(b'"%b"' % name.encode()) for name in _NAMES]

_LATIN = """# -*- coding: latin-1 -*-
def handler(event, context):
    raise ValueError("caf\xe9")  # \xfc
""".encode("latin-1")

_VIM_COOKIE = """#!/usr/bin/env python
# vim: set fileencoding=latin-1 :
def handler(event, context):
    raise ValueError("caf\xe9")  # \xfc
""".encode("latin-1")

_BOM = b"\xef\xbb\xbfdef handler(event, context):\n    raise ValueError('bom')\n"
_BOM_FIRST = b"\xef\xbb\xbfhandler = lambda event, context: 1 / 0\n"
_CARRIAGE = b"def handler(event, context):\r\n    raise ValueError('crlf')\r\n"
_MAC = b"def handler(event, context):\r    raise ValueError('cr')\r"
_FORM_FEED = b"\x0cdef handler(event, context):\n    \x0c\n    raise ValueError('form feed')\n"
_SEPARATORS = "def handler(event, context):\n    a = '\u2028\x0b\x1c'\n    raise ValueError('separators')\n".encode()
_TABS = b"def handler(event, context):\n\traise ValueError('tabs')\t\n"
_UTF8 = "def handler(event, context):\n    größe = 1\n    raise ValueError(größe)  # 😀\n".encode()
_LONG = b"def handler(event, context):\n    raise ValueError('long')  # " + b"x" * 20_000 + b"\n"
_NO_NEWLINE = b"def handler(event, context):\n    raise ValueError('no newline at the end')"

_MULTI_LINE = """
def handler(event, context):
    return dict(
        a=1,
        b=fail(
            event,
            context,
        ),
    )


def fail(
    event,
    context,
):
    raise ValueError(
        "spread "
        "over lines"
    )
"""

_VANISHING = """
import os

def handler(event, context):
    if os.path.exists(__file__):
        os.rename(__file__, __file__ + ".gone")
    raise ValueError("the source is gone")
"""

_CHDIR = """
import os

def handler(event, context):
    os.chdir("/")
    raise ValueError("elsewhere")
"""

_LIMIT = """
import sys

def handler(event, context):
    sys.tracebacklimit = event
    first()

def first():
    second()

def second():
    raise ValueError("limited")
"""

_HELPERS = """
def helper():
    raise KeyError("from bootstrap.py of the user")
"""

_OWN_BOOTSTRAP = """
from tools import bootstrap

def handler(event, context):
    bootstrap.helper()
"""


def _zipped() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(
            zipfile.ZipInfo("zipped.py"),
            "def fail():\n    inner()\n\ndef inner():\n    raise ValueError('é in a zip')\n",
        )
        file.writestr(zipfile.ZipInfo("pkg/__init__.py"), "def fail():\n    raise KeyError('in a package')\n")
    return archive.getvalue()


_FROM_ZIP = """
import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "code.zip"))
import zipped, pkg

def handler(event, context):
    (zipped if event else pkg).fail()
"""


_GENERATED = """
import linecache, os, sys

TEXT = "def rate(n):\\n    return 1 / n  # %s\\n"
names = {"__name__": "none"}

def entry(name):
    text = TEXT % name
    return len(text), None, text.splitlines(True), name

class Loader:
    def get_source(self, name):
        return None if name == "sourceless" else TEXT % "of the loader"

linecache.cache["<tariff>"] = entry("<tariff>")
linecache.cache["<lazy>"] = (lambda: TEXT % "lazy",)
linecache.cache["tariff"] = entry("tariff")
linecache.cache["/no/such/tariff.py"] = entry("/no/such/tariff.py")
linecache.lazycache("virtual", {"__name__": "virtual", "__loader__": Loader()})
linecache.getlines(os.path.abspath("changing.py"))
with open("changing.py", "w") as file:
    file.write("# one more line\\n" + TEXT % "changed")
changing = os.path.abspath("changing.py")
os.chdir("/")
CASES = {
    "<tariff>": {}, "<lazy>": {}, "<unknown>": {}, "tariff": {}, "/no/such/tariff.py": {}, "virtual": {},
    "gen/rates.py": {}, "gen/absent.py": {}, changing: {}, "of a loader": {"__name__": "a", "__loader__": Loader()},
    "sourceless": {"__name__": "sourceless", "__loader__": Loader()}, "gen/own.py": globals(),
    "gen/rates2.py": {"__name__": "a", "__loader__": object()}, "/no/such/rates.py": {"__name__": "a"},
}

def handler(event, context):
    path = list(CASES)[event % len(CASES)]
    if path == "<tariff>" and event:
        linecache.cache[path] = entry("another text")
    names = dict(CASES[path])
    exec(compile(TEXT % "compiled", path, "exec"), names)
    names["rate"](0)
"""

_CHANGED_LATER = """
def rate(n):
    return n

def handler(event, context):
    names = {}
    exec(compile("def rate(n):\\n    return 1 / n\\n", "<later>", "exec"), names)
    if event:
        import linecache
        linecache.cache["<later>"] = (1, None, ["def rate(n):\\n", f"    return {event} / n\\n"], "<later>")
    names["rate"](0)
"""


def _source(name: str, source: bytes | str, *events: bytes) -> Scenario:
    return Scenario(name, "app.handler", [Event(body) for body in events or (b"1",)], files={"app.py": source})


FAILURES = [
    Scenario("failures", "failures.handler", _EVENTS),
    Scenario("failures, JSON log", "failures.handler", _EVENTS, {"AWS_LAMBDA_LOG_FORMAT": "json"}),
    Scenario("failures, framed", "failures.handler", _EVENTS, telemetry=True),
    Scenario("failures, framed JSON", "failures.handler", _EVENTS, {"AWS_LAMBDA_LOG_FORMAT": "JSON"}, telemetry=True),
    _source("source in Latin-1", _LATIN),
    _source("source with vim's coding cookie", _VIM_COOKIE),
    _source("source with byte order mark", _BOM),
    _source("source with byte order mark, first line", _BOM_FIRST),
    _source("source with CRLF", _CARRIAGE),
    _source("source with CR", _MAC),
    _source("source with form feeds", _FORM_FEED),
    _source("source with odd separators", _SEPARATORS),
    _source("source with tabs", _TABS),
    _source("source in UTF-8", _UTF8),
    _source("source with a long line", _LONG),
    _source("source without newline", _NO_NEWLINE),
    _source("statements over several lines", _MULTI_LINE),
    _source("directory changed", _CHDIR, b"1", b"2"),
    Scenario(
        "generated code",
        "app.handler",
        [Event(b"%d" % number) for number in range(15)],
        files={
            "app.py": _GENERATED,
            "gen/rates.py": "# rates\n    return 1 / n  # below the path\n",
            "gen/rates2.py": "# rates\n    return 1 / n  # below the path, too\n",
            "changing.py": "# old\n",
        },
    ),
    _source("generated code, known later", _CHANGED_LATER, b"0", b"1", b"2", b"2"),
    _source("traceback limit", _LIMIT, b"2", b"0", b"1000", b"-1"),
    Scenario(
        "frames of a user's bootstrap.py",
        "app.handler",
        files={"app.py": _OWN_BOOTSTRAP, "tools/__init__.py": "", "tools/bootstrap.py": _HELPERS},
    ),
    Scenario(
        "source in a zip", "app.handler", [Event(b"1"), Event(b"0")], files={"app.py": _FROM_ZIP, "code.zip": _zipped()}
    ),
]

if sys.version_info >= (3, 11):
    _GROUP = "def handler(event, context):\n    raise ExceptionGroup('several', [ValueError(1), KeyError('x')])\n"
    FAILURES.append(_source("exception group", _GROUP))
