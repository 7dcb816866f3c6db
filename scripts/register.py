"""Enrol participants with user.Security: ``brownie run register``."""

import secrets
from typing import Any

import brownie
from eth_account import Account

from setm import messages
from setm.types import Kind

ZERO_ADDRESS = "0x0000000000000000000000000000000000000000"
YEAR_SECONDS = 365 * 24 * 3600
HUNDRED_EUR = 100_000_000


def register(
    registry: Any, authority: Any, account: Any, kind: Kind, device_class: int = 0, zone: int = 1
) -> int:
    """Let ``authority`` identify ``account`` (uI), let the account join (uA); return its participant number."""
    domain = messages.Domain(chain_id=brownie.chain.id, contract=registry.address)
    credential = messages.credential(
        domain,
        account=account.address,
        kind=kind,
        device_class=device_class,
        zone=zone,
        commitment=messages.identity_commitment(account.address, secrets.token_bytes(32)),
        valid_until=brownie.chain.time() + YEAR_SECONDS,
    )
    signature = credential.sign(Account.from_key(authority.private_key))
    joined = registry.join(
        tuple(credential.values.values()),
        authority,
        signature,
        ZERO_ADDRESS,
        brownie.chain.time() + 3600,
        b"",
        {"from": account},
    )
    return int(joined.events["ParticipantJoined"]["participantId"])


def fund(system: Any, account: Any, amount: int) -> None:
    """Mint test euros for ``account`` and deposit them (1e-6 EUR)."""
    participant_id = system.registry.ownerOf(account)
    system.token.mint(account, amount, {"from": account})
    system.token.approve(system.clearinghouse, amount, {"from": account})
    system.clearinghouse.deposit(participant_id, amount, {"from": account})


def enrol_people(system: Any) -> dict[str, int]:
    """Enrol alice, who buys, bob, who sells, and carol, who does both; give them and the operator money."""
    kinds = {
        "alice": Kind.PERSONAL_CONSUMER,
        "bob": Kind.GENERATION,
        "carol": Kind.PROSUMER,
    }
    actors = system.actors
    system.ids["operator"] = system.settlement.operatorId()
    for name, kind in kinds.items():
        account = getattr(actors, name)
        system.ids[name] = register(system.registry, actors.authority, account, kind)
    for name in system.ids:
        fund(system, getattr(actors, name), HUNDRED_EUR)
    return system.ids


def main() -> Any:
    """Deploy, enrol and say who has which participant number."""
    from scripts.deploy import main as deploy

    system = deploy()
    for name, participant_id in system.ids.items():
        print(f"{name:9} is participant {participant_id} with {system.free_eur(name):.2f} EUR")
    return system
