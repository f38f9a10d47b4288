"""Tests of `awslambdaric-lite bench` and of what it measures with."""
