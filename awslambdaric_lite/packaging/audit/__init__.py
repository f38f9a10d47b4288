"""The audit of a package, behind `awslambdaric-lite doctor`: one module for each kind of check.

`run` puts the checks together; each of them takes what is being audited, a `Subject`, and yields findings.
"""
