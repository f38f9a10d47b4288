"""What a measured process notes: each line, branch and return of the package, once, as the name of an empty file.

`interpreter.py` appends the text of this module to `encodings`, so it runs before anything else, and uses built-in
modules only. A note is made when it happens and needs no descriptor: nothing is lost when a process is killed.
"""

# mypy: ignore-errors


def measure(folder):
    """Make notes from now on; `folder` has a folder for each module."""
    import sys
    from posix import mknod

    monitoring = sys.monitoring
    events, disable, tool = monitoring.events, monitoring.DISABLE, monitoring.COVERAGE_ID
    package = "/awslambdaric_lite/"
    known = {}  # id: the code, which keeps its id, and the beginning of the names of its notes

    def note(kind, code, *where):
        try:
            mknod("|".join((known[id(code)][1], kind, *map(str, where))))
        except FileExistsError:
            return disable
        except OSError:
            return None  # e.g. in a mount namespace without the folder; the next time is tried again
        return disable

    def enter(code, offset):
        if package in code.co_filename:
            module = code.co_filename.rpartition(package)[2].replace("/", "%")
            text = sum(code.co_code), sum(code.co_linetable)
            words = code.co_qualname, code.co_firstlineno, *text
            known[id(code)] = code, f"{folder}/{module}/{'|'.join(map(str, words))}"
            local = events.LINE | events.BRANCH_LEFT | events.BRANCH_RIGHT | events.PY_RETURN
            monitoring.set_local_events(tool, code, local)
        return disable

    monitoring.use_tool_id(tool, "tests.coverage")
    monitoring.register_callback(tool, events.PY_START, enter)
    monitoring.register_callback(tool, events.LINE, lambda code, line: note("line", code, line))
    monitoring.register_callback(tool, events.PY_RETURN, lambda code, offset, _: note("return", code, offset))
    for branch in (events.BRANCH_LEFT, events.BRANCH_RIGHT):
        monitoring.register_callback(tool, branch, lambda code, offset, to: note("branch", code, offset, to))
    monitoring.set_events(tool, events.PY_START)
