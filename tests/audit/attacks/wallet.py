"""A participant that is a contract (ERC-1271): honest while it joins, and then as a test wants it."""

from __future__ import annotations

from typing import Any

from eth_utils.crypto import keccak

from setm import messages
from setm.evm import Contract, abi
from setm.evm.machine import NOBODY
from setm.types import Kind
from tests.audit.attacks.stage import FOREVER, MARGIN, Stage


def joined_wallet(stage: Stage, answer: int) -> tuple[Contract, int]:
    """Let a wallet become a participant with margin while it still behaves, then make it answer as asked."""
    wallet = stage.evm.deploy("AttackWallet", stage.alice)
    system = stage.system
    credential = messages.credential(
        system.domain(system.registry),
        account=wallet.address,
        kind=Kind.PROSUMER,
        device_class=0,
        zone=1,
        commitment=keccak(text="wallet"),
        valid_until=stage.evm.now + 1_000_000,
    )
    values = tuple(credential.values.values())
    proof = credential.sign(system.authority)
    join = messages.join(
        system.domain(system.registry),
        credential_hash=credential.struct_hash(),
        recovery=NOBODY,
        deadline=FOREVER,
    )
    number = system.registry.send(
        "join", values, system.authority, proof, NOBODY, FOREVER, join.sign(stage.alice.key)
    ).value
    system.token.send("mint", stage.alice, 2 * MARGIN)
    system.token.send("approve", system.clearinghouse, 2 * MARGIN, sender=stage.alice)
    system.clearinghouse.send("deposit", number, 2 * MARGIN, sender=stage.alice)
    for venue in (system.auction, system.negotiation):
        entry: Any = next(e for e in system.clearinghouse._entries if e.get("name") == "lock")
        data = abi.selector_of(entry) + abi.encode(entry["inputs"], (venue, MARGIN))
        wallet.send("execute", system.clearinghouse, data, sender=stage.alice)
    wallet.send("answer", answer)
    return wallet, number
