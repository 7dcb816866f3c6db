"""A small run folder, written without a chain: a market that emits what the contracts would emit.

Money moves as in contracts/settlement/Settlement.sol: trades first, then guarantee, the rest becomes arrears.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from setm.types import Side
from setm.units import payment_down, payment_up

SLOT_SECONDS = 900
FIRST_SLOT = 1_780_300_800 // SLOT_SECONDS  # 2026-06-01 08:00 UTC
CONTRACTS = {
    role: f"0x{number:040X}"
    for number, role in enumerate(
        (
            "token",
            "registry",
            "clearinghouse",
            "meters",
            "settlement",
            "rule",
            "auction",
            "negotiation",
        ),
        start=0xA1,
    )
}
CONFIG = {
    "slot_seconds": SLOT_SECONDS,
    "settlement": {
        "retail_price": 55_500,
        "feed_in_price": 30_000,
        "fraud_penalty": 5_000_000,
        "release_delay": 172_800,
    },
    "auction": {"floor_price": 30_000, "tick_size": 100, "tick_count": 256, "bond": 100_000},
    "negotiation": {"floor_price": 30_000, "cap_price": 55_500},
}
RETAIL, FEED_IN = 55_500, 30_000
ZERO = "0x" + "0" * 40


@dataclass(frozen=True)
class Person:
    """A participant of the small run; a profile in Wh per slot at the middle of the run."""

    participant_id: int
    name: str
    kind: int
    device: str
    low: int | None
    high: int | None
    load: int = 0
    sun: int = 0


PEOPLE = (
    Person(1, "grid operator", 5, "", None, None),
    Person(2, "home <solar>", 1, "home solar system", 34_000, 46_000, load=800, sun=300),
    Person(3, "office", 1, "office", 38_000, 48_000, load=1500),
    Person(4, "factory", 2, "factory", 36_000, 50_000, load=5200),
    Person(5, "solar park", 3, "solar system", 40_000, 52_000, load=0, sun=5000),
)
TRADERS = PEOPLE[1:]


def price_of(tick: int) -> int:
    """Return the price of a tick."""
    return 30_000 + 100 * tick


def clear(orders: list[tuple[int, Side, int, int]]) -> dict[str, int]:
    """Return the clearing of (participant, side, tick, Wh) by brute force over single Wh blocks of each tick."""
    ladder: dict[Side, dict[int, int]] = {Side.BID: defaultdict(int), Side.ASK: defaultdict(int)}
    for _, side, tick, energy in orders:
        ladder[side][tick] += energy
    bids = sorted(ladder[Side.BID].items(), reverse=True)
    asks = sorted(ladder[Side.ASK].items())
    best = 0
    for tick in range(256):
        demand = sum(energy for at, energy in bids if at >= tick)
        supply = sum(energy for at, energy in asks if at <= tick)
        best = max(best, min(demand, supply))
    names = ("MarginTick", "MarginWh", "MarginFilledWh")
    result = {"bidPrice": 0, "askPrice": 0, "volumeWh": best, "atOwnPrice": False, "surplus": 0}
    for prefix, side in (("bid", bids), ("ask", asks)):
        left, margin = best, (0, 0, 0)
        for tick, energy in side:
            if left > 0:
                margin = (tick, energy, min(left, energy))
                left -= margin[2]
        result |= {prefix + name: value for name, value in zip(names, margin, strict=True)}
    if best:
        ticks = result["bidMarginTick"] + result["askMarginTick"]
        result["bidPrice"] = result["askPrice"] = 30_000 + ticks * 100 // 2
    return result


@dataclass
class Market:
    """One mechanism's chain: emits events and keeps guarantee and arrears like Settlement does."""

    mechanism: str
    events: list[dict[str, Any]] = field(default_factory=list)
    transactions: list[dict[str, Any]] = field(default_factory=list)
    guarantee: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    arrears: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    now: int = FIRST_SLOT * SLOT_SECONDS - 86_400
    block: int = 10

    def tx(self, action: str, contract: str, participant: str, gas: int = 60_000) -> None:
        """Begin a transaction; what is emitted next belongs to it."""
        self.block += 1
        self.now += 1
        self.transactions.append(
            {
                "tx_hash": self.tx_hash,
                "block": self.block,
                "timestamp": self.now,
                "sender": ZERO,
                "participant": participant,
                "action": action,
                "contract": contract,
                "gas_used": gas + self.block % 100,
                "ok": True,
            }
        )

    @property
    def tx_hash(self) -> str:
        """Hash of the current transaction."""
        return f"0x{self.block:064x}"

    def emit(self, contract: str, name: str, **args: Any) -> None:
        """Log an event."""
        same_block = [event for event in self.events[-50:] if event["block"] == self.block]
        self.events.append(
            {
                "block": self.block,
                "timestamp": self.now,
                "tx_hash": self.tx_hash,
                "log_index": len(same_block),
                "contract": contract,
                "event": name,
                "args": args,
            }
        )

    def moved(
        self, venue: str, who: int, heir: str, charged: int, released: int, paid: int
    ) -> None:
        """Log a movement between collateral, pool and balance."""
        if charged + released + paid == 0:
            return
        self.emit(
            "clearinghouse",
            "Closed",
            participantId=who,
            venue=CONTRACTS[venue],
            heir=CONTRACTS[heir] if heir else ZERO,
            charged=charged,
            released=released,
            paid=paid,
        )

    def enrol(self) -> None:
        """Let everybody join, bind a meter, deposit and lock collateral."""
        for person in PEOPLE:
            who = person.participant_id
            self.tx("join", "registry", person.name, 170_000)
            self.emit(
                "registry",
                "ParticipantJoined",
                participantId=who,
                account=f"0x{who:040x}",
                authority=ZERO,
                kind=person.kind,
                deviceClass=0,
                zone=1,
                identityCommitment="0x" + "11" * 32,
                validUntil=2_000_000_000,
            )
            if who > 1:
                self.emit(
                    "meters",
                    "MeterBound",
                    meter=who - 1,
                    participantId=who,
                    authority=ZERO,
                    meterId="0x" + "22" * 32,
                    deviceKey=ZERO,
                    capacityWh=20_000,
                    validFromSlot=0,
                    validUntilSlot=4_000_000_000,
                )
            # The office guarantees too little: it runs into arrears.
            guarantee = 5_000 if person.name == "office" else 10_000_000
            self.guarantee[who] = guarantee
            locks = {"settlement": guarantee, self.mechanism: 50_000_000}
            self.tx("deposit", "clearinghouse", person.name, 90_000)
            self.emit(
                "clearinghouse",
                "Deposited",
                participantId=who,
                payer=f"0x{who:040x}",
                amount=100_000_000,
            )
            self.emit(
                "token",
                "Transfer",
                **{"from": f"0x{who:040x}", "to": CONTRACTS["clearinghouse"], "value": 100_000_000},
            )
            for venue, amount in locks.items():
                self.tx("lock", "clearinghouse", person.name, 55_000)
                self.emit(
                    "clearinghouse",
                    "CollateralLocked",
                    participantId=who,
                    venue=CONTRACTS[venue],
                    amount=amount,
                )

    def auction(self, slot: int, wants: list[tuple[int, Side, int, int]]) -> list[tuple[Any, ...]]:
        """Trade (participant, side, tick, Wh) of one slot; in the third slot the office does not open its order."""
        for who, side, _, _ in wants:
            self.tx("commit", "auction", name_of(who), 38_000)
            self.emit(
                "auction",
                "OrderCommitted",
                slot=slot,
                participantId=who,
                side=int(side),
                bound=1_000_000,
                digest="0x" + "33" * 32,
            )
        silent = 3 if slot == FIRST_SLOT + 2 else 0
        opened = [order for order in wants if order[0] != silent]
        self.tx("open", "auction", "anyone", 80_000)
        words = [
            who << 128 | int(side) << 112 | tick << 96 | 1_000_000 << 48 | energy
            for who, side, tick, energy in opened
        ]
        self.emit("auction", "OrdersOpened", slot=slot, orders=words)
        clearing = clear(opened)
        self.tx("clear", "auction", "anyone", 210_000)
        self.emit("auction", "SlotCleared", slot=slot, clearer=ZERO, clearing=clearing)
        if silent:
            self._forfeit(slot, silent, opened)
        trades: list[tuple[Any, ...]] = []
        ahead: dict[tuple[Side, int], int] = defaultdict(int)
        for who, side, tick, energy in opened:
            prefix = "bid" if side is Side.BID else "ask"
            margin, total, filled = (
                clearing[prefix + name] for name in ("MarginTick", "MarginWh", "MarginFilledWh")
            )
            before = ahead[side, tick]
            ahead[side, tick] += energy
            better = tick > margin if side is Side.BID else tick < margin
            fill = 0
            if clearing["volumeWh"] and better:
                fill = energy
            elif clearing["volumeWh"] and tick == margin:
                fill = (before + energy) * filled // total - before * filled // total
            if fill:
                pay = payment_up if side is Side.BID else payment_down
                trades.append((who, side, fill, pay(fill, clearing["bidPrice"])))
        return trades

    def _forfeit(self, slot: int, silent: int, opened: list[tuple[int, Side, int, int]]) -> None:
        self.tx("forfeit", "auction", "anyone", 70_000)
        self.emit(
            "auction",
            "BondForfeited",
            slot=slot,
            participantId=silent,
            side=0,
            bond=100_000,
            unbound=900_000,
        )
        self.moved("auction", silent, "", 100_000, 0, 0)
        asks = [(who, energy) for who, side, _, energy in opened if side is Side.ASK]
        total = sum(energy for _, energy in asks)
        for who, energy in asks:
            share = 100_000 * energy // total
            self.tx("compensate", "auction", name_of(who), 60_000)
            self.emit("auction", "CompensationPaid", slot=slot, participantId=who, amount=share)
            self.moved("auction", who, "auction", 0, 0, share)

    def negotiate(
        self, number: int, slot: int, bid: tuple[int, int], ask: tuple[int, int], energy: int
    ) -> list[tuple[Any, ...]]:
        """Let (participant, reservation price) of both sides concede round by round; return the trades."""
        buyer, highest = bid
        seller, lowest = ask
        rounds, talk = 8, {"negotiationId": number, "buyerId": buyer, "sellerId": seller}
        previous = 0
        for turn in range(1, rounds + 1):
            share = (turn / rounds) ** 1.5
            by_buyer = turn % 2 == 1
            low, high = highest - 9_000, lowest + 9_000
            price = round(low + share * 9_000) if by_buyer else round(high - share * 9_000)
            self.tx("offer" if turn == 1 else "counter", "negotiation", name_of(buyer), 64_000)
            if previous and (price >= previous if by_buyer else price <= previous):
                self.emit(
                    "negotiation",
                    "AgreementReached",
                    **talk,
                    firstSlot=slot,
                    slotCount=1,
                    energyWh=energy,
                    price=previous,
                    digest="0x" + "00" * 32,
                )
                self.transactions[-1]["action"] = "accept"
                return [
                    (buyer, Side.BID, energy, payment_up(energy, previous)),
                    (seller, Side.ASK, energy, payment_down(energy, previous)),
                ]
            self.emit(
                "negotiation",
                "OfferMade",
                **talk,
                byBuyer=by_buyer,
                round=turn,
                firstSlot=slot,
                slotCount=1,
                energyWh=energy,
                price=price,
                expiresAt=self.now + 600,
            )
            previous = price
        self.tx("reject", "negotiation", name_of(buyer), 40_000)
        self.emit(
            "negotiation", "NegotiationEnded", negotiationId=number, byParticipantId=buyer, state=3
        )
        return []

    def settle(
        self, slot: int, trades: list[tuple[Any, ...]], measured: dict[int, tuple[int, int]]
    ) -> None:
        """Post the readings and settle everybody; the factory's meter is silent in the fourth slot."""
        silent = 4 if slot == FIRST_SLOT + 3 else 0
        self.tx("post readings", "meters", "anyone", 60_000)
        self.emit(
            "meters",
            "ReadingsPosted",
            poster=ZERO,
            readings=[
                (who - 1) << 96 | slot << 64 | taken << 32 | fed
                for who, (taken, fed) in measured.items()
                if who != silent
            ],
        )
        self.tx("settle", "settlement", "anyone", 300_000)
        for who, side, _, amount in trades:
            payment = amount if side is Side.BID else 0
            self.emit(
                self.mechanism,
                "TradeCollected",
                slot=slot,
                participantId=who,
                payment=payment,
                unbound=0,
            )
            self.moved(self.mechanism, who, "", payment, 0, 0)
        dues, received, wanted = {}, 0, 0
        for who, (taken, fed) in measured.items():
            own = [trade for trade in trades if trade[0] == who]
            bought = sum(energy for _, side, energy, _ in own if side is Side.BID)
            sold = sum(energy for _, side, energy, _ in own if side is Side.ASK)
            revenue = sum(amount for _, side, _, amount in own if side is Side.ASK)
            cover = 1000 if sold else 0
            if own:
                self.emit(
                    self.mechanism,
                    "TradeClosed",
                    slot=slot,
                    participantId=who,
                    boughtWh=bought,
                    soldWh=sold,
                    revenue=revenue,
                )
            self.moved(self.mechanism, who, "settlement", 0, cover, revenue)
            if who == silent:
                taken, fed = max(bought, 10_000), 0
            grid_bought = max(taken - bought, 0) + max(sold - fed, 0)
            grid_sold = max(bought - taken, 0) + max(fed - sold, 0)
            bill = {
                "boughtWh": bought,
                "soldWh": sold,
                "importWh": taken,
                "exportWh": fed,
                "gridBoughtWh": grid_bought,
                "gridSoldWh": grid_sold,
                "tradeCredit": revenue + cover,
                "charge": payment_up(grid_bought, RETAIL),
                "credit": payment_down(grid_sold, FEED_IN),
            }
            due = self.arrears[who] + bill["charge"] - bill["credit"]
            dues[who] = (due, bill)
            if due < 0:
                wanted -= due
                continue
            paid = min(due, bill["tradeCredit"] + self.guarantee[who])
            from_trades = min(paid, bill["tradeCredit"])
            self.guarantee[who] -= paid - from_trades
            self._settled(slot, who, bill, who != silent, due - paid)
            self.moved("settlement", who, "", paid, bill["tradeCredit"] - from_trades, 0)
            received += paid
        available = min(wanted, received + self.guarantee[1])
        self.guarantee[1] += received - available
        if received > available:
            self.moved("settlement", 1, "settlement", 0, 0, received - available)
        else:
            self.moved("settlement", 1, "", available - received, 0, 0)
        for who, (due, bill) in dues.items():
            if due < 0:
                paid = min(-due, available)
                available -= paid
                self._settled(slot, who, bill, who != silent, due + paid)
                self.moved("settlement", who, "", 0, bill["tradeCredit"], paid)

    def _settled(
        self, slot: int, who: int, bill: dict[str, int], is_measured: bool, arrears: int
    ) -> None:
        change = arrears - self.arrears[who]
        self.arrears[who] = arrears
        self.emit(
            "settlement",
            "SlotSettled",
            slot=slot,
            participantId=who,
            bill=bill,
            isMeasured=is_measured,
            arrearsChange=change,
        )


def name_of(who: int) -> str:
    """Return a participant's name."""
    return PEOPLE[who - 1].name


def write_run(folder: Path, slot_count: int = 12, seed: int = 7) -> Path:
    """Write a whole run folder; the same seed gives the same trades."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    markets = {name: Market(name) for name in ("negotiation", "auction")}
    for market in markets.values():
        market.enrol()
    forecasts = []
    number = 0
    for index in range(slot_count):
        slot = FIRST_SLOT + index
        shape = math.sin(math.pi * (index + 0.5) / slot_count)
        expected: dict[int, tuple[int, int]] = {}
        measured: dict[int, tuple[int, int]] = {}
        for person in TRADERS:
            level = person.load * (0.7 + 0.3 * shape) - person.sun * shape
            taken, fed = max(round(level), 0), max(round(-level), 0)
            expected[person.participant_id] = (taken, fed)
            noise = 1 + rng.normal(0, 0.08)
            measured[person.participant_id] = (round(taken * noise), round(fed * noise))
            for quantity, value in (("import", taken), ("export", fed)):
                forecasts.append(
                    {
                        "participant": person.name,
                        "slot": slot,
                        "quantity": quantity,
                        "mean_wh": float(value),
                        "lower_wh": value * 0.85,
                        "upper_wh": value * 1.15,
                        "level": 0.9,
                        "model": "seasonal naive",
                    }
                )
        wants = []
        for person in TRADERS:
            taken, fed = expected[person.participant_id]
            low, high = person.low or 0, person.high or 0
            tick = int(rng.integers((low - 30_000) // 100, (high - 30_000) // 100 + 1))
            if index == 5:
                tick = 120  # everybody at one tick: rationed
            if taken:
                wants.append((person.participant_id, Side.BID, tick, taken))
            if fed:
                wants.append((person.participant_id, Side.ASK, tick, fed))
        cleared = markets["auction"].auction(slot, wants)
        markets["auction"].settle(slot, cleared, measured)

        agreed: list[tuple[Any, ...]] = []
        seller_wh = expected[5][1]
        for person in TRADERS[:-1]:
            energy = min(expected[person.participant_id][0], seller_wh)
            if energy and seller_wh:
                number += 1
                new = markets["negotiation"].negotiate(
                    number, slot, (person.participant_id, person.high or 0), (5, 40_000), energy
                )
                agreed += new
                seller_wh -= energy if new else 0
        markets["negotiation"].settle(slot, agreed, measured)
    for name, market in markets.items():
        _write_market(folder / name, market)
    _write_private(folder, forecasts, seed)
    return folder


def _write_market(folder: Path, market: Market) -> None:
    folder.mkdir(exist_ok=True)
    deployment = {"chain_id": 1337, "contracts": CONTRACTS, "config": CONFIG}
    (folder / "deployment.json").write_text(json.dumps(deployment))
    for name, records in (("events", market.events), ("transactions", market.transactions)):
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (folder / f"{name}.jsonl").write_text(lines)


def _write_private(folder: Path, forecasts: list[dict[str, Any]], seed: int) -> None:
    (folder / "scenario.yaml").write_text(f"name: small\nseed: {seed}\n")
    info = {
        "name": "small",
        "seed": seed,
        "slot_seconds": SLOT_SECONDS,
        "day": "2026-06-01",
        "created_at": "2026-07-01T10:00:00+00:00",
        "network": "ganache",
        "scenario_sha256": "ab" * 32,
        "mechanisms": ["negotiation", "auction"],
        "chosen_slot": FIRST_SLOT + 5,
        "versions": {"setm": "0.1.0"},
        "seconds": {"trade": 1.5},
    }
    participants = [
        {
            "name": person.name,
            "participant_id": person.participant_id,
            "kind": person.kind,
            "device": person.device,
            "zone": 1,
            "account": f"0x{person.participant_id:040x}",
            "meter": person.participant_id - 1 if person.participant_id > 1 else None,
            "days_for_forecasting": 9,
            "min_bid_price": person.low,
            "max_bid_price": person.high,
        }
        for person in PEOPLE
    ]
    backtest = [
        {
            "participant": person.name,
            "quantity": "export" if person.sun > person.load else "import",
            "model": model,
            "model_used": "lightgbm" if model == "auto" else model,
            "origins": 7,
            "mae_wh": 41.5,
            "mase": float("nan") if person.name == "office" else 0.93,
            "pinball_wh": 18.2,
            "coverage": 0.88,
        }
        for person in TRADERS
        for model in ("seasonal naive", "auto")
    ]
    contents = {
        "run": info,
        "participants": participants,
        "forecasts": forecasts,
        "backtest": backtest,
    }
    for name, content in contents.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
