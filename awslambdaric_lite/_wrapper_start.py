"""The module search path on managed runtimes with the layer's wrapper: owns completing it as AWS's bootstrap does.

Only the layer's start script imports this module. Imports only C builtins and `_paths`.
"""

import posix
import sys

from ._paths import add_interactive_names, exists, let_children_run_site, list_dir, run_site

_LAYERS = "/opt/python"
_INTERPRETER = "/var/lang"


def prepare() -> None:
    """Complete `sys.path` as `/var/runtime/bootstrap.py` does, and do the work of `site` that `-S` left out.

    A PYTHONPATH that is set, even if empty, changes the whole result.
    """
    environ = posix.environ
    runtime = environ.get(b"LAMBDA_RUNTIME_DIR", b"/var/runtime").decode(errors="surrogateescape")
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    sys.argv[0] = f"{runtime}/bootstrap.py"
    if environ.get(b"PYTHONPATH"):  # `site` makes its entries absolute and unique; they may contain a `sitecustomize`
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
    let_children_run_site()
    if not customers:  # for processes that the function starts
        value = runtime.encode(errors="surrogateescape")
        environ[b"PYTHONPATH"] = value
        posix.putenv(b"PYTHONPATH", value)


def _add_site(folder: str) -> None:
    """Do the same as `site.addsitedir` for a folder on the path, without importing `site` if it has no `.pth` file."""
    if any(name.endswith(".pth") for name in list_dir(folder)):
        import site

        site.addsitedir(folder)
    elif not exists(folder):
        sys.path.append(folder)  # a duplicate entry: addsitedir() finds only duplicates of folders that exist
