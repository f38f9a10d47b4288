"""Imports between the modules of the runtime, compared with a table."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from .imports import imports_of, is_type_checking, runtime_sources
from .test_cold_path import listed

SOURCES = runtime_sources()
COLD = sorted(name.partition(".")[2] or "__init__" for name in listed() if name.startswith("awslambdaric_lite"))

# module: (what it imports of the package when it is loaded, what only when something unusual happens)
EDGES: dict[str, tuple[set[str], set[str]]] = {
    "__init__": (set(), {"_lifecycle.own_imports"}),
    "__main__": ({"_runtime"}, set()),  # `awslambdaric_lite` and `_runtime`, by their full names
    "_client": ({"__init__", "_connection", "_function_errors", "_http"}, set()),
    "_client_context": (set(), set()),
    "_codec": (
        {"_function_errors"},
        {"_json.compatible", "_json.error_details", "_json.long_strings", "_json.with_orjson"},
    ),
    "_connection": ({"_function_errors", "_http"}, set()),
    "_context": (set(), {"_client_context", "_sinks"}),
    "_framed_sink": (set(), set()),
    "_function_errors": (set(), {"_runtime_errors"}),
    "_handler": ({"_function_errors"}, {"_handlers.recognition", "_lifecycle.stale_bytecode", "_official.finder"}),
    "_handlers.__init__": (set(), set()),
    "_handlers.adapter": (
        {
            "_codec",
            "_function_errors",
            "_handler",
            "_handlers.recognition",
            "_handlers.responses",
            "_handlers.streaming",
            "_optional_settings",
            "_report",
            "_runtime_errors",
        },
        {"_handlers.event_loop", "_handlers.web_apps", "_lifecycle.timeout_dump"},
    ),
    "_handlers.application_hints": ({"_report"}, set()),
    "_handlers.asgi": (
        {"_handlers.event_loop", "_handlers.http_request", "_handlers.http_response", "_handlers.responses"},
        set(),
    ),
    "_handlers.event_loop": ({"_lifecycle.originals"}, set()),
    "_handlers.event_request": ({"_codec", "_handlers.http_request"}, set()),
    "_handlers.http_request": ({"_handlers.http_response"}, set()),
    "_handlers.http_response": (set(), set()),
    "_handlers.recognition": (set(), set()),
    "_handlers.responses": (set(), set()),
    "_handlers.streaming": ({"_client", "_codec", "_handlers.responses", "_http", "_report", "_runtime_errors"}, set()),
    "_handlers.web_apps": (
        set(),
        {
            "_handlers.asgi",
            "_handlers.event_request",
            "_handlers.http_request",
            "_handlers.wsgi",
            "_lifecycle.shutdown",
        },
    ),
    "_handlers.wsgi": ({"_handlers.http_request", "_handlers.http_response", "_handlers.responses"}, set()),
    "_http": ({"_function_errors", "_http_head"}, set()),
    "_http_head": ({"_function_errors"}, set()),
    "_json.__init__": (set(), set()),
    "_json.compatible": (set(), set()),
    "_json.conversion": ({"_function_errors"}, set()),
    "_json.error_details": (set(), set()),
    "_json.long_strings": (set(), set()),
    "_json.with_orjson": ({"_json.compatible"}, {"_vendor"}),
    "_lifecycle.__init__": (set(), set()),
    "_lifecycle.chosen": (
        set(),
        {"_json.conversion", "_lifecycle.error_chain", "_lifecycle.import_bundle", "_lifecycle.lazy_imports"},
    ),
    "_lifecycle.environment_entry": (set(), set()),
    "_lifecycle.error_chain": ({"_codec", "_report"}, set()),
    "_lifecycle.exit_limit": ({"_lifecycle.originals", "_sinks"}, set()),
    "_lifecycle.first_event": ({"_lifecycle.import_list", "_report"}, set()),
    "_lifecycle.import_bundle": ({"_lifecycle.originals", "_report"}, set()),
    "_lifecycle.import_hints": ({"_function_errors"}, set()),
    "_lifecycle.import_list": ({"_lifecycle.originals", "_report"}, set()),
    "_lifecycle.lazy_imports": (
        {"_handler", "_lifecycle.own_imports", "_report"},
        {"_lifecycle.first_event", "_lifecycle.import_list", "_lifecycle.stale_bytecode"},
    ),
    "_lifecycle.originals": ({"_settings"}, set()),
    "_lifecycle.own_imports": (set(), set()),
    "_lifecycle.shutdown": (
        {"_connection", "_lifecycle.exit_limit", "_lifecycle.originals", "_report", "_runtime_errors", "_sinks"},
        set(),
    ),
    "_lifecycle.snapstart": ({"_report", "_runtime_errors"}, set()),
    "_lifecycle.stale_bytecode": ({"_lifecycle.originals"}, set()),
    "_lifecycle.timeout_dump": ({"_lifecycle.originals", "_report"}, set()),
    "_logs": ({"_report", "_sinks"}, set()),
    "_managed.__init__": (set(), set()),
    "_managed.client": ({"_client", "_lifecycle.originals", "_managed.worker_state", "_runtime_errors"}, set()),
    "_managed.fork_safety": ({"_lifecycle.originals"}, set()),
    "_managed.invocation_scope": (set(), set()),
    "_managed.parent_death": ({"_lifecycle.originals"}, set()),
    "_managed.pre_fork": ({"_official.lambda_concurrency_hooks", "_report"}, set()),
    "_managed.serve": (
        {
            "_codec",
            "_framed_sink",
            "_handler",
            "_lifecycle.originals",
            "_lifecycle.shutdown",
            "_managed.fork_safety",
            "_managed.supervisor",
            "_managed.worker",
            "_optional_settings",
            "_report",
            "_runtime_errors",
            "_sinks",
        },
        {
            "_handlers.adapter",
            "_handlers.asgi",
            "_handlers.event_loop",
            "_handlers.recognition",
            "_handlers.web_apps",
            "_handlers.wsgi",
            "_managed.invocation_scope",
            "_managed.pre_fork",
            "_managed.threads",
        },
    ),
    "_managed.shared_loop": ({"_handlers.event_loop"}, set()),
    "_managed.supervisor": ({"_lifecycle.originals", "_managed.parent_death", "_managed.worker_state"}, set()),
    "_managed.threads": (
        {
            "_handler",
            "_handlers.adapter",
            "_handlers.recognition",
            "_lifecycle.exit_limit",
            "_lifecycle.originals",
            "_lifecycle.shutdown",
            "_managed.client",
            "_managed.invocation_scope",
            "_managed.worker",
            "_managed.worker_state",
            "_report",
            "_runtime_errors",
        },
        {"_managed.shared_loop"},
    ),
    "_managed.worker": (
        {
            "_lifecycle.exit_limit",
            "_lifecycle.originals",
            "_lifecycle.shutdown",
            "_managed.client",
            "_report",
            "_runtime_errors",
        },
        set(),
    ),
    "_managed.worker_state": (set(), set()),
    "_official.__init__": (set(), set()),
    "_official.bootstrap": (
        {
            "_codec",
            "_context",
            "_framed_sink",
            "_logs",
            "_official.lambda_runtime_exception",
            "_official.lambda_runtime_log_utils",
            "_official.lambda_runtime_marshaller",
            "_report",
            "_runtime",
            "_sinks",
        },
        set(),
    ),
    "_official.finder": (set(), set()),
    "_official.lambda_concurrency_hooks": (set(), set()),
    "_official.lambda_context": ({"_client_context", "_context"}, set()),
    "_official.lambda_literals": (set(), set()),
    "_official.lambda_runtime_client": (
        {
            "_client",
            "_official.__init__",
            "_official.lambda_runtime_exception",
            "_official.lambda_runtime_marshaller",
            "_report",
            "_runtime_errors",
            "_settings",
            "_sinks",
        },
        {"_managed.client"},
    ),
    "_official.lambda_runtime_exception": ({"_function_errors"}, set()),
    "_official.lambda_runtime_hooks_runner": ({"_lifecycle.snapstart"}, set()),
    "_official.lambda_runtime_log_utils": ({"_logs", "_sinks"}, set()),
    "_official.lambda_runtime_marshaller": (
        {"_client", "_codec", "_json.compatible", "_official.lambda_runtime_exception"},
        set(),
    ),
    "_optional_settings": (set(), set()),
    "_paths": (set(), set()),
    "_report": ({"_codec", "_sinks"}, set()),
    "_runtime": (
        {"_client", "_codec", "_context", "_function_errors", "_handler", "_paths", "_report", "_settings", "_sinks"},
        {
            "_handlers.adapter",
            "_handlers.application_hints",
            "_lifecycle.chosen",
            "_lifecycle.environment_entry",
            "_lifecycle.exit_limit",
            "_lifecycle.import_hints",
            "_lifecycle.shutdown",
            "_lifecycle.snapstart",
            "_lifecycle.stale_bytecode",
            "_logs",
            "_managed.serve",
        },
    ),
    "_runtime_errors": (set(), set()),
    "_settings": ({"_function_errors"}, {"_optional_settings"}),
    "_sinks": (set(), {"_framed_sink"}),
    "_types": (set(), set()),  # only type checkers import it
    "_wrapper_start": ({"_paths"}, set()),  # only the start script of the wrapper layer imports it
}
SOLE_USERS = {"_socket": "_connection", "_json": "_codec", "_signal": "_settings"}
C_BUILTINS = {"_json", "_signal", "_socket", "_thread", "gc", "marshal", "posix", "sys", "time"}
# The public modules that replace private C modules, in `except ImportError`.
FALLBACKS = {"_codec": {"json.encoder", "json.scanner"}, "_connection": {"socket"}, "_settings": {"signal"}}
# Imports that a cold module may make later, not in an ordinary invocation.
LATER = {
    "_codec": {"json"},  # the error text of an invalid client context
    "_paths": {
        "builtins",
        "site",
        "_sitebuiltins",
    },  # the first and last are loaded or C; `site` is imported only if something needs it
}


def test_the_table_names_every_module() -> None:
    """Every module of the runtime has a row in the table."""
    assert set(EDGES) == set(SOURCES)


@pytest.mark.parametrize("module", SOURCES)
def test_imports_within_the_package_are_those_of_the_table(module: str) -> None:
    """The eager and the lazy imports of each module are exactly those of the table."""
    found = imports_of(SOURCES[module])
    assert (found.ours, found.lazy_ours) == EDGES[module]


def test_eager_imports_make_no_circle() -> None:
    """Eager imports form no circle."""
    done: set[str] = set()
    while len(done) < len(EDGES):
        ready = {name for name, (eager, _) in EDGES.items() if name not in done and eager <= done}
        assert ready, f"a circle among {sorted(set(EDGES) - done)}"
        done |= ready


@pytest.mark.parametrize("module", SOURCES)
def test_the_runtime_does_not_know_the_tools(module: str) -> None:
    """The runtime never imports the emulator, the command line or another tool."""
    found = imports_of(SOURCES[module])
    everything = found.ours | found.lazy_ours | found.others | found.lazy_others
    tools = (
        "bench",
        "cli",
        "common",
        "conformance",
        "emulator",
        "events",
        "examples",
        "packaging",
        "protocol",
        "pytest_plugin",
    )
    assert not {name for name in everything if name.split(".")[0] in tools}
    assert not {name for name in found.others | found.lazy_others if name.startswith("awslambdaric_lite.")}
    if module != "__main__":
        assert "awslambdaric_lite" not in found.others | found.lazy_others


@pytest.mark.parametrize("module", COLD)
def test_cold_modules_import_c_builtins_only(module: str) -> None:
    """A cold module imports C modules only, except declared fallbacks and declared later imports."""
    found = imports_of(SOURCES[module])
    assert found.others - FALLBACKS.get(module, set()) <= C_BUILTINS
    assert found.lazy_others <= LATER.get(module, set())
    for name in C_BUILTINS - {"_json", "_socket"}:
        assert name in sys.builtin_module_names


@pytest.mark.parametrize(("private", "owner"), SOLE_USERS.items())
def test_a_private_module_has_one_user(private: str, owner: str) -> None:
    """Only one module of the package imports each private module of CPython."""
    users = {
        name for name, path in SOURCES.items() if private in (imports_of(path).others | imports_of(path).lazy_others)
    }
    assert users == {owner}


def test_only_the_handler_module_touches_the_meta_path() -> None:
    """Only `_handler` changes `sys.meta_path`, and only `_paths` reads it as well."""
    changing, reading = set(), set()
    for name, path in SOURCES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Attribute)
                and node.value.attr == "meta_path"
            ):
                changing.add(name)
            if isinstance(node, ast.Attribute) and node.attr == "meta_path":
                reading.add(name)
    assert changing == {"_handler"}
    assert reading == {"_handler", "_paths"}


def _annotations(tree: ast.AST) -> list[ast.expr]:
    found: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            arguments = node.args
            every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
            found += [each.annotation for each in every if each is not None and each.annotation is not None]
            if node.returns is not None:
                found.append(node.returns)
        elif isinstance(node, ast.AnnAssign):
            found.append(node.annotation)
    return found


@pytest.mark.parametrize("module", COLD)
def test_cold_annotations_cost_nothing(module: str) -> None:
    """Annotations are quoted, except plain names that exist at run time; `__future__` is not imported."""
    tree = ast.parse(SOURCES[module].read_text())
    for_checkers: set[str] = set()
    for node in ast.walk(tree):
        if is_type_checking(node):
            for inner in ast.walk(node):
                if isinstance(inner, ast.ImportFrom | ast.Import):
                    for_checkers.update(alias.asname or alias.name for alias in inner.names)
                elif isinstance(inner, ast.Assign):
                    for_checkers.update(target.id for target in inner.targets if isinstance(target, ast.Name))
    for annotation in _annotations(tree):
        if isinstance(annotation, ast.Constant):
            continue  # quoted, or None
        text = ast.unparse(annotation)
        assert isinstance(annotation, ast.Name), f"{module}.py:{annotation.lineno}: quote {text!r}"
        assert annotation.id not in for_checkers, f"{module}.py:{annotation.lineno}: quote {text!r}"
    assert "__future__" not in imports_of(SOURCES[module]).others


# Long modules that have one reason to change, with a limit so that they do not grow unnoticed.
LONG = {"_client": 391, "_report": 320, "_runtime": 413}


@pytest.mark.parametrize("path", sorted(SOURCES["__init__"].parent.rglob("*.py")), ids=lambda path: path.name)
def test_files_stay_short(path: Path) -> None:
    """A module has at most 300 lines in the package's folder and 400 below it, except those in `LONG`."""
    lines = len(path.read_text().splitlines())
    if path.parent == SOURCES["__init__"].parent and path.stem in LONG:
        assert 300 < lines <= LONG[path.stem]
    else:
        assert lines <= (300 if path.parent == SOURCES["__init__"].parent else 400)
