"""The templates for SAM, CDK and Terraform: findings of their own tools, and the functions that they deploy."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.client_process import GUARD

from .recipe_files import HANDLER, RECIPES

BUNDLED = {"AWSLAMBDARIC_LITE_BUNDLE": "imports.bundle"}
WRAPPED = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/awslambdaric-lite", **BUNDLED}
ZIP_FILES = {f"awslambdaric-lite-{kind}-py3.13-x86_64.zip" for kind in ("wrapper", "provided")}
PACKAGE = "greeting.zip"
FUNCTIONS = {"python3.13": WRAPPED, "provided.al2023": BUNDLED}


def lint(path: Path) -> None:
    """Let cfn-lint look at a template; a warning is a failure."""
    if importlib.util.find_spec("cfnlint") is None:
        pytest.skip("cfn-lint is not installed")
    # CDK's own output: W3005 is a dependency that it names although cfn-lint infers it.
    start = "import sys; from cfnlint.runner import main; sys.exit(main())"
    done = run([sys.executable, "-c", start, "--ignore-checks", "W3005", "--template", str(path)])
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def run(command: list[str], cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program until it exits."""
    environment = {**os.environ, **variables}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=GUARD, check=False)


def functions(resources: Mapping[str, Any], kind: str) -> dict[str, dict[str, str]]:
    """Return the variables of each function with one layer, by runtime."""
    found = {}
    for resource in resources.values():
        if resource["Type"] == kind:
            properties = resource["Properties"]
            assert len(properties["Layers"]) == 1
            assert properties.get("Handler", HANDLER) == HANDLER
            found[properties["Runtime"]] = dict(properties.get("Environment", {}).get("Variables", {}))
    return found


def test_sam_template_is_valid() -> None:
    """cfn-lint accepts the template; its paths match the build; each function has its layer."""
    template = RECIPES / "sam" / "template.yaml"
    lint(template)
    resources = importlib.import_module("cfnlint.decode.cfn_yaml").load(str(template))["Resources"]
    assert functions(resources, "AWS::Serverless::Function") == FUNCTIONS
    layers = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::Serverless::LayerVersion"]
    for layer in layers:
        path = (template.parent / layer["ContentUri"]).resolve()
        assert path.parent == RECIPES.parents[1] / "dist" and path.name in ZIP_FILES
    assert {each["CompatibleRuntimes"][0] for each in layers} == FUNCTIONS.keys()


def test_cdk_template_is_valid(tmp_path: Path) -> None:
    """The app makes a template that cfn-lint accepts, with the zip files as assets."""
    if importlib.util.find_spec("aws_cdk") is None or shutil.which("node") is None:
        pytest.skip("aws-cdk-lib or node is not installed")
    shutil.copytree(RECIPES, tmp_path / "layers" / "recipes")
    (tmp_path / "dist").mkdir()
    for name in {*ZIP_FILES, PACKAGE}:
        (tmp_path / "dist" / name).write_bytes(name.encode())
    folder = tmp_path / "layers" / "recipes" / "cdk"
    app = json.loads((folder / "cdk.json").read_text())["app"].split()
    assert app[0] == "python3"
    done = run([sys.executable, *app[1:]], cwd=folder, CDK_OUTDIR=str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    (template,) = (tmp_path / "out").glob("*.template.json")
    lint(template)
    assert functions(json.loads(template.read_text())["Resources"], "AWS::Lambda::Function") == FUNCTIONS
    assert {path.read_text() for path in (tmp_path / "out").glob("asset.*.zip")} == {*ZIP_FILES, PACKAGE}


def test_terraform_is_formatted() -> None:
    """`terraform fmt` parses and accepts the file; validation would need AWS's provider."""
    terraform = shutil.which("terraform")
    if terraform is None:
        pytest.skip("terraform is not installed")
    done = run([terraform, "fmt", "-check", "-diff", str(RECIPES / "terraform")])
    assert (done.returncode, done.stdout) == (0, "")


def test_terraform_references_are_declared() -> None:
    """Each function has its layer and its variables, and every reference is declared."""
    text = (RECIPES / "terraform" / "main.tf").read_text(encoding="utf-8")
    blocks = {
        (kind, *re.findall(r'"(\w+)"', labels)): body
        for kind, labels, body in re.findall(r'^(\w+)((?: "\w+")*) {\n(.*?)^}', text, re.MULTILINE | re.DOTALL)
    }
    declared = {".".join(labels) for kind, *labels in blocks if kind == "resource"}
    declared |= {".".join(["data", *labels]) for kind, *labels in blocks if kind == "data"}
    declared |= {f"var.{labels[0]}" for kind, *labels in blocks if kind == "variable"}
    declared |= {f"local.{name}" for name in re.findall(r"^  (\w+) +=", blocks["locals",], re.MULTILINE)}
    references = set(re.findall(r"\b(?:data\.)?(?:aws|archive)_\w+\.\w+|\b(?:var|local)\.\w+", text))
    assert len(references) > 10 and references <= declared, references - declared
    managed, provided = (blocks["resource", "aws_lambda_function", name] for name in ("managed", "provided"))
    assert 'runtime          = "python${var.python}"' in managed and "[aws_lambda_layer_version.wrapper.arn]" in managed
    assert 'AWS_LAMBDA_EXEC_WRAPPER = "/opt/awslambdaric-lite"' in managed
    assert 'runtime          = "provided.al2023"' in provided and "variables = local.imports" in provided
    assert "variables = merge(local.imports, {" in managed and 'AWSLAMBDARIC_LITE_BUNDLE = "imports.bundle"' in text
    assert "[aws_lambda_layer_version.provided.arn]" in provided
    for name in ZIP_FILES:
        assert name.replace("3.13", "${var.python}").replace("x86_64", "${var.architecture}") in text
