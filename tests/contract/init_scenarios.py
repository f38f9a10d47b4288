"""Scenarios about handlers that cannot be loaded, and about handler strings that can."""

from __future__ import annotations

from collections.abc import Mapping

from awslambdaric_lite.conformance.messages import Event
from tests.contract.scenario import Scenario

_OK = "def handler(event, context):\n    return __name__\n"


def _fails(name: str, handler: str, files: Mapping[str, str | bytes], hint: str = "") -> Scenario:
    return Scenario(name, handler, files={"unrelated.py": "", **files}, hint=hint, exit_code=1)


def _raises(name: str, source: str | bytes, hint: str = "") -> Scenario:
    return _fails(f"init, {name}", "app.handler", {"app.py": source}, hint)


_DEEP = "def down(n):\n    if n:\n        down(n - 1)\n    raise ValueError('deep')\n\ndown({})\n\n" + _OK

_FAULTS = [
    _fails("no dot", "handler", {"handler.py": _OK}, "name the handler as MODULE.FUNCTION"),
    _fails("empty", "", {}, "name the handler as MODULE.FUNCTION"),
    _fails("only a dot", ".", {}),
    _fails("nothing before the dot", ".handler", {}),
    _fails("nothing after the dot", "app.", {"app.py": _OK}),
    _fails("relative", ".app.handler", {"app.py": _OK}),
    _fails("relative, two dots", "..app.handler", {"app.py": _OK}),
    _fails("leading slash", "/app.handler", {"app.py": _OK}),
    _fails("file name", "app.py.handler", {"app.py": _OK}),
    _fails("two dots", "app..handler", {"app.py": _OK}),
    _fails("missing module", "nowhere.handler", {}),
    _fails("missing module in package", "pkg.nowhere.handler", {"pkg/__init__.py": ""}),
    _fails("missing module, slash", "pkg/nowhere.handler", {"pkg/__init__.py": ""}),
    _fails("missing package", "nowhere/inner.handler", {}),
    _fails("missing attribute", "app.nothing_like_it", {"app.py": _OK}),
    _fails("missing attribute, slash", "pkg/app.nothing_like_it", {"pkg/app.py": _OK}),
    _fails(
        "missing attribute, PEP 562",
        "app.gone",
        {"app.py": "def __getattr__(name):\n    raise AttributeError('no ' + name)\n"},
    ),
    _fails("attribute raises", "app.gone", {"app.py": "def __getattr__(name):\n    raise ValueError('no ' + name)\n"}),
    _fails("attribute with a typo", "app.handlr", {"app.py": _OK}, "did you mean that?"),
    _fails("module with a typo", "apps.handler", {"app.py": _OK}, "did you mean that?"),
    _fails("built-in module", "sys.exit", {}),
    _fails("built-in module with a path", "time.app.handler", {}),
    _fails("module is a folder without a package", "folder.handler", {"folder/data.txt": ""}),
]

_IMPORTS = [
    _raises("missing dependency", "import no_such_dependency\n" + _OK, "'no_such_dependency' is neither in"),
    _raises("missing submodule", "import json.no_such_part\n" + _OK, "'json.no_such_part' is neither in"),
    _raises("missing name", "from json import no_such_name\n" + _OK),
    _raises("ImportError raised", "raise ImportError('by hand')\n"),
    _raises("ImportError without text", "raise ImportError\n"),
    _raises("ModuleNotFoundError raised", "raise ModuleNotFoundError('by hand')\n"),
    _raises("ValueError", "raise ValueError('at import')\n"),
    _raises("ValueError without text", "raise ValueError\n"),
    _raises("KeyError in a function", "def f():\n    return {}['x']\n\nf()\n"),
    _raises("lines", "raise RuntimeError('one\\n  two\\r\\nthree')\n"),
    _raises("chained", "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise LookupError('outer') from e\n"),
    _raises("deep", _DEEP.format(30)),
    _raises("recursion", "def f():\n    f()\n\nf()\n"),
    _raises("SyntaxError", "def handler(event, context)\n    return 1\n"),
    _raises("SyntaxError, first line", "x = = 1\n"),
    _raises("SyntaxError, end of file", "def handler(event, context):\n    return (1,\n"),
    _raises("SyntaxError, string", "x = 'abc\n"),
    _raises("IndentationError", "def handler(event, context):\nreturn 1\n"),
    _raises("TabError", "if 1:\n        x = 1\n\ty = 2\n"),
    _raises("SyntaxError raised", "raise SyntaxError('by hand')\n"),
    _raises("SyntaxError, NUL", b"x = 1\x00\n"),
    _raises("SyntaxError, unknown coding", b"# coding: no-such-coding\nx = 1\n"),
    _raises("AttributeError", "import os\nos.no_such_thing\n"),
    _raises("RecursionError by hand", "raise RecursionError('by hand')\n"),
    _raises("class of the user", "class Broken(Exception):\n    pass\n\nraise Broken(1, 'two')\n"),
    _raises("exec", "exec('1 / 0')\n"),
    _fails(
        "nested, ImportError",
        "app.handler",
        {"app.py": "from pkg import inner\n", "pkg/__init__.py": "", "pkg/inner.py": "import no_such_dependency\n"},
        "'no_such_dependency' is neither in",
    ),
    _fails(
        "nested, ValueError",
        "app.handler",
        {"app.py": "from pkg import inner\n", "pkg/__init__.py": "", "pkg/inner.py": "raise ValueError('inner')\n"},
    ),
    _fails(
        "nested, SyntaxError",
        "app.handler",
        {"app.py": "from pkg import inner\n", "pkg/__init__.py": "", "pkg/inner.py": "x = (\n"},
    ),
    _fails(
        "nested, package fails",
        "pkg.app.handler",
        {"pkg/__init__.py": "raise KeyError('package')\n", "pkg/app.py": _OK},
    ),
    _fails("circular", "app.handler", {"app.py": "from other import name\n", "other.py": "from app import handler\n"}),
    _fails(
        "relative import at the top",
        "app.handler",
        {"app.py": "from . import other\n" + _OK, "other.py": ""},
    ),
    _fails(
        "import_module in user code",
        "app.handler",
        {"app.py": "import importlib\nimportlib.import_module('other')\n", "other.py": "raise ValueError('other')\n"},
    ),
]

_FORMATS: list[Scenario] = [
    Scenario(f"{base.id}{label}", base.handler, env=env, files=base.files, telemetry=fd, hint=base.hint, exit_code=1)
    for base in (_FAULTS[0], _FAULTS[10], _IMPORTS[7], _IMPORTS[14], _IMPORTS[8])
    for label, env, fd in (
        (" (JSON)", {"AWS_LAMBDA_LOG_FORMAT": "JSON"}, False),
        (" (framed)", {}, True),
        (" (framed JSON)", {"AWS_LAMBDA_LOG_FORMAT": "JSON"}, True),
        (" (level)", {"AWS_LAMBDA_LOG_LEVEL": "ERROR"}, False),
    )
]

_CALLABLES = """
import functools

class Callable:
    def __call__(self, event, context):
        return "called"

class Service:
    def method(self, event, context):
        return "method"

    @staticmethod
    def static(event, context):
        return "static"

instance = Callable()
method = Service().method
static = Service.static
partial = functools.partial(lambda extra, event, context: extra, "partial")
anonymous = lambda event, context: "lambda"
type_ = dict

@staticmethod
def cached(event, context):
    return "cached"

def __getattr__(name):
    if name == "lazy":
        return anonymous
    raise AttributeError(name)

not_callable = 7
none = None
"""

_LOADS = [
    Scenario(
        "package",
        "pkg.inner.app.handler",
        files={"pkg/__init__.py": "", "pkg/inner/__init__.py": "", "pkg/inner/app.py": _OK},
    ),
    Scenario("package with slashes", "pkg/inner/app.handler", files={"pkg/inner/app.py": _OK}),
    Scenario("package itself", "pkg.handler", files={"pkg/__init__.py": _OK}),
    Scenario("mixed separators", "pkg/inner.app.handler", files={"pkg/inner/app.py": _OK}),
    Scenario("non-ASCII", "größe.händler", files={"größe.py": "def händler(event, context):\n    return __name__\n"}),
    Scenario("keyword", "lambda.handler", files={"lambda.py": _OK}),
    Scenario("dash", "my-app.handler", files={"my-app.py": _OK}),
    Scenario("hides the standard library", "shelve.handler", files={"shelve.py": _OK}),
    *(
        Scenario(f"callable, {name}", f"app.{name}", [Event(), Event()], files={"app.py": _CALLABLES})
        for name in ("instance", "method", "static", "partial", "anonymous", "lazy", "cached")
    ),
    *(
        Scenario(f"wrong callable, {name}", f"app.{name}", [Event()], files={"app.py": _CALLABLES}, client_frames=True)
        for name in ("type_", "not_callable", "none")
    ),
]

INITS = [*_FAULTS, *_IMPORTS, *_FORMATS, *_LOADS]
