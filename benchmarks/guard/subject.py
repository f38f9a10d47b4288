"""The subject of counts: this project's runtime on one interpreter, in the same surroundings on every machine."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from awslambdaric_lite.packaging.runtime import runtime_files

from ..build_cache import HERE, BuildCache, Unavailable, build_directory
from ..interpreter import Interpreter, prepare
from ..loadgen import SOURCE, LoadGenerator, Run, compile_c

APP = HERE / "guard" / "app"
PACKAGE = "awslambdaric_lite"

_PATH_PARTS, _PATH_LENGTH = 20, 180

# Without the caller's variables: each costs a few hundred instructions. A fixed seed fixes the order of sets.
_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "TZ": ":UTC",
    "PYTHONHASHSEED": "0",
    "AWS_REGION": "us-east-1",
    "AWS_LAMBDA_FUNCTION_NAME": "guard",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
}
_BUILD = """
import json, platform, sys, sysconfig
configured = sysconfig.get_config_var("CONFIG_ARGS") or ""
flags = [flag for flag in ("--enable-optimizations", "--with-lto", "--enable-shared") if flag in configured]
parts = [platform.python_implementation() + " " + platform.python_version(), platform.python_compiler()]
print(json.dumps(", ".join([*parts, " ".join(platform.libc_ver()), platform.machine(), *flags])))
"""


@dataclass(frozen=True)
class Subject:
    """The runtime with its bytecode, the functions, the interpreter, and the load generator."""

    cache: BuildCache
    loadgen: LoadGenerator
    package: Path
    app: Path
    event: Path

    @property
    def python(self) -> Interpreter:
        """Return the interpreter."""
        return self.cache.python

    @property
    def version(self) -> str:
        """Return the version of Python as budgets name it, e.g. `3.13`."""
        return ".".join(self.python.version.split(".")[:2])

    def build(self) -> str:
        """Describe the build of the interpreter and its C library, on which instruction counts depend."""
        answer = subprocess.run(
            [self.python.executable, "-I", "-c", _BUILD], check=True, capture_output=True, text=True
        ).stdout
        return str(json.loads(answer))

    def run(
        self,
        handler: str,
        invocations: int,
        *,
        counted: int = 0,
        prefix: Sequence[str | Path] = (),
        variables: Mapping[str, str] | None = None,
    ) -> Run:
        """Start the runtime as `bootstrap` does, with the command `prefix`, and invoke it.

        `counted` more invocations are timed.

        Raises:
            RunFailed: the runtime failed or responded wrongly.
        """
        environment = {
            **_ENVIRONMENT,
            "LAMBDA_TASK_ROOT": str(self.app),
            "_HANDLER": f"app.{handler}",
            **(variables or {}),
        }
        command = [*prefix, self.python.executable, "-S", self.package / PACKAGE / "__main__.py"]
        return self.loadgen.run(
            command, environment, event=self.event, cwd=self.app, warmup=invocations - 1, count=counted, timeout=120
        )


def subject(python: Path, build: Path, package: Path | None = None) -> Subject:
    """Return the subject for a copy of an interpreter without site-packages.

    `package` is the folder `awslambdaric_lite`, by default the installed one.

    Raises:
        Unavailable: the runtime or a C compiler is missing.
        SystemExit: the interpreter cannot be run.
    """
    package = package or _installed()
    if not (package / "__main__.py").is_file():
        raise Unavailable(f"no runtime in {package}: __main__.py is missing")
    build = _pad_path_length(build)
    cache = BuildCache(build, prepare(python, build, bare=True))
    sources = [(path, f"{PACKAGE}/{path.relative_to(package)}") for path in runtime_files(package)]
    staged = cache.stage("guarded", *sources)
    app = cache.stage("guard-app", (APP, "."))
    scratch = Path(tempfile.mkdtemp(prefix="run-", dir=build))
    # On one CPU the client runs only while the server waits, so an event seldom arrives in two pieces.
    loadgen = LoadGenerator(compile_c(SOURCE, build / "loadgen"), scratch, "together")
    event = loadgen.scratch / "event.json"
    event.write_bytes(b'{"key":"value"}')
    return Subject(cache, loadgen, staged, app, event)


def _pad_path_length(build: Path) -> Path:
    """Return a folder below `build` whose path has the same number of parts and characters everywhere.

    A start handles that path thousands of times: with `python -m benchmarks guard`, forty more characters were 3 % more
    instructions up to the first poll, eight more parts 0.7 %.
    """
    parts = _PATH_PARTS - len(build.parts)
    last = _PATH_LENGTH - len(str(build)) - 2 * (parts - 1) - 1
    if parts < 1 or not 1 <= last <= 255:
        raise Unavailable(f"the path {build} is too long for comparable counts; name a shorter one with --build-dir")
    return build_directory(build.joinpath(*["g"] * (parts - 1), ("guard" * last)[:last]))


def _installed() -> Path:
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise Unavailable(f"{PACKAGE} is not installed; name its folder with --package")
    return Path(found.submodule_search_locations[0])
