"""One throw of the dice, which know the reference: mostly what may succeed, or else what must not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any, TypeVar

from tests.audit.machine.steps import WAIT, Outcome, Step
from tests.audit.machine.walking import Deck
from tests.audit.schedules.walk.ground import COLLECTORS, MEMBERS, SPARE_KEYS, Stage
from tests.audit.schedules.walk.steps import Digest, Key, Line, Member
from tests.audit.schedules.walk.terms import Phase

Thing = TypeVar("Thing")
OTHERS = ("mallory", "stranger", "operator", "governance", "authority")


class Memory:
    """What people remember of a run: what was committed to, how a book is being posted, who was in which group."""

    def __init__(self) -> None:
        self.committed: dict[Key, tuple[Line, ...]] = {}
        self.plans: dict[Key, tuple[Line, ...]] = {}
        self.groups: dict[tuple[Key, int, int], tuple[Member, ...]] = {}

    def note(self, step: Step, outcome: Outcome, model: Any) -> None:
        """Remember a step that succeeded, on the chain or in the reference."""
        for place, members in model.groups.items():
            self.groups.setdefault(place, members)
        if outcome.error or step.contract != "book":
            return
        if step.function == "commit" and isinstance(step.args[2], Digest):
            self.committed[step.args[0], step.args[1], step.sender] = step.args[2].lines


class Chooser:
    """Throws for people, keys, times and amounts."""

    def __init__(self, stage: Stage, memory: Memory, dice: Random) -> None:
        self.stage, self.memory, self.dice = stage, memory, dice
        self.model, self.terms, self.now = stage.model, stage.terms, stage.chain.now

    def chance(self, percent: int) -> bool:
        return self.dice.randrange(100) < percent

    def one(self, things: Iterable[Thing]) -> Thing | None:
        found = list(things)
        return self.dice.choice(found) if found else None

    def step(self, sender: str, contract: str, function: str, *args: Any) -> Step:
        return Step(self.now, sender, contract, function, args)

    def wait_until(self, seconds: int) -> Step | None:
        return Step(seconds, "nobody", "time", WAIT) if seconds > self.now else None

    # People and keys

    def people(self) -> list[int]:
        return list(range(2, 2 + len(MEMBERS)))

    def member(self) -> int:
        """Return mostly somebody who may trade."""
        active = [who for who in self.people() if self.model.is_active(who)]
        if active and self.chance(90):
            return self.dice.choice(active)
        return self.dice.choice([0, 1, 99, *self.people() * 2])

    def key(self, who: int) -> str:
        """Return mostly the key that owns a participant now."""
        if 1 <= who <= len(self.model.registry.participants) and self.chance(96):
            return str(self.model.key_of(who))
        return self.anybody()

    def sessions_of(self, who: int) -> list[str]:
        if not 1 <= who <= len(self.model.registry.participants):
            return []
        return list(self.model.registry.participants[who - 1].sessions)

    def anybody(self) -> str:
        return self.dice.choice((*OTHERS, *MEMBERS, *COLLECTORS, *SPARE_KEYS[:3]))

    def fresh_key(self) -> str:
        """Return mostly a key that never owned anything."""
        participants = self.model.registry.participants
        taken = {tenure.account for one in participants for tenure in one.owners}
        fresh = [key for key in SPARE_KEYS if key not in taken]
        return self.dice.choice(fresh) if fresh and self.chance(90) else self.anybody()

    def share(self, amount: int) -> int:
        """Return a part of an amount, now and then all of it or one unit too much."""
        kind = self.dice.randrange(20)
        if kind == 0:
            return amount + 1
        return amount if kind < 3 else amount * self.dice.randrange(1, 50) // 100

    def ids(self, found: Sequence[int]) -> list[int]:
        """Return mostly these participants in any order, now and then fewer, others, or one of them twice."""
        chosen = list(found)
        self.dice.shuffle(chosen)
        if self.chance(15):
            chosen = chosen[: self.dice.randrange(len(chosen) + 1)]
        if self.chance(6):
            chosen.append(self.member())
        if chosen and self.chance(6):
            chosen.append(chosen[0])
        return chosen

    # Spans and books

    def spans_in(self, *phases: Phase) -> list[int]:
        first = self.now // self.terms.span_seconds
        near = range(first - 3, first + 3 + self.terms.horizon_seconds // self.terms.span_seconds)
        return [span for span in near if self.terms.phase(span, self.now) in phases]

    def any_span(self) -> int:
        return self.now // self.terms.span_seconds + self.dice.randrange(-3, 7)

    def book_key(self, span: int) -> Key:
        return span, self.dice.choice([1, 1, 1, 2, 2, 3]), self.dice.choice(COLLECTORS)

    def keys_of(self, span: int) -> list[Key]:
        """Return the books of a span of which there is something."""
        found = {key for key in self.model.books if key[0] == span}
        return sorted(found | {key for key, _ in self.model.forced if key[0] == span})

    def open_slots(self) -> list[int]:
        """Return the slots in which somebody has a position that is not settled."""
        settled = self.model.settled
        return sorted(
            {
                position.slot
                for (who, _), position in self.model.positions.items()
                if (position.slot, who) not in settled
            }
        )

    def holders_of(self, slot: int) -> list[int]:
        return [who for who in self.people() if self.model.position_of(slot, who) is not None]

    def edges(self) -> list[int]:
        """Return the seconds at which something becomes possible or impossible, from now on."""
        terms, model, now = self.terms, self.model, self.now
        found = [(now // terms.slot_seconds + 1) * terms.slot_seconds]
        found += [terms.start_of(now // terms.span_seconds) + terms.windows.reading_window]
        for span in range(now // terms.span_seconds - 1, now // terms.span_seconds + 8):
            gate = terms.gate_of(span)
            found += [
                gate - terms.force_window,
                gate,
                gate + terms.post_window // 2,
                terms.decided_at(span),
                terms.start_of(span) - terms.horizon_seconds,
            ]
        found += [book.turn_until for book in model.books.values()]
        return sorted({edge for edge in found if edge > now})


Action = Callable[[Chooser], "Step | None"]
DECK: Deck[Action] = Deck()
ACTIONS, WEIGHTS, action = DECK.actions, DECK.weights, DECK.action
