"""How much gas each call may use, whatever came before (I15).

Roughly twice what the gas tests measure for one participant or slot, plus as much for each more in a batch: far below
what would show that a cost grows with history. In this process storage that an earlier step touched is warm and so
cheaper than on a chain; the run on Ganache holds the same table to true figures.
"""

from __future__ import annotations

from typing import Any

from tests.audit.machine.steps import Step

# First the call itself, then each element of its longest list or each slot of its range.
BUDGET: dict[str, tuple[int, int]] = {
    "join": (330_000, 0),
    "renew": (160_000, 0),
    "rotateKey": (190_000, 0),
    "openSession": (140_000, 0),
    "revoke": (160_000, 0),
    "deposit": (160_000, 0),
    "depositWithPermit": (220_000, 0),
    "lock": (200_000, 0),
    "bindMeter": (340_000, 0),
    "commit": (130_000, 0),
    "commitMany": (80_000, 70_000),
    "commitFor": (160_000, 0),
    "placeOrder": (160_000, 0),
    "placeOrderFor": (190_000, 0),
    "open": (60_000, 80_000),
    "clear": (500_000, 0),
    "forfeit": (500_000, 110_000),
    "compensate": (130_000, 0),
    "payOutSurplus": (110_000, 0),
    "collect": (60_000, 110_000),
    "announce": (170_000, 0),
    "announceMany": (90_000, 90_000),
    "announceFor": (200_000, 0),
    "take": (130_000, 0),
    "takeMany": (80_000, 70_000),
    "takeFor": (160_000, 0),
    "buyNotes": (180_000, 80_000),
    "issue": (60_000, 70_000),
    "redeem": (200_000, 0),
    "claim": (260_000, 0),
    "conditional.post": (220_000, 0),
    "conditional.take": (400_000, 0),
    "deliver": (260_000, 0),
    "mint": (60_000, 200_000),
    "register": (60_000, 70_000),
    "offer": (200_000, 0),
    "counter": (110_000, 0),
    "accept": (160_000, 60_000),
    "agree": (260_000, 60_000),
    "postReading": (90_000, 0),
    "postReadings": (50_000, 60_000),
    "proveEquivocation": (140_000, 0),
    "settle": (180_000, 420_000),
    "payArrears": (220_000, 0),
    "releaseGuarantee": (260_000, 0),
}
OTHERS = (150_000, 0)


def budget_of(step: Step, slot_count: int = 1) -> int:
    """Return the most that a step may use."""
    known = BUDGET.get(step.function, OTHERS)
    # Where two contracts have a function of that name, the one that needs more is told apart.
    base, each = BUDGET.get(f"{step.contract}.{step.function}", known)
    lists = [len(arg) for arg in step.args if isinstance(arg, list)]
    count: Any = max([*lists, slot_count, 1])
    # A message of a wallet or a long calldata costs a little each.
    return base + each * int(count)
