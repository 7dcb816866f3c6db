"""A deployment: where the contracts are, and how they are deployed on a local chain."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from web3 import Web3

from setm.chain.connection import Connection
from setm.chain.contracts import (
    Auction,
    Bound,
    Clearinghouse,
    Meters,
    Negotiation,
    Registry,
    Settlement,
    Token,
    Venue,
)
from setm.chain.node import PROJECT_ROOT, Node, _end_with_parent
from setm.errors import RunError, SetupError
from setm.files import write_whole

Kind = TypeVar("Kind", bound=Bound)
DEPLOY_SECONDS = 300
CODE_QUESTIONS = 3
BROWNIE_NETWORKS: Mapping[str, str] = {"ganache": "ganache-cli", "anvil": "anvil"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """The contracts of one deployment, ready to be spoken to; optional ones are asked for with ``part``."""

    web3: Connection
    addresses: Mapping[str, str]
    token: Token
    registry: Registry
    clearinghouse: Clearinghouse
    meters: Meters
    settlement: Settlement
    auction: Auction
    negotiation: Negotiation

    def venue(self, role: str) -> Venue:
        """Return what a venue has in common with all others."""
        return Venue(self.web3, self.addresses[role], role)

    def part(self, kind: type[Kind]) -> Kind:
        """Return a contract of a kind in its role; raise ``RunError`` if the deployment has none."""
        if kind.role not in self.addresses:
            raise RunError(
                f"nothing is deployed as {kind.role}: the deployment's configuration needs that section"
            )
        return kind(self.web3, self.addresses[kind.role])


def deploy(node: Node, config: Mapping[str, Any], folder: Path) -> Path:
    """Run the Brownie deploy script against ``node``; return the deployment file, there only when all is deployed.

    Raises ``SetupError`` with Brownie's last words if it fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config_file, target = folder / "deploy_config.json", folder / "deployment.json"
    draft = folder / "deployment.draft.json"
    draft.unlink(missing_ok=True)
    write_whole(config_file, json.dumps(config, indent=2))
    environment = {
        **os.environ,
        "SETM_CHAIN_PORT": str(node.port),
        "SETM_CONFIG": str(config_file.resolve()),
        "SETM_DEPLOYMENT": str(draft.resolve()),
        # The offices of a local chain are those to which it has given ether.
        "SETM_KEYSTORE": "",
    }
    code, words = _brownie(["run", "deploy", "--network", BROWNIE_NETWORKS[node.kind]], environment)
    write_whole(folder / "deploy.log", words)
    config_file.unlink()
    if code != 0 or not draft.is_file():
        raise SetupError(f"deployment failed:\n{words[-1500:]}")
    write_whole(target, draft.read_text())
    draft.unlink()
    return target


def _brownie(arguments: list[str], environment: Mapping[str, str]) -> tuple[int, str]:
    brownie = Path(sys.executable).with_name("brownie")
    try:
        done = subprocess.run(
            [str(brownie), *arguments],
            cwd=PROJECT_ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEPLOY_SECONDS,
            check=False,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )
    except subprocess.TimeoutExpired:
        return -1, f"brownie {' '.join(arguments)}: not done after {DEPLOY_SECONDS} s"
    return done.returncode, done.stdout + done.stderr


def stands(web3: Connection, deployment_file: Path) -> bool:
    """Return whether everything that a deployment file names is on the chain; false without the file."""
    if not deployment_file.is_file():
        return False
    return all(_has_code(web3, address) for address in addresses_of(deployment_file).values())


def addresses_of(deployment_file: Path) -> dict[str, str]:
    """Return each contract's address by its role; raise ``RunError`` without the file."""
    if not deployment_file.is_file():
        raise RunError(f"{deployment_file} is missing: deploy first")
    return dict(json.loads(deployment_file.read_text())["contracts"])


def _has_code(web3: Connection, address: str) -> bool:
    # One empty answer may be wrong, and believing it would deploy everything again.
    where = Web3.to_checksum_address(address)
    return any(bytes(web3.eth.get_code(where)) for _ in range(CODE_QUESTIONS))


def attach(web3: Connection, deployment_file: Path) -> Deployment:
    """Return the contracts that a deployment file names; raise ``RunError`` if one of them has no code."""
    addresses = addresses_of(deployment_file)
    for role, address in addresses.items():
        if not _has_code(web3, address):
            raise RunError(f"no code at {address} ({role}): {deployment_file} is of another chain")
    return Deployment(
        web3=web3,
        addresses=addresses,
        token=Token(web3, addresses["token"]),
        registry=Registry(web3, addresses["registry"]),
        clearinghouse=Clearinghouse(web3, addresses["clearinghouse"]),
        meters=Meters(web3, addresses["meters"]),
        settlement=Settlement(web3, addresses["settlement"]),
        auction=Auction(web3, addresses["auction"]),
        negotiation=Negotiation(web3, addresses["negotiation"]),
    )
