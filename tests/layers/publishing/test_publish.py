"""`layers/publish.py` against moto: the account's layers, and the messages."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import layers.publish
from layers.publish import main
from layers.publishing import publication
from layers.publishing.layer_file import read_layer_file
from tests.support.client_process import GUARD

from .aws import CREDENTIALS, REGIONS, LosesAnswers
from .conftest import MakeLayer

boto3 = pytest.importorskip("boto3", reason="boto3 is not installed")

NAME = "awslambdaric-lite-wrapper-py313-x86_64"
EU, US = REGIONS


def versions(url: str, region: str, name: str = NAME) -> list[dict[str, Any]]:
    """Return the account's versions of a layer, with all fields."""
    client = boto3.client("lambda", region_name=region, endpoint_url=url)
    listed = client.list_layer_versions(LayerName=name)["LayerVersions"]
    return [client.get_layer_version(LayerName=name, VersionNumber=each["Version"]) for each in listed]


def arn(region: str, version: int = 1, name: str = NAME) -> str:
    """Return an ARN of moto's account."""
    return f"arn:aws:lambda:{region}:123456789012:layer:{name}:{version}"


def test_two_regions(aws: str, make_layer: MakeLayer, capsys: pytest.CaptureFixture[str]) -> None:
    """Both regions have the layer with all its fields; standard output has the ARNs and nothing else."""
    path = make_layer()
    assert main([str(path), "--region", EU, "--region", US, "--region", EU, "--endpoint-url", aws]) == 0
    assert capsys.readouterr() == (f"{arn(EU)}\n{arn(US)}\n", "")
    for region in (EU, US):
        (version,) = versions(aws, region)
        assert version["LayerVersionArn"] == arn(region)
        assert version["Content"]["CodeSha256"] == read_layer_file(path).sha256
        assert version["CompatibleRuntimes"] == ["python3.13"]
        assert version["CompatibleArchitectures"] == ["x86_64"]
        assert version["LicenseInfo"] == "Apache-2.0 AND (MPL-2.0 AND (Apache-2.0 OR MIT))"
        assert version["Description"].startswith("awslambdaric-lite 0.")


def test_not_twice(aws: str, make_layer: MakeLayer, capsys: pytest.CaptureFixture[str]) -> None:
    """The same content gives the same ARN again; other content gives a new version."""
    command = ["--region", EU, "--endpoint-url", aws]
    first, second = str(make_layer()), str(make_layer(content=b"other", folder="other"))
    said = []
    for path in (first, first, second, second):
        assert main([path, *command]) == 0
        said.append(capsys.readouterr())
    assert [each.out for each in said] == [f"{arn(EU, number)}\n" for number in (1, 1, 2, 2)]
    again = f"{EU} {NAME}: version {{}} has this content already\n"
    assert [each.err for each in said] == ["", again.format(1), "", again.format(2)]
    assert len(versions(aws, EU)) == 2


def test_a_layer_for_everybody(aws: str, make_layer: MakeLayer) -> None:
    """`--public` also opens a version that is already published, and can be repeated."""
    command = [str(make_layer()), "--region", EU, "--endpoint-url", aws]
    client = boto3.client("lambda", region_name=EU, endpoint_url=aws)
    assert main(command) == 0
    with pytest.raises(client.exceptions.ClientError):
        client.get_layer_version_policy(LayerName=NAME, VersionNumber=1)
    assert main([*command, "--public"]) == 0
    policy = json.loads(client.get_layer_version_policy(LayerName=NAME, VersionNumber=1)["Policy"])
    (statement,) = policy["Statement"]
    assert (statement["Sid"], statement["Effect"], statement["Action"]) == ("public", "Allow", "lambda:GetLayerVersion")
    assert statement["Principal"] == "*"
    assert main([*command, "--public"]) == 0
    assert len(versions(aws, EU)) == 1


def test_through_a_bucket(
    aws: str, make_layer: MakeLayer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large layer is uploaded through S3 and removed there; a region without the bucket fails alone."""
    monkeypatch.setattr(publication, "ZIPPED_LIMIT", 100)
    s3 = boto3.client("s3", region_name=US, endpoint_url=aws)
    s3.create_bucket(Bucket="layers-us-east-1")
    path = make_layer()
    command = [str(path), "--region", EU, "--region", US, "--endpoint-url", aws, "--bucket", "layers-{region}"]
    assert main(command) == 1
    said = capsys.readouterr()
    assert said.out == f"{arn(US)}\n"
    assert said.err.startswith(f"publish.py: {EU} {NAME}: ") and said.err.count("\n") == 1
    assert "layers-eu-central-1" in said.err and "NoSuchBucket" in said.err
    (version,) = versions(aws, US)
    assert version["Content"]["CodeSha256"] == read_layer_file(path).sha256
    assert s3.list_objects_v2(Bucket="layers-us-east-1")["KeyCount"] == 0
    assert versions(aws, EU) == []
    assert main([*command, "--json"]) == 1
    failed, done = json.loads(capsys.readouterr().out)
    assert (failed["region"], failed["layer"]) == (EU, NAME) and "NoSuchBucket" in failed["error"]
    assert done == {"region": US, "layer": NAME, "arn": arn(US), "version": 1, "created": False}


def test_refused_before_anything_is_sent(aws: str, make_layer: MakeLayer, capsys: pytest.CaptureFixture[str]) -> None:
    """Each file with an error has a line, and no file is published."""
    host = make_layer("provided", where="host")
    changed = make_layer("wrapper", "3.12")
    changed.with_suffix(".manifest.json").unlink()
    paths = [str(path) for path in (make_layer(), host, changed)]
    assert main([*paths, "--region", EU, "--endpoint-url", aws]) == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 2
    assert "is made of one machine's files (--target host)" in said.err and "has no " in said.err
    assert versions(aws, EU) == []


@pytest.mark.parametrize("as_json", [False, True])
def test_dry_run(as_json: bool, no_account: None, make_layer: MakeLayer, capsys: pytest.CaptureFixture[str]) -> None:
    """A dry run needs no credentials and sends no request."""
    path = make_layer("provided", "3.14", arch="arm64")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        options = ["--region", EU, "--region", US, "--endpoint-url", url, "--public", "--dry-run"]
        assert main([str(path), *options, *(["--json"] if as_json else [])]) == 0
        listening.setblocking(False)
        with pytest.raises(BlockingIOError):
            listening.accept()
    said = capsys.readouterr()
    if as_json:
        plan = json.loads(said.out)
        assert [(each["region"], each["public"], each["bucket"]) for each in plan] == [
            (EU, True, None),
            (US, True, None),
        ]
        assert plan[0]["request"]["CompatibleRuntimes"] == ["provided.al2023"]
        assert plan[0]["code_sha256"] == read_layer_file(path).sha256
    else:
        first = said.out.splitlines()[0].split("\t")
        assert first[:4] == [EU, "awslambdaric-lite-provided-py314-arm64", "provided.al2023", "arm64"]
        assert said.out.count("\n") == 2
        assert said.err == "nothing was sent (--dry-run); everybody could use these layers (--public)\n"


def test_lost_response_is_not_retried(
    no_account: None, make_layer: MakeLayer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request without a response is not sent again, because the layer may be published."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with LosesAnswers() as service:
        assert main([str(make_layer()), "--region", EU, "--endpoint-url", service.url]) == 1
    assert [each.split()[0] for each in service.requests] == ["GET", "POST"]
    assert service.requests[1].endswith(f"/layers/{NAME}/versions")
    said = capsys.readouterr().err
    assert "run this again; published layers are not published twice" in said and said.count("\n") == 1


def test_on_a_terminal(aws: str, make_layer: MakeLayer) -> None:
    """The bar is on standard error; standard output has the ARN alone."""
    pytest.importorskip("rich", reason="rich is not installed")
    command = [sys.executable, layers.publish.__file__, str(make_layer()), "--region", EU, "--endpoint-url", aws]
    ours, theirs = pty.openpty()
    try:
        environment = {**os.environ, "TERM": "xterm"}
        done = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, stderr=theirs, timeout=GUARD, text=True, check=False
        )
        shown = os.read(ours, 100_000).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert (done.returncode, done.stdout) == (0, f"{arn(EU)}\n")
    assert "publishing" in shown and "1/1" in shown and "arn:" not in shown


def test_interruption_does_not_wait(make_layer: MakeLayer, no_account: None) -> None:
    """Ctrl-C ends the program without waiting for a pending request."""
    script = Path(layers.publish.__file__)
    with LosesAnswers(silent=True) as service:
        process = subprocess.Popen(
            [sys.executable, str(script), str(make_layer()), "--region", EU, "--endpoint-url", service.url],
            env={**os.environ, **CREDENTIALS},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert service.taken.wait(GUARD)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=GUARD)
    assert (process.returncode, out) == (130, "")
    assert err == "publish.py: interrupted; run it again: published layers are not published twice\n"


BAD = {
    "no region": (["--region", "mars-north"], "'mars-north' is not a region of AWS"),
    "no region, dry": (["--region", "mars-north", "--dry-run"], "'mars-north' is not a region of AWS"),
    "no profile": (["--region", EU, "--profile", "nobody"], "The config profile (nobody) could not be found"),
    "no credentials": (
        ["--region", EU, "--endpoint-url", "http://127.0.0.1:1"],
        "no AWS credentials are configured",
    ),
    "no address": (["--region", EU, "--endpoint-url", "nonsense"], "Invalid endpoint: nonsense; check"),
    "bad prefix": (["--region", EU, "--layer-name-prefix", "a b"], "'a b' cannot begin a layer's name"),
}


@pytest.mark.parametrize(("options", "reason"), BAD.values(), ids=BAD)
def test_bad_input(
    options: list[str], reason: str, no_account: None, make_layer: MakeLayer, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error gives status 1 and one line."""
    assert main([str(make_layer()), *options]) == 1
    said = capsys.readouterr()
    assert said.out == "" and reason in said.err
    assert said.err.startswith("publish.py: ") and said.err.count("\n") == 1


def test_nobody_listens(
    no_account: None, make_layer: MakeLayer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each region reports that it cannot be reached."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}"
    assert main([str(make_layer()), "--region", EU, "--region", US, "--endpoint-url", url]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[1] for line in lines] == [EU, US]
    assert all("Could not connect to the endpoint URL" in line for line in lines)


@pytest.mark.parametrize("arguments", [[], ["x.zip"], ["--region", EU], ["x.zip", "--regi", EU]])
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A usage error gives status 2 and the usage."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert "usage: publish.py" in capsys.readouterr().err


def test_as_a_script(make_layer: MakeLayer, no_account: None, tmp_path: Path) -> None:
    """`python layers/publish.py` works from any folder."""
    script = Path(layers.publish.__file__)
    path = make_layer()
    shutil.copytree(path.parent, tmp_path / "elsewhere")
    done = subprocess.run(
        [sys.executable, str(script), path.name, "--region", EU, "--dry-run"],
        cwd=tmp_path / "elsewhere",
        env={**os.environ, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "nothing was sent (--dry-run)\n")
    assert done.stdout.startswith(f"{EU}\t{NAME}\tpython3.13\tx86_64\t")
