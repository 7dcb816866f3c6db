"""The assembly of LaneLib against its plain twin and the reference, on random days and at the edges of a lane."""

from __future__ import annotations

import random

import pytest

from setm.days import MAX_VALUE_WH, imbalance, values_hash
from setm.evm import Evm
from setm.schedules import pack_fills
from tests.audit.figures import DEPTH, record

DAYS = 100 * DEPTH
EDGES = (0, 1, 2, MAX_VALUE_WH - 1, MAX_VALUE_WH)


def values(dice: random.Random, slots: int) -> list[int]:
    most = dice.choice([3, 5_000, MAX_VALUE_WH])
    return [dice.choice([*EDGES, dice.randint(0, most)]) for _ in range(slots)]


def test_the_assembly_compares_as_its_plain_twin_and_the_reference_do() -> None:
    evm = Evm()
    twin = evm.deploy("PlainLanes")
    dice = random.Random(21)
    for _ in range(DAYS):
        slots = dice.choice([1, 7, 8, 24, 96])
        fills = [dice.choice([-1, 1]) * value for value in values(dice, slots)]
        imports, exports = values(dice, slots), values(dice, slots)
        words = [pack_fills(fills), pack_fills(imports), pack_fills(exports)]
        packed = twin.call("packed", *words)
        assert packed == twin.call("plain", *words)
        assert packed == imbalance(fills, imports, exports)
        most = max(*imports, *exports)
        limit = dice.choice([*EDGES, most, max(most - 1, 0)])
        within = twin.call("within", words[1] + words[2], limit)
        assert within == (most <= limit, most <= limit)
    gas = [twin.send(name, *words).gas_used for name in ("packed", "plain")]
    record(
        "schedules",
        "days compared by assembly, by its plain twin and by the reference",
        DAYS,
        wanted=f"assembly cheaper than its twin ({gas[0]:,} and {gas[1]:,} gas)",
        ok=gas[0] < gas[1],
    )
    assert gas[0] < gas[1]


@pytest.mark.parametrize("place", [0, 3, 7, 8, 15])
@pytest.mark.parametrize("value", [1 << 31, (1 << 32) - 1])
def test_a_value_of_32_bits_is_above_every_limit(place: int, value: int) -> None:
    twin = Evm().deploy("PlainLanes")
    words = [0, 0]
    words[place // 8] |= value << 32 * (place % 8)
    for limit in (1, MAX_VALUE_WH):
        assert twin.call("within", words, limit) == (False, False)


def test_hashes_tell_import_from_export() -> None:
    assert values_hash([1], [2]) != values_hash([2], [1])
    assert values_hash([1, 2], []) != values_hash([1], [2])
