"""A small community on the in-process EVM, with all that an attacker may want: money, meters, margins, orders."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from eth_utils.crypto import keccak

from setm import messages
from setm.evm import Contract, Evm, Person, Reverted, System, default_config, deploy_system
from setm.orders import digest, opening_word, salt
from setm.types import Kind, Order, Reading, Side, Terms
from setm.units import Wh

SLOT = 900
DAY = 86_400
EUR = 1_000_000
FOREVER = 2**40
NEVER_SLOT = 2**32 - 1
CAPACITY_WH = 100_000
NAMES = ("alice", "bob", "carol")
# Deposited by everybody, and of that locked in each venue.
DEPOSIT, MARGIN = 1_000 * EUR, 200 * EUR
FIRST_SLOT = 2_000_000
# What is bound to a sealed order that the tests place.
BOUND = 1 * EUR


class Stage:
    """One deployment; alice, bob and carol have meters 1, 2, 3 and margin everywhere. ``reset`` starts over."""

    def __init__(self, names: Iterable[str] = NAMES, **config: Any) -> None:
        self.evm = Evm(now=FIRST_SLOT * SLOT - DAY)
        self.system: System = deploy_system(self.evm, default_config(**config))
        self.people = {name: self.system.enrol(name, Kind.PROSUMER) for name in names}
        for number, person in enumerate(self.people.values(), start=1):
            self.system.deposit(person, DEPOSIT)
            for venue in self.venues:
                self.system.clearinghouse.send("lock", venue, MARGIN, sender=person)
            self.bind(person, number)
        self.system.fund(self.system.operator, self.system.settlement, DEPOSIT)
        self.slot = FIRST_SLOT
        self._mark = self.evm.snapshot()

    def reset(self) -> Stage:
        """Go back to the deployment."""
        self.evm.revert(self._mark)
        self._mark = self.evm.snapshot()
        return self

    # People and contracts

    def __getattr__(self, name: str) -> Any:
        """Return a person or a contract of the system by name."""
        if name.startswith("_") or name in ("people", "system"):
            raise AttributeError(name)
        return self.people[name] if name in self.people else getattr(self.system, name)

    @property
    def venues(self) -> tuple[Contract, Contract, Contract]:
        """Every place that money can be locked in."""
        system = self.system
        return system.settlement, system.auction, system.negotiation

    @property
    def everybody(self) -> list[Person]:
        """All participants, the grid operator first."""
        return [self.system.operator, *self.people.values()]

    def account(self, name: str) -> Any:
        """Return the account that always goes by this name."""
        return self.evm.account(name)

    # Times of a slot, UTC Unix seconds

    @property
    def gate(self) -> int:
        return self.slot * SLOT - int(self.system.config["auction"]["gate_lead"])

    @property
    def clearing(self) -> int:
        return self.gate + int(self.system.config["auction"]["reveal_window"])

    @property
    def void(self) -> int:
        return self.clearing + int(self.system.config["auction"]["clear_window"])

    @property
    def start(self) -> int:
        return self.slot * SLOT

    @property
    def end(self) -> int:
        return self.start + SLOT

    @property
    def final(self) -> int:
        """When every reading of the slot is final, whatever was disputed."""
        return self.end + int(self.system.meters.call("finalAfter"))

    def go(self, seconds: int) -> None:
        """Move the clock, never back."""
        self.evm.now = max(self.evm.now, seconds)

    # Orders

    def order(self, person: Person, side: Side, tick: int, energy_wh: int) -> Order:
        return Order(
            participant_id=person.id,  # type: ignore[arg-type]
            slot=self.slot,  # type: ignore[arg-type]
            side=side,
            tick=tick,
            energy_wh=Wh(energy_wh),
        )

    def salt(self, order: Order) -> int:
        secret = bytes(keccak(text=f"agent of participant {order.participant_id}"))
        return salt(secret, self.system.auction.address, order.slot)

    def commitment(self, order: Order, bound: int = BOUND) -> tuple[Any, ...]:
        sealed = digest(self.evm.chain_id, self.system.auction.address, order, self.salt(order))
        return (order.slot, order.side, bound, sealed)

    def commit(self, person: Person, order: Order, bound: int = BOUND, **options: Any) -> Any:
        values = self.commitment(order, bound)
        return self.system.auction.send("commit", values, **{"sender": person, **options})

    def opening(self, order: Order) -> int:
        return opening_word(order, self.salt(order))

    def trade(self, energy_wh: int = 1_000) -> tuple[Order, Order]:
        """Commit a bid of alice and an ask of bob that cross; return both, sealed."""
        bid = self.order(self.people["alice"], Side.BID, 160, energy_wh)
        ask = self.order(self.people["bob"], Side.ASK, 120, energy_wh)
        self.commit(self.people["alice"], bid)
        self.commit(self.people["bob"], ask)
        return bid, ask

    def agreement(self, buyer: Person, seller: Person, **changes: Any) -> messages.Message:
        """Return what both sign about 1,000 Wh at 43 EUR/MWh in the slot."""
        terms = {"first_slot": self.slot, "slot_count": 1, "energy_wh": 1_000, "price": 43_000}
        number = changes.pop("salt", 1)
        return messages.agreement(
            self.system.domain(self.system.negotiation),
            buyer_id=buyer.id,
            seller_id=seller.id,
            terms=Terms(**{**terms, **changes}),
            salt=number,
            deadline=FOREVER,
        )

    def agree(self, buyer: Person, seller: Person, **changes: Any) -> Any:
        """Bring an agreement that both signed with their owner keys."""
        message = self.agreement(buyer, seller, **changes)
        signed = (buyer, message.sign(buyer.key), seller, message.sign(seller.key))
        return self.system.negotiation.send("agree", tuple(message.values.values()), *signed)

    # Meters

    def device(self, meter: int) -> Any:
        """Return the key inside a meter."""
        return self.evm.account(f"meter {meter}")

    def binding(self, person: Person, meter: int, **changes: Any) -> messages.Message:
        values = {
            "meter_id": keccak(text=f"serial {meter}"),
            "participant_id": person.id,
            "device_key": self.device(meter).address,
            "capacity_wh": CAPACITY_WH,
            "valid_until_slot": NEVER_SLOT,
            **changes,
        }
        return messages.binding(self.system.domain(self.system.meters), **values)

    def bind(self, person: Person, meter: int, **changes: Any) -> Any:
        message = self.binding(person, meter, **changes)
        authority = self.system.authority
        values = (tuple(message.values.values()), authority, message.sign(authority))
        return self.system.meters.send("bindMeter", *values, sender=person)

    def signed(
        self, meter: int, import_wh: int, export_wh: int, slot: int | None = None
    ) -> tuple[Any, ...]:
        """Return a reading as its meter signs it."""
        measured = Reading(
            meter=meter,  # type: ignore[arg-type]
            slot=self.slot if slot is None else slot,  # type: ignore[arg-type]
            import_wh=Wh(import_wh),
            export_wh=Wh(export_wh),
        )
        message = messages.reading(self.system.domain(self.system.meters), measured)
        return (measured.word, *message.sign_compact(self.device(meter)))

    def read(self, **readings: tuple[int, int]) -> None:
        """Post imports and exports by name, once the slot is over."""
        self.go(self.end)
        numbers = {name: number for number, name in enumerate(self.people, start=1)}
        signed = [self.signed(numbers[name], *values) for name, values in readings.items()]
        self.system.meters.send("postReadings", signed)

    # The end of a slot

    def settle(self, *people: Person) -> Any:
        self.go(self.final)
        chosen = people or tuple(self.people.values())
        return self.system.settlement.send("settle", self.slot, [person.id for person in chosen])

    # What there is

    def wealth(self, person: Person) -> int:
        """Return everything that is written for a participant, debts included, 1e-6 EUR."""
        house, settlement = self.system.clearinghouse, self.system.settlement
        total = house.call("freeOf", person.id) - settlement.call("arrearsOf", person.id)
        if person.id == self.system.operator.id:
            # What others owe it stands at them.
            total = house.call("freeOf", person.id)
        return int(
            total + sum(house.call("collateralOf", venue, person.id) for venue in self.venues)
        )

    def wealths(self) -> dict[str, int]:
        return {person.name: self.wealth(person) for person in self.everybody}

    def books(self) -> dict[str, Any]:
        """Return all that the contracts say of money, by name, to compare before and after."""
        house, settlement, token = (
            self.system.clearinghouse,
            self.system.settlement,
            self.system.token,
        )
        found: dict[str, Any] = {
            "held": house.call("held"),
            "tokens": token.call("balanceOf", house),
        }
        for venue in self.venues:
            found[f"pool {venue.name}"] = house.call("poolOf", venue)
            if venue.name != "Settlement":
                found[f"slot pool {venue.name}"] = venue.call("slotPool", self.slot)
        for person in self.everybody:
            one = person.id
            found[f"free {person.name}"] = house.call("freeOf", one)
            for venue in self.venues:
                found[f"{venue.name} {person.name}"] = house.call("collateralOf", venue, one)
                if venue.name != "Settlement":
                    bound = venue.call("boundOf", self.slot, one)
                    found[f"{venue.name} margin, bound {person.name}"] = (
                        venue.call("marginOf", one),
                        bound,
                    )
            found[f"guarantee, arrears {person.name}"] = (
                settlement.call("guaranteeOf", one),
                settlement.call("arrearsOf", one),
            )
        return found

    def check_books(self) -> None:
        """Everything that is held belongs to somebody, to the unit (I1), and settlement keeps nothing back."""
        house, settlement = self.system.clearinghouse, self.system.settlement
        venues = house.call("venues")
        owned = sum(house.call("poolOf", venue) for venue in venues)
        for number in range(1, self.system.registry.call("participantCount") + 1):
            owned += house.call("freeOf", number)
            owned += sum(house.call("collateralOf", venue, number) for venue in venues)
        for person in self.everybody:
            collateral = house.call("collateralOf", settlement, person.id)
            assert collateral == settlement.call("guaranteeOf", person.id)
        assert owned == house.call("held")
        assert house.call("poolOf", settlement) == 0
        assert self.system.token.call("balanceOf", house) >= house.call("held")


def refusal(send: Any, *args: Any, **options: Any) -> str:
    """Return the name of the error with which a call is refused, or "" if it is not."""
    try:
        send(*args, **options)
    except Reverted as error:
        return error.name or "refused without a word"
    return ""
