"""Times a codec alone: `measure.py CLIENT CODEC EVENT SECONDS` prints seconds for parsing and for encoding.

One line of JSON: `loads` and `dumps`, each a list of means over two milliseconds of calls, and `again`, whether the
encoded text parses to the event.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any


def marshaller(client: str, codec: str) -> Any:
    """Return the client's own marshaller, as it is once a function is loaded."""
    if client == "lite":
        from awslambdaric_lite._codec import Marshaller

        found = Marshaller(codec)
        if not found.choose_encoder():
            raise SystemExit(f"{codec} cannot be loaded")
        return found
    from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller

    return LambdaMarshaller()


def samples(call: Callable[[], object], seconds: float) -> list[float]:
    """Return the mean times of batches of calls; the first call is not counted."""
    call()
    started = time.perf_counter()
    call()
    batch = max(1, min(1000, int(0.002 / max(time.perf_counter() - started, 1e-7))))
    found: list[float] = []
    end = time.perf_counter() + seconds
    while len(found) < 3 or time.perf_counter() < end:
        started = time.perf_counter()
        for _ in range(batch):
            call()
        found.append((time.perf_counter() - started) / batch)
    return found


def main(client: str, codec: str, event: str, seconds: float) -> None:
    """Measure."""
    with open(event, "rb") as file:
        content = file.read()
    subject = marshaller(client, codec)
    value = subject.unmarshal_request(content)

    def render() -> bytes:
        body, _ = subject.marshal_response(value)
        return body if isinstance(body, bytes) else str(body).encode()  # the official client sends UTF-8

    found = {
        "again": json.loads(render()) == json.loads(content),
        "loads": samples(lambda: subject.unmarshal_request(content), seconds),
        "dumps": samples(render, seconds),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]))
