"""The day that test_whole_day.py draws: who does what, stage by stage, and what the reference makes of it."""

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import brownie

from setm import orders, settlement
from setm.metering import ReadingView
from setm.orders import AuctionRules, BookedOrder
from setm.types import Grid, GridTariff, Terms, Trade
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


def play(system, config, ids):
    """Return the day as drawn; ``stages`` keeps all balances after each stage, ``seen`` what was refused on the way."""
    people = open_community(system, config, ids)
    first = brownie.chain.time() // config["slot_seconds"] + 8
    day = SimpleNamespace(people=people, first=first, stages={}, seen={})
    for stage in (prepare, negotiate, commit, trade, deliver, settle, leave):
        stage(day)
        people.check_books(range(first, first + 4))
        day.stages[stage.__name__] = people.balances()
    return day


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
    day.seen["once"] = len(settlement.settle(a, [ids["alice"]], anyone).events)
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


def bill(day, slot, name, bought_wh, sold_wh):
    """The bill of setm.settlement; what the venues hand over is checked by the sum of all money."""
    tariff = day.people.config["settlement"]
    reading = ReadingView(capacity_wh=CAPACITY_WH)
    if (slot, name) not in SILENT:
        import_wh, export_wh = RESOLVED.get((slot, name), METERED[slot, name])
        reading = replace(reading, is_measured=True, import_wh=import_wh, export_wh=export_wh)
    return settlement.bill(
        Trade(bought_wh=bought_wh, sold_wh=sold_wh),
        reading,
        GridTariff(retail_price=tariff["retail_price"], feed_in_price=tariff["feed_in_price"]),
    )
