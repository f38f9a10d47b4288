"""Tests of the local Lambda."""
