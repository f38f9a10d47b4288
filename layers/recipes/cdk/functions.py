"""A CDK app: both layers, each with a function on it.

Build the layers first, from the root of the checkout (`python layers/build.py wrapper --python 3.13`, and the same with
`provided`), and pack the function (`awslambdaric-lite pack layers/recipes/function --python 3.13 --handler
greeting.handler --bundle-imports -o dist/greeting.zip`); then, in this folder: `pip install -r requirements.txt` and
`npx aws-cdk deploy`.
"""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

HERE = Path(__file__).resolve().parent
DIST = HERE.parents[2] / "dist"
CODE = lambda_.Code.from_asset(str(DIST / "greeting.zip"))
# After pack --event, add "AWSLAMBDARIC_LITE_IMPORT_LIST": "imports.txt"; for Python 3.15, add
# "AWSLAMBDARIC_LITE_LAZY_IMPORTS": "installed".
IMPORTS = {"AWSLAMBDARIC_LITE_BUNDLE": "imports.bundle"}
PYTHON_VERSION = "3.13"
MANAGED = lambda_.Runtime(f"python{PYTHON_VERSION}", lambda_.RuntimeFamily.PYTHON)
ARCHITECTURE = lambda_.Architecture.X86_64

app = cdk.App()
stack = cdk.Stack(app, "AwslambdaricLite")


def layer(name: str, kind: str, runtime: lambda_.Runtime) -> lambda_.LayerVersion:
    """Return a layer of the zip file that layers/build.py has written."""
    zip_file = DIST / f"awslambdaric-lite-{kind}-py{PYTHON_VERSION}-{ARCHITECTURE.name}.zip"
    return lambda_.LayerVersion(
        stack,
        name,
        code=lambda_.Code.from_asset(str(zip_file)),
        compatible_runtimes=[runtime],
        compatible_architectures=[ARCHITECTURE],
    )


lambda_.Function(
    stack,
    "ManagedFunction",
    runtime=MANAGED,
    architecture=ARCHITECTURE,
    code=CODE,
    handler="greeting.handler",
    layers=[layer("WrapperLayer", "wrapper", MANAGED)],
    environment={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/awslambdaric-lite", **IMPORTS},
)
lambda_.Function(
    stack,
    "ProvidedFunction",
    runtime=lambda_.Runtime.PROVIDED_AL2023,
    architecture=ARCHITECTURE,
    code=CODE,
    handler="greeting.handler",
    layers=[layer("ProvidedLayer", "provided", lambda_.Runtime.PROVIDED_AL2023)],
    environment=IMPORTS,
)
app.synth()
