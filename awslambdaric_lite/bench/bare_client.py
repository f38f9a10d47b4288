"""A runtime client that does no work: its figures are those of the interpreter, the kernel and the measuring.

Run as a script, by an interpreter without site-packages; it imports nothing of this package.
"""

import _socket
import posix


def main() -> None:
    """Respond to every event with `null`."""
    host, _, port = posix.environ[b"AWS_LAMBDA_RUNTIME_API"].decode().partition(":")
    connection = _socket.socket()
    connection.connect((host, int(port)))
    connection.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
    poll = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: localhost\r\n\r\n"
    connection.sendall(poll)
    while True:
        received = b""
        while b"Aws-Request-Id: " not in received:  # the 202 for the response comes before it
            piece = connection.recv(65536)
            if not piece:
                return
            received += piece
        request_id = received.partition(b"Aws-Request-Id: ")[2].partition(b"\r\n")[0]
        connection.sendall(
            b"POST /2018-06-01/runtime/invocation/%b/response HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Length: 4\r\n\r\nnull%b" % (request_id, poll)
        )


if __name__ == "__main__":
    main()
