"""Logs: the output of the function's processes and the platform's events."""
