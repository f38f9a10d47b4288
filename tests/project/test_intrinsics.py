"""Intrinsic functions, parameters and conditions of a template, as the variables of a function show them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from awslambdaric_lite.emulator.config.project import Project
from awslambdaric_lite.project.errors import InvalidProject

from .conftest import Read

TOP = """
Parameters:
  Stage: {Type: String, Default: dev, AllowedValues: [dev, prod]}
  Subnets: {Type: CommaDelimitedList, Default: "a, b,c"}
  Number: {Type: Number, Default: 5, MinValue: 1}
  Stored: {Type: "AWS::SSM::Parameter::Value<String>", Default: /shop/table}
  Needed: {Type: String}
Mappings:
  Sizes: {dev: {Memory: 256}, prod: {Memory: 512}}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsDev: !Not [!Condition IsProd]
  Both: !And [{Condition: IsDev}, !Equals [1, "1"]]
  Either: !Or [!Condition IsProd, !Equals [a, b]]
"""
RESOURCES = """
  Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: my-bucket}}
  Table: {Type: AWS::DynamoDB::Table}
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: news}}
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: jobs}}
  Never: {Type: AWS::Lambda::Function, Condition: IsProd, Properties: {Runtime: python3.13}}
"""


def with_variables(read: Read, variables: str, top: str = TOP, others: str = RESOURCES, **options: Any) -> Project:
    """Read a project whose function has these variables, lines without indentation."""
    lines = "".join(f"          {line}\n" for line in variables.strip("\n").split("\n"))
    template = (
        f"{top}\nResources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      Handler: app.get\n"
        f"      Runtime: python3.13\n      Code: src\n      Environment:\n        Variables:\n{lines}{others}"
    )
    files = {"template.yaml": template, "src/app.py": "def get(event, context): pass\n"}
    return read(files, runtimes={"python3.13": ["runtime"]}, **options)


ARN = "arn:aws:lambda:us-east-1:012345678912:function:F"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("!Ref Stage", "dev"),
        ("!Ref Number", "5"),
        ("!Select [1, !Ref Subnets]", "b"),
        ("!Join ['-', [a, !Ref Stage, 5, true]]", "a-dev-5-true"),
        ("!Join [',', !Ref Subnets]", "a,b,c"),
        ("!Select ['2', !Split ['|', 'x|y|z']]", "z"),
        ("!Sub 'x-${Stage}-${AWS::Region}-${Bucket.Arn}'", "x-dev-us-east-1-arn:aws:s3:::my-bucket"),
        ("!Sub ['${!Literal} ${A} ${ Stage }', {A: !Ref Bucket}]", "${Literal} my-bucket dev"),
        ("!FindInMap [Sizes, !Ref Stage, Memory]", "256"),
        ("!FindInMap [Sizes, none, Memory, {DefaultValue: 7}]", "7"),
        ("!If [IsProd, a, !If [Both, b, c]]", "b"),
        ("!If [Either, a, b]", "b"),
        ("!Base64 hello", "aGVsbG8="),
        ("!Select [1, !Cidr [10.0.0.0/16, 2, 8]]", "10.0.1.0/24"),
        ("!Select [0, !GetAZs '']", "us-east-1a"),
        ("!Select [2, {Fn::GetAZs: eu-west-1}]", "eu-west-1c"),
        ("{Fn::Length: !Ref Subnets}", "3"),
        ("{Fn::ToJsonString: {a: !Ref Stage, b: [1, true]}}", '{"a":"dev","b":[1,true]}'),
        ("!Ref AWS::AccountId", "012345678912"),
        ("!Ref AWS::Partition", "aws"),
        ("!Ref AWS::URLSuffix", "amazonaws.com"),
        ("!Ref Topic", "arn:aws:sns:us-east-1:012345678912:news"),
        ("!GetAtt Topic.TopicName", "news"),
        ("!GetAtt Queue.Arn", "arn:aws:sqs:us-east-1:012345678912:jobs"),
        ("!GetAtt Queue.QueueName", "jobs"),
        ("true", "true"),
        ("1.5", "1.5"),
    ],
)
def test_value_of_intrinsic_function(read: Read, value: str, expected: str) -> None:
    """A value is that which CloudFormation gives, and needs no placeholder."""
    project = with_variables(read, f"A: {value}")
    (function,) = project.functions
    assert not function.unavailable
    assert function.config.env == {"A": expected}
    assert not [note for note in project.notes if "placeholder" in note]


@pytest.mark.parametrize(
    ("value", "placeholder", "cure", "options"),
    [
        ("!Ref Table", "Table", "--resource Table=NAME_OR_ARN", {"resources": {"Table": "orders"}}),
        (
            "!GetAtt Table.StreamArn",
            "Table.StreamArn",
            "--resource Table.StreamArn=VALUE",
            {"resources": {"Table.StreamArn": "orders"}},
        ),
        (
            "!ImportValue shared-table",
            "shared-table",
            "--parameter shared-table=VALUE",
            {"parameters": {"shared-table": "orders"}},
        ),
        (
            "'{{resolve:ssm:/a/b:1}}'",
            "resolve:ssm:/a/b:1",
            "--parameter resolve:ssm:/a/b:1=VALUE",
            {"parameters": {"resolve:ssm:/a/b:1": "orders"}},
        ),
        (
            "!Ref Stored",
            "/shop/table",
            "--parameter resolve:ssm:/shop/table=VALUE",
            {"parameters": {"resolve:ssm:/shop/table": "orders"}},
        ),
        ("!Ref Needed", "Needed", "--parameter Needed=VALUE", {"parameters": {"Needed": "orders"}}),
    ],
)
def test_what_only_a_deployment_knows_has_a_placeholder(
    read: Read, value: str, placeholder: str, cure: str, options: dict[str, Any]
) -> None:
    """One note names placeholders with the options that replace them."""
    project = with_variables(read, f"A: {value}\nB: {value}")
    assert project.functions[0].config.env == {"A": placeholder, "B": placeholder}
    (note,) = [note for note in project.notes if "placeholder" in note]
    assert note.endswith(f"{placeholder} ({cure})")
    filled = with_variables(read, f"A: {value}\nB: {value}", **options)
    assert filled.functions[0].config.env == {"A": "orders", "B": "orders"}
    assert not [note for note in filled.notes if "placeholder" in note]


@pytest.mark.parametrize(
    ("given", "reference", "arn"),
    [
        ("orders", "orders", "arn:aws:dynamodb:us-east-1:012345678912:table/orders"),
        ("arn:aws:dynamodb:eu-west-1:1:table/o", "o", "arn:aws:dynamodb:eu-west-1:1:table/o"),
    ],
)
def test_resource_is_given_by_name_or_arn(read: Read, given: str, reference: str, arn: str) -> None:
    """`Ref` and `Arn` of a resource follow from the name or the ARN that the user gives."""
    project = with_variables(read, "A: !Ref Table\nB: !GetAtt Table.Arn", resources={"Table": given})
    assert project.functions[0].config.env == {"A": reference, "B": arn}


@pytest.mark.parametrize(
    ("options", "url", "arn"),
    [
        (
            {"endpoints": {"sqs": "http://127.0.0.1:9324/"}},
            "http://127.0.0.1:9324/012345678912/jobs",
            "arn:aws:sqs:us-east-1:012345678912:jobs",
        ),
        (
            {"resources": {"Queue": "http://localhost:9324/000000000000/real"}},
            "http://localhost:9324/000000000000/real",
            "arn:aws:sqs:us-east-1:000000000000:real",
        ),
        ({}, "https://sqs.us-east-1.amazonaws.com/012345678912/jobs", "arn:aws:sqs:us-east-1:012345678912:jobs"),
    ],
)
def test_queue_url_is_that_of_the_endpoint(read: Read, options: dict[str, Any], url: str, arn: str) -> None:
    """`Ref` of a queue is its URL at the endpoint, or the one that was found there; else AWS's, as a placeholder."""
    project = with_variables(read, "A: !Ref Queue\nB: !GetAtt Queue.Arn", **options)
    env = dict(project.functions[0].config.env)
    assert env.pop("AWS_ENDPOINT_URL_SQS", None) == options.get("endpoints", {}).get("sqs")
    assert env == {"A": url, "B": arn}
    assert any("placeholder" in note for note in project.notes) == (not options)


def test_no_value_removes_a_variable(read: Read) -> None:
    """`AWS::NoValue` removes what it is the value of."""
    project = with_variables(read, "A: !If [IsProd, x, !Ref AWS::NoValue]\nB: !Join ['', [a, !Ref AWS::NoValue]]")
    assert project.functions[0].config.env == {"B": "a"}


def test_parameters_and_conditions_choose_resources(read: Read) -> None:
    """A parameter changes conditions, and with them which functions exist."""
    project = with_variables(read, "A: !FindInMap [Sizes, !Ref Stage, Memory]", parameters={"Stage": "prod"})
    assert [each.logical_id for each in project.functions] == ["F", "Never"]
    assert project.functions[0].config.env == {"A": "512"}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("!Ref Buckets", "write Bucket"),
        ("!Ref AWS::Regoin", "write AWS::Region"),
        ("!FindInMap [Sizes, x, y]", "Mappings has no Sizes.x.y"),
        ("!Select [7, [a]]", "takes value 7 of 1"),
        ("!Joyn ['', []]", "write Fn::Join"),
        ("!Join [a]", "Fn::Join has an unknown form"),
        ("!If [Nope, a, b]", "condition Nope does not exist"),
        ("[a, b]", "is not text"),
        ("!Sub ['${A}']", "Fn::Sub has an unknown form"),
        ("!Cidr [nonsense, 1, 2]", "Fn::Cidr has an unknown form"),
        ("!Cidr [10.0.0.0/30, 100, 1]", "Fn::Cidr has an unknown form"),
    ],
)
def test_wrong_value_makes_one_function_unavailable(read: Read, value: str, reason: str) -> None:
    """An error of a value has file, logical id and cure, and other functions still run."""
    other = """
  Good:
    Type: AWS::Lambda::Function
    Properties: {Handler: app.get, Runtime: python3.13, Code: src}
"""
    project = with_variables(read, f"A: {value}", others=RESOURCES + other)
    bad, good = project.functions
    assert "template.yaml: F: " in bad.unavailable
    assert reason in bad.unavailable
    assert not good.unavailable


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"Stage": "test"}, "parameter Stage='test' is not one of: dev, prod; give another by --parameter Stage=VALUE"),
        ({"Number": "x"}, "is not a number"),
        ({"Number": "0"}, "is out of range"),
    ],
)
def test_parameter_outside_its_limits_is_refused(read: Read, options: dict[str, str], message: str) -> None:
    """The limits of a parameter hold, as at a deployment."""
    with pytest.raises(InvalidProject, match=re.escape(message)):
        with_variables(read, "A: b", parameters=options)


def test_unknown_parameter_is_named_with_the_nearest(read: Read) -> None:
    """A note has the nearest name of one that the template does not have."""
    notes = with_variables(read, "A: b", parameters={"Stag": "dev"}).notes
    assert any("parameter Stag has no effect: no template has it; write Stage" in note for note in notes)


def test_circle_of_conditions_is_refused(read: Read) -> None:
    """Conditions that refer to each other are an error that names the circle."""
    top = "Conditions:\n  A: !Not [!Condition B]\n  B: !Not [!Condition A]\n"
    with pytest.raises(InvalidProject, match="circle: condition A -> condition B -> condition A"):
        with_variables(read, "A: !If [A, b, c]", top, "")


def test_circle_of_resources_makes_its_functions_unavailable(read: Read) -> None:
    """Functions that refer to each other, which AWS refuses, are unavailable; the error names the circle."""
    others = """
  G:
    Type: AWS::Lambda::Function
    Properties: {Handler: app.get, Runtime: python3.13, Code: src, Environment: {Variables: {A: !GetAtt F.Arn}}}
  H:
    Type: AWS::Lambda::Function
    Properties: {Handler: app.get, Runtime: python3.13, Code: src, Environment: {Variables: {A: !GetAtt F.Arn}}}
"""
    project = with_variables(read, "A: !Sub 'x-${G}'", "", others)
    unavailable = {each.logical_id: each.unavailable for each in project.functions}
    assert "template.yaml: F: references make a circle: F -> G -> F; remove one" in unavailable["F"]
    assert unavailable["G"]
    assert not unavailable["H"]


def test_names_in_a_circle_are_refused(read: Read) -> None:
    """Functions whose names follow from each other are an error that names the circle."""
    others = """
  G: {Type: AWS::Lambda::Function, Properties: {FunctionName: !Sub "${H}-x", Handler: app.get, Runtime: python3.13}}
  H: {Type: AWS::Lambda::Function, Properties: {FunctionName: !Sub "${G}-x", Handler: app.get, Runtime: python3.13}}
"""
    project = with_variables(read, "A: b", "", others)
    assert [bool(each.unavailable) for each in project.functions] == [False, True, True]
    assert "G -> H -> G" in project.functions[1].unavailable


FOR_EACH = """
Transform: [AWS::LanguageExtensions]
Resources:
  Fn::ForEach::Functions:
    - Name
    - !Ref Names
    - ${Name}Function:
        Type: AWS::Lambda::Function
        Properties:
          Handler: app.get
          Runtime: python3.13
          Code: src
          Environment:
            Variables:
              NAME: !Ref Name
              Fn::ForEach::Keys: [Key, [X, Y], {"${Key}_${Name}": !Sub "${Key}-${AWS::Region}"}]
Parameters:
  Names: {Type: CommaDelimitedList, Default: "A,B"}
"""


def test_loops_make_resources_and_properties(read: Read) -> None:
    """`Fn::ForEach` makes an entry for each value, in any mapping and nested."""
    files = {"template.yaml": FOR_EACH, "src/app.py": "def get(event, context): pass\n"}
    project = read(files, runtimes={"python3.13": ["runtime"]})
    assert {each.logical_id: each.config.env for each in project.functions} == {
        "AFunction": {"NAME": "A", "X_A": "X-us-east-1", "Y_A": "Y-us-east-1"},
        "BFunction": {"NAME": "B", "X_B": "X-us-east-1", "Y_B": "Y-us-east-1"},
    }
    with pytest.raises(InvalidProject, match=r"Fn::ForEach needs a transform; .*AWS::LanguageExtensions"):
        read({"template.yaml": FOR_EACH.replace("Transform: [AWS::LanguageExtensions]", "")})


def test_include_of_a_local_file(read: Read) -> None:
    """`AWS::Include` puts the content of a local file into its place, and the file is one of the project's."""
    include = "{Fn::Transform: {Name: AWS::Include, Parameters: {Location: more.yaml}}, B: c}"
    template = f"""
Resources:
  F:
    Type: AWS::Lambda::Function
    Properties: {{Handler: app.get, Runtime: python3.13, Code: src, Environment: {{Variables: {include}}}}}
"""
    files = {
        "template.yaml": template,
        "more.yaml": "A: !Ref AWS::Region",
        "src/app.py": "def get(event, context): pass",
    }
    project = read(files, runtimes={"python3.13": ["runtime"]})
    assert project.functions[0].config.env == {"A": "us-east-1", "B": "c"}
    assert [file.name for file in project.files] == ["template.yaml", "more.yaml"]


NESTED = {
    "template.yaml": """
Resources:
  Shop:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: shop/template.yaml, Parameters: {Table: !Ref Orders, Stage: v1}}
  Orders: {Type: AWS::DynamoDB::Table, Properties: {TableName: orders}}
  Get:
    Type: AWS::Lambda::Function
    Properties:
      Handler: app.get
      Runtime: python3.13
      Code: src
      Environment: {Variables: {OTHER: !GetAtt Shop.Outputs.Name}}
""",
    "shop/template.yaml": """
Parameters: {Table: {Type: String}, Stage: {Type: String}}
Resources:
  Get:
    Type: AWS::Lambda::Function
    Properties:
      Handler: app.get
      Runtime: python3.13
      Code: code
      Environment: {Variables: {TABLE: !Ref Table, STAGE: !Ref Stage}}
Outputs:
  Name: {Value: !Ref Get}
""",
    "src/app.py": "def get(event, context): pass\n",
    "shop/code/app.py": "def get(event, context): pass\n",
}


def test_nested_stack_with_parameters_and_outputs(read: Read) -> None:
    """A nested stack gets its parameters from its parent, which reads its outputs; names are distinct."""
    project = read(NESTED, runtimes={"python3.13": ["runtime"]})
    outer, inner = project.functions
    assert (outer.config.name, inner.config.name) == ("Get", "Shop-Get")
    assert outer.config.env == {"OTHER": "Shop-Get"}
    assert inner.config.env == {"TABLE": "orders", "STAGE": "v1"}
    assert inner.config.task_root.parts[-2:] == ("shop", "code")
    assert len(project.files) == 2


def test_json_template(read: Read) -> None:
    """A template may be JSON, under any name."""
    properties = {"Handler": "app.get", "Runtime": "python3.13", "Code": "src", "Timeout": "9"}
    template = {"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": properties}}}
    files = {"my.template": json.dumps(template), "src/app.py": "def get(event, context): pass\n"}
    project = read(files, "my.template", runtimes={"python3.13": ["runtime"]})
    assert project.functions[0].config.timeout_s == 9
