"""Random trades, readings and guarantees: settlement equals the reference to the unit, and money is conserved."""

import os
from dataclasses import asdict

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from setm import metering
from setm import settlement as book
from setm.errors import DataError, LedgerError, Reverted
from setm.metering import Meter
from setm.settlement import Account
from setm.slots import Slot
from setm.types import Reading, Trade
from setm.units import Money, Wh
from tests.contracts.invariant.metered import CAPACITY_WH, FOREVER, deploy_metered

DEPTH = int(os.environ.get("SETM_DEPTH", "1"))
few = settings(
    max_examples=30 * DEPTH,
    deadline=None,
    derandomize=True,
    suppress_health_check=HealthCheck.all(),
)

ENERGY = st.one_of(st.integers(0, 40), st.integers(0, CAPACITY_WH), st.just(CAPACITY_WH))
MONEY = st.one_of(st.integers(0, 50), st.integers(0, 2**36))
GUARANTEES = st.one_of(st.just(0), st.integers(0, 50), st.integers(0, 2**36))
TOLD = st.tuples(ENERGY, ENERGY, MONEY, MONEY, MONEY)
NOTHING = (0, 0, 0, 0, 0)
READINGS = st.one_of(st.none(), st.tuples(ENERGY, ENERGY))
# For each person: what each venue is told, what the meter says, whether it signed twice.
SHARES = st.tuples(
    st.one_of(st.just(NOTHING), TOLD), st.one_of(st.just(NOTHING), TOLD), READINGS, st.booleans()
)
SHARES_OF_ALL = st.lists(SHARES, min_size=4, max_size=4)
SLOTS = st.lists(SHARES_OF_ALL, min_size=1, max_size=3)
ALL_GUARANTEES = st.lists(GUARANTEES, min_size=5, max_size=5)
ORDERS = st.permutations(range(4))
CUTS = st.integers(0, 4)

BUYS_ALL = ((100, 0, 5, 0, 0), NOTHING, (100, 0), False)
SELLS_SHORT = ((0, 100, 0, 5, 3), NOTHING, (0, 20), False)
SILENT = (NOTHING, NOTHING, None, False)
LIAR = (NOTHING, NOTHING, (7, 7), True)


@pytest.fixture(scope="module")
def metered():
    return deploy_metered()


class Run:
    """The chain and the reference side by side, from a fresh deployment on."""

    def __init__(self, metered, guarantees):
        metered.reset()
        self.metered, self.system = metered, metered.system
        self.people = list(metered.people.values())
        self.operator = self.system.operator
        self.everybody = [self.operator, *self.people]
        self.accounts = {}
        for person, amount in zip(self.everybody, guarantees, strict=True):
            if amount:
                self.system.fund(person, self.system.settlement, amount)
            self.accounts[person.id] = Account(guarantee=Money(amount))
        house = self.system.clearinghouse
        self.free = {person.id: house.freeOf(person.id) for person in self.everybody}
        self.held = house.held()
        self.meters = {
            person.id: Meter(
                number=number,
                capacity_wh=Wh(CAPACITY_WH),
                valid_from_slot=Slot(metered.evm.now // 900 + 1),
                valid_until_slot=Slot(FOREVER),
            )
            for number, person in enumerate(self.people, start=1)
        }
        self.records = {person.id: {} for person in self.people}

    def deliver(self, shares):
        """Trade and measure one slot; return it with its bills once every reading is final."""
        metered, windows = self.metered, self.metered.windows
        slot = Slot(metered.evm.now // windows.slot_seconds + 1)
        metered.evm.now = windows.end_of(slot)
        for person, (*told, measured, is_fraud) in zip(self.people, shares, strict=True):
            for venue, trade in zip(metered.venues, told, strict=True):
                venue.send("setTrade", slot, person.id, trade)
            if measured:
                self.measure(slot, person, *measured)
            if is_fraud:
                self.catch(slot, person)
        metered.evm.now += windows.final_after()
        return slot, {
            person.id: self.bill(slot, person, share[:2])
            for person, share in zip(self.people, shares, strict=True)
        }

    def measure(self, slot, person, import_wh, export_wh):
        """Post a reading on both sides; both refuse it if the meter has lost its key."""
        meter, now = self.meters[person.id], self.metered.evm.now
        signed = self.metered.signed(meter.number, slot, import_wh, export_wh)
        reading = Reading(
            meter=meter.number, slot=slot, import_wh=Wh(import_wh), export_wh=Wh(export_wh)
        )
        records = self.records[person.id]
        self.keep(
            lambda: self.system.meters.send("postReading", signed),
            lambda: metering.accept(records, meter, reading, self.metered.windows, now),
            person,
        )

    def catch(self, slot, person):
        """Prove on both sides that the meter signed two values."""
        meter, now = self.meters[person.id], self.metered.evm.now
        pair = [self.metered.signed(meter.number, slot, import_wh, 0) for import_wh in (1, 2)]
        records = self.records[person.id]

        def prove():
            record, self.meters[person.id] = metering.prove_equivocation(
                records, meter, slot, self.metered.windows, now
            )
            return record

        self.keep(lambda: self.system.meters.send("proveEquivocation", *pair), prove, person)

    def keep(self, send, change, person):
        record, refusal = None, ""
        try:
            record = change()
        except DataError as error:
            refusal = said(error)
        assert refused(send) == refusal
        if record:
            self.records[person.id] = metering.kept(self.records[person.id], record)

    def bill(self, slot, person, told):
        """Return the reference's bill; its view of the reading is compared with the chain's."""
        windows, now = self.metered.windows, self.metered.evm.now
        meter = metering.meter_in([self.meters[person.id]], slot)
        view = metering.reading_view(self.records[person.id], meter, slot, windows, now)
        found = self.system.meters.readingOf(person.id, slot)
        assert tuple(found) == tuple(asdict(view).values())
        bought, sold, _, revenue, cover = (sum(part) for part in zip(*told, strict=True))
        return book.bill(
            Trade(bought_wh=Wh(bought), sold_wh=Wh(sold)),
            view,
            self.metered.tariff,
            trade_credit=Money(revenue + cover),
            fraud_penalty=Money(self.system.config["settlement"]["fraud_penalty"]),
        )

    def settle(self, slot, bills, named=None):
        """Settle on both sides and compare bill by bill; the chain may be told more names than there are bills."""
        receipt = self.system.settlement.send("settle", slot, named or list(bills))
        moved = book.settle(bills, self.accounts, self.operator.id)
        for event in receipt.named("SlotSettled"):
            who = event.args["participantId"]
            assert tuple(event.args["bill"]) == tuple(asdict(bills[who]).values())
            assert event.args["arrearsChange"] == moved.arrears_change[who]
        assert len(receipt.named("SlotSettled")) == len(bills)
        self.move(moved)

    def move(self, moved):
        self.accounts = dict(moved.accounts)
        for who, amount in moved.freed.items():
            self.free[who] += amount
        self.check()

    def check(self):
        """The chain equals the reference; what is held has not changed; settlement keeps nothing between calls."""
        house, settlement = self.system.clearinghouse, self.system.settlement
        for person in self.everybody:
            account = self.accounts[person.id]
            assert settlement.guaranteeOf(person.id) == account.guarantee
            assert settlement.arrearsOf(person.id) == account.arrears
            assert house.collateralOf(settlement, person.id) == account.guarantee
            assert house.freeOf(person.id) == self.free[person.id]
        assert settlement.owedByOperator() == book.owed_by_operator(self.accounts)
        assert house.poolOf(settlement) == 0
        assert house.held() == self.held

    def both(self, send, move):
        """Do the same on both sides: both change alike or refuse alike."""
        moved, refusal = None, ""
        try:
            moved = move(self.accounts)
        except LedgerError as error:
            refusal = said(error)
        assert refused(send) == refusal
        if moved:
            self.move(moved)


def said(error):
    """Return name and values of the contract's error in a refusal of the reference."""
    return str(error).partition(";")[0]


def refused(send):
    """Return the same of a refusal on chain; empty if there was none."""
    try:
        send()
    except Reverted as error:
        listed = ", ".join(f"{key}={value}" for key, value in error.arguments.items())
        return f"{error.name}({listed})"
    return ""


@few
@example([[BUYS_ALL, SELLS_SHORT, SILENT, LIAR]], [0, 0, 0, 0, 0], range(4), 2)
@example([[SILENT] * 4, [SELLS_SHORT] * 4], [9, 0, 0, 10**9, 0], range(4), 4)
@given(SLOTS, ALL_GUARANTEES, ORDERS, CUTS)
def test_settles_every_slot_as_the_reference_does_in_whatever_batches(
    metered, slots, guarantees, order, cut
):
    run = Run(metered, guarantees)
    for shares in slots:
        slot, bills = run.deliver(shares)
        ids = [list(bills)[place] for place in order]
        for batch in (ids[:cut], ids[cut:]):
            run.settle(slot, {who: bills[who] for who in batch})
        for who in bills:
            assert run.system.settlement.isSettled(slot, who)
    for person in run.people:
        run.both(
            lambda who=person.id: run.system.settlement.send("payArrears", who),
            lambda accounts, who=person.id: book.pay_arrears(accounts, who, run.operator.id),
        )


@few
@given(SLOTS, ALL_GUARANTEES, ALL_GUARANTEES, st.lists(st.integers(0, 100), min_size=5, max_size=5))
def test_releases_guarantees_as_the_reference_does(metered, slots, guarantees, added, percents):
    run = Run(metered, guarantees)
    requested = {}
    for person, percent in zip(run.everybody, percents, strict=True):
        requested[person.id] = run.accounts[person.id].guarantee * percent // 100
        run.system.settlement.send("requestRelease", requested[person.id], sender=person)
    for shares in slots:
        run.settle(*run.deliver(shares))
    for person, amount in zip(run.everybody, added, strict=True):
        if amount:
            run.system.fund(person, run.system.settlement, amount)
            grown = Money(run.accounts[person.id].guarantee + amount)
            run.accounts[person.id] = Account(
                guarantee=grown, arrears=run.accounts[person.id].arrears
            )
            run.held += amount
    run.metered.evm.now += run.system.config["settlement"]["release_delay"]
    for person in run.everybody:
        if not requested[person.id]:
            continue
        run.system.settlement.send("releaseGuarantee", person.id)
        run.move(
            book.release_guarantee(
                run.accounts, person.id, run.operator.id, Money(requested[person.id])
            )
        )


@few
@given(SLOTS, ALL_GUARANTEES)
def test_settles_slots_in_whatever_order_and_a_late_one_blocks_no_other(metered, slots, guarantees):
    """The last slot comes first; somebody who is never settled keeps nobody waiting."""
    run = Run(metered, guarantees)
    waiting = [run.deliver(shares) for shares in slots]
    late = run.people[0].id
    for slot, bills in reversed(waiting):
        run.settle(slot, {who: bills[who] for who in bills if who != late})
    for slot, bills in waiting:
        run.settle(slot, {late: bills[late]})


@few
@given(SLOTS, ALL_GUARANTEES)
def test_settles_each_participant_and_slot_once(metered, slots, guarantees):
    run = Run(metered, guarantees)
    slot, bills = run.deliver(slots[0])
    run.settle(slot, bills)
    for batch in ([who] for who in bills):
        assert not run.system.settlement.send("settle", slot, batch).events
    assert not run.system.settlement.send("settle", slot, [*bills, *bills]).events
    run.check()


@few
@given(SHARES_OF_ALL, ALL_GUARANTEES, st.lists(st.integers(0, 3), max_size=12), CUTS)
def test_settles_a_batch_with_doubled_and_settled_participants_as_one_without(
    metered, shares, guarantees, named, first
):
    run = Run(metered, guarantees)
    slot, bills = run.deliver(shares)
    who = list(bills)
    run.settle(slot, {number: bills[number] for number in who[:first]})
    fresh = dict.fromkeys(who[place] for place in named if place >= first)
    run.settle(
        slot, {number: bills[number] for number in fresh}, named=[who[place] for place in named]
    )
