"""What an observer of the chain learns about who stands behind a one-time account, before anybody claims.

Blind signatures hide the link between a note bought and a note redeemed perfectly: each sale explains each note equally
well (tests/audit/anonymous/test_notes.py). What is left to go by is public beside them: who had bought how many notes
when an account redeemed its own, on which side the account agreed, how much energy, and what the registries tell of
each participant. The observer here uses all of that, and otherwise guesses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import mean

import numpy as np

from setm.agents.negotiator import Proposal
from setm.simulation.mechanism import Day
from setm.slots import Slot
from setm.trading.anonymous import DENOMINATION, Anonymous, notes_needed
from setm.trading.negotiation import Dialogue, Paper, trade
from setm.types import Kind, Side
from setm.units import Money

SMALL_NOTE = Money(20_000)
"""0.02 EUR: the note of those who buy no more than they need."""
SELLERS = frozenset({Kind.GENERATION, Kind.PROSUMER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """How people buy and redeem notes: all alike or what each needs; at once or after all sales, mixed."""

    title: str
    is_uniform: bool
    is_mixed: bool


HABITS = (
    Habit(title="alike, mixed", is_uniform=True, is_mixed=True),
    Habit(title="alike, at once", is_uniform=True, is_mixed=False),
    Habit(title="as needed, mixed", is_uniform=False, is_mixed=True),
    Habit(title="as needed, at once", is_uniform=False, is_mixed=False),
)
"""The first is what ``setm.simulation.anonymous_day`` does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the chain tells of a one-time account; ``owner`` is the answer, unknown to the observer.

    ``buyers`` are those who had bought notes when it redeemed its own, the last first, with how many each. Whether
    people redeem at once (``is_prompt``) shows in the times. ``claimed`` is what everybody claimed in the same slot of
    an earlier day, Wh.
    """

    owner: str
    claimed: Mapping[str, int]
    notes: int
    is_prompt: bool
    buyers: tuple[tuple[str, int], ...]
    side: Side
    energy_wh: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """How well the observer does, over all accounts of all seeds; ``chance`` is one among all participants."""

    habit: str
    knowing: str
    accounts: int
    candidates: float
    bits: float
    buyers_found_percent: float
    sellers_found_percent: float
    chance_percent: float


Look = tuple[Side, int, float]
"""An account's side, how many may own it, and the chance of finding its owner."""


@dataclass(slots=True)
class _Deals(Paper):
    """A paper that also writes down what an account agreed in a slot, in Wh."""

    energies: dict[tuple[Slot, str], int] = field(default_factory=dict)

    def accept(self, dialogue: Dialogue, proposal: Proposal) -> None:
        """Write down energy by slot and name."""
        for trader in (dialogue.buyer, dialogue.seller):
            key = dialogue.slot, trader.name
            self.energies[key] = self.energies.get(key, 0) + proposal.energy_wh


def study(day: Day, seeds: int, done: Callable[[], None] = lambda: None) -> list[Learned]:
    """Return what an observer learns of a day, by habit and by what it knows, over days with other seeds."""
    found: dict[tuple[str, str], list[Look]] = {}
    for seed in range(1, seeds + 1):
        seeded = replace(day, seed=seed)
        energies, earlier = _energies(seeded), _energies(replace(day, seed=seeds + seed))
        for habit in HABITS:
            accounts = list(_accounts(seeded, habit, energies, earlier))
            for knowing, look in KNOWING.items():
                looked = [(account.side, *look(account, seeded)) for account in accounts]
                found.setdefault((habit.title, knowing), []).extend(looked)
        done()
    return [_learned(habit, knowing, each, day) for (habit, knowing), each in found.items()]


def _energies(day: Day) -> Mapping[tuple[Slot, str], int]:
    paper = _Deals()
    trade(day.trading, paper, lambda: None)
    return paper.energies


def _accounts(
    day: Day,
    habit: Habit,
    energies: Mapping[tuple[Slot, str], int],
    earlier: Mapping[tuple[Slot, str], int],
) -> Iterator[Account]:
    """Yield every account that traded, as the chain tells of it; people buy in an order of chance."""
    rng = np.random.default_rng([day.seed, len(day.people)])
    order = [day.people[i].trader.name for i in rng.permutation(len(day.people))]
    notes = {(name, slot): _notes(day, habit, name, slot) for name in order for slot in day.slots}
    bought = {name: sum(notes[name, slot] for slot in day.slots) for name in order}
    sides = {person.trader.name: person.trader.side for person in day.people}
    for place, name in enumerate(order):
        known = order if habit.is_mixed else order[: place + 1]
        for slot in day.slots:
            if (slot, name) in energies:
                yield Account(
                    owner=name,
                    claimed={other: earlier.get((slot, other), 0) for other in order},
                    notes=notes[name, slot],
                    is_prompt=not habit.is_mixed,
                    buyers=tuple((other, bought[other]) for other in reversed(known)),
                    side=sides[name],
                    energy_wh=energies[slot, name],
                )


def _notes(day: Day, habit: Habit, name: str, slot: Slot) -> int:
    if habit.is_uniform:
        return Anonymous(denomination=DENOMINATION).notes_per_slot(day.trading)
    trader = next(person.trader for person in day.people if person.trader.name == name)
    return notes_needed(trader, slot, day.rules, SMALL_NOTE)


# OBSERVERS


def by_notes(account: Account, day: Day) -> tuple[int, float]:
    """Return how many may own the account, and the chance of guessing right from sales of notes alone.

    Candidates had bought at least as many notes. Where everybody redeems at once, the guess is the last who bought.
    """
    candidates = _candidates(account)
    return len(candidates), _hit(account, candidates)


def by_side(account: Account, day: Day) -> tuple[int, float]:
    """The same, knowing from the registry who generates: they sell, and where they only generate they do not buy."""
    candidates = _of_side(account, day, _candidates(account))
    return len(candidates), _hit(account, candidates)


def by_energy(account: Account, day: Day) -> tuple[int, float]:
    """The same, knowing the capacity of each meter: nobody agrees more, and the smallest that can is the likeliest."""
    able, capacities = _able(account, day), _capacities(day)
    smallest = min(capacities[name] for name in able)
    likeliest = [name for name in able if capacities[name] == smallest]
    return len(able), _hit(account, able if account.is_prompt else likeliest)


def by_claims(account: Account, day: Day) -> tuple[int, float]:
    """The same, knowing what each claimed in this slot of an earlier day: the guess is who was nearest.

    The earlier day has the same forecasts, and chance of its own: an observer of people without moods.
    """
    able = _able(account, day)
    distances = {name: abs(account.claimed[name] - account.energy_wh) for name in able}
    nearest = [name for name in able if distances[name] == min(distances.values())]
    return len(able), _hit(account, able if account.is_prompt else nearest)


KNOWING: Mapping[str, Callable[[Account, Day], tuple[int, float]]] = {
    "sales of notes": by_notes,
    "and kinds": by_side,
    "and capacities": by_energy,
    "and past claims": by_claims,
}


def _candidates(account: Account) -> list[str]:
    return [name for name, count in account.buyers if count >= account.notes]


def _of_side(account: Account, day: Day, names: Sequence[str]) -> list[str]:
    kinds = {person.trader.name: person.kind for person in day.people}
    if account.side is Side.ASK:
        return [name for name in names if kinds[name] in SELLERS]
    return [name for name in names if kinds[name] is not Kind.GENERATION]


def _able(account: Account, day: Day) -> list[str]:
    capacities = _capacities(day)
    candidates = _of_side(account, day, _candidates(account))
    return [name for name in candidates if capacities[name] >= account.energy_wh]


def _capacities(day: Day) -> Mapping[str, int]:
    return {person.trader.name: person.capacity_wh for person in day.people}


def _hit(account: Account, guesses: Sequence[str]) -> float:
    """Return the chance that a guess is right: the first where people redeem at once, else any of them."""
    if account.is_prompt:
        return float(guesses[0] == account.owner)
    return 1 / len(guesses) if account.owner in guesses else 0.0


def _learned(habit: str, knowing: str, looked: Sequence[Look], day: Day) -> Learned:
    return Learned(
        habit=habit,
        knowing=knowing,
        accounts=len(looked),
        candidates=mean(count for _, count, _ in looked),
        bits=mean(math.log2(count) for _, count, _ in looked),
        buyers_found_percent=100 * mean(hit for side, _, hit in looked if side is Side.BID),
        sellers_found_percent=100 * mean(hit for side, _, hit in looked if side is Side.ASK),
        chance_percent=100 / len(day.people),
    )
