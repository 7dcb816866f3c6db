"""The machine's own records: what participants did and what events said, without a look at contract or reference.

Invariants that speak of slots, orders and payments follow from these, so that a contract that is wrong about itself,
and a reference that is wrong in the same way, are still found out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from setm.units import payment_down, payment_up
from tests.audit.machine.steps import Outcome, Seal, Seen, Step, snake
from tests.audit.machine.witness_anonymous import HiddenWitness
from tests.audit.machine.world import AUCTIONS, CONFIG, OPERATOR_ID

Key = tuple[str, int, int]
MARGINED = (*AUCTIONS, "negotiation", "tariff", "conditional", "anonymous")


class OwnOrder(NamedTuple):
    """An order as its participant made it, and what it bound."""

    side: int
    tick: int
    energy_wh: int
    bound: int

    def limit(self, venue: str) -> int:
        """Return its limit, 0.001 EUR/MWh."""
        config = CONFIG[venue]
        return int(config["floor_price"]) + self.tick * int(config["tick_size"])


@dataclass(slots=True)
class Agreed:
    """All agreements of a participant in a slot."""

    bought_wh: int = 0
    sold_wh: int = 0
    payment: int = 0
    revenue: int = 0


class Taken(NamedTuple):
    """What a participant took of a tariff, and at which price."""

    side: int
    energy_wh: int
    price: int


class Flow(NamedTuple):
    """Money of one participant in one step, by its cause."""

    deposited: int = 0
    withdrawn: int = 0
    payment: int = 0
    bond: int = 0
    compensation: int = 0
    revenue: int = 0
    surplus: int = 0
    billed: int = 0


@dataclass
class Witness(HiddenWitness):
    """Everything that was seen in a run."""

    paid_in: int = 0
    paid_out: int = 0
    donated: int = 0
    pools: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))
    orders: dict[Key, OwnOrder] = field(default_factory=dict)
    endings: dict[Key, list[str]] = field(default_factory=dict)
    opened: dict[Key, OwnOrder] = field(default_factory=dict)
    arrivals: dict[tuple[str, int], list[int]] = field(default_factory=lambda: defaultdict(list))
    clearings: dict[tuple[str, int], list[Any]] = field(default_factory=lambda: defaultdict(list))
    surpluses: dict[tuple[str, int], list[int]] = field(default_factory=lambda: defaultdict(list))
    payments: dict[Key, list[int]] = field(default_factory=lambda: defaultdict(list))
    closings: dict[Key, list[tuple[int, int, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    agreed: dict[tuple[int, int], Agreed] = field(default_factory=lambda: defaultdict(Agreed))
    dealt: dict[tuple[int, int], Agreed] = field(default_factory=lambda: defaultdict(Agreed))
    posted: dict[int, Any] = field(default_factory=dict)
    taken_of: Counter[int] = field(default_factory=Counter)
    owed_of: Counter[int] = field(default_factory=Counter)
    mintings: Counter[tuple[int, int]] = field(default_factory=Counter)
    deliveries: Counter[int] = field(default_factory=Counter)
    taken: dict[tuple[int, int], Taken] = field(default_factory=dict)
    announced: dict[int, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    readings: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    frauds: set[tuple[int, int]] = field(default_factory=set)
    meters: dict[int, dict[str, Any]] = field(default_factory=dict)
    identities: Counter[bytes] = field(default_factory=Counter)
    bills: dict[tuple[int, int], list[Any]] = field(default_factory=lambda: defaultdict(list))
    flows: dict[int, Flow] = field(default_factory=dict)
    news: tuple[Seen, ...] = ()
    step: Step | None = None

    def note(self, step: Step, outcome: Outcome) -> None:
        """Take down one step and what it did."""
        self.news = outcome.events if not outcome.error else ()
        self.flows = {}
        if outcome.error:
            return
        self.step = step
        to_house = step.contract == "token" and step.args and step.args[-2:-1] == ("house",)
        if to_house and step.function in ("transfer", "transferFrom", "mint"):
            self.donated += step.args[-1]
        for event in self.news:
            known = getattr(self, f"on_{snake(event.name)}", None)
            if known is not None:
                known(event, event.args)

    def _flow(self, who: int, **amounts: int) -> None:
        flow = self.flows.get(who, Flow())
        grown = {name: getattr(flow, name) + amount for name, amount in amounts.items()}
        self.flows[who] = flow._replace(**grown)

    # Money

    def on_deposited(self, event: Seen, args: dict[str, Any]) -> None:
        self.paid_in += args["amount"]
        self._flow(args["participantId"], deposited=args["amount"])

    def on_withdrawn(self, event: Seen, args: dict[str, Any]) -> None:
        self.paid_out += args["amount"]
        self._flow(args["participantId"], withdrawn=args["amount"])

    # Auctions

    def on_order_committed(self, event: Seen, args: dict[str, Any]) -> None:
        key = event.contract, args["slot"], args["participantId"]
        self.endings.setdefault(key, [])
        # A new commitment after a cancelled one: the earlier one has ended.
        if self.endings[key] == ["cancelled"]:
            self.endings[key] = []
        own = self._own_order(args["slot"], args["participantId"], args["bound"])
        if own is not None:
            self.orders[key] = own

    def _own_order(self, slot: int, who: int, bound: int) -> OwnOrder | None:
        """Return what a participant sealed; nothing if it sealed what it can never open, such as another's order."""
        step = self.step
        assert step is not None
        listed = step.args[0] if step.function == "commitMany" else (step.args[0],)
        for at, side, _, seal in listed:
            is_own = isinstance(seal, Seal) and (seal.slot, seal.participant_id) == (slot, who)
            if at == slot and is_own and seal.side == side:
                return OwnOrder(side, seal.tick, seal.energy_wh, bound)
        return None

    def on_commitment_cancelled(self, event: Seen, args: dict[str, Any]) -> None:
        self._end(event, args, "cancelled")

    def _end(self, event: Seen, args: dict[str, Any], how: str) -> None:
        key = event.contract, args["slot"], args["participantId"]
        self.endings.setdefault(key, []).append(how)

    def on_orders_opened(self, event: Seen, args: dict[str, Any]) -> None:
        slot = args["slot"]
        for word in args["orders"]:
            who, side, tick = word >> 128, word >> 112 & 0xFFFF, word >> 96 & 0xFFFF
            found = OwnOrder(side, tick, word & (1 << 48) - 1, word >> 48 & (1 << 48) - 1)
            key = event.contract, slot, who
            self.opened[key] = found
            self.arrivals[event.contract, slot].append(who)
            if event.contract == "auction":
                self.endings.setdefault(key, []).append("revealed")
            else:
                self.orders[key] = found

    def on_slot_cleared(self, event: Seen, args: dict[str, Any]) -> None:
        self.clearings[event.contract, args["slot"]].append(args["clearing"])

    def on_bond_forfeited(self, event: Seen, args: dict[str, Any]) -> None:
        self._end(event, args, "forfeited")
        self.pools[event.contract, args["slot"]] += args["bond"]
        self._flow(args["participantId"], bond=args["bond"])

    def on_compensation_paid(self, event: Seen, args: dict[str, Any]) -> None:
        self.pools[event.contract, args["slot"]] -= args["amount"]
        self._flow(args["participantId"], compensation=args["amount"])

    def on_surplus_paid(self, event: Seen, args: dict[str, Any]) -> None:
        self.pools[event.contract, args["slot"]] -= args["amount"]
        self.surpluses[event.contract, args["slot"]].append(args["amount"])
        self._flow(OPERATOR_ID, surplus=args["amount"])

    # Trades

    def on_trade_collected(self, event: Seen, args: dict[str, Any]) -> None:
        key = event.contract, args["slot"], args["participantId"]
        self.payments[key].append(args["payment"])
        self.pools[event.contract, args["slot"]] += args["payment"]
        self._flow(args["participantId"], payment=args["payment"])
        if event.contract == "auction" and key not in self.opened:
            self.endings.setdefault(key, []).append("refunded")

    def on_trade_closed(self, event: Seen, args: dict[str, Any]) -> None:
        key = event.contract, args["slot"], args["participantId"]
        self.closings[key].append((args["boughtWh"], args["soldWh"], args["revenue"]))
        self.pools[event.contract, args["slot"]] -= args["revenue"]
        self._flow(args["participantId"], revenue=args["revenue"])

    def on_agreement_reached(self, event: Seen, args: dict[str, Any]) -> None:
        energy_wh, price = args["energyWh"], args["price"]
        for slot in range(args["firstSlot"], args["firstSlot"] + args["slotCount"]):
            buyer, seller = self.agreed[slot, args["buyerId"]], self.agreed[slot, args["sellerId"]]
            _agree(buyer, seller, energy_wh, price)

    def on_order_posted(self, event: Seen, args: dict[str, Any]) -> None:
        self.posted[args["orderId"]] = args["order"]

    def on_order_taken(self, event: Seen, args: dict[str, Any]) -> None:
        slot = args["slot"]
        buyer, seller = self.dealt[slot, args["buyerId"]], self.dealt[slot, args["sellerId"]]
        _agree(buyer, seller, args["energyWh"], args["price"])
        self.taken_of[args["orderId"]] += args["energyWh"]
        self.owed_of[args["orderId"]] += args["owedWh"]

    def on_tags_minted(self, event: Seen, args: dict[str, Any]) -> None:
        self.mintings[args["slot"], args["participantId"]] += 1

    def on_tags_delivered(self, event: Seen, args: dict[str, Any]) -> None:
        self.deliveries[args["tradeId"]] += 1
        self._flow(args["sellerId"], payment=args["compensation"])
        self._flow(args["buyerId"], compensation=args["compensation"])

    def on_energy_announced(self, event: Seen, args: dict[str, Any]) -> None:
        self.announced[args["slot"]][args["side"]] += args["energyWh"]

    def on_price_taken(self, event: Seen, args: dict[str, Any]) -> None:
        taken = Taken(args["side"], args["energyWh"], args["price"])
        self.taken[args["slot"], args["participantId"]] = taken

    # Metering and settlement

    def on_meter_bound(self, event: Seen, args: dict[str, Any]) -> None:
        self.meters[args["meter"]] = dict(args)

    def on_meter_retired(self, event: Seen, args: dict[str, Any]) -> None:
        self.meters[args["meter"]]["validUntilSlot"] = args["fromSlot"]

    def on_readings_posted(self, event: Seen, args: dict[str, Any]) -> None:
        for word in args["readings"]:
            key = word >> 96, word >> 64 & 0xFFFFFFFF
            self.readings[key] = (word >> 32 & 0xFFFFFFFF, word & 0xFFFFFFFF)

    def on_reading_resolved(self, event: Seen, args: dict[str, Any]) -> None:
        self.readings[args["meter"], args["slot"]] = (args["importWh"], args["exportWh"])

    def on_equivocation_proved(self, event: Seen, args: dict[str, Any]) -> None:
        self.frauds.add((args["meter"], args["slot"]))

    def on_participant_joined(self, event: Seen, args: dict[str, Any]) -> None:
        self.identities[args["identityCommitment"]] += 1

    def on_slot_settled(self, event: Seen, args: dict[str, Any]) -> None:
        who, bill = args["participantId"], args["bill"]
        self.bills[args["slot"], who].append(bill)
        moved = bill.charge - bill.credit - args["arrearsChange"]
        self._flow(who, billed=moved)
        self._flow(1, billed=-moved)

    def on_arrears_paid(self, event: Seen, args: dict[str, Any]) -> None:
        self._flow(args["participantId"], billed=args["amount"])
        self._flow(1, billed=-args["amount"])

    # What follows

    def meter_in(self, who: int, slot: int) -> int:
        """Return the meter of a participant that is valid in a slot, 0 if there is none."""
        for number, bound in self.meters.items():
            is_valid = bound["validFromSlot"] <= slot < bound["validUntilSlot"]
            if bound["participantId"] == who and is_valid:
                return number
        return 0


def _agree(buyer: Agreed, seller: Agreed, energy_wh: int, price: int) -> None:
    buyer.bought_wh += energy_wh
    buyer.payment += payment_up(energy_wh, price)
    seller.sold_wh += energy_wh
    seller.revenue += payment_down(energy_wh, price)
