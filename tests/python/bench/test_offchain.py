"""The figures of what runs off chain: each is there, and says whether it keeps its promise."""

from __future__ import annotations

import pytest

from setm.bench.offchain import Figure, Workload, measure


def test_measures_every_stage_of_a_small_workload():
    work = Workload(orders=500, participants=5, agents=3, signatures=4, schedules=2, runs=2)
    figures = measure(work)
    assert [(figure.name, figure.unit) for figure in figures] == [
        ("forecast 3 agents x 96 slots", "ms"),
        ("orders signed", "1/s"),
        ("orders verified", "1/s"),
        ("day schedules signed", "1/s"),
        ("day schedules verified", "1/s"),
        ("clear 500 orders, all fills", "ms"),
        ("clear 500 orders, all fills, median", "ms"),
        ("clear a day of 5 participants x 96 slots", "ms"),
        ("memory to clear 500 orders", "MiB"),
        ("peak memory of the process", "MiB"),
    ]
    assert all(figure.value > 0 for figure in figures)
    promised = {
        figure.name: (figure.ceiling, figure.floor)
        for figure in figures
        if (figure.ceiling, figure.floor) != (None, None)
    }
    assert promised == {
        "orders verified": (None, 15_000),
        "clear 500 orders, all fills": (20, None),
    }


@pytest.mark.parametrize(
    ("value", "bound", "is_met"),
    [
        (5, {}, True),
        (5, {"ceiling": 5}, True),
        (5.1, {"ceiling": 5}, False),
        (5, {"floor": 5}, True),
        (4.9, {"floor": 5}, False),
    ],
)
def test_a_figure_says_whether_it_keeps_its_promise(value, bound, is_met):
    assert Figure(name="a figure", value=value, unit="ms", **bound).is_met is is_met
