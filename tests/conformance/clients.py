"""The runtime clients under test: this project's, and AWS's from their registries."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import awslambdaric_lite
from awslambdaric_lite.conformance.run import Subject
from benchmarks.build_cache import DEFAULT_BUILD, IGNORED, BuildCache, Unavailable, build_directory, digest, run
from benchmarks.interpreter import Interpreter

HANDLERS = Path(awslambdaric_lite.__file__).parent / "conformance" / "handlers"
LIMIT_S = 30.0
_MANAGED = {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.13"}  # awslambdaric retries polls on managed runtimes only
_NODE = 22  # the oldest version that aws-lambda-ric supports
_NOBODY = Interpreter(Path(), Path(), "", "", "")  # no Python is needed for these builds


@dataclass(frozen=True)
class Client:
    """A runtime client: its name, its pinned version, and what builds it with its handler.

    Attributes:
        build: returns the client's command, the handler and the folder.

    Raises:
        Unavailable: a toolchain or the network is missing.
    """

    name: str
    version: str
    build: Callable[[], tuple[Sequence[str], str, Path]]

    def subject(self) -> Subject:
        """Build the client; return it as the subject of cases."""
        command, handler, folder = self.build()
        return Subject(command, handler, folder, _MANAGED if "awslambdaric" in self.name else {}, LIMIT_S)


def _python(module: str) -> tuple[Sequence[str], str, Path]:
    if importlib.util.find_spec(module) is None:
        raise Unavailable(f"{module} is not installed for this interpreter: pip install {module}")
    return [sys.executable, "-m", module, "{handler}"], "conformance.handler", HANDLERS / "python"


def _once(language: str, make: Callable[[Path], None], decides: str = "") -> Path:
    """Return the folder in which a client was built; the file that decides about it is all of them by default."""
    cache = BuildCache(build_directory(DEFAULT_BUILD), _NOBODY)
    source = HANDLERS / language

    def copy_and_make(fresh: Path) -> None:
        shutil.copytree(source, fresh, ignore=IGNORED, dirs_exist_ok=True)
        make(fresh)

    return cache.once(f"conformance-{language}-{digest(source / decides)}", copy_and_make)


def _node() -> tuple[Sequence[str], str, Path]:
    def make(fresh: Path) -> None:
        architecture = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
        packages = [] if _has_node() else [f"node-linux-{architecture}@{_NODE}"]
        run(["npm", "install", "--silent", "--no-audit", "--no-fund", *packages], "aws-lambda-ric", cwd=fresh)

    folder = _once("node", make, "package.json")
    shutil.copy2(HANDLERS / "node" / "conformance.mjs", folder)
    own = next(folder.glob("node_modules/node-linux-*/bin/node"), None)
    return (
        [str(own or "node"), str(folder / "node_modules/aws-lambda-ric/index.mjs"), "{handler}"],
        "conformance.handler",
        folder,
    )


def _has_node() -> bool:
    try:
        found = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return False
    return int(found.lstrip("v").partition(".")[0]) >= _NODE


def _go() -> tuple[Sequence[str], str, Path]:
    def make(fresh: Path) -> None:
        environment = {**os.environ, "CGO_ENABLED": "0"}
        run(
            ["go", "build", "-tags", "lambda.norpc", "-o", "bootstrap", "."],
            "aws-lambda-go",
            cwd=fresh,
            env=environment,
        )

    return ["./bootstrap"], "conformance.handler", _once("go", make)


def _rust() -> tuple[Sequence[str], str, Path]:
    def make(fresh: Path) -> None:
        target = build_directory(DEFAULT_BUILD) / "cargo" / "conformance"
        environment = {**os.environ, "CARGO_TARGET_DIR": str(target)}
        run(["cargo", "build", "--release", "--quiet"], "lambda_runtime", cwd=fresh, env=environment)
        shutil.copy2(target / "release" / "conformance", fresh / "bootstrap")

    return ["./bootstrap"], "conformance.handler", _once("rust", make)


def _java() -> tuple[Sequence[str], str, Path]:
    def make(fresh: Path) -> None:
        goals = ["package", "dependency:copy-dependencies", "-DoutputDirectory=target/lib"]
        run(["mvn", "--quiet", "--batch-mode", *goals], "aws-lambda-java-runtime-interface-client", cwd=fresh)

    main = "com.amazonaws.services.lambda.runtime.api.client.AWSLambda"
    command = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", "target/classes:target/lib/*", main]
    return [*command, "{handler}"], "Conformance::handler", _once("java", make)


def _pinned(path: str, pattern: str) -> str:
    found = re.search(pattern, (HANDLERS / path).read_text(encoding="utf-8"))
    assert found is not None, f"{path} names no version"
    return found[1]


def _installed(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


OURS = Client("awslambdaric-lite", awslambdaric_lite.__version__, lambda: _python("awslambdaric_lite"))
OFFICIAL = Client("awslambdaric", _installed("awslambdaric"), lambda: _python("awslambdaric"))
OTHERS = (
    Client("aws-lambda-ric (Node.js)", _pinned("node/package.json", r'"aws-lambda-ric": "(.+?)"'), _node),
    Client("aws-lambda-go", _pinned("go/go.mod", r"aws-lambda-go v(\S+)"), _go),
    Client("lambda_runtime (Rust)", _pinned("rust/Cargo.toml", r'lambda_runtime = \{ version = "=(.+?)"'), _rust),
    Client("Java client", _pinned("java/pom.xml", r"interface-client</artifactId>\s+<version>(.+?)<"), _java),
)
CLIENTS = (OURS, OFFICIAL, *OTHERS)
