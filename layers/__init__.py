"""Lambda layers: built from a checkout by `python layers/build.py`; nothing here runs inside Lambda.

`layer` is what every layer is and how it is written, `runtime_files` and `vendored` are what goes into each of them,
`wrapper` and `provided` make the two kinds.
"""
