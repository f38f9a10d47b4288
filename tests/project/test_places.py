"""Which file describes a project: templates, builds, cloud assemblies, samconfig.toml and pyproject.toml."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from awslambdaric_lite.emulator.config.project import Alias
from awslambdaric_lite.project.errors import InvalidProject
from awslambdaric_lite.project.options import ProjectOptions
from awslambdaric_lite.project.read import read_project
from awslambdaric_lite.project.runtimes import RUNNING

from .conftest import Read

APP = "def get(event, context):\n    return 1\n"


def template(code: str = "src", more: str = "") -> str:
    """Return a template with a function that shows a parameter."""
    return f"""
Parameters: {{Stage: {{Type: String, Default: dev}}, Other: {{Type: String, Default: x}}}}
Resources:
  F:
    Type: AWS::Lambda::Function
    Properties:
      Handler: app.get
      Runtime: {RUNNING}
      Code: {code}
      Environment: {{Variables: {{STAGE: !Ref Stage, OTHER: !Ref Other, STACK: !Ref AWS::StackName}}}}
{more}"""


FILES = {"template.yaml": template(), "src/app.py": APP}


def test_current_folder_is_the_default(read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a path the project of the current folder is read."""
    read(FILES)
    monkeypatch.chdir(tmp_path)
    project = read_project(None, ProjectOptions())
    assert project.folder == tmp_path
    assert [each.config.task_root for each in project.functions] == [tmp_path / "src"]


@pytest.mark.parametrize("is_newer", [True, False])
def test_newer_build_is_used(read: Read, tmp_path: Path, is_newer: bool) -> None:
    """The template of a build is used if it is not older than the project's; else a note names it."""
    build = ".aws-sam/build"
    files = {**FILES, f"{build}/template.yaml": template("F"), f"{build}/F/app.py": APP}
    read(files)
    moment = (tmp_path / "template.yaml").stat().st_mtime + (10 if is_newer else -10)
    os.utime(tmp_path / build / "template.yaml", (moment, moment))
    project = read({})
    code = "F" if is_newer else "src"
    assert project.functions[0].config.task_root.name == code
    noted = [note for note in project.notes if "is older than" in note and "sam build" in note]
    assert bool(noted) != is_newer
    assert {file.name for file in project.files} == {"template.yaml"}


@pytest.mark.parametrize(
    ("overrides", "stage", "other"),
    [
        ('"Stage=prod Other=\\"a b\\""', "prod", "a b"),
        ("\"ParameterKey=Stage,ParameterValue=prod ParameterKey=Other,ParameterValue='a b'\"", "prod", "a b"),
        ('["Stage=prod", "Other=a b"]', "prod", "a b"),
        ('["ParameterKey=Stage,ParameterValue=prod"]', "prod", "x"),
        ('"Other=a=b"', "dev", "a=b"),
    ],
)
def test_samconfig_gives_parameters(read: Read, overrides: str, stage: str, other: str) -> None:
    """Parameters of `samconfig.toml` count in each of their forms, and the user's come before them."""
    config = f'[default.deploy.parameters]\nstack_name = "shop"\nparameter_overrides = {overrides}\n'
    project = read({**FILES, "samconfig.toml": config})
    assert project.functions[0].config.env == {"STAGE": stage, "OTHER": other, "STACK": "shop"}
    assert "samconfig.toml" in {file.name for file in project.files}
    given = read({}, parameters={"Other": "mine"})
    assert given.functions[0].config.env["OTHER"] == "mine"


def test_samconfig_of_an_environment(read: Read) -> None:
    """`config_env` chooses the environment, whose own settings replace the global ones; an unknown one is refused."""
    config = """
[default.deploy.parameters]
parameter_overrides = "Stage=dev"
[prod.global.parameters]
parameter_overrides = "Stage=global"
region = "eu-west-1"
[prod.deploy.parameters]
parameter_overrides = "Stage=prod"
template_file = "prod.yaml"
"""
    files = {**FILES, "samconfig.toml": config, "prod.yaml": template()}
    project = read(files, config_env="prod")
    assert project.functions[0].config.env["STAGE"] == "prod"
    assert project.functions[0].config.region == "eu-west-1"
    assert "prod.yaml" in {file.name for file in project.files}
    with pytest.raises(InvalidProject, match=r"samconfig\.toml has no environment prd; write prod"):
        read({}, config_env="prd")
    with pytest.raises(InvalidProject, match="does not exist; write it, or omit --config-env"):
        read_project(Path(__file__), ProjectOptions(config_env="prod"))


def test_damaged_samconfig_is_refused(read: Read) -> None:
    """An error names the file and the form."""
    with pytest.raises(InvalidProject, match=r"samconfig\.toml is not TOML"):
        read({**FILES, "samconfig.toml": "[default"})
    config = '[default.deploy.parameters]\nparameter_overrides = "Stage"\n'
    with pytest.raises(InvalidProject, match=r"parameter_overrides: 'Stage' is not KEY=VALUE; write it e\.g\."):
        read({"samconfig.toml": config})


TABLE = """
[tool.awslambdaric-lite.functions.orders]
handler = "app.get"
task-root = "src"
timeout = 7
memory = 256
env = {STAGE = "dev", LIMIT = 5}
layers = ["layer"]
url = {auth-type = "AWS_IAM", invoke-mode = "RESPONSE_STREAM", cors = {allow-origins = ["*"]}}
aliases = {live = 3}
reserved-concurrency = 2
[tool.awslambdaric-lite.functions.node]
handler = "index.handler"
runtime = "nodejs22.x"
url = true
"""


def test_functions_of_pyproject(read: Read, tmp_path: Path) -> None:
    """A table of `pyproject.toml` describes functions of a folder without a template."""
    files = {"pyproject.toml": TABLE, "src/app.py": APP, "layer/python/x.py": ""}
    orders, node = read(files).functions
    config = orders.config
    assert (config.name, config.handler, config.task_root) == ("orders", "app.get", tmp_path / "src")
    assert (config.timeout_s, config.memory_mb, config.env) == (7, 256, {"STAGE": "dev", "LIMIT": "5"})
    assert list(config.layers) == [tmp_path / "layer"]
    assert orders.reserved_concurrency == 2
    assert orders.aliases == (Alias("live", "3"),)
    assert orders.versions == ("3",)
    assert orders.url is not None
    assert (orders.url.auth_type, orders.url.invoke_mode) == ("AWS_IAM", "RESPONSE_STREAM")
    assert orders.url.cors is not None
    assert node.url is not None
    assert "--runtime nodejs22.x=COMMAND" in node.unavailable


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("F = {handlr = 'a.b'}", r"functions\.F has an unknown key handlr; write handler"),
        ("F = {handler = 'a.b', timeout = 'x'}", r"functions\.F: timeout is not a number"),
        ("F = {handler = 'a.b', memory = true}", r"functions\.F: memory is not a whole number"),
        ("F = {handler = 'a.b', url = 'x'}", r"functions\.F: url is not true or a table"),
        ("F = {handler = 'a.b', url = {mode = 'x'}}", r"functions\.F\.url has an unknown key mode"),
        ("F = 'x'", r"functions\.F is not a table"),
        ("", r"has no functions; write \[tool"),
    ],
)
def test_wrong_table_is_refused(read: Read, text: str, message: str) -> None:
    """An error names the file, the key and the cure."""
    with pytest.raises(InvalidProject, match=rf"pyproject\.toml.*{message}"):
        read({"pyproject.toml": f"[tool.awslambdaric-lite.functions]\n{text}\n"})


@pytest.mark.parametrize(
    ("files", "path", "message"),
    [
        ({}, None, r"has no project: no template\.yaml"),
        ({"pyproject.toml": "[project]\n"}, None, "has no project"),
        ({}, "missing.yaml", "does not exist; name a template"),
        ({"template.yaml": "- a\n"}, None, r"template\.yaml is not a template"),
        ({"template.yaml": "just text"}, None, r"template\.yaml is not a template"),
        ({"template.yaml": ""}, None, r"template\.yaml is not a template"),
        ({"template.yaml": "a: b\n"}, None, r"template\.yaml has no Resources"),
        ({"template.yaml": "Resources: []\n"}, None, r"template\.yaml has no Resources"),
        ({"template.yaml": "Resources: {A: b}\n"}, None, r"template\.yaml is not a template: no resource has a Type"),
        ({"template.yaml": "Resources:\n  A: &a {Type: *a}\n"}, None, r"template\.yaml, line 2: an alias"),
        ({"manifest.json": "{}"}, None, r"manifest\.json has no artifacts"),
        ({"manifest.json": '{"artifacts": {}}'}, None, r"manifest\.json has no stacks; run cdk synth"),
        ({"template.json": "{"}, None, r"template\.json is not JSON"),
    ],
)
def test_what_is_not_a_project_is_refused(read: Read, files: dict[str, str], path: str | None, message: str) -> None:
    """An error names the file and the cure."""
    with pytest.raises(InvalidProject, match=message):
        read(files, path)


def test_unknown_types_are_noted(read: Read) -> None:
    """Notes have a misspelt type and resources without a counterpart; functions run."""
    more = """
  Typo: {Type: AWS::Lamda::Function, Properties: {}}
  Odd: {Type: Function}
  Untyped: {Properties: {}}
  Table: {Type: AWS::DynamoDB::Table}
"""
    project = read({"template.yaml": template(more=more), "src/app.py": APP})
    assert not project.functions[0].unavailable
    notes = "\n".join(project.notes)
    assert "template.yaml: Typo: the type AWS::Lamda::Function is unknown; write AWS::Lambda::Function" in notes
    assert "template.yaml: Odd: the type Function is unknown" in notes
    assert "template.yaml: Untyped: it has no Type, so it is left out" in notes
    assert "resources without a local counterpart: AWS::DynamoDB::Table (Table)" in notes


def assembly(stacks: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Return the files of a cloud assembly whose stacks have one asset, `code`."""
    artifacts: dict[str, Any] = {"Tree": {"type": "cdk:tree", "properties": {"file": "tree.json"}}}
    files = {"cdk.out/asset.1/app.py": APP}
    for name, resources in stacks.items():
        artifacts[f"{name}.assets"] = {"type": "cdk:asset-manifest", "properties": {"file": f"{name}.assets.json"}}
        artifacts[name] = {
            "type": "aws:cloudformation:stack",
            "environment": "aws://111122223333/eu-west-1",
            "properties": {"templateFile": f"{name}.template.json", "stackName": f"my-{name}"},
        }
        files[f"cdk.out/{name}.template.json"] = json.dumps({"Resources": resources})
        destinations = {"current": {"bucketName": "b", "objectKey": "hash1.zip"}}
        listed = {"hash1": {"source": {"path": "asset.1", "packaging": "zip"}, "destinations": destinations}}
        files[f"cdk.out/{name}.assets.json"] = json.dumps({"files": listed})
    files["cdk.out/manifest.json"] = json.dumps({"version": "1", "artifacts": artifacts})
    return files


def asset_function(metadata: dict[str, str] | None) -> dict[str, Any]:
    """Return a function as the CDK writes it."""
    code = {"S3Bucket": {"Fn::Sub": "cdk-${AWS::AccountId}"}, "S3Key": "hash1.zip"}
    properties = {"Handler": "app.get", "Runtime": RUNNING, "Code": code}
    return {"Type": "AWS::Lambda::Function", "Properties": properties, "Metadata": metadata or {}}


@pytest.mark.parametrize("path", ["cdk.out", "cdk.out/manifest.json", None])
def test_cloud_assembly(read: Read, tmp_path: Path, path: str | None) -> None:
    """The stacks of a cloud assembly are one project, with assets by their metadata or by their objects' names."""
    by_path = {"aws:asset:path": "asset.1", "aws:asset:property": "Code"}
    files = assembly({"A": {"F": asset_function(by_path)}, "B": {"F": asset_function(None)}})
    project = read(files, path)
    first, second = project.functions
    assert (first.config.name, second.config.name) == ("F", "my-B-F")
    assert first.config.task_root == second.config.task_root == tmp_path / "cdk.out" / "asset.1"
    assert first.config.arn == "arn:aws:lambda:eu-west-1:111122223333:function:F"
    assert {file.name for file in project.files} >= {"manifest.json", "A.template.json", "B.template.json"}


def test_values_between_stacks_of_an_assembly(read: Read) -> None:
    """A stack imports what another stack of the project exports."""
    exporting = {"Resources": {"F": asset_function(None)}}
    importing = asset_function(None)
    importing["Properties"]["Environment"] = {"Variables": {"OTHER": {"Fn::ImportValue": "shared"}}}
    files = assembly({"A": exporting["Resources"], "B": {"G": importing}})
    outputs = {"Name": {"Value": {"Fn::GetAtt": ["F", "Arn"]}, "Export": {"Name": "shared"}}}
    files["cdk.out/A.template.json"] = json.dumps({**exporting, "Outputs": outputs})
    project = read(files)
    assert project.functions[1].config.env == {"OTHER": "arn:aws:lambda:eu-west-1:111122223333:function:F"}
    assert project.notes == ()
