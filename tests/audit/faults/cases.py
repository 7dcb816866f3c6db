"""The list of faults: which kind, at which request or phase, on which chain and in which mechanism.

A place is named before the day is known: the request that hands in the first ``open``, or the one in the middle of all
``eth_call``. The undisturbed day says which number that is.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, product

from setm.chain.node import NodeKind
from tests.audit.faults.effects import DEEP
from tests.audit.faults.program import Life, Trigger
from tests.audit.faults.proxy import Fault
from tests.audit.faults.survival import Truth

SEND = "eth_sendRawTransaction"
RECEIPT = "eth_getTransactionReceipt"
BLOCK = "eth_getBlockByNumber"
COUNT = "eth_getTransactionCount"
SETTINGS: tuple[tuple[NodeKind, str], ...] = (
    ("anvil", "auction"),
    ("ganache", "negotiation"),
    ("anvil", "negotiation"),
    ("ganache", "auction"),
)
# Ganache takes three times as long for the same.
TURNS = (SETTINGS[0], SETTINGS[2], SETTINGS[3], SETTINGS[0], SETTINGS[2], SETTINGS[1])
PHASES = {
    "auction": ("join", "lock", "bind meter", "commit", "open", "clear", "post readings", "settle"),
    "negotiation": ("join", "deposit", "offer", "counter", "accept", "post readings", "settle"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A request: the ``share``-th of all of ``method`` (0 the first, 1 the last), or that which sends an action."""

    method: str
    share: float = 0.0
    action: str = ""

    def occurrence(self, truth: Truth) -> int:
        """Return which request of its method it is, counted from 1."""
        if self.action:
            return truth.request_of(self.action)
        asked = truth.end.requests[self.method]
        if self.method in (RECEIPT, BLOCK):
            # Asked again until there is an answer: so often at least, how often more is chance.
            asked = truth.end.requests[SEND]
        return 1 + round(self.share * (asked - 1))

    def __str__(self) -> str:
        where = self.action or f"{self.share:.0%}"
        return f"{self.method} {where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What strikes one day; more than one fault is a storm."""

    kind: NodeKind
    mechanism: str
    faults: tuple[tuple[str, Place], ...] = ()
    effects: tuple[tuple[str, Place, bool], ...] = ()
    # The fault moves the chain's clock itself: times may differ then, what happens may not.
    moves_clock: bool = False
    # The other branch is longer than a phase: what was in time is too late there, and the program may say so.
    may_begin_anew: bool = False
    has_second_endpoint: bool = False

    def __str__(self) -> str:
        named = [f"{kind} at {place}" for kind, place in self.faults]
        named += [
            f"{kind} {'after' if after else 'before'} {place}"
            for kind, place, after in self.effects
        ]
        return f"{self.kind} {self.mechanism}: {'; '.join(named)}"

    def strike(self, life: Life, truth: Truth) -> Life:
        """Return ``life`` with these faults at the places that the undisturbed day shows."""
        return replace(
            life,
            has_second_endpoint=self.has_second_endpoint,
            faults=tuple(
                Fault(kind=kind, method=place.method, occurrence=place.occurrence(truth))
                for kind, place in self.faults
            ),
            triggers=tuple(
                Trigger(
                    name=kind,
                    method=place.method,
                    occurrence=place.occurrence(truth),
                    after=after,
                )
                for kind, place, after in self.effects
            ),
        )


LOST = (
    "never answered, never reached the node",
    "never answered, though the node got it",
    "connection dropped before the node",
    "connection dropped after the node",
    "connection dropped, delivered late",
    "answered late",
)
DOUBLED = ("delivered twice, second answer", "delivered twice, first answer")
BROKEN = (
    "another request's answer",
    "wrong id",
    "empty result",
    "no result",
    "result of the wrong type",
    "empty body",
    "garbage",
    "half an answer",
    "a list instead of an answer",
    "HTTP 500",
    "HTTP 502 after the node",
    "HTTP 429",
    "internal error",
    "internal error after the node",
    "limit exceeded",
)
WRONG = {
    SEND: (
        "wrong hash",
        "swallowed, said to be done",
        "another request's result",
        "said to be known already",
        "said to have a used nonce",
        "said to be underpriced",
    ),
    RECEIPT: ("result of another request of its kind", "stale result"),
    BLOCK: ("result of another request of its kind", "stale result", "another request's result"),
    COUNT: ("result of another request of its kind", "stale result"),
    "eth_blockNumber": ("stale result",),
    "eth_chainId": ("wrong chain id",),
}
CLOCK = {"anvil": ("evm_setNextBlockTimestamp", "evm_mine"), "ganache": ("evm_mine",)}
READING = ("eth_call", "eth_getLogs", "eth_getCode", "eth_blockNumber", "eth_chainId")


def single_faults() -> list[Case]:
    """Every kind of fault at every kind of request that it can strike, once each, spread over the day."""
    settings, chance = cycle(TURNS), random.Random(1)
    struck = [
        (method, fault)
        for method in (SEND, RECEIPT)
        for fault in (*LOST, *DOUBLED, *BROKEN, *WRONG[method])
    ]
    struck += [
        (method, fault)
        for method, broken in ((BLOCK, BROKEN[::2]), (COUNT, BROKEN[1::2]))
        for fault in (*LOST, *broken, *WRONG[method])
    ]
    struck += [
        (method, fault)
        for method in READING
        for fault in (*LOST, *BROKEN, *WRONG.get(method, ()))
        if fault in WRONG.get(method, ()) or chance.random() < 0.15
    ]
    cases = [_single(next(settings), fault, method, chance.random()) for method, fault in struck]
    return cases + [
        _single(setting, fault, method, chance.random())
        for setting in SETTINGS[:2]
        for method, fault in product(CLOCK[setting[0]], (*LOST, *DOUBLED, *BROKEN))
        if chance.random() < 0.25
    ]


def _single(setting: tuple[NodeKind, str], fault: str, method: str, share: float) -> Case:
    kind, mechanism = setting
    place = Place(method=method, share=round(share, 2))
    twice = method == "evm_mine" and fault in (*DOUBLED, "connection dropped, delivered late")
    return Case(kind=kind, mechanism=mechanism, faults=((fault, place),), moves_clock=twice)


def storms(count: int, faults: int = 8) -> list[Case]:
    """Days on which many things go wrong, one after the other."""
    chance, settings = random.Random(2), cycle(TURNS)
    return [_storm(next(settings), chance, faults) for _ in range(count)]


def _storm(setting: tuple[NodeKind, str], chance: random.Random, faults: int) -> Case:
    kind, mechanism = setting
    drawn = []
    for number in range(faults):
        method = chance.choice((SEND, SEND, RECEIPT, BLOCK, COUNT, "eth_call", *CLOCK[kind]))
        fault = chance.choice((*LOST[2:], *LOST[2:], *BROKEN, *WRONG.get(method, ())))
        share = (number + chance.random()) / faults
        drawn.append((fault, Place(method=method, share=round(share, 2))))
    return Case(kind=kind, mechanism=mechanism, faults=tuple(drawn), moves_clock=True)


ANVIL_ONLY = (
    "chain killed, its state torn",
    "reorganisation of 1 block",
    "reorganisation of 3 blocks",
    f"reorganisation of {DEEP} blocks",
    "rollback of 1 block",
    "rollback of 3 blocks",
    "transactions dropped",
    "base fee above every offer",
)
BOTH = (
    "chain killed",
    "chain ended",
    "chain stopped for a while",
    "chain killed, its state lost",
    "program and chain killed",
    "program killed",
    "program ended",
    "no blocks for a while",
    "clock 7 s ahead",
    "empty block",
)
# Another branch has blocks of its own at those times, so what comes back comes later.
MOVES_CLOCK = (
    "clock 7 s ahead",
    "clock 120 s ahead",
    "empty block",
    "no blocks for a while",
    *(effect for effect in ANVIL_ONLY if effect.startswith(("reorganisation", "rollback"))),
)


def chain_faults() -> list[Case]:
    """What chains do, in phases that take turns, before the node gets a transaction or after it."""
    return [*_chain_faults(), *_lost_endpoints(), *_at_edges()]


def _chain_faults() -> Iterator[Case]:
    turn = cycle((True, False))
    for kind, mechanism in SETTINGS:
        kinds: Sequence[str] = (*BOTH, *ANVIL_ONLY) if kind == "anvil" else BOTH
        for number, effect in enumerate(kinds):
            for phase in PHASES[mechanism][number % 5 :: 5]:
                yield _effect(kind, mechanism, effect, phase, next(turn))


def _lost_endpoints() -> Iterator[Case]:
    """One of two addresses is gone for good, before or after it got something to do."""
    for (kind, mechanism), after in product(SETTINGS, (False, True)):
        for phase in PHASES[mechanism][after::4]:
            case = _effect(kind, mechanism, "endpoint lost for good", phase, after)
            yield replace(case, has_second_endpoint=True)


def _at_edges() -> Iterator[Case]:
    """Where a phase begins or a clock matters most."""
    for phase in ("commit", "open", "post readings"):
        yield _effect("anvil", "auction", "clock 120 s ahead", phase, True)
    for effect in ("reorganisation of 1 block", "rollback of 1 block"):
        for phase in ("open", "clear", "settle"):
            yield _effect("anvil", "auction", effect, phase, False)


def _effect(kind: NodeKind, mechanism: str, effect: str, phase: str, after: bool) -> Case:
    place = Place(method=SEND, action=phase)
    return Case(
        kind=kind,
        mechanism=mechanism,
        effects=((effect, place, after),),
        moves_clock=effect in MOVES_CLOCK,
        may_begin_anew=effect == f"reorganisation of {DEEP} blocks",
    )
