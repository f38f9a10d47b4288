"""Tests of bytecode whose source has another date."""
