"""Enrol participants with user.Security: ``brownie run register``."""

import secrets
from typing import Any

import brownie
from eth_account import Account

from setm import messages
from setm.types import Kind

ZERO_ADDRESS = "0x0000000000000000000000000000000000000000"
YEAR_SECONDS = 365 * 24 * 3600


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


def main() -> dict[str, int]:
    """Deploy, then enrol alice, who buys, bob, who sells, and carol, who does both."""
    from scripts.deploy import main as deploy

    system = deploy()
    actors = system.actors
    kinds = {
        "alice": Kind.PERSONAL_CONSUMER,
        "bob": Kind.GENERATION,
        "carol": Kind.PROSUMER,
    }
    ids = {
        name: register(system.registry, actors.authority, getattr(actors, name), kind)
        for name, kind in kinds.items()
    }
    for name, participant_id in ids.items():
        print(f"{name} is participant {participant_id}")
    return ids
