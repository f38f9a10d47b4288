"""The codec alone: the time for parsing an event and encoding a result, without any transport."""

from __future__ import annotations

import os
import statistics
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from .build_cache import HERE
from .contenders import BASELINE, Contender
from .contenders.python import OFFICIAL, stage_lite
from .job import ENVIRONMENT, Bench, Samples, run_script
from .loadgen import RunFailed

EVENTS = ("tiny", "apigw", "5mb_plain", "5mb_structured")

_SCRIPT = HERE / "contenders" / "codec" / "measure.py"


@dataclass(frozen=True)
class Codec:
    """A job: one process that parses and encodes an event repeatedly."""

    event: str
    seconds: float = 0.2
    """Seconds for each of the two."""
    contenders: tuple[str, ...] = ("lite+stdlib", "lite+orjson", BASELINE)
    every: int = 4
    rehearsed: bool = False
    disturbing: bool = False
    runs_per_round: int = 1
    suite: str = "codec"

    @property
    def name(self) -> str:
        """Return the name of the job in the list of skipped ones."""
        return f"codec_{self.event}"

    @property
    def measures(self) -> Collection[str]:
        """Return the names of the measures, which are in seconds a call."""
        return [f"codec_loads_{self.event}", f"codec_dumps_{self.event}"]

    def prepare(self, bench: Bench) -> None:
        """Build both clients.

        Raises:
            Unavailable: a package cannot be installed.
        """
        bench.cache.require("orjson", OFFICIAL)
        stage_lite(bench.cache)

    def suits(self, contender: Contender) -> bool:
        """Return whether the contender is one of the two clients that have a codec."""
        return contender.base in ("lite", BASELINE)

    def run(self, bench: Bench, contender: Contender) -> Samples:
        """Start the process once; the sample is the median of its batches.

        Raises:
            RunFailed: the process failed, or encoded another value than it had parsed.
        """
        path, _ = bench.event(self.event)
        cache = bench.cache
        environment = {
            **ENVIRONMENT,
            "PYTHONPATH": os.pathsep.join(map(str, (stage_lite(cache), cache.site()))),
            **contender.environment,
        }
        codec = contender.environment.get("AWSLAMBDARIC_LITE_CODEC", "auto")
        arguments = [contender.base, codec, str(path), str(self.seconds)]
        command: list[str | Path] = [cache.python.executable, "-S", _SCRIPT, *arguments]
        found = run_script(command, environment, self.name)
        if not found["again"]:
            raise RunFailed(f"{contender.name} encoded {self.event} wrongly")
        return {f"codec_{what}_{self.event}": [statistics.median(found[what])] for what in ("loads", "dumps")}
