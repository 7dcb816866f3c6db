"""Deploy SETM: ``brownie run deploy [--network anvil]``.

With ``SETM_CONFIG=file.json`` the parameters come from that file, with ``SETM_DEPLOYMENT=file.json`` what was deployed
is written to it; ``setm run`` uses both. Beyond a local chain keys come from ``SETM_KEYSTORE`` (docs/deployment.md).
In ``brownie console``: ``setm = run("deploy")`` gives the contracts and people.
"""

import json
import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import brownie

from scripts.actors import Actors, chosen_actors, require_local
from scripts.register import enrol_people, register
from setm.types import Kind

DEFAULTS = Path(__file__).with_name("defaults.json")


@dataclass
class System:
    """The contracts of one deployment."""

    token: Any
    registry: Any
    clearinghouse: Any
    meters: Any
    settlement: Any
    rule: Any
    auction: Any
    negotiation: Any
    actors: Actors
    ids: dict[str, int] = field(default_factory=dict)

    def addresses(self) -> dict[str, str]:
        """Return the address of each contract by its role."""
        roles = [item.name for item in fields(self) if item.name not in ("actors", "ids")]
        return {role: getattr(self, role).address for role in roles}

    def next_slot(self, ahead: int = 4) -> int:
        """Return the slot that begins ``ahead`` slots from now."""
        return brownie.chain.time() // self.registry.slotSeconds() + ahead

    def free_eur(self, name: str) -> float:
        """Return somebody's free balance, EUR."""
        return self.clearinghouse.freeOf(self.ids[name]) / 1_000_000


def deploy(deployer: Any, config: dict[str, Any], actors: Actors) -> System:
    """Deploy every contract, enrol the grid operator as participant 1 and open both venues."""
    project, sender = brownie.project.get_loaded_projects()[0], {"from": deployer}
    delay = config["governance_delay"]
    token = _token(project, config, sender)
    registry = project.ParticipantRegistry.deploy(
        deployer,
        config["slot_seconds"],
        delay,
        config["recovery_delay"],
        [actors.authority],
        sender,
    )
    clearinghouse = project.Clearinghouse.deploy(token, registry, delay, sender)
    operator_id = register(registry, actors.authority, actors.operator, Kind.GRID_OPERATOR)
    meters = project.MeterRegistry.deploy(
        registry, operator_id, *config["metering"].values(), sender
    )
    settlement = project.Settlement.deploy(
        registry, clearinghouse, meters, operator_id, tuple(config["settlement"].values()), sender
    )
    rule = project.UniformPriceRule.deploy(sender)
    auction = project.Auction.deploy(
        clearinghouse, settlement, rule, tuple(config["auction"].values()), sender
    )
    negotiation = project.Negotiation.deploy(
        clearinghouse, settlement, tuple(config["negotiation"].values()), sender
    )
    for venue in (settlement, auction, negotiation):
        clearinghouse.addVenue(venue, sender)
    return System(
        token, registry, clearinghouse, meters, settlement, rule, auction, negotiation, actors
    )


def _token(project: Any, config: dict[str, Any], sender: dict[str, Any]) -> Any:
    """Return the token that the configuration names, or a new one that anyone can mint."""
    if "token" in config:
        return project.TestEuro.at(config["token"])
    require_local("a euro that anyone can mint", "`token` in the configuration")
    return project.TestEuro.deploy(sender)


def record_of(system: System, config: dict[str, Any], from_block: int) -> dict[str, Any]:
    """Return what `setm run` and `setm verify` must know of a deployment."""
    actors = system.actors
    return {
        "chain_id": brownie.chain.id,
        "from_block": from_block,
        "contracts": system.addresses(),
        "own_token": "token" not in config,
        "config": {name: value for name, value in config.items() if name != "token"},
        "roles": {
            "governance": actors.governance.address,
            "authorities": [actors.authority.address],
            "operator": actors.operator.address,
        },
    }


def main() -> System:
    """Deploy and say where everything is; on a local chain with default parameters enrol alice, bob and carol."""
    custom = os.environ.get("SETM_CONFIG")
    config = json.loads(Path(custom or DEFAULTS).read_text())
    actors, from_block = chosen_actors(), brownie.chain.height
    system = deploy(actors.governance, config, actors)
    if custom is None and actors.alice is not None:
        enrol_people(system)
    record = record_of(system, config, from_block)
    if target := os.environ.get("SETM_DEPLOYMENT"):
        Path(target).write_text(json.dumps(record, indent=2))
    for role, address in record["contracts"].items():
        print(f"{role:14} {address}")
    return system
