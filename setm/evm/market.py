"""An auction with people in it: commits, opens, clears and settles whole books as a test asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eth_utils.crypto import keccak

from setm.deployment_plan import rule_in
from setm.evm.machine import Contract, Evm, Receipt
from setm.evm.system import Person, System, default_config, deploy_system
from setm.orders import AuctionRules, BookedOrder, digest, opening_word, salt
from setm.pricing import PricingRule, section_of
from setm.types import Grid, Kind, Order, Side
from setm.units import Money, Price, Wh

OPEN_MODE: Mapping[str, Any] = {"is_sealed": False, "reveal_window": 0, "bond": 0}
# Enough for every order of a test, and for all people together below what the clearinghouse can hold.
PLENTY = 2**54
RING = 1024


class Market:
    """One deployment with ``people`` who have plenty of margin; each ``reset`` starts from it again."""

    def __init__(
        self,
        count: int,
        *,
        first_slot: int = 2_000_000,
        rule: PricingRule | None = None,
        **auction: Any,
    ) -> None:
        self.first_slot = first_slot
        self.evm = Evm(now=first_slot * 900 - 86_400)
        config = default_config(auction=auction)
        if rule is not None:
            config["rule"] = section_of(rule)
        prices, cover_price = config["settlement"], config["auction"]["cover_price"]
        # Where prices are low, the grid operator pays no more: no venue covers less than the feed-in price.
        prices["feed_in_price"] = min(prices["feed_in_price"], cover_price)
        self.system: System = deploy_system(self.evm, config)
        self.people = [self.system.enrol(f"person {i}", Kind.PROSUMER) for i in range(count)]
        for person in self.people:
            self.system.fund(person, self.system.auction, PLENTY)
        self.system.fund(self.system.operator, self.system.settlement, PLENTY)
        self._mark = self.evm.snapshot()

    def reset(self) -> None:
        """Go back to the deployment."""
        self.evm.revert(self._mark)
        self._mark = self.evm.snapshot()

    @property
    def auction(self) -> Contract:
        return self.system.auction

    @property
    def config(self) -> Mapping[str, Any]:
        """The auction's configuration."""
        found: Mapping[str, Any] = self.system.config["auction"]
        return found

    @property
    def rules(self) -> AuctionRules:
        """The same configuration for the reference."""
        config = self.config
        return AuctionRules(
            grid=Grid(
                floor_price=Price(config["floor_price"]), tick_size=Price(config["tick_size"])
            ),
            tick_count=config["tick_count"],
            bond=Money(config["bond"]),
            cover_price=Price(config["cover_price"]),
            max_order_wh=Wh(config["max_order_wh"]),
            rule=rule_in(self.system.config),
        )

    # Times of a slot, UTC Unix seconds

    def start_of(self, slot: int) -> int:
        return int(slot * self.system.config["slot_seconds"])

    def ordering_from(self, slot: int) -> int:
        return self.start_of(slot) - int(self.config["horizon_seconds"])

    def gate_of(self, slot: int) -> int:
        return self.start_of(slot) - int(self.config["gate_lead"])

    def clearing_from(self, slot: int) -> int:
        return self.gate_of(slot) + int(self.config["reveal_window"])

    def void_from(self, slot: int) -> int:
        return self.clearing_from(slot) + int(self.config["clear_window"])

    def settled_from(self, slot: int) -> int:
        """When every reading of the slot is final, whatever was disputed."""
        return self.start_of(slot + 1) + int(self.system.meters.call("finalAfter"))

    # Orders

    def salt_of(self, person: Person, slot: int) -> int:
        return salt(bytes(keccak(text=person.name)), self.auction.address, slot)

    def digest_of(self, person: Person, order: Order) -> bytes:
        secret = self.salt_of(person, order.slot)
        return digest(self.evm.chain_id, self.auction.address, order, secret)

    def commit(self, person: Person, order: Order, bound: int) -> Receipt:
        commitment = (order.slot, order.side, bound, self.digest_of(person, order))
        return self.auction.send("commit", commitment, sender=person)

    def opening_of(self, person: Person, order: Order) -> int:
        return opening_word(order, self.salt_of(person, order.slot))

    def place(self, person: Person, order: Order) -> Receipt:
        words = (order.slot, order.side, order.tick, order.energy_wh)
        return self.auction.send("placeOrder", words, sender=person)

    def person(self, order: Order) -> Person:
        """Return who the order belongs to; the operator is participant 1, people follow."""
        return self.people[order.participant_id - self.people[0].id]

    # Whole books

    def enter(self, booked: Sequence[BookedOrder], opened: Sequence[BookedOrder]) -> None:
        """Commit the orders as given and open those of ``opened`` in its order; or place these, in an open auction."""
        slot = self.first_slot
        self.evm.now = self.gate_of(slot) - 1
        if not self.config["is_sealed"]:
            for entry in opened:
                self.place(self.person(entry.order), entry.order)
            return
        for entry in booked:
            self.commit(self.person(entry.order), entry.order, entry.bound)
        self.evm.now = self.gate_of(slot)
        words = [self.opening_of(self.person(e.order), e.order) for e in opened if e.is_opened]
        self.auction.send("open", slot, words)

    def clear(self) -> Receipt:
        self.evm.now = self.clearing_from(self.first_slot)
        return self.auction.send("clear", self.first_slot)

    def settle(self, ids: Sequence[int]) -> Receipt:
        self.evm.now = self.settled_from(self.first_slot)
        return self.system.settlement.send("settle", self.first_slot, list(ids))


def order_of(person: Person, slot: int, side: Side, tick: int, energy_wh: int) -> Order:
    """Return a person's order."""
    return Order(
        participant_id=person.id,  # type: ignore[arg-type]
        slot=slot,  # type: ignore[arg-type]
        side=side,
        tick=tick,
        energy_wh=Wh(energy_wh),
    )
