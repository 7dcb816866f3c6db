"""A day of one-time accounts on the in-process EVM comes to what the rehearsal says, to the unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from setm.agents.types import Band, QuantityForecast
from setm.anonymous.envelopes import ENVELOPE_BYTES, opened
from setm.anonymous.escrow import Agreement
from setm.errors import MessageUnreadable
from setm.simulation.anonymous_talk import Accounts, Setting
from setm.slots import Slot
from setm.trading import Day, Market, Rules, Strategy, Trader
from setm.trading.anonymous import Anonymous
from setm.trading.negotiation import trade
from setm.types import Grid, GridTariff, Side, Trade
from setm.units import Money, Price, Wh
from tests.audit.anonymous.stage import FIRST_SLOT, MARGIN, NOTE, Stage, issuer, staged

TARIFF = GridTariff(retail_price=Price(55_500), feed_in_price=Price(30_000))
BANDS = {
    "alice": (34_000, 48_000),
    "bob": (36_000, 50_000),
    "carol": (40_000, 52_000),
    "dave": (41_000, 52_000),
}


def day(seed: int = 1, slots: int = 3) -> Day:
    """Two buyers and two sellers whose bands overlap."""
    grid = Grid(floor_price=Price(30_000), tick_size=Price(100))
    rules = Rules(
        tariff=TARIFF,
        cover_price=Price(55_500),
        tick_size=Price(100),
        max_rounds=8,
        offer_seconds=1800,
        gate_lead=1800,
        slot_seconds=900,
    )
    market = Market(
        grid=grid,
        tick_count=256,
        tariff=TARIFF,
        cover_price=Price(55_500),
        bond=Money(0),
        max_order_wh=Wh(10**6),
        gate_lead=1800,
        reveal_window=600,
        slot_seconds=900,
    )
    numbers = [Slot(FIRST_SLOT + i) for i in range(slots)]
    traders = [
        Trader(
            name=name,
            side=Side.ASK if name in ("carol", "dave") else Side.BID,
            band=Band(min_bid=Price(low), max_bid=Price(high)),
            strategy=Strategy(),
            forecasts={
                slot: QuantityForecast(mean_wh=e, lower_wh=0.5 * e, upper_wh=1.5 * e)
                for slot, e in zip(numbers, [3000.0 + 700 * i + 17 * seed] * slots, strict=True)
            },
            seed=seed,
        )
        for i, (name, (low, high)) in enumerate(BANDS.items())
    ]
    return Day(
        seed=seed, slots=numbers, slot_seconds=900, traders=traders, market=market, rules=rules
    )


@dataclass
class EvmRelay:
    """Brings everything to the in-process EVM; keeps what an observer sees."""

    stage: Stage
    envelopes: list[tuple[str, bytes]] = field(default_factory=list)

    def now(self) -> int:
        return self.stage.evm.now

    def buy_notes(self, name: str, blinded: Sequence[bytes]) -> int:
        person = self.stage.people[name]
        return int(self.stage.venue.send("buyNotes", list(blinded), sender=person).value)

    def issue(self, first_note_id: int, signatures: Sequence[bytes]) -> None:
        self.stage.notes.send("issue", self.stage.venue, first_note_id, list(signatures))

    def redeem(self, account: str, serial: bytes, signature: bytes) -> None:
        self.stage.venue.send("redeem", account, serial, signature)

    def broadcast(
        self, envelope: bytes, account: str, nonce: int, deadline: int, signature: bytes
    ) -> bytes:
        receipt = self.stage.venue.send("broadcast", envelope, account, nonce, deadline, signature)
        told = receipt.only("MessageBroadcast")
        self.envelopes.append((told["account"], told["envelope"]))
        return bytes(told["envelope"])

    def agree(self, agreed: Agreement, buyer_signature: bytes, seller_signature: bytes) -> None:
        self.stage.venue.send("agree", agreed, buyer_signature, seller_signature)

    def claim(self, name: str, agreement_id: bytes, is_buyer: bool, signature: bytes) -> None:
        person = self.stage.people[name]
        self.stage.venue.send("claim", agreement_id, is_buyer, signature, sender=person)

    def cash_in(
        self,
        account: str,
        participant_id: int,
        amount: int,
        nonce: int,
        deadline: int,
        signature: bytes,
    ) -> None:
        args = (account, participant_id, amount, nonce, deadline, signature)
        self.stage.venue.send("cashIn", *args)


def played(stage: Stage, planned: Day) -> tuple[Accounts, EvmRelay]:
    """Trade a day to the end of decisions."""
    setting = Setting(
        day=planned,
        place=stage.place,
        domain=stage.domain,
        issuer=issuer(),
        arbiter_id=stage.system.operator.id,
        secrets={name: stage._secret(person) for name, person in stage.people.items()},
        participant_ids={name: person.id for name, person in stage.people.items()},
    )
    relay = EvmRelay(stage)
    accounts = Accounts(setting, relay, NOTE)
    accounts.buy_all(Anonymous(denomination=Money(NOTE)).notes_per_slot(planned), lambda: None)
    for slot in planned.slots:
        accounts.announce(slot)
    trade(planned, accounts, lambda: None)
    for slot in planned.slots:
        stage.evm.now = slot * 900 - 1800
        accounts.claim_slot(slot)
    stage.evm.now = stage.config.decided_from(planned.slots[-1])
    return accounts, relay


def outcome_on_chain(stage: Stage, planned: Day) -> dict[Slot, dict[str, Trade]]:
    found: dict[Slot, dict[str, Trade]] = {}
    for slot in planned.slots:
        for name, person in stage.people.items():
            bought, sold, payment, revenue = stage.venue.tradeOf(slot, person.id)
            each = Trade(bought_wh=bought, sold_wh=sold, payment=payment, revenue=revenue)
            if each != Trade():
                found.setdefault(slot, {})[name] = each
    return found


@pytest.mark.parametrize("seed", range(3))
def test_a_rehearsal_comes_to_what_one_time_accounts_come_to(seed: int) -> None:
    stage, planned = staged().reset(), day(seed)
    accounts, _ = played(stage, planned)
    found, rehearsed = outcome_on_chain(stage, planned), Anonymous().rehearse(planned)
    assert found == {slot: dict(trades) for slot, trades in rehearsed.items()}
    assert len(accounts.deals) >= len(planned.slots)


def test_what_is_left_goes_home_and_only_what_was_traded_stays_bound() -> None:
    stage, planned = staged().reset(), day()
    accounts, _ = played(stage, planned)
    accounts.cash_in_all()
    assert stage.house.poolOf(stage.venue) == 0
    for slot in planned.slots:
        for name in BANDS:
            account = accounts.setting.account(name, slot)
            assert stage.venue.accountBalance(account) == 0
    for person in stage.people.values():
        bound = sum(stage.venue.boundOf(slot, person.id) for slot in planned.slots)
        assert stage.venue.marginOf(person.id) + bound == MARGIN


def test_an_observer_sees_envelopes_of_one_length_that_only_the_addressee_opens() -> None:
    stage, planned = staged().reset(), day()
    accounts, relay = played(stage, planned)
    assert {len(envelope) for _, envelope in relay.envelopes} == {ENVELOPE_BYTES}
    keys = [accounts.setting.account(name, slot) for name in BANDS for slot in planned.slots]
    read_by = {}
    for number, (sender, envelope) in enumerate(relay.envelopes):
        for key in keys:
            try:
                opened(key, envelope)
            except MessageUnreadable:
                continue
            read_by.setdefault(number, []).append((sender, key.address))
    notices = len(BANDS) * len(planned.slots)
    assert len(read_by) == len(relay.envelopes) - notices
    assert all(len(readers) == 1 for readers in read_by.values())
    assert all(sender != reader for ((sender, reader),) in read_by.values())


def test_before_claims_no_event_names_a_participant_beside_an_account() -> None:
    stage, planned = staged().reset(), day(slots=1)
    seen: list[Any] = []
    send_raw = stage.evm.send_raw

    def spying(*args: Any, **options: Any) -> Any:
        answer = send_raw(*args, **options)
        seen.extend(answer[2])
        return answer

    stage.evm.send_raw = spying  # type: ignore[method-assign]
    try:
        played(stage, planned)
    finally:
        stage.evm.send_raw = send_raw  # type: ignore[method-assign]
    first_claim = next(i for i, event in enumerate(seen) if event.name == "DealClaimed")
    for event in seen[:first_claim]:
        names = set(event.args)
        assert not (names & {"participantId"} and names & {"account", "buyer", "seller"}), event


def test_everybody_buys_the_same_number_of_notes() -> None:
    planned, engine = day(), Anonymous()
    assert len({engine.margin(trader, planned) for trader in planned.traders}) == 1
