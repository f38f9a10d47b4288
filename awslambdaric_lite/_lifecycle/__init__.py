"""Shutdown hooks, SnapStart, the stack dump before a timeout, stale bytecode, import hints."""
