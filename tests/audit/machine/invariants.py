"""The sixteen invariants, each a function and a sentence; I14 needs more room: tests/audit/machine/liveness.py.

A function gets the run after a step and raises ``AssertionError`` if its sentence does not hold.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Protocol

from setm.metering import ReadingState, ReadingView
from setm.orders import BookedOrder, clear_book
from setm.settlement import bill as bill_of
from setm.tariff import Phase as TariffPhase
from setm.types import Order, Side, Trade
from setm.units import Money, Wh, payment_down, payment_up
from tests.audit.machine import invariants_conditional as conditional
from tests.audit.machine import lens
from tests.audit.machine.gas_budget import budget_of
from tests.audit.machine.lens import Balances, SlotView
from tests.audit.machine.lens_anonymous import HiddenView, expected_hidden, name_of_hidden
from tests.audit.machine.model import Model
from tests.audit.machine.model_auction import RULES, Phase
from tests.audit.machine.model_settlement import TARIFF, TERMS
from tests.audit.machine.model_tariff import RULES as TARIFF_RULES
from tests.audit.machine.stage import CAPACITY_WH, Driver
from tests.audit.machine.steps import Outcome, Step, snake
from tests.audit.machine.witness import MARGINED, Flow, OwnOrder, Witness
from tests.audit.machine.witness_anonymous import NOTE
from tests.audit.machine.world import AUCTIONS, CONFIG, OFFICES

RING = 1024
HOSTILE = ("liar", "brick")
OFFICE_CALLS = ("registry", "addVenue", "resolve", "retireMeter")


class Run(Protocol):
    """What an invariant may look at."""

    stage: Any
    step: Step
    outcome: Outcome
    driver: Driver
    model: Model
    witness: Witness
    before: Balances
    after: Balances
    slot: int
    view: SlotView
    hidden: HiddenView
    history: dict[int, SlotView]
    actors: frozenset[int]
    dice: Random


Invariant = Callable[[Run], None]
INVARIANTS: dict[str, Invariant] = {}


def invariant(check: Invariant) -> Invariant:
    """Note an invariant under the number in its name."""
    INVARIANTS["I" + check.__name__[1:3].lstrip("0")] = check
    return check


def _is_kept(run: Run) -> bool:
    """Whether the ring still holds the slot's own records."""
    return run.slot > run.driver.now // CONFIG["slot_seconds"] - RING + 20


@invariant
def i01_the_ledger_is_solvent(run: Run) -> None:
    """The clearinghouse holds what was paid in less what was paid out, plus gifts, and its balances sum to it."""
    seen, after = run.witness, run.after
    assert after.tokens == seen.paid_in - seen.paid_out + seen.donated
    assert after.held == seen.paid_in - seen.paid_out
    owned = sum(account.wealth for account in after.accounts.values())
    assert owned + sum(after.pools.values()) == after.held


@invariant
def i02_money_is_conserved_in_each_slot(run: Run) -> None:
    """What a slot charged and did not pay is in its pool, a venue's pool is the sum, settlement's is empty."""
    assert run.after.pools["settlement"] == 0
    pools = run.witness.pools
    for venue in MARGINED:
        if run.after.pools[venue] != run.before.pools[venue]:
            total = sum(amount for (at, _), amount in pools.items() if at == venue)
            total += run.witness.hidden_money if venue == "anonymous" else 0
            assert run.after.pools[venue] == total, venue
        found = pools.get((venue, run.slot), 0)
        there = run.hidden.pool if venue == "anonymous" else run.view.pools[venue]
        assert 0 <= found == there, (venue, run.slot, found)
    _check_hidden_money(run)


def _check_hidden_money(run: Run) -> None:
    """The anonymous venue's pool is unredeemed notes, balances of accounts, escrow and pools of slots; all as seen."""
    seen, there = run.witness, run.hidden
    assert there.unredeemed == seen.notes
    assert there.counts[3] <= there.counts[1], "a note was redeemed that nobody issued"
    assert all(seen.purses.get(mask, 0) == found for mask, found in there.balances.items())
    slots = sum(amount for (venue, _), amount in seen.pools.items() if venue == "anonymous")
    money = NOTE * there.unredeemed + sum(there.balances.values()) + seen.escrow + slots
    assert run.after.pools["anonymous"] == money, (run.after.pools["anonymous"], money)


@invariant
def i03_energy_bought_is_energy_sold(run: Run) -> None:
    """In each slot of each venue what buyers get is what sellers give; tags are those minted and not claimed."""
    conditional.check_tags(run)
    if not _is_kept(run):
        return
    for venue in AUCTIONS:
        cleared = run.witness.clearings.get((venue, run.slot))
        fills = [0, 0]
        for order in run.view.orders[venue].values():
            fills[order[1]] += order[7]
        volume = cleared[0].volumeWh if cleared else 0
        assert fills == [volume, volume], (venue, run.slot, fills, volume)
    _check_tariff_energy(run)
    conditional.check_energy(run)
    positions = run.view.positions.values()
    assert sum(p[1] for p in positions) == sum(p[2] for p in positions)
    hidden = run.hidden.positions.values()
    assert sum(p[1] for p in hidden) == sum(p[2] for p in hidden)


def _check_tariff_energy(run: Run) -> None:
    """In a final slot of the tariff both sides trade the smaller of what was taken; a later slot may hold a place."""
    if run.view.board[0] != TariffPhase.FINAL:
        return
    taken = [0, 0]
    for (slot, who), own in run.witness.taken.items():
        if slot == run.slot:
            taken[own.side] += own.energy_wh
            bought, sold = run.view.parts[who][6:8]
            assert bought + sold <= own.energy_wh, (slot, who)
    parts = run.view.parts.values()
    traded = [sum(part[6] for part in parts), sum(part[7] for part in parts)]
    assert traded == [min(taken)] * 2, (run.slot, traded, taken)


@invariant
def i04_every_fill_respects_its_limit(run: Run) -> None:
    """Nobody gets more than it ordered, a buyer pays no more than its limit and a seller gets no less, each Wh."""
    for venue in AUCTIONS:
        cleared = run.witness.clearings.get((venue, run.slot))
        for who, order in run.view.orders[venue].items():
            if not order[7] or not _is_kept(run):
                continue
            own = run.witness.orders[venue, run.slot, who]
            assert order[7] <= own.energy_wh
            assert (order[1], order[3], order[4]) == (own.side, own.tick, own.energy_wh)
            assert cleared is not None
            limit, price = own.limit(venue), cleared[0].bidPrice
            assert price <= limit if own.side == 0 else price >= limit, (venue, who)


@invariant
def i05_a_slot_has_the_price_of_its_rule(run: Run) -> None:
    """A slot is cleared once, at one price or at each order's own; payments, revenues and surplus are at that price."""
    seen = run.witness
    conditional.check_deal(run)
    for event in run.witness.news:
        args = event.args
        if event.name == "SlotCleared":
            (clearing,) = seen.clearings[event.contract, args["slot"]]
            is_own = event.contract == "open_auction" and clearing.volumeWh > 0
            assert clearing.atOwnPrice == is_own
            assert is_own or (clearing.bidPrice == clearing.askPrice and clearing.surplus == 0)
        if event.name == "SurplusPaid":
            (clearing,) = seen.clearings[event.contract, args["slot"]]
            assert seen.surpluses[event.contract, args["slot"]] == [clearing.surplus]
        if event.name == "PriceTaken":
            demand, supply = seen.announced[args["slot"]]
            assert args["price"] == TARIFF_RULES.price(supply, demand)
        if event.contract == "tariff" and event.name in ("TradeCollected", "TradeClosed"):
            _check_posted(run, event.name, args)
        if event.contract in AUCTIONS and event.name in ("TradeCollected", "TradeClosed"):
            _check_price(run, event.contract, event.name, args)


def _check_posted(run: Run, name: str, args: dict[str, Any]) -> None:
    own = run.witness.taken.get((args["slot"], args["participantId"]))
    if own is None:
        assert args.get("payment", 0) == args.get("revenue", 0) == 0
    elif name == "TradeClosed":
        assert args["revenue"] == payment_down(args["soldWh"], own.price)
        paid = run.witness.payments["tariff", args["slot"], args["participantId"]]
        assert sum(paid) == payment_up(args["boughtWh"], own.price)


def _check_price(run: Run, venue: str, name: str, args: dict[str, Any]) -> None:
    cleared = run.witness.clearings.get((venue, args["slot"]))
    price = cleared[0].bidPrice if cleared else 0
    if cleared and cleared[0].atOwnPrice:
        price = run.witness.orders[venue, args["slot"], args["participantId"]].limit(venue)
    if name == "TradeClosed":
        assert args["revenue"] == payment_down(args["soldWh"], price)
        paid = run.witness.payments[venue, args["slot"], args["participantId"]]
        assert sum(paid) == payment_up(args["boughtWh"], price)
    elif not price:
        assert args["payment"] == 0


@invariant
def i06_only_the_owner_or_a_matched_trade_lowers_a_balance(run: Run) -> None:
    """Every change of what somebody owns is one that it made itself, or follows from its own trade, bond or bill."""
    for who, after in run.after.accounts.items():
        before = run.before.accounts[who]
        flow = run.witness.flows.get(who, Flow())
        expected = flow.deposited - flow.withdrawn - flow.payment - flow.bond
        expected += flow.compensation + flow.revenue + flow.surplus - flow.billed
        if not any(run.model.joined.get((who, venue)) for venue in HOSTILE):
            assert after.wealth - before.wealth == expected, (who, before, after, flow)
        if flow.withdrawn:
            is_paid_out = run.step.function == "withdrawRevoked" and run.model.is_revoked(who)
            assert who in run.actors or is_paid_out, who
        if after.free < before.free:
            assert flow.withdrawn or (who in run.actors and run.step.function == "lock"), who
        for venue in MARGINED:
            if after.margins[venue] < before.margins[venue]:
                assert who in run.actors or _may_lose_margin(run, who), (who, venue)
    for event in run.witness.news:
        if event.name in ("CashedIn", "MessageBroadcast"):
            assert _is_signed(run, event.args["account"], run.step.args[-1]), event
        if event.name == "DealMade":
            sides = (event.args["buyer"], event.args["seller"])
            assert all(map(_is_signed, (run, run), sides, run.step.args[1:])), event


def _is_signed(run: Run, account: str, signature: Any) -> bool:
    """A one-time account speaks by its own key, in this very message."""
    return bool(run.stage.world.is_good(run.step, signature, account))


def _may_lose_margin(run: Run, who: int) -> bool:
    """An offer of its own was accepted, or it is no longer active and gets its margin back."""
    if run.step.function == "releaseMarginOf":
        return not run.before.accounts[who].is_active
    if run.step.function == "accept":
        talk = run.model.talks.negotiation(run.step.args[0])
        return who == talk.maker_id()
    if (run.step.contract, run.step.function) == ("conditional", "take"):
        return who == run.model.market.posted(run.step.args[0]).maker_id
    return False


@invariant
def i07_phases_only_move_forward(run: Run) -> None:
    """No phase comes back: not of a slot, not of a reading, not of a settlement; what is cleared is never void."""
    earlier = run.history.get(run.slot)
    if earlier is None:
        return
    for venue in AUCTIONS:
        was, now = earlier.phases[venue], run.view.phases[venue]
        assert was <= now, (venue, was, now)
        assert (was, now) != (Phase.CLEARED, Phase.VOID), venue
    assert run.view.is_final >= earlier.is_final
    assert run.view.board[0] >= earlier.board[0]
    if earlier.board[0] >= TariffPhase.TAKING:
        assert run.view.board[2:4] == earlier.board[2:4], "a posted price moved"
    for number, ends in run.witness.deal_ends.items():
        assert not ends or run.hidden.deals[number][0] == ends[0], number
    for who, settled in earlier.settled.items():
        assert run.view.settled[who] >= settled
        was, now = earlier.readings[who], run.view.readings[who]
        assert now[4] >= was[4]
        if was[4] and _is_kept(run):
            assert now[:6] == was[:6], (who, was, now)


@invariant
def i08_each_commitment_ends_once(run: Run) -> None:
    """A commitment ends in exactly one way: revealed, cancelled, forfeited or refunded."""
    for event in run.witness.news:
        if event.contract == "auction" and "slot" in event.args:
            for (venue, slot, who), endings in run.witness.endings.items():
                if (venue, slot) == ("auction", event.args["slot"]):
                    assert len(endings) <= 1, (slot, who, endings)


@invariant
def i09_everything_is_settled_once(run: Run) -> None:
    """Each bill is drawn up once, each trade collected and closed once, tags are minted and delivered once."""
    for event in run.witness.news:
        if event.name == "SlotSettled":
            key = event.args["slot"], event.args["participantId"]
            assert len(run.witness.bills[key]) == 1, key
        if event.name in ("TradeCollected", "TradeClosed"):
            trade = event.contract, event.args["slot"], event.args["participantId"]
            assert len(run.witness.payments[trade]) == 1, trade
            assert len(run.witness.closings.get(trade, ())) <= 1, trade
        if event.name == "DealEnded":
            assert len(run.witness.deal_ends[event.args["agreementId"]]) == 1, event
        if event.name == "TagsMinted":
            assert run.witness.mintings[event.args["slot"], event.args["participantId"]] == 1, event
        if event.name == "TagsDelivered":
            assert run.witness.deliveries[event.args["tradeId"]] == 1, event


@invariant
def i10_payout_depends_only_on_bids_and_readings(run: Run) -> None:
    """A clearing is the same in whatever order orders came, fills to 1 Wh; a bill follows from trades and reading."""
    for event in run.witness.news:
        if event.name == "SlotCleared":
            _check_any_order(run, event.contract, event.args["slot"])
        if event.name == "SlotSettled":
            _check_bill(run, event.args)


def _check_any_order(run: Run, venue: str, slot: int) -> None:
    arrivals = run.witness.arrivals.get((venue, slot), [])
    shuffled = run.dice.sample(arrivals, len(arrivals))
    opened = [(who, run.witness.opened[venue, slot, who]) for who in shuffled]
    book = clear_book(RULES[venue], [_booked(who, slot, order) for who, order in opened])
    found = run.witness.clearings[venue, slot][0]
    expected = book.clearing
    assert (found.bidPrice, found.volumeWh) == (expected.bid_price, expected.volume_wh)
    if slot == run.slot:
        for who in arrivals:
            fill = run.view.orders[venue][who][7]
            assert abs(fill - book.outcomes[who].filled_wh) <= 1, (venue, who)  # type: ignore[index]


def _booked(who: int, slot: int, order: OwnOrder) -> BookedOrder:
    booked = Order(
        participant_id=who,  # type: ignore[arg-type]
        slot=slot,  # type: ignore[arg-type]
        side=Side(order.side),
        tick=order.tick,
        energy_wh=Wh(order.energy_wh),
    )
    return BookedOrder(order=booked, bound=Money(order.bound))


def _check_bill(run: Run, args: dict[str, Any]) -> None:
    slot, who, bill = args["slot"], args["participantId"], args["bill"]
    lied_to = [v for v in HOSTILE if run.model.joined.get((who, v), slot) < slot]
    # What a venue says counts only if the grid operator accepted it.
    if any(venue in run.model.accepted_venues for venue in lied_to):
        return
    seen = run.witness
    closed = [seen.closings.get((venue, slot, who), []) for venue in MARGINED]
    bought = sum(entry[0] for trades in closed for entry in trades)
    sold = sum(entry[1] for trades in closed for entry in trades)
    agreed = seen.agreed.get((slot, who))
    if agreed is not None:
        ours = seen.closings["negotiation", slot, who]
        assert ours == [(agreed.bought_wh, agreed.sold_wh, agreed.revenue)], (slot, who)
    if (slot, who) in seen.hidden_trades:
        hidden = seen.hidden_trades[slot, who]
        ours = seen.closings["anonymous", slot, who]
        assert ours == [(hidden[0], hidden[1], hidden[3])], (slot, who)
    meter = seen.meter_in(who, slot)
    reading = seen.readings.get((meter, slot)) if meter else None
    # A later slot may have taken the place of a reading: then the default rule holds.
    if reading is not None and slot <= run.driver.now // CONFIG["slot_seconds"] - RING:
        return
    view = ReadingView(
        state=ReadingState.NONE if reading is None else ReadingState.RESOLVED,
        import_wh=Wh(reading[0] if reading else 0),
        export_wh=Wh(reading[1] if reading else 0),
        is_measured=reading is not None,
        is_fraud=who in run.view.readings and bool(run.view.readings[who][5]),
        capacity_wh=Wh(seen.meters[meter]["capacityWh"] if meter else 0),
    )
    penalty = Money(TERMS["fraud_penalty"])
    expected = bill_of(
        Trade(bought_wh=Wh(bought), sold_wh=Wh(sold)), view, TARIFF, fraud_penalty=penalty
    )
    for name in ("boughtWh", "soldWh", "importWh", "exportWh", "charge", "credit"):
        ours = getattr(expected, snake(name))
        assert getattr(bill, name) == ours, (slot, who, name, bill, expected)


@invariant
def i11_nobody_pays_more_than_agreed(run: Run) -> None:
    """A payment is at most what the buyer's own orders and agreements of the slot come to; a bond is the bond."""
    for event in run.witness.news:
        args = event.args
        if event.name == "BondForfeited":
            assert args["bond"] == CONFIG["auction"]["bond"]
            assert ("auction", args["slot"], args["participantId"]) not in run.witness.opened
        if event.name != "TradeCollected":
            continue
        slot, who = args["slot"], args["participantId"]
        if event.contract == "negotiation":
            assert args["payment"] == run.witness.agreed[slot, who].payment
        elif event.contract == "anonymous":
            assert args["payment"] == run.witness.hidden_trades[slot, who][2], who
        elif event.contract == "conditional":
            conditional.check_payment(run, args)
        elif event.contract == "tariff":
            taken = run.witness.taken.get((slot, who))
            most = payment_up(taken.energy_wh, taken.price) if taken and taken.side == 0 else 0
            assert args["payment"] <= most, who
        elif args["payment"]:
            own = run.witness.orders[event.contract, slot, who]
            cap = payment_up(own.energy_wh, own.limit(event.contract))
            assert own.side == 0, who
            assert args["payment"] <= min(cap, own.bound), who


@invariant
def i12_members_and_meters_match_one_to_one(run: Run) -> None:
    """One identity has one participant; in a slot each participant, device and serial number has one meter."""
    if not any(
        e.name in ("MeterBound", "MeterRetired", "ParticipantJoined") for e in run.outcome.events
    ):
        return
    assert all(count == 1 for count in run.witness.identities.values())
    meters = run.witness.meters.values()
    devices = [meter["deviceKey"] for meter in meters]
    assert len(devices) == len(set(devices))
    slot = run.driver.now // CONFIG["slot_seconds"] + 1
    valid = [m for m in meters if m["validFromSlot"] <= slot < m["validUntilSlot"]]
    for name in ("participantId", "meterId", "deviceKey"):
        values = [meter[name] for meter in valid]
        assert len(values) == len(set(values)), (name, valid)
    assert all(meter["capacityWh"] <= max(CAPACITY_WH, 2**32) for meter in valid)


@invariant
def i13_no_office_reaches_money(run: Run) -> None:
    """What governance or an authority does lowers nobody's balance, and none of its delays is shorter than a day."""
    delay = CONFIG["governance_delay"]
    for event in run.witness.news:
        if event.name == "VenueScheduled":
            assert event.args["activeFrom"] >= run.step.at + delay
        if event.name == "AuthorityScheduled" and event.args["activeFrom"] > run.step.at:
            assert (
                event.args["activeFrom"] >= run.step.at + delay
                or event.args["activeUntil"] <= event.args["activeFrom"]
            )
        if event.name == "DefaultAdminTransferScheduled":
            assert event.args["acceptSchedule"] >= run.step.at + delay
    if run.step.sender not in (*OFFICES, run.model.registry.governance):
        return
    if run.step.contract in OFFICE_CALLS or run.step.function in OFFICE_CALLS:
        for who, after in run.after.accounts.items():
            before = run.before.accounts[who]
            assert (after.free, after.guarantee) == (before.free, before.guarantee), who
            assert (after.collateral, after.margins) == (before.collateral, before.margins), who
        assert run.after.pools == run.before.pools
        assert run.after.tokens == run.before.tokens


@invariant
def i15_gas_stays_within_its_budget(run: Run) -> None:
    """No step costs more than its table says, however long the history is."""
    if run.outcome.gas:
        counts = [e.args["slotCount"] for e in run.outcome.events if "slotCount" in e.args]
        budget = budget_of(run.step, max(counts, default=1))
        assert run.outcome.gas <= budget, (run.step.function, run.outcome.gas, budget)


@invariant
def i16_the_chain_equals_the_reference(run: Run) -> None:
    """Every balance, and every record of the slot at hand, is what the references say."""
    expected = lens.expected_balances(run.model)
    if run.after.words != expected:
        pairs = enumerate(zip(run.after.words, expected, strict=True))
        wrong = [(lens.name_of_balance(at), a, b) for at, (a, b) in pairs if a != b]
        raise AssertionError(wrong)
    records = lens.expected_records(run.model, run.slot)
    if run.view.words != records:
        pairs = enumerate(zip(run.view.words, records, strict=True))
        wrong = [(lens.name_of_record(at), a, b) for at, (a, b) in pairs if a != b]
        raise AssertionError((run.slot, wrong))
    hidden = expected_hidden(run.model, run.slot)
    if run.hidden.words != hidden:
        pairs = enumerate(zip(run.hidden.words, hidden, strict=True))
        deals = len(run.model.hidden.deals)
        wrong = [(name_of_hidden(at, deals), a, b) for at, (a, b) in pairs if a != b]
        raise AssertionError((run.slot, wrong))
