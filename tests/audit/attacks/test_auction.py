"""Attacks 9 to 22 beyond the auction's own tests: withholding, splitting, floods, extremes, self-trades."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest
from eth_utils.crypto import keccak

from setm.evm import abi
from setm.evm.compiler import ROOT
from setm.evm.market import OPEN_MODE, Market, order_of
from setm.orders import BookedOrder, clear_book, cover, digest, opening_word, salt
from setm.pricing import MAX_TICK_WH, fill_of
from setm.types import Clearing, Side
from setm.units import Money, Price, Wh, payment_down, payment_up
from tests.audit.attacks.stage import CAPACITY_WH, MARGIN, SLOT, Stage, refusal
from tests.audit.figures import DEPTH, record

# 15 times as many in an audit.
BOOKS, SPLITS = 670 * DEPTH, 6_700 * DEPTH

market_of = cache(lambda count: Market(count))


@pytest.fixture(scope="module")
def stage():
    return Stage()


@pytest.fixture
def fresh(stage):
    with stage.evm.undone():
        yield stage


# Withholding (11)


def random_book(rng, market, count, largest):
    """Return orders of ``count`` people; each sealed with enough, and some of them never opened."""
    rules, found = market.rules, []
    for person in market.people[:count]:
        side, tick = Side(int(rng.integers(2))), int(rng.integers(rules.tick_count))
        if rng.random() < 0.7:
            tick = int(rng.integers(100, 140))
        energy_wh = int(rng.integers(1, largest + 1))
        order = order_of(person, market.first_slot, side, tick, energy_wh)
        needed = cover(side, rules.grid.price(tick), energy_wh, rules.cover_price)
        is_opened = rng.random() > 0.1
        bound = Money(max(needed, rules.bond))
        found.append(BookedOrder(order=order, bound=bound, is_opened=bool(is_opened)))
    return found


def payoff(book, order, worth):
    """Return what an order brings if a Wh is worth so much elsewhere, 1e-9 EUR, without a rounding of its own."""
    outcome = book.outcomes[order.participant_id]
    trade = outcome.trade
    money = trade.revenue - trade.payment - outcome.forfeited + outcome.compensation
    return 1000 * money + (trade.bought_wh - trade.sold_wh) * worth


def grid_prices():
    settlement = json.loads((ROOT / "scripts" / "defaults.json").read_text())["settlement"]
    return settlement["feed_in_price"], settlement["retail_price"]


def secured_wh(bond):
    """Return the largest order whose bond exceeds all that withholding can save, at the grid operator's prices."""
    feed_in, retail = grid_prices()
    return (bond - 1) * 1000 // (retail - feed_in)


def with_order(entries, is_opened):
    first = entries[0]
    changed = BookedOrder(order=first.order, bound=first.bound, is_opened=is_opened)
    return [changed, *entries[1:]]


def test_who_withholds_an_order_within_the_bond_never_gains():
    """The condition: bond > energy x (retail - feed-in). The grid operator takes and gives at these prices whatever the
    others' openings show, so that no fill can lose more than that."""
    market, rng = market_of(40), np.random.default_rng(11)
    feed_in, retail = grid_prices()
    limit = secured_wh(market.rules.bond)
    gains = filled = 0
    for _ in range(BOOKS):
        entries = random_book(rng, market, int(rng.integers(2, 41)), limit)
        ends = [clear_book(market.rules, with_order(entries, opened)) for opened in (True, False)]
        order = entries[0].order
        filled += ends[0].outcomes[order.participant_id].filled_wh > 0
        for worth in (feed_in, retail, int(rng.integers(feed_in, retail + 1))):
            opened, withheld = (payoff(end, order, worth) for end in ends)
            gains += withheld >= opened
    record("attacks", "books in which withholding loses", BOOKS, wanted="all", ok=gains == 0)
    assert gains == 0
    # The books are worth something: in many of them the order would have traded.
    assert filled > BOOKS // 4


def test_the_bound_of_the_bond_is_tight():
    """An order above it can gain by staying sealed: the configuration must keep orders below, or raise the bond."""
    market = market_of(40)
    feed_in, _ = grid_prices()
    limit, top = secured_wh(market.rules.bond), market.rules.tick_count - 1
    for energy_wh, does_gain in ((limit, False), (limit + 2, True)):
        bid = order_of(market.people[0], market.first_slot, Side.BID, top, energy_wh)
        ask = order_of(market.people[1], market.first_slot, Side.ASK, top, energy_wh)
        needed = cover(Side.BID, market.rules.grid.price(top), energy_wh, market.rules.cover_price)
        bonded = BookedOrder(order=ask, bound=market.rules.bond)
        entries = [BookedOrder(order=bid, bound=Money(max(needed, market.rules.bond))), bonded]
        opened, withheld = (
            payoff(clear_book(market.rules, with_order(entries, is_opened)), bid, feed_in)
            for is_opened in (True, False)
        )
        assert (withheld > opened) == does_gain


@pytest.mark.parametrize("friend_wh", [0, 1_000, 3_000, 9_000])
def test_a_friend_on_the_other_side_gets_its_share_of_the_bond_and_no_more(friend_wh):
    """Known limit: who holds the whole other side pays the bond to itself. Every Wh of a third party makes it cost."""
    market = market_of(40)
    bond, others_wh = market.rules.bond, 1_000
    orders = [(0, Side.BID, 120, 500), (2, Side.ASK, 100, others_wh)]
    if friend_wh:
        orders.append((1, Side.ASK, 100, friend_wh))
    entries = []
    for place, side, tick, energy_wh in orders:
        order = order_of(market.people[place], market.first_slot, side, tick, energy_wh)
        bound = Money(max(bond, cover(side, market.rules.grid.price(tick), energy_wh, 55_500)))
        entries.append(BookedOrder(order=order, bound=bound, is_opened=place != 0))
    book = clear_book(market.rules, entries)
    friend = book.outcomes.get(market.people[1].id)
    returned = friend.compensation if friend else 0
    assert returned == bond * friend_wh // (friend_wh + others_wh)
    alone = [entries[0], entries[-1]] if friend_wh else []
    if alone:
        assert clear_book(market.rules, alone).outcomes[market.people[1].id].compensation == bond


# Lost salt (12)


def test_an_agent_that_lost_everything_but_its_secret_opens_its_order(fresh):
    """The salt is derived again; side and bound stand on the chain, and what is left to try is small with the salt."""
    stage = fresh
    order = stage.order(stage.alice, Side.BID, 37, 1_234)
    stage.commit(stage.alice, order)
    seen = stage.auction.call("orderOf", stage.slot, stage.alice.id)

    secret = bytes(keccak(text=f"agent of participant {stage.alice.id}"))
    again = salt(secret, stage.auction.address, stage.slot)

    def tries():
        for tick in range(30, 45):
            for energy_wh in range(1_200, 1_260):
                tried = stage.order(stage.alice, Side(seen.side), tick, energy_wh)
                if digest(stage.evm.chain_id, stage.auction.address, tried, again) == seen.digest:
                    yield tried

    (found,) = tries()
    assert found == order
    stage.go(stage.gate)
    stage.auction.send("open", stage.slot, [opening_word(found, again)])
    assert stage.auction.call("orderOf", stage.slot, stage.alice.id).energyWh == 1_234


# Splitting (21)


def test_splitting_an_order_gains_no_money_and_at_most_one_wh_a_part():
    """Random margins, parts and places: parts in a row fill as the whole to the Wh, parts elsewhere each by less than
    one beside their share, and every part pays its own rounding."""
    rng = np.random.default_rng(21)
    dearest = 0
    for _ in range(SPLITS):
        count = int(rng.integers(2, 6))
        parts = [int(part) for part in rng.integers(1, 10 ** int(rng.integers(1, 7)), size=count)]
        before, behind = (int(wh) for wh in rng.integers(0, 10 ** int(rng.integers(1, 8)), size=2))
        whole, total = sum(parts), sum(parts) + before + behind
        filled = int(rng.integers(0, total + 1))
        price, side = int(rng.integers(0, 60_000)), Side(int(rng.integers(2)))
        clearing = clearing_at_margin(side, total, filled)

        def fill(ahead, energy_wh, clearing=clearing, side=side):
            return fill_of(clearing, side, 7, energy_wh, ahead)

        alone = fill(before, whole)
        ahead, row = before, []
        for part in parts:
            row.append(fill(ahead, part))
            ahead += part
        assert sum(row) == alone
        scattered = [fill(int(rng.integers(0, total - part + 1)), part) for part in parts]
        share = whole * filled
        assert abs(sum(scattered) * total - share) < count * total
        assert abs(alone * total - share) < total
        paid = sum(payment_up(wh, price) for wh in row)
        earned = sum(payment_down(wh, price) for wh in row)
        assert 0 <= paid - payment_up(alone, price) < count
        assert 0 <= payment_down(alone, price) - earned < count
        dearest = max(dearest, paid - payment_up(alone, price))
    assert dearest > 0
    record("attacks", "split orders", SPLITS, wanted="none gains money", ok=True)


def clearing_at_margin(side, held_wh, filled_wh):
    """Return a clearing whose margin on ``side`` is tick 7."""
    other = {"tick": 7, "wh": max(held_wh, 1), "filled": filled_wh}
    mine = {"tick": 7, "wh": max(held_wh, 1), "filled": filled_wh}
    bid, ask = (mine, other) if side is Side.BID else (other, mine)
    return Clearing(
        bid_price=Price(1),
        ask_price=Price(1),
        volume_wh=Wh(max(filled_wh, 1)),
        bid_margin_tick=bid["tick"],
        bid_margin_wh=Wh(bid["wh"]),
        bid_margin_filled_wh=Wh(bid["filled"]),
        ask_margin_tick=ask["tick"],
        ask_margin_wh=Wh(ask["wh"]),
        ask_margin_filled_wh=Wh(ask["filled"]),
    )


def test_the_chain_splits_as_the_reference_does():
    """One buyer at the margin, or the same energy in the hands of three of its Sybils, on the chain."""
    market = market_of(40)
    fills = {}
    for name, parts in (("whole", [900]), ("parts", [500, 300, 100])):
        market.reset()
        people = iter(market.people)
        entries = [
            booked_exact(market, next(people), Side.ASK, 100, 1_000),
            booked_exact(market, next(people), Side.BID, 110, 300),
            *(booked_exact(market, next(people), Side.BID, 105, wh) for wh in parts),
            booked_exact(market, next(people), Side.BID, 105, 700),
        ]
        market.enter(entries, entries)
        market.clear()
        fills[name] = [
            market.auction.call("fillOf", market.first_slot, e.order.participant_id)
            for e in entries
        ]
    assert sum(fills["parts"][2:5]) == fills["whole"][2]
    assert fills["parts"][-1] == fills["whole"][-1]


def booked_exact(market, person, side, tick, energy_wh):
    rules = market.rules
    order = order_of(person, market.first_slot, side, tick, energy_wh)
    needed = cover(side, rules.grid.price(tick), energy_wh, rules.cover_price)
    return BookedOrder(order=order, bound=Money(max(needed, rules.bond)))


# Floods (19), order of transactions (15)


def flooded(market, count, batches):
    """Commit ``count`` crossing orders and open them in so many batches by as many callers; return the orders."""
    market.reset()
    rng = np.random.default_rng(19)
    entries = [
        booked_exact(
            market,
            person,
            Side(number % 2),
            int(rng.integers(90, 150)),
            int(rng.integers(1, 5_000)),
        )
        for number, person in enumerate(market.people[:count])
    ]
    market.evm.now = market.gate_of(market.first_slot) - 1
    for entry in entries:
        market.commit(market.person(entry.order), entry.order, entry.bound)
    market.evm.now = market.gate_of(market.first_slot)
    words = [market.opening_of(market.person(e.order), e.order) for e in entries]
    for batch in np.array_split(np.arange(count), batches):
        caller = market.people[int(batch[0])]
        opened = [words[place] for place in batch]
        market.auction.send("open", market.first_slot, opened, sender=caller)
    market.evm.now = market.clearing_from(market.first_slot)
    return entries


def state_of(market, entries):
    slot = market.first_slot
    orders = [market.auction.call("orderOf", slot, e.order.participant_id) for e in entries]
    fills = [market.auction.call("fillOf", slot, e.order.participant_id) for e in entries]
    return market.auction.call("clearingOf", slot), orders, fills


def test_any_split_of_the_openings_by_any_caller_gives_the_same_state():
    market, states = market_of(40), []
    for batches in (1, 2, 7, 40):
        entries = flooded(market, 40, batches)
        market.auction.send("clear", market.first_slot, sender=market.people[batches - 1])
        states.append(state_of(market, entries))
    assert states[0][0].volumeWh > 0
    assert all(state == states[0] for state in states)


def test_clearing_costs_the_same_with_64_256_and_1024_orders(monkeypatch):
    """A flood of orders cannot make a slot too dear to clear: gas follows the ladder's words, not the orders."""
    sizes = (64, 256, 1024)
    # So many people hold less each, since all together must fit into the clearinghouse.
    monkeypatch.setattr("setm.evm.market.PLENTY", 2**50)
    market, used = Market(max(sizes)), {}
    for count in sizes:
        flooded(market, count, max(1, count // 64))
        metered = market.evm.metered()
        used[count] = market.auction.on(metered).send("clear", market.first_slot).gas_used
    most, least = max(used.values()), min(used.values())
    record(
        "attacks", "gas to clear 1,024 orders", used[1024], wanted="< 600,000", ok=most < 600_000
    )
    assert most < 600_000
    assert most - least < 60_000


def test_one_participant_stands_in_a_slot_once_whatever_it_tries(fresh):
    """40: a second commitment, of either side, by the owner, by a session, or signed, is refused."""
    stage = fresh
    agent = stage.account("agent")
    session = (agent, stage.auction, MARGIN, stage.evm.now + 1_000)
    stage.registry.send("openSession", session, sender=stage.alice)
    stage.trade()
    for side in Side:
        again = stage.order(stage.alice, side, 99, 7)
        for key in (stage.alice, agent):
            found = refusal(stage.auction.send, "commit", stage.commitment(again), sender=key)
            assert found == "OrderExists"
        many = [stage.commitment(again)]
        assert refusal(stage.auction.send, "commitMany", many, sender=stage.alice) == "OrderExists"
    twice = [stage.commitment(stage.order(stage.carol, Side.BID, 1, 1))] * 2
    assert refusal(stage.auction.send, "commitMany", twice, sender=stage.carol) == "OrderExists"


# Extreme values (20)


@pytest.fixture(scope="module")
def open_stage():
    return Stage(auction=OPEN_MODE, negotiation={"floor_price": 0})


def raw(contract, function, args, word, value):
    """Return calldata in which one word is replaced: what no library would encode."""
    entry = next(e for e in contract._entries if e.get("name") == function)
    data = bytearray(abi.selector_of(entry) + abi.encode(entry["inputs"], args))
    data[4 + 32 * word : 36 + 32 * word] = value.to_bytes(32, "big")
    return bytes(data)


def sent(stage, contract, data, sender):
    def send():
        stage.evm.send_raw(contract, data, sender=sender)

    return refusal(send)


UNREADABLE = "refused without a word"


def edges(largest, *, low="", high="", beyond=UNREADABLE, bits=32):
    """What must become of 0, 1, max - 1, max, max + 1, of the widest word of the field, and of one bit more."""
    return {
        0: low,
        1: "",
        largest - 1: "",
        largest: "",
        largest + 1: high,
        2**bits - 1: high,
        2**bits: beyond,
        2**256 - 1: beyond,
    }


def test_every_field_of_an_order_ends_at_its_bounds(open_stage):
    stage, alice = open_stage, open_stage.alice
    config = stage.system.config["auction"]
    order = (stage.slot, Side.BID, 0, 1)
    # What a word may be: its place in the calldata, and the outcome by value.
    fields = {
        "side": (1, {0: "", 1: "", 2: UNREADABLE, 2**256 - 1: UNREADABLE}),
        "tick": (2, edges(config["tick_count"] - 1, high="TickOutOfBand", bits=16)),
        "energy": (
            3,
            {
                **edges(6_000_000, low="EnergyOutOfRange", high=""),
                6_000_001: "",
                config["max_order_wh"]: "NotCovered",
                config["max_order_wh"] + 1: "EnergyOutOfRange",
                2**32 - 1: "EnergyOutOfRange",
            },
        ),
    }
    for name, (word, outcomes) in fields.items():
        for value, expected in outcomes.items():
            with stage.evm.undone():
                data = raw(stage.auction, "placeOrder", (order,), word, value)
                assert sent(stage, stage.auction, data, alice) == expected, (name, value)


def test_a_slot_far_ahead_or_long_past_takes_no_order(open_stage):
    """Up to the last slot that a word can name: nothing wraps round into the slots that are open."""
    stage = open_stage
    ahead = stage.evm.now // SLOT
    horizon = int(stage.system.config["auction"]["horizon_seconds"]) // SLOT
    first = (stage.evm.now + int(stage.system.config["auction"]["gate_lead"])) // SLOT + 1
    outcomes = {
        0: "WrongPhase",
        1: "WrongPhase",
        1024: "WrongPhase",
        ahead: "WrongPhase",
        first - 1: "WrongPhase",
        first: "",
        ahead + horizon: "",
        ahead + horizon + 1: "WrongPhase",
        ahead + 1024 * 65_536: "WrongPhase",
        2**32 - 1: "WrongPhase",
    }
    for slot, expected in outcomes.items():
        with stage.evm.undone():
            order = (slot, Side.BID, 0, 1)
            assert refusal(stage.auction.send, "placeOrder", order, sender=stage.alice) == expected
    terms_outcomes = {0: "GateClosed", ahead: "GateClosed", 2**32 - 1: "BeyondHorizon"}
    for slot, expected in terms_outcomes.items():
        gate = max(slot * SLOT - 1_800, 0)
        terms = (slot, 1, 1, 1)
        offer = (stage.bob.id, True, terms, min(gate, 2**40 - 1))
        assert refusal(stage.negotiation.send, "offer", *offer, sender=stage.alice) == expected


def test_every_field_of_an_offer_ends_at_its_bounds(open_stage):
    stage, alice = open_stage, open_stage.alice
    config = stage.system.config["negotiation"]
    gate = stage.gate
    offer = (stage.bob.id, True, (stage.slot, 1, 1, 1), gate)
    fields = {
        "slots": (3, edges(96, low="SlotCountOutOfRange", high="SlotCountOutOfRange", bits=16)),
        "energy": (
            4,
            edges(config["max_energy_wh"], low="EnergyOutOfRange", high="EnergyOutOfRange"),
        ),
        "price": (5, edges(config["cap_price"], high="PriceOutOfBand")),
        "expiry": (
            6,
            {
                0: "ExpiryOutOfRange",
                stage.evm.now: "ExpiryOutOfRange",
                stage.evm.now + 1: "",
                gate: "",
                gate + 1: "ExpiryOutOfRange",
                2**40 - 1: "ExpiryOutOfRange",
                2**40: UNREADABLE,
            },
        ),
    }
    for name, (word, outcomes) in fields.items():
        for value, expected in outcomes.items():
            with stage.evm.undone():
                data = raw(stage.negotiation, "offer", offer, word, value)
                assert sent(stage, stage.negotiation, data, alice) == expected, (name, value)


def test_every_amount_of_money_ends_at_what_there_is(open_stage):
    stage, alice = open_stage, open_stage.alice
    house = stage.clearinghouse
    free, margin = house.call("freeOf", alice.id), stage.auction.call("marginOf", alice.id)
    room = 2**64 - 1 - house.call("held")
    stage.token.send("mint", alice, 2**255)
    stage.token.send("approve", house, 2**256 - 1, sender=alice)
    calls = {
        "withdraw": (house, (1,), 0, free, "ZeroAmount", "FreeBalanceTooLow"),
        "lock": (house, (stage.auction, 1), 1, free, "ZeroAmount", "FreeBalanceTooLow"),
        "releaseMargin": (stage.auction, (1,), 0, margin, "", "NotCovered"),
        "deposit": (house, (alice.id, 1), 1, room, "ZeroAmount", "HoldingLimitExceeded"),
    }
    for name, (contract, args, word, most, low, high) in calls.items():
        for value, expected in {
            0: low,
            1: "",
            most - 1: "",
            most: "",
            most + 1: high,
            2**64: high,
            2**128: high,
            2**256 - 1: high,
        }.items():
            with stage.evm.undone():
                data = raw(contract, name, args, word, value)
                assert sent(stage, contract, data, alice) == expected, (name, value)
                stage.check_books()


def test_every_field_of_a_reading_ends_at_its_bounds(fresh):
    stage = fresh
    stage.go(stage.end)
    outcomes = {0: "", 1: "", CAPACITY_WH - 1: "", CAPACITY_WH: ""}
    outcomes |= {CAPACITY_WH + 1: "CapacityExceeded", 2**32 - 1: "CapacityExceeded"}
    for value, expected in outcomes.items():
        for pair in ((value, 0), (0, value), (value, value)):
            with stage.evm.undone():
                signed = stage.signed(1, *pair)
                assert refusal(stage.meters.send, "postReading", signed) == expected
    # What stands above the fields of the word is refused before anything is read.
    signed = stage.signed(1, 5, 6)
    for above in (1 << 128, 1 << 184, 1 << 255):
        data = raw(stage.meters, "postReading", (signed,), 0, signed[0] | above)
        assert sent(stage, stage.meters, data, stage.alice) == UNREADABLE


def test_the_dearest_book_that_fits_clears_and_settles():
    """Everybody at the largest order and the highest price: nothing overflows, and all can be paid."""
    dear = {
        "floor_price": 0,
        "tick_size": 1_000_000,
        "cover_price": 255_000_000,
        "max_order_wh": MAX_TICK_WH,
    }
    market = Market(20, **dear)
    entries = [
        booked_exact(market, person, Side(number % 2), tick, MAX_TICK_WH)
        for number, person in enumerate(market.people)
        for tick in [(255 - number // 2) if number % 2 == 0 else number // 2]
    ]
    market.enter(entries, entries)
    market.clear()
    market.settle([person.id for person in market.people])
    cleared = market.auction.call("clearingOf", market.first_slot)
    assert cleared.volumeWh == 10 * MAX_TICK_WH
    book = clear_book(market.rules, entries)
    assert market.auction.call("slotPool", market.first_slot) == book.dust


# Corners (22)


def test_nobody_trades_with_itself(fresh):
    stage = fresh
    assert refusal(stage.agree, stage.alice, stage.alice) == "SelfTrade"
    offer = (stage.alice.id, True, (stage.slot, 1, 1_000, 43_000), stage.gate)
    assert refusal(stage.negotiation.send, "offer", *offer, sender=stage.alice) == "SelfTrade"
    stage.trade()
    ask = stage.order(stage.alice, Side.ASK, 1, 1_000)
    found = refusal(stage.auction.send, "commit", stage.commitment(ask), sender=stage.alice)
    assert found == "OrderExists"


def test_energy_at_no_price_changes_hands_and_everything_comes_back():
    """A floor of zero: the seller earns nothing, the buyer pays nothing, and both can take all their margin out."""
    zero = Stage(auction={"floor_price": 0, "tick_size": 1}, negotiation={"floor_price": 0})
    people = {
        zero.alice: zero.order(zero.alice, Side.BID, 0, 1_000),
        zero.bob: zero.order(zero.bob, Side.ASK, 0, 1_000),
    }
    for person, order in people.items():
        zero.commit(person, order)
    zero.agree(zero.alice, zero.bob, price=0, energy_wh=500)
    zero.go(zero.gate)
    zero.auction.send("open", zero.slot, [zero.opening(order) for order in people.values()])
    zero.go(zero.clearing)
    zero.auction.send("clear", zero.slot)
    cleared = zero.auction.call("clearingOf", zero.slot)
    assert (cleared.bidPrice, cleared.askPrice, cleared.volumeWh) == (0, 0, 1_000)
    zero.read(alice=(1_500, 0), bob=(0, 1_500), carol=(0, 0))
    before = zero.wealths()
    zero.settle()
    assert zero.wealths() == before
    zero.check_books()
    for person in people:
        for venue in (zero.auction, zero.negotiation):
            venue.send("releaseMargin", venue.call("marginOf", person.id), sender=person)
        free = zero.clearinghouse.call("freeOf", person.id)
        assert free == before[person.name] - MARGIN
        zero.clearinghouse.send("withdraw", free, sender=person)


@pytest.mark.parametrize("sides", [(), (Side.BID,), (Side.ASK,)], ids=["empty", "bids", "asks"])
def test_a_book_with_one_side_or_none_gives_everything_back(fresh, sides):
    stage = fresh
    before = stage.wealths()
    for person, side in zip((stage.alice, stage.bob), sides * 2, strict=False):
        order = stage.order(person, side, 100, 1_000)
        stage.commit(person, order)
    orders = [
        stage.order(person, side, 100, 1_000)
        for person, side in zip((stage.alice, stage.bob), sides * 2, strict=False)
    ]
    stage.go(stage.gate)
    if orders:
        stage.auction.send("open", stage.slot, [stage.opening(order) for order in orders])
    stage.go(stage.clearing)
    stage.auction.send("clear", stage.slot)
    assert stage.auction.call("clearingOf", stage.slot).volumeWh == 0
    stage.read(alice=(0, 0), bob=(0, 0), carol=(0, 0))
    stage.settle()
    assert stage.wealths() == before
    for person in (stage.alice, stage.bob):
        assert stage.auction.call("marginOf", person.id) == MARGIN


def test_a_bid_and_an_ask_of_two_members_of_one_owner_cancel_out_but_for_dust(fresh):
    """Two members who trade with each other move no price but their own: what one pays the other gets."""
    stage = fresh
    together = stage.wealth(stage.alice) + stage.wealth(stage.bob)
    orders = stage.trade(1_001)
    stage.go(stage.gate)
    stage.auction.send("open", stage.slot, [stage.opening(order) for order in orders])
    stage.go(stage.clearing)
    stage.auction.send("clear", stage.slot)
    stage.read(alice=(1_001, 0), bob=(0, 1_001), carol=(0, 0))
    stage.settle()
    assert 0 <= together - stage.wealth(stage.alice) - stage.wealth(stage.bob) <= 1


# Known limits of the ladder and of the rule


def test_who_fills_a_tick_at_the_cover_price_costs_others_their_bonds_there(
    fresh,
):
    """Known limit: a tick holds 2^30 Wh. An ask at the cover price binds its bond only, however large it is: two of
    them fill the tick, and a third, opened in time, is set aside as if it had not been opened."""
    stage = fresh
    top = stage.system.config["auction"]["tick_count"] - 1
    largest = stage.system.config["auction"]["max_order_wh"]
    bond = stage.system.config["auction"]["bond"]
    assert stage.auction.call("coverOf", Side.ASK, top, largest) == 0
    filler = stage.order(stage.alice, Side.ASK, top, largest)
    rest = stage.order(stage.bob, Side.ASK, top, MAX_TICK_WH - largest)
    victim = stage.order(stage.carol, Side.ASK, top, 1)
    for person, order in ((stage.alice, filler), (stage.bob, rest), (stage.carol, victim)):
        stage.commit(person, order, bond)
    stage.go(stage.gate)
    opened = stage.auction.send(
        "open", stage.slot, [stage.opening(o) for o in (filler, rest, victim)]
    )
    assert opened.only("OpeningRefused")["participantId"] == stage.carol.id
    stage.go(stage.clearing)
    stage.auction.send("clear", stage.slot)
    stage.auction.send("forfeit", stage.slot, [stage.carol.id])
    stage.go(stage.void)
    everybody = [stage.alice, stage.bob, stage.carol]
    stage.auction.send("collect", stage.slot, [person.id for person in everybody])
    margins = [stage.auction.call("marginOf", person.id) for person in everybody]
    assert margins == [MARGIN, MARGIN, MARGIN - bond]


def test_a_watt_hour_of_a_friend_moves_the_price_between_the_margins_and_never_beyond(stage):
    """Known limit of a price halfway between the margins: where sellers are rationed, the worst bid that fills sets
    half of the price, and it may be one of 1 Wh. Nobody pays above its limit, or gets less, whatever is done."""
    prices = {}
    for is_pushed in (False, True):
        with stage.evm.undone():
            orders = [
                (stage.alice, stage.order(stage.alice, Side.BID, 200, 1_000)),
                (stage.bob, stage.order(stage.bob, Side.ASK, 100, 2_000)),
            ]
            if is_pushed:
                orders.append((stage.carol, stage.order(stage.carol, Side.BID, 101, 1)))
            for person, order in orders:
                stage.commit(person, order)
            stage.go(stage.gate)
            stage.auction.send("open", stage.slot, [stage.opening(order) for _, order in orders])
            stage.go(stage.clearing)
            stage.auction.send("clear", stage.slot)
            prices[is_pushed] = stage.auction.call("clearingOf", stage.slot).bidPrice
    floor, size = (stage.system.config["auction"][name] for name in ("floor_price", "tick_size"))
    assert prices[False] == floor + 150 * size
    assert prices[True] == floor + 201 * size // 2
    assert floor + 100 * size <= prices[True] < prices[False] <= floor + 200 * size


def test_no_further_order_moves_a_price_beyond_the_limits_of_those_who_trade():
    """Random books, and the same with one more order of any size at any tick: who trades never regrets it."""
    market, rng = market_of(40), np.random.default_rng(89)
    pushed = 0
    for _ in range(BOOKS // 2):
        entries = random_book(rng, market, int(rng.integers(3, 41)), 5_000)
        books = [clear_book(market.rules, part) for part in (entries[1:], entries)]
        pushed += books[0].clearing.bid_price != books[1].clearing.bid_price
        for book in books:
            for entry in entries:
                outcome = book.outcomes.get(entry.order.participant_id)
                if outcome is None or not outcome.filled_wh:
                    continue
                limit = market.rules.grid.price(entry.order.tick)
                filled = outcome.filled_wh
                assert outcome.trade.payment <= payment_up(filled, limit)
                if entry.order.side is Side.ASK:
                    assert outcome.trade.revenue >= payment_down(filled, limit)
    assert pushed > BOOKS // 10
