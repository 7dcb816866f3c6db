"""Every second between two changes of a journal is counted once, for the right stage."""

from itertools import pairwise

import pytest

from setm.bench.stopwatch import Stopwatch, child_named, peak_mib
from setm.chain.journal import Entry, Intent, State

CHANGES = [
    (1, "planned", "give gas money", "deploy"),
    (1, "signed", "give gas money", "enrol"),
    (1, "mined", "give gas money", "enrol"),
    (2, "planned", "commit", "sign"),
    (2, "signed", "commit", "sign"),
    (2, "sent", "commit", "collect"),
    (2, "mined", "commit", "collect"),
    (2, "final", "commit", "books"),
    (3, "planned", "clear", "clear"),
    (3, "mined", "clear", "clear"),
    (4, "planned", "post readings", "sign"),
    (4, "mined", "post readings", "settle"),
    (5, "signed", "settle", "settle"),
]


def entry(number, action):
    intent = Intent(
        participant="alice", action=action, contract="", target="0x", selector="", value=0
    )
    return Entry(
        number=number, sender="0x", ordinal=0, intent=intent, state=State.SENT, nonce=0, mined=None
    )


def test_counts_each_change_for_its_stage():
    times = iter([2.0**place for place in range(len(CHANGES) + 1)])
    watch = Stopwatch(clock=lambda: next(times))
    expected: dict[str, float] = {}
    laps = [later - earlier for earlier, later in pairwise(2.0**p for p in range(len(CHANGES) + 1))]
    for (number, change, action, stage), lap in zip(CHANGES, laps, strict=True):
        watch.observe(change, [entry(number, action)])
        expected[stage] = expected.get(stage, 0.0) + lap
    assert watch.seconds == expected
    assert watch.transactions == 4


def test_tells_the_peak_memory_of_a_process_that_exists():
    import os

    if peak_mib(os.getpid()) is None:
        pytest.skip("this system does not tell")
    assert 1 < peak_mib(os.getpid()) < 100_000
    assert peak_mib(None) is None
    assert child_named(os.getpid(), ("no such program",)) is None
