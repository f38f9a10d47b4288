"""Options of `serve` for a project: their forms, and those that suit one function only."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from awslambdaric_lite.cli import main, serve
from awslambdaric_lite.cli.errors import UsageError
from awslambdaric_lite.cli.project_options import project_path, read_options

ARN = "arn:aws:lambda:us-east-1:012345678912:layer:common:3"


def parse(*words: str) -> argparse.Namespace:
    """Parse arguments of `serve`."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    serve.configure(parser)
    return parser.parse_args(list(words))


@pytest.mark.parametrize(
    ("words", "parameters"),
    [
        (["Stage=dev"], {"Stage": "dev"}),
        (["Stage="], {"Stage": ""}),
        (["Stage=dev Table=orders"], {"Stage": "dev", "Table": "orders"}),
        (["Stage=dev\tTable=orders "], {"Stage": "dev", "Table": "orders"}),
        (["Title=two words"], {"Title": "two words"}),
        (['Title="a b=c" Stage=dev'], {"Title": "a b=c", "Stage": "dev"}),
        ([r'Title="say \"hi\""'], {"Title": 'say "hi"'}),
        (["Url=http://host/?a=b"], {"Url": "http://host/?a=b"}),
        (["Subnets=a,b,c"], {"Subnets": "a,b,c"}),
        (["ParameterKey=Stage,ParameterValue=dev"], {"Stage": "dev"}),
        (["ParameterKey=A,ParameterValue=x=y ParameterKey=B,ParameterValue=2"], {"A": "x=y", "B": "2"}),
        (['ParameterKey=A,ParameterValue="x y" B=2'], {"A": "x y", "B": "2"}),
        (["Stage=dev", "Stage=prod"], {"Stage": "prod"}),
        (["resolve:ssm:/orders/table=orders"], {"resolve:ssm:/orders/table": "orders"}),
    ],
)
@pytest.mark.parametrize("option", ["--parameter", "--parameter-overrides"])
def test_parameter_has_the_forms_of_sam(option: str, words: list[str], parameters: dict[str, str]) -> None:
    """Both names of the option take K=V, several of them in one argument, quotes, and SAM's longer form."""
    arguments = parse(*(word for each in words for word in (option, each)))
    assert dict(read_options(arguments, print).parameters) == parameters


def test_values_reach_the_options_of_the_project(tmp_path: Path) -> None:
    """Resources, layers, runtimes, functions, variables, endpoints, region and account are read."""
    (tmp_path / "layer").mkdir()
    (tmp_path / "vars.json").write_text('\ufeff{"Parameters": {"A": "1"}, "orders": {"B": 2}}')
    arguments = parse(
        *("--resource", "Table=orders=1", "--layer", f"{ARN}={tmp_path / 'layer'}", "--only", "a", "--only", "b"),
        *("--runtime", "nodejs22.x=node 'my boot.js'", "--runtime", "ruby3.3=./bootstrap"),
        *("--env-vars", str(tmp_path / "vars.json"), "--endpoint-url", "sqs=http://127.0.0.1:9324"),
        *("--config-env", "dev", "--region", "eu-west-1", "--account", "123456789012", "--aws", "--allow-host", "h"),
    )
    options = read_options(arguments, print)
    assert options.resources == {"Table": "orders=1"}
    assert options.layers == {ARN: tmp_path / "layer"}
    assert options.runtimes == {"nodejs22.x": ["node", "my boot.js"], "ruby3.3": ["./bootstrap"]}
    assert tuple(options.only) == ("a", "b")
    assert options.env_vars == {"Parameters": {"A": "1"}, "orders": {"B": 2}}
    assert options.endpoints == {"sqs": "http://127.0.0.1:9324"}
    assert (options.config_env, options.region, options.account) == ("dev", "eu-west-1", "123456789012")
    assert options.settings["aws_credentials"] is True
    assert tuple(options.settings["allow_hosts"]) == ("h",)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--parameter", "Stage"], "--parameter 'Stage' has no value; write NAME=VALUE"),
        (["--parameter", ""], "--parameter '' has no value"),
        (["--parameter", "=dev"], "--parameter '=dev' has no value"),
        (["--resource", "Table"], "--resource 'Table' has no value; write LOGICAL_ID=NAME_OR_ARN"),
        (["--resource", "Table="], "--resource 'Table=' has no value"),
        (["--layer", "."], "--layer '.' has no value; write ARN=FOLDER or ARN=FILE.zip"),
        (["--layer", "common=."], "does not begin with an ARN; write ARN=FOLDER or ARN=FILE.zip"),
        (["--layer", f"{ARN}=missing"], f"--layer {ARN}: missing does not exist; give a folder or a zip file"),
        (["--runtime", "./bootstrap"], "does not name a runtime; write IDENTIFIER=CMD, e.g. nodejs22.x=./bootstrap"),
        (["--runtime", "nodejs22.x="], "has no command; write IDENTIFIER=CMD"),
        (["--runtime", "nodejs22.x='a"], "cannot be split into arguments: No closing quotation; close its quotes"),
        (["--endpoint-url", "http://127.0.0.1:9324"], "is not SERVICE=URL; write e.g. sqs=http://127.0.0.1:9324"),
        (["--endpoint-url", "sqs=127.0.0.1:9324"], "is not SERVICE=URL"),
        (["--endpoint-url", "sqs=http://host:port"], "is not SERVICE=URL"),
        (["--endpoint-url", "sqs"], "is not SERVICE=URL"),
        (["--env-vars", "missing.json"], "--env-vars missing.json does not exist; check the path"),
        (["--env-vars", "."], "--env-vars . is a directory"),
        (["--env-vars", "text.json"], "--env-vars text.json is not JSON"),
        (["--env-vars", "list.json"], 'is not variables by function; write e.g. {"Orders": {"TABLE": "orders"}}'),
        (["--env-vars", "flat.json"], 'is not variables by function; write e.g. {"Orders": {"TABLE": "orders"}}'),
    ],
)
def test_malformed_value_is_refused_with_cure(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error for an option that cannot be read names it and the cure."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"text.json": "TABLE=orders", "list.json": "[]", "flat.json": '{"TABLE": "orders"}'}.items():
        Path(name).write_text(text)
    with pytest.raises(UsageError) as refused:
        read_options(parse(*words), print)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--timeout", "5"], "--timeout is for one function with a HANDLER, and this is a project; set Timeout"),
        (["--memory", "512"], "set MemorySize in the template"),
        (
            ["--env", "A=1"],
            "--env is for one function with a HANDLER, and this is a project; give a file by --env-vars",
        ),
        (["--env-file", "x"], "give a file by --env-vars"),
        (["--name", "orders"], "give --only NAME to serve one function"),
        (["--task-root", "src"], "give the folder as PATH"),
        (["--alias", "live=3"], "set AutoPublishAlias in the template"),
        (["--cors-origin", "http://localhost:3000"], "set Cors of FunctionUrlConfig in the template"),
        (["--retries", "1"], "set EventInvokeConfig in the template"),
        (["--debug"], "--debug gives this terminal to one function; name it by --only NAME"),
        (["--debug", "--only", "a", "--only", "b"], "name it by --only NAME"),
        (["--layer", "folder"], "--layer 'folder' has no value; write ARN=FOLDER"),
    ],
)
def test_option_of_one_function_is_refused_in_a_project(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An option that describes one function is refused with the place where a project says it."""
    assert main(["serve", str(tmp_path), *words]) == 2
    assert message in capsys.readouterr().err.splitlines()[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--parameter", "A=1"], "--parameter is for a project, and app.handler is a handler; leave it out, or leave"),
        (["--only", "orders"], "--only is for a project"),
        (["--api-port", "3001"], "--api-port is for a project"),
        (["--env-vars", "x"], "--env-vars is for a project, and app.handler is a handler; give --env-file instead"),
        (["--endpoint-url", "sqs=http://x"], "--endpoint-url is for a project"),
        (["--create-resources"], "--create-resources is for a project"),
        (["--template", "missing.yaml"], "--template missing.yaml and app.handler name two things to serve"),
    ],
)
def test_option_of_a_project_is_refused_for_a_handler(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An option that describes a project is refused for a handler."""
    assert main(["serve", "app.handler", *words]) == 2
    assert message in capsys.readouterr().err.splitlines()[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["missing.yaml"], "missing.yaml does not exist; check the path, or give a handler, e.g. app.handler"),
        (["missing/"], "missing/ does not exist"),
        (["-t", "missing"], "--template missing does not exist; check the path"),
        (["--port", "http"], "--port: 'http' is not a port"),
        (["--api-port", "70000"], "--api-port: '70000' is not a port"),
    ],
)
def test_missing_file_is_refused_with_cure(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that does not exist, or a port that is out of range, is an error that names it."""
    assert main(["serve", *words]) == 2
    assert message in capsys.readouterr().err.splitlines()[0]


def test_path_is_taken_before_a_handler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An existing file or folder is a project, any other word a handler; without a word it is the folder's project."""
    monkeypatch.chdir(tmp_path)
    assert project_path(parse()) == (True, None)
    assert project_path(parse("app.handler")) == (False, None)
    assert project_path(parse("\0")) == (False, None)
    assert project_path(parse("x" * 5000)) == (False, None)
    Path("app.handler").touch()
    Path("shop").mkdir()
    assert project_path(parse("app.handler")) == (True, Path("app.handler"))
    assert project_path(parse("shop")) == (True, Path("shop"))
    assert project_path(parse("-t", "app.handler")) == (True, Path("app.handler"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["serve", "--docker-network", "bridge"],
            "--docker-network of `sam local` is not needed, because",
        ),
        (["serve", "--skip-pull-image"], "is not needed, because functions run without containers"),
        (["serve", "--container-host", "localhost"], "`serve --host` sets the address"),
        (["serve", "-n", "env.json"], "-n of `sam local` is --env-vars here"),
        (["serve", "-p", "3000"], "is --port here for the Lambda API, and --api-port for the APIs of a template"),
        (["serve", "--template-file", "t.yaml"], "is --template here"),
        (["serve", "--warm-containers", "EAGER"], "environments stay warm"),
        (["serve", "--static-dir=public"], "is not offered: serve the files by another program"),
        (["serve", "--disable-authorizer"], "get status 501"),
        (["serve", "--log-file", "log"], "redirect standard output to the file"),
        (["serve", "--hook-name", "terraform"], "is not offered: give `serve` a template"),
        (["serve", "-e", "event.json"], "is an option of `awslambdaric-lite invoke --name NAME`"),
        (["serve", "--profile", "dev"], "is the variable AWS_PROFILE here"),
        (["serve", "app.handler", "-d", "5678"], "is --debug here"),
        (["invoke", "-e", "event.json"], "-e of `sam local` is --event here"),
        (["invoke", "--env-vars", "env.json"], "is --env-file here, and --env-vars with `awslambdaric-lite serve`"),
        (["invoke", "-t", "t.yaml"], "is an option of `awslambdaric-lite serve`"),
        (["invoke", "--docker-network", "bridge"], "is not needed, because functions run without containers"),
    ],
)
def test_flag_of_sam_local_is_answered(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A flag that `sam local` has is answered with the option here, or with the reason why it is not needed."""
    assert main(words) == 2
    assert message in capsys.readouterr().err.splitlines()[0]


@pytest.mark.parametrize("command", ["serve", "invoke"])
def test_flags_of_sam_local_are_not_in_the_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` shows the command's own options only."""
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert "docker" not in capsys.readouterr().out
