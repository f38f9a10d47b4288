"""SAM templates become projects, without a request to AWS."""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from awslambdaric_lite.emulator.config.project import Alias, OtherSource, QueueSource, Url
from awslambdaric_lite.project.errors import InvalidProject

from .conftest import Read

APP = "def get(event, context):\n    return 1\n"
TEMPLATE = """
AWSTemplateFormatVersion: 2010-09-09
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: dev}
Globals:
  Function:
    Runtime: RUNTIME
    Timeout: 7
    Environment: {Variables: {STAGE: !Ref Stage}}
Resources:
  Get:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Handler: app.get
      Policies: [AmazonDynamoDBReadOnlyAccess, {DynamoDBReadPolicy: {TableName: Orders}}, MyOwnPolicy]
      Environment: {Variables: {PUT: !GetAtt Put.Arn, LIMIT: 5}}
      Events:
        One: {Type: HttpApi, Properties: {Path: "/orders/{id}", Method: get}}
  Put:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Sub "put-${Stage}"
      CodeUri: src
      Handler: app.get
      MemorySize: 256
      Events:
        Put: {Type: HttpApi, Properties: {Path: /orders, Method: post}}
""".replace("RUNTIME", f"python{sys.version_info[0]}.{sys.version_info[1]}")
FILES = {"template.yaml": TEMPLATE, "src/app.py": APP}
RUNTIME = f"python{sys.version_info[0]}.{sys.version_info[1]}"


def function_template(properties: str, resources: str = "", top: str = "") -> dict[str, str]:
    """Return the files of a project with one function, `Get`, whose properties are lines without indentation."""
    indented = "".join(f"      {line}\n" for line in properties.strip("\n").split("\n")) if properties else ""
    text = (
        f"Transform: AWS::Serverless-2016-10-31\n{top}\nResources:\n"
        f"  Get:\n    Type: AWS::Serverless::Function\n    Properties:\n"
        f"      CodeUri: src\n      Handler: app.get\n      Runtime: {RUNTIME}\n{indented}{resources}"
    )
    return {"template.yaml": text, "src/app.py": APP}


def test_two_functions_with_globals_and_an_http_api(read: Read, tmp_path: Path) -> None:
    """A template's functions have the settings of `Globals` and their own, and the API has their routes."""
    project = read(FILES)
    get, put = project.functions
    assert (get.config.name, put.config.name) == ("Get", "put-dev")
    assert (get.logical_id, put.logical_id) == ("Get", "Put")
    assert (get.config.timeout_s, get.config.memory_mb, put.config.memory_mb) == (7.0, 128, 256)
    assert get.config.task_root == tmp_path / "src"
    assert get.config.env == {
        "STAGE": "dev",
        "PUT": "arn:aws:lambda:us-east-1:012345678912:function:put-dev",
        "LIMIT": "5",
    }
    assert get.config.runtime is None
    assert not get.unavailable
    (api,) = project.apis
    assert (api.logical_id, api.kind, api.stage) == ("ServerlessHttpApi", "HTTP", "$default")
    routes = {(route.method, route.path, route.function, route.payload_format) for route in api.routes}
    assert routes == {("GET", "/orders/{id}", "Get", "2.0"), ("POST", "/orders", "put-dev", "2.0")}
    assert project.notes == ()
    assert project.files == (tmp_path / "template.yaml",)


def test_transform_makes_no_connection_and_logs_nothing(
    read: Read, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No call leaves the machine, with managed policies, applications of the repository and without credentials."""

    def refuse(*_: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    application = """
  App:
    Type: AWS::Serverless::Application
    Properties:
      Location: {ApplicationId: "arn:aws:serverlessrepo:us-east-1:077246666028:applications/a", SemanticVersion: 1.0.0}
"""
    project = read({**FILES, "template.yaml": TEMPLATE + application}, region="eu-west-1")
    assert [each.config.region for each in project.functions] == ["eu-west-1", "eu-west-1"]
    assert any("App" in note and "repository" in note for note in project.notes)
    gc.collect()  # the translator warns when its objects are removed
    assert [record.getMessage() for record in caplog.records if record.levelname != "INFO"] == []


def test_second_start_does_not_import_the_translator(read: Read, tmp_path: Path, shared_cache: Path) -> None:
    """The expanded template comes from the cache, and a damaged entry of it is ignored."""
    read(FILES)
    script = (
        "import sys; from pathlib import Path; from awslambdaric_lite.project.read import read_project;"
        "from awslambdaric_lite.project.options import ProjectOptions;"
        "names = [f.config.name for f in read_project(Path(sys.argv[1]), ProjectOptions()).functions];"
        "print(names, 'samtranslator' in sys.modules, 'boto3' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == "['Get', 'put-dev'] False False\n"
    for entry in (shared_cache / "awslambdaric-lite" / "templates").iterdir():
        entry.write_text('{"template": {}}')
    assert [each.config.name for each in read(FILES).functions] == ["Get", "put-dev"]


def test_cache_of_templates_does_not_grow_for_ever(read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the newest results of the translator are kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("awslambdaric_lite.project.transform._KEPT", 2)
    for stage in ("a", "b", "c"):
        read(FILES, parameters={"Stage": stage})
    assert len(list((tmp_path / "cache" / "awslambdaric-lite" / "templates").iterdir())) == 2


def test_cache_that_cannot_be_written_only_costs_time(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project is read without a cache, too."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(read(FILES).functions) == 2


@pytest.mark.parametrize("name", ["template.yaml", "template.yml", "template.json", "other.yaml"])
def test_template_is_found_or_named(read: Read, name: str) -> None:
    """A folder's template is found by its name, any other by its path."""
    project = read({name: TEMPLATE, "src/app.py": APP}, name if name == "other.yaml" else None)
    assert len(project.functions) == 2


def test_version_alias_and_url(read: Read) -> None:
    """Alias, provisioned environments, URL, retries and concurrency of a function become its settings."""
    project = read(
        function_template(
            """
AutoPublishAlias: live
ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 3}
ReservedConcurrentExecutions: 5
FunctionUrlConfig: {AuthType: NONE, InvokeMode: RESPONSE_STREAM, Cors: {AllowOrigins: ["https://a.example"], MaxAge: 9}}
EventInvokeConfig: {MaximumRetryAttempts: 1, MaximumEventAgeInSeconds: 60}
LoggingConfig: {LogFormat: JSON, ApplicationLogLevel: WARN}
SnapStart: {ApplyOn: PublishedVersions}
EphemeralStorage: {Size: 1024}
"""
        )
    )
    (function,) = project.functions
    assert function.versions == ("1",)
    assert function.aliases == (Alias("live", "1", {}, 3),)
    assert function.reserved_concurrency == 5
    assert isinstance(function.url, Url)
    assert (function.url.qualifier, function.url.invoke_mode, function.url.auth_type) == (
        "live",
        "RESPONSE_STREAM",
        "NONE",
    )
    assert function.url.cors is not None
    assert (list(function.url.cors.allow_origins), function.url.cors.max_age) == (["https://a.example"], 9)
    assert (function.asynchronous.maximum_retry_attempts, function.asynchronous.maximum_event_age_s) == (1, 60)
    assert (function.config.log_format, function.config.log_level) == ("JSON", "WARN")
    assert function.config.snap_start
    has_note = any("EphemeralStorage has no limit here" in note for note in project.notes)
    assert function.config.ephemeral_storage_mb == (None if has_note else 1024)


def test_queue_source_with_its_settings(read: Read) -> None:
    """An SQS event becomes a source of the template's queue; other events are listed by their kinds."""
    project = read(
        function_template(
            """
Events:
  Jobs:
    Type: SQS
    Properties:
      Queue: !GetAtt Jobs.Arn
      BatchSize: 5
      MaximumBatchingWindowInSeconds: 2
      FunctionResponseTypes: [ReportBatchItemFailures]
      ScalingConfig: {MaximumConcurrency: 4}
      FilterCriteria: {Filters: [{Pattern: '{"body": {"a": [1]}}'}]}
  Nightly: {Type: Schedule, Properties: {Schedule: rate(1 day)}}
  Stream: {Type: Kinesis, Properties: {Stream: "arn:aws:kinesis:us-east-1:1:stream/s", StartingPosition: LATEST}}
""",
            """
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 60
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
  Dead: {Type: AWS::SQS::Queue, Properties: {QueueName: dead.fifo, FifoQueue: true}}
""",
        )
    )
    sources = {each.logical_id: each for each in project.sources}
    assert sources["GetJobs"] == QueueSource(
        "GetJobs",
        "Get",
        "Jobs",
        batch_size=5,
        window_s=2,
        maximum_concurrency=4,
        report_batch_item_failures=True,
        filters=('{"body": {"a": [1]}}',),
    )
    assert sources["GetNightly"] == OtherSource("GetNightly", "Get", "Schedule")
    assert sources["GetStream"] == OtherSource("GetStream", "Get", "Kinesis")
    jobs, dead = project.queues
    assert (jobs.name, jobs.dead_letter_queue, jobs.max_receive_count) == ("Jobs", "Dead", 3)
    assert jobs.attributes == {"VisibilityTimeout": "60"}
    assert (dead.name, dead.attributes) == ("dead.fifo", {"FifoQueue": "true"})


def test_rest_api_with_stage_variables_and_media_types(read: Read) -> None:
    """A REST API has its stage, its variables, its binary media types, and the routes of all its functions."""
    resources = """
  Shop:
    Type: AWS::Serverless::Api
    Properties: {StageName: v1, Variables: {A: b}, BinaryMediaTypes: [image~1png]}
"""
    events = """
Events:
  All: {Type: Api, Properties: {RestApiId: !Ref Shop, Path: "/{proxy+}", Method: any}}
"""
    (api,) = read(function_template(events, resources)).apis
    assert (api.kind, api.stage, api.stage_variables, api.binary_media_types) == (
        "REST",
        "v1",
        {"A": "b"},
        ("image/png",),
    )
    assert [(route.method, route.path, route.function) for route in api.routes] == [("ANY", "/{proxy+}", "Get")]


def test_one_refused_function_leaves_the_others(read: Read) -> None:
    """What the translator refuses of one function makes this one unavailable, with file, logical id and reason."""
    broken = """
  Broken:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: src, Handler: app.get, Runtime: python3.13, AutoPublishAlias: [a, b]}
"""
    project = read(function_template("", broken))
    functions = {each.logical_id: each for each in project.functions}
    assert not functions["Get"].unavailable
    assert "template.yaml: Broken: " in functions["Broken"].unavailable
    assert "AutoPublishAlias" in functions["Broken"].unavailable
    assert functions["Broken"].unavailable in project.notes


@pytest.mark.parametrize(
    "event",
    [
        "{Type: Nonsense, Properties: {}}",
        "{Type: SQS, Properties: {}}",
        "{Type: HttpApi, Properties: {Path: /a, Method: get}}",
        "{Type: Api, Properties: {Path: /a, Method: [get]}}",
    ],
)
def test_one_refused_event_leaves_its_function(read: Read, event: str) -> None:
    """An event that the translator refuses, e.g. the second of two routes alike, is left out with a note."""
    other = f"""
  Other:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: app.get
      Runtime: {RUNTIME}
      Events: {{Twice: {event}, Good: {{Type: HttpApi, Properties: {{Path: /b, Method: get}}}}}}
"""
    project = read(function_template("Events: {A: {Type: HttpApi, Properties: {Path: /a, Method: get}}}", other))
    assert [each.unavailable for each in project.functions] == ["", ""]
    (api,) = project.apis
    assert {(route.path, route.function) for route in api.routes} == {("/a", "Get"), ("/b", "Other")}
    assert any("template.yaml: Other.Twice: left out: " in note for note in project.notes)


def test_one_refused_resource_leaves_the_functions(read: Read) -> None:
    """A resource that is not SAM's, which the translator refuses, is left out with the event that needs it."""
    bucket = "  Bucket: {Type: AWS::S3::Bucket, Properties: {NotificationConfiguration: {LambdaConfigurations: x}}}\n"
    event = "Events: {A: {Type: S3, Properties: {Bucket: !Ref Bucket, Events: s3:ObjectCreated:*}}}"
    project = read(function_template(event, bucket))
    assert [(each.logical_id, each.unavailable) for each in project.functions] == [("Get", "")]
    assert any("template.yaml: Bucket: left out: " in note for note in project.notes)


def test_missing_translator_is_named_with_its_extra(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without aws-sam-translator the error has the command that installs it."""
    monkeypatch.setattr("awslambdaric_lite.project.transform._PACKAGE", "no-such-package")
    with pytest.raises(InvalidProject, match=r"pip install 'awslambdaric-lite\[project\]'"):
        read(FILES)


def test_layer_of_the_template(read: Read, tmp_path: Path) -> None:
    """A layer's local content is a function's layer; a note tells that it is not built."""
    layer = """
  Shared: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: layer/}}
  Raw: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: raw}}
"""
    files = function_template("Layers: [!Ref Shared, !Ref Raw]", layer)
    project = read({**files, "layer/python/shared.py": "", "raw/shared.py": ""})
    assert list(project.functions[0].config.layers) == [tmp_path / "layer", tmp_path / "raw"]
    (note,) = project.notes
    assert "raw has no folder that a layer has, e.g. python; build it: sam build" in note


def test_image_and_missing_code(read: Read) -> None:
    """A container image is unavailable; without `CodeUri` the code is the template's folder, as for `sam build`."""
    more = f"""
  Image:
    Type: AWS::Serverless::Function
    Properties: {{PackageType: Image}}
    Metadata: {{Dockerfile: Dockerfile}}
  Here:
    Type: AWS::Serverless::Function
    Properties: {{Handler: here.get, Runtime: {RUNTIME}}}
"""
    files = function_template("", more)
    functions = {each.logical_id: each for each in read({**files, "here.py": APP}).functions}
    assert "template.yaml: Image: it is a container image" in functions["Image"].unavailable
    assert not functions["Here"].unavailable


def test_local_application_is_a_nested_stack(read: Read) -> None:
    """An application with a local template is part of the project, with its parameters and outputs."""
    inner = TEMPLATE + "Outputs: {Name: {Value: !Ref Put}}\n"
    more = """
  Shop:
    Type: AWS::Serverless::Application
    Properties: {Location: shop/template.yaml, Parameters: {Stage: v1}}
"""
    files = function_template("Environment: {Variables: {PUT: !GetAtt Shop.Outputs.Name}}", more)
    project = read({**files, "shop/template.yaml": inner, "shop/src/app.py": APP})
    assert [each.config.name for each in project.functions] == ["Get", "Shop-Get", "put-v1"]
    assert project.functions[0].config.env == {"PUT": "put-v1"}
    assert [api.logical_id for api in project.apis] == ["Shop/ServerlessHttpApi"]


def test_condition_of_a_function_removes_its_routes(read: Read) -> None:
    """A function whose condition is false does not exist, nor does its API."""
    files = function_template("Events: {A: {Type: HttpApi, Properties: {Path: /a, Method: get}}}", top=CONDITION)
    files["template.yaml"] = files["template.yaml"].replace(
        "    Properties:\n", "    Condition: Never\n    Properties:\n", 1
    )
    files["template.yaml"] += f"""
  Other:
    Type: AWS::Serverless::Function
    Properties: {{CodeUri: src, Handler: app.get, Runtime: {RUNTIME}}}
"""
    project = read(files)
    assert [each.logical_id for each in project.functions] == ["Other"]
    assert project.apis == ()


CONDITION = "Conditions: {Never: !Equals [a, b]}"


def test_error_of_the_whole_template_is_refused(read: Read) -> None:
    """What the translator refuses of the whole template is an error with the file."""
    with pytest.raises(InvalidProject, match=r"template\.yaml: 'Globals' section is invalid"):
        read(function_template("", top="Globals: {Function: {Tiemout: 3}}"))


def test_missing_transform_is_noted(read: Read) -> None:
    """Resources of SAM without its transform are read, with a note of what AWS needs."""
    files = function_template("")
    files["template.yaml"] = files["template.yaml"].replace("Transform: AWS::Serverless-2016-10-31", "")
    project = read(files)
    assert not project.functions[0].unavailable
    assert any("AWS needs Transform: AWS::Serverless-2016-10-31" in note for note in project.notes)


def test_code_path_from_a_parameter(read: Read, tmp_path: Path) -> None:
    """The path of the code may be an intrinsic function."""
    files = function_template("", top="Parameters: {Folder: {Type: String, Default: src}}")
    files["template.yaml"] = files["template.yaml"].replace("CodeUri: src", "CodeUri: !Sub './${Folder}'")
    assert read(files).functions[0].config.task_root == tmp_path / "src"
