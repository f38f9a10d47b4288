"""An import tree as a picture: one box for each module, as wide as its share of the time, below its importer.

Plain SVG with its own style, for light and dark pages. A browser shows it alone or in an HTML page. A click on a box
makes it as wide as the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from .import_tree import Imported

_WIDTH = 1200  # units of the picture's own coordinates
_ROW = 18
_TITLE = 44  # for title and hint, above the boxes
_LETTER = 6.6  # approximate width of one
_NARROWEST = 0.02  # narrower boxes are not drawn: some hundredths of a pixel
_HUES = 6

_STYLE = """
.flame { --page: #ffffff; --text: #1f2328; --quiet: #59636e; --line: #ffffff; --letters: #1f2328;
  --hue0: #ffd8a8; --hue1: #ffc9c9; --hue2: #ffec99; --hue3: #fcc2d7; --hue4: #ffd43b; --hue5: #ffb3a0;
  background: var(--page); font: 12px ui-sans-serif, system-ui, sans-serif; max-width: 100%; height: auto; }
@media (prefers-color-scheme: dark) {
  .flame { --page: #0d1117; --text: #e6edf3; --quiet: #9198a1; --line: #0d1117; --letters: #f6f0e8;
    --hue0: #8a4b14; --hue1: #8c2f2f; --hue2: #7a5c00; --hue3: #86325a; --hue4: #6b5b16; --hue5: #8f3d26; } }
.flame .title { fill: var(--text); font-size: 15px; font-weight: 600; }
.flame .hint { fill: var(--quiet); }
.flame .box { cursor: pointer; }
.flame .box rect { stroke: var(--line); stroke-width: 0.7; }
.flame .box text { fill: var(--letters); pointer-events: none; }
.flame .box:hover rect, .flame .box:focus rect { opacity: 0.75; }
.flame .above { opacity: 0.55; }
"""

_PAGE_STYLE = """
body { margin: 1rem; background: #ffffff; }
@media (prefers-color-scheme: dark) { body { background: #0d1117; } }
"""

# Boxes carry their place as numbers; zooming is a change of scale. Without scripts the picture stands as it is.
_SCRIPT = """
(function () {
  const picture = document.currentScript.closest("svg");
  const boxes = Array.from(picture.querySelectorAll(".box"));
  const width = %(width)d, letter = %(letter)s;
  function show(chosen) {
    const left = +chosen.dataset.x, scale = width / chosen.dataset.w, row = +chosen.dataset.row;
    for (const box of boxes) {
      const x = (box.dataset.x - left) * scale, w = box.dataset.w * scale;
      const above = +box.dataset.row < row;
      const from = Math.max(0, x), to = Math.min(width, x + w);
      const visible = to - from > 0.3 && (x > -0.01 || above) && (x + w < width + 0.01 || above);
      box.style.display = visible ? "" : "none";
      box.classList.toggle("above", above);
      if (!visible) continue;
      const rect = box.querySelector("rect"), text = box.querySelector("text");
      rect.setAttribute("x", from); rect.setAttribute("width", to - from);
      text.setAttribute("x", from + 4);
      const room = Math.floor((to - from - 6) / letter), name = box.dataset.label;
      text.textContent = room >= name.length ? name : room >= 4 ? name.slice(0, room - 1) + "\\u2026" : "";
    }
  }
  for (const box of boxes) {
    box.addEventListener("click", () => show(box));
    box.addEventListener("keydown", (event) => { if (event.key === "Enter") show(box); });
  }
})();
"""


class _Box(NamedTuple):
    module: Imported
    left: float
    width: float
    row: int


def flame_svg(root: Imported, *, title: str) -> str:
    """Draw a tree as an SVG document without references to other files."""
    boxes = list(_boxes(root))
    height = _TITLE + (max(box.row for box in boxes) + 1) * _ROW + 6
    total = max(root.total_us, 1)
    script = _SCRIPT % {"width": _WIDTH, "letter": _LETTER}
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="flame" role="img" aria-label={quoteattr(_plain(title))} '
            f'width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}">',
            f"<style>{_STYLE}</style>",
            f'<text class="title" x="4" y="18">{escape(_plain(title))}</text>',
            f'<text class="hint" x="4" y="36">{milliseconds(root.total_us)} in all. Each box is a module, below the '
            "one that imported it first; click to enlarge, on the top box to go back.</text>",
            *(_drawn(box, total) for box in boxes),
            f"<script>//<![CDATA[{script}//]]></script>",
            "</svg>",
            "",
        ]
    )


def flame_html(root: Imported, *, title: str) -> str:
    """Draw a tree as an HTML page."""
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(_plain(title))}</title>\n<style>{_PAGE_STYLE}</style>\n"
        f"{flame_svg(root, title=title)}</html>\n"
    )


def milliseconds(microseconds: int) -> str:
    """Return a time for people: `1,234.5 ms`, `0.04 ms`."""
    value = microseconds / 1000
    return f"{value:,.1f} ms" if value >= 1 else f"{value:.2f} ms"


def _boxes(root: Imported) -> Iterator[_Box]:
    """Place the modules: children side by side below their parent, in order, its own time to the right of them."""
    scale = _WIDTH / max(root.total_us, 1)
    waiting = [_Box(root, 0.0, float(_WIDTH), 0)]
    while waiting:
        box = waiting.pop()
        yield box
        left = box.left
        below = []
        for child in box.module.children:
            # The clock is read more than once: children may add up to some microseconds more than their parent.
            width = min(child.total_us * scale, box.left + box.width - left)
            if width >= _NARROWEST:
                below.append(_Box(child, left, width, box.row + 1))
                left += width
        waiting += reversed(below)


def _drawn(box: _Box, total_us: int) -> str:
    module = box.module
    name = _plain(module.name)
    share = 100 * module.total_us / total_us
    told = f"{name}: {milliseconds(module.total_us)} ({share:.1f} %), itself {milliseconds(module.self_us)}"
    place = f'x="{box.left:.3f}" y="{_TITLE + box.row * _ROW}" width="{box.width:.3f}" height="{_ROW - 1}"'
    room = int((box.width - 6) / _LETTER)
    label = name if len(name) <= room else f"{name[: room - 1]}…" if room >= 4 else ""
    # One colour for each top-level package, the same in every picture.
    hue = sum(name.partition(".")[0].encode()) % _HUES
    return (
        f'<g class="box" tabindex="0" data-x="{box.left:.3f}" data-w="{box.width:.3f}" data-row="{box.row}" '
        f"data-label={quoteattr(name)}><title>{escape(told)}</title>"
        f'<rect {place} fill="var(--hue{hue})" rx="1"/>'
        f'<text x="{box.left + 4:.3f}" y="{_TITLE + box.row * _ROW + 13}">{escape(label)}</text></g>'
    )


def _plain(text: str) -> str:
    """Replace characters that XML cannot contain."""
    return "".join(
        letter if letter.isprintable() else "�" for letter in text.encode("utf-8", "replace").decode("utf-8", "replace")
    )
