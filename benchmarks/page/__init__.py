"""One HTML page of a run: figures, charts and tables; it loads nothing from elsewhere and needs no script."""

from __future__ import annotations

from .picture import cold_start_picture
from .render import render_page

__all__ = ["cold_start_picture", "render_page"]
