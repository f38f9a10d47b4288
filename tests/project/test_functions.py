"""The code, the runtime, the layers and the variables of functions."""

from __future__ import annotations

import platform
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.emulator.config.project import Function
from awslambdaric_lite.emulator.local_lambda import LocalLambda
from awslambdaric_lite.packaging.bytecode import find_interpreter
from awslambdaric_lite.packaging.targets import PYTHON_VERSIONS
from awslambdaric_lite.project import runtimes
from awslambdaric_lite.project.errors import InvalidProject
from awslambdaric_lite.project.runtimes import RUNNING

from .conftest import Read

SECOND = f"""
  G:
    Type: AWS::Lambda::Function
    Properties: {{Handler: app.get, Runtime: {RUNNING}, Code: src}}
"""
APP = "def get(event, context):\n    return 1\n"


def template(properties: str, others: str = "", kind: str = "AWS::Lambda::Function") -> str:
    """Return a template with the function `F`, whose properties are a flow mapping without its braces."""
    given = {"Handler": "app.get", "Runtime": RUNNING, "Code": "src"}
    lines = "".join(f"      {key}: {value}\n" for key, value in given.items() if f"{key}:" not in properties)
    indented = "".join(f"      {line}\n" for line in properties.split("\n") if line)
    return f"Resources:\n  F:\n    Type: {kind}\n    Properties:\n{lines}{indented}{others}"


def read_one(
    read: Read, properties: str, others: str = "", files: dict[str, str] | None = None, **options: Any
) -> Function:
    """Return the function of a template."""
    written = {"template.yaml": template(properties, others), "src/app.py": APP, **(files or {})}
    return next(each for each in read(written, **options).functions if each.logical_id == "F")


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ("Code: nowhere", "nowhere does not exist; correct the path, or build the project"),
        ("Code: {S3Bucket: b, S3Key: k.zip}", "its Code is in S3"),
        ("Code: {ImageUri: image}\nPackageType: Image", "it is a container image"),
        ("Code: {ImageUri: image}", "it is a container image"),
        ("Runtime: nodejs22.x", "give it by --runtime nodejs22.x=COMMAND"),
        ("Runtime: provided.al2023", "src has no bootstrap, which provided.al2023 starts"),
        (
            "Runtime: python3.9",
            "runtime python3.9 has no command on this machine; give it by --runtime python3.9=COMMAND",
        ),
        ("Runtime: ''", "it has no Runtime; add one, e.g. python3.13"),
        ("Handler: ''", "it has no Handler; add one, e.g. app.handler"),
        ("Handler: app", "handler 'app' is not MODULE.FUNCTION"),
        ("Timeout: 0", "timeout 0 s is out of range"),
        ("Timeout: soon", "Timeout 'soon' is not a whole number"),
        ("MemorySize: 64", "memory 64 MB is out of range"),
        ("FunctionName: my function", "the name 'my function' is not one that Lambda takes"),
        ("Environment: {Variables: {_HANDLER: x}}", "environment variable _HANDLER is reserved"),
        ("Environment: nonsense", "Environment is not a mapping"),
        ("LoggingConfig: {LogFormat: XML}", "XML"),
        ("Layers: [a, b, c, d, e, f]", ""),
    ],
)
def test_fault_of_one_function_leaves_the_others(read: Read, properties: str, reason: str) -> None:
    """A function that cannot run here says why, with file, logical id and cure; the other one runs."""
    project = read({"template.yaml": template(properties, SECOND), "src/app.py": APP})
    bad, good = project.functions
    assert (bad.logical_id, good.logical_id) == ("F", "G")
    assert not good.unavailable
    if reason:
        assert "template.yaml: F: " in bad.unavailable
        assert reason in bad.unavailable
        assert bad.unavailable in project.notes


def test_missing_module_of_handler_is_noted(read: Read) -> None:
    """A note names the handler whose module the code does not have, before the first invocation fails."""
    project = read({"template.yaml": template("Handler: other.get"), "src/app.py": APP})
    (note,) = project.notes
    assert "template.yaml: F: handler other.get: " in note
    assert "src has no other.py; correct Handler or the path of the code" in note


def test_inline_code_and_zip_file_run(read: Read, tmp_path: Path) -> None:
    """Code in the template, and a zip file as the code, run."""
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.writestr("app.py", APP)
    inline = "Code: {ZipFile: 'def get(event, context): return 2'}\nHandler: index.get"
    for properties, result in ((inline, 2), ("Code: code.zip", 1)):
        function = read_one(read, properties)
        assert not function.unavailable
        with _running(function) as local:
            assert local.invoke({}).json() == result


def _running(function: Function) -> LocalLambda:
    config = function.config
    return LocalLambda(
        config.handler, task_root=config.task_root, runtime=config.runtime, env=config.env, layers=config.layers
    )


OTHER = [
    version for version in PYTHON_VERSIONS if f"python{version}" != RUNNING and find_interpreter(version) is not None
]


@pytest.mark.skipif(not OTHER, reason="this machine has no other Python")
def test_other_python_runs_with_this_runtime_and_nothing_else(read: Read) -> None:
    """`pythonX.Y` runs on that interpreter: this runtime is importable, this environment's packages are not."""
    code = (
        "import sys, awslambdaric_lite\n"
        "def get(event, context):\n"
        "    try:\n        import rich\n        found = rich.__file__\n"
        "    except ImportError:\n        found = None\n"
        "    return ['%d.%d' % sys.version_info[:2], awslambdaric_lite.__file__, found, sys.path]\n"
    )
    function = read_one(read, f"Runtime: python{OTHER[0]}", files={"src/app.py": code})
    assert not function.unavailable
    with _running(function) as local:
        version, package, rich, path = local.invoke({}).json()
    assert version == OTHER[0]
    assert "/awslambdaric-lite/runtime/" in package
    assert rich is None
    assert not any(str(Path(sys.prefix)) in folder for folder in path)


def test_missing_python_is_named(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function for a Python that this machine does not have says so, with both cures."""
    other = next(version for version in PYTHON_VERSIONS if f"python{version}" != RUNNING)
    runtimes._interpreter.cache_clear()
    monkeypatch.setattr(runtimes, "find_interpreter", lambda version: None)
    function = read_one(read, f"Runtime: python{other}")
    runtimes._interpreter.cache_clear()
    assert f"this machine has no Python {other}; install it, or give a command by --runtime" in function.unavailable


def test_command_of_another_runtime(read: Read) -> None:
    """A command of the user, and `bootstrap` of the code or of a layer, run other runtimes."""
    function = read_one(read, "Runtime: nodejs22.x", runtimes={"nodejs22.x": ["node", "client.js"]})
    assert function.config.runtime == ("node", "client.js")
    function = read_one(read, "Runtime: provided.al2023", files={"src/bootstrap": "#!/bin/sh\n"})
    assert function.config.runtime == ("./bootstrap",)
    assert function.runtime_name == "provided.al2023"


LAYERS = """
  Shared:
    Type: AWS::Lambda::LayerVersion
    Properties: {Content: layer}
  Remote:
    Type: AWS::Lambda::LayerVersion
    Properties: {Content: {S3Bucket: b, S3Key: k}}
"""


def test_layers_by_content_and_by_arn(read: Read, tmp_path: Path) -> None:
    """Layers are the template's content and the user's for ARNs; a note has the cure for one that is left out."""
    arn = "arn:aws:lambda:us-east-1:1:layer:powertools:9"
    files = {"layer/python/shared.py": "", "given/python/given.py": ""}
    properties = f"Layers: [!Ref Shared, '{arn}', !Ref Remote, '{arn}0']"
    function = read_one(read, properties, LAYERS, files, layers={arn: tmp_path / "given"})
    assert list(function.config.layers) == [tmp_path / "layer", tmp_path / "given"]
    notes = "\n".join(read({}, layers={}).notes)
    assert f"template.yaml: F: layer {arn} is left out; give its content by --layer {arn}=DIR_OR_ZIP" in notes
    assert "template.yaml: Remote: the layer is left out: its Content is in S3" in notes
    without_version = read_one(read, properties, LAYERS, layers={arn.rpartition(":")[0]: tmp_path / "given"})
    assert len(without_version.config.layers) == 3


def test_variables_of_the_template_and_of_the_user(read: Read) -> None:
    """SAM's file of variables replaces those of the template, a function's own those of `Parameters`."""
    properties = "Environment: {Variables: {A: a, B: b, C: c}}"
    env_vars = {"Parameters": {"A": "all", "B": "all"}, "F": {"B": "own", "D": 5}, "Fs": {}}
    function = read_one(read, properties, env_vars=env_vars, settings={"env": {"E": "cli"}, "freeze": False})
    assert function.config.env == {"A": "all", "B": "own", "C": "c", "D": "5", "E": "cli"}
    assert not function.config.freeze
    assert any(
        "the variables for Fs are for no function; write F" in note for note in read({}, env_vars=env_vars).notes
    )
    with pytest.raises(InvalidProject, match=r"the variables of F are not a JSON object; write e\.g\."):
        read({}, env_vars={"F": "x"})


def test_endpoints_reach_functions(read: Read) -> None:
    """Functions get the addresses of services that the user names, unless their variables do."""
    endpoints = {"sqs": "http://127.0.0.1:1", "dynamodb": "http://127.0.0.1:2"}
    function = read_one(read, "Environment: {Variables: {AWS_ENDPOINT_URL_SQS: mine}}", endpoints=endpoints)
    assert function.config.env == {"AWS_ENDPOINT_URL_SQS": "mine", "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:2"}


def test_only_some_functions(read: Read) -> None:
    """`only` keeps functions by name or logical id; an unknown one is refused with the nearest."""
    files = {"template.yaml": template("FunctionName: first", SECOND), "src/app.py": APP}
    assert [each.logical_id for each in read(files, only=["first"]).functions] == ["F"]
    assert [each.logical_id for each in read(files, only=["F", "G"]).functions] == ["F", "G"]
    with pytest.raises(InvalidProject, match="the project has no function frist; write first"):
        read(files, only=["frist"])


def test_two_functions_with_one_name(read: Read) -> None:
    """The second of two functions with one name is left out with a note."""
    others = (
        f"  G:\n    Type: AWS::Lambda::Function\n    Properties: {{FunctionName: same, Handler: app.get, "
        f"Runtime: {RUNNING}, Code: src}}\n"
    )
    project = read({"template.yaml": template("FunctionName: same", others), "src/app.py": APP})
    assert [each.logical_id for each in project.functions] == ["F"]
    assert any("template.yaml: G: its name same belongs to F; it is left out" in note for note in project.notes)


def test_other_architecture_is_noted(read: Read) -> None:
    """A function for another processor runs with a note."""
    other = "arm64" if platform.machine() == "x86_64" else "x86_64"
    project = read({"template.yaml": template(f"Architectures: [{other}]"), "src/app.py": APP})
    assert not project.functions[0].unavailable
    assert any(f"Architectures is {other}, this machine is" in note for note in project.notes)


VERSIONS = """
  One: {Type: AWS::Lambda::Version, Properties: {FunctionName: !Ref F}}
  Two: {Type: AWS::Lambda::Version, Properties: {FunctionName: !Ref F}}
  Live:
    Type: AWS::Lambda::Alias
    Properties:
      FunctionName: !Ref F
      Name: live
      FunctionVersion: !GetAtt Two.Version
      RoutingConfig: {AdditionalVersionWeights: [{FunctionVersion: !GetAtt One.Version, FunctionWeight: 0.25}]}
"""


def test_versions_and_weights_of_an_alias(read: Read) -> None:
    """Versions are numbered in the template's order, and an alias has its weights."""
    function = read_one(read, "", VERSIONS)
    assert function.versions == ("1", "2")
    (alias,) = function.aliases
    assert (alias.name, alias.version, alias.weights) == ("live", "2", {"1": 0.25})


def test_requirements_are_installed_once(read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requirements of code that is not built become a layer, installed once for each set of them."""
    installed: list[tuple[Path, Path]] = []

    def install(file: Path, into: Path, target: object) -> None:
        installed.append((file, into))
        into.mkdir(parents=True)
        (into / "needed.py").write_text("VALUE = 7\n")

    monkeypatch.setattr("awslambdaric_lite.packaging.wheels.install_requirements", install)
    app = "import needed\ndef get(event, context):\n    return needed.VALUE\n"
    files = {"src/requirements.txt": "needed==1.0\n", "src/app.py": app}
    said: list[str] = []
    function = read_one(read, "", files=files, progress=said.append)
    again = read_one(read, "", files=files)
    assert len(installed) == 1
    assert said == [f"installing {tmp_path / 'src' / 'requirements.txt'} for Python {RUNNING.removeprefix('python')}"]
    assert function.config.layers == again.config.layers
    with _running(function) as local:
        assert local.invoke({}).json() == 7
    read_one(read, "", files={"src/requirements.txt": "needed==2.0\n"})
    assert len(installed) == 2
    read_one(read, "", files={"src/requirements.txt": "# nothing\n"})
    read_one(read, "", files={"src/requirements.txt": "needed==3.0\n", "src/needed-3.0.dist-info/METADATA": ""})
    assert len(installed) == 2


def test_requirements_that_cannot_be_installed(read: Read) -> None:
    """A requirement that cannot be read makes one function unavailable, with the reason."""
    function = read_one(read, "", files={"src/requirements.txt": "-r missing.txt\n"})
    assert "template.yaml: F: its requirements cannot be installed: " in function.unavailable
    assert "missing.txt" in function.unavailable


def test_cache_that_cannot_be_written_is_named(read: Read, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A function that needs the cache says how to choose another one."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    function = read_one(read, "Code: {ZipFile: x}\nHandler: index.get")
    assert "cannot be written" in function.unavailable
    assert "set XDG_CACHE_HOME" in function.unavailable


def test_emulator_and_command_line_do_not_import_projects() -> None:
    """One function without a template pays nothing."""
    script = (
        "import sys, awslambdaric_lite.emulator.local_lambda, awslambdaric_lite.cli.invoke, awslambdaric_lite.cli.pack;"
        "print([name for name in sys.modules if name.startswith('awslambdaric_lite.project') or name == 'yaml'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
