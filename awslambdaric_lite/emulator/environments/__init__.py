"""Execution environments: processes, files, life cycle, and the pool that assigns invocations."""
