"""The plan of a run, and errors of the command line."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path

import pytest

from benchmarks.aws.variants import LayerFile, NotPossible, find_layers, function_zip

from .conftest import Command, write_layer
from .double import AwsDouble


def test_manifests_select_layers(layers: Path) -> None:
    """The manifests' version and architecture select the layers; layers of other versions are ignored."""
    write_layer(layers, "wrapper", python="3.12")
    write_layer(layers, "wrapper", arch="arm64")
    found = find_layers(layers, "3.13", "x86_64")

    names = {kind: layer.path.name for kind, layer in found.items() if isinstance(layer, LayerFile)}
    assert names == {kind: f"awslambdaric-lite-{kind}-py3.13-x86_64.zip" for kind in ("wrapper", "provided")}


def test_missing_layer_names_build_command(layers: Path) -> None:
    """A missing layer is skipped, and the reason has the command that builds it."""
    found = find_layers(layers, "3.11", "arm64")
    assert "`python layers/build.py provided --python 3.11 --arch arm64 -o dist`" in str(found["provided"])
    next(layers.glob("*-wrapper-*.zip")).unlink()
    assert "is missing next to its manifest" in str(find_layers(layers, "3.13", "x86_64")["wrapper"])
    assert "no layers given" in str(find_layers(None, "3.13", "x86_64")["wrapper"])


def test_host_layer_is_refused(layers: Path) -> None:
    """A layer with this machine's interpreter is refused, because it does not start on AWS."""
    write_layer(layers, "provided", target="host")
    with pytest.raises(NotPossible, match=r"provided-py3\.13.* is built for this machine, not for AWS"):
        find_layers(layers, "3.13", "x86_64")


def test_zip_must_match_manifest(layers: Path) -> None:
    """A zip with another hash than its manifest says is refused."""
    manifest = layers / "awslambdaric-lite-wrapper-py3.13-x86_64.manifest.json"
    content = json.loads(manifest.read_text())
    digest = hashlib.sha256((layers / "awslambdaric-lite-wrapper-py3.13-x86_64.zip").read_bytes()).hexdigest()
    manifest.write_text(json.dumps({**content, "zip": {"sha256": digest}}))
    assert isinstance(find_layers(layers, "3.13", "x86_64")["wrapper"], LayerFile)
    manifest.write_text(json.dumps({**content, "zip": {"sha256": 64 * "0"}}))
    assert "is not the zip that its manifest describes" in str(find_layers(layers, "3.13", "x86_64")["wrapper"])


@pytest.mark.parametrize("text", ["", "[]", "{}", "{"])
def test_malformed_manifest_is_refused(layers: Path, text: str) -> None:
    """A malformed manifest is an error that names the file, not a missing layer."""
    (layers / "awslambdaric-lite-wrapper-py3.13-x86_64.manifest.json").write_text(text)
    with pytest.raises(NotPossible, match=r"manifest\.json is not the manifest of a layer"):
        find_layers(layers, "3.13", "x86_64")


def test_function_zips_are_deterministic() -> None:
    """The zip of a function has the same bytes every time, and executable members."""
    content = function_zip({"b": b"1", "a": b"2"})
    assert content == function_zip({"a": b"2", "b": b"1"})
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert [(entry.filename, entry.external_attr >> 16) for entry in archive.infolist()] == [
            ("a", 0o100755),
            ("b", 0o100755),
        ]


def test_dry_run_prints_plan(
    aws: AwsDouble, command: Command, layers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--dry-run` prints the plan with all names, and does not call AWS."""
    variants = ["--variant", "awslambdaric", "--variant", "lite-wrapper", "--variant", "lite-provided"]
    assert command("--dry-run", "--layers", str(layers), "--memory", "128", "--memory", "512", *variants) == 0

    printed = capsys.readouterr().out
    for memory in (128, 512):
        for name in ("awslambdaric", "lite-wrapper", "lite-provided"):
            assert f"bench-{name}-zip-{memory}-x86_64" in printed
    assert "provided.al2023" in printed and "awslambdaric-lite-wrapper-py3.13-x86_64.zip" in printed
    assert aws.calls == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--memory", "64"], "'64' is out of range; 128 to 10240 MB"),
        (["--samples", "0"], "'0' is out of range"),
        (["--samples", "many"], "'many' is out of range"),
        (["--role", "admin"], "'admin' is not the ARN of a role"),
        (["--arch", "mips"], "invalid choice: 'mips'"),
        (["--function-prefix", "-x/y"], "expected one argument"),
        (["--function-prefix", "x/y"], "'x/y' is not a prefix"),
    ],
)
def test_wrong_option_exits_with_2(
    command: Command, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    """A wrong option makes the exit status 2, with the reason."""
    with pytest.raises(SystemExit) as ended:
        command(*arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--runtime", "nodejs22.x"], "--runtime nodejs22.x is not a managed Python"),
        (["--variant", "lambda"], "unknown variant lambda; choose one of: awslambdaric, lite-wrapper"),
        (["--variant", "lite-wrapper"], "no layers given; `python layers/build.py wrapper"),
        (["--layers", "/nowhere"], "--layers /nowhere is not a directory"),
        (["--rust", "/nowhere"], "--rust /nowhere: No such file"),
        (["--variant", "awslambdaric", "-o", "/"], "/ is a directory; name a file"),
    ],
)
def test_impossible_plan_makes_nothing(aws: AwsDouble, command: Command, arguments: list[str], message: str) -> None:
    """A plan that cannot be carried out is refused in one line, before the first call."""
    with pytest.raises(SystemExit, match=r"^benchmarks: ") as ended:
        command(*arguments)
    assert message in str(ended.value.code)
    assert aws.calls == []


def test_script_as_rust_function_is_refused(command: Command, tmp_path: Path) -> None:
    """A Rust function that is not a program for the architecture is refused."""
    script = tmp_path / "bootstrap"
    script.write_text("#!/bin/sh\n")
    with pytest.raises(SystemExit, match="bootstrap is not a program for x86_64"):
        command("--rust", str(script))


def test_missing_region_names_option(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a region the message names the option that sets it."""
    arguments = [
        each for each in command.arguments("--variant", "awslambdaric") if each not in ("--region", "us-east-1")
    ]
    from benchmarks.aws.command import main

    with pytest.raises(SystemExit, match=r"no region is configured; give one, e\.g\. --region"):
        main(arguments)


def test_missing_credentials_make_nothing(command: Command, aws: AwsDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials the command fails before it makes resources."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(SystemExit, match=r"AWS does not answer: Unable to locate credentials"):
        command("--variant", "awslambdaric")
    assert aws.calls == []
