"""Which hosts a request may name, and which web pages may call the APIs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from awslambdaric_lite.emulator import InvalidFunction, LocalLambda
from awslambdaric_lite.emulator.config.function import FunctionConfig
from awslambdaric_lite.emulator.http.authority import AllowedHosts
from awslambdaric_lite.emulator.http.exchange import RecordedRequest

from .command_line import Serve, run, shell
from .harness import Client, HttpReply

ALLOWED = [
    *("localhost", "localhost:9000", "LocalHost", "localhost.", "app.localhost:1", "localhost:"),
    *("127.0.0.1", "127.0.0.1:9000", "127.9.9.9", "127.1", "0x7f.1", "0177.0.0.1", "2130706433", "127.0.0.1."),
    *("[::1]", "[::1]:9000", "[::1%25lo]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]"),
    *("api.test", "a.b.example:80", "x.invalid", "host.docker.internal:9000", "my_service.test"),
    *("abc.lambda-url.us-east-1.on.aws", "lambda.eu-west-1.amazonaws.com", "lambda.eu-west-1.api.aws"),
    *("proxy.my-company.com", "Proxy.My-Company.com.:8443", "192.0.2.7", "[2001:DB8::7]:80"),
    "10.1.2.3",  # the address of the connection
]
FOREIGN = [
    *("attacker.com", "attacker.com:9000", "localhost.attacker.com", "127.0.0.1.attacker.com", "notlocalhost"),
    *("test", "on.aws", "attackeron.aws", "example.com", "internal", ".test", "localhost..", " "),
    *("0.0.0.0", "192.168.0.1", "8.8.8.8", "[2001:db8::1]", "[127.0.0.1]", "[localhost]", "::1", "1.2.3.4.5"),
    *("127.0.0.1@attacker.com", "attacker.com#.test", "attacker.com/.test", "attacker.com?.test", "localhost:x"),
    *("\udcff.test", "attacker.com\\.test", "localhost, attacker.com", "my-company.com", "x.proxy.my-company.com"),
]


def asked(host: str | None, authority: str | None = None) -> str | None:
    """Return the reason to refuse a request to these names."""
    hosts = AllowedHosts("127.0.0.1", ["proxy.my-company.com", "192.0.2.7", "2001:db8::7"])
    headers = [] if host is None else [("Host", host)]
    return hosts.refusal(RecordedRequest("GET", "/", "1.1", headers, 1), authority, "10.1.2.3")


@pytest.mark.parametrize("host", ALLOWED)
def test_name_of_this_machine_is_allowed(host: str) -> None:
    """Names and addresses of this machine, reserved names, AWS's names and allowed names are served."""
    assert asked(host) is None
    assert asked("localhost", host) is None


@pytest.mark.parametrize("host", FOREIGN)
def test_other_name_is_refused(host: str) -> None:
    """Any other name is refused, in the field and in the request target; the text names the option."""
    for reason in (asked(host), asked("localhost", host)):
        assert reason is not None and "--allow-host" in reason and reason.isascii()


def test_request_that_names_no_host_is_served() -> None:
    """A request that names no host, as no browser sends it, is served: without the field, or with an empty one."""
    assert asked(None) is None
    assert asked("") is None


@pytest.fixture
def function(write_handler: Callable[[str], Path], socket_runtime: list[str]) -> Iterator[LocalLambda]:
    """Yield a running function that counts its invocations."""
    root = write_handler("def handler(event, context):\n    print('ran', flush=True)\n    return 'ran'")
    with LocalLambda("app.handler", task_root=root, runtime=socket_runtime, allow_hosts=["my-proxy.com"]) as started:
        yield started


def ask(url: str, head: str, *headers: str) -> HttpReply:
    """Send a request without a body to a listener."""
    lines = "".join(f"{header}\r\n" for header in headers)
    with Client(url.removeprefix("http://").removesuffix("/")) as client:
        return client.ask(f"{head}\r\n{lines}Content-Length: 0\r\n\r\n".encode())


INVOKE = "POST /2015-03-31/functions/function/invocations HTTP/1.1"


@pytest.mark.parametrize(
    ("status", "head", "headers"),
    [
        (200, "", ["Host: localhost"]),
        (200, "", ["Host: my-proxy.com"]),
        (421, "", ["Host: attacker.com"]),
        (200, "http://localhost", ["Host: localhost"]),
        (421, "http://attacker.com", ["Host: localhost"]),
        (421, "HTTP://attacker.com:80", ["Host: localhost"]),
        (421, "http://localhost", ["Host: attacker.com"]),
        (400, "", ["Host: localhost", "Host: attacker.com"]),
        (400, "", []),
    ],
)
def test_every_listener_checks_the_host(function: LocalLambda, status: int, head: str, headers: list[str]) -> None:
    """The Lambda API, the function URL and the Runtime API refuse a host that is not this machine's with 421."""
    listeners = {
        function.endpoint_url: "/health",
        function.url: "/",
        f"http://{runtime_api(function)}": "/2018-06-01/ping",
    }
    for url, path in listeners.items():
        reply = ask(url, f"GET {head}{path} HTTP/1.1", *headers)
        assert reply.status == status, url
        assert (b"--allow-host attacker.com" in reply.body) == (status == 421)


def runtime_api(function: LocalLambda) -> str:
    """Return the address of the Runtime API of a function's environment."""
    function.invoke()
    [environment] = function.environments
    assert environment._sandbox is not None
    return environment._sandbox.address


PAGES = [
    ["Origin: https://attacker.com"],
    ["Origin: null"],
    ["Origin: http://localhost:3000"],
    ["Origin: http://bucket.s3.amazonaws.com"],
    ["Origin: file://localhost"],
    ["Sec-Fetch-Site: cross-site"],
    ["Sec-Fetch-Site: same-site"],
]


@pytest.mark.parametrize("page", PAGES)
def test_apis_refuse_web_pages_of_other_origins(function: LocalLambda, page: list[str]) -> None:
    """The APIs for programs refuse requests of web pages before the function runs, or an event is lost."""
    reply = ask(function.endpoint_url, INVOKE, "Host: localhost", "Content-Type: text/plain", *page)
    assert (reply.status, reply.headers["x-amzn-errortype"]) == (403, "AccessDeniedException")
    assert function.environments == []
    for path in ("/2018-06-01/runtime/invocation/next", "/2020-01-01/extension/event/next", "/2022-07-01/telemetry"):
        reply = ask(f"http://{runtime_api(function)}", f"GET {path} HTTP/1.1", "Host: localhost", *page)
        assert (reply.status, b"function URL" in reply.body) == (403, True)


@pytest.mark.parametrize("page", PAGES)
def test_function_url_leaves_web_pages_to_cors(function: LocalLambda, page: list[str]) -> None:
    """A function URL runs requests of web pages, whose browsers decide by the CORS headers, as on AWS."""
    reply = ask(function.url, "POST / HTTP/1.1", "Host: localhost", *page)
    assert (reply.status, "access-control-allow-origin" in reply.headers) == (200, False)


@pytest.mark.parametrize(
    ("host", "headers"),
    [
        ("localhost:9000", ["Origin: http://localhost:9000", "Sec-Fetch-Site: same-origin"]),
        ("LOCALHOST:80", ["Origin: http://localhost"]),
        ("x.test", ["Origin: https://x.test:443"]),
        ("localhost", ["Sec-Fetch-Site: none"]),
    ],
)
def test_apis_serve_pages_of_own_origin(function: LocalLambda, host: str, headers: list[str]) -> None:
    """A request of the API's own origin is served, and one of a user who typed the address."""
    assert ask(function.endpoint_url, INVOKE, f"Host: {host}", *headers).status == 200


def test_allow_host_option_serves_name(write_handler: Callable[[str], Path], socket_runtime: list[str]) -> None:
    """`serve --allow-host` serves a name on both ports, and no other name."""
    root = str(write_handler("def handler(event, context):\n    return 1"))
    arguments = ("app.handler", "--task-root", root, "--runtime", shell(socket_runtime))
    with Serve(*arguments, "--allow-host", "my-proxy.com", "--allow-host", "192.0.2.1") as serve:
        for url in (serve.endpoint_url, serve.url):
            for host, status in (("my-proxy.com", 200), ("192.0.2.1:80", 200), ("attacker.com", 421)):
                assert ask(url, "GET / HTTP/1.1", f"Host: {host}").status == status


@pytest.mark.parametrize("name", ["http://my-proxy.com", "my-proxy.com:80", "*.my-company.com", "", "my proxy"])
def test_bad_allow_host_is_an_error(tmp_path: Path, name: str) -> None:
    """A value of `--allow-host` that is not a host name is an error that shows a correct value."""
    done = run("serve", "app.handler", "--task-root", str(tmp_path), "--allow-host", name)
    assert done.returncode == 2
    assert f"allowed host {name!r} is not a host name; give it without scheme and port" in done.stderr.decode()
    with pytest.raises(InvalidFunction, match="allow_hosts is text; give a list"):
        FunctionConfig("app.handler", tmp_path, allow_hosts=name)
