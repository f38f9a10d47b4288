# Both layers, each with a function on it. Build them and pack the function first, from the root of the checkout:
#   python layers/build.py wrapper --python 3.13
#   python layers/build.py provided --python 3.13
#   awslambdaric-lite pack layers/recipes/function --python 3.13 --handler greeting.handler --bundle-imports \
#     -o dist/greeting.zip
# then, in this folder: terraform init && terraform apply
terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.81"
    }
  }
}

variable "python" {
  description = "Version of Python that the layers were built for"
  type        = string
  default     = "3.13"
}

variable "architecture" {
  description = "x86_64, or arm64 for Graviton"
  type        = string
  default     = "x86_64"
}

locals {
  dist    = "${path.module}/../../../dist"
  python  = "py${replace(var.python, ".", "")}"
  wrapper = "${local.dist}/awslambdaric-lite-wrapper-py${var.python}-${var.architecture}.zip"
  full    = "${local.dist}/awslambdaric-lite-provided-py${var.python}-${var.architecture}.zip"
  package = "${local.dist}/greeting.zip"
  # After pack --event, add AWSLAMBDARIC_LITE_IMPORT_LIST = "imports.txt"; for Python 3.15, add
  # AWSLAMBDARIC_LITE_LAZY_IMPORTS = "installed".
  imports = {
    AWSLAMBDARIC_LITE_BUNDLE = "imports.bundle"
  }
}

resource "aws_lambda_layer_version" "wrapper" {
  layer_name               = "awslambdaric-lite-wrapper-${local.python}-${var.architecture}"
  filename                 = local.wrapper
  source_code_hash         = filebase64sha256(local.wrapper)
  compatible_runtimes      = ["python${var.python}"]
  compatible_architectures = [var.architecture]
}

resource "aws_lambda_layer_version" "provided" {
  layer_name               = "awslambdaric-lite-provided-${local.python}-${var.architecture}"
  filename                 = local.full
  source_code_hash         = filebase64sha256(local.full)
  compatible_runtimes      = ["provided.al2023"]
  compatible_architectures = [var.architecture]
}

data "aws_iam_policy_document" "lambda" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "function" {
  name_prefix        = "awslambdaric-lite-"
  assume_role_policy = data.aws_iam_policy_document.lambda.json
}

resource "aws_iam_role_policy_attachment" "logs" {
  role       = aws_iam_role.function.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

resource "aws_lambda_function" "managed" {
  function_name    = "greeting-managed"
  role             = aws_iam_role.function.arn
  runtime          = "python${var.python}"
  architectures    = [var.architecture]
  handler          = "greeting.handler"
  filename         = local.package
  source_code_hash = filebase64sha256(local.package)
  layers           = [aws_lambda_layer_version.wrapper.arn]

  environment {
    variables = merge(local.imports, {
      AWS_LAMBDA_EXEC_WRAPPER = "/opt/awslambdaric-lite"
    })
  }
}

resource "aws_lambda_function" "provided" {
  function_name    = "greeting-provided"
  role             = aws_iam_role.function.arn
  runtime          = "provided.al2023"
  architectures    = [var.architecture]
  handler          = "greeting.handler"
  filename         = local.package
  source_code_hash = filebase64sha256(local.package)
  layers           = [aws_lambda_layer_version.provided.arn]

  environment {
    variables = local.imports
  }
}
