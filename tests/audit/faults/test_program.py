"""A program that dies at any point of its journal, meets a twin or a full disk, and goes on when started again."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import time
from dataclasses import replace

import pytest

from setm.chain.journal import State
from tests.audit.faults.cases import SEND
from tests.audit.faults.conftest import IS_AUDIT
from tests.audit.faults.program import Life, Trigger
from tests.audit.faults.survival import Ended, begin, finish, judge, start, undone

EVERY = [("anvil", "auction"), ("anvil", "negotiation")]
# What a file may grow to, bytes; from not even the journal's first page to enough.
LIMITS = (1, 5_000, 20_000, 40_000, 300_000, 10**7)
# From when on nothing can be written: while members join, while they trade, when the events are written.
MOMENTS = ((SEND, "join"), (SEND, "commit"), (SEND, "settle"), ("eth_getLogs", ""))


@pytest.fixture
def life_of(prepared, tmp_path):
    def life(kind, mechanism, **options):
        made = Life(
            mechanism=mechanism,
            kind=kind,
            folder=tmp_path / "day",
            day_file=prepared.day_file,
            **options,
        )
        prepared.begin(kind, made.folder)
        return made

    return life


def die_and_rise(life: Life, strides) -> list[Ended]:
    """Start the program again and again; each time it dies after as many new writes as ``strides`` says."""
    ends = []
    for stride in strides:
        ends.append(start(replace(life, dies_after_writes=stride)))
        if not ends[-1].killed:
            break
    return ends


def mined_by(life: Life) -> int:
    """Return how many transactions the journal has seen in blocks."""
    with contextlib.closing(sqlite3.connect(life.folder / "journal.sqlite")) as journal:
        (count,) = journal.execute(
            "SELECT count(*) FROM transactions WHERE state IN (?, ?)", (State.MINED, State.FINAL)
        ).fetchone()
    return int(count)


@pytest.mark.skipif(not IS_AUDIT, reason="hundreds of deaths take minutes; a sample follows")
@pytest.mark.parametrize(("kind", "mechanism"), EVERY)
def test_goes_on_after_a_death_at_every_write_of_its_journal(
    kind, mechanism, truth_of, life_of, register
):
    truth = truth_of(kind, mechanism)
    life = life_of(kind, mechanism)
    ends = die_and_rise(life, [1] * (2 * len(truth.end.writes)))
    survival = judge(truth, life, ends)
    died_at = {item["method"] for item in survival.struck}
    missed = {f"journal: {write}" for write in truth.end.writes} - died_at
    # Which lines a step of the clock makes final together depends on where the lives before ended.
    wrong = [*survival.wrong, *(f"never died at {it}" for it in missed if "final" not in it)]
    register.add("death", life, survival, ok=not wrong)
    assert wrong == []
    assert not survival.differs_in_time
    assert not survival.tables_differ


@pytest.mark.parametrize(("kind", "mechanism"), [("anvil", "negotiation"), ("ganache", "auction")])
def test_goes_on_after_deaths_at_some_writes_of_its_journal(
    kind, mechanism, truth_of, life_of, register
):
    truth = truth_of(kind, mechanism)
    chance = random.Random(3)
    longest = len(truth.end.writes) // 3
    life = life_of(kind, mechanism)
    ends = die_and_rise(life, [chance.randint(1, longest) for _ in truth.end.writes])
    survival = judge(truth, life, ends)
    register.add("death", life, survival, ok=survival.ok)
    assert survival.wrong == []
    assert len(survival.struck) >= 4
    assert not survival.differs_in_time
    assert not survival.tables_differ


@pytest.mark.parametrize("after", [True, False], ids=["after the node", "before the node"])
@pytest.mark.parametrize(("kind", "mechanism"), EVERY[:1] if IS_AUDIT else [], ids=str)
def test_goes_on_after_a_death_at_every_transaction(
    kind, mechanism, after, truth_of, life_of, register
):
    truth = truth_of(kind, mechanism)
    life = life_of(kind, mechanism)
    # The first hands in what the last life left behind, the second is new. What is handed in together comes again
    # as a whole: then the next of it is the next point.
    ends, at, known = [], 2, 0
    while not ends or ends[-1].killed:
        trigger = Trigger(name="program killed", method=SEND, occurrence=at, after=after)
        ends.append(start(replace(life, triggers=(trigger,))))
        assert len(ends) < 2 * len(truth.chain["transactions"]), "no progress"
        before, known = known, mined_by(life)
        at = at + 1 if known == before else 2
    survival = judge(truth, life, ends)
    register.add("death", life, survival, ok=survival.ok)
    assert survival.wrong == []
    assert len(survival.struck) >= truth.end.requests[SEND] / 2
    assert not survival.differs_in_time


@pytest.mark.parametrize("kind", ["anvil", "ganache"] if IS_AUDIT else ["anvil"])
def test_of_two_programs_on_one_journal_one_goes_on(kind, truth_of, life_of, register):
    life = life_of(kind, "auction")
    truth = truth_of(kind, "auction")
    twin = replace(life, tag="twin")
    first, second = begin(life), begin(twin)
    ends = [finish(life, first), finish(twin, second)]
    whole, refused = sorted(ends, key=lambda end: not end.is_whole)
    survival = judge(truth, life if ends[0].is_whole else twin, [whole])
    locked = (
        refused.said.startswith("JournalLocked") and "in use by another process" in refused.said
    )
    register.add_row(
        stage="twins", network=kind, mechanism="auction", kind="two programs on one journal",
        where="from the start", reached_node="", happened=f"{whole.words}; the other {refused.words}",
        survived=survival.ok and locked, same_times=not survival.differs_in_time, back_after_seconds="",
    )  # fmt: skip
    assert survival.wrong == []
    assert locked, refused
    assert not survival.differs_in_time


def say_and_go_on(life: Life, truth, register, where: str) -> Ended:
    """Fill the disk, look at what is left, make room, and go on; return how the first start ended."""
    full = start(life)
    # The list of members is written last and says that the mechanism's files are whole.
    looks_whole = (life.folder / "members.json").exists()
    left = looks_whole and any(
        (life.folder / name).read_bytes() != (truth.folder / name).read_bytes()
        for name in ("events.jsonl", "transactions.jsonl", "members.json")
    )
    survival = judge(truth, life, [full] if full.is_whole else [full, start(undone(life))])
    said = full.is_whole or (
        full.said.startswith("StorageFull") and "make room" in full.said and "/" in full.said
    )
    register.add_row(
        stage="disk", network=life.kind, mechanism=life.mechanism, kind="full disk", where=where,
        reached_node="", happened=survival.happened, survived=survival.ok and said and not left,
        same_times=not survival.differs_in_time, back_after_seconds="",
    )  # fmt: skip
    assert survival.wrong == []
    assert said, full
    assert not left, "half a day looks whole"
    assert not survival.differs_in_time
    return full


@pytest.mark.parametrize("limit", LIMITS if IS_AUDIT else LIMITS[1::3])
def test_says_which_file_is_full_and_goes_on_when_there_is_room(limit, truth_of, life_of, register):
    life = life_of("anvil", "auction", file_limit=limit)
    full = say_and_go_on(life, truth_of("anvil", "auction"), register, f"{limit} bytes a file")
    assert full.is_whole == (limit == LIMITS[-1]), "the limits do not reach from nothing to enough"


@pytest.mark.parametrize(("method", "action"), MOMENTS if IS_AUDIT else MOMENTS[-1:])
def test_goes_on_after_the_disk_was_full_from_some_moment_on(
    method, action, truth_of, life_of, register
):
    truth = truth_of("anvil", "auction")
    at = truth.request_of(action) if action else 1
    trigger = Trigger(name="disk full", method=method, occurrence=at, after=True)
    full = say_and_go_on(
        life_of("anvil", "auction", triggers=(trigger,)), truth, register, f"from {method} {at} on"
    )
    assert not full.is_whole
    assert ("events.jsonl" if not action else "journal.sqlite") in full.said


def test_is_back_within_seconds(truth_of, life_of, register):
    truth = truth_of("anvil", "negotiation")
    life = life_of("anvil", "negotiation", dies_after_writes=len(truth.end.writes) - 20)
    killed = start(life)
    began = time.monotonic()
    again = start(undone(life))
    took = time.monotonic() - began
    survival = judge(truth, life, [killed, again])
    register.add("death", life, survival, ok=survival.ok)
    register.back_after = took
    assert survival.wrong == []
