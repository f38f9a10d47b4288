"""Conformance of runtime clients in any language: cases, handlers, and what runs them.

The behaviours of a handler are written down in docs/conformance.md; `handlers` has one handler for each language.
"""
