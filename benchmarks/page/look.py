"""The look of a contender in all charts: a colour for its family, a stroke for its configuration."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from ..contenders import BASELINE, MANAGED

FAMILIES = ("lite", BASELINE, "skeleton", "rust", "go", "c", "urllib3", "http.client")
OTHERS = 3  # colours of unknown families

# What a chart with many lines shows; the tables have the rest.
PRINCIPAL = (f"lite{MANAGED}", f"{BASELINE}{MANAGED}", "lite", BASELINE, "skeleton", "rust", "go", "c")


@dataclass(frozen=True)
class Look:
    """The style classes of a contender (see `chart.css`)."""

    family: str
    stroke: str

    @property
    def classes(self) -> str:
        """Return the value of a `class` attribute."""
        return f"family-{self.family} stroke-{self.stroke}"


def look_of(contender: str) -> Look:
    """Return the look of a contender, by its name alone, so that it is the same on every page."""
    base, _, configuration = contender.partition("@")
    base, _, codec = base.partition("+")
    family = next((name for name in FAMILIES if base == name or base.startswith(f"{name}-")), None)
    variant = base != family
    if family is None:
        # Not `hash`: that of strings differs from process to process.
        family, variant = f"other-{zlib.crc32(base.encode()) % OTHERS}", False
    stroke = "dashed" if configuration else "dotted" if codec else "long" if variant else "plain"
    return Look(family.replace(".", "-"), stroke)


def principal(contenders: list[str]) -> list[str]:
    """Return the contenders that a line chart shows: few enough to distinguish them."""
    chosen = [name for name in PRINCIPAL if name in contenders]
    return chosen + [name for name in contenders if name not in chosen][: len(PRINCIPAL) - len(chosen)]


def in_order(contenders: list[str]) -> list[str]:
    """Return contenders with the principal ones first, ours next to the official client in each configuration."""
    return sorted(contenders, key=lambda name: PRINCIPAL.index(name) if name in PRINCIPAL else len(PRINCIPAL))
