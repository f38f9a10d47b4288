"""Bytecode whose source has another date."""
