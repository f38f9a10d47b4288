"""Faults of the Runtime API and of the process, each at a moment in the loop, run with two clients for Python."""
