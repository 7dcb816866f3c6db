"""Random negotiations through chain and reference, message by message, and agreements with anything changed in them.

At least 700 messages at SETM_DEPTH=1, 10,500 in `make audit`: offers, counter-offers, acceptances, refusals, signed
agreements, collections and closings; what one side refuses the other refuses alike, with the same values.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from setm import messages
from setm.errors import Reverted
from setm.types import Slot, Terms
from setm.units import Price, Wh
from tests.audit.figures import DEPTH, record
from tests.contracts.invariant.test_negotiation_machine import NegotiationMachine, stage

EXAMPLES, STEPS = 10 * DEPTH, 100
# What people do, the commoner things more than once.
RULES = (
    *("offer", "offer", "counter", "accept", "accept", "reject_or_withdraw", "expire"),
    *("agree", "agree", "collect", "collect", "close", "close", "lock", "release", "wait", "leap"),
)
INVARIANTS = (
    "same_positions",
    "same_negotiations",
    "collateral_is_margin_plus_what_is_bound",
    "pools_are_what_the_venue_has_charged_and_not_paid",
)
AGREEMENTS = 20 * DEPTH


class CountingMachine(NegotiationMachine):  # type: ignore[misc]
    """The same machine; says how much it has compared."""

    messages = accepted = 0

    def both(self, expect: Callable[[], Any], do: Callable[[], Any]) -> None:
        before = self.book
        super().both(expect, do)
        self.messages += 1
        self.accepted += self.book is not before


def play(dice: random.Random) -> tuple[int, int, int]:
    """Let four people talk for a while; return messages, those accepted, and negotiations begun."""
    machine = CountingMachine()
    try:
        for _ in range(STEPS):
            rule = dice.choice(RULES)
            if rule == "wait":
                machine.wait(seconds=dice.choice([1, 60, 450, 700, 900]))
            else:
                getattr(machine, rule)(dice=dice)
            for name in INVARIANTS:
                getattr(machine, name)()
        return machine.messages, machine.accepted, len(machine.book.negotiations)
    finally:
        machine.teardown()


@pytest.mark.timeout(1800)
def test_random_negotiations_come_to_the_same_on_chain_and_in_the_reference() -> None:
    played = [play(random.Random(f"negotiations {number}")) for number in range(EXAMPLES)]
    told, accepted, begun = (sum(each) for each in zip(*played, strict=True))
    # Waiting, leaping and locking are steps without an answer to compare.
    wanted = EXAMPLES * STEPS * 7 // 10
    record(
        "differential",
        "messages of negotiations answered as in the reference",
        told,
        wanted=f"at least {wanted}",
        ok=told >= wanted,
        accepted=accepted,
        negotiations=begun,
    )
    assert told >= wanted
    assert accepted * 4 >= told, "most are refused: too little is compared"


def agreed(dice: random.Random) -> tuple[messages.Message, Any, Any]:
    """Return an agreement that the chain would take, and its two sides."""
    there = stage()
    buyer, seller = dice.sample(there.people, 2)
    terms = Terms(
        first_slot=Slot(there.evm.now // 900 + dice.randint(10, 50)),
        slot_count=dice.randint(1, 2),
        energy_wh=Wh(dice.randint(1, 1_000)),
        price=Price(dice.randint(30_000, 60_000)),
    )
    message = messages.agreement(
        there.system.domain(there.venue),
        buyer_id=buyer.id,
        seller_id=seller.id,
        terms=terms,
        salt=dice.getrandbits(256),
        deadline=there.evm.now + 60,
    )
    return message, buyer, seller


def refusal(
    values: dict[str, int], buyer: Any, of_buyer: bytes, seller: Any, of_seller: bytes
) -> str:
    there = stage()
    mark = there.evm.snapshot()
    try:
        there.venue.agree(values, buyer, of_buyer, seller, of_seller)
    except Reverted as error:
        return error.name
    finally:
        there.evm.revert(mark)
    return ""


def with_a_bit_changed(signature: bytes, dice: random.Random) -> bytes:
    place = dice.randrange(8 * len(signature))
    changed = bytearray(signature)
    changed[place // 8] ^= 1 << place % 8
    return bytes(changed)


def test_an_agreement_with_anything_changed_in_it_is_refused() -> None:
    """Each field in turn, each signature, each key, both sides exchanged; unchanged it is taken."""
    changed_ones = 0
    for number in range(AGREEMENTS):
        dice = random.Random(f"agreement {number}")
        message, buyer, seller = agreed(dice)
        values, keys = dict(message.values), (buyer, seller)
        signed = message.sign(buyer.key), message.sign(seller.key)
        assert refusal(values, buyer, signed[0], seller, signed[1]) == ""
        for kind, name in message.fields:
            width = int(kind.removeprefix("uint"))
            for bit in (0, width - 1, dice.randrange(width)):
                other = {**values, name: values[name] ^ 1 << bit}
                assert refusal(other, buyer, signed[0], seller, signed[1]) == "ForgedSignature", (
                    name
                )
                changed_ones += 1
        for side in (0, 1):
            forged = list(signed)
            forged[side] = with_a_bit_changed(signed[side], dice)
            assert refusal(values, buyer, forged[0], seller, forged[1]) == "ForgedSignature"
            twice = [keys[side], keys[side]]
            assert refusal(values, twice[0], signed[0], twice[1], signed[1]) == "ForgedSignature"
            changed_ones += 2
        assert refusal(values, seller, signed[1], buyer, signed[0]) == "PartyMismatch"
        changed_ones += 1
    record(
        "differential",
        "perturbed agreements refused",
        changed_ones,
        wanted=f"all {29 * AGREEMENTS}",
        ok=changed_ones == 29 * AGREEMENTS,
    )
