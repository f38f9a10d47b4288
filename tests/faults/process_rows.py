"""Faults of the process: what runs out, what user code does to its interpreter, and what it returns or raises."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

from awslambdaric_lite.conformance.server import React, Reaction
from tests.faults.api_rows import at
from tests.faults.row import Row, World

IN_INIT, IN_HANDLER = "in init", "in the handler"
_RAISE = "raise ValueError('x')"
_ODD = """
def no(*arguments, **named):
    raise SystemExit(3)
def refuse(*arguments, **named):
    raise RuntimeError("replaced")
"""

# What user code breaks. Each is done in init, in the handler before it returns, and in the handler before it raises.
BROKEN = {
    "no descriptor left": "import resource\n"
    "resource.setrlimit(resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))",
    "no thread can start": "import _thread, threading\n"
    "_thread.start_new_thread = _thread.start_joinable_thread = threading._start_new_thread = refuse\n"
    "threading._start_joinable_thread = refuse",
    "files cannot grow": "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))",
    "standard streams on a full disk": "import os\nfull = os.open('/dev/full', os.O_WRONLY)\n"
    "os.dup2(full, 1); os.dup2(full, 2)",
    "standard streams in a broken pipe": "import os\nends = os.pipe()\nos.dup2(ends[1], 1); os.dup2(ends[1], 2)\n"
    "os.close(ends[0]); os.close(ends[1])",
    "descriptors 0 to 2 closed": "import os\nos.close(0); os.close(1); os.close(2)",
    "standard streams closed": "import sys\nsys.stdin.close(); sys.stdout.close(); sys.stderr.close()",
    "standard streams None": "import sys\nsys.stdin = sys.stdout = sys.stderr = None",
    "standard streams without methods": "import sys\nsys.stdout = sys.stderr = object()",
    "clock at 0": "import time\ntime.time = time.monotonic = time.time_ns = lambda: 0",
    "clock backwards": "import time\nfor name in ('time', 'monotonic', 'time_ns'):\n"
    "    setattr(time, name, lambda now=getattr(time, name): now() - 10 ** 9)",
    "clock raises": "import time\ntime.time = time.monotonic = time.time_ns = time.sleep = refuse",
    "cleared sys.modules": "import sys\nsys.modules.clear()",
    "cleared sys.path and finders": "import sys\nsys.path.clear(); sys.meta_path.clear(); sys.path_hooks.clear()",
    "cleared os.environ": "import os\nos.environ.clear()",
    "os.environ None": "import os\nos.environ = None",
    "builtins.open raises": "import builtins\nbuiltins.open = refuse",
    "builtins.print and input raise": "import builtins\nbuiltins.print = builtins.input = refuse",
    "builtins.__import__ raises": "import builtins\nbuiltins.__import__ = refuse",
    "os.write and os.read raise": "import os, posix\nos.write = posix.write = os.read = posix.read = refuse",
    "socket raises": "import _socket, socket\n_socket.socket = socket.socket = socket.create_connection = refuse",
    "json raises": "import json, _json\njson.dumps = json.loads = json.dump = json.load = refuse\n"
    "json.JSONEncoder.encode = json.JSONDecoder.decode = refuse",
    "threading raises": "import threading\nthreading.Thread = threading.Lock = threading.current_thread = refuse",
    "logging raises": "import logging\n"
    "logging.Logger._log = logging.Handler.handle = logging.Formatter.format = refuse",
    "traceback and linecache raise": "import linecache, traceback\n"
    "linecache.getline = linecache.checkcache = traceback.walk_tb = traceback.extract_tb = refuse",
    "trace function": "import sys\nsys.settrace(lambda *arguments: None)",
    "trace function raises": "import sys\nsys.settrace(refuse)",
    "profile function raises": "import sys\nsys.setprofile(refuse)",
    "profile function": "import sys\nsys.setprofile(lambda *arguments: None)",
    "trace and profile functions for threads raise": "import threading\n"
    "threading.settrace(refuse); threading.setprofile(refuse)",
    "audit hook raises for connections": "import sys\ndef hook(name, arguments):\n"
    "    if name.startswith('socket'): raise RuntimeError('audited')\nsys.addaudithook(hook)",
    "excepthook and unraisablehook raise": "import sys\nsys.excepthook = sys.unraisablehook = refuse",
    "recursion limit of 60": "import inspect, sys\nsys.setrecursionlimit(len(inspect.stack()) + 60)",
    "traceback limit of another type": "import sys\nsys.tracebacklimit = 'x'",
    "collector frozen and disabled": "import gc\ngc.freeze(); gc.disable(); gc.set_threshold(1)",
    "collector callback raises": "import gc\ngc.callbacks.append(refuse); gc.set_threshold(1)",
    "faulthandler on a closed file": "import faulthandler, os\nfile = open('fault.txt', 'w')\n"
    "faulthandler.enable(file)\n"
    "os.close(file.fileno())",
    "locale C": "import locale\nlocale.setlocale(locale.LC_ALL, 'C')",
    "working directory removed": "import os\nos.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')",
    "umask 777": "import os\nos.umask(0o777)",
    "warnings are errors": "import warnings\nwarnings.simplefilter('error')",
    "switch interval of a nanosecond": "import sys\nsys.setswitchinterval(1e-9)",
    "every signal blocked": "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())",
    "timer every millisecond": "import signal\nsignal.signal(signal.SIGALRM, lambda *arguments: None)\n"
    "signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)",
    "default time-out of sockets": "import socket\nsocket.setdefaulttimeout(0.001)",
    "event loop closed": "import asyncio\nasyncio.set_event_loop(asyncio.new_event_loop())\n"
    "asyncio.get_event_loop().close()",
}

_WHILE_STREAMING = (
    "no descriptor left",
    "standard streams None",
    "clock raises",
    "cleared sys.modules",
    "cleared os.environ",
    "socket raises",
    "threading raises",
    "recursion limit of 60",
    "timer every millisecond",
    "default time-out of sockets",
)
_AUDITED = "audit hook raises for connections"
_WHY = {_AUDITED: "the hook keeps Python from making a socket; the official client makes it in C"}
_MONITORING = (
    "import sys\nsys.monitoring.use_tool_id(3, 'x')\n"
    "for event in (sys.monitoring.events.PY_START, sys.monitoring.events.LINE):\n"
    "    sys.monitoring.register_callback(3, event, lambda *arguments: None)\n"
    "sys.monitoring.set_events(3, sys.monitoring.events.PY_START | sys.monitoring.events.LINE)"
)


def _rows_of_broken() -> Iterator[Row]:
    for fault, code in BROKEN.items():
        yield Row(fault, IN_INIT, setup=_ODD + code, answers="xxxx", why=_WHY.get(fault, ""))
        in_conversion = fault in ("trace function raises", "profile function raises")  # of the result
        yield Row(fault, IN_HANDLER, setup=_ODD, body=code, answers="rxrr" if in_conversion else "rrrr")
        yield Row(fault, "in a handler that raises", setup=_ODD, body=f"{code}\n{_RAISE}", answers="rerr")
    yield Row("events of sys.monitoring", IN_HANDLER, body=_MONITORING, since=(3, 12))
    closes = at("response", 1, Reaction(close=True))
    for fault in ("no descriptor left", "no thread can start", "clock raises", "socket raises", "os.environ None"):
        yield Row(f"{fault}, connection closed", "after a reply", closes, setup=_ODD, body=BROKEN[fault])
    yield Row(
        f"{_AUDITED}, connection closed", "after a reply", closes, setup=_ODD, body=BROKEN[_AUDITED], why=_WHY[_AUDITED]
    )
    for fault in _WHILE_STREAMING:
        yield Row(fault, "while streaming", setup=_ODD, body=BROKEN[fault], streams=True)
    yield Row("every descriptor above 2 closed", IN_HANDLER, body="import os\nos.closerange(3, 99)")
    yield Row(
        "every descriptor above 2 is /dev/null",
        IN_HANDLER,
        body="import os\n"
        "null = os.open('/dev/null', os.O_RDWR)\nfor name in os.listdir('/proc/self/fd'):\n"
        "    if int(name) > 2 and int(name) != null: os.dup2(null, int(name))",
    )


# What the handler does to memory. It may keep 64 MB more than it has.
_MEMORY = (
    "import resource\nsize = int(open('/proc/self/statm').read().split()[0]) * 4096\n"
    "resource.setrlimit(resource.RLIMIT_AS, (size + (64 << 20), -1))\n"
)


def _rows_of_memory() -> Iterator[Row]:
    yield Row("memory limit", "before the handler allocates more", body=f"{_MEMORY}bytearray(1 << 30)", answers="rerr")
    yield Row(
        "memory limit", "while a result is serialized", body=f"{_MEMORY}return '\\0' * 25_000_000", answers="rerr"
    )
    yield Row(
        "memory limit",
        "with an exception that holds 50 MB",
        body=f"{_MEMORY}raise ValueError('x' * 50_000_000)",
        answers="rerr",
    )
    yield Row(
        "memory limit",
        "in a list that grows",
        body=f"{_MEMORY}all = []\nwhile True: all.append(all[:])",
        answers="rerr",
    )
    yield Row("MemoryError", "raised by the handler", body="raise MemoryError", answers="rerr")


_DEEP = "def deep():\n    return deep()\n"


def _rows_of_sizes() -> Iterator[Row]:
    error = "rerr"
    yield Row("deep recursion", IN_HANDLER, setup=_DEEP, body="deep()", answers=error)
    yield Row("deep recursion", "in init", setup=f"{_DEEP}deep()", answers="----", init=True)
    yield Row(
        "deep recursion",
        "in __str__ of an exception",
        answers=error,
        setup="class Odd(Exception):\n    def __str__(self): return str(self)\n",
        body="raise Odd",
    )
    yield Row(
        "result of 100,000 nested lists",
        "while it is serialized",
        answers=error,
        body="value = []\nfor _ in range(100_000): value = [value]\nreturn value",
    )
    yield Row(
        "result that contains itself",
        "while it is serialized",
        answers=error,
        body="value = []\nvalue.append(value)\nreturn value",
    )
    yield Row("exception with 10 MB of text", IN_HANDLER, answers=error, body="raise ValueError('x' * 10_000_000)")
    yield Row(
        "exception with 1 MB of text outside ASCII",
        IN_HANDLER,
        answers=error,
        body="raise ValueError('\\N{SNOWMAN}' * 350_000)",
    )
    yield Row("exception with a lone surrogate", IN_HANDLER, answers=error, body="raise ValueError('\\ud800')")
    yield Row(
        "exception with NUL, escapes and line ends",
        IN_HANDLER,
        answers=error,
        body="raise ValueError('\\0\\x1b[2J\\r\\nEND\\u2028')",
    )
    yield Row(
        "exception with 900 frames",
        IN_HANDLER,
        answers=error,
        setup="def down(n):\n    return down(n - 1) if n else 1 / 0\n",
        body="down(900)",
    )
    yield Row(
        "chain of 500 exceptions",
        IN_HANDLER,
        answers=error,
        body="error = ValueError('x')\nfor _ in range(500):\n    next = ValueError('y')\n    next.__cause__ = error\n"
        "    error = next\nraise error",
    )
    yield Row(
        "exception that is its own cause",
        IN_HANDLER,
        answers=error,
        body="error = ValueError('x')\nerror.__cause__ = error\nraise error",
    )
    yield Row("result of 7 MB", "while it is sent", body="return str(number) * 7_000_000")
    yield Row("integer of 5,000 digits", "while it is serialized", body="return 10 ** 5000", answers="rxrr")


HOSTILE = {
    "__str__ raises SystemExit": "__str__ = no",
    "__repr__ raises SystemExit": "__repr__ = no",
    "__str__ returns a number": "__str__ = lambda self: 7",
    "args raise": "args = property(no)",
    "__class__ raises": "__class__ = property(no)",
    "__class__ claims SystemExit": "__class__ = property(lambda self: SystemExit)",
    "__traceback__ raises": "__traceback__ = property(no)",
    "every attribute raises": "__getattribute__ = no",
    "__module__ is a number": "__module__ = 7",
    "__eq__ and __hash__ raise": "__eq__ = __hash__ = no",
}
RESULTS = {
    "dictionary whose items raise": "class Odd(dict):\n    items = keys = values = __iter__ = __len__ = no\n"
    "odd = lambda: Odd(a=1)",
    "list whose iterator raises": "class Odd(list):\n    __iter__ = __len__ = __getitem__ = no\nodd = lambda: Odd([1])",
    "string with a false length": "class Odd(str):\n    __len__ = lambda self: 99\nodd = lambda: Odd('1')",
    "bytes with a false length": "class Odd(bytes):\n    __len__ = lambda self: 99\nodd = lambda: Odd(b'1')",
    "integer whose text raises": "class Odd(int):\n    __repr__ = __str__ = __index__ = no\nodd = lambda: Odd(1)",
    "float whose text raises": "class Odd(float):\n    __repr__ = __str__ = no\nodd = lambda: Odd(1.5)",
    "object whose attributes raise": "class Odd:\n    __getattribute__ = no\nodd = Odd",
    "object whose class lies": "class Odd:\n    __class__ = property(lambda self: dict)\nodd = Odd",
    "object that is an iterator, which raises": "class Odd:\n    __iter__ = lambda self: self\n    __next__ = refuse\n"
    "odd = Odd",
    "object that can be read, which raises": "class Odd:\n    read = refuse\nodd = Odd",
    "object whose metaclass raises": "class Meta(type):\n    __getattribute__ = no\n"
    "class Odd(metaclass=Meta):\n    pass\nodd = lambda: object.__new__(Odd)",
    "destructor raises": "class Odd:\n    __del__ = refuse\nodd = lambda: [Odd() and 1]",
    "set": "odd = lambda: {1, 2}",
    "NaN": "odd = lambda: [1, float('nan')]",
    "lone surrogate": "odd = lambda: [1, '\\ud800']",
    "mixed keys": "odd = lambda: {1: 1, None: 2, 1.5: 3}",
    "tuple as key": "odd = lambda: {(1, 2): 3}",
}
RAISED = (
    "KeyboardInterrupt",
    "GeneratorExit",
    "StopIteration",
    "StopAsyncIteration",
    "BaseException",
    "RecursionError",
    "BrokenPipeError",
    "TimeoutError",
    "ConnectionResetError(104, 'x')",
    "BlockingIOError(11, 'x')",
)


def _rows_of_objects() -> Iterator[Row]:
    for fault, member in HOSTILE.items():
        yield Row(
            f"exception: {fault}",
            IN_HANDLER,
            answers="rerr",
            setup=f"{_ODD}class Odd(Exception):\n    {member}\n",
            body="raise Odd('text')",
        )
    for fault, code in RESULTS.items():
        yield Row(
            f"result: {fault}", "while it is serialized", setup=f"{_ODD}{code}\n", body="return odd()", answers="rxrr"
        )
    for name in RAISED:
        yield Row(f"{name.partition('(')[0]} is raised", IN_HANDLER, body=f"raise {name}", answers="rerr")


def _rows_of_forks() -> Iterator[Row]:
    fork = "import os\npid = os.fork()\n"
    wait = "if pid: os.waitpid(pid, 0)\n"
    yield Row("forked child returns", IN_HANDLER, body=f"{fork}{wait}return number if pid else 'child'")
    yield Row("forked child raises", IN_HANDLER, body=f"{fork}{wait}else: raise ValueError('child')")
    yield Row("forked child calls sys.exit", IN_HANDLER, body=f"{fork}{wait}else: raise SystemExit(0)")
    yield Row("forked child calls os._exit", IN_HANDLER, body=f"{fork}{wait}else: os._exit(0)")
    yield Row("forked child is killed", IN_HANDLER, body=f"{fork}{wait}else: os.kill(os.getpid(), 9)")
    yield Row("forked child goes on", IN_HANDLER, body=f"{fork}if not pid:\n    _sleep(60)\n    os._exit(0)")
    yield Row("forked child returns", "in init", setup=f"{fork}{wait}")
    yield Row("forked child returns", "while streaming", body=f"{fork}{wait}else: return", streams=True)
    yield Row(
        "child of multiprocessing",
        IN_HANDLER,
        body="import multiprocessing\n"
        "child = multiprocessing.get_context('fork').Process(target=int)\nchild.start(); child.join()",
    )
    yield Row("subprocess", IN_HANDLER, body="import subprocess, sys\nsubprocess.run(['true'], check=True)")


def _rows_of_threads() -> Iterator[Row]:
    start = "import threading\nthreading.Thread(target={}, args={}, daemon={}).start()"
    yield Row("thread goes on", IN_HANDLER, body=start.format("_sleep", "(60,)", True))
    yield Row("thread that is not a daemon goes on", IN_HANDLER, body=start.format("_sleep", "(60,)", False))
    raises = "import threading\nthread = threading.Thread(target=refuse)\nthread.start(); thread.join()"
    yield Row("thread raises", IN_HANDLER, setup=_ODD, body=raises)
    yield Row(
        "200 threads go on",
        IN_HANDLER,
        body="for _ in range(200):\n    " + start.format("_sleep", "(60,)", True).replace("\n", "; "),
    )


def _rows_of_exits() -> Iterator[Row]:
    error = "re--"
    yield Row("sys.exit(0)", IN_HANDLER, body="raise SystemExit(0)", answers=error, ends=("exits with 0",))
    yield Row("sys.exit(7)", IN_HANDLER, body="raise SystemExit(7)", answers=error, ends=("exits with 7",))
    yield Row("sys.exit(text)", IN_HANDLER, body="raise SystemExit('text')", answers=error, ends=("exits with 1",))
    yield Row("sys.exit(7)", "in init", setup="raise SystemExit(7)", answers="----", ends=("exits with 7",), init=True)
    yield Row("sys.exit(0)", "in init", setup="raise SystemExit(0)", answers="----", init=True, ends=("exits with 1",))
    yield Row(
        "sys.exit(7)",
        "while a thread goes on",
        answers=error,
        ends=("exits with 7",),
        body="import threading\nthreading.Thread(target=_sleep, args=(60,)).start()\nraise SystemExit(7)",
    )
    yield Row(
        "sys.exit(7)",
        "with an exit function that hangs",
        answers=error,
        ends=("exits with 7",),
        body="import atexit\natexit.register(_sleep, 60)\nraise SystemExit(7)",
    )
    yield Row(
        "sys.exit(7), reply ignored",
        IN_HANDLER,
        at("error", 0, Reaction(ignored=True, cut=0)),
        body="raise SystemExit(7)",
        answers=error,
        ends=("exits with 7",),
    )
    yield Row("os._exit(7)", IN_HANDLER, body="import os\nos._exit(7)", answers="r---", ends=("exits with 7",))
    yield Row("os.abort()", IN_HANDLER, body="import os\nos.abort()", answers="r---", ends=("killed by SIGABRT",))
    yield Row(
        "stack dump that exits",
        IN_HANDLER,
        answers="r---",
        ends=("exits with 1",),
        body="import faulthandler\nfaulthandler.dump_traceback_later(0.001, exit=True)\n_sleep(60)",
    )


_HANDLED = "import signal, os\ndef caught(number, frame):\n    {}\nsignal.signal({}, caught)\n"
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGALRM)
# The moments at which a signal arrives: a request whose response waits for the signal.
_WAITING = {"while an event is awaited": ("next", 1), "before the reply's status": ("response", 1)}


def _signalled(verb: str, count: int, number: int) -> Callable[[World], React]:
    """Send a signal before the response to a request."""
    return lambda world: at(verb, count, Reaction(before=world.signal(number)))(world)


def _rows_of_signals() -> Iterator[Row]:
    for number in _SIGNALS:
        name = number.name
        ends = (f"killed by {name}", *(["exits with 130"] if number is signal.SIGINT else []))
        returning, raising, leaving = (
            _HANDLED.format(what, int(number)) for what in ("pass", "raise TimeoutError('x')", "raise SystemExit(7)")
        )
        for moment, (verb, count) in _WAITING.items():
            react = _signalled(verb, count, number)
            ignored = f"import signal\nsignal.signal({int(number)}, signal.SIG_IGN)\n"
            yield Row(name, moment, react, answers="rxxx", ends=ends)
            yield Row(f"{name}, ignored", moment, react, setup=ignored)
            yield Row(f"{name}, handler returns", moment, react, setup=returning)
            yield Row(f"{name}, handler raises", moment, react, setup=raising)
        body = f"import os\nos.kill(os.getpid(), {int(number)})"
        answers = "rerr" if number is signal.SIGINT else "r---"
        yield Row(name, IN_HANDLER, body=body, answers=answers, ends=ends)
        yield Row(f"{name}, handler returns", IN_HANDLER, setup=returning, body=body)
        yield Row(f"{name}, handler raises", IN_HANDLER, setup=raising, body=body, answers="rerr")
        yield Row(f"{name}, handler raises", IN_INIT, setup=f"{raising}{body}", answers="----", init=True)
        yield Row(f"{name}, handler returns", "while streaming", setup=returning, body=body, streams=True)
        yield Row(f"{name}, handler raises", "while streaming", setup=raising, body=body, streams=True)
        yield Row(
            f"{name}, handler calls sys.exit(7)",
            IN_HANDLER,
            setup=leaving,
            body=body,
            answers="re--",
            ends=("exits with 7",),
        )


ROWS = [
    *_rows_of_broken(),
    *_rows_of_memory(),
    *_rows_of_sizes(),
    *_rows_of_objects(),
    *_rows_of_forks(),
    *_rows_of_threads(),
    *_rows_of_exits(),
    *_rows_of_signals(),
]
