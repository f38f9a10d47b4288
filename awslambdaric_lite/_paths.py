"""The module search path: owns completing `sys.path` without `site`, and the interactive names of `site`.

The interpreter is started with `-S`, which shortens a cold start. `site` runs if something on the path needs it: a
virtual environment, a `.pth` file or a `sitecustomize`. Imports only C builtins.
"""

import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LAYERS = "/opt/python"
_NO_SITE = 6  # the position in `sys.flags`


def complete_path(environ: "dict[bytes, bytes]") -> None:
    """Complete `sys.path` as on `provided.*`: task root, layers, standard library, site-packages.

    Call this if the interpreter was started with `-S`, after the runtime's imports.
    """
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}{'t' if 't' in sys.abiflags else ''}"
    has_packages = run_site(version, environ)
    if not hasattr(sys.modules["builtins"], "exit"):
        add_interactive_names()
    root = environ.get(b"LAMBDA_TASK_ROOT", b"").decode(errors="surrogateescape") or posix.getcwd()
    front = {root: list_dir(root)}
    for folder in (f"{LAYERS}/lib/{version}/site-packages", LAYERS):
        if names := list_dir(folder):
            front[folder] = names
    sys.path[:0] = [folder for folder in front if folder not in sys.path]
    for folder, names in front.items():
        if any(name.endswith(".pth") for name in names):
            import site

            site.addsitedir(folder)
    if has_packages:
        let_children_run_site()


def run_site(version: str, environ: "dict[bytes, bytes]") -> bool:
    """Run `site.main()` if something on the path needs it, else append site-packages if the folder exists.

    Return whether either was necessary.
    """
    home = sys.executable.rpartition("/")[0]
    site_packages = f"{sys.prefix}/lib/{version}/site-packages"
    names = list_dir(site_packages)
    home_folder = environ.get(b"HOME", b"").decode(errors="surrogateescape")
    user = f"{home_folder}/.local/lib/{version}/site-packages"
    needed = (
        exists(f"{home}/pyvenv.cfg")
        or exists(f"{home}/../pyvenv.cfg")
        or any(name.endswith(".pth") for name in names)
        or exists(f"{sys.prefix}/lib/python3/dist-packages")  # Debian's own interpreter
        or sys.platlibdir != "lib"  # Amazon Linux and Fedora look in lib64 as well
        or (home_folder and not sys.flags.no_user_site and exists(user))
        or _is_found("sitecustomize")
        or "sitecustomize.py" in names
        or "sitecustomize" in names
    )
    if needed:
        import site

        site.main()
    elif names and site_packages not in sys.path:
        sys.path.append(site_packages)
    return bool(needed or names)


def let_children_run_site() -> None:
    """Remove `-S` from `sys.flags`, which `subprocess` and `multiprocessing` pass on to child interpreters.

    The children would not find site-packages. Call this last, because `site` runs on import from then on.
    """
    flags: "Any" = sys.flags
    if hasattr(flags, "__replace__"):  # CPython 3.13
        sys.flags = flags.__replace__(no_site=0)
        return
    fields = {name: getattr(flags, name) for name in dir(flags) if name[0] != "_"}
    kind: "Any" = type("flags", (tuple,), {**fields, "no_site": 0})
    sys.flags = kind((*flags[:_NO_SITE], 0, *flags[_NO_SITE + 1 :]))


def list_dir(folder: str) -> "list[str]":
    try:
        return posix.listdir(folder)
    except OSError:
        return []


def exists(path: str) -> bool:
    try:
        posix.stat(path)
    except OSError:
        return False
    return True


def _is_found(name: str) -> bool:
    finders = [finder for finder in sys.meta_path if hasattr(finder, "find_spec")]
    return any(finder.find_spec(name, None) is not None for finder in finders)


class _Interactive:
    """A name that `site` adds to the builtins; created when user code uses it, because that imports `os`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def _make(self) -> "Any":
        import builtins
        import site

        site.setquit()
        site.setcopyright()
        site.sethelper()
        return getattr(builtins, self._name)

    def __repr__(self) -> str:
        return repr(self._make())

    def __call__(self, *args: object) -> object:
        return self._make()(*args)


def add_interactive_names() -> None:
    """Add `exit`, `quit` and similar names, which some functions use although they should not."""
    import builtins

    for name in ("exit", "quit", "copyright", "credits", "license", "help"):
        setattr(builtins, name, _Interactive(name))
