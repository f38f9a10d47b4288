"""A function that reports its surroundings."""

from __future__ import annotations

import builtins
import json
import os
import sys
from pathlib import Path
from typing import Any

FAMILIAR = ("/opt/", "/var/task/")


def look_around(event: Any, context: Any) -> dict[str, object]:
    """Return facts about the interpreter."""
    maps = Path("/proc/self/maps").read_text(encoding="utf-8")
    files = {getattr(module, "__file__", None) or "" for module in list(sys.modules.values())}
    return {
        "path": sys.path,
        "prefix": [sys.prefix, sys.exec_prefix, sys.base_prefix],
        "executable": sys.executable,
        "argv": sys.argv,
        "version": list(sys.version_info[:3]),
        "user": [os.getuid(), os.getgid()],
        "folder": os.getcwd(),
        "writable": [place for place in ("/opt", "/var/task", "/tmp") if os.access(place, os.W_OK)],
        "no_site": sys.flags.no_site,
        "elsewhere": sorted(file for file in files if file and not file.startswith(FAMILIAR)),
        "libpython": sorted({line.split()[-1] for line in maps.splitlines() if "libpython" in line}),
        "names": [name for name in ("exit", "help", "quit") if hasattr(builtins, name)],
        "variables": sorted(name for name in os.environ if name in ("LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME")),
    }


def use_the_library(event: Any, context: Any) -> dict[str, object]:
    """Use the extension modules that are often missing or broken, and start programs."""
    import asyncio
    import bz2
    import concurrent.futures
    import ctypes
    import decimal
    import email.message
    import hashlib
    import importlib.metadata
    import logging.config
    import lzma
    import sqlite3
    import ssl
    import subprocess
    import sysconfig
    import unittest.mock
    import urllib.request
    import uuid
    import xml.etree.ElementTree
    import zlib
    import zoneinfo

    async def answer() -> int:
        await asyncio.sleep(0)
        return 42

    def run(*command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    code = "import json, sys; print(json.dumps([sys.prefix, json.__file__]))"
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        threaded = pool.submit(lambda: 42).result()
    return {
        "asyncio": asyncio.run(answer()),
        "child": json.loads(run(sys.executable, "-c", code)),
        "compressed": [len(module.compress(b"x" * 1000)) < 100 for module in (bz2, lzma, zlib)],
        "ctypes": ctypes.CDLL(None).getpid() == os.getpid(),
        "decimal": [str(decimal.Decimal("1.10") + 1), decimal.__file__.endswith("decimal.pyc")],
        "hash": hashlib.sha256(b"").hexdigest()[:8],
        "metadata": sorted(found.metadata["Name"] for found in importlib.metadata.distributions()),
        "mock": unittest.mock.Mock(return_value=42)(),
        "python3": json.loads(run("/opt/bin/python3", "-c", code)),
        "sqlite": sqlite3.connect(":memory:").execute("select 40 + 2").fetchone()[0],
        "threads": threaded,
        "tls": ssl.create_default_context().verify_mode == ssl.CERT_REQUIRED,
        "triplet": sysconfig.get_platform(),
        "url": urllib.request.Request("https://example.com").host,
        "uuid": len(str(uuid.uuid4())),
        "xml": xml.etree.ElementTree.fromstring("<a>42</a>").text,
        "zone": [
            zoneinfo.TZPATH[0],
            email.message.Message().is_multipart(),
            logging.config.DEFAULT_LOGGING_CONFIG_PORT,
        ],
    }


def fail_in_the_library(event: Any, context: Any) -> object:
    """Fail in modules without source."""
    print("about to fail")
    return json.loads("{")


def look_for_orjson(event: Any, context: Any) -> dict[str, object]:
    """Return whether orjson is loaded, and whether it can be imported."""
    try:
        import orjson
    except ModuleNotFoundError:
        found = None
    else:
        found = orjson.__file__
    return {"importable": found, "private": "awslambdaric_lite._vendor.orjson" in sys.modules}


def use_our_names(event: Any, context: Any) -> list[str]:
    """Import the runtime's public names."""
    from awslambdaric_lite import StreamingResponse, on_shutdown

    return [StreamingResponse.__name__, on_shutdown.__name__]


def show_variable(event: Any, context: Any) -> list[object]:
    """Return a variable that a wrapper has set, and the runtime's command line."""
    return [os.environ.get("SET_BY_WRAPPER"), sys.argv[0], sys.flags.no_site]


def show_path_file(event: Any, context: Any) -> bool:
    """Return whether a layer's `.pth` file was read."""
    return "/opt/python/more" in sys.path


async def answer_later(event: Any, context: Any) -> str:
    """A coroutine, for the loop."""
    import asyncio

    await asyncio.sleep(0)
    return "later"


def work_in_a_child(event: Any, context: Any) -> list[object]:
    """Start a fresh process, which imports this one's main script."""
    import multiprocessing

    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    child = spawning.Process(target=_answer_through, args=(theirs,))
    child.start()
    theirs.close()
    answer = ours.recv()
    child.join()
    return [answer, child.exitcode]


def _answer_through(pipe: Any) -> None:
    pipe.send("awslambdaric_lite._runtime" in sys.modules)
