"""Lambda layers: built from a checkout by `python layers/build.py`; nothing here runs inside Lambda.

`layer` is what every layer is and how it is written, `vendored` is what of other people goes into each of them,
`wrapper` and `provided` make the two kinds.
"""
