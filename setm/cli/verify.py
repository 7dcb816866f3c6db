"""``setm verify``: is a deployment this source, with these roles and settings, and do its books balance?"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from setm.cli.output import AsJson, console, print_json, print_rows
from setm.deployment_plan import contracts
from setm.verify import read_deployment, verify
from setm.verify.source import compile_sources


def command(
    deployment: Annotated[
        Path, typer.Argument(help="Deployment file, as `brownie run deploy` writes it.")
    ],
    rpc: Annotated[
        str, typer.Option(help="The chain's JSON-RPC address.")
    ] = "http://127.0.0.1:8545",
    config: Annotated[
        Path | None,
        typer.Option(
            help="Your own expectation of parameters and `roles`, JSON, instead of what the deployment file says."
        ),
    ] = None,
    fresh: Annotated[bool, typer.Option(help="Compile again, whatever is stored.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check a deployment on a live chain: code, immutables, roles, settings, pending changes, and every balance.

    The contracts are compiled from the sources that are here. Nothing is sent. The exit code is 1 if a check fails.

    Examples:

        setm verify deployment.json

        setm verify deployment.json --rpc http://10.0.0.5:8545 --config expected.json --json
    """
    deployed = read_deployment(deployment, config)
    checks = verify(
        deployed, rpc, compile_sources(contracts=contracts(deployed.config), fresh=fresh)
    )
    counted = Counter(check.outcome for check in checks)
    if as_json:
        listed = [asdict(check) for check in checks]
        print_json({"ok": not counted["failed"], "counts": dict(counted), "checks": listed})
    else:
        print_rows(f"chain {deployed.chain_id} at {rpc}", [asdict(check) for check in checks])
        console.print(
            f"{counted['ok']} ok, {counted['warning']} warnings, {counted['failed']} failed",
            highlight=False,
        )
    if counted["failed"]:
        raise typer.Exit(1)
