"""`AWS_LAMBDA_EXEC_WRAPPER`, runtimes that come from layers, and variables that are not applied."""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.common import private_mounts
from awslambdaric_lite.emulator import LocalLambda

from .command_line import REPOSITORY, run
from .runtimes import SOCKET_RUNTIME
from .waiting import WAIT

WriteHandler = Callable[[str], Path]

SEEN = """
import os, sys
def handler(event, context):
    names = ("WRAPPED", "AWS_EXECUTION_ENV", "LAMBDA_RUNTIME_DIR", "_HANDLER")
    return {"arguments": sys.argv, **{name: os.environ.get(name) for name in names}}
def other(event, context):
    return "other"
"""
# As layers write them.
WRAPPERS = {
    "plain": '#!/bin/sh\nexport WRAPPED=yes\nexec "$@"\n',
    "bash": '#!/bin/bash\nargs=("$@")\nexport WRAPPED=yes\nexec "${args[@]:0:$#-1}" -X utf8 "${args[@]: -1}"\n',
    "handler": '#!/bin/sh\nexport WRAPPED=$_HANDLER _HANDLER=app.other\nexec "$@"\n',
    "rebuilt": '#!/bin/sh\nexport WRAPPED=yes\nexec "$1" "$LAMBDA_RUNTIME_DIR/bootstrap.py"\n',
    "python": f"#!{sys.executable}\nimport os, sys\nos.environ['WRAPPED'] = 'yes'\nos.execv(sys.argv[1], sys.argv[1:])",
}


@pytest.fixture(params=["mounted", "without mounts"])
def mounting(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run a test with mounts, where they are allowed, and without."""
    if request.param == "without mounts":
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
    private_mounts.reset_caches()
    yield
    private_mounts.reset_caches()


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """Return a layer with all wrappers."""
    folder = tmp_path / "layer"
    folder.mkdir()
    for name, text in WRAPPERS.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def invoke(root: Path, layer: Path, wrapper: str, **settings: Any) -> Any:
    """Return the result of a function with a wrapper."""
    settings = {"env": {"AWS_LAMBDA_EXEC_WRAPPER": wrapper}, "timeout_s": WAIT, "repeat_failed_init": False, **settings}
    with LocalLambda("app.handler", task_root=root, layers=[layer], **settings) as function:
        result = function.invoke()
        _ = result.report
        return result


@pytest.mark.parametrize("name", sorted(set(WRAPPERS) - {"handler"}))
def test_wrapper_starts_default_runtime(mounting: None, name: str, write_handler: WriteHandler, layer: Path) -> None:
    """A wrapper of a layer gets the interpreter and `bootstrap.py` of the runtime folder, as on managed Python."""
    seen = invoke(write_handler(SEEN), layer, f"/opt/{name}").json()
    assert seen["WRAPPED"] == "yes"
    assert seen["arguments"] == [f"{seen['LAMBDA_RUNTIME_DIR']}/bootstrap.py"]
    assert seen["AWS_EXECUTION_ENV"] == f"AWS_Lambda_python{sys.version_info[0]}.{sys.version_info[1]}"
    assert seen["_HANDLER"] == "app.handler"


def test_wrapper_can_replace_handler(mounting: None, write_handler: WriteHandler, layer: Path) -> None:
    """A wrapper that sets another `_HANDLER`, as those of monitoring tools do, decides which function runs."""
    assert invoke(write_handler(SEEN), layer, "/opt/handler").json() == "other"


@pytest.mark.parametrize("wrapper", ["/var/task/wrap.sh", "wrap.sh", "./wrap.sh"])
def test_wrapper_can_be_in_task_root(wrapper: str, write_handler: WriteHandler, layer: Path) -> None:
    """A wrapper of the function's package starts the runtime, too."""
    root = write_handler(SEEN)
    shutil.copy(layer / "plain", root / "wrap.sh")
    assert invoke(root, layer, wrapper).json()["WRAPPED"] == "yes"


def test_wrapper_starts_managed_instances(write_handler: WriteHandler, layer: Path) -> None:
    """A wrapper starts the workers of Managed Instances, too."""
    assert invoke(write_handler(SEEN), layer, "/opt/plain", managed_concurrency=2).json()["WRAPPED"] == "yes"


@pytest.mark.filterwarnings("ignore:the function can write to its task root")
@pytest.mark.parametrize("read_only", [False, None])
def test_unusable_wrapper_has_error_of_managed_runtimes(
    mounting: None, read_only: bool | None, write_handler: WriteHandler, layer: Path
) -> None:
    """A missing wrapper and one that is not executable exit as those of the managed runtimes do."""
    root = write_handler(SEEN)
    (layer / "text").touch(mode=0o644)
    (layer / "folder").mkdir()
    for name, status, text in (
        ("none", 127, "/opt/none: does not exist"),
        ("folder", 127, "/opt/folder: does not exist"),
        ("text", 126, "text: is not an executable"),
    ):
        result = invoke(root, layer, f"/opt/{name}", read_only=read_only)
        assert result.error_type == "Runtime.ExitError"
        assert f"exit status {status}" in result.json()["errorMessage"]
        assert any(line.endswith(text) for line in result.logs.splitlines())


def test_own_wrapper_layer_replaces_runtime(write_handler: WriteHandler, tmp_path: Path) -> None:
    """The wrapper layer of this project takes the command that it gets here, and starts the runtime of the layer."""
    site = tmp_path / f"layer/python/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    shutil.copytree(REPOSITORY / "awslambdaric_lite", site / "awslambdaric_lite")
    deployed = REPOSITORY / "layers" / "wrapper" / "deployed"
    for name in ("start.py", "fall_back.py"):
        shutil.copy(deployed / name, site / "awslambdaric_lite")
    shutil.copy(deployed / "awslambdaric-lite", tmp_path / "layer")
    root = write_handler(
        "import awslambdaric_lite._runtime as runtime\ndef handler(event, context): return runtime.__file__"
    )
    result = invoke(root, tmp_path / "layer", "/opt/awslambdaric-lite")
    assert "cannot start" not in result.logs
    assert result.json().endswith(str(site / "awslambdaric_lite" / "_runtime.py").partition("/layer")[2])


@pytest.mark.parametrize("as_zip", [False, True])
def test_runtime_of_layer_starts(
    mounting: None, as_zip: bool, write_handler: WriteHandler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--runtime /opt/bootstrap` starts the `bootstrap` of a layer, be it a folder or a zip file."""
    layer = tmp_path / "layer"
    layer.mkdir()
    (layer / "bootstrap").write_text(f"#!/bin/sh\nexec {sys.executable} -S {SOCKET_RUNTIME}\n")
    (layer / "bootstrap").chmod(0o755)
    if as_zip:
        shutil.make_archive(str(layer), "zip", layer)
        layer = layer.with_suffix(".zip")
    root = write_handler("def handler(event, context): return 7")
    with LocalLambda(
        "app.handler", task_root=root, layers=[layer], runtime=["/opt/bootstrap"], timeout_s=WAIT
    ) as function:
        assert function.invoke().json() == 7
    done = run(
        *("invoke", "app.handler", "--task-root", str(root), "--layer", str(layer)),
        *("--runtime", "/opt/bootstrap", "--timeout", "60"),
    )
    assert done.stdout == b"7", done.stderr


def test_missing_runtime_of_layer_is_named(mounting: None, write_handler: WriteHandler, layer: Path) -> None:
    """A program that no layer has is an invalid entry point; without layers it is a usage error."""
    root = write_handler(SEEN)
    result = invoke(root, layer, "", runtime=["/opt/bootstrap"])
    assert result.error_type == "Runtime.InvalidEntrypoint"
    assert "fork/exec /opt/bootstrap: no such file or directory" in result.json()["errorMessage"]
    done = run("invoke", "app.handler", "--task-root", str(root), "--runtime", "/opt/bootstrap")
    assert (done.returncode, done.stdout) == (2, b"")


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"env": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/plain"}}, []),
        ({"env": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/plain"}, "runtime": ["true"]}, ["AWS_LAMBDA_EXEC_WRAPPER"]),
        ({"env": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/plain"}, "runtime": ["./bootstrap"]}, []),
        ({"env": {"AWS_LAMBDA_LOG_FORMAT": "JSON"}}, ["AWS_LAMBDA_LOG_FORMAT"]),
        ({"env": {"AWS_LAMBDA_LOG_FORMAT": "JSON"}, "log_format": "JSON"}, []),
        ({"pass_env": ["AWS_LAMBDA_FUNCTION_TIMEOUT"]}, ["AWS_LAMBDA_FUNCTION_TIMEOUT"]),
        ({"env": {"TABLE": "orders"}, "runtime": ["true"]}, []),
    ],
)
def test_variable_that_is_not_applied_is_named(
    settings: dict[str, Any], named: list[str], write_handler: WriteHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One warning at the start names a variable on which AWS acts and the local Lambda does not."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_TIMEOUT", "30")
    root = write_handler(SEEN)
    shutil.copy(REPOSITORY / "bootstrap", root)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with LocalLambda("app.handler", task_root=root, **settings):
            pass
    lines = [str(warning.message) for warning in warned]
    assert [line.split("variable ")[1].partition(":")[0] for line in lines] == named
