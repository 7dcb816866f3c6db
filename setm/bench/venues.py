"""The venues that ``setm bench`` measures, each with one order a participant in one slot.

A venue is plugged in by a line in ``VENUES``; see ``setm.bench.measured.VenueBench``.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from eth_utils.crypto import keccak

from setm import messages
from setm.bench.auction import case_study_orders, covering_orders
from setm.bench.measured import Machine, Measured, StageGas, VenueBench, in_process, stage_gas
from setm.bench.schedules import SchedulesBench
from setm.bench.street import Street
from setm.evm.machine import Receipt
from setm.evm.market import OPEN_MODE
from setm.evm.tariff import DEFAULTS as TARIFF
from setm.orders import digest, opening_word, salt
from setm.simulation.auction_day import OPENED_TOGETHER
from setm.simulation.batches import batched
from setm.slots import Slot
from setm.types import Order, Terms
from setm.units import Money, Price, Wh

BOUND = Money(1_000_000)


@dataclass(frozen=True, slots=True)
class AuctionBench:
    """The auction: sealed orders are committed and opened, open ones placed; one transaction clears."""

    is_sealed: bool

    @property
    def name(self) -> str:
        """What tables call it."""
        return "sealed auction" if self.is_sealed else "open auction"

    def measure(self, participants: int, machine: Machine = in_process) -> list[Measured]:
        """Return one slot in which everybody has one order at the case study's prices."""
        changes = {} if self.is_sealed else OPEN_MODE
        street = Street(participants, "auction", machine, auction=changes)
        # Over every word of both ladders, as many earlier days leave them.
        _day(street, self._trade(street, covering_orders(street.people, street.slot)))
        later = street.later()
        stages = _day(later, self._trade(later, case_study_orders(later.people, later.slot)))
        return [_measured(self.name, later, participants, stages)]

    def _trade(self, street: Street, orders: Sequence[Order]) -> Iterator[StageGas]:
        config, slot, auction = street.system.config["auction"], street.slot, street.venue
        gate = street.start_of(slot) - config["gate_lead"]
        owners = dict(zip(street.ids, street.people, strict=True))
        street.until(gate)
        if self.is_sealed:
            salts = [
                salt(bytes(keccak(text=owners[one.participant_id].name)), auction.address, slot)
                for one in orders
            ]
            yield stage_gas(
                "commit", [_commit(street, *pair) for pair in zip(orders, salts, strict=True)]
            )
            street.evm.now = gate
            words = [opening_word(*pair) for pair in zip(orders, salts, strict=True)]
            parts = batched(words, OPENED_TOGETHER)
            yield stage_gas("open", [auction.send("open", slot, part) for part in parts])
        else:
            yield stage_gas("post", [_place(street, order) for order in orders])
        street.evm.now = gate + config["reveal_window"]
        yield stage_gas("clear", [auction.send("clear", slot)])


def _commit(street: Street, order: Order, secret: int) -> Receipt:
    sealed = digest(street.evm.chain_id, street.venue.address, order, secret)
    sender = street.people[order.participant_id - street.ids[0]]
    values = (order.slot, order.side, BOUND, sealed)
    return street.venue.send("commit", values, sender=sender)


def _place(street: Street, order: Order) -> Receipt:
    sender = street.people[order.participant_id - street.ids[0]]
    values = (order.slot, order.side, order.tick, order.energy_wh)
    return street.venue.send("placeOrder", values, sender=sender)


@dataclass(frozen=True, slots=True)
class NegotiationBench:
    """Negotiation: neighbours agree in pairs, both sign, anyone brings it; whoever has no partner does not trade."""

    name: str = "negotiation"

    def measure(self, participants: int, machine: Machine = in_process) -> list[Measured]:
        """Return one slot for which every pair agrees."""
        street = Street(participants, "negotiation", machine)
        _day(street, self._trade(street))
        later = street.later()
        stages = _day(later, self._trade(later))
        return [_measured(self.name, later, participants // 2 * 2, stages)]

    def _trade(self, street: Street) -> Iterator[StageGas]:
        street.until(
            street.start_of(street.slot) - street.system.config["negotiation"]["gate_lead"]
        )
        pairs = range(len(street.people) // 2)
        yield stage_gas("post", [self._agree(street, number) for number in pairs])

    def _agree(self, street: Street, number: int) -> Receipt:
        buyer, seller = street.people[2 * number : 2 * number + 2]
        rng = random.Random(f"agreement {number}")
        terms = Terms(
            first_slot=Slot(street.slot),
            slot_count=1,
            energy_wh=Wh(rng.randrange(1, 5_000)),
            price=Price(rng.randrange(40_000, 50_000)),
        )
        message = messages.agreement(
            street.system.domain(street.venue),
            buyer_id=buyer.id,
            seller_id=seller.id,
            terms=terms,
            salt=number,
            deadline=street.start_of(street.slot),
        )
        signed = buyer, message.sign(buyer.key), seller, message.sign(seller.key)
        return street.venue.send("agree", tuple(message.values.values()), *signed)


@dataclass(frozen=True, slots=True)
class TariffBench:
    """The tariff: everybody announces, which is placing, and takes the price that follows, which is clearing."""

    name: str = "tariff"

    def measure(self, participants: int, machine: Machine = in_process) -> list[Measured]:
        """Return one slot for which everybody announces and takes."""
        street = Street(participants, "tariff", machine, tariff=dict(TARIFF))
        _day(street, self._trade(street))
        later = street.later()
        stages = _day(later, self._trade(later))
        return [_measured(self.name, later, participants, stages)]

    def _trade(self, street: Street) -> Iterator[StageGas]:
        slot, venue, wishes = street.slot, street.venue, street.wishes()
        taking_from = street.start_of(slot) - TARIFF["announce_lead"]
        street.until(taking_from)
        announced = [(person, (slot, side, energy)) for person, side, energy in wishes]
        yield stage_gas("post", [venue.send("announce", one, sender=who) for who, one in announced])
        street.evm.now = taking_from
        price = venue.call("priceOf", slot)
        taken = [(who, (*one, price)) for who, one in announced]
        yield stage_gas("clear", [venue.send("take", one, sender=who) for who, one in taken])


VENUES: tuple[VenueBench, ...] = (
    AuctionBench(is_sealed=True),
    AuctionBench(is_sealed=False),
    NegotiationBench(),
    TariffBench(),
    SchedulesBench(role="day_ahead"),
    SchedulesBench(role="intraday"),
)


def _day(street: Street, trading: Iterator[StageGas]) -> tuple[StageGas, ...]:
    return (*trading, street.readings(), street.settle())


def _measured(venue: str, street: Street, orders: int, stages: tuple[StageGas, ...]) -> Measured:
    return Measured(
        venue=venue, participants=len(street.people), slots=1, orders=orders, stages=stages
    )
