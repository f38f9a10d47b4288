"""Import bundles: where modules come from, and that nothing else changes."""

from __future__ import annotations

import json
import os
import py_compile
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from awslambdaric_lite._lifecycle import import_bundle
from awslambdaric_lite.emulator import LocalLambda
from awslambdaric_lite.packaging.import_bundle import BUNDLE_NAME, BUNDLE_VARIABLE
from tests.process.bundled import OLD, ON_DISK, VALUE, Task, damage
from tests.support.client_process import package_root

VALUES = """
def handler(event, context):
    return {name: module.value for name, module in sorted(sys.modules.items()) if hasattr(module, "value")}
"""

ONCE_MORE = (
    "if 'AWS_LAMBDA_RUNTIME_API' in os.environ:\n    del sys.modules['{}']\n"  # else the bundle is being written
)


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """Return an empty task root."""
    root = tmp_path / "task"
    root.mkdir()
    return Task(root)


@pytest.fixture
def other(tmp_path: Path) -> Task:
    """Return an empty folder, which comes after the task root in `sys.path`."""
    root = tmp_path / "other"
    root.mkdir()
    return Task(root)


def test_modules_come_from_the_bundle(task: Task) -> None:
    """Modules and packages, installed ones and the function's own, with and without a source, come from the bundle."""
    task.write({"lib/__init__.py": VALUE, "lib/sub/__init__.py": VALUE, "lib/sub/deep.py": VALUE}, installed=True)
    task.write({"app.py": f"import lib.sub.deep, own, bare, sys\n{VALUES}", "own.py": VALUE, "bare.py": VALUE})
    py_compile.compile(str(task.root / "bare.py"), str(task.root / "bare.pyc"), doraise=True)
    (task.root / "bare.py").unlink()
    task.bundle()
    assert task.result() == dict.fromkeys(["bare", "lib", "lib.sub", "lib.sub.deep", "own"], "bundle")


def test_imports_after_init_come_from_the_bundle(task: Task) -> None:
    """A module whose import in init was undone comes from the bundle again, and from disk when that is missing."""
    task.write({"lib.py": VALUE}, installed=True)
    task.write(
        {
            "app.py": "import lib, os, sys\n"
            "def again():\n    del sys.modules['lib']\n    import lib\n    return lib.value\n"
            f"def handler(event, context):\n    return [again(), os.remove('{BUNDLE_NAME}'), again()]\n"
        }
    )
    task.bundle()
    assert task.result(log="lib.py differs from ") == ["bundle", None, "ondisk"]


def test_bundle_elsewhere_is_for_its_task_root(task: Task, tmp_path: Path) -> None:
    """A bundle in another folder is for the task root that it was written for, also if that is reached by a link."""
    task.write({"app.py": f"import own, sys\n{VALUES}", "own.py": VALUE})
    task.bundle(path=tmp_path / "x.bundle")
    linked = tmp_path / "linked"
    linked.symlink_to(task.root)
    assert task.result({BUNDLE_VARIABLE: "../x.bundle"}) == {"own": "bundle"}
    assert Task(linked).result({BUNDLE_VARIABLE: str(tmp_path / "x.bundle")}) == {"own": "bundle"}


def test_bundle_is_copied_with_its_folder(task: Task, tmp_path: Path) -> None:
    """A bundle works in another place, where modules have the paths of that place."""
    task.write({"app.py": "import own\ndef handler(event, context):\n    return own.file()\n"})
    task.write({"own.py": f"{VALUE}def file():\n    return [value, __file__, file.__code__.co_filename]\n"})
    task.bundle()
    task.root.rename(tmp_path / "moved")
    path = str(tmp_path / "moved" / "own.py")
    assert Task(tmp_path / "moved").result() == ["bundle", path, path]


# The order of `sys.path`


@pytest.mark.parametrize("first", ["", "import lib.a\n"], ids=["before-first-import", "after-first-import"])
@pytest.mark.parametrize("covered", [True, False], ids=["in-bundle", "on-disk"])
def test_vendored_folder_at_front_wins(task: Task, first: str, covered: bool) -> None:
    """A folder that the handler puts first wins for what is imported later, in the bundle or not."""
    task.write({"lib/__init__.py": "", "lib/a.py": VALUE, "lib/b.py": VALUE, "c.py": VALUE}, installed=True)
    vendored = {f"vendored/{name}": VALUE for name in ("lib/__init__.py", "lib/a.py", "lib/b.py", "c.py")}
    if covered:
        task.write(vendored)
    task.write(
        {
            "app.py": f"import sys\n{first}import os\n"
            "sys.path.insert(0, os.path.abspath('vendored'))\nimport lib.b, c\n"
            "def handler(event, context):\n    return [lib.b.__file__, lib.b.value, c.__file__, c.value]\n"
        }
    )
    task.bundle()
    task.write(dict.fromkeys(set(vendored) - {*os.listdir(task.root)}, ON_DISK) if not covered else {})
    lib = task.root / ("lib" if first else "vendored/lib") / "b.py"
    value = "bundle" if covered else "ondisk"
    expected = [str(lib), "bundle" if first else value, str(task.root / "vendored" / "c.py"), value]
    assert task.result() == expected


def test_removed_folder_takes_its_modules_with_it(task: Task, other: Task) -> None:
    """Once the task root is not in `sys.path`, a layer's package is found, and what no folder has is not."""
    task.write({"lib.py": VALUE, "own.py": ""})
    other.write({"lib.py": 'value = "layer"\n'})
    task.write(
        {
            "app.py": "import lib, own, sys, importlib\n"
            "def handler(event, context):\n"
            "    before = lib.value\n"
            "    sys.path.remove(__file__.rpartition('/')[0])\n"
            "    del sys.modules['own']\n"
            "    return [before, importlib.reload(lib).value, importlib.util.find_spec('own')]\n"
        }
    )
    task.bundle()
    assert task.result(path=str(other.root)) == ["bundle", "layer", None]


def test_package_in_task_root_and_layer_comes_from_the_first(task: Task, other: Task) -> None:
    """A package in both folders comes from the task root; a module that only the layer's copy has is missing."""
    task.write({"lib/__init__.py": VALUE}, installed=True)
    other.write({"lib/__init__.py": ON_DISK, "lib/further.py": ""})
    task.write(
        {
            "app.py": "import lib\n"
            "try:\n    import lib.further\nexcept ImportError as error:\n    missing = str(error)\n"
            "def handler(event, context):\n    return [lib.value, missing]\n"
        }
    )
    task.bundle()
    assert task.result(path=str(other.root)) == ["bundle", "No module named 'lib.further'"]


def test_namespace_package_has_portions_in_both_folders(task: Task, other: Task) -> None:
    """A namespace package has the modules of the bundle, of the disk, and of another folder."""
    task.write({"space/one.py": VALUE}, installed=True)
    other.write({"space/two.py": VALUE})
    task.write({"app.py": f"import space.one, sys\nimport third\n{VALUES}", "third.py": ""})
    task.bundle()
    task.write({"space/three.py": ON_DISK, "third.py": "import space.two, space.three\n"})
    values = {"space.one": "bundle", "space.two": "bundle", "space.three": "ondisk"}
    assert task.result(path=str(other.root), log="third.py differs from ") == values


def test_import_system_works_as_documented(task: Task) -> None:
    """Cleared caches, lazy loaders, `runpy` and loaders of the function's own see the modules of the bundle, once."""
    task.write({"lib.py": VALUE, "lib2.py": VALUE}, installed=True)
    task.write(
        {
            "app.py": "import lib, lib2\nimport importlib.machinery, importlib.util, os, runpy, sys\n"
            "class Loader(importlib.machinery.SourceFileLoader):\n    pass\n"
            "def lazy():\n"
            "    spec = importlib.util.find_spec('lib2')\n"
            "    spec.loader = importlib.util.LazyLoader(spec.loader)\n"
            "    module = importlib.util.module_from_spec(spec)\n"
            "    spec.loader.exec_module(module)\n"
            "    return module.value\n"
            "def handler(event, context):\n"
            "    sys.path_importer_cache.clear()\n"
            "    del sys.modules['lib2']\n"
            "    values = [lazy(), importlib.reload(lib).value, runpy.run_module('lib2')['value']]\n"
            "    found = importlib.util.find_spec('lib2').loader\n"
            "    values.append(found.get_code('lib2') == found.get_code('lib2'))\n"
            "    own = importlib.machinery.FileFinder.path_hook((Loader, ['.py']))\n"
            "    sys.path_hooks.insert(0, own)\n"
            "    sys.path_importer_cache.clear()\n"
            "    return [*values, importlib.reload(lib).value, type(lib.__loader__).__name__]\n"
        }
    )
    task.bundle()
    assert task.result() == ["bundle", "bundle", "bundle", False, "ondisk", "Loader"]


# What is on disk


def test_module_on_disk_only_is_found(task: Task) -> None:
    """A module that the bundle lacks comes from disk, in its folders and in new ones, also if it appears later."""
    task.write({"lib/__init__.py": VALUE}, installed=True)
    task.write(
        {
            "app.py": "import lib, importlib, sys\n"
            "def handler(event, context):\n"
            "    from lib import later\n"
            "    import fresh.module\n"
            "    open('written.py', 'w').close()\n"
            "    importlib.invalidate_caches()\n"
            "    import written\n"
            "    return [lib.value, later.value, fresh.module.value, written.__file__]\n"
        }
    )
    task.bundle()
    task.write({"lib/later.py": ON_DISK, "fresh/module.py": ON_DISK})
    assert task.result() == ["bundle", "ondisk", "ondisk", str(task.root / "written.py")]


def _delete(root: Path) -> None:
    (root / "own.py").unlink()


def _become_package(root: Path) -> None:
    Task(root).write({"own/__init__.py": 'value = "package"\n'})


def _become_namespace(root: Path) -> None:
    (root / "own.py").unlink()
    Task(root).write({"own/module.py": ""})


def _edit(root: Path) -> None:
    (root / "own.py").write_text('value = "edited"\n')


def _edit_both(root: Path) -> None:
    _edit(root)
    (root / "pack" / "__init__.py").write_text('value = "edited, too"\n')


def _become_module(root: Path) -> None:
    (root / "pack" / "__init__.py").unlink()
    (root / "pack").rmdir()
    Task(root).write({"pack.py": 'value = "module"\n'})


def _only_date(root: Path) -> None:
    (root / "own.py").write_text(VALUE)


@pytest.mark.parametrize(
    ("change", "own", "pack", "log"),
    [
        (lambda root: None, "bundle", "bundle", ""),
        (_delete, "No module named 'own'", "bundle", ""),
        (_edit, "edited", "bundle", "task/own.py differs from "),
        (_edit_both, "edited", "edited, too", "task/own.py differs from "),
        (_become_package, "package", "bundle", ""),
        (_become_namespace, None, "bundle", ""),
        (_become_module, "bundle", "module", ""),
        (_only_date, "bundle", "bundle", ""),
    ],
)
def test_own_modules_are_those_on_disk(
    task: Task, change: Callable[[Path], None], own: str | None, pack: str, log: str
) -> None:
    """The function's own modules are as on disk, where people edit them; one line names the first that differs."""
    task.write({"own.py": VALUE, "pack/__init__.py": VALUE})
    task.write(
        {
            "app.py": "try:\n    import own\n    value = getattr(own, 'value', None)\n"
            "except ImportError as error:\n    value = str(error)\nimport pack\n"
            "def handler(event, context):\n    return [value, pack.value]\n"
        }
    )
    task.bundle()
    change(task.root)
    assert task.result(log=log) == [own, pack]


@pytest.mark.parametrize("remove", ["lib", "single.py"])
def test_removed_distribution_is_missing(task: Task, remove: str) -> None:
    """A package that was removed from the task root is not imported from the bundle."""
    task.write({"lib/__init__.py": VALUE, "single.py": VALUE}, installed=True)
    name = remove.removesuffix(".py")
    task.write(
        {
            "app.py": f"try:\n    import {name}\n    text = ''\nexcept ImportError as error:\n    text = str(error)\n"
            "def handler(event, context):\n    return text\n"
        }
    )
    task.bundle()
    (task.root / remove).rename(task.root / "removed")
    assert task.result() == f"No module named '{name}'"


def test_local_lambda_compares_all_modules(task: Task) -> None:
    """The local Lambda compares modules of distributions, too, and the function does not see how it asks for that.

    This holds for a bundle that a package's `bootstrap` names, too.
    """
    task.write({"lib.py": VALUE, "same.py": "value = 1\n"}, installed=True)
    task.write(
        {
            "app.py": "import lib, os, same\ndef handler(event, context):\n"
            "    return [lib.value, sorted(name for name in os.environ if 'BUNDLE' in name)]\n"
        }
    )
    task.bundle()
    env = {BUNDLE_VARIABLE: BUNDLE_NAME}
    with LocalLambda("app.handler", task_root=task.root, env=env) as function:
        result = function.invoke({})
    assert json.loads(result.payload) == ["ondisk", [BUNDLE_VARIABLE]]
    assert result.logs.count("task/lib.py differs from ") == 1 and "same.py" not in result.logs
    command = ["sh", "-c", f"{BUNDLE_VARIABLE}={BUNDLE_NAME} exec {sys.executable} -m awslambdaric_lite app.handler"]
    env = {"PYTHONPATH": package_root()}
    with LocalLambda("app.handler", task_root=task.root, runtime=command, env=env) as function:
        assert function.invoke({}).json() == ["ondisk", [BUNDLE_VARIABLE]]  # as `bootstrap` of a package names it
    env = {BUNDLE_VARIABLE: ""}
    with LocalLambda("app.handler", task_root=task.root, env=env) as function:
        assert function.invoke({}).json() == ["ondisk", [BUNDLE_VARIABLE]]


# What cannot be used


def _other_python(file: Path) -> None:
    damage(file, len(import_bundle.FIRST_LINE))


def _other_format(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b" bundle 1\n", b" bundle 2\n", 1))


def _as_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _as_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (_other_python, "it is for another version of Python"),
        (_other_format, "it has the format of another version of awslambdaric-lite"),
        (lambda file: file.write_bytes(b""), "it is not an import bundle"),
        (lambda file: file.write_bytes(b"import app\n"), "it is not an import bundle"),
        (lambda file: file.write_bytes(file.read_bytes()[:40]), "it is damaged"),
        (lambda file: file.write_bytes(file.read_bytes()[:60]), "it is damaged"),
        (lambda file: file.write_bytes(file.read_bytes()[:-1]), "it is damaged"),
        (lambda file: file.write_bytes(file.read_bytes() + b"\n"), "it is damaged"),
        (lambda file: damage(file, 38), "it is damaged"),
        (lambda file: damage(file, import_bundle.HEADER + 9), "it is damaged"),
        (Path.unlink, "the file cannot be read: No such file or directory"),
        (_as_folder, "the file cannot be read: Is a directory"),
        (_as_pipe, "the file cannot be read: Illegal seek"),
    ],
)
def test_bad_bundle_gets_one_line_and_ordinary_imports(
    task: Task, break_it: Callable[[Path], object], reason: str
) -> None:
    """A bundle that cannot be used gets one line that says why, and modules come from disk."""
    task.write({"app.py": f"import own, sys\n{VALUES}", "own.py": VALUE})
    task.bundle()
    break_it(task.root / BUNDLE_NAME)
    cure = "write it again with awslambdaric-lite pack --bundle-imports"
    assert task.result(log=f"{BUNDLE_VARIABLE}={BUNDLE_NAME} is ignored: {reason}; {cure}\n") == {"own": "ondisk"}


def test_optimized_bytecode_is_not_in_a_bundle(task: Task) -> None:
    """With PYTHONOPTIMIZE, which needs other bytecode, modules come from disk, and one line says so."""
    task.write({"app.py": f"import own, sys\n{VALUES}", "own.py": VALUE})
    task.bundle()
    log = "is ignored: it has no bytecode for python -O; remove PYTHONOPTIMIZE, or the variable\n"
    assert task.result({"PYTHONOPTIMIZE": "1"}, log=log) == {"own": "ondisk"}


def test_bundle_of_a_folder_that_is_not_searched_gets_one_line(task: Task, other: Task) -> None:
    """A bundle whose folder is not in `sys.path` has no effect, and one line says so."""
    other.write({"app.py": f"import own, sys\n{VALUES}", "own.py": VALUE})
    other.bundle()
    task.write({"app.py": f"import own, sys\n{VALUES}", "own.py": ON_DISK})
    log = f"is ignored: it is for the folder {other.root}, which is not in sys.path; "
    assert task.result({BUNDLE_VARIABLE: str(other.root / BUNDLE_NAME)}, log=log) == {"own": "ondisk"}


def test_damaged_code_gets_one_line(task: Task) -> None:
    """Modules whose code is damaged come from disk, and one line names the first."""
    task.write({"lib.py": VALUE, "lib2.py": VALUE}, installed=True)
    task.write({"app.py": f"import lib, lib2, sys\n{VALUES}"})
    task.bundle()
    file = task.root / BUNDLE_NAME
    with file.open("rb") as opened:
        _, begin, index = import_bundle.read_index(opened.fileno())
    modules = index[2][0][""]
    damage(file, begin + modules["lib"][1])
    damage(file, begin + modules["lib2"][1])
    assert task.result(log="task/lib.py differs from ") == {"lib": "ondisk", "lib2": "ondisk"}


def test_standard_library_of_another_build_is_not_used(task: Task, other: Task) -> None:
    """The standard library comes from the bundle only for exactly the build that wrote it, the rest for others, too."""
    task.write({"app.py": "", "own.py": VALUE})
    task.write(
        {
            "app.py": "import own, colorsys, sys\ndef handler(event, context):\n"
            "    folders = [file.rpartition('/')[0] for file in (colorsys.__file__, __file__)]\n"
            "    finders = [sys.path_importer_cache[folder] for folder in folders]\n"
            "    return [own.value, *(hasattr(finder, '_bundle') for finder in finders)]\n"
        }
    )
    task.bundle()
    assert task.result() == ["bundle", True, True]
    other.write({"sitecustomize.py": "import sys\nsys.version += ' (patched)'\n"})
    assert task.result(path=str(other.root)) == ["bundle", False, True]


# What code can observe

OBSERVE = Path(__file__).with_name("observed_imports.py")
FAIL = "def fail():\n    return 1 / 0\n"


def test_code_observes_the_same(task: Task) -> None:
    """Specs, loaders, attributes, sources, resources, metadata, tracebacks and reloads are those of modules on disk."""
    sources = {f"lib/{name}": f'"""Docstring."""\n{FAIL}' for name in ("__init__.py", "sub/__init__.py", "sub/deep.py")}
    task.write({**sources, "lib/data.txt": "data", "space/one.py": FAIL}, installed=True)
    (task.root / "library-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: library\nVersion: 1\n")
    for_failures = {"raises.py": FAIL + "fail()\n", "imports_missing.py": "import missing\n", "wrong.py": "pass\n"}
    imports = "".join(
        f"try:\n    import {name}\nexcept Exception:\n    pass\n" for name in ("raises", "imports_missing", "wrong")
    )
    task.write({"own.py": FAIL, "bare.py": FAIL, "app.py": imports + OBSERVE.read_text(), **for_failures})
    py_compile.compile(str(task.root / "bare.py"), str(task.root / "bare.pyc"), doraise=True)
    (task.root / "bare.py").unlink()
    task.bundle()
    (task.root / "wrong.py").write_text("a syntax error\n")  # its failure in init logs the line about a difference
    plain, bundled = task.run(bundle=None), task.run()
    assert b"wrong.py differs" in bundled.stdout and not plain.stdout
    assert json.loads(bundled.replies[0].body) == json.loads(plain.replies[0].body)


# Processes, threads and other settings


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_import_modules(task: Task, method: str) -> None:
    """Children of multiprocessing import modules: forked ones from the bundle, others from disk."""
    task.write({"lib.py": VALUE, "lib2.py": VALUE}, installed=True)
    task.write(
        {
            "app.py": f"import lib, lib2, os, sys\n{ONCE_MORE.format('lib2')}"
            "def work(pipe):\n    import lib2\n    pipe.send([lib.value, lib2.value])\n"
            "def handler(event, context):\n"
            "    import multiprocessing\n"
            f"    methods = multiprocessing.get_context('{method}')\n"
            "    ours, theirs = methods.Pipe()\n"
            "    child = methods.Process(target=work, args=(theirs,))\n"
            "    child.start()\n"
            "    result = ours.recv()\n"
            "    child.join()\n"
            "    return [*result, child.exitcode]\n",
        }
    )
    task.bundle()
    value = "bundle" if method == "fork" else "ondisk"
    assert task.result() == [value, value, 0]


def test_threads_import_modules_from_the_bundle(task: Task) -> None:
    """Threads that import many modules concurrently get each of them from the bundle, once."""
    names = [f"module{number}" for number in range(40)]
    task.write({f"lib/{name}.py": f"{VALUE}import time; time.sleep(0)\n" for name in names}, installed=True)
    task.write({"lib/__init__.py": ""}, installed=True)
    task.write(
        {
            "app.py": "import importlib, sys, threading\n"
            f"names = {names}\n"
            "def work():\n    for name in names:\n        importlib.import_module(f'lib.{name}')\n"
            "threads = [threading.Thread(target=work) for _ in range(8)]\n"
            "[thread.start() for thread in threads]\n[thread.join() for thread in threads]\n"
            "def handler(event, context):\n    return [sys.modules[f'lib.{name}'].value for name in names]\n"
        }
    )
    task.bundle()
    assert task.result() == ["bundle"] * len(names)


def test_no_descriptor_stays_open(task: Task) -> None:
    """While the handler is loaded, and afterwards, the process has no descriptor more than without a bundle."""
    task.write(
        {
            "own.py": VALUE,
            "app.py": "import os, own\nloading = len(os.listdir('/proc/self/fd'))\n"
            "def handler(event, context):\n    return [loading, len(os.listdir('/proc/self/fd'))]\n",
        }
    )
    task.bundle()
    without = json.loads(task.run(bundle=None).replies[0].body)
    assert task.result() == without


def test_import_list_comes_from_the_bundle(task: Task) -> None:
    """What an import list names comes from the bundle, too."""
    task.write({"lib.py": VALUE}, installed=True)
    task.write({"app.py": f"import sys, lib, os\n{ONCE_MORE.format('lib')}{VALUES}", "list.txt": "lib\n"})
    task.bundle()
    assert task.result({"AWSLAMBDARIC_LITE_IMPORT_LIST": str(task.root / "list.txt")}) == {"lib": "bundle"}


@pytest.mark.skipif(sys.version_info < (3, 15), reason="Python 3.15 and later has lazy imports")
def test_lazy_imports_come_from_the_bundle(task: Task) -> None:
    """Imports written in installed modules are lazy, those of the function are not; both come from the bundle."""
    task.write({"lib.py": f"{VALUE}import lib2\ndef use():\n    return lib2.value\n", "lib2.py": VALUE}, installed=True)
    task.write(
        {
            "app.py": "import sys, lib\nloaded = 'lib2' in sys.modules\n"
            "def handler(event, context):\n    return [loaded, lib.value, lib.use()]\n"
        }
    )
    task.bundle()
    assert task.result({"AWSLAMBDARIC_LITE_LAZY_IMPORTS": "installed"}) == [False, "bundle", "bundle"]


def test_stale_bytecode_is_accepted_for_what_the_bundle_lacks(task: Task) -> None:
    """Modules that the bundle lacks have their bytecode accepted despite its date, as without a bundle."""
    task.write({"lib.py": VALUE}, installed=True)
    task.write({"app.py": f"import lib, sys\n{VALUES}"})
    task.bundle()
    later = task.root / "later.py"
    task.write({"app.py": f"import lib, later, sys\n{VALUES}", "later.py": VALUE})
    py_compile.compile(str(later), doraise=True, invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP)
    later.write_text(ON_DISK)
    os.utime(later, (OLD + 60, OLD + 60))
    os.utime(task.root / "app.py", (OLD, OLD))
    env = {"AWSLAMBDARIC_LITE_STALE_PYC": "all"}
    assert task.result(env, log="app.py differs from ") == {"later": "bundle", "lib": "bundle"}


def test_python_that_the_handler_starts_imports_from_disk(task: Task) -> None:
    """A Python that the handler starts has ordinary imports."""
    task.write({"lib.py": VALUE}, installed=True)
    task.write(
        {
            "app.py": "import lib, subprocess, sys\ndef handler(event, context):\n"
            "    command = [sys.executable, '-c', 'import lib; print(lib.value)']\n"
            "    return [lib.value, subprocess.run(command, capture_output=True, text=True, check=True).stdout]\n"
        }
    )
    task.bundle()
    assert task.result() == ["bundle", "ondisk\n"]
