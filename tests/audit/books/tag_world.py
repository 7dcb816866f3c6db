"""A community with energy tags, on the chain and in the reference at once: each act is done in both and compared.

The reference knows no addresses; accounts here are addresses all the same, so that refusals can be compared by value.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from setm import negotiation
from setm.errors import Reverted
from setm.evm import Person, Receipt
from setm.negotiation import Refused
from setm.tags import Source, certificates, venue
from setm.tags.certificates import Certificate, Device
from setm.tags.orders import Config, Known
from setm.tags.tokens import Measured, Tokens
from setm.types import ParticipantId
from setm.units import Price
from tests.audit.attacks.stage import DAY, MARGIN, SLOT
from tests.audit.attacks.tag_stage import MARKET, SOLAR_CLASS, WIND_CLASS, TagStage

CLASSES = {0: Source.GRID, SOLAR_CLASS: Source.SOLAR, WIND_CLASS: Source.WIND}
# Short, so that a run of some hundred acts sees slots from their orders to their last claim.
WINDOWS = {"reading_window": 900, "dispute_window": 900, "resolve_window": 900}
NO_READING = Measured()


class Stage(TagStage):
    """Five people and a contract account; the last one's tags are never given to it unasked."""

    def __init__(self) -> None:
        super().__init__(metering=WINDOWS, recovery_delay=DAY)
        self.villain = self.enrol_receiver()
        # Meters count from the slot after they were bound.
        self.evm.now += 2 * SLOT
        self._mark = self.evm.snapshot()

    @property
    def traders(self) -> list[Person]:
        return [*self.people.values(), self.villain]


class World:
    """What both sides know, and how one act is done on both."""

    def __init__(self, stage: Stage, dice: random.Random) -> None:
        self.stage, self.dice, self.evm = stage, dice, stage.evm
        self.tags, self.market = stage.system.tags, stage.system.conditional
        limits = {name: value for name, value in MARKET.items() if name != "tag_price"}
        config = negotiation.Config(**limits, slot_seconds=SLOT)  # type: ignore[arg-type]
        self.config = Config(limits=config, tag_price=Price(MARKET["tag_price"]))
        self.book = venue.empty(self.config)
        self.tokens = Tokens()
        self.devices: dict[ParticipantId, Device] = {}
        self.certificates: dict[ParticipantId, Certificate] = {}
        self.readings: dict[tuple[int, ParticipantId], Measured] = {}
        self.settled: set[tuple[int, ParticipantId]] = set()
        self.first = self.slot
        self.events: list[tuple[str, Any]] = []
        self.told = self.accepted = 0
        self._enter_people()

    def _enter_people(self) -> None:
        registry = self.stage.system.registry
        for person in self.traders:
            entry = registry.call("participant", person.id)
            one = ParticipantId(person.id)
            self.certificates[one] = Certificate(
                serial=entry.serial,
                source=CLASSES[entry.deviceClass],
                zone=entry.zone,
                valid_until=entry.validUntil,
                account=entry.account,
                has_code=person is self.stage.villain,
            )
            self.devices[one] = Device(
                **{
                    name: getattr(self.tags.call("deviceOf", one), value)
                    for name, value in (
                        ("source", "source"),
                        ("zone", "zone"),
                        ("serial", "serial"),
                        ("from_slot", "fromSlot"),
                        ("valid_until", "validUntil"),
                    )
                }
            )
            self._lock(one, MARGIN)

    def _lock(self, one: ParticipantId, amount: int) -> None:
        self.book = replace(self.book, ledger=negotiation.add_margin(self.book.ledger, one, amount))

    # People, time, chance

    @property
    def traders(self) -> list[Person]:
        return self.stage.traders

    @property
    def slot(self) -> int:
        """The slot that is being delivered."""
        return self.evm.now // SLOT

    def somebody(self) -> tuple[Person, ParticipantId]:
        person = self.dice.choice(self.traders)
        return person, ParticipantId(person.id)

    def account(self, one: ParticipantId) -> str:
        return self.certificates[one].account

    def is_active(self, one: ParticipantId) -> bool:
        found = self.certificates[one]
        return not found.revoked_at and self.evm.now < found.valid_until

    @property
    def known(self) -> Known:
        return Known(
            tag_of=self.tag_of,
            zone_of=lambda one: self.certificates[one].zone,
            active=frozenset([ParticipantId(1), *filter(self.is_active, self.certificates)]),
            now=self.evm.now,
        )

    def tag_of(self, slot: int, one: ParticipantId) -> int:
        return certificates.tag_of(self.devices.get(one), self.certificates[one], slot, SLOT)

    def past_slot(self) -> int:
        return self.slot - self.dice.choice([1, 1, 2, 3, 4, 5, 6, 8, 12])

    # Doing the same twice

    def send(self, person: Person, contract: Any, function: str, *args: Any) -> Receipt:
        if person is self.stage.villain:
            return self.stage.act(self.stage.receiver, contract, function, *args)
        sent: Receipt = contract.send(function, *args, sender=person)
        return sent

    def both(self, expect: Callable[[], Any], do: Callable[[], Receipt]) -> bool:
        """Demand the same answer of both; return whether it was taken."""
        expected = found = None
        try:
            expect()
        except Refused as refusal:
            expected = refusal.name, refusal.arguments
        try:
            self.events += [(event.name, event.args) for event in do().events]
        except Reverted as refusal:
            found = refusal.name, refusal.arguments
        assert found == expected
        self.told += 1
        self.accepted += expected is None
        return expected is None

    def authenticated(self, one: ParticipantId, *, may_be_expired: bool = False) -> None:
        """Refuse, as the registry does, a key that speaks for nobody now."""
        is_owner = not self.certificates[one].revoked_at
        if not (is_owner if may_be_expired else self.is_active(one)):
            raise Refused("NotSecured", key=self.account(one))
