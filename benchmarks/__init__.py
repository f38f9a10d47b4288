"""Benchmarks of this runtime against AWS's own clients: `python -m benchmarks run`. The runtime never imports them."""
