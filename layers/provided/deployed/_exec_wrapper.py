"""Run the program that `AWS_LAMBDA_EXEC_WRAPPER` names, which `provided.*` ignores. Imports only C builtins.

The layer's bootstrap imports this module if the variable is set. Messages and exit codes are those of the managed
runtimes.
"""

import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_REGULAR, _KIND = 0o100000, 0o170000  # S_IFREG and S_IFMT
_NO_SHEBANG = 8  # ENOEXEC
_SHELL = "/bin/sh"


def become_wrapper(argv: "list[str]") -> "NoReturn":
    """Replace this process by the wrapper, with the command that starts the runtime as its arguments."""
    wrapper = posix.environ[b"AWS_LAMBDA_EXEC_WRAPPER"].decode(errors="surrogateescape")
    # Not the bootstrap: with the same environment it would run the wrapper again.
    main = "__main__.py"
    if __file__.endswith(".pyc"):
        main = f"start-{sys.version_info[0]}.{sys.version_info[1]}.pyc"
    command = [wrapper, sys.executable, "-S", f"{__file__.rpartition('/')[0]}/{main}", *argv[1:]]
    try:
        if posix.stat(wrapper).st_mode & _KIND != _REGULAR:
            raise FileNotFoundError
    except OSError:
        _leave(wrapper, "does not exist", 127)
    if not posix.access(wrapper, posix.X_OK):
        _leave(wrapper, "is not an executable", 126)
    try:
        posix.execv(wrapper, command)
    except OSError as error:
        if error.errno == _NO_SHEBANG:  # a shell runs such a file as a shell script
            posix.execv(_SHELL, [_SHELL, *command])
        _leave(wrapper, error.strerror or "cannot be executed", 126)


def _leave(wrapper: str, what: str, status: int) -> "NoReturn":
    posix.write(1, f"{wrapper}: {what}\n".encode(errors="surrogateescape"))
    posix._exit(status)
