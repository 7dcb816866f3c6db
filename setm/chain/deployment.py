"""A deployment: where the contracts are, and how they are deployed on a local chain."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from web3 import Web3

from setm.chain.contracts import (
    Auction,
    Clearinghouse,
    Meters,
    Negotiation,
    Registry,
    Settlement,
    Token,
)
from setm.chain.node import PROJECT_ROOT, Node
from setm.errors import RunError, SetupError

DEPLOY_SECONDS = 300
BROWNIE_NETWORKS: Mapping[str, str] = {"ganache": "ganache-cli", "anvil": "anvil"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """The contracts of one deployment, ready to be spoken to."""

    addresses: Mapping[str, str]
    token: Token
    registry: Registry
    clearinghouse: Clearinghouse
    meters: Meters
    settlement: Settlement
    auction: Auction
    negotiation: Negotiation


def deploy(node: Node, config: Mapping[str, Any], folder: Path) -> Path:
    """Run the Brownie deploy script against ``node``; return the deployment file that it wrote.

    Raises ``SetupError`` with Brownie's last words if it fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config_file, target = folder / "deploy_config.json", folder / "deployment.json"
    config_file.write_text(json.dumps(config, indent=2))
    environment = {
        **os.environ,
        "SETM_CHAIN_PORT": str(node.port),
        "SETM_CONFIG": str(config_file.resolve()),
        "SETM_DEPLOYMENT": str(target.resolve()),
    }
    brownie = Path(sys.executable).with_name("brownie")
    network = BROWNIE_NETWORKS[node.kind]
    done = subprocess.run(
        [str(brownie), "run", "deploy", "--network", network],
        cwd=PROJECT_ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEPLOY_SECONDS,
        check=False,
    )
    (folder / "deploy.log").write_text(done.stdout + done.stderr)
    config_file.unlink()
    if done.returncode != 0 or not target.is_file():
        raise SetupError(f"deployment failed:\n{(done.stdout + done.stderr)[-1500:]}")
    return target


def attach(web3: Web3, deployment_file: Path) -> Deployment:
    """Return the contracts that a deployment file names; raise ``RunError`` if one of them has no code."""
    if not deployment_file.is_file():
        raise RunError(f"{deployment_file} is missing: deploy first")
    addresses: dict[str, str] = json.loads(deployment_file.read_text())["contracts"]
    for role, address in addresses.items():
        if not web3.eth.get_code(Web3.to_checksum_address(address)):
            raise RunError(f"no code at {address} ({role}): {deployment_file} is of another chain")
    return Deployment(
        addresses=addresses,
        token=Token(web3, addresses["token"]),
        registry=Registry(web3, addresses["registry"]),
        clearinghouse=Clearinghouse(web3, addresses["clearinghouse"]),
        meters=Meters(web3, addresses["meters"]),
        settlement=Settlement(web3, addresses["settlement"]),
        auction=Auction(web3, addresses["auction"]),
        negotiation=Negotiation(web3, addresses["negotiation"]),
    )
