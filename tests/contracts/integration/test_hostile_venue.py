"""A venue that governance added and that answers no more, or lies, harms nobody who did not agree to it.

Participants agree by locking money in it, the grid operator by accepting it.

::

    before                slot            slot + 1            later
    |-- everybody joins ----|-- delivery ----|-- readings -------|-- settle
        the auction and        erin joins
        negotiation; carol     the dead venue
        and dave also the
        dead venue
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from eth_utils.crypto import keccak

from setm import messages
from setm.evm import Contract, Evm, Person, System, default_config, deploy_system
from setm.evm.market import OPEN_MODE
from setm.evm.system import HUNDRED_EUR
from setm.types import Kind, Reading, Side, Terms
from setm.units import payment_down, payment_up
from tests.contracts.common.refusal import refuses

MARGIN = 20_000_000
ENERGY_WH, PRICE = 1_000, 43_000
NAMES = ("alice", "bob", "carol", "dave", "erin")
# A band in which an order can bind nothing: a bid at price 0, an ask at the cover price.
FREE_BAND = {"floor_price": 0, "tick_size": 500, "tick_count": 256}


@dataclass(kw_only=True)
class Town:
    """A deployment with a venue that reverts whatever it is asked, and one that says that nothing is ever final."""

    evm: Evm
    system: System
    dead: Contract
    endless: Contract
    people: dict[str, Person]

    @property
    def slot(self) -> int:
        return self.evm.now // 900 + 8

    def lock(self, name: str, venue: Contract, amount: int = MARGIN) -> None:
        self.system.clearinghouse.send("lock", venue, amount, sender=self.people[name])

    def agree(self, buyer: str, seller: str, slot: int, price: int = PRICE) -> None:
        """Let a buyer offer and a seller accept in the negotiation."""
        venue = self.system.negotiation
        terms = Terms(first_slot=slot, slot_count=1, energy_wh=ENERGY_WH, price=price)
        gate_at = slot * 900 - self.system.config["negotiation"]["gate_lead"]
        offer = (self.people[seller].id, True, terms, gate_at)
        number = venue.send("offer", *offer, sender=self.people[buyer]).value
        venue.send("accept", number, 1, sender=self.people[seller])

    def bind_meter(self, name: str, authority: Any = None) -> None:
        """Bind the deployment's first meter."""
        binding = messages.binding(
            self.system.domain(self.system.meters),
            meter_id=keccak(text=f"meter of {name}"),
            participant_id=self.people[name].id,
            device_key=self.evm.account(f"device of {name}").address,
            capacity_wh=10_000,
            valid_until_slot=2**32 - 1,
        )
        authority = authority or self.system.authority
        values = (tuple(binding.values.values()), authority, binding.sign(authority))
        self.system.meters.send("bindMeter", *values, sender=self.people[name])

    def measure(self, name: str, slot: int, import_wh: int, export_wh: int) -> None:
        """Post what the first meter measured."""
        measured = Reading(meter=1, slot=slot, import_wh=import_wh, export_wh=export_wh)  # type: ignore[arg-type]
        message = messages.reading(self.system.domain(self.system.meters), measured)
        signed = message.sign_compact(self.evm.account(f"device of {name}"))
        self.system.meters.send("postReading", (measured.word, *signed))

    def place(self, name: str, slot: int, side: Side, tick: int) -> None:
        order = (slot, side, tick, ENERGY_WH)
        self.system.auction.send("placeOrder", order, sender=self.people[name])

    def clear(self, slot: int) -> None:
        self.evm.now = slot * 900 - self.system.config["auction"]["gate_lead"]
        self.system.auction.send("clear", slot)

    def finish(self, slot: int) -> None:
        """Go to where every reading of the slot is final."""
        self.evm.now = (slot + 1) * 900 + self.system.meters.call("finalAfter")

    def settle(self, slot: int, *names: str) -> list[int]:
        """Settle and return for whom there was a bill."""
        ids = [self.people[name].id for name in names]
        receipt = self.system.settlement.send("settle", slot, ids)
        return [event.args["participantId"] for event in receipt.named("SlotSettled")]

    def ids(self, *names: str) -> list[int]:
        return [self.people[name].id for name in names]

    def free(self, name: str) -> int:
        return int(self.system.clearinghouse.freeOf(self.people[name].id))


@cache
def _town() -> Town:
    evm = Evm()
    system = deploy_system(
        evm,
        default_config(auction={**OPEN_MODE, **FREE_BAND}, negotiation={"floor_price": 0}),
    )
    people = {name: system.enrol(name, Kind.PROSUMER) for name in NAMES}
    for person in people.values():
        system.deposit(person, HUNDRED_EUR)
    dead = evm.deploy("ClearingVenue")
    endless = evm.deploy("SettlementVenue", system.clearinghouse)
    for venue in (dead, endless):
        system.clearinghouse.send("addVenue", venue, sender=system.governance)
    evm.now += system.config["governance_delay"]
    return Town(evm=evm, system=system, dead=dead, endless=endless, people=people)


@pytest.fixture(autouse=True)
def isolation():
    """These tests use no chain: there is none to reset."""


@pytest.fixture
def town():
    found = _town()
    mark = found.evm.snapshot()
    yield found
    found.evm.revert(mark)


@pytest.fixture
def joined(town):
    """Everybody in the honest venues; carol and dave in the dead one as well, which the grid operator accepted."""
    for venue in (town.dead, town.endless):
        town.system.settlement.send("acceptVenue", venue, sender=town.system.operator)
    for name in NAMES:
        for venue in (town.system.auction, town.system.negotiation):
            town.lock(name, venue)
    for name in ("carol", "dave"):
        town.lock(name, town.dead, 1)
    return town


# WHOM SETTLEMENT ASKS


def test_a_venue_is_joined_by_the_first_lock_and_counts_from_the_next_slot_on(town):
    house, alice = town.system.clearinghouse, town.people["alice"].id
    places = list(house.venues())
    bit = 1 << places.index(town.system.auction.address)
    begun = town.evm.now // 900
    assert house.joinedVenues(alice, 2**32 - 1) == 0
    town.lock("alice", town.system.auction, 5)
    assert house.joinedVenues(alice, begun) == 0
    assert house.joinedVenues(alice, begun + 1) == bit
    town.evm.now += 10 * 900
    town.lock("alice", town.system.auction, 5)
    assert house.joinedVenues(alice, begun + 1) == bit
    assert house.joinedVenues(town.people["bob"].id, begun + 1) == 0


def test_a_participant_stays_joined_when_it_takes_its_money_back(town):
    house, alice = town.system.clearinghouse, town.people["alice"]
    town.lock("alice", town.system.auction, 5)
    before = house.joinedVenues(alice.id, town.slot)
    town.system.auction.send("releaseMargin", 5, sender=alice)
    assert house.joinedVenues(alice.id, town.slot) == before != 0


def test_every_place_of_the_list_of_venues_has_its_own_bit(town):
    house, governance = town.system.clearinghouse, town.system.governance
    for _ in range(3):
        house.send("addVenue", town.evm.deploy("ClearingVenue"), sender=governance)
    town.evm.now += town.system.config["governance_delay"]
    places = list(house.venues())
    assert len(places) == house.MAX_VENUES()
    number, expected = town.people["alice"].id, 0
    for place in (7, 0, 3, 6, 1, 5, 2, 4):
        house.send("lock", places[place], 1, sender=town.people["alice"])
        expected |= 1 << place
        assert house.joinedVenues(number, town.slot) == expected


# A VENUE THAT ANSWERS NO MORE


def test_a_dead_venue_stops_nobody_who_never_locked_money_in_it(joined):
    slot = joined.slot
    joined.agree("alice", "bob", slot)
    joined.finish(slot)
    assert joined.settle(slot, "alice", "bob", "erin") == joined.ids("alice", "bob", "erin")


def test_a_dead_venue_stops_who_locked_money_in_it(joined):
    slot = joined.slot
    joined.finish(slot)
    for name in ("carol", "dave"):
        with refuses(""):
            joined.settle(slot, name)
    assert not joined.system.settlement.isSettled(slot, joined.people["carol"].id)


def test_a_venue_that_is_never_final_stops_only_who_locked_money_in_it(joined):
    slot = joined.slot
    joined.lock("erin", joined.endless, 1)
    joined.endless.send("setOpen", slot, True)
    joined.finish(slot)
    with refuses("OutcomeOpen", slot=slot):
        joined.settle(slot, "alice", "erin")
    assert joined.settle(slot, "alice", "bob") == joined.ids("alice", "bob")


def test_the_counterparty_of_one_that_is_stopped_is_paid_all_the_same(joined):
    """carol buys from bob; her payment is collected without settlement, which cannot settle her."""
    slot = joined.slot
    joined.agree("carol", "bob", slot)
    joined.finish(slot)
    revenue = payment_down(ENERGY_WH, PRICE)
    with refuses("SlotPoolTooLow", slot=slot, needed=revenue, available=0):
        joined.settle(slot, "bob")
    joined.system.negotiation.send("collect", slot, joined.ids("carol"))
    receipt = joined.system.settlement.send("settle", slot, joined.ids("bob"))
    cover = payment_up(ENERGY_WH, joined.system.config["negotiation"]["cover_price"] - PRICE)
    assert receipt.only("SlotSettled")["bill"].tradeCredit == revenue + cover


def test_one_that_is_stopped_still_withdraws_what_is_free(joined):
    before, carol = joined.free("carol"), joined.people["carol"]
    joined.system.auction.send("releaseMargin", MARGIN, sender=carol)
    joined.system.clearinghouse.send("withdraw", before + MARGIN, sender=carol)
    assert joined.system.token.balanceOf(carol) == before + MARGIN


def test_joining_a_dead_venue_holds_up_no_slot_that_had_begun_before(joined):
    """Nobody dodges its bill, or spoils a batch that is under way, by joining a dead venue after the trade."""
    slot = joined.slot
    joined.agree("alice", "erin", slot)
    joined.evm.now = slot * 900
    joined.lock("erin", joined.dead, 1)
    joined.finish(slot + 1)
    assert joined.settle(slot, "alice", "erin") == joined.ids("alice", "erin")
    # erin delivered nothing and buys it back.
    assert joined.system.settlement.guaranteeOf(joined.system.operator.id) > 0
    with refuses(""):
        joined.settle(slot + 1, "erin")


# WITHOUT THE GRID OPERATOR'S CONSENT


def test_a_dead_venue_that_the_grid_operator_did_not_accept_stops_nobody_at_all(town):
    slot = town.slot
    for name in NAMES:
        town.lock(name, town.dead, 1)
        town.lock(name, town.system.negotiation)
    town.agree("carol", "bob", slot)
    town.finish(slot)
    assert town.settle(slot, *NAMES) == town.ids(*NAMES)


def test_a_venue_takes_no_margin_before_the_grid_operator_accepted_it(town):
    system, house = town.system, town.system.clearinghouse
    config = tuple(system.config["negotiation"].values())
    late = town.evm.deploy("Negotiation", house, system.settlement, config)
    house.send("addVenue", late, sender=system.governance)
    town.evm.now += system.config["governance_delay"]
    with refuses("VenueNotAccepted", venue=late.address):
        town.lock("alice", late)
    system.settlement.send("acceptVenue", late, sender=system.operator)
    town.lock("alice", late)
    assert late.marginOf(town.people["alice"].id) == MARGIN


def test_the_grid_operator_answers_for_what_an_accepted_venue_says(town):
    """The same lie as below, after consent: 10 kWh at the feed-in price."""
    system, slot = town.system, town.slot
    system.settlement.send("acceptVenue", town.endless, sender=system.operator)
    before = tell_a_lie(town, slot, 10_000)
    feed_in = system.config["settlement"]["feed_in_price"]
    assert town.free("erin") == before + payment_down(10_000, feed_in)


def tell_a_lie(town: Town, slot: int, energy_wh: int) -> int:
    """Settle erin, who consumes nothing, while a venue says that she bought so much; return what she had before."""
    town.bind_meter("erin")
    town.system.fund(town.system.operator, town.system.settlement, MARGIN)
    town.lock("erin", town.endless, 1)
    town.endless.send("setTrade", slot, town.people["erin"].id, (energy_wh, 0, 0, 0, 0))
    town.evm.now = (slot + 1) * 900
    town.measure("erin", slot, 0, 0)
    town.finish(slot)
    before = town.free("erin")
    town.settle(slot, "erin")
    return before


def test_a_lying_venue_takes_nothing_from_the_grid_operator(town):
    """It says that erin bought a gigawatt hour, which the grid operator would have to buy back."""
    system = town.system
    before = tell_a_lie(town, town.slot, 10**9)
    assert town.free("erin") == before
    assert system.settlement.guaranteeOf(system.operator.id) == MARGIN
    assert system.settlement.arrearsOf(town.people["erin"].id) == 0


def test_an_authority_that_hostile_governance_added_invents_no_meter(town):
    """Else a member of its own would export what no wire could carry, and the grid operator would pay for it."""
    system, fraud = town.system, town.evm.account("fraud")
    system.registry.send("addAuthority", fraud, sender=system.governance)
    town.evm.now += system.config["governance_delay"]
    assert system.registry.isAccredited(fraud)
    with refuses("AuthorityNotAccepted", authority=fraud.address):
        town.bind_meter("erin", fraud)


# ONE BATCH, DIFFERENT VENUES


def test_a_batch_of_participants_of_different_venues_collects_buyers_before_it_pays_sellers(town):
    """bob is in both venues, alice in the auction, erin in the negotiation, carol in none; bob comes first."""
    system, slot = town.system, town.slot
    town.lock("alice", system.auction)
    town.lock("erin", system.negotiation)
    for venue in (system.auction, system.negotiation):
        town.lock("bob", venue)
    town.agree("erin", "bob", slot)
    town.place("alice", slot, Side.BID, 86)
    town.place("bob", slot, Side.ASK, 86)
    town.clear(slot)
    town.finish(slot)
    order = ("bob", "carol", "erin", "alice")
    receipt = system.settlement.send("settle", slot, town.ids(*order))
    bills = {e.args["participantId"]: e.args["bill"] for e in receipt.named("SlotSettled")}
    sold = [bills[number].soldWh for number in town.ids(*order)]
    bought = [bills[number].boughtWh for number in town.ids(*order)]
    assert (sold, bought) == ([2 * ENERGY_WH, 0, 0, 0], [0, 0, ENERGY_WH, ENERGY_WH])
    for venue in (system.auction, system.negotiation):
        assert system.clearinghouse.poolOf(venue) == venue.slotPool(slot) == 0
        asked = [e.args["participantId"] for e in receipt.events if e.address == venue.address]
        assert town.people["carol"].id not in asked


# NO POSITION WITHOUT EVER HAVING LOCKED MONEY


@pytest.mark.parametrize(("side", "tick"), [(Side.BID, 0), (Side.ASK, 111), (Side.ASK, 255)])
def test_an_order_that_binds_nothing_is_refused_to_who_has_no_margin(town, side, tick):
    slot, auction = town.slot, town.system.auction
    assert auction.coverOf(side, tick, ENERGY_WH) == 0
    number = town.people["alice"].id
    with refuses("NotCovered", participantId=number, needed=1, available=0):
        town.place("alice", slot, side, tick)
    town.lock("alice", auction, 1)
    town.place("alice", slot, side, tick)
    assert auction.marginOf(number) == 1
    assert auction.orderOf(slot, number).energyWh == ENERGY_WH


@pytest.mark.parametrize(("price", "who"), [(0, "alice"), (55_500, "bob")])
def test_an_agreement_that_binds_one_side_to_nothing_needs_a_margin_of_both(town, price, who):
    """A buyer at price 0 and a seller at the cover price bind nothing."""
    slot, venue = town.slot, town.system.negotiation
    other = "bob" if who == "alice" else "alice"
    town.lock(other, venue)
    number = town.people[who].id
    with refuses("NotCovered", participantId=number, needed=1, available=0):
        town.agree("alice", "bob", slot, price)
    town.lock(who, venue, 1)
    town.agree("alice", "bob", slot, price)
    assert venue.marginOf(number) == 1


def test_a_release_of_nothing_stays_possible_without_a_margin(town):
    receipt = town.system.auction.send("releaseMargin", 0, sender=town.people["alice"])
    assert receipt.only("MarginReleased")["amount"] == 0


# THE GRID OPERATOR


def test_the_grid_operator_is_admitted_to_no_venue_but_settlement(town):
    system = town.system
    system.deposit(system.operator, MARGIN)
    for venue in (system.auction, system.negotiation):
        with refuses("OperatorNotAdmitted", participantId=system.operator.id):
            system.clearinghouse.send("lock", venue, 1, sender=system.operator)
    system.clearinghouse.send("lock", system.settlement, MARGIN, sender=system.operator)
    assert system.settlement.guaranteeOf(system.operator.id) == MARGIN
    assert system.clearinghouse.joinedVenues(system.operator.id, town.slot) == 1


def test_the_grid_operator_gets_no_position_even_where_an_order_binds_nothing(town):
    system, slot = town.system, town.slot
    order = (slot, Side.BID, 0, ENERGY_WH)
    with refuses("NotCovered", participantId=system.operator.id, needed=1, available=0):
        system.auction.send("placeOrder", order, sender=system.operator)


# NOBODY SPOILS A BATCH


def test_a_batch_of_which_somebody_settled_one_first_settles_the_others(joined):
    slot = joined.slot
    joined.agree("alice", "bob", slot)
    joined.finish(slot)
    assert joined.settle(slot, "alice") == joined.ids("alice")
    before = joined.free("alice")
    assert joined.settle(slot, "erin", "alice", "bob", "erin") == joined.ids("erin", "bob")
    assert joined.settle(slot, "alice", "bob", "erin") == []
    assert joined.free("alice") == before


def test_a_forfeit_of_one_who_has_no_order_passes_over_it():
    evm = Evm()
    system = deploy_system(evm)
    alice, bob = (system.enrol(name, Kind.PROSUMER) for name in ("alice", "bob"))
    config = system.config["auction"]
    slot = evm.now // 900 + 8
    system.fund(alice, system.auction, MARGIN)
    commitment = (slot, Side.BID, config["bond"], b"\x01" * 23 + bytes(9))
    system.auction.send("commit", commitment, sender=alice)
    evm.now = slot * 900 - config["gate_lead"] + config["reveal_window"]
    receipt = system.auction.send("forfeit", slot, [bob.id, alice.id, bob.id, alice.id])
    assert receipt.only("BondForfeited")["participantId"] == alice.id
