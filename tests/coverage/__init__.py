"""Branch coverage of the package in every process that the tests start.

Runtimes start with `-S` and a scrubbed environment, are replaced by `exec`, fork, and are killed. So the measuring is
part of the interpreter: `interpreter.py` makes a copy of the running one whose standard library has `hook.py` at the
end of `encodings`, which every process imports first. The interpreter that the tests normally run on has nothing of it.
"""
