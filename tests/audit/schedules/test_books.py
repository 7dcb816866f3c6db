"""Random books of schedules through chain and reference, bit for bit, and books with anything changed in them."""

from __future__ import annotations

import random

import pytest

from setm.errors import Reverted
from setm.schedules import SlotOrder
from setm.types import Side
from setm.units import Wh
from tests.audit.figures import DEPTH, record
from tests.audit.schedules.world import World, random_schedules, told_of, world

BOOKS, LONG_BOOKS = 30 * DEPTH, 2 * DEPTH
PERTURBED = 30 * DEPTH
FIELDS = {
    "bid": 0,
    "ask": 9,
    "bid margin": 27,
    "bid filled": 67,
    "ask margin": 107,
    "ask filled": 147,
}


def told(receipt: object) -> bytes:
    groups = receipt.named("GroupBound")  # type: ignore[attr-defined]
    return b"".join(bytes(group.args["members"]) for group in groups)


def compare(place: World, dice: random.Random, **options: int) -> int:
    place.reset()
    if dice.random() < 0.5:
        place.write_roster()
    ids = [p.id for p in place.people]
    chosen = dice.sample(ids, dice.randint(1, len(ids)))
    schedules = random_schedules(dice, chosen, place.slots, **options)
    before = {number: place.venue.call("marginOf", number) for number in chosen}
    receipt, book = place.clear(schedules)
    assert told(receipt) == told_of(book.outcomes)
    for outcome in book.outcomes:
        number = outcome.participant_id
        assert place.venue.call("marginOf", number) == before[number] - outcome.bound
    traded = [sum(o.fills[slot] for o in book.outcomes) for slot in range(place.slots)]
    assert traded == [0] * place.slots
    return sum(1 for c in book.clearings if c.volume_wh)


def test_random_single_slots_equal_the_reference_bit_for_bit() -> None:
    dice = random.Random(1)
    traded = [
        compare(world(70, "intraday"), dice, ticks=dice.choice([1, 2, 5, 256]))
        for _ in range(BOOKS)
    ]
    least = BOOKS // 2
    record(
        "schedules",
        "books of signed orders equal to the reference",
        len(traded),
        wanted=f"at least {least} of them with trade",
        ok=sum(traded) > least,
    )
    assert sum(traded) > least


def test_random_days_equal_the_reference_bit_for_bit() -> None:
    dice = random.Random(2)
    traded = [compare(world(110), dice, ticks=dice.choice([3, 256])) for _ in range(LONG_BOOKS)]
    record(
        "schedules",
        "days of signed schedules equal to the reference",
        len(traded),
        wanted="trade in each of them",
        ok=all(traded),
    )
    assert all(traded)


@pytest.mark.parametrize("field", FIELDS)
def test_margins_with_a_field_changed_are_refused(field: str) -> None:
    place, dice = world(70, "intraday"), random.Random(field)
    refused = 0
    for _ in range(PERTURBED // len(FIELDS)):
        place.reset()
        ids = [p.id for p in place.people][: dice.randint(4, 40)]
        schedules = random_schedules(dice, ids, 1, ticks=6)
        book = place.cleared(schedules)
        if not book.clearings[0].volume_wh:
            continue
        entries, digest = place.entries(schedules)
        place.commit(digest)
        place.at(place.gate)
        step = dice.choice([-1, 1])
        margins = [book.margins[0] + (step << FIELDS[field])]
        with pytest.raises(Reverted) as caught:
            place.post(entries, place.words(schedules), book, margins=margins)
        assert caught.value.name in ("MarginsRefused", "LeftOut", "SumsMismatch")
        refused += 1
    assert refused


def test_an_empty_a_one_sided_and_a_crossless_book_trade_nothing() -> None:
    place = world(70, "intraday")
    one, two = (p.id for p in place.people[:2])

    def order(side: Side, tick: int) -> list[SlotOrder | None]:
        return [SlotOrder(side=side, tick=tick, energy_wh=Wh(10))]

    for schedules in (
        {},
        {one: [None]},
        {one: order(Side.BID, 7)},
        {one: order(Side.ASK, 7)},
        {one: order(Side.BID, 7), two: order(Side.ASK, 8)},
        {one: order(Side.BID, 255), two: order(Side.BID, 0)},
    ):
        place.reset()
        receipt, book = place.clear(schedules)
        assert all(outcome.bound == 0 for outcome in book.outcomes)
        assert told(receipt) == told_of(book.outcomes)
        assert receipt.only("BookCleared")["attempt"] == 1


def test_shares_at_the_margin_do_not_depend_on_who_posts() -> None:
    place = world(70, "intraday")
    ids = [p.id for p in place.people[:5]]
    schedules: dict[int, list[SlotOrder | None]] = {
        number: [SlotOrder(side=Side.BID, tick=9, energy_wh=Wh(10))] for number in ids[:4]
    }
    schedules[ids[4]] = [SlotOrder(side=Side.ASK, tick=9, energy_wh=Wh(21))]
    outcomes = []
    for sender in (place.collector, place.people[9], place.people[0]):
        place.reset()
        receipt, book = place.clear(schedules, sender=sender)
        outcomes.append(told(receipt))
        assert sorted(outcome.fills[0] for outcome in book.outcomes) == [-21, 5, 5, 5, 6]
    assert outcomes[0] == outcomes[1] == outcomes[2]
