"""The smallest client that serves invocations: without error handling or checks."""

import _json
import _socket
import posix
import sys

environ = {k.decode(): v.decode() for k, v in posix.environ.items()}
api = environ["AWS_LAMBDA_RUNTIME_API"]
host, port = api.split(":")
sys.path.insert(0, environ["LAMBDA_TASK_ROOT"])
module, name = environ["_HANDLER"].split(".")
handler = getattr(__import__(module), name)


class Options:
    strict, object_hook, object_pairs_hook = True, None, None
    parse_float, parse_int, parse_constant = float, int, float


loads = _json.make_scanner(Options)  # type: ignore[arg-type]
dumps = _json.make_encoder(None, str, _json.encode_basestring_ascii, None, ":", ",", False, False, True)
poll = f"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: {api}\r\n\r\n".encode()
connection = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
connection.connect((host, int(port)))
connection.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
connection.sendall(poll)
data = b""
while True:
    # One response with a Content-Length; after the first invocation a 202 lies before it.
    while (head := data.find(b"Lambda-Runtime-Aws-Request-Id: ")) < 0 or (end := data.find(b"\r\n\r\n", head) + 4) < 4:
        data += connection.recv(65536)
    size = int(data[data.find(b"Content-Length: ", head) + 16 : end - 4])
    while len(data) < end + size:
        data += connection.recv(65536)
    event = loads(data[end : end + size].decode(), 0)[0]
    body = "".join(dumps(handler(event, None), 0)).encode()
    target = b"POST /2018-06-01/runtime/invocation/" + data[head + 31 : head + 67] + b"/response HTTP/1.1\r\nHost: "
    data = data[end + size :]
    connection.sendall(b"%b%b\r\nContent-Length: %d\r\n\r\n%b%b" % (target, api.encode(), len(body), body, poll))
