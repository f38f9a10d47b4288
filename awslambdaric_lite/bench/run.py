"""One run: one process from its start to its exit, and its figures."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from ..emulator.config.function import LATEST, FunctionConfig
from ..emulator.environments.filesystem import Filesystem
from ..emulator.environments.variables import process_environment
from .client_process import ClientProcess
from .confidence import percentile
from .contenders import Contender
from .errors import ClientFailed, InitFailed
from .posted_results import PostedResult
from .runtime_api import MeasuredInvocation, MeasuringApi

_LOG_STREAM = "2024/01/01/[$LATEST]0123456789abcdef0123456789abcdef"  # the same for all: handlers may return it


@dataclass(frozen=True)
class Run:
    """The figures of a run by the names of `MEASURES` (seconds, bytes), and the results in order.

    `server_cpu_s` is the measuring program's CPU time for an invocation, in seconds; `output` is the end of the
    process's output if a result is an error.
    """

    figures: dict[str, float]
    results: list[PostedResult]
    server_cpu_s: float
    output: str = ""


class Runner:
    """Starter of a function's runs; `folder` receives the files that they write."""

    def __init__(self, function: FunctionConfig, folder: Path, limit_s: float) -> None:
        self.function = function
        self._limit_s = limit_s
        self._output = folder / "output.txt"
        self._tmp = folder / "tmp"

    def environment(self, runtime_api: str = "127.0.0.1:9001") -> dict[str, str]:
        """Return the variables of a process: those that Lambda sets, and the function's."""
        return process_environment(
            self.function,
            version=LATEST,
            initialization_type="on-demand",
            runtime_api=runtime_api,
            filesystem=Filesystem(self.function.task_root, self._tmp),
            log_stream=_LOG_STREAM,
        )

    def output_lines(self, part: str) -> list[str]:
        """Return the lines of the last run's output that have a part."""
        lines = self._output.read_text("utf-8", "backslashreplace").splitlines()
        return [line for line in lines if part in line]

    def run(self, contender: Contender, events: Sequence[bytes], warm: int, number: int = 0) -> Run:
        """Start the runtime and send it `1 + warm` events, in rotation.

        `number` is part of the request ids, which are the same for every contender.

        Raises:
            InitFailed: the runtime reports that its init failed.
            ClientFailed: the process does not behave as a runtime; `output` is the end of what it printed.
        """
        shutil.rmtree(self._tmp, ignore_errors=True)
        self._tmp.mkdir(parents=True)
        process: ClientProcess | None = None
        with MeasuringApi(lambda: process is not None and process.exited(), self._limit_s) as api:
            try:
                process = ClientProcess(
                    contender.command,
                    env={**self.environment(api.address), **contender.variables},
                    cwd=self.function.task_root,
                    output=self._output,
                )
            except OSError as error:
                raise ClientFailed(f"cannot be started: {error.strerror or error}") from None
            with process:
                try:
                    return _measure(api, process, events, warm, number)
                except ClientFailed as failure:
                    raise _explained(failure, process) from None


def _measure(api: MeasuringApi, process: ClientProcess, events: Sequence[bytes], warm: int, number: int) -> Run:
    try:
        init_s = api.await_poll() - process.spawned_at
        # The process is idle while it waits for its event, so reading its figures costs no measured time.
        cpu_at_poll, memory_at_poll = process.cpu_seconds(), process.peak_memory()
        invocations = [api.invoke(_request_id(number, 0), events[0])]
        cpu_after_first = process.cpu_seconds()
        for i in range(1, 1 + warm):
            invocations.append(api.invoke(_request_id(number, i), events[i % len(events)]))
        cpu_at_end, memory_peak = process.cpu_seconds(), process.peak_memory()
    except OSError as error:
        raise ClientFailed(f"cannot be measured: {error.strerror or error}") from None
    first, rest = invocations[0], invocations[1:]
    figures = {
        "spawn_to_next": init_s,
        "spawn_to_response": init_s + first.posted_at - first.sent_at,
        "first_event_to_response": first.posted_at - first.sent_at,
        "cpu_init": cpu_at_poll,
        "cpu_first": cpu_after_first - cpu_at_poll,
        "memory_at_next": float(memory_at_poll),
        "memory_peak": float(memory_peak),
    }
    if rest:
        figures |= _warm_figures(rest) | {"cpu_warm": (cpu_at_end - cpu_after_first) / len(rest)}
    results = [invocation.result for invocation in invocations]
    output = process.last_output() if any(result.failed for result in results) else ""
    return Run(figures, results, api.own_cpu_s / len(invocations), output)


def _warm_figures(invocations: Sequence[MeasuredInvocation]) -> dict[str, float]:
    responses = [invocation.posted_at - invocation.sent_at for invocation in invocations]
    polls = [invocation.polled_at - invocation.sent_at for invocation in invocations]
    return {
        "event_to_response_p50": median(responses),
        "event_to_response_p90": percentile(responses, 0.90),
        "event_to_response_p99": percentile(responses, 0.99),
        "event_to_next_p50": median(polls),
    }


def _request_id(number: int, index: int) -> str:
    return f"{number:08x}-0000-4000-a000-{index:012x}"


def _explained(failure: ClientFailed, process: ClientProcess) -> ClientFailed:
    """Return the failure with the output of the process and, if it has exited, its exit code."""
    exited = process.exited()
    code = process.kill()
    text = str(failure)
    if exited and not isinstance(failure, InitFailed):
        text += f" ({f'exit code {code}' if code >= 0 else f'signal {-code}'})"
    return type(failure)(text, process.last_output())
