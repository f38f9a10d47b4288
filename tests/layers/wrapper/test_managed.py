"""The wrapper layer in a managed runtime's image, started as Lambda starts it, driven by the local Lambda."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.emulator import InvokeResult, LocalLambda
from awslambdaric_lite.packaging.import_bundle import write_bundle
from tests.layers.managed_image import WRAPPER, Interpreter, ManagedImage
from tests.layers.private_root import why_not
from tests.layers.wheels import has_orjson

from .conftest import RUNNING, Unpack

pytestmark = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")

SURROUNDINGS = """
import os, sys
at_import = list(sys.path)
flags = [(name, getattr(sys.flags, name)) for name in dir(sys.flags) if name[0] != "_" and name != "no_site"]
flags = {name: value for name, value in flags if isinstance(value, (int, bool))}
changing = ("_X_AMZN_TRACE_ID", "AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_EXEC_WRAPPER")
variables = {name: value for name, value in os.environ.items() if name not in changing}

def handler(event, context):
    return {
        "path": at_import,
        "path in handler": sys.path,
        "flags": flags,
        "variables": variables,
        "arguments": sys.argv,
        "executable": sys.executable,
        "prefix": sys.prefix,
        "optional": [getattr(sys, "from_pth", None), getattr(sys, "customized", None), "exit" in dir(__builtins__)],
    }

def which(event, context):
    return "awslambdaric_lite" in sys.modules
"""


def invoke(
    command: list[str], folder: Path, *events: object, handler: str = "app.handler", **settings: Any
) -> list[InvokeResult]:
    """Start a function once and send events to it."""
    task_root = folder / "seen by nobody"
    task_root.mkdir(exist_ok=True)
    options: dict[str, Any] = {"timeout_s": 60.0, "init_timeout_s": 60.0, "memory_mb": 512, **settings}
    with LocalLambda(handler, task_root=task_root, runtime=command, **options) as function:
        return [function.invoke(event) for event in events or ({},)]


def both(image: ManagedImage, folder: Path, *events: object, **settings: Any) -> list[list[InvokeResult]]:
    """Invoke the same function under AWS's client and behind the wrapper, and check that ours ran."""
    theirs, ours = (invoke(command, folder, *events, **settings) for command in (image.start(), image.wrapped()))
    assert "falling back" not in "".join(result.logs for result in ours)
    return [theirs, ours]


def test_surroundings_under_every_interpreter(interpreter: Interpreter, layer_of: Unpack, tmp_path: Path) -> None:
    """A function sees the same path, flags, variables and arguments as without the layer's wrapper."""
    image = ManagedImage(
        tmp_path / "root", interpreter, layer_of(interpreter.version), {"app.py": SURROUNDINGS, "x/y.py": ""}
    )
    (theirs,), (ours,) = both(image, tmp_path)
    assert theirs.error is None and ours.error is None, theirs.logs + ours.logs
    assert ours.json() == theirs.json()
    assert ours.json()["path"][:3] == [
        "/var/task",
        f"/opt/python/lib/python{interpreter.version}/site-packages",
        "/opt/python",
    ]
    assert ours.json()["variables"]["PYTHONPATH"] == "/var/runtime"
    for command, expected in ((image.start(), False), (image.wrapped(), True)):
        assert invoke(command, tmp_path, handler="app.which")[0].json() is expected


SITES: dict[str, tuple[dict[str, str | None], dict[str, str]]] = {
    "PYTHONPATH": ({"PYTHONPATH": "/var/task/more:/var/task/more/../more:relative:/nowhere"}, {}),
    "an empty PYTHONPATH": ({"PYTHONPATH": ""}, {}),
    "sitecustomize": (
        {"PYTHONPATH": "/var/task/more"},
        {"/var/task/more/sitecustomize.py": "import sys; sys.customized = sys.argv"},
    ),
    "usercustomize": (
        {"PYTHONPATH": "/var/task/more"},
        {"/var/task/more/usercustomize.py": "import sys; sys.customized = list(sys.path)"},
    ),
    "pth in the function": ({}, {"/var/task/a.pth": "more\nimport sys; sys.from_pth = list(sys.path)\n"}),
    "pth in a layer": (
        {},
        {
            "/opt/python/b.pth": "import sys; sys.from_pth = list(sys.path)\n/var/task/more\n",
            f"/opt/python/lib/python{RUNNING}/site-packages/a.pth": "/var/task/more\n",
        },
    ),
    "pth and PYTHONPATH": (
        {"PYTHONPATH": "/opt/python"},
        {"/opt/python/b.pth": "/var/task/more\n", "/var/task/a.pth": "import sys; sys.from_pth = 1\n"},
    ),
    "python's own variables": (
        {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1", "PYTHONNOUSERSITE": "1"},
        {},
    ),
    "a home": ({"HOME": "/var/task/home"}, {f"/var/task/home/.local/lib/python{RUNNING}/site-packages/x.py": ""}),
    "nothing of the platform's": ({"LANG": None, "TZ": None, "LC_ALL": "C"}, {}),
}


@pytest.mark.parametrize(("variables", "files"), SITES.values(), ids=SITES)
def test_surroundings_with_customers_settings(
    variables: dict[str, str | None], files: dict[str, str], running: Interpreter, forms: list[Path], tmp_path: Path
) -> None:
    """The surroundings are the same with customers' settings and with files that `site` reads."""
    image = ManagedImage(tmp_path / "root", running, forms[-1], {"app.py": SURROUNDINGS, "more/x.py": ""})
    for name, content in files.items():
        image.root.write(name, content)
    theirs = invoke(image.start(**variables), tmp_path)[0]
    ours = invoke(image.wrapped(**variables), tmp_path)[0]
    assert theirs.error is None and ours.error is None, theirs.logs + ours.logs
    assert ours.json() == theirs.json()
    assert invoke(image.wrapped(**variables), tmp_path, handler="app.which")[0].json() is True


@pytest.mark.parametrize("flags", [["-u"], ["-X", "dev", "-W", "ignore"], ["-O", "-B"], ["-s"], ["-E"]], ids=" ".join)
def test_flags_of_another_wrapper(flags: list[str], running: Interpreter, forms: list[Path], tmp_path: Path) -> None:
    """The surroundings are the same with a wrapper of the customer before or after ours."""
    image = ManagedImage(tmp_path / "root", running, forms[0], {"app.py": SURROUNDINGS})
    words = " ".join(flags)
    adding = f'#!/bin/bash\nexec {{}} "${{@:1:$#-1}}" {words} "${{@: -1}}"\n'
    image.root.write("/opt/adding", adding.replace("{} ", ""), executable=True)
    image.root.write("/opt/first", adding.replace("{}", WRAPPER), executable=True)
    theirs = invoke(image.start(AWS_LAMBDA_EXEC_WRAPPER="/opt/adding"), tmp_path)[0].json()
    first = invoke(image.start(AWS_LAMBDA_EXEC_WRAPPER="/opt/first"), tmp_path)[0].json()
    after = invoke(image.wrapped(AWSLAMBDARIC_LITE_NEXT_WRAPPER="/opt/adding"), tmp_path)[0].json()
    assert first == theirs
    assert after["variables"].pop("AWSLAMBDARIC_LITE_NEXT_WRAPPER") == "/opt/adding"
    assert after == theirs


ANSWERS = """
import json, logging, os, subprocess, sys

def handler(event, context):
    print("printed", event)
    logging.getLogger().warning("logged %s", event)
    if event == "fail":
        raise ValueError("as asked")
    if event == "child":
        code = "import os, sys; print(os.environ['PYTHONPATH'], 'site' in sys.modules)"
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    if event == "exit":
        return repr(type(exit))[:6]
    return [event, os.getpid() > 0, context.function_name, context.memory_limit_in_mb]
"""


def test_same_responses_as_awss_client(running: Interpreter, forms: list[Path], tmp_path: Path) -> None:
    """Results, errors with stack traces, output and logs are the same as with AWS's client."""
    events = [{"a": "é"}, "fail", None, "child", "exit"]
    for number, layer in enumerate(forms):
        image = ManagedImage(tmp_path / f"root{number}", running, layer, {"app.py": ANSWERS})
        theirs, ours = both(image, tmp_path, *events)
        for event, their, our in zip(events, theirs, ours, strict=True):
            if event == "fail":
                assert _without_request_id(our) == _without_request_id(their)
            else:
                assert our.json() == their.json(), our.logs
            assert _written(our) == _written(their)


def _without_request_id(result: InvokeResult) -> Any:
    payload = result.json()
    assert payload.pop("requestId") == result.request_id
    return payload


def _written(result: InvokeResult) -> list[str]:
    """Return the function's own lines, without ids and times."""
    lines = [line for line in result.logs.splitlines() if "printed" in line or "logged" in line or "ERROR" in line]
    return [line.replace(result.request_id, "ID").partition("Z\t")[2] or line for line in lines]


def test_init_error_does_not_fall_back(running: Interpreter, forms: list[Path], tmp_path: Path) -> None:
    """A function that cannot be imported is reported as by AWS's client, which is not started."""
    image = ManagedImage(tmp_path / "root", running, forms[0], {"app.py": "import nothing_like_that\n"})
    (theirs,), (ours,) = both(image, tmp_path)
    their_error, our_error = theirs.json(), ours.json()
    assert our_error["errorType"] == their_error["errorType"] == "Runtime.ImportModuleError"
    assert our_error["errorMessage"] == their_error["errorMessage"]


LAZY = {
    "app.py": "import sys, mine\ndef handler(event, context):\n"
    "    before = [name for name in ('mine', 'needed', 'unused', 'deep') if name in sys.modules]\n"
    "    mine.needed.deep.VALUE\n    return before\n",
    "mine.py": "import needed, unused\n",
    "imports.txt": "# recorded\napp:mine\napp:sys\nmine:needed\nneeded:deep\n",
}
OF_LAYER = {"needed.py": "import deep, unused\n", "deep.py": "VALUE = 1\n", "unused.py": ""}


@pytest.mark.parametrize(
    ("variables", "loaded", "resolved"),
    [
        ({}, ["mine", "needed", "unused", "deep"], None),
        ({"LAZY_IMPORTS": "installed"}, ["mine", "needed", "unused"], True),
        ({"LAZY_IMPORTS": "installed", "IMPORT_LIST": "/var/task/imports.txt"}, [*OF_LAYER, "mine"], False),
        ({"LAZY_IMPORTS": "all"}, [], True),
        ({"LAZY_IMPORTS": "all", "IMPORT_LIST": "/var/task/imports.txt"}, ["mine", "needed", "deep"], False),
        ({"LAZY_IMPORTS": "all", "IMPORT_LIST": "imports.txt"}, ["mine", "needed", "deep"], False),
    ],
)
def test_lazy_imports_and_import_list(
    lazy: Interpreter,
    layer_of: Unpack,
    tmp_path: Path,
    variables: dict[str, str],
    loaded: list[str],
    resolved: bool | None,
) -> None:
    """A layer and two variables make imports lazy; with the import list, init makes those that the event needs."""
    image = ManagedImage(tmp_path / "root", lazy, layer_of(lazy.version), LAZY)
    for name, content in OF_LAYER.items():
        image.root.write(f"/opt/python/{name}", content)
    settings = {f"AWSLAMBDARIC_LITE_{name}": value for name, value in variables.items()}
    (result,) = invoke(image.wrapped(**settings), tmp_path, log_format="JSON", log_level="DEBUG")
    assert result.error is None and sorted(result.json()) == sorted(name.removesuffix(".py") for name in loaded)
    assert ("the first event resolved " in result.logs) is (resolved is not None)
    assert ("the first event resolved 0 imports in " in result.logs) is (resolved is False)


def test_import_bundle_serves_modules(running: Interpreter, forms: list[Path], tmp_path: Path) -> None:
    """A variable lets the modules of a function come from its import bundle, and those that differ from their files."""
    function = tmp_path / "function"
    function.mkdir()
    source = "import helper\ndef handler(event, context):\n    return [helper.VALUE, helper.__file__]\n"
    (function / "app.py").write_text(source)
    (function / "helper.py").write_text("VALUE = 1\n")
    write_bundle(function, "app.handler", python=running.executable)
    for number, layer in enumerate(forms):
        for value, differs in (("1", False), ("22", True)):
            image = ManagedImage(tmp_path / f"root{number}{value}", running, layer, {})
            image.root.copy(function, "/var/task")
            image.root.write("/var/task/helper.py", f"VALUE = {value}\n")
            (result,) = invoke(image.wrapped(AWSLAMBDARIC_LITE_BUNDLE="imports.bundle"), tmp_path)
            assert result.json() == [int(value), "/var/task/helper.py"], result.logs
            assert ("/var/task/helper.py differs from /var/task/imports.bundle" in result.logs) is differs
            assert "AWSLAMBDARIC_LITE_BUNDLE" not in result.logs


PUBLIC = """
import importlib.util, sys
from awslambdaric import bootstrap
from awslambdaric.lambda_context import LambdaContext as Official
from awslambdaric_lite import LambdaContext, StreamingResponse, on_shutdown
import awslambdaric_lite.types

async def handler(event, context):
    found = importlib.util.find_spec("orjson")
    return {
        "orjson": found is not None and found.origin.startswith("/opt/"),
        "private": "awslambdaric_lite._vendor.orjson" in sys.modules,
        "context": type(context) is LambdaContext is Official,
        "bootstrap": bootstrap is sys.modules["__main__"].bootstrap,
        "nan": float("nan"),
    }

def stream(event, context):
    yield b"one "
    yield "two"

def every(event, context):
    import importlib
    sys.path_importer_cache.clear()
    found = {}
    for name in event:
        module = importlib.import_module("awslambdaric_lite." + name)
        found[name] = [module.__file__, module.__spec__.origin, module.__package__]
    return found
"""


def test_what_functions_import(running: Interpreter, forms: list[Path], tmp_path: Path) -> None:
    """Functions can import the public and the official names and every module of the runtime, but not orjson."""
    package = f"/opt/python/lib/python{RUNNING}/site-packages/awslambdaric_lite"
    from awslambdaric_lite.packaging.runtime import runtime_sources
    from awslambdaric_lite.packaging.start_file import module_name

    files = {module_name(file): file.partition("/")[2] for file in sorted(runtime_sources())}
    modules = [name for name in files if not name.startswith("__")]
    for number, layer in enumerate(forms):
        image = ManagedImage(tmp_path / f"root{number}", running, layer, {"app.py": PUBLIC})
        with_orjson = (layer / package.removeprefix("/opt/") / "_vendor").is_dir()
        wrapped = image.wrapped(AWSLAMBDARIC_LITE_CODEC="orjson" if with_orjson else "stdlib")
        result = invoke(wrapped, tmp_path)[0]
        assert result.json() == {
            "orjson": False,
            "private": with_orjson,
            "context": True,
            "bootstrap": True,
            "nan": None,
        }, result.logs
        assert "cannot be imported" not in result.logs
        assert invoke(wrapped, tmp_path, handler="app.stream")[0].payload == b"one two"
        found = invoke(wrapped, tmp_path, modules, handler="app.every")[0].json()
        for name in modules:
            folder = files[name].rpartition("/")[0].replace("/", ".")
            own = f"awslambdaric_lite.{folder}".rstrip(".")
            assert found[name] == [f"{package}/{files[name]}"] * 2 + [own]
    assert len(forms) == 1 + has_orjson()


def test_public_names_work_without_wrapper(running: Interpreter, forms: list[Path], tmp_path: Path) -> None:
    """A function that imports our names works under AWS's client, too."""
    source = "from awslambdaric_lite import StreamingResponse\ndef handler(event, context):\n    return event\n"
    image = ManagedImage(tmp_path / "root", running, forms[0], {"app.py": source})
    assert [result.json() for result in invoke(image.start(), tmp_path, 7)] == [7]


BROKEN = {
    "no package": ("gone", "attach the layer for this version of Python"),
    "another version's bytecode": ("magic", "ImportError: bad magic number"),
    "a package of another layer's": ("other", "ImportError"),
}


@pytest.mark.parametrize(("damage", "reason"), BROKEN.values(), ids=BROKEN)
def test_broken_layer_falls_back(
    damage: str, reason: str, running: Interpreter, layer_of: Unpack, tmp_path: Path
) -> None:
    """With a broken layer, AWS's client runs the function with its own PYTHONPATH, and one line says why."""
    layer = tmp_path / "layer"
    shutil.copytree(layer_of(RUNNING), layer)
    package = layer / f"python/lib/python{RUNNING}/site-packages/awslambdaric_lite"
    if damage == "gone":
        shutil.rmtree(layer / "python")
    elif damage == "magic":
        code = (package / "__init__.pyc").read_bytes()
        (package / "__init__.pyc").write_bytes(bytes([code[0] ^ 1]) + code[1:])
    else:
        (package / "__init__.pyc").unlink()
        (package / "__init__.py").write_text("")
    image = ManagedImage(tmp_path / "root", running, layer, {"app.py": SURROUNDINGS})
    aside = invoke(image.wrapped(), tmp_path)[0]
    plain = invoke(image.start(), tmp_path)[0]
    assert aside.json() == plain.json()
    lines = [line for line in aside.logs.splitlines() if line.startswith("awslambdaric-lite")]
    assert len(lines) == 1 and "falling back" in lines[0] and reason in lines[0]
    assert invoke(image.wrapped(), tmp_path, handler="app.which")[0].json() is False


def test_another_interpreter_than_the_layers(interpreter: Interpreter, layer_of: Unpack, tmp_path: Path) -> None:
    """A layer for another version does not change the function."""
    other = "3.11" if interpreter.version == "3.10" else "3.10"
    layer = tmp_path / "layer"
    shutil.copytree(layer_of(interpreter.version), layer)
    libraries = layer / "python" / "lib"
    (libraries / f"python{interpreter.version}").rename(libraries / f"python{other}")
    image = ManagedImage(tmp_path / "root", interpreter, layer, {"app.py": SURROUNDINGS})
    result = invoke(image.wrapped(), tmp_path, handler="app.which")[0]
    assert result.json() is False
    assert f"/opt/python/lib/python{interpreter.version}/" in result.logs and "does not exist; attach" in result.logs


def test_a_wrapper_that_does_not_exist(running: Interpreter, forms: list[Path], tmp_path: Path) -> None:
    """A missing wrapper is reported by AWS's bootstrap alone."""
    image = ManagedImage(tmp_path / "root", running, forms[0], {"app.py": SURROUNDINGS})
    result = invoke(image.start(AWS_LAMBDA_EXEC_WRAPPER="/opt/none"), tmp_path)[0]
    assert result.error is not None
    assert "/opt/none: does not exist" in result.logs


SPAWNING = """
import multiprocessing, sys

def work(value):
    import awslambdaric_lite
    return [value, sys.path[:2]]

def handler(event, context):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.map(work, [event])
"""


def test_processes_that_are_spawned(running: Interpreter, forms: list[Path], tmp_path: Path) -> None:
    """A child of `multiprocessing` imports the main script without starting a second runtime."""
    image = ManagedImage(tmp_path / "root", running, forms[0], {"app.py": SPAWNING})
    (theirs,), (ours,) = both(image, tmp_path, 5)
    assert ours.json() == theirs.json(), ours.logs
    assert ours.json()[0][0] == 5


def test_json_logs_work(running: Interpreter, forms: list[Path], tmp_path: Path) -> None:
    """Logs in JSON format work, whose modules the small form compiles on demand."""
    image = ManagedImage(tmp_path / "root", running, forms[0], {"app.py": ANSWERS})
    _, (ours,) = both(image, tmp_path, 1, log_format="JSON")
    records = [json.loads(line) for line in ours.logs.splitlines() if '"logged 1"' in line]
    assert [(record["level"], record["requestId"]) for record in records] == [("WARNING", ours.request_id)]
