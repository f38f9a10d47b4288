"""A double of an AWS account: moto is its control plane, and the local Lambda runs invoked functions.

`AwsDouble` is one HTTP endpoint for all services. It records the requests, and a test can inspect or refuse each one
when it arrives.
"""

from __future__ import annotations

import base64
import io
import json
import re
import sys
import tempfile
import threading
import warnings
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from awslambdaric_lite.emulator import LocalLambda

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # from moto's dependencies, at import
    from moto.moto_api._internal.models import moto_api_backend
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
OFFICIAL = [sys.executable, "-m", "awslambdaric", "{handler}"]

_FUNCTION = re.compile(r"/2015-03-31/functions/(?P<name>[^/]+)(?P<rest>/.*)?")


@dataclass(frozen=True)
class Call:
    """One request: its operation in the API, if known, and its content."""

    operation: str
    path: str
    body: bytes

    def json(self) -> Any:
        """Return the parsed JSON body."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Refusal:
    """A response that replaces the service's."""

    status: int
    code: str
    message: str = "as the test asked"

    def answer(self, start_response: Callable[..., Any], *, xml: bool) -> list[bytes]:
        """Encode the response as the service does: in XML for requests with forms."""
        text = json.dumps({"Type": "User", "message": self.message})
        if xml:
            error = f"<Code>{self.code}</Code><Message>{self.message}</Message>"
            text = f"<ErrorResponse><Error>{error}</Error></ErrorResponse>"
        kind = "text/xml" if xml else "application/json"
        start_response(f"{self.status} Refused", [("Content-Type", kind), ("x-amzn-ErrorType", self.code)])
        return [text.encode()]


@dataclass
class DeployedFunction:
    """The arguments of `CreateFunction`, and the local Lambda that runs the function since the last change."""

    configuration: dict[str, Any]
    folder: Path
    local: LocalLambda | None = None

    def start(self) -> LocalLambda:
        """Return the running function, which starts cold after a change."""
        if self.local is None:
            variables = dict(self.configuration.get("Environment", {}).get("Variables", {}))
            wrapped = variables.pop("AWS_LAMBDA_EXEC_WRAPPER", None)
            managed = self.configuration["Runtime"].startswith("python")
            bootstrap = self.folder / "bootstrap"
            runtime = OFFICIAL if managed and not wrapped else [str(bootstrap)] if bootstrap.exists() else None
            self.local = LocalLambda(
                self.configuration["Handler"],
                function_name=self.configuration["FunctionName"],
                task_root=self.folder,
                memory_mb=self.configuration["MemorySize"],
                timeout_s=self.configuration["Timeout"],
                init_timeout_s=60,  # other tests load the machine
                runtime=runtime,
                env=variables,
                log_format=self.configuration.get("LoggingConfig", {}).get("LogFormat", "Text"),
                enforce_memory=False,
            )
            self.local.start()
        return self.local

    def stop(self) -> None:
        """End its processes."""
        if self.local is not None:
            self.local.close()
            self.local = None


@dataclass
class AwsDouble:
    """The account. `on_call` gets each call first; its result replaces the service's response."""

    calls: list[Call] = field(default_factory=list)
    on_call: Callable[[Call], Refusal | None] = lambda call: None
    after_call: Callable[[Call], None] = lambda call: None
    tail_without_report: bool = False
    always_warm: bool = False
    functions: dict[str, DeployedFunction] = field(default_factory=dict)

    def __enter__(self) -> AwsDouble:
        moto_api_backend.reset()
        self._moto: WsgiApp = DomainDispatcherApplication(create_backend_app)
        self._folder = tempfile.TemporaryDirectory()
        self._invoking = threading.Lock()
        self._server: BaseWSGIServer = make_server("127.0.0.1", 0, self._app, threaded=True, request_handler=_Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="aws double")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        for function in self.functions.values():
            function.stop()
        self._folder.cleanup()
        moto_api_backend.reset()

    @property
    def endpoint_url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.port}"

    def client(self, service: str) -> Any:
        """Return a client with which a test prepares or inspects resources."""
        return boto3.client(
            service,  # type: ignore[call-overload, unused-ignore]
            endpoint_url=self.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def left(self) -> list[str]:
        """Return the names of all resources in the account."""
        functions = self.client("lambda").list_functions()["Functions"]
        layers = self.client("lambda").list_layers()["Layers"]
        roles = self.client("iam").list_roles()["Roles"]
        groups = self.client("logs").describe_log_groups()["logGroups"]
        return [
            *(each["FunctionName"] for each in functions),
            *(each["LayerName"] for each in layers),
            *(each["RoleName"] for each in roles),
            *(each["logGroupName"] for each in groups),
        ]

    def operations(self) -> list[str]:
        """Return the names of the calls in order."""
        return [call.operation for call in self.calls]

    def _app(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        call = Call(_operation(environ, body), environ["PATH_INFO"], body)
        self.calls.append(call)
        if refusal := self.on_call(call):
            return refusal.answer(start_response, xml=call.path == "/" and call.body.startswith(b"Action="))
        try:
            if call.operation == "Invoke":
                return self._invoke(call, start_response)
            answer = list(self._moto(environ, start_response))
            self._follow(call)
            return answer
        finally:
            self.after_call(call)

    def _follow(self, call: Call) -> None:
        if call.operation == "CreateFunction":
            configuration = call.json()
            name = configuration["FunctionName"]
            folder = Path(self._folder.name, name)
            folder.mkdir(exist_ok=True)
            with zipfile.ZipFile(io.BytesIO(base64.b64decode(configuration["Code"]["ZipFile"]))) as archive:
                archive.extractall(folder)
            for path in folder.iterdir():
                path.chmod(0o755)
            self.functions.setdefault(name, DeployedFunction(configuration, folder))
        elif call.operation == "UpdateFunctionConfiguration" and not self.always_warm:
            function = self.functions[_name(call.path)]
            function.configuration.update(call.json())
            function.stop()

    def _invoke(self, call: Call, start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            with self._invoking:
                result = self.functions[_name(call.path)].start().invoke(call.body)
        except Exception as error:  # the server's 500 would be retried ten times
            start_response("400 Broken", [("Content-Type", "application/json"), ("x-amzn-ErrorType", "BrokenDouble")])
            return [json.dumps({"message": repr(error)}).encode()]
        log = "cut off" if self.tail_without_report else result.logs
        tail = base64.b64encode(log.encode()[-4096:]).decode()
        headers = [("Content-Type", "application/json"), ("X-Amz-Log-Result", tail)]
        if result.error:
            headers.append(("X-Amz-Function-Error", "Unhandled"))
        start_response("200 OK", headers)
        return [result.payload]


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Print nothing: pytest would show hundreds of lines with each failure."""


def _name(path: str) -> str:
    match = _FUNCTION.match(path)
    assert match, path
    return match["name"]


def _operation(environ: dict[str, Any], body: bytes) -> str:
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    if body.startswith(b"Action="):
        return body.split(b"&", 1)[0].removeprefix(b"Action=").decode()
    if action := re.search(rb"(?:^|&)Action=(\w+)", body if path == "/" else b""):
        return action[1].decode()
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return str(target).rpartition(".")[2]
    known = {
        ("POST", "/2015-03-31/functions"): "CreateFunction",
        ("POST", "/invocations"): "Invoke",
        ("PUT", "/configuration"): "UpdateFunctionConfiguration",
        ("POST", "/versions"): "PublishLayerVersion",
    }
    for (verb, end), name in known.items():
        if method == verb and path.rstrip("/").endswith(end):
            return name
    if method == "DELETE":
        return "DeleteFunction" if "/functions/" in path else "DeleteLayerVersion"
    return f"{method} {path}"
