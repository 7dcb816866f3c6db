"""The assembly of FillLib against its plain twin, on random tables and orders."""

from __future__ import annotations

import random

from setm.evm import Evm
from setm.schedules import cleared, pack_orders
from tests.audit.figures import DEPTH, record
from tests.audit.schedules.world import random_schedules, rules_of

BOOKS = 20 * DEPTH


def test_the_assembly_fills_as_its_plain_twin_does() -> None:
    evm = Evm()
    twin = evm.deploy("PlainFill")
    dice = random.Random(11)
    compared = 0
    for _ in range(BOOKS):
        slots = dice.choice([1, 7, 8, 24, 96])
        rules = rules_of(slots, k=dice.choice([0, 500, 1000]))
        schedules = random_schedules(dice, range(1, 9), slots, ticks=dice.choice([2, 8, 256]))
        book = cleared(schedules, rules)
        plans = [
            word | clearing.bid_price << 187 | max(0, 55_500 - clearing.bid_price) << 219
            if clearing.volume_wh
            else word
            for word, clearing in zip(book.margins, book.clearings, strict=True)
        ]
        sums = [0] * slots
        for number in sorted(schedules):
            words = pack_orders(schedules[number])
            plain = twin.call("plain", plans, sums, words)
            assert twin.call("packed", plans, sums, words) == plain
            sums = list(plain[1])
            compared += 1
    record(
        "schedules",
        "schedules filled by assembly and by its plain twin",
        compared,
        wanted=f"at least {BOOKS}",
        ok=compared >= BOOKS,
    )


def test_the_assembly_fills_as_its_plain_twin_does_at_any_margins() -> None:
    twin, dice = Evm().deploy("PlainFill"), random.Random(14)
    told = 0
    for _ in range(10 * BOOKS):
        slots = dice.choice([1, 7, 8, 24])
        plans, sums, orders = [], [], [0] * ((slots + 7) // 8)
        near = dice.randrange(257)
        for slot in range(slots):
            bid, ask, cut = (min(256, max(0, near + dice.randint(-2, 2))) for _ in range(3))
            bid, ask, cut = dice.choice(
                [(bid, ask, cut), (257, 0, cut), (bid, ask, dice.randrange(512))]
            )
            wholes = [dice.randrange(1, 1 << 40) for _ in range(2)]
            energies = [e for whole in wholes for e in (whole, dice.randrange(1, whole + 1))]
            plan = max(1, bid) | ask << 9 | cut << 18 | dice.getrandbits(64) << 187
            plans.append(
                plan | sum(e << at for e, at in zip(energies, (27, 67, 107, 147), strict=True))
            )
            sums.append(sum(dice.getrandbits(40) << at for at in (0, 48, 96, 144)))
            tick = dice.choice([min(255, max(0, near + dice.randint(-3, 3))), dice.randrange(256)])
            energy = dice.choice([0, 1, dice.randrange(1 << 23), (1 << 23) - 1])
            orders[slot // 8] |= (dice.randrange(2) << 31 | tick << 23 | energy) << 32 * (slot % 8)
        plain = twin.call("plain", plans, sums, orders)
        assert twin.call("packed", plans, sums, orders) == plain
        told += plain[2][3] != 0
    assert told


def test_margins_are_planned_as_the_plain_twin_does() -> None:
    twin, dice, refused = Evm().deploy("PlainFill"), random.Random(13), 0
    rules = rules_of(24)
    for _ in range(BOOKS):
        # Prices are below the cover price, or not.
        terms = (30_000, 100, 500, dice.choice([55_500, 42_000, 30_000]))
        schedules = random_schedules(dice, range(1, 9), 24, ticks=dice.choice([2, 8, 256]))
        for margins in cleared(schedules, rules).margins:
            # A field changed a little, a bit flipped, or nothing.
            changed = dice.choice(
                [
                    margins,
                    margins + (dice.choice([-1, 1]) << dice.choice([0, 9, 18, 27, 67, 107, 147])),
                    margins ^ 1 << dice.randrange(256),
                    dice.getrandbits(27),
                    # No trade, but a bid margin.
                    dice.randrange(512) | dice.randrange(512) << 18,
                ]
            )
            changed %= 1 << 256
            plan = twin.call("planned", changed, *terms)
            assert plan == twin.call("plainlyPlanned", changed, *terms)
            refused += plan == 0
    assert 24 * BOOKS > refused > BOOKS


def test_an_order_that_must_not_be_left_out_is_told_alike() -> None:
    evm = Evm()
    twin = evm.deploy("PlainFill")
    dice = random.Random(12)
    told = 0
    for _ in range(BOOKS):
        schedules = random_schedules(dice, range(1, 3), 8, ticks=8)
        cut = dice.randrange(10)
        plans = [257 | cut << 18] * 8
        for orders in schedules.values():
            words = pack_orders(orders)
            plain = twin.call("plain", plans, [0] * 8, words)
            packed = twin.call("packed", plans, [0] * 8, words)
            assert packed == plain
            told += plain[2][3] != 0
    assert told
