"""Do the balances add up, do they equal the books rebuilt from events, does every unit of collateral have a reason?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from setm.deployment_plan import venues
from setm.ledger import Venue
from setm.types import ParticipantId
from setm.verify.history import History
from setm.verify.outcome import Check, found, warning

AREA = "books"


def check_money(history: History) -> Iterator[Check]:
    """Yield the invariants of the money, as far as a state can show them."""
    yield from _solvency(history)
    yield found(
        AREA,
        "I16 balances equal the events",
        _against_events(history),
        good=lambda: f"{len(history.ids)} participants, {len(_holders(history))} venues",
    )
    yield found(
        AREA,
        "I2 collateral = margin + what orders bind",
        _unexplained_collateral(history),
        good="every unit explained",
    )
    yield found(
        AREA, "I2 pools = what their slots hold", _pools(history), good="every unit explained"
    )
    yield found(AREA, "arrears follow from the bills", _arrears(history), good="both sides agree")


def _holders(history: History) -> tuple[str, ...]:
    """Return the roles that hold collateral in this deployment."""
    return venues(history.deployed.config)


def _solvency(history: History) -> Iterator[Check]:
    house = history.deployed.contracts["clearinghouse"]
    held = history.reader.ask("clearinghouse", "held")
    tokens = history.reader.ask("token", "balanceOf", house)
    good = f"{held} owed, {tokens} tokens (1e-6 EUR)"
    yield found(AREA, "I1 solvency", _insolvency(history, held, tokens), good=good)
    if tokens > held:
        yield warning(AREA, "donated tokens", f"{tokens - held} that belong to nobody (1e-6 EUR)")


def _insolvency(history: History, held: int, tokens: int) -> Iterator[str]:
    free = sum(history.reader.ask("clearinghouse", "freeOf", who) for who in history.ids)
    locked = sum(
        _collateral(history, venue, who) for venue in _holders(history) for who in history.ids
    )
    pools = sum(_pool(history, venue) for venue in _holders(history))
    if free + locked + pools != held:
        yield f"free {free} + collateral {locked} + pools {pools} != held {held}"
    if tokens < held:
        yield f"owes {held}, but has {tokens} tokens"


def _collateral(history: History, venue: str, who: int) -> int:
    address = history.deployed.contracts[venue]
    return int(history.reader.ask("clearinghouse", "collateralOf", address, who))


def _pool(history: History, venue: str) -> int:
    return int(history.reader.ask("clearinghouse", "poolOf", history.deployed.contracts[venue]))


def _against_events(history: History) -> Iterator[str]:
    books = history.money()
    for who in history.ids:
        owner = ParticipantId(who)
        free = history.reader.ask("clearinghouse", "freeOf", who)
        if free != books.free_of(owner):
            yield f"free balance of participant {who}: {free}, by events {books.free_of(owner)}"
        for venue in _holders(history):
            locked = _collateral(history, venue, who)
            if locked != books.collateral_of(Venue(venue), owner):
                expected = books.collateral_of(Venue(venue), owner)
                yield f"collateral of participant {who} for {venue}: {locked}, by events {expected}"
    for venue in _holders(history):
        pool = _pool(history, venue)
        if pool != books.pool_of(Venue(venue)):
            yield f"pool of {venue}: {pool}, by events {books.pool_of(Venue(venue))}"
    held = history.reader.ask("clearinghouse", "held")
    if held != books.held:
        yield f"held: {held}, by events {books.held}"


def _unexplained_collateral(history: History) -> Iterator[str]:
    settled = set(history.settled())
    for venue in history.venues:
        # An unfinished record is never overwritten, so what is settled and old binds nothing but owed tags.
        kept = set(history.kept(venue)) | history.owing(venue)
        bound: dict[int, int] = defaultdict(int, history.packed(venue))
        for slot, who in sorted(kept | (history.entered[venue] - settled)):
            bound[who] += history.reader.ask(venue, "boundOf", slot, who)
        for who in history.ids:
            locked = _collateral(history, venue, who)
            margin = history.reader.ask(venue, "marginOf", who)
            if locked != margin + bound[who]:
                yield (
                    f"participant {who} in {venue}: collateral {locked}, margin {margin}, "
                    f"orders bind {bound[who]}"
                )


def _pools(history: History) -> Iterator[str]:
    for venue in history.venues:
        slots = sorted(history.pool_slots(venue))
        kept = sum(history.reader.ask(venue, "slotPool", slot) for slot in slots)
        if _pool(history, venue) != kept:
            yield f"{venue}: pool {_pool(history, venue)}, its slots hold {kept}"
    if _pool(history, "settlement") != 0:
        yield f"settlement keeps {_pool(history, 'settlement')}: it passes everything on"


def _arrears(history: History) -> Iterator[str]:
    expected: dict[int, int] = defaultdict(int)
    for event in history.record.of("SlotSettled", "settlement"):
        expected[event["participantId"]] += event["arrearsChange"]
    for event in history.record.of("DaysSettled", "settlement"):
        for word in event["words"]:
            expected[word >> 224] += _signed(word >> 16 & 2**64 - 1)
    for event in history.record.of("ArrearsPaid", "settlement"):
        expected[event["participantId"]] -= event["amount"]
    actual = {who: history.reader.ask("settlement", "arrearsOf", who) for who in history.ids}
    for who in history.ids:
        if actual[who] != expected[who]:
            yield f"participant {who} owes {actual[who]}, by events {expected[who]}"
    owed = history.reader.ask("settlement", "owedByOperator")
    if owed != sum(-amount for amount in actual.values() if amount < 0):
        yield f"the grid operator owes {owed}, its creditors are owed another sum"


def _signed(word: int) -> int:
    """Return what 64 bits say whose highest is a sign."""
    return word - 2**64 if word >> 63 else word
