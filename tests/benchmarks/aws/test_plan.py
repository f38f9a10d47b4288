"""What is going to be deployed, and what the command says to wrong options."""

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


def test_layers_are_found_by_their_manifests(layers: Path) -> None:
    """Version and architecture decide; another version's layer beside it does not matter."""
    write_layer(layers, "wrapper", python="3.12")
    write_layer(layers, "wrapper", arch="arm64")
    found = find_layers(layers, "3.13", "x86_64")

    names = {kind: layer.path.name for kind, layer in found.items() if isinstance(layer, LayerFile)}
    assert names == {kind: f"awslambdaric-lite-{kind}-py3.13-x86_64.zip" for kind in ("wrapper", "provided")}


def test_a_missing_layer_names_its_command(layers: Path) -> None:
    """What is not there is skipped, with what would make it."""
    found = find_layers(layers, "3.11", "arm64")
    assert "`python layers/build.py provided --python 3.11 --arch arm64 -o dist`" in str(found["provided"])
    next(layers.glob("*-wrapper-*.zip")).unlink()
    assert "is missing beside its manifest" in str(find_layers(layers, "3.13", "x86_64")["wrapper"])
    assert "no layers given" in str(find_layers(None, "3.13", "x86_64")["wrapper"])


def test_a_layer_for_this_machine_is_refused(layers: Path) -> None:
    """A host's interpreter would not start on AWS."""
    write_layer(layers, "provided", target="host")
    with pytest.raises(NotPossible, match=r"provided-py3\.13.* is built for this machine, not for AWS"):
        find_layers(layers, "3.13", "x86_64")


def test_a_zip_of_another_build_is_not_deployed(layers: Path) -> None:
    """Where the manifest has the zip's hash, it is compared."""
    manifest = layers / "awslambdaric-lite-wrapper-py3.13-x86_64.manifest.json"
    content = json.loads(manifest.read_text())
    digest = hashlib.sha256((layers / "awslambdaric-lite-wrapper-py3.13-x86_64.zip").read_bytes()).hexdigest()
    manifest.write_text(json.dumps({**content, "zip": {"sha256": digest}}))
    assert isinstance(find_layers(layers, "3.13", "x86_64")["wrapper"], LayerFile)
    manifest.write_text(json.dumps({**content, "zip": {"sha256": 64 * "0"}}))
    assert "is not the zip that its manifest describes" in str(find_layers(layers, "3.13", "x86_64")["wrapper"])


@pytest.mark.parametrize("text", ["", "[]", "{}", "{"])
def test_a_broken_manifest_is_named(layers: Path, text: str) -> None:
    """A manifest that is none is an error, not a missing layer."""
    (layers / "awslambdaric-lite-wrapper-py3.13-x86_64.manifest.json").write_text(text)
    with pytest.raises(NotPossible, match=r"manifest\.json is no manifest of a layer"):
        find_layers(layers, "3.13", "x86_64")


def test_function_zips_are_deterministic() -> None:
    """The same bytes each time, executable members."""
    content = function_zip({"b": b"1", "a": b"2"})
    assert content == function_zip({"a": b"2", "b": b"1"})
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert [(entry.filename, entry.external_attr >> 16) for entry in archive.infolist()] == [
            ("a", 0o100755),
            ("b", 0o100755),
        ]


def test_a_dry_run_calls_nothing(
    aws: AwsDouble, command: Command, layers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The plan is printed, with every name."""
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
        (["--role", "admin"], "'admin' is no ARN of a role"),
        (["--arch", "mips"], "invalid choice: 'mips'"),
        (["--function-prefix", "-x/y"], "expected one argument"),
        (["--function-prefix", "x/y"], "'x/y' is no prefix"),
    ],
)
def test_wrong_options_are_named(
    command: Command, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    """argparse ends with status 2 and the reason."""
    with pytest.raises(SystemExit) as ended:
        command(*arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--runtime", "nodejs22.x"], "--runtime nodejs22.x is not a managed Python"),
        (["--variant", "lambda"], "no such variant as lambda; there are awslambdaric, lite-wrapper"),
        (["--variant", "lite-wrapper"], "no layers given; `python layers/build.py wrapper"),
        (["--layers", "/nowhere"], "--layers /nowhere is not a directory"),
        (["--rust", "/nowhere"], "--rust /nowhere: No such file"),
        (["--variant", "awslambdaric", "-o", "/"], "/ is a directory; name a file"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_made(
    aws: AwsDouble, command: Command, arguments: list[str], message: str
) -> None:
    """One line, a status that is not 0, and no call."""
    with pytest.raises(SystemExit, match=r"^benchmarks: ") as ended:
        command(*arguments)
    assert message in str(ended.value.code)
    assert aws.calls == []


def test_a_script_is_no_rust_function(command: Command, tmp_path: Path) -> None:
    """What would not start on AWS is refused here."""
    script = tmp_path / "bootstrap"
    script.write_text("#!/bin/sh\n")
    with pytest.raises(SystemExit, match="bootstrap is no program for x86_64"):
        command("--rust", str(script))


def test_without_a_region(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cure is an option."""
    arguments = [
        each for each in command.arguments("--variant", "awslambdaric") if each not in ("--region", "us-east-1")
    ]
    from benchmarks.aws.command import main

    with pytest.raises(SystemExit, match="no region is configured; give one with --region"):
        main(arguments)


def test_without_credentials(command: Command, aws: AwsDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is made before it is known who calls."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(SystemExit, match=r"AWS does not answer: Unable to locate credentials"):
        command("--variant", "awslambdaric")
    assert aws.calls == []
