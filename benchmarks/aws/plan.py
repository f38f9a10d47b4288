"""The plan of a run, made before the first call of AWS."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from awslambdaric_lite.common.tables import Table

from ..build_cache import DEFAULT_BUILD, build_directory
from .rust import bootstrap
from .variants import (
    Deployment,
    NotPossible,
    deployments,
    find_layers,
    python_variants,
    python_version,
    rust_variant,
)

NAMES = ("awslambdaric", "lite-wrapper", "lite-provided", "rust")


@dataclass
class Plan:
    """The functions to deploy, and the reasons for skipping others."""

    deployments: list[Deployment]
    skipped: dict[str, str]

    def table(self) -> Table:
        """Return the functions of the plan as a table."""
        found = Table("functions", ["name", "runtime", "layer", "MB"], text_columns=3)
        for deployment in self.deployments:
            layer = deployment.variant.layer
            shown = layer.path.name if layer else "-"
            found.rows.append([deployment.name, deployment.variant.runtime, shown, str(deployment.memory_mb)])
        return found


def planned(options: argparse.Namespace) -> Plan:
    """Return the plan for the options.

    Raises:
        NotPossible: an argument cannot be used, or no function remains.
    """
    wanted = options.variant or list(NAMES)
    if unknown := sorted(set(wanted) - set(NAMES)):
        raise NotPossible(f"unknown variant {', '.join(unknown)}; choose one of: {', '.join(NAMES)}")
    layers = find_layers(options.layers, python_version(options.runtime), options.arch)
    variants, skipped = python_variants(options.runtime, options.arch, layers)
    if "rust" in wanted:
        try:
            compiled = bootstrap(options.rust, build_directory(DEFAULT_BUILD), options.arch)
            variants.append(rust_variant(compiled, options.arch))
        except NotPossible as reason:
            if options.rust:
                raise
            skipped["rust"] = str(reason)
    variants = [variant for variant in variants if variant.name in wanted]
    skipped = {name: reason for name, reason in skipped.items() if name in wanted}
    if not variants:
        raise NotPossible("; ".join(f"{name}: {reason}" for name, reason in skipped.items()))
    memories = list(dict.fromkeys(options.memory or [128]))
    return Plan(deployments(options.function_prefix, variants, memories), skipped)
