"""Attacks 4 and 29 to 33 beyond the unit tests: silence, stolen device keys, and offices that agree with each other."""

from __future__ import annotations

import itertools

import pytest

from tests.audit.attacks.stage import CAPACITY_WH, DEPOSIT, FIRST_SLOT, MARGIN, SLOT, Stage, refusal

DEFAULT_WH = CAPACITY_WH // 2


@pytest.fixture(scope="module")
def stage():
    return Stage()


@pytest.fixture
def fresh(stage):
    stage.slot = FIRST_SLOT
    with stage.evm.undone():
        yield stage
    stage.slot = FIRST_SLOT


def prices(stage):
    settlement = stage.system.config["settlement"]
    return settlement["retail_price"], settlement["feed_in_price"]


def wealth_after(stage, reading, name="alice"):
    """Return what alice owns after a slot without trades, by what her meter says; None for silence."""
    with stage.evm.undone():
        stage.go(stage.end)
        if reading:
            stage.meters.send("postReading", stage.signed(1, *reading))
        stage.settle(stage.people[name])
        stage.check_books()
        return stage.wealth(stage.people[name])


# Silence (32)


@pytest.mark.parametrize("used_wh", [0, 1, DEFAULT_WH - 1, DEFAULT_WH, DEFAULT_WH + 1, CAPACITY_WH])
def test_silence_pays_only_who_uses_more_than_half_of_its_meters_capacity(fresh, used_wh):
    """The default rule bills half of the capacity. An authority that binds meters with twice the true peak, or more,
    makes silence dear for everybody; the table of silent meters in the report shows who tries."""
    gain = wealth_after(fresh, None) - wealth_after(fresh, (used_wh, 0))
    retail, _ = prices(fresh)
    assert gain == -(-used_wh * retail // 1000) - -(-DEFAULT_WH * retail // 1000)
    assert (gain > 0) == (used_wh > DEFAULT_WH)
    assert gain <= DEFAULT_WH * retail // 1000 + 1


def test_a_silent_seller_earns_nothing_for_what_nobody_saw_it_deliver(fresh):
    stage = fresh
    ends = {}
    for reading in (None, (0, 1_000)):
        with stage.evm.undone():
            orders = stage.trade()
            stage.go(stage.gate)
            stage.auction.send("open", stage.slot, [stage.opening(order) for order in orders])
            stage.go(stage.clearing)
            stage.auction.send("clear", stage.slot)
            stage.go(stage.end)
            if reading:
                stage.meters.send("postReading", stage.signed(2, *reading))
            stage.settle(stage.alice, stage.bob)
            ends[reading] = stage.wealth(stage.bob)
    retail, _ = prices(stage)
    assert ends[(0, 1_000)] - ends[None] == (DEFAULT_WH + 1_000) * retail // 1000


def test_a_participant_whose_meter_is_silent_for_ever_settles_every_slot(fresh):
    stage = fresh
    before = stage.wealth(stage.alice)
    for _ in range(5):
        stage.settle(stage.alice)
        stage.slot += 1
    retail, _ = prices(stage)
    assert before - stage.wealth(stage.alice) == 5 * DEFAULT_WH * retail // 1000


# Readings out of turn (30)


def test_readings_may_come_in_any_order_and_each_counts_for_its_own_slot(fresh):
    stage = fresh
    slots = [stage.slot + place for place in range(4)]
    stage.go((slots[-1] + 1) * SLOT)
    views = []
    for order in itertools.permutations(slots):
        with stage.evm.undone():
            for slot in order:
                signed = stage.signed(1, slot % 97, slot % 89, slot=slot)
                stage.meters.send("postReading", signed)
            for slot in order:
                # The same bytes again, and those of the neighbour's slot, change nothing.
                again = stage.signed(1, slot % 97, slot % 89, slot=slot)
                assert refusal(stage.meters.send, "postReading", again) == "ReadingExists"
            views.append([stage.meters.call("readingOf", stage.alice.id, slot) for slot in slots])
    assert all(view == views[0] for view in views)
    assert [view.importWh for view in views[0]] == [slot % 97 for slot in slots]


def test_a_reading_kept_back_counts_for_nothing_after_its_window(fresh):
    """A meter's owner that waits for the others' readings gets the default rule."""
    stage = fresh
    window = int(stage.system.config["metering"]["reading_window"])
    late = stage.signed(1, 5, 0)
    stage.go(stage.end + window)
    assert refusal(stage.meters.send, "postReading", late) == "OutsideReadingWindow"
    assert refusal(stage.meters.send, "postReadings", [late]) == "OutsideReadingWindow"
    assert not stage.meters.call("readingOf", stage.alice.id, stage.slot).isMeasured


# Two values (31), and who says so first


def test_who_copies_a_proof_of_fraud_gains_nothing_and_changes_nothing(fresh):
    """A proof names no finder and pays none: whoever brings it first, the fraud ends in the same way."""
    stage, ends = fresh, []
    stage.go(stage.end)
    pair = [stage.signed(1, wh, 0) for wh in (10, 20)]
    stage.meters.send("postReading", pair[0])
    for sender, proof in ((stage.carol, pair), (stage.account("mallory"), pair[::-1])):
        with stage.evm.undone():
            stage.meters.send("proveEquivocation", *proof, sender=sender)
            assert refusal(stage.meters.send, "proveEquivocation", *pair) == "NoEquivocation"
            stage.settle()
            ends.append(stage.wealths())
    assert ends[0] == ends[1]
    penalty = stage.system.config["settlement"]["fraud_penalty"]
    assert ends[0]["alice"] == DEPOSIT - penalty - 10 * prices(stage)[0] // 1000


@pytest.mark.parametrize("way", ["retires", "proves its own fraud in a slot to come"])
def test_who_ends_its_own_meter_is_billed_for_nothing_that_it_draws_from_then_on(fresh, way):
    """Known limit: without a meter there is neither reading nor capacity, so that what was bought counts as used and no
    more. MeterRetired tells the grid operator at once; what the house draws is a matter of its connection contract."""
    stage = fresh
    if way == "retires":
        stage.meters.send("retireMeter", 1, sender=stage.alice)
    else:
        future = [stage.signed(1, wh, 0, slot=stage.slot + 50) for wh in (1, 2)]
        stage.meters.send("proveEquivocation", *future)
    before = stage.wealth(stage.alice)
    orders = stage.trade()
    stage.go(stage.gate)
    stage.auction.send("open", stage.slot, [stage.opening(order) for order in orders])
    stage.go(stage.clearing)
    stage.auction.send("clear", stage.slot)
    stage.go(stage.end)
    drawn = stage.signed(1, 90_000, 0)
    assert refusal(stage.meters.send, "postReading", drawn) in (
        "MeterNotValidInSlot",
        "ForgedReading",
    )
    stage.meters.send("postReading", stage.signed(2, 0, 1_000))
    stage.settle(stage.alice, stage.bob)
    price = stage.auction.call("clearingOf", stage.slot).bidPrice
    assert before - stage.wealth(stage.alice) == 1_000 * price // 1000


def test_a_seller_without_a_meter_pays_for_all_that_it_sold(fresh):
    """Ended before delivery, a meter delivers nothing: the seller buys back what it sold, from what it bound."""
    stage = fresh
    stage.meters.send("retireMeter", 2, sender=stage.bob)
    before = stage.wealth(stage.bob)
    orders = stage.trade()
    stage.go(stage.gate)
    stage.auction.send("open", stage.slot, [stage.opening(order) for order in orders])
    stage.go(stage.clearing)
    stage.auction.send("clear", stage.slot)
    stage.settle(stage.alice, stage.bob)
    price = stage.auction.call("clearingOf", stage.slot).askPrice
    retail, _ = prices(stage)
    assert before - stage.wealth(stage.bob) == 1_000 * (retail - price) // 1000


@pytest.mark.parametrize("is_all_posted_first", [False, True])
def test_a_stolen_device_key_frames_its_owner_for_a_bounded_sum(fresh, is_all_posted_first):
    """A vendor that kept the key reports the worst and signs twice. The first proof ends the key; what stood before it
    can be proved as well, so that the slots of one reading window are the most: capacity and penalty for each."""
    stage = fresh
    retail, _ = prices(stage)
    penalty = stage.system.config["settlement"]["fraud_penalty"]
    open_slots = int(stage.system.config["metering"]["reading_window"]) // SLOT
    slots = [stage.slot + place for place in range(2 * open_slots)]
    stage.evm.now = (slots[-1] + 1) * SLOT
    worst = {slot: stage.signed(1, CAPACITY_WH, 0, slot=slot) for slot in slots}
    other = {slot: stage.signed(1, 0, 0, slot=slot) for slot in slots}
    posted, proved = [], []
    for slot in slots:
        is_posted = refusal(stage.meters.send, "postReading", worst[slot]) == ""
        posted += [slot] * is_posted
        if not is_all_posted_first and is_posted:
            stage.meters.send("proveEquivocation", worst[slot], other[slot])
    for slot in slots if is_all_posted_first else ():
        is_proved = refusal(stage.meters.send, "proveEquivocation", worst[slot], other[slot]) == ""
        proved += [slot] * is_proved
    assert len(posted) == (open_slots if is_all_posted_first else 1)
    # The very first proof ends the key also where nothing can be marked any more.
    assert proved == ([slots[0], *posted] if is_all_posted_first else [])

    before = stage.wealth(stage.alice)
    for slot in slots:
        stage.slot = slot
        stage.settle(stage.alice)
    silent = len(slots) - len(posted)
    lost = before - stage.wealth(stage.alice)
    framed = len(posted) * (CAPACITY_WH * retail // 1000 + penalty)
    assert lost == framed + silent * (DEFAULT_WH * retail // 1000)


def test_an_owner_that_notices_ends_a_meter_with_the_running_slot(fresh):
    stage = fresh
    stage.meters.send("retireMeter", 2, sender=stage.bob)
    later = stage.signed(2, 1, 0, slot=stage.evm.now // SLOT + 1)
    stage.evm.now += 3 * SLOT
    assert refusal(stage.meters.send, "postReading", later) == "MeterNotValidInSlot"


# Offices that agree with each other


def test_authority_and_operator_together_bill_a_meter_up_to_its_capacity_and_no_more(fresh):
    """Known limit: one authority decides disputes of the meters that it bound. What it can decide is bounded by the
    capacity; money leaves the guarantee only, and the rest is a debt that the participant can contest outside."""
    stage = fresh
    retail, _ = prices(stage)
    free = stage.clearinghouse.call("freeOf", stage.alice.id)
    margins = [
        venue.call("marginOf", stage.alice.id) for venue in (stage.auction, stage.negotiation)
    ]
    stage.read(alice=(10, 0), bob=(0, 10), carol=(0, 0))
    stage.meters.send("dispute", 1, stage.slot, sender=stage.operator)
    resolve = stage.meters.send
    too_much = (1, stage.slot, CAPACITY_WH + 1, 0)
    assert refusal(resolve, "resolve", *too_much, sender=stage.authority) == "CapacityExceeded"
    not_disputed = (2, stage.slot, CAPACITY_WH, 0)
    found = refusal(resolve, "resolve", *not_disputed, sender=stage.authority)
    assert found == "ReadingStateMismatch"
    resolve("resolve", 1, stage.slot, CAPACITY_WH, 0, sender=stage.authority)
    again = (1, stage.slot, 0, 0)
    assert refusal(resolve, "resolve", *again, sender=stage.authority) == "ReadingStateMismatch"
    before = stage.wealth(stage.alice)
    stage.settle()
    assert before - stage.wealth(stage.alice) == CAPACITY_WH * retail // 1000
    assert stage.clearinghouse.call("freeOf", stage.alice.id) == free
    assert margins == [
        venue.call("marginOf", stage.alice.id) for venue in (stage.auction, stage.negotiation)
    ]
    assert stage.settlement.call("guaranteeOf", stage.alice.id) < MARGIN


def test_neither_office_decides_alone(fresh):
    stage = fresh
    stage.read(alice=(10, 0), bob=(0, 10), carol=(0, 0))
    decided = (1, stage.slot, 0, 0)
    for office in (stage.operator, stage.governance, stage.account("another authority")):
        found = refusal(stage.meters.send, "resolve", *decided, sender=office)
        assert found == "NotEntitled"
    disputed = (1, stage.slot)
    for office in (stage.authority, stage.governance):
        found = refusal(stage.meters.send, "dispute", *disputed, sender=office)
        assert found in ("NotEntitled", "NotSecured")


def test_a_grid_operator_with_an_empty_guarantee_keeps_nobody_from_trading_money(fresh):
    """It owes what it does not have; sellers are paid by their buyers all the same."""
    stage = fresh
    stage.settlement.send("requestRelease", 10**9, sender=stage.operator)
    delay = int(stage.system.config["settlement"]["release_delay"])
    stage.evm.now += delay
    stage.settlement.send("releaseGuarantee", stage.operator.id)
    assert stage.settlement.call("guaranteeOf", stage.operator.id) == 0
    stage.slot = stage.evm.now // SLOT + 6
    orders = stage.trade()
    stage.go(stage.gate)
    stage.auction.send("open", stage.slot, [stage.opening(order) for order in orders])
    stage.go(stage.clearing)
    stage.auction.send("clear", stage.slot)
    stage.read(alice=(1_000, 0), bob=(0, 3_000), carol=(0, 0))
    before = stage.wealth(stage.bob)
    stage.settle(stage.alice, stage.bob)
    price = stage.auction.call("clearingOf", stage.slot).askPrice
    _, feed_in = prices(stage)
    # 2,000 Wh went to the grid: the operator owes them.
    assert stage.settlement.call("arrearsOf", stage.bob.id) == -(2_000 * feed_in // 1000)
    assert stage.wealth(stage.bob) - before == (1_000 * price + 2_000 * feed_in) // 1000


def test_who_waits_until_its_reading_is_overwritten_gets_the_default_rule_unless_anybody_settles(
    fresh,
):
    """1,024 slots later the reading's place is used again. Any stranger can settle before; nobody else is touched."""
    stage, ends = fresh, {}
    first = stage.slot
    stage.go(stage.end)
    stage.meters.send("postReading", stage.signed(1, 90_000, 0))
    stage.meters.send("postReading", stage.signed(3, 70, 0))
    for settles_in_time in (True, False):
        with stage.evm.undone():
            stage.slot = first
            if settles_in_time:
                stage.go(stage.final)
                waiting = (first, [stage.alice.id])
                stage.settlement.send("settle", *waiting, sender=stage.account("a stranger"))
            stage.slot = first + 1024
            stage.go(stage.end)
            stage.meters.send("postReading", stage.signed(1, 0, 0))
            stage.slot = first
            stage.settle(stage.alice, stage.carol)
            ends[settles_in_time] = stage.wealths()
    retail, _ = prices(stage)
    gained = ends[False]["alice"] - ends[True]["alice"]
    assert gained == (90_000 - DEFAULT_WH) * retail // 1000
    assert ends[False]["carol"] == ends[True]["carol"] == DEPOSIT - -(-70 * retail // 1000)
    assert ends[False]["operator"] == ends[True]["operator"] - gained


def test_disputing_every_reading_delays_a_bill_by_the_windows_and_changes_nothing(fresh):
    """The grid operator or a participant may dispute for nothing: undecided, the reading stands, and the slot ends."""
    stage, ends = fresh, []
    for is_disputed in (False, True):
        with stage.evm.undone():
            stage.read(alice=(500, 0), bob=(0, 700), carol=(30, 0))
            if is_disputed:
                stage.go(stage.evm.now + int(stage.system.config["metering"]["dispute_window"]) - 1)
                for meter, person in ((1, stage.alice), (2, stage.operator), (3, stage.operator)):
                    stage.meters.send("dispute", meter, stage.slot, sender=person)
                early = (stage.slot, [stage.alice.id])
                assert refusal(stage.settlement.send, "settle", *early) == "ReadingOpen"
            # `final` is the latest second at which any reading of the slot can still change.
            stage.settle()
            ends.append(stage.wealths())
    assert ends[0] == ends[1]


def test_who_sells_what_it_does_not_have_pays_for_it_from_what_it_bound(fresh):
    """The buyer has its energy all the same, the guarantee and other members are untouched, and nothing is owed."""
    stage = fresh
    before, free = stage.wealths(), stage.clearinghouse.call("freeOf", stage.bob.id)
    stage.agree(stage.alice, stage.bob, energy_wh=1_000_000, price=43_000)
    stage.read(alice=(1_000_000 // 10, 0), bob=(0, 0), carol=(0, 0))
    stage.settle()
    retail, feed_in = prices(stage)
    lost = before["bob"] - stage.wealth(stage.bob)
    assert lost == 1_000 * (retail - 43_000)
    assert stage.clearinghouse.call("freeOf", stage.bob.id) >= free
    assert stage.settlement.call("guaranteeOf", stage.bob.id) == MARGIN
    assert stage.settlement.call("arrearsOf", stage.bob.id) == 0
    # alice used a tenth and sold the rest to the grid operator.
    spent = before["alice"] - stage.wealth(stage.alice)
    assert spent == 1_000 * 43_000 - 900 * feed_in
    assert stage.wealth(stage.carol) == before["carol"]
    assert stage.wealth(stage.operator) - before["operator"] == lost + spent
