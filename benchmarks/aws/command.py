"""The steps of `python -m benchmarks aws`, from the plan to the list of deleted resources."""

from __future__ import annotations

import argparse
import contextlib
import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone

from ..results import save_text
from ..tables import show
from . import lambda_perf, leftovers, samples
from .account import Account, AccountError, open_account
from .coldstarts import ColdStarts
from .deploy import Deployer
from .interruptions import Interruptions
from .measure import Measured, measure
from .options import parser
from .plan import Plan, planned
from .resources import Ledger, Resource
from .variants import LayerFile, NotPossible


@dataclass
class Deletion:
    """The deleted resources, and reasons for those that could not be deleted."""

    deleted: list[str] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)

    def everything(self, account: Account, ledger: Ledger) -> None:
        """Delete all resources of the ledger."""

        def done(resource: Resource) -> None:
            self.deleted.append(str(resource))

        self.failures |= ledger.delete_all(account, done)

    def tell(self, prefix: str) -> None:
        """Print both to standard error."""
        for name in self.deleted:
            _say(f"deleted {name}")
        for name, reason in self.failures.items():
            _say(f"NOT deleted: {name}: {reason}")
        if self.failures:
            _say(f"try again with: python -m benchmarks aws --clean --function-prefix {prefix}")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return the exit status, 1 if nothing was measured or a resource is left.

    Raises:
        KeyboardInterrupt: a signal ended the command, after everything was deleted.
        SystemExit: the same, or the command cannot run; the message says why.
    """
    options = parser().parse_args(arguments)
    try:
        if options.clean:
            return _clean(options)
        plan = planned(options)
        for name, reason in plan.skipped.items():
            _say(f"skipped: {name}: {reason}")
        if options.dry_run:
            show([plan.table()])
            layers = {deployment.variant.layer for deployment in plan.deployments} - {None}
            role = f"the role {options.role}" if options.role else "a new role without any rights"
            print(
                f"\nwith {role}, and {len(layers)} layers; {options.samples} cold starts of each; then all is deleted"
            )
            return 0
        return _run(options, plan)
    except (AccountError, NotPossible, OSError) as error:
        raise SystemExit(f"benchmarks: {error}") from error


def _run(options: argparse.Namespace, plan: Plan) -> int:
    for path in (options.output, options.lambda_perf):
        if path and path.is_dir():
            raise NotPossible(f"{path} is a directory; name a file")
    run = secrets.token_hex(4)
    measured = Measured([ColdStarts(each) for each in plan.deployments], dict(plan.skipped), options.warm)
    deletion, region = Deletion(), ""
    try:
        with Interruptions() as interruptions:
            account = open_account(options.region, options.endpoint_url, interruptions)
            region = account.region
            _say(f"as {account.caller()} in {account.region}, run {run}")
            ledger = Ledger()
            with _service_errors(), _deleting_at_the_end(account, ledger, deletion, keep=options.keep):
                deployer = Deployer(account, ledger, options.function_prefix, run, options.log_format)
                _deploy(deployer, plan, options.role)
                measure(account, measured, options.samples)
            if options.keep:
                _say(*(f"kept {resource}" for resource in ledger.entries))
    finally:
        deletion.tell(options.function_prefix)
        _keep_samples(options, region, measured)
    return 0 if measured.has_samples() and not deletion.failures else 1


@contextlib.contextmanager
def _deleting_at_the_end(account: Account, ledger: Ledger, deletion: Deletion, *, keep: bool) -> Iterator[None]:
    try:
        try:
            yield
        finally:
            # A signal before this raises an exception, and a later one is ignored, so deletion is never skipped.
            account.interruptions.hold()
    finally:
        if not keep:
            deletion.everything(account, ledger)


@contextlib.contextmanager
def _service_errors() -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise AccountError(f"AWS refuses: {error}") from error


def _deploy(deployer: Deployer, plan: Plan, role: str | None) -> None:
    arn = role or deployer.role()
    layers: dict[LayerFile, str] = {}
    for deployment in plan.deployments:
        variant = deployment.variant
        if variant.layer and variant.layer not in layers:
            layers[variant.layer] = deployer.layer(variant.layer, variant.runtime, variant.architecture)
        deployer.function(deployment, arn, layers[variant.layer] if variant.layer else None, own_role=role is None)
        _say(f"made function {deployment.name}")


def _keep_samples(options: argparse.Namespace, region: str, measured: Measured) -> None:
    for name, reason in measured.skipped.items():
        if " at " in name:  # the others were not deployed and have been named before
            _say(f"skipped: {name}: {reason}")
    if not measured.has_samples():
        return
    functions = measured.whole_rounds()
    machine: dict[str, str | int] = {
        "python": options.runtime,
        "system": "AWS Lambda",
        "region": region,
        "architecture": options.arch,
        "log_format": options.log_format,
    }
    results = samples.collected(functions, machine, measured.skipped, options.warm, measured.rounds)
    if options.output:
        results.save(options.output)
    if options.lambda_perf:
        content = lambda_perf.document(functions, datetime.now(timezone.utc))
        save_text(options.lambda_perf, lambda_perf.text(content))
    show([samples.table(functions)])


def _clean(options: argparse.Namespace) -> int:
    deletion = Deletion()
    with Interruptions() as interruptions, _service_errors():
        account = open_account(options.region, options.endpoint_url, interruptions)
        _say(f"as {account.caller()} in {account.region}")
        found = leftovers.find(account, options.function_prefix)
        if options.dry_run:
            _say(*(f"would delete {resource}" for resource in found.entries))
            return 0
        interruptions.hold()
        deletion.everything(account, found)
    deletion.tell(options.function_prefix)
    if not deletion.deleted and not deletion.failures:
        _say(f"earlier runs left nothing with the prefix {options.function_prefix}")
    return 1 if deletion.failures else 0


def _say(*lines: str) -> None:
    for line in lines:
        print(f"benchmarks: {line}", file=sys.stderr, flush=True)
