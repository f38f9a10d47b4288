"""User code and tools can import `awslambdaric` itself, whether or not AWS's package is installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.conformance.messages import Event, Request
from awslambdaric_lite.conformance.server import Reaction
from tests.instrumentation.launchers import LAUNCHERS, every_runtime, our_runtimes, run
from tests.support.client_process import LITE, Run, package_root, run_client


def results(done: Run) -> list[Any]:
    """Return what a run posted: the parsed result, or the type and message of an error."""
    return [_result(reply) for reply in done.replies]


def _result(reply: Request) -> Any:
    if reply.verb == "response" and reply.header("Content-Type") != "application/json":
        return reply.body.decode()
    parsed = json.loads(reply.body)
    return parsed if reply.verb == "response" else {"type": parsed["errorType"], "message": parsed["errorMessage"]}


TYPES = """
from awslambdaric.lambda_context import Client, ClientContext, CognitoIdentity, LambdaContext, make_obj_from_dict
def handler(event, context):
    made = LambdaContext("id", {"custom": {"a": 1}, "client": {"app_title": "t"}}, None, 0)
    return [
        isinstance(context, LambdaContext), isinstance(context.identity, CognitoIdentity),
        isinstance(made.client_context, ClientContext), made.client_context.client.app_title,
        make_obj_from_dict(Client, {"app_title": "u"}).app_title, type(context).__name__,
    ]
"""
SUBCLASS_OF_MARSHALLER = """
import datetime
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller
class Mine(LambdaMarshaller):
    def unmarshal_request(self, request, content_type="application/json"):
        return {"wrapped": super().unmarshal_request(request, content_type)}
    def marshal_response(self, response):
        return super().marshal_response({"answer": response})
LambdaRuntimeClient.marshaller = Mine()
handler = lambda event, context: event
"""
FOREIGN_MARSHALLER = """
from awslambdaric import bootstrap
class Mine:
    def unmarshal_request(self, request, content_type):
        return bytes(request).decode()
    def marshal_response(self, response):
        return f"<{response}>", "text/plain"
bootstrap.LambdaRuntimeClient.marshaller = Mine()
handler = lambda event, context: event
"""
METHOD_OF_MARSHALLER = """
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller
plain = LambdaMarshaller.marshal_response
LambdaMarshaller.marshal_response = lambda self, response: plain(self, [response])
handler = lambda event, context: event
"""
DEFAULT_OF_ENCODER = """
import datetime, decimal
from awslambdaric.lambda_runtime_marshaller import Encoder
plain = Encoder.default
def default(self, obj):
    return obj.isoformat() if isinstance(obj, datetime.date) else plain(self, obj)
Encoder.default = default
def handler(event, context):
    return {"day": datetime.date(2026, 1, 2), "n": decimal.Decimal("1.50"), "bad": event and {1}}
"""
OWN_ENCODER = """
import json
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient
LambdaRuntimeClient.marshaller.jsonEncoder = json.JSONEncoder(default=sorted)
handler = lambda event, context: {"a": {2, 1}}
"""
OWN_ENCODER_CLASS = """
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient
from awslambdaric.lambda_runtime_marshaller import Encoder, LambdaMarshaller
class MyEncoder(Encoder):
    def default(self, obj):
        return sorted(obj) if isinstance(obj, set) else super().default(obj)
class MyMarshaller(LambdaMarshaller):
    def __init__(self):
        super().__init__()
        self.jsonEncoder = MyEncoder()
LambdaRuntimeClient.marshaller = MyMarshaller()
handler = lambda event, context: {"a": [{2, 1}], "b": event and object}
"""
TO_JSON = """
import json
from awslambdaric import bootstrap
bootstrap.to_json = lambda value: json.dumps({**value, "errorMessage": "mine"} if "errorMessage" in value else value)
def handler(event, context):
    raise ValueError("x")
"""
MAKE_ERROR = """
import awslambdaric.bootstrap as bootstrap
plain = bootstrap.make_error
bootstrap.make_error = lambda message, *others: plain(f"{message}!", *others)
def handler(event, context):
    raise ValueError("x")
"""
FUNCTIONS = """
import awslambdaric.bootstrap as bootstrap
from awslambdaric import lambda_literals, lambda_runtime_log_utils as utils
def handler(event, context):
    made = bootstrap.create_lambda_context('{"custom": {"a": 1}}', None, 5, "id", "arn", "tenant")
    try:
        raise ValueError("x")
    except ValueError as error:
        import sys
        fault = bootstrap.build_fault_result(sys.exc_info(), "y")
        frames = bootstrap.extract_traceback(error.__traceback__)
    handlers = [type(each) for each in __import__("logging").getLogger().handlers]
    return [
        bootstrap.make_error(None, "T", None), bootstrap.make_error("m", "T", ["s"], "id"),
        bootstrap.replace_line_indentation("  x", " ", "-"), bootstrap._get_handler("app.handler") is handler,
        [made.client_context.custom, made.aws_request_id, made.tenant_id, made.get_remaining_time_in_millis()],
        fault["errorType"], fault["errorMessage"], [frame[1:] for frame in frames],
        bootstrap.make_xray_fault("T", "m", "/", [("f", 1, "n", "c")]), bootstrap.to_json({"a": [1]}) != "",
        [utils.LogFormat.from_str("json"), utils._get_log_level_from_env_var("TRACE"), utils._DATETIME_FORMAT],
        utils._JSON_FRAME_TYPES[40].hex(), utils._DEFAULT_FRAME_TYPE.hex(),
        sorted(utils._RESERVED_FIELDS - {"taskName"}),
        lambda_literals.lambda_unhandled_exception_warning_message,
        lambda_literals.get_lambda_preview_runtime_warning_message(),
        bootstrap.LambdaLoggerHandler in handlers, bootstrap._GLOBAL_AWS_REQUEST_ID, bootstrap._GLOBAL_TENANT_ID,
    ]
"""
FAULTS = """
import awslambdaric.bootstrap as bootstrap
from awslambdaric.lambda_runtime_exception import FaultException
def handler(event, context):
    if event:
        raise FaultException(exception_type="Runtime.Mine", msg="text", trace=["entry"])
    try:
        bootstrap._get_handler("app.missing")
    except FaultException as error:
        found = FaultException.HANDLER_NOT_FOUND == error.exception_type
        return [error.exception_type, error.msg, found, FaultException.BUILT_IN_MODULE_CONFLICT]
"""
LOADS_HANDLER = """
from awslambdaric import bootstrap
inner = bootstrap._get_handler("inner.handler")
handler = lambda event, context: {"traced": inner(event, context)}
"""
POST_HOOK = """
from awslambdaric.lambda_runtime_client import BaseLambdaRuntimeClient
done = []
plain = BaseLambdaRuntimeClient.post_invocation_result
def post(*args, **kwargs):
    done.append(args[1])
    return plain(*args, **kwargs)
BaseLambdaRuntimeClient.post_invocation_result = post
handler = lambda event, context: list(done)
"""
NEXT_HOOK = """
from awslambdaric.lambda_runtime_client import InvocationRequest, LambdaRuntimeClient
plain = LambdaRuntimeClient.wait_next_invocation
def wait(self):
    request = plain(self)
    assert isinstance(request, InvocationRequest)
    fields = ("invoke_id", "x_amzn_trace_id", "invoked_function_arn", "deadline_time_in_ms", "client_context")
    more = ("cognito_identity", "tenant_id", "content_type", "invocation_id")
    return InvocationRequest(event_body=b'{"changed": %b}' % bytes(request.event_body),
                             **{name: getattr(request, name) for name in fields + more})
LambdaRuntimeClient.wait_next_invocation = wait
handler = lambda event, context: [event, context.aws_request_id]
"""
EVENT_HOOK = """
from awslambdaric import bootstrap
plain = bootstrap.handle_event_request
def handle(client, request_handler, invoke_id, event_body, *others):
    return plain(client, request_handler, invoke_id, '{"changed": true}', *others)
bootstrap.handle_event_request = handle
handler = lambda event, context: event
"""
LOG_HOOK = """
import logging
from awslambdaric import bootstrap
bootstrap.log_error = lambda error_result, log_sink: log_sink.log(f"MINE {error_result['errorType']}\\n")
def handler(event, context):
    bootstrap._GLOBAL_AWS_REQUEST_ID = "changed"
    logging.warning("said")
    raise ValueError("x")
"""
SAME = {
    "types": TYPES,
    "a subclass of LambdaMarshaller": SUBCLASS_OF_MARSHALLER,
    "a foreign marshaller": FOREIGN_MARSHALLER,
    "a method of LambdaMarshaller": METHOD_OF_MARSHALLER,
    "the default of Encoder": DEFAULT_OF_ENCODER,
    "an encoder": OWN_ENCODER,
    "a subclass of Encoder": OWN_ENCODER_CLASS,
    "to_json": TO_JSON,
    "make_error": MAKE_ERROR,
    "functions": FUNCTIONS,
    "faults": FAULTS,
    "a loaded handler": LOADS_HANDLER,
    "a replaced post": POST_HOOK,
    "a replaced poll": NEXT_HOOK,
    "replaced handling": EVENT_HOOK,
    "a replaced log": LOG_HOOK,
}
SAME["invocations and encoders"] = """
import json
from awslambdaric.lambda_context import Client, make_obj_from_dict
from awslambdaric.lambda_runtime_client import InvocationRequest
from awslambdaric.lambda_runtime_marshaller import Encoder, to_json
def make(**fields):
    return InvocationRequest(invoke_id="1", tenant_id=None, **fields)
def handler(event, context):
    changed = make(event_body=b"x")
    changed.event_body = b"y"
    equal = [make(event_body=b"x") == other for other in (make(event_body=b"x"), changed, InvocationRequest())]
    texts = [to_json({"a": ["é", 1.5, None]}), "".join(Encoder().iterencode([1, {"b": "c"}]))]
    values = [json.loads(text) for text in texts]
    return [equal, values, make_obj_from_dict(Client, None, []), Encoder().default(object()) if event else None]
"""
EVENTS = (Event(b"0"), Event(b"1"))


@pytest.fixture
def function(tmp_path: Path) -> Path:
    """Return a task root with the module `inner`."""
    (tmp_path / "inner.py").write_text("handler = lambda event, context: event\n")
    return tmp_path


@our_runtimes
@pytest.mark.parametrize("name", SAME)
def test_import_of_official_names_works_as_with_official_client(function: Path, runtime: str, name: str) -> None:
    """A function that imports the official names posts and logs the same as with the official client."""
    (function / "app.py").write_text(SAME[name])
    official, ours = (run(each, "app.handler", EVENTS, task_root=function) for each in ("awslambdaric", runtime))
    assert results(ours) == results(official), ours.stdout + ours.stderr
    if name == "a replaced log":
        for output in (official.stdout, ours.stdout):
            assert b"\tchanged\tsaid" in output and output.count(b"MINE ValueError") == 2 and b"[ERROR]" not in output


@our_runtimes
@pytest.mark.parametrize("log_format", ["TEXT", "JSON"])
def test_partial_errors_are_logged_as_officially(function: Path, runtime: str, log_format: str) -> None:
    """`log_error` logs errors that lack a type, a message or a stack trace."""
    (function / "app.py").write_text(
        "from awslambdaric import bootstrap\n"
        "ERRORS = [{'errorType': 'T'}, {'errorMessage': 'm'}, {'errorType': 'T', 'errorMessage': 'm'},\n"
        "          {'errorType': 'T', 'stackTrace': ['  a\\n    b\\n', '', 'c']}]\n"
        "def handler(event, context):\n"
        "    with bootstrap.StandardLogSink() as sink:\n"
        f"        sink.json_format = {log_format == 'JSON'}\n"
        "        for error in ERRORS:\n"
        "            bootstrap.log_error(error, sink)\n"
    )
    found = []
    for each in ("awslambdaric", runtime):
        done = run(each, "app.handler", EVENTS[:1], env={"AWS_LAMBDA_LOG_FORMAT": log_format}, task_root=function)
        lines = done.stdout.decode().strip().split("\n")
        found.append([{**json.loads(line), "timestamp": 0} for line in lines] if log_format == "JSON" else lines)
    official, ours = found
    assert ours == official and len(ours) == 4


@our_runtimes
def test_replacements_apply_to_json_records(function: Path, runtime: str) -> None:
    """The encoder of JSON records, their left-out fields and their formatter can be changed, as officially."""
    (function / "app.py").write_text(
        "import logging\n"
        "from awslambdaric import lambda_runtime_log_utils as utils\n"
        "utils._json_encoder.default = lambda value: f'<{type(value).__name__}>'\n"
        "utils._RESERVED_FIELDS.add('secret')\n"
        "plain = utils.JsonFormatter.format\n"
        "utils.JsonFormatter.format = lambda self, record: plain(self, record).replace('told', 'TOLD')\n"
        "def handler(event, context):\n"
        "    logging.warning('told', extra={'odd': object(), 'secret': 1})\n"
    )
    env = {"AWS_LAMBDA_LOG_FORMAT": "JSON"}
    official, ours = (
        json.loads(run(each, "app.handler", EVENTS[:1], env=env, task_root=function).stdout)
        for each in ("awslambdaric", runtime)
    )
    assert {**ours, "timestamp": ""} == {**official, "timestamp": ""}
    assert (ours["message"], ours["odd"], "secret" in ours) == ("TOLD", "<object>", False)


def test_official_names_need_no_package(function: Path) -> None:
    """The names work where AWS's package is not installed; its version is unknown there, as without this runtime."""
    (function / "app.py").write_text(
        "import sys\n"
        "from awslambdaric import __version__, bootstrap\n"
        "from awslambdaric.lambda_context import LambdaContext\n"
        "def handler(event, context):\n"
        "    import importlib.metadata\n"
        "    try:\n"
        "        version = importlib.metadata.version('awslambdaric')\n"
        "    except importlib.metadata.PackageNotFoundError as error:\n"
        "        version = str(error)\n"
        "    same = bootstrap is sys.modules['__main__'].bootstrap is sys.modules['awslambdaric.bootstrap']\n"
        "    return [isinstance(context, LambdaContext), __version__, version, same]\n"
    )
    (function / "awslambdaric_lite").symlink_to(Path(package_root()) / "awslambdaric_lite")
    command = (LITE[0], "-S", *LITE[1:])
    done = run_client(command, "app.handler", EVENTS[:1], task_root=function, env={"PYTHONPATH": str(function)})
    assert results(done) == [[True, "4.2.2", "No package metadata was found for awslambdaric", True]], done.stderr


@our_runtimes
def test_installed_version_is_the_official_one(function: Path, runtime: str) -> None:
    """`importlib.metadata.version` returns the version of the installed package."""
    (function / "app.py").write_text(
        "import awslambdaric, importlib.metadata\n"
        "handler = lambda event, context: importlib.metadata.version('awslambdaric')\n"
    )
    official, ours = (run(each, "app.handler", task_root=function) for each in ("awslambdaric", runtime))
    assert results(ours) == results(official)


@our_runtimes
def test_imported_official_package_stays(function: Path, runtime: str) -> None:
    """AWS's modules that a `sitecustomize` has imported are not replaced, and their other modules are AWS's, too."""
    (function / "sitecustomize.py").write_text("import awslambdaric.lambda_literals\n")
    (function / "app.py").write_text(
        "import awslambdaric, awslambdaric.lambda_context as context_module\n"
        "handler = lambda event, context: [awslambdaric.__file__, context_module.__name__]\n"
    )
    env = {"PYTHONPATH": f"{function}:{package_root()}"}
    official, ours = (run(each, "app.handler", env=env, task_root=function) for each in ("awslambdaric", runtime))
    assert results(ours) == results(official)


@our_runtimes
def test_child_processes_get_official_package(function: Path, runtime: str) -> None:
    """A process that the function starts imports AWS's package, if that is installed."""
    (function / "app.py").write_text(
        "import awslambdaric.bootstrap, subprocess, sys\n"
        "code = 'import awslambdaric.lambda_context as module; print(module.__file__)'\n"
        "def handler(event, context):\n"
        "    return subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stdout\n"
    )
    official, ours = (run(each, "app.handler", task_root=function) for each in ("awslambdaric", runtime))
    assert results(ours) == results(official)
    assert results(ours)[0].endswith("/awslambdaric/lambda_context.py\n")


REFUSED = {
    "import awslambdaric.lambda_config": "does not provide awslambdaric.lambda_config, only bootstrap,",
    "from awslambdaric import __main__": "awslambdaric-lite does not provide awslambdaric.__main__, only",
    "from awslambdaric.bootstrap import streamify": "cannot import name 'streamify' from 'awslambdaric_lite.",
    "import awslambdaric; awslambdaric.run": "awslambdaric-lite does not provide awslambdaric.run",
    "from awslambdaric import bootstrap; bootstrap.run": "does not provide awslambdaric.bootstrap.run",
    "from awslambdaric import lambda_context as m; m.time": "does not provide awslambdaric.lambda_context.time",
    "from awslambdaric import lambda_runtime_client as m; m.runtime_client": "lambda_runtime_client.runtime_client",
    "from awslambdaric import bootstrap; bootstrap.make_xray_fault = print": "does not use awslambdaric.bootstrap.make",
    "from awslambdaric import bootstrap; bootstrap.run = print": "does not use awslambdaric.bootstrap.run",
}


@our_runtimes
def test_missing_names_are_refused_with_reason(function: Path, runtime: str) -> None:
    """What the runtime does not provide, or does not use, raises an error that says so."""
    (function / "app.py").write_text(
        f"CODE = {list(REFUSED)!r}\n"
        "def outcome(code):\n"
        "    try:\n"
        "        exec(code, {})\n"
        "    except (AttributeError, ImportError) as error:\n"
        "        return str(error)\n"
        "handler = lambda event, context: [outcome(code) for code in CODE]\n"
    )
    (found,) = results(run(runtime, "app.handler", task_root=function))
    for expected, text in zip(REFUSED.values(), found, strict=True):
        assert text is not None and expected in text


@our_runtimes
def test_patches_are_undone(function: Path, runtime: str) -> None:
    """`unittest.mock.patch` replaces names of `awslambdaric.bootstrap` and restores them."""
    (function / "app.py").write_text(
        "from unittest.mock import patch\n"
        "import logging\n"
        "from awslambdaric import bootstrap\n"
        "def handler(event, context):\n"
        "    def state():\n"
        "        return [bootstrap.log_error, bootstrap.make_error, bootstrap._GLOBAL_AWS_REQUEST_ID]\n"
        "    before = state()\n"
        "    with patch.object(bootstrap, 'log_error') as log, patch('awslambdaric.bootstrap.make_error') as make:\n"
        "        with patch('awslambdaric.bootstrap._GLOBAL_AWS_REQUEST_ID', 'patched'):\n"
        "            patched = state() == [log, make, 'patched']\n"
        "            logging.warning('inside')\n"
        "    if event:\n"
        "        raise ValueError('x')\n"
        "    return [patched, before == state()]\n"
    )
    done = run(runtime, "app.handler", EVENTS, task_root=function)
    assert results(done) == [[True, True], {"type": "ValueError", "message": "x"}], done.stderr
    assert b"\tpatched\tinside" in done.stdout and b"[ERROR] ValueError: x" in done.stdout


@every_runtime
def test_own_client_takes_official_arguments(function: Path, runtime: str) -> None:
    """A client that user code makes takes the address of the Runtime API; its error is `LambdaRuntimeClientError`."""
    (function / "app.py").write_text(
        "import os\n"
        "from awslambdaric.lambda_runtime_client import LambdaRuntimeClient, LambdaRuntimeClientError\n"
        "def handler(event, context):\n"
        "    client = LambdaRuntimeClient(os.environ['AWS_LAMBDA_RUNTIME_API'])\n"
        "    try:\n"
        "        client.post_init_error({'errorMessage': 'm', 'errorType': 'T', 'requestId': '', 'stackTrace': []})\n"
        "    except LambdaRuntimeClientError as error:\n"
        "        return [error.response_code, type(error.endpoint).__name__]\n"
    )

    def react(request: Request, number: int) -> Reaction | None:
        return Reaction(status=403) if request.verb == "init/error" else None

    done = run_client(LAUNCHERS[runtime], "app.handler", EVENTS[:1], task_root=function, env={}, react=react)
    assert results(done)[-1] == [403, "str"], done.stderr
