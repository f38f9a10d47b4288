"""Execution environments: their processes, their files, their life cycle, and who gets which invocation."""
