"""Programs of others in Java: AWS's matcher of patterns, and ElasticMQ, a queue server. Maven fetches them once."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.build_cache import DEFAULT_BUILD, BuildCache, build_directory, digest, run
from benchmarks.interpreter import Interpreter
from tests.emulator.waiting import wait_until

_HERE = Path(__file__).parent
_NO_PYTHON = Interpreter(Path(), Path(), "", "", "")  # these builds need none
_QUICK_START = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"]


def build(name: str) -> Path:
    """Return a folder with the libraries of a `pom.xml` in a folder here, and with its compiled classes.

    Raises:
        Unavailable: Java, Maven or the network is missing.
    """
    source = _HERE / name

    def make(fresh: Path) -> None:
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={fresh / 'lib'}"]
        run(["mvn", "--quiet", "--batch-mode", "-f", source / "pom.xml", *goal], name)
        for program in source.glob("*.java"):
            run(["javac", "-cp", f"{fresh / 'lib'}/*", "-d", fresh, program], name)
        run(["java", "-version"], name)

    return BuildCache(build_directory(DEFAULT_BUILD), _NO_PYTHON).once(f"{name}-{digest(source)}", make)


class Oracle:
    """AWS's matcher, which answers over pipes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, pattern: str, event: str) -> bool | None:
        """Return whether an event matches; None if the pattern is refused."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{pattern}\t{event}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        return {"true": True, "false": False}[answer] if not answer.startswith("error: ") else None


@contextmanager
def oracle() -> Iterator[Oracle]:
    """Start AWS's matcher.

    Raises:
        Unavailable: Java, Maven or the network is missing.
    """
    folder = build("ruler")
    command = ["java", *_QUICK_START, "-cp", f"{folder}:{folder}/lib/*", "Oracle"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, text=True, encoding="utf-8") as process:  # type: ignore[call-overload]
        yield Oracle(process)
        process.stdin.close()


class ElasticMq:
    """An ElasticMQ server with nothing in it."""

    def __init__(self, folder: Path) -> None:
        self._settings = folder / "elasticmq.conf"
        self._log = folder / "elasticmq.log"
        self._library = build("elasticmq") / "lib"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self) -> None:
        """Start the server, and wait for its address."""
        self._settings.write_text(
            'include classpath("application.conf")\n'
            "generate-node-address = true\n"
            'aws { region = "us-east-1", accountId = "000000000000" }\n'
            "rest-stats.enabled = false\n"
            'rest-sqs { bind-hostname = "127.0.0.1", bind-port = 0 }\n'
        )
        command = ["java", *_QUICK_START, f"-Dconfig.file={self._settings}", "-cp", f"{self._library}/*"]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [*command, "org.elasticmq.server.Main"], stdout=log, stderr=subprocess.STDOUT
            )
        wait_until(self._has_started, f"ElasticMQ has not started: {self._log}")

    def _has_started(self) -> bool:
        text = self._log.read_text()
        assert self._process is not None and self._process.poll() is None, text[-2000:]
        if found := re.search(r"Started SQS rest server, bind address 127\.0\.0\.1:(\d+)", text):
            self.url = f"http://127.0.0.1:{found[1]}"
        return found is not None

    def stop(self) -> None:
        """Kill the server, which loses its messages."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
