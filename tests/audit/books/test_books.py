"""Ten thousand random books through chain and reference, bit for bit, in several auctions from pennies to extremes.

670 books at SETM_DEPTH=1, 10,050 in `make audit`. A book in which both differ is cut down to the fewest orders that
still show it, and written to reports/audit/books/; copied to kept/ it is played for ever.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import cache, reduce
from operator import add
from pathlib import Path
from typing import Any

import pytest

from setm.errors import Reverted
from setm.evm.market import OPEN_MODE, RING
from setm.pricing import MAX_TICK_WH, McAfee, PayAsBid, SupplyDemand, UniformPrice, Vickrey
from setm.types import Side
from setm.units import Price
from tests.audit.books import trading as trading_module
from tests.audit.books.random_books import PEOPLE, Book, Entry, random_book
from tests.audit.books.trading import Tally, Trading
from tests.audit.figures import DEPTH, ROOT, record
from tests.contracts.invariant.test_auction_differential import CONFIGS

# Prices of less than one unit of money per Wh: rounding decides, and half a price is lost.
PENNIES = {"floor_price": 0, "tick_size": 1, "cover_price": 300}
RETAIL, FEED_IN = Price(55_500), Price(30_000)
RULES = {
    "k": UniformPrice(k=130),
    "vickrey": Vickrey(reserve_price=Price(40_050)),
    "pay as bid": PayAsBid(),
    "mcafee": McAfee(),
    "supply and demand": SupplyDemand(feed_in_price=FEED_IN, retail_price=RETAIL),
}
MARKETS: dict[str, dict[str, Any]] = {
    **CONFIGS,
    **{f"sealed, {name}": {"rule": rule} for name, rule in RULES.items()},
    **{f"open, {name}": {"rule": rule, **OPEN_MODE} for name, rule in RULES.items()},
    "sealed, extreme pay as bid": {"rule": PayAsBid(), **CONFIGS["sealed, extreme"]},
    "sealed, extreme mcafee": {"rule": McAfee(), **CONFIGS["sealed, extreme"]},
    "open, pennies as bid": {"rule": PayAsBid(), **PENNIES, **OPEN_MODE},
    "sealed, one tick": {"tick_count": 1},
    "sealed, pennies": {**PENNIES, "bond": 1},
    "open, pennies": {**PENNIES, **OPEN_MODE},
}
WANTED_BOOKS = 670 * DEPTH
BOOKS_A_MARKET = -(-WANTED_BOOKS // len(MARKETS))
# Books that are traded side by side, each in its slot.
BATCH = 32
KEPT = sorted((Path(__file__).parent / "kept").glob("*.json"))
FAILED = ROOT / "reports" / "audit" / "books"

BID, ASK = int(Side.BID), int(Side.ASK)


@cache
def trading_of(name: str) -> Trading:
    return Trading(**MARKETS[name])


def record_total(total: Tally, seconds: float) -> None:
    values = asdict(total)
    books, full, perturbed = total.books, total.full_books, total.perturbed
    wanted_perturbed = 40 * books * sum(map(is_sealed, MARKETS)) // len(MARKETS)
    record(
        "differential",
        "books equal to the reference, bit for bit",
        books,
        wanted=f"at least {WANTED_BOOKS}",
        ok=books >= WANTED_BOOKS,
        markets=len(MARKETS),
        seconds=round(seconds, 1),
        **{key: values[key] for key in ("orders", "trades", "unopened", "voids", "surpluses")},
    )
    record(
        "differential",
        "books of 256 orders",
        full,
        wanted="at least 1 book in 50",
        ok=full * 50 >= books,
    )
    record(
        "differential",
        "perturbed openings refused",
        perturbed,
        wanted=f"at least {wanted_perturbed}, one in each of 4 fields",
        ok=perturbed >= wanted_perturbed,
    )
    assert books >= WANTED_BOOKS
    assert full * 50 >= books
    assert perturbed >= wanted_perturbed
    assert total.surpluses * 20 >= books


def is_sealed(name: str) -> bool:
    return bool(MARKETS[name].get("is_sealed", True))


def drawn(name: str, number: int) -> Book:
    trading = trading_of(name)
    return random_book(
        name,
        number,
        tick_count=trading.rules.tick_count,
        max_order_wh=trading.rules.max_order_wh,
        is_sealed=trading.is_sealed,
    )


def differs(trading: Trading, book: Book) -> bool:
    trading.reset()
    try:
        trading.check([book])
    except (AssertionError, Reverted):
        return True
    return False


def smallest(book: Book, is_wrong: Callable[[Book], bool]) -> Book:
    """Return the book without the orders that its fault does not need."""
    size = len(book.entries) // 2
    while size:
        start = 0
        while start < len(book.entries):
            fewer = replace(book, entries=book.entries[:start] + book.entries[start + size :])
            if is_wrong(fewer):
                book = fewer
            else:
                start += size
        size //= 2
    return book


def explain(name: str, books: Sequence[Book], failure: Exception) -> str:
    """Write down the smallest book that shows the difference, and say where."""
    trading = trading_of(name)
    wrong = next((book for book in books if differs(trading, book)), None)
    if wrong is None:
        return f"{name}: only the whole batch differs: {failure}"
    found = smallest(wrong, lambda book: differs(trading, book))
    FAILED.mkdir(parents=True, exist_ok=True)
    file = FAILED / f"{name.replace(', ', '-').replace(' ', '-')}-{found.chance}.json"
    file.write_text(json.dumps({"market": name, "book": found.as_json()}, indent=1) + "\n")
    return f"{name}: {failure}; {len(found.entries)} orders show it: {file.relative_to(ROOT)}"


def play_market(name: str) -> Iterator[Tally]:
    """Yield the tally of each batch of the market's random books."""
    trading = trading_of(name)
    for turn, start in enumerate(range(0, BOOKS_A_MARKET, BATCH)):
        numbers = range(start, min(start + BATCH, BOOKS_A_MARKET))
        books = [drawn(name, number) for number in numbers]
        first_slot = trading.home
        if turn % 2:
            # The same places of the ring again, over what the batch before has left there.
            first_slot += RING
        else:
            trading.reset()
        try:
            yield trading.check(books, first_slot)
        except (AssertionError, Reverted) as failure:
            pytest.fail(explain(name, books, failure))


@pytest.mark.timeout(3600)
def test_random_books_come_to_the_same_on_chain_and_in_the_reference() -> None:
    """In one test, so that one figure says how many there were, however many workers share the suite."""
    started = time.monotonic()
    total = reduce(add, (tally for name in MARKETS for tally in play_market(name)))
    record_total(total, time.monotonic() - started)


EVERYBODY = range(PEOPLE)
CORNERS = {
    "nobody": [],
    "one bid": [(BID, 7, 500, "exact")],
    "bids only": [(BID, tick % 256, 9, "exact") for tick in EVERYBODY],
    "asks only": [(ASK, tick % 256, 9, "exact") for tick in EVERYBODY],
    "all at one tick": [(place % 2, 0, place + 1, "exact") for place in EVERYBODY],
    "a tie that rations seven": [(BID, 100, 3, "exact")] * 7 + [(ASK, 100, 5, "exact")] * 3,
    "one Wh among all": [(BID, 9, 1, "exact")] * 255 + [(ASK, 9, 1, "exact")],
    "price zero": [(place % 2, 0, 1_000, "exact") for place in range(20)],
    "the dearest price": [(place % 2, 255, 1_000, "exact") for place in range(20)],
    "a tick filled to the last Wh": [(BID, 7, MAX_TICK_WH - 1, "exact"), (BID, 7, 1, "exact")],
    "one Wh too much for a tick": [(BID, 7, MAX_TICK_WH, "exact"), (BID, 7, 1, "exact")],
    "every tick full on both sides": [(p % 2, p // 2, MAX_TICK_WH, "exact") for p in EVERYBODY],
    "nobody opens": [(place % 2, place, 100, "unopened") for place in EVERYBODY],
    "nobody is covered": [(place % 2, place, 100_000, "less") for place in EVERYBODY],
    "everybody cancels": [(place % 2, place, 100, "cancelled") for place in EVERYBODY],
    "all bonds to one Wh": [(BID, 7, 5, "unopened")] * 255 + [(ASK, 255, 1, "exact")],
    "bonds to nobody": [(BID, 7, 5, "unopened"), (BID, 9, 5, "exact")],
}


@pytest.mark.parametrize(
    ("name", "is_cleared"),
    [*((name, True) for name in MARKETS), ("sealed", False), ("open", False)],
)
def test_the_corners_come_to_the_same(name: str, is_cleared: bool) -> None:
    """All in one batch, a slot each."""
    trading = trading_of(name)
    rules, books = trading.rules, []
    for chance, corner in enumerate(CORNERS.values()):
        entries = [
            Entry(place, side, tick % rules.tick_count, min(energy_wh, rules.max_order_wh), kind)
            for place, (side, tick, energy_wh, kind) in enumerate(corner)
        ]
        books.append(Book(tuple(entries), chance, is_cleared))
    trading.reset()
    trading.check(books)


@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.stem)
def test_a_kept_book_comes_to_the_same(file: Path) -> None:
    found = json.loads(file.read_text())
    trading = trading_of(found["market"])
    trading.reset()
    trading.check([Book.from_json(found["book"])])


# What a fault may hide in, and a change of one unit there.
def _clearing(**units: int) -> Callable[[Any], Any]:
    def changed(book: Any) -> Any:
        new = {key: getattr(book.clearing, key) + unit for key, unit in units.items()}
        return replace(book, clearing=replace(book.clearing, **new))

    return changed


def _outcome(**units: int) -> Callable[[Any], Any]:
    def changed(book: Any) -> Any:
        number, outcome = next((n, o) for n, o in book.outcomes.items() if o.trade.sold_wh)
        in_trade = {
            k: getattr(outcome.trade, k) + u for k, u in units.items() if hasattr(outcome.trade, k)
        }
        beside = {
            k: getattr(outcome, k) + u for k, u in units.items() if not hasattr(outcome.trade, k)
        }
        new = replace(outcome, trade=replace(outcome.trade, **in_trade), **beside)
        return replace(book, outcomes={**book.outcomes, number: new})

    return changed


FAULTS = {
    "no fault": lambda book: book,
    "price": _clearing(bid_price=1),
    "volume": _clearing(volume_wh=1),
    "margin": _clearing(ask_margin_filled_wh=-1),
    "fill": _outcome(sold_wh=1),
    "revenue": _outcome(revenue=-1),
    "surplus": _clearing(surplus=1),
    "cover": _outcome(kept=1),
    "compensation": _outcome(compensation=1),
    "place in the row": _outcome(ahead_wh=1),
    "ladder": lambda book: replace(book, bids=(*book.bids[:-1], book.bids[-1] + 1)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_difference_of_one_unit_is_found_and_cut_down_to_its_orders(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trading = trading_of("sealed")
    rows = [(ASK, 3, 7, "exact"), (BID, 90, 5, "exact"), (BID, 2, 9, "unopened")]
    idle = [(BID, tick, 1, "exact") for tick in range(1, 3)]
    entries = [Entry(place, *row) for place, row in enumerate([*idle, *rows, *idle])]
    book = Book(tuple(entries), chance=1)
    right = trading_module.clear_book

    def wrong(rules: Any, booked: Any) -> Any:
        found = right(rules, booked)
        # Needs both a trade and a bond to go wrong.
        is_complete = found.clearing.volume_wh and any(o.forfeited for o in found.outcomes.values())
        return FAULTS[fault](found) if is_complete else found

    monkeypatch.setattr(trading_module, "clear_book", wrong)
    assert differs(trading, book) == (fault != "no fault")
    if fault != "no fault":
        found = smallest(book, lambda fewer: differs(trading, fewer))
        assert found.entries == tuple(entries[2:5])


def test_clearing_takes_no_solution_from_its_caller() -> None:
    """Whoever clears, and whatever stands behind the arguments: `clear` has no other argument than the slot."""
    trading = trading_of("sealed")
    market = trading.market
    inputs = [e["inputs"] for e in trading.auction.entries if e["name"] in ("clear", "forfeit")]
    assert [[part["type"] for part in each] for each in inputs] == [
        ["uint32"],
        ["uint32", "uint32[]"],
    ]
    book = drawn("sealed", 3)
    trading.reset()
    play = trading.entered(replace(book, is_cleared=True))
    market.evm.now = market.clearing_from(play.slot)
    found = []
    for caller in (market.people[0], market.people[-1], market.system.operator, trading.stranger):
        for tail in (b"", b"\xff" * 32, bytes(288), play.dice.randbytes(500)):
            with market.evm.undone():
                trading.auction.tell("clear", play.slot, tail=tail, sender=caller)
                found.append(trading.auction.ask("clearingOf", play.slot))
    assert found == [trading_module.values_of(play.outcome.clearing)] * 16


@pytest.mark.parametrize("change", ["side", "digest", "another's digest"])
def test_a_perturbed_commitment_is_never_opened(change: str) -> None:
    trading = trading_of("sealed")
    trading.reset()
    refused = trading.perturbed_commitments(change, 40 * DEPTH)
    assert refused == ["CommitmentMismatch"] * 40 * DEPTH


def test_the_tally_counts_what_was_played() -> None:
    trading = trading_of("sealed, one tick")
    trading.reset()
    crossed = Book((Entry(0, BID, 0, 5), Entry(1, ASK, 0, 5), Entry(2, ASK, 0, 5, "unopened")), 1)
    found = trading.check([crossed] * 2)
    assert found == Tally(books=2, orders=6, trades=4, unopened=2, perturbed=24)


def test_the_tally_counts_a_surplus_that_was_paid_out() -> None:
    trading = trading_of("sealed, pay as bid")
    trading.reset()
    crossed = Book((Entry(0, BID, 90, 500), Entry(1, ASK, 40, 500)), 1)
    assert trading.check([crossed]).surpluses == 1
