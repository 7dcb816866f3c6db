"""Deploy SETM: ``brownie run deploy [--network anvil]``.

With ``SETM_CONFIG=file.json`` the parameters come from that file, with ``SETM_DEPLOYMENT=file.json`` what was deployed
is written to it; ``setm run`` uses both. Beyond a local chain keys come from ``SETM_KEYSTORE`` (docs/deployment.md).
In ``brownie console``: ``setm = run("deploy")`` gives the contracts and people.
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import brownie

from scripts.actors import Actors, chosen_actors, require_local
from scripts.register import enrol_people, register
from setm.deployment_plan import filled, foundation, house, openings
from setm.types import Kind

DEFAULTS = Path(__file__).with_name("defaults.json")


@dataclass
class System:
    """The contracts of one deployment by their roles, which are attributes too, and its people."""

    contracts: dict[str, Any]
    actors: Actors
    ids: dict[str, int] = field(default_factory=dict)

    def __getattr__(self, role: str) -> Any:
        try:
            return self.__dict__["contracts"][role]
        except KeyError:
            raise AttributeError(f"nothing is deployed as {role}") from None

    def addresses(self) -> dict[str, str]:
        """Return the address of each contract by its role."""
        return {role: contract.address for role, contract in self.contracts.items()}

    def next_slot(self, ahead: int = 4) -> int:
        """Return the slot that begins ``ahead`` slots from now."""
        return brownie.chain.time() // self.registry.slotSeconds() + ahead

    def free_eur(self, name: str) -> float:
        """Return somebody's free balance, EUR."""
        return self.clearinghouse.freeOf(self.ids[name]) / 1_000_000


def deploy(deployer: Any, config: dict[str, Any], actors: Actors) -> System:
    """Deploy every contract of the plan, enrol the grid operator as participant 1 and open all venues."""
    project, sender = brownie.project.get_loaded_projects()[0], {"from": deployer}
    known: dict[str, Any] = {"governance": deployer, "authority": actors.authority}
    contracts: dict[str, Any] = {}

    def add(role: str, contract: Any) -> None:
        known[role] = contracts[role] = contract

    if "token" in config:
        add("token", project.TestEuro.at(config["token"]))
    else:
        require_local("a euro that anyone can mint", "`token` in the configuration")
    for part in foundation(config):
        add(
            part.role,
            getattr(project, part.contract).deploy(*filled(part.arguments, known), sender),
        )
    known["operator_id"] = register(
        known["registry"], actors.authority, actors.operator, Kind.GRID_OPERATOR
    )
    for part in house(config):
        add(
            part.role,
            getattr(project, part.contract).deploy(*filled(part.arguments, known), sender),
        )
    for call in openings(config):
        getattr(contracts[call.role], call.function)(*filled(call.arguments, known), sender)
    return System(contracts, actors)


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
