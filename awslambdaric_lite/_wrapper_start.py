"""The module search path behind the wrapper of managed runtimes: what `/var/runtime/bootstrap.py` would have made it.

Imported by the layer's entry only. Imports only C builtins and `_paths`.
"""

import posix
import sys

from ._paths import add_interactive_names, exists, listed, run_site

_LAYERS = "/opt/python"
_INTERPRETER = "/var/lang"


def arrange() -> None:
    """Do what AWS's own bootstrap does before it starts its client, and what `-S` left undone before that.

    Whether PYTHONPATH is set decides about everything, also when it is empty.
    """
    environ = posix.environ
    runtime = environ.get(b"LAMBDA_RUNTIME_DIR", b"/var/runtime").decode(errors="surrogateescape")
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    sys.argv[0] = f"{runtime}/bootstrap.py"
    if environ.get(b"PYTHONPATH"):  # its entries are made absolute and single, and may have a `sitecustomize`
        import site

        site.main()
    else:
        run_site(f"{version}{'t' if 't' in sys.abiflags else ''}", environ)
    if not hasattr(sys.modules["builtins"], "exit"):
        add_interactive_names()
    root = environ.get(b"LAMBDA_TASK_ROOT", b"").decode(errors="surrogateescape") or posix.getcwd()
    customers = b"PYTHONPATH" in environ
    sites = [root] if customers else [root, f"{_LAYERS}/lib/{version}/site-packages", _LAYERS]
    front = [*sites]
    if not customers and sys.version_info >= (3, 11):
        front.append(f"{_INTERPRETER}/lib/{version}/site-packages")
    if not getattr(sys.flags, "safe_path", sys.flags.isolated):
        front.append(runtime)  # the script's folder
    sys.path[:0] = front
    for folder in sites:
        _add_site(folder)
    if not customers:  # for processes that the function starts
        value = runtime.encode(errors="surrogateescape")
        environ[b"PYTHONPATH"] = value
        posix.putenv(b"PYTHONPATH", value)


def _add_site(folder: str) -> None:
    """Do what `site.addsitedir` does to a folder that is on the path, without `site` where it has no `.pth` file."""
    if any(name.endswith(".pth") for name in listed(folder)):
        import site

        site.addsitedir(folder)
    elif not exists(folder):
        sys.path.append(folder)  # it is on the path already, which addsitedir() asks of folders that exist only
