"""The imports of each client's start as flame graphs."""

from __future__ import annotations

from awslambdaric_lite.packaging.flame import flame_svg

from ..imports import from_json
from ..results import Results
from .look import in_order
from .markup import text


def flames_html(results: Results) -> str:
    """Return a section with the flame graph of each contender whose imports were measured, or "".

    Raises:
        SystemExit: the results have a malformed tree.
    """
    graphs = []
    for name in in_order(list(results.imports)):
        try:
            tree = from_json(results.imports[name])
        except ValueError as error:
            raise SystemExit(f"benchmarks: the imports of {name} in the results cannot be drawn: {error}") from error
        drawn = flame_svg(tree, title=f"{name}: {sum(1 for _ in tree.walk()) - 1} imports until the first poll")
        label = text(f"imports of {name}")
        graphs.append(f'<div class="scrolls wide" role="region" tabindex="0" aria-label="{label}">{drawn}</div>')
    if not graphs:
        return ""
    lead = (
        "Imports from the spawn to the first poll; the width of a box is its share of the time. Tracing makes "
        "imports slower than they are, so read it for the shares."
    )
    return f'<section aria-labelledby="imports"><h2 id="imports">Imports</h2><p>{lead}</p>{"".join(graphs)}</section>'
