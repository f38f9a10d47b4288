"""The audit of a package, behind `awslambdaric-lite doctor`: one module for each kind of check.

`run` runs all checks; each of them takes a `Subject` and yields findings.
"""
