"""The commands of the layers' pages, run as written, in a copy of the checkout.

moto replaces AWS, and `aws_command` the AWS CLI. Nothing is downloaded: the tools come from the environment of the
tests, orjson is excluded, and the packed interpreter is an artificial one.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import layers
from awslambdaric_lite.emulator import LocalLambda
from awslambdaric_lite.packaging.reading import extract
from awslambdaric_lite.packaging.targets import Target
from tests.layers.managed_image import Interpreter, ManagedImage
from tests.layers.private_root import why_not
from tests.layers.provided.installations import make_archive, make_installation
from tests.layers.publishing import aws_command
from tests.layers.publishing.aws import CREDENTIALS, moto, settings
from tests.support.client_process import GUARD, PROJECT

boto3 = pytest.importorskip("boto3", reason="boto3 is not installed")

LAYERS = Path(layers.__file__).parent
RUNNING = f"{sys.version_info[0]}.{sys.version_info[1]}"
WRITTEN_FOR = "3.13"  # the version of Python in the pages; tests replace it by their own
INSTALL = "python3 -m venv .venv && .venv/bin/pip install '.[layers]'"
PAGES = ["README.md", "recipes/function-zip/README.md"]
# A virtual environment with the tests' pip: installing one takes longer than everything else.
_PYTHON3 = """#!/bin/sh
set -eu
"{python}" "$@" --without-pip
printf '#!/bin/sh\\nexec "%s" -m pip "$@"\\n' "$PWD/.venv/bin/python" > .venv/bin/pip
chmod +x .venv/bin/pip
"""
_AWS = """#!/bin/sh
exec "{python}" "{aws_command}" "$@"
"""
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(page: str) -> list[str]:
    """Return the lines of a page's shell blocks."""
    blocks = _FENCED.findall((LAYERS / page).read_text(encoding="utf-8"))
    return [line for kind, text in blocks if kind == "sh" for line in text.splitlines()]


def test_all_blocks_are_commands() -> None:
    """The test below runs every block of the pages, and fewer than ten commands are needed."""
    for page in PAGES:
        assert {kind for kind, _ in _FENCED.findall((LAYERS / page).read_text(encoding="utf-8"))} == {"sh"}
    way = (LAYERS / "README.md").read_text(encoding="utf-8").partition("## The layer for provided")[0]
    assert sum(text.count("\n") for _, text in _FENCED.findall(way)) < 10
    assert commands("README.md")[0] == INSTALL


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Copy the files of the checkout that the commands need."""
    copy = tmp_path / "checkout"
    copy.mkdir()
    for name in ("awslambdaric_lite", "layers"):
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("bootstrap", "hatch_build.py", "pyproject.toml", "README.md", "LICENSE"):
        if (PROJECT / name).is_file():
            shutil.copy2(PROJECT / name, copy / name)
    return copy


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return variables for the commands: `python3` and `aws` are the tests' own, pip and boto3 use no network."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, text in {"python3": _PYTHON3, "aws": _AWS}.items():
        (programs / name).write_text(text.format(python=sys.executable, aws_command=aws_command.__file__))
        (programs / name).chmod(0o755)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PIP_"))}
    return {
        **inherited,
        **CREDENTIALS,
        **settings(tmp_path),
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}),
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip's value for: no isolation
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def script(page: str, interpreter: Path) -> str:
    """Return a page's commands, changed for this machine and for a missing network."""
    lines = [line.replace(WRITTEN_FOR, RUNNING) for line in commands(page)]
    for number, line in enumerate(lines):
        if " layers/build.py provided " in line:
            lines[number] = f"{line} --no-orjson --interpreter '{interpreter}'"
        elif " layers/build.py " in line:
            lines[number] = f"{line} --no-orjson"
        elif line == INSTALL and not (PROJECT / "awslambdaric_lite").is_dir():
            # The tests run against an installed wheel.
            tool = Path(sys.executable).with_name("awslambdaric-lite")
            lines[number] = f"mkdir -p .venv/bin && ln -s '{sys.executable}' '{tool}' .venv/bin/"
    return "\n".join(["set -eu", *lines])


@pytest.mark.timeout(900)  # a dozen programs, one after the other
def test_every_command_works(checkout: Path, environment: dict[str, str], tmp_path: Path) -> None:
    """The commands of both pages publish the layer and run the function on it."""
    installation = make_installation(tmp_path / "installation", Target(RUNNING, "x86_64"))
    interpreter = make_archive(installation, tmp_path / "interpreter.tar")
    with moto() as url:
        client = boto3.client("lambda", "eu-central-1", endpoint_url=url, **_keys())
        role = boto3.client("iam", "eu-central-1", endpoint_url=url, **_keys()).create_role(
            RoleName="function", AssumeRolePolicyDocument="{}"
        )
        variables = {"ROLE": role["Role"]["Arn"], "AWS_ENDPOINT_URL": url, **environment}
        said = {}
        for page in PAGES:
            done = subprocess.run(
                ["sh", "-c", script(page, interpreter)],
                cwd=checkout,
                env=variables,
                capture_output=True,
                text=True,
                timeout=6 * GUARD,
                check=False,
            )
            assert done.returncode == 0, f"{page}:\n{done.stdout}{done.stderr}"
            said[page] = done
            if page == PAGES[0]:
                function = client.get_function(FunctionName="greeting")["Configuration"]
                client.delete_function(FunctionName="greeting")
        bare = client.get_function(FunctionName="greeting")["Configuration"]
        name = f"awslambdaric-lite-wrapper-py{RUNNING.replace('.', '')}-x86_64"
        (version,) = client.list_layer_versions(LayerName=name)["LayerVersions"]
    assert said[PAGES[0]].stderr.count("nothing was sent (--dry-run)") == 2
    assert function["Runtime"] == f"python{RUNNING}" and function["Handler"] == "greeting.handler"
    assert function["Environment"]["Variables"] == {
        "AWS_LAMBDA_EXEC_WRAPPER": "/opt/awslambdaric-lite",
        "AWSLAMBDARIC_LITE_BUNDLE": "imports.bundle",
    }
    assert [each["Arn"] for each in function["Layers"]] == [version["LayerVersionArn"]]
    assert (checkout / "dist" / "answer.json").is_file()
    assert bare["Runtime"] == "provided.al2023" and not bare.get("Layers")
    with zipfile.ZipFile(checkout / "dist" / "greeting.zip") as archive:
        assert {"bootstrap", f"bin/python{RUNNING}", "greeting.py"} <= set(archive.namelist())
    if reason := why_not():
        pytest.skip(f"all commands work, but what they make is not run; {reason}")
    _run(checkout / "dist", tmp_path)


def _run(dist: Path, folder: Path) -> None:
    layer = folder / "opt"
    extract(dist / f"awslambdaric-lite-wrapper-py{RUNNING}-x86_64.zip", layer)
    code = (LAYERS / "recipes" / "function" / "greeting.py").read_text(encoding="utf-8")
    image = ManagedImage(
        folder / "root", Interpreter(Path(sys.executable).resolve(), RUNNING), layer, {"greeting.py": code}
    )
    with LocalLambda("greeting.handler", task_root=folder, runtime=image.wrapped(), init_timeout_s=GUARD) as function:
        answer = function.invoke({"name": "you"}).json()
    assert (answer["greeting"], answer["client"]) == ("Hello, you!", "awslambdaric_lite")


def _keys() -> dict[str, str]:
    return {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}


def test_links_lead_somewhere() -> None:
    """Each relative link of the pages names a file."""
    for page in [*PAGES, "recipes/README.md"]:
        text = (LAYERS / page).read_text(encoding="utf-8")
        for link in re.findall(r"\]\(([^)#]+)\)", text):
            if "://" not in link:
                assert (LAYERS / page).parent.joinpath(link).exists(), f"{page}: {link}"
