"""The functions of the suite: the handlers of every contender, and real applications with their packages.

An application is a task root as on AWS: pip installs the packages into the folder of the handler.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .build_cache import HERE, BuildCache, digest

SOURCES = HERE / "contenders"
RESET = 315532800  # 1980-01-01, which zip files and build tools write instead of a date


@dataclass(frozen=True)
class Application:
    """A built task root; its module is called `app`."""

    root: Path
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """The source folder of an application in `contenders`, its packages, and the state of its bytecode."""

    source: str
    requirements: tuple[str, ...] = ()
    bytecode: str = "good"
    """`good`, `stale` (with the dates that a packager leaves) or `missing`."""
    environment: Mapping[str, str] = field(default_factory=dict)


_OPENTELEMETRY = (
    "boto3",
    "opentelemetry-distro",
    "opentelemetry-instrumentation-aws-lambda",
    "opentelemetry-instrumentation-botocore",
)
# Spans are made and not exported. The handler is also that of the layer that OpenTelemetry publishes for Lambda.
_NO_EXPORT = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")} | {
    "ORIG_HANDLER": "function.items"
}

RECIPES = {
    "app": Recipe("app"),
    "produce": Recipe("produce_app"),
    "modules": Recipe("modules_app"),
    "streaming": Recipe("streaming_app"),
    "boto3": Recipe("boto3_app", ("boto3",)),
    "boto3_stale": Recipe("boto3_app", ("boto3",), "stale"),
    "boto3_missing": Recipe("boto3_app", ("boto3",), "missing"),
    "powertools": Recipe("powertools_app", ("aws-lambda-powertools",)),
    "fastapi": Recipe("fastapi_app", ("fastapi", "mangum")),
    "boto3_client": Recipe("boto3_client_app", ("boto3",)),
    "pandas": Recipe("pandas_app", ("pandas",)),
    "django": Recipe("django_app", ("django", "apig-wsgi")),
    "opentelemetry": Recipe("opentelemetry_app", _OPENTELEMETRY, environment=_NO_EXPORT),
}


def built(cache: BuildCache, name: str) -> Application:
    """Return an application, built the first time.

    Raises:
        Unavailable: its packages cannot be installed; the message says why.
    """
    recipe = RECIPES[name]
    source = SOURCES / recipe.source
    if not recipe.requirements:
        return Application(cache.stage(recipe.source, (source, ".")))

    def make(fresh: Path) -> None:
        shutil.copytree(source, fresh, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        cache.install(fresh, *recipe.requirements)
        cache.compile(*fresh.glob("*.py"))
        for path in list(fresh.rglob("*")):
            if recipe.bytecode == "missing" and path.name == "__pycache__":
                shutil.rmtree(path)
            elif recipe.bytecode == "stale" and path.is_file():
                os.utime(path, (RESET, RESET))

    root = cache.once(f"{cache.python.tag}/apps/{name}-{digest(source)}", make)
    # A task root is read-only on Lambda, so missing bytecode stays missing.
    return Application(root, {"PYTHONDONTWRITEBYTECODE": "1", **recipe.environment})
