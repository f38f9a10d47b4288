"""`python -m benchmarks aws` without an account."""
