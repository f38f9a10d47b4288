"""Builds and runs the load generator, which starts one client process for each run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..build_cache import Unavailable, digest, run
from ..groups import Limit

SOURCE = Path(__file__).with_name("loadgen.c")
WITH_OPT = Path(__file__).with_name("with_opt.sh")

Placement = str
"""`apart`: server and client on two CPUs; `together`: on the same one; `free`: as the scheduler decides."""
PLACEMENTS = ("apart", "together", "free")

CHUNKED_ABOVE = 2048
"""Bytes of the largest event that is sent with a Content-Length (as in loadgen.c)."""


class RunFailed(Exception):
    """A client that does not behave as a runtime client; the message says how, and shows its output."""


@dataclass(frozen=True)
class Run:
    """The figures of the load generator, and the first and the last response."""

    figures: dict[str, Any]
    first: bytes
    last: bytes


def compile_c(source: Path, target: Path) -> Path:
    """Compile one C file, unless the result exists.

    Raises:
        Unavailable: no compiler is installed, or it fails.
    """
    target = target.with_name(f"{target.name}-{digest(source)}")
    if not target.exists():
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if not compiler:
            raise Unavailable(f"{source.name}: no C compiler (cc, gcc or clang) on PATH")
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f"{target.name}.{os.getpid()}.tmp")
        run([compiler, "-O2", "-Wall", "-Wextra", "-o", fresh, source], source.name)
        fresh.rename(target)
    return target


def placement_options(placement: Placement) -> list[str]:
    """Return the load generator's options for a placement; with one CPU every placement is `together`."""
    cpus = sorted(os.sched_getaffinity(0))
    if placement == "free":
        return []
    client = cpus[1] if placement == "apart" and len(cpus) > 1 else cpus[0]
    return ["--cpu", str(cpus[0]), "--client-cpu", str(client)]


def namespace_command(opt: Path | None) -> list[str | Path]:
    """Return a prefix that runs a command in a mount namespace, with the content of a folder in `/opt`.

    The load generator itself runs there, so that `/opt` is complete when it starts the client.

    Raises:
        Unavailable: unshare(1) is missing.
    """
    unshare = shutil.which("unshare")
    if not unshare:
        raise Unavailable("unshare (util-linux) is not on PATH")
    own = [] if os.geteuid() == 0 else ["--map-root-user"]
    return [unshare, *own, "--mount", "--propagation", "private", "/bin/sh", WITH_OPT, str(opt or "")]


def require_namespace() -> None:
    """Check that this user can make a mount namespace.

    Raises:
        Unavailable: the kernel refuses it; the message has the reason.
    """
    try:
        subprocess.run([*namespace_command(None), "/bin/true"], check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip().splitlines() or [f"exit status {error.returncode}"])[-1]
        raise Unavailable(f"layers are mounted in /opt, which is not permitted here: {reason}") from error


@dataclass(frozen=True)
class LoadGenerator:
    """The compiled load generator."""

    binary: Path
    scratch: Path
    placement: Placement = "apart"

    @classmethod
    def built(cls, build: Path, placement: Placement = "apart") -> LoadGenerator:
        """Compile the load generator into `build`, unless it exists."""
        scratch = build / f"run-{os.getpid()}"
        scratch.mkdir(parents=True, exist_ok=True)
        return cls(compile_c(SOURCE, build / "loadgen"), scratch, placement)

    def run(
        self,
        command: Sequence[str | os.PathLike[str]],
        environment: Mapping[str, str],
        *,
        event: Path,
        cwd: Path,
        warmup: int = 0,
        count: int = 0,
        rest: bool = False,
        timeout: int = 60,
        limit: Limit | None = None,
        opt: Path | None = None,
        namespace: bool = False,
        init_only: bool = False,
        gentle: bool = False,
    ) -> Run:
        """Start `command`, send it `1 + warmup + count` events, and terminate it.

        With a `limit` the client runs in that control group, which limits it from its first poll on. With `opt` or
        `namespace` it runs in a mount namespace, with `init_only` it gets no event, with `gentle` SIGTERM ends it.

        Raises:
            RunFailed: the client exited, hung or sent something that is not a response.
        """
        record, output = self.scratch / "answer", self.scratch / "output.txt"
        options = {"--event": event, "--cwd": cwd, "--output": output, "--record": record, "--warmup": warmup}
        options |= {"--count": count, "--rest": int(rest), "--timeout": timeout}
        options |= {"--init": int(init_only), "--gentle": int(gentle)}
        if limit:
            options |= {"--group": limit.group, "--limit": limit.file, "--limit-to": limit.text}
        arguments = [str(part) for option in options.items() for part in option] + placement_options(self.placement)
        before = namespace_command(opt) if opt or namespace else []
        process = subprocess.Popen(
            [*before, self.binary, *arguments, "--", *command],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            printed, _ = process.communicate(timeout=timeout + 10)
        except BaseException:  # also after Ctrl-C: the load generator terminates its client on SIGTERM
            process.terminate()
            process.wait()
            raise
        try:
            figures: dict[str, Any] = json.loads(printed)
        except ValueError:
            figures = {"error": f"the load generator exited with {process.returncode}: {printed[:200]}"}
        if figures["error"]:
            # The last line only: the reason goes into the results, and a traceback names files of this machine.
            lines = output.read_text(errors="replace").strip().splitlines() if output.exists() else []
            raise RunFailed(figures["error"] + (f"; last output: {lines[-1][:300]}" if lines else ""))
        if init_only:
            return Run(figures, b"", b"")
        first = Path(f"{record}.first").read_bytes()
        last = Path(f"{record}.last").read_bytes() if figures["answers"] > 1 else first
        return Run(figures, first, last)
