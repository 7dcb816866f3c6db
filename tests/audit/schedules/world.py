"""A day-ahead auction with people in it: signs, commits, posts and closes whole books as a test asks."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from setm.evm import Evm, Person, System, default_config, deploy_system
from setm.schedules import (
    BOOK_DOMAIN,
    ClearedBook,
    Entry,
    ScheduleOutcome,
    ScheduleRules,
    SlotOrder,
    Source,
    chained,
    cleared,
    head_word,
    leaf_of_schedule,
    pack_entries,
    pack_fills,
    pack_lanes,
    pack_orders,
    schedule_digest,
    schedule_hash,
    word_count,
    words_hash,
)
from setm.signatures import private_key, separator_of, sign
from setm.types import Grid, Kind, Side
from setm.units import Price, Wh
from tests.audit.figures import ROOT

SIGNED, FORCED, SET_ASIDE = Source
PLENTY = 2**40
COLLECTOR = "collector"
ZONE = 1
PAGE = 256
LAYOUT = ROOT / "tests/audit/static/snapshots/ParticipantRegistry.json"

CONFIG: Mapping[str, int] = {
    "floor_price": 30_000,
    "tick_size": 100,
    "k": 500,
    "span_slots": 96,
    "force_window": 3_600,
    "gate_lead": 43_200,
    "post_window": 7_200,
    "lease_seconds": 900,
    "horizon_seconds": 259_200,
    "cover_price": 55_500,
}
INTRADAY: Mapping[str, int] = {
    **CONFIG,
    "span_slots": 1,
    "force_window": 300,
    "gate_lead": 900,
    "post_window": 600,
    "lease_seconds": 120,
    "horizon_seconds": 86_400,
}


def signature_of(key: Any, digest: bytes) -> tuple[bytes, bytes]:
    """Return r and vs (ERC-2098) of a digest."""
    made = sign(private_key(bytes(key.key)), digest)
    return made[:32], made[32:]


def rules_of(slots: int, **changes: int) -> ScheduleRules:
    """Return the reference's rules for a configuration."""
    config = {**CONFIG, "span_slots": slots, **changes}
    return ScheduleRules(
        grid=Grid(floor_price=Price(config["floor_price"]), tick_size=Price(config["tick_size"])),
        k=config["k"],
        span_slots=config["span_slots"],
        cover_price=Price(config["cover_price"]),
    )


@dataclass(slots=True)
class World:
    """One deployment; ``reset`` starts from it again."""

    evm: Evm
    system: System
    config: Mapping[str, int]
    role: str
    people: list[Person]
    span: int
    mark: int = field(init=False)

    def __post_init__(self) -> None:
        self.mark = self.evm.snapshot()

    def reset(self) -> None:
        self.evm.revert(self.mark)
        self.mark = self.evm.snapshot()
        self.at(self.start - self.config["gate_lead"] - self.config["force_window"] - 1)

    # Places and times

    @property
    def venue(self) -> Any:
        return getattr(self.system, self.role)

    @property
    def book(self) -> Any:
        return getattr(self.system, f"{self.role}_book")

    @property
    def slots(self) -> int:
        return self.config["span_slots"]

    @property
    def start(self) -> int:
        return int(self.span * self.slots * self.system.config["slot_seconds"])

    @property
    def gate(self) -> int:
        return self.start - self.config["gate_lead"]

    def at(self, seconds: int) -> None:
        self.evm.now = seconds

    @property
    def rules(self) -> ScheduleRules:
        return rules_of(self.slots, k=self.config["k"])

    @property
    def separator(self) -> bytes:
        return separator_of(BOOK_DOMAIN, self.system.domain(self.book))

    @property
    def collector(self) -> Any:
        return self.evm.account(COLLECTOR)

    @property
    def key(self) -> tuple[int, int, str]:
        return self.span, ZONE, self.collector.address

    def person(self, number: int) -> Person:
        return next(person for person in self.people if person.id == number)

    # Schedules

    def signed(
        self, person: Person, orders: Sequence[SlotOrder | None]
    ) -> tuple[bytes, bytes, bytes]:
        """Return struct hash, r and vs of a schedule."""
        words = pack_orders(orders)
        struct_hash = schedule_hash(self.span, person.id, self.collector.address, words)
        return struct_hash, *signature_of(person.key, schedule_digest(self.separator, struct_hash))

    def entries(
        self, schedules: Mapping[int, Sequence[SlotOrder | None]]
    ) -> tuple[list[tuple[int, bytes, bytes]], bytes]:
        """Return entries of signed schedules, and the commitment to them."""
        entries, leaves = [], []
        for number in sorted(schedules):
            struct_hash, r, vs = self.signed(self.person(number), schedules[number])
            entries.append((SIGNED << 32 | number, r, vs))
            leaves.append(leaf_of_schedule(struct_hash, r, vs))
        return entries, chained(leaves)

    def words(self, schedules: Mapping[int, Sequence[SlotOrder | None]]) -> list[int]:
        return [word for number in sorted(schedules) for word in pack_orders(schedules[number])]

    def packed(self, entries: Sequence[tuple[int, bytes, bytes]], words: Sequence[int]) -> bytes:
        """Return entries (source << 32 | number, r, vs) and the words of all their orders as a batch has them."""
        count = word_count(self.slots)
        return pack_entries(
            [
                Entry(
                    source=Source(head >> 32),
                    participant_id=head & 0xFFFFFFFF,
                    r=r,
                    vs=vs,
                    orders=tuple(words[at * count : (at + 1) * count]),
                )
                for at, (head, r, vs) in enumerate(entries)
            ],
            self.slots,
        )

    def write_roster(self) -> None:
        """Write every page of the roster, a minute ago."""
        now = self.evm.now
        self.at(now - 60)
        for page in range(self.people[-1].id // PAGE + 1):
            self.system.roster.send("write", page)
        self.at(now)

    def commit(self, digest: bytes) -> Any:
        return self.book.send("commit", self.span, ZONE, digest, sender=self.collector)

    def cleared(self, schedules: Mapping[int, Sequence[SlotOrder | None]]) -> ClearedBook:
        return cleared(schedules, self.rules)

    def post(self, entries: Any, words: Any, book: ClearedBook, **options: Any) -> Any:
        batch = (
            list(options.get("margins", book.margins)),
            options.get("sums", []),
            entries if isinstance(entries, bytes) else self.packed(entries, words),
            options.get("is_last", True),
        )
        sender = options.get("sender", self.collector)
        target = self.book.on(options["evm"]) if "evm" in options else self.book
        return target.send("post", self.key, batch, sender=sender)

    def clear(self, schedules: Mapping[int, Sequence[SlotOrder | None]], **options: Any) -> Any:
        """Sign, commit and post a whole book; return the receipt of the posting and the reference's book."""
        entries, digest = self.entries(schedules)
        self.commit(digest)
        self.at(self.gate)
        book = self.cleared(schedules)
        return self.post(entries, self.words(schedules), book, **options), book


def head_of(outcome: ScheduleOutcome) -> int:
    return head_word(outcome.participant_id, outcome.payment, outcome.cover, outcome.revenue)


def members_of(outcomes: Sequence[ScheduleOutcome]) -> list[tuple[int, bytes]]:
    """Return a group's members as the contract takes them."""
    return [(head_of(o), words_hash(pack_fills(o.fills))) for o in outcomes]


def told_of(outcomes: Sequence[ScheduleOutcome]) -> bytes:
    """Return what GroupBound tells of outcomes."""
    return b"".join(
        o.participant_id.to_bytes(4, "big") + pack_lanes(pack_fills(o.fills), len(o.fills))
        for o in outcomes
    )


def random_schedules(
    dice: random.Random, ids: Sequence[int], slots: int, *, ticks: int = 256, most_wh: int = 5_000
) -> dict[int, list[SlotOrder | None]]:
    """Return schedules of people of whom some sell at noon and some stay out."""

    def order() -> SlotOrder | None:
        if dice.random() < 0.1:
            return None
        side = Side.BID if dice.random() < 0.55 else Side.ASK
        return SlotOrder(
            side=side, tick=dice.randrange(ticks), energy_wh=Wh(dice.randint(1, most_wh))
        )

    return {number: [order() for _ in range(slots)] for number in ids}


def number_from(system: System, first: int) -> None:
    """Let the next participant have this number, as if so many had enrolled before."""
    # What mutation testing compiles comes without a layout.
    found = re.search(
        r"slot (\d+) byte (\d+), 4 bytes: t_uint32 participantCount", LAYOUT.read_text()
    )
    assert found
    slot, shift = int(found[1]), 8 * int(found[2])
    count = int(system.registry.call("participantCount"))
    word = system.evm.word(system.registry.address, slot)
    system.evm.write_word(system.registry.address, slot, word + (first - 1 - count << shift))
    assert system.registry.call("participantCount") == first - 1


@cache
def world(count: int, role: str = "day_ahead", first: int = 2, apart: int = 1) -> World:
    """Return a deployment with ``count`` participants who have margin in the venue, numbered from ``first`` on."""
    config = CONFIG if role == "day_ahead" else INTRADAY
    evm = Evm()
    sections: dict[str, Any] = {role: dict(config)}
    system = deploy_system(evm, default_config(**sections))
    people = []
    for i in range(count):
        if i == 0 or apart > 1:
            number_from(system, first + i * apart)
        people.append(system.enrol(f"person {i}", Kind.PROSUMER, zone=ZONE))
    venue = getattr(system, role)
    for person in people:
        system.fund(person, venue, PLENTY)
    seconds = config["span_slots"] * system.config["slot_seconds"]
    span = evm.now // seconds + (2 if role == "day_ahead" else 6)
    made = World(evm, system, config, role, people, span)
    made.reset()
    return made
