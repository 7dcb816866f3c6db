"""A day by posted tariff: everybody announces once, and takes or leaves each slot's price when it is posted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from setm.chain.contracts import Tariff
from setm.simulation.scene import Enrolled, Scene
from setm.slots import Slot
from setm.trading import Day
from setm.trading.tariff import announcements, taking, terms
from setm.units import Wh

Announced = Sequence[tuple[Enrolled, Wh]]


@dataclass(frozen=True, slots=True)
class TariffOnChain:
    """The tariff venue of a deployment."""

    venue: str = "tariff"

    def sections(self, day: Day) -> Mapping[str, Any]:
        """Its own section: prices from feed-in to retail, and its times."""
        values = asdict(terms(day.market))
        values.pop("slot_seconds")
        return {self.venue: values}

    def lead_seconds(self, day: Day) -> int:
        """No time: every gate closes on the day of delivery."""
        return 0

    def steps(self, day: Day, traders: int) -> int:
        """One for each trader that has announced."""
        return traders

    def open_seconds(self, day: Day) -> int:
        """No time: every outcome is final before its slot begins."""
        return 0

    def trade(self, scene: Scene, done: Callable[[], None]) -> None:
        """Let everybody announce for the day; plan that each answers to the price of a slot once it is posted."""
        day = scene.day
        books: dict[Slot, list[tuple[Enrolled, Wh]]] = {slot: [] for slot in day.slots}
        for item in scene.enrolled:
            found = announcements(item.trader, day.slots, day.market)
            for one in found:
                books[one.slot].append((item, one.energy_wh))
            if found:
                _tariff(scene).announce_many(item.member.sender, found)
            done()
        for slot, book in books.items():
            posted_at = slot * day.slot_seconds - terms(day.market).announce_lead
            if book:
                scene.agenda.at(posted_at, partial(_answer, scene, slot, book))


def _tariff(scene: Scene) -> Tariff:
    return scene.community.deployment.part(Tariff)


def _answer(scene: Scene, slot: Slot, book: Announced) -> None:
    venue = _tariff(scene)
    price = venue.price_of(slot)
    for item, energy_wh in book:
        message = taking(item.trader, slot, price, energy_wh, scene.day.market)
        if message is not None:
            venue.take(item.member.sender, message)
