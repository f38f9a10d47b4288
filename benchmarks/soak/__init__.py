"""Soak runs: many invocations in one process, whose memory, descriptors and CPU time must not grow."""

from .command import main

__all__ = ["main"]
