"""No single party keeps the records: whoever has the events of the chain has the whole report.

The day of test_whole_day.py is read back as events, written into a run's folder, and folded without the chain.
"""

import json
from types import SimpleNamespace

import brownie
import pytest

from setm.chain.events import read_events, write_events
from setm.errors import RunError
from setm.report.fold import fold
from setm.report.records import EVERYWHERE
from setm.report.run import read_run
from setm.types import Kind
from tests.contracts.integration.day import AUCTION, TRADERS, VOID, bill, book, expected

SLOTS = range(4)


@pytest.fixture(scope="module")
def folder(day, tmp_path_factory):
    """What a run of this day would leave behind."""
    root = tmp_path_factory.mktemp("run")
    system, people = day.people.system, day.people
    (root / "day").mkdir()
    write_events(read_events(brownie.web3, system.addresses()), root / "day" / "events.jsonl")
    write(
        root / "day" / "deployment.json", {"contracts": system.addresses(), "config": people.config}
    )
    write(
        root / "day" / "transactions.jsonl",
        {**dict.fromkeys(TRANSACTION, 0), "ok": True, "action": ""},
    )
    write(root / "run.json", {**dict.fromkeys(RUN, ""), "slot_seconds": 900, "mechanisms": ["day"]})
    write(root / "participants.json", [person(people, name) for name in ("operator", *TRADERS)])
    for name in ("forecasts", "backtest"):
        write(root / f"{name}.json", [])
    (root / "scenario.yaml").write_text("")
    return root


RUN = ("name", "seed", "day", "scenario_sha256")
TRANSACTION = ("tx_hash", "block", "timestamp", "sender", "participant", "contract", "gas_used")


def write(path, value):
    path.write_text(json.dumps(value) + "\n")


def person(people, name):
    return {
        "name": name,
        "participant_id": people.ids[name],
        "kind": int(Kind.PROSUMER),
        "device": "",
        "zone": 1,
        "account": people.accounts[name].address,
        "meter": people.meters.get(name),
    }


@pytest.fixture(scope="module")
def folded(folder):
    return fold(read_run(folder).mechanism("day"))


def rows(folded, table):
    return {
        (row["slot"], row["participant"]): SimpleNamespace(**row)
        for row in folded.tables[table].to_dicts()
    }


def test_every_balance_is_that_of_the_clearinghouse(day, folded):
    names = {number: name for name, number in day.people.ids.items()}
    money = folded.money
    rebuilt = {("free", names[number]): amount for number, amount in money.free.items()}
    rebuilt |= {
        (venue, names[number]): amount for (venue, number), amount in money.collateral.items()
    }
    rebuilt |= {("pool", venue): amount for venue, amount in money.pools.items()}
    assert nonzero(rebuilt) == nonzero(day.people.balances())
    assert money.held == day.people.system.clearinghouse.held()


def nonzero(balances):
    return {key: amount for key, amount in balances.items() if amount}


def test_every_clearing_and_every_fill_is_that_of_the_auction(day, folded):
    auction = day.people.system.auction
    for slot in AUCTION:
        found = folded.clearings.get(("auction", EVERYWHERE, day.first + slot))
        if slot in VOID:
            assert found is None
        else:
            assert found.clearing == book(day, slot).clearing
    for order in folded.orders:
        filled = auction.fillOf(order.slot, order.participant_id)
        assert (order.filled_wh or 0) == filled


def test_every_position_is_that_of_the_venues(day, folded):
    system = day.people.system
    found = {}
    for trade in folded.trades:
        key = trade.venue, trade.slot, trade.participant_id
        bought, sold, payment, revenue = found.get(key, (0, 0, 0, 0))
        if trade.side == 0:
            found[key] = bought + trade.energy_wh, sold, payment + trade.amount, revenue
        else:
            found[key] = bought, sold + trade.energy_wh, payment, revenue + trade.amount
    for venue in ("auction", "negotiation"):
        for slot in SLOTS:
            for name in TRADERS:
                key = venue, day.first + slot, day.people.ids[name]
                on_chain = getattr(system, venue).tradeOf(*key[1:])
                assert tuple(on_chain) == found.get(key, (0, 0, 0, 0)), key


def test_every_reading_is_that_of_the_meter_registry(day, folded):
    meters = day.people.system.meters
    for slot in SLOTS:
        for name in TRADERS:
            number = day.people.ids[name]
            on_chain = meters.readingOf(number, day.first + slot)
            found = folded.readings.get((day.first + slot, number))
            assert (found is not None) == on_chain[3]
            if found is not None:
                assert (found.import_wh, found.export_wh) == (on_chain[1], on_chain[2])


@pytest.mark.parametrize("slot", SLOTS)
def test_every_bill_is_that_of_the_reference(day, folded, slot):
    traded, _, _ = expected(day)
    payments = rows(folded, "payments")
    for name in TRADERS:
        bought_wh, sold_wh = traded[slot, name]
        found, known = payments[day.first + slot, name], bill(day, slot, name, bought_wh, sold_wh)
        assert (found.bought_wh, found.sold_wh) == (bought_wh, sold_wh)
        assert (found.import_wh, found.export_wh) == (known.import_wh, known.export_wh)
        assert (found.grid_bought_wh, found.grid_sold_wh) == (
            known.grid_bought_wh,
            known.grid_sold_wh,
        )
        assert (found.charge_micro_eur, found.credit_micro_eur) == (known.charge, known.credit)


def test_arrears_are_those_of_settlement(day, folded):
    settlement = day.people.system.settlement
    for name in TRADERS:
        number = day.people.ids[name]
        assert folded.money.arrears[number] == settlement.arrearsOf(number)


# Whoever leaves out one of these would change a balance, a trade or a bill.
TELLING_EVENTS = (
    "Deposited",
    "Withdrawn",
    "CollateralLocked",
    "CollateralReleased",
    "Closed",
    "OrdersOpened",
    "SlotCleared",
    "AgreementReached",
    "BondForfeited",
    "CompensationPaid",
    "TradeCollected",
    "TradeClosed",
    "ReadingsPosted",
    "SlotSettled",
)


@pytest.mark.parametrize("name", TELLING_EVENTS)
def test_a_record_without_one_of_its_events_is_refused(folder, tmp_path, name):
    assert_refused(folder, tmp_path, lambda lines: without_first(lines, name))


def without_first(lines, name):
    place = min(at for at, line in enumerate(lines) if json.loads(line)["event"] == name)
    return lines[:place] + lines[place + 1 :]


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("Deposited", "amount"),
        ("Closed", "charged"),
        ("TradeCollected", "payment"),
        ("TradeClosed", "revenue"),
    ],
)
def test_a_record_with_one_amount_changed_is_refused(folder, tmp_path, name, argument):
    def changed(lines):
        place = max(
            at
            for at, line in enumerate(lines)
            if json.loads(line)["event"] == name and json.loads(line)["args"][argument]
        )
        record = json.loads(lines[place])
        record["args"][argument] += 1
        return [*lines[:place], json.dumps(record), *lines[place + 1 :]]

    assert_refused(folder, tmp_path, changed)


def assert_refused(folder, tmp_path, change):
    run = read_run(folder)
    for path in folder.rglob("*"):
        if path.is_file():
            target = tmp_path / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(path.read_text())
    events = tmp_path / "day" / "events.jsonl"
    events.write_text("\n".join(change(events.read_text().splitlines())) + "\n")
    assert len(run.mechanism("day").events) > 0
    with pytest.raises(RunError):
        fold(read_run(tmp_path).mechanism("day"))
