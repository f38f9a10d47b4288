"""Flags of `sam local` that commands do not have: each is answered with the option to use, or with a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_Answers = Mapping[tuple[str, ...], str]

_NO_CONTAINERS = "is not needed, because functions run without containers"
_OF_SERVE = "is an option of `awslambdaric-lite serve`; `awslambdaric-lite invoke --name NAME` invokes what it serves"
_OF_ANY: _Answers = {
    (
        *("--docker-network", "--docker-volume-basedir", "-v", "--skip-pull-image", "--force-image-build"),
        *("--shutdown", "--add-host", "--invoke-image", "--no-memory-limit", "--mount-symlinks"),
    ): _NO_CONTAINERS,
    ("--container-host", "--container-host-interface"): f"{_NO_CONTAINERS}; `serve --host` sets the address",
    ("--layer-cache-basedir",): "is not needed: `serve --layer ARN=DIR` names the content of a layer",
    ("--log-file", "-l"): "is not needed: redirect standard output to the file, or use `awslambdaric-lite logs NAME`",
    ("--profile",): "is the variable AWS_PROFILE here, and --aws passes your credentials to functions",
    (
        "--config-file",
    ): "is not offered: `serve` reads samconfig.toml next to the template; --config-env chooses a part",
    ("--hook-name", "--skip-prepare-infra", "--terraform-plan-file"): "is not offered: give `serve` a template of SAM, "
    "of CloudFormation or a cdk.out folder, or name the functions in pyproject.toml",
    ("--beta-features", "--no-beta-features", "--save-params"): "is not needed",
    ("--debug-port", "-d", "--debugger-path", "--debug-args", "--debug-function"): "is --debug here, which gives this "
    "terminal to breakpoint(); with several functions add --only NAME to `serve`",
}
_OF_SERVING: _Answers = {
    ("--template-file",): "is --template here",
    ("-n",): "is --env-vars here",
    ("--container-env-vars",): f"{_NO_CONTAINERS}; --env-vars sets variables",
    ("--event", "-e"): "is an option of `awslambdaric-lite invoke --name NAME`, which needs the running `serve`",
    ("--no-event",): "is not needed: `awslambdaric-lite invoke --name NAME` sends {} unless it has --event",
    ("-p",): "is --port here for the Lambda API, and --api-port for the APIs of a template",
    ("--static-dir", "-s"): "is not offered: serve the files by another program, e.g. python -m http.server",
    ("--disable-authorizer",): "is not needed: routes with an authorizer get status 501, and the start names them",
    ("--warm-containers",): "is not needed: environments stay warm, and ProvisionedConcurrencyConfig in the template "
    "starts them before the first request",
    ("--ssl-cert-file", "--ssl-key-file"): "is not offered: put a proxy with TLS before the port",
}
_OF_INVOKING: _Answers = {
    ("-e",): "is --event here",
    ("--no-event",): "is not needed: {} is sent without --event",
    ("--env-vars", "-n", "--container-env-vars"): "is --env-file here, and --env-vars with `awslambdaric-lite serve`",
    ("--template", "--template-file", "-t", "--parameter-overrides", "--config-env"): _OF_SERVE,
}


def answer_of(command: str | None, unknown: Sequence[str]) -> str | None:
    """Return the answer to the first flag of `sam local` among unknown arguments of a command, None without one."""
    own = {"serve": _OF_SERVING, "invoke": _OF_INVOKING}.get(command or "")
    if own is None:
        return None
    answers = {flag: answer for flags, answer in {**_OF_ANY, **own}.items() for flag in flags}
    flags = (argument.partition("=")[0] for argument in unknown)
    return next((f"{flag} of `sam local` {answers[flag]}" for flag in flags if flag in answers), None)
