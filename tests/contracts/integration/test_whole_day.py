"""A whole day of four slots, two venues and five neighbours, drawn first:

                     slot A                  slot B                slot C               slot D
    auction          alice, carol, dave buy  alice, carol buy      alice buys           -
                     bob sells 2,000 Wh      erin sells 600 Wh     bob sells
                     44.0 is rationed        bob never opens       nobody clears: void
    negotiated       alice–bob 800 Wh @ 43   carol–bob 333 Wh      dave–carol 250 Wh    alice–bob 700 Wh
                     carol–bob 333 Wh                @ 42.337              @ 50.001              @ 41
                             @ 42.337
    metered          all                     all but dave          carol's is disputed  bob's is missing
                                                                   and resolved

    gate A    +10 min    gate B    +10 min    gate C    +25 min      D is over    +1 h          +6 h
    |---------|----------|---------|----------|---------|------------|------------|-------------|----------->
    open A    clear A    open B    clear B,   open C    C is void,   post all,    settle A, B,  D without
                                   forfeit              compensate,  dispute      resolve and   bob's reading
                                                        collect A                 settle C, D   by default

    Before gate A everybody commits and agrees; at the end everybody leaves with all of its money.

Every figure is computed by the reference; after each stage all balances add up to the tokens held.
"""

from collections import Counter
from types import SimpleNamespace

import brownie
import pytest

from setm import orders
from setm.orders import AuctionRules, BookedOrder
from setm.types import Grid, Terms
from setm.units import payment_down, payment_up
from tests.contracts.integration.community import (
    ASK,
    BID,
    CAPACITY_WH,
    EUR,
    open_community,
    refusal,
)

TRADERS = ("alice", "bob", "carol", "dave", "erin")
BOUND = 200_000
GUARANTEES = {
    "alice": EUR,
    "bob": EUR,
    "carol": EUR,
    "dave": EUR,
    "erin": 1_000,
    "operator": 10 * EUR,
}

# slot: (name, side, tick, Wh), in the order of opening; the tick t stands for 30.0 + t / 10 EUR/MWh.
AUCTION = {
    0: [
        ("alice", BID, 160, 1_200),
        ("carol", BID, 140, 901),
        ("dave", BID, 140, 700),
        ("bob", ASK, 120, 2_000),
    ],
    1: [
        ("alice", BID, 160, 1_000),
        ("carol", BID, 150, 500),
        ("erin", ASK, 130, 600),
        ("bob", ASK, 120, 1_500),
    ],
    2: [("alice", BID, 160, 900), ("bob", ASK, 120, 900)],
}
UNOPENED = {(1, "bob")}
VOID = {2}
# buyer, seller, first slot, slots, Wh in each, price
AGREED = [
    ("alice", "bob", 0, 1, 800, 43_000),
    ("carol", "bob", 0, 2, 333, 42_337),
    ("dave", "carol", 2, 1, 250, 50_001),
    ("alice", "bob", 3, 1, 700, 41_000),
]
# (slot, name): (import, export) in Wh; whoever is missing is silent.
METERED = {
    (0, "alice"): (2_150, 0),
    (0, "bob"): (0, 2_900),
    (0, "carol"): (800, 0),
    (0, "dave"): (340, 0),
    (0, "erin"): (0, 0),
    (1, "alice"): (1_600, 0),
    (1, "bob"): (0, 333),
    (1, "carol"): (300, 20),
    (1, "erin"): (0, 700),
    (2, "alice"): (500, 0),
    (2, "bob"): (0, 900),
    (2, "carol"): (0, 100),
    (2, "dave"): (250, 0),
    (2, "erin"): (0, 0),
    (3, "alice"): (700, 0),
    (3, "carol"): (400, 0),
    (3, "dave"): (0, 0),
    (3, "erin"): (100, 0),
}
RESOLVED = {(2, "carol"): (0, 260)}
SILENT = {(1, "dave"), (3, "bob")}


@pytest.fixture(scope="module")
def day(system, config, ids):
    """The day as drawn; ``stages`` keeps all balances after each stage."""
    people = open_community(system, config, ids)
    first = brownie.chain.time() // config["slot_seconds"] + 8
    told = SimpleNamespace(people=people, first=first, stages={}, seen={})
    for stage in (prepare, negotiate, commit, trade, deliver, settle, leave):
        stage(told)
        people.check_books(range(first, first + 4))
        told.stages[stage.__name__] = people.balances()
    return told


def prepare(day):
    people = day.people
    for name in TRADERS:
        people.lock(name, "auction", 5 * EUR)
        people.lock(name, "negotiation", 5 * EUR)
    for name, amount in GUARANTEES.items():
        people.lock(name, "settlement", amount)


def negotiate(day):
    """alice and bob talk on the chain; the others sign off chain, and anyone brings what they agreed."""
    people, venue = day.people, day.people.system.negotiation
    expires_at = brownie.chain.time() + 600
    offered = venue.offer(
        people.ids["bob"], True, (day.first, 1, 800, 40_000), expires_at, people.by("alice")
    )
    number = offered.events["OfferMade"]["negotiationId"]
    venue.counter(number, 800, 46_000, expires_at, people.by("bob"))
    venue.counter(number, 800, 43_000, expires_at, people.by("alice"))
    venue.accept(number, 3, people.by("bob"))
    for buyer, seller, slot, count, energy_wh, price in AGREED[1:]:
        terms = Terms(
            first_slot=day.first + slot, slot_count=count, energy_wh=energy_wh, price=price
        )
        venue.agree(*people.signed_agreement(buyer, seller, terms), people.by("mallory"))


def commit(day):
    people = day.people
    for name in TRADERS:
        sealed = [
            people.commitment(name, day.first + slot, side, tick, energy_wh, BOUND)
            for slot, book in AUCTION.items()
            for who, side, tick, energy_wh in book
            if who == name
        ]
        people.system.auction.commitMany(sealed, people.by(name))


def trade(day):
    people, auction = day.people, day.people.system.auction
    config, anyone = people.config["auction"], people.by("mallory")
    revealed, cleared = config["reveal_window"], config["reveal_window"] + config["clear_window"]
    a, b, c = (day.first + slot for slot in (0, 1, 2))

    people.go(people.gate(a))
    auction.open(a, openings(day, 0), anyone)
    people.go(people.gate(a) + revealed)
    auction.clear(a, anyone)
    people.go(people.gate(b))
    auction.open(b, openings(day, 1), anyone)
    people.go(people.gate(b) + revealed)
    auction.forfeit(b, [people.ids["bob"]], anyone)
    people.go(people.gate(c))
    auction.open(c, openings(day, 2), anyone)
    people.go(people.gate(c) + cleared)
    day.seen["void"] = refusal(auction.clear, c, **anyone)
    for name in ("alice", "carol"):
        auction.compensate(b, people.ids[name], anyone)
    auction.collect(a, [people.ids[name] for name in ("alice", "carol")], anyone)


def openings(day, slot):
    return [
        day.people.opening(name, day.first + slot, side, tick, energy_wh)
        for name, side, tick, energy_wh in AUCTION[slot]
        if (slot, name) not in UNOPENED
    ]


def deliver(day):
    people, meters = day.people, day.people.system.meters
    people.go(people.start(day.first + 4))
    signed = [
        people.reading(name, day.first + slot, *values) for (slot, name), values in METERED.items()
    ]
    meters.postReadings(signed, people.by("mallory"))
    for slot, name in RESOLVED:
        meters.dispute(people.meters[name], day.first + slot, people.by(name))


def settle(day):
    people, settlement = day.people, day.people.system.settlement
    anyone = people.by("mallory")
    ids = {name: people.ids[name] for name in TRADERS}
    a, b, c, d = (day.first + slot for slot in range(4))

    day.seen["reading may change"] = refusal(settlement.settle, a, [ids["dave"]], **anyone)
    people.go(people.start(day.first + 4) + people.config["metering"]["dispute_window"] + 60)
    # dave's payment for slot A is not collected yet, so bob cannot be paid alone.
    day.seen["buyers first"] = refusal(settlement.settle, a, [ids["bob"]], **anyone)
    settlement.settle(a, list(ids.values()), anyone)
    day.seen["once"] = refusal(settlement.settle, a, [ids["alice"]], **anyone)
    settlement.settle(b, [ids[name] for name in TRADERS if name != "dave"], anyone)

    # A late slot blocks nobody: alice takes her money out while carol's reading is disputed and bob's is missing.
    day.seen["disputed"] = refusal(settlement.settle, c, [ids["carol"]], **anyone)
    day.seen["missing"] = refusal(settlement.settle, d, [ids["bob"]], **anyone)
    people.system.clearinghouse.withdraw(EUR, people.by("alice"))

    settlement.settle(c, [ids[name] for name in TRADERS if name != "carol"], anyone)
    for (_, name), values in RESOLVED.items():
        people.system.meters.resolve(people.meters[name], c, *values, people.by("authority"))
    settlement.settle(c, [ids["carol"]], anyone)
    settlement.settle(d, [ids[name] for name in ("alice", "carol", "dave", "erin")], anyone)
    people.go(people.start(day.first + 4) + people.config["metering"]["reading_window"])
    settlement.settle(d, [ids["bob"]], anyone)
    settlement.settle(b, [ids["dave"]], anyone)


def leave(day):
    """Everybody pays what is owed, takes back margin and guarantee, and leaves with all of its money."""
    people, settlement = day.people, day.people.system.settlement
    house = people.system.clearinghouse
    owed = settlement.arrearsOf(people.ids["erin"])
    day.seen["arrears"] = owed
    people.lock("erin", "settlement", owed)
    settlement.payArrears(people.ids["erin"], people.by("mallory"))
    for name, number in people.ids.items():
        if name != "operator":
            for venue in (people.system.auction, people.system.negotiation):
                venue.releaseMargin(venue.marginOf(number), people.by(name))
        settlement.requestRelease(settlement.guaranteeOf(number), people.by(name))
    people.go(brownie.chain.time() + people.config["settlement"]["release_delay"])
    for name, number in people.ids.items():
        if settlement.guaranteeOf(number):
            settlement.releaseGuarantee(number, people.by("mallory"))
        house.withdraw(house.freeOf(number), people.by(name))


# What the reference makes of the same day.


def rules(config):
    auction = config["auction"]
    return AuctionRules(
        grid=Grid(floor_price=auction["floor_price"], tick_size=auction["tick_size"]),
        tick_count=auction["tick_count"],
        bond=auction["bond"],
        cover_price=auction["cover_price"],
        max_order_wh=auction["max_order_wh"],
    )


def book(day, slot):
    booked = [
        BookedOrder(
            order=day.people.order(name, day.first + slot, side, tick, energy_wh),
            bound=BOUND,
            is_opened=(slot, name) not in UNOPENED,
        )
        for name, side, tick, energy_wh in AUCTION[slot]
    ]
    return orders.clear_book(rules(day.people.config), booked)


def expected(day):
    """Bought and sold energy by (slot, name), what venues made of each one's money, and the dust of each venue."""
    traded = {(slot, name): [0, 0] for slot in range(4) for name in TRADERS}
    gained, dust = Counter(), Counter()
    names = {number: name for name, number in day.people.ids.items()}
    for slot in AUCTION.keys() - VOID:
        cleared = book(day, slot)
        dust["auction"] += cleared.dust
        for number, outcome in cleared.outcomes.items():
            name = names[number]
            traded[slot, name][0] += outcome.trade.bought_wh
            traded[slot, name][1] += outcome.trade.sold_wh
            gained[name] += outcome.trade.revenue - outcome.trade.payment
            gained[name] += outcome.compensation - outcome.forfeited
    for buyer, seller, first, count, energy_wh, price in AGREED:
        for slot in range(first, first + count):
            traded[slot, buyer][0] += energy_wh
            traded[slot, seller][1] += energy_wh
            gained[buyer] -= payment_up(energy_wh, price)
            gained[seller] += payment_down(energy_wh, price)
            dust["negotiation"] += payment_up(energy_wh, price) - payment_down(energy_wh, price)
    return traded, gained, dust


def delivered(slot, name, bought_wh):
    if (slot, name) in SILENT:
        return max(bought_wh, CAPACITY_WH // 2), 0
    return RESOLVED.get((slot, name), METERED[slot, name])


def bill(day, slot, name, bought_wh, sold_wh):
    """Charge and credit as ISettlement says: never netted, the operator's two prices."""
    tariff = day.people.config["settlement"]
    import_wh, export_wh = delivered(slot, name, bought_wh)
    from_grid = max(import_wh - bought_wh, 0) + max(sold_wh - export_wh, 0)
    to_grid = max(bought_wh - import_wh, 0) + max(export_wh - sold_wh, 0)
    charge = payment_up(from_grid, tariff["retail_price"])
    credit = payment_down(to_grid, tariff["feed_in_price"])
    return import_wh, export_wh, from_grid, to_grid, charge, credit


def test_the_auction_clears_as_the_reference_does(day):
    auction = day.people.system.auction
    for slot in AUCTION.keys() - VOID:
        found = auction.clearingOf(day.first + slot)
        clearing = book(day, slot).clearing
        assert tuple(found) == tuple(getattr(clearing, name) for name in type(clearing).__slots__)
    assert auction.clearingOf(day.first)[:3] == (43_000, 43_000, 2_000)


def test_fills_at_the_margin_follow_the_reference_to_the_watt_hour(day):
    auction, ids = day.people.system.auction, day.people.ids
    fills = {
        name: auction.fillOf(day.first, ids[name]) for name in ("alice", "carol", "dave", "bob")
    }
    assert fills == {"alice": 1_200, "carol": 450, "dave": 350, "bob": 2_000}
    outcomes = book(day, 0).outcomes
    assert fills == {name: outcomes[ids[name]].filled_wh for name in fills}


def test_a_slot_that_nobody_clears_is_void(day):
    slot = day.first + 2
    assert day.seen["void"] == f"WrongPhase: {slot}, 5, 3"
    for name in ("alice", "bob"):
        number = day.people.ids[name]
        assert day.people.system.auction.tradeOf(slot, number) == (0, 0, 0, 0)
        assert day.people.system.auction.boundOf(slot, number) == 0


def test_what_would_come_too_early_is_refused_and_hurts_nobody(day):
    ids = day.people.ids
    assert day.seen["reading may change"] == f"ReadingOpen: {day.first}, {ids['dave']}"
    assert day.seen["buyers first"].startswith(f"SlotPoolTooLow: {day.first}, ")
    assert day.seen["once"] == f"AlreadySettled: {day.first}, {ids['alice']}"
    assert day.seen["disputed"] == f"ReadingOpen: {day.first + 2}, {ids['carol']}"
    assert day.seen["missing"] == f"ReadingOpen: {day.first + 3}, {ids['bob']}"


@pytest.mark.parametrize("slot", range(4))
def test_every_bill_equals_the_reference_to_the_unit(day, slot):
    traded, _, _ = expected(day)
    bills = settled_bills(day)
    for name in TRADERS:
        bought_wh, sold_wh = traded[slot, name]
        import_wh, export_wh, from_grid, to_grid, charge, credit = bill(
            day, slot, name, bought_wh, sold_wh
        )
        found, is_measured = bills[day.first + slot, day.people.ids[name]]
        assert is_measured == ((slot, name) not in SILENT)
        assert (found["boughtWh"], found["soldWh"]) == (bought_wh, sold_wh)
        assert (found["importWh"], found["exportWh"]) == (import_wh, export_wh)
        assert (found["gridBoughtWh"], found["gridSoldWh"]) == (from_grid, to_grid)
        assert (found["charge"], found["credit"]) == (charge, credit)


def settled_bills(day):
    settlement = day.people.system.settlement
    found = {}
    for transaction in brownie.history.filter(fn_name="settle"):
        if transaction.status == 1 and transaction.receiver == settlement.address:
            for event in transaction.events["SlotSettled"]:
                key = event["slot"], event["participantId"]
                assert key not in found, "settled twice"
                found[key] = dict(event["bill"]), event["isMeasured"]
    return found


def test_everybody_leaves_with_what_the_day_made_of_its_money_to_the_unit(day):
    token = day.people.system.token
    traded, gained, _ = expected(day)
    change = Counter(gained)
    for (slot, name), (bought_wh, sold_wh) in traded.items():
        *_, charge, credit = bill(day, slot, name, bought_wh, sold_wh)
        change[name] += credit - charge
        change["operator"] += charge - credit
    for name in (*TRADERS, "operator"):
        assert token.balanceOf(day.people.accounts[name]) == 100 * EUR + change[name]


def test_who_could_not_pay_at_once_paid_later(day):
    assert day.seen["arrears"] == payment_up(100, 55_500) - 1_000
    assert day.people.system.settlement.arrearsOf(day.people.ids["erin"]) == 0


def test_only_dust_remains_and_it_is_counted(day):
    _, _, dust = expected(day)
    system = day.people.system
    for venue in ("auction", "negotiation"):
        contract = getattr(system, venue)
        slots = [contract.slotPool(day.first + slot) for slot in range(4)]
        assert sum(slots) == system.clearinghouse.poolOf(contract) == dust[venue]
    assert system.token.balanceOf(system.clearinghouse) == sum(dust.values())


def test_dust_is_below_one_unit_for_each_trade(day):
    trades = sum(count for *_, count, _, _ in AGREED)
    _, _, dust = expected(day)
    assert dust["negotiation"] < trades
    assert book(day, 0).dust < len(AUCTION[0])


def test_each_stage_keeps_the_sum_of_all_balances(day):
    held = {stage: sum(found.values()) for stage, found in day.stages.items()}
    assert (
        len({held[stage] for stage in ("prepare", "negotiate", "commit", "trade", "deliver")}) == 1
    )
    assert held["prepare"] == 600 * EUR
    assert held["settle"] == held["deliver"] - EUR
