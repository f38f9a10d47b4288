"""Lambda layers: built from a checkout by `python layers/build.py`; nothing here runs inside Lambda.

`layer` describes every layer, `writing` writes it, `vendored` adds orjson, `wrapper` and `provided` build the two
kinds.
"""
