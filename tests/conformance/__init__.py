"""The conformance cases, run with runtime clients of several languages."""
