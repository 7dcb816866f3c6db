"""Random days of a community with energy tags, through chain and reference, act by act.

At least 1,500 messages at SETM_DEPTH=1, 22,500 in `make audit`: orders, trades, readings, mintings, deliveries, gifts,
claims, new and lost credentials. What one side refuses the other refuses alike, with the same values; after each act
tags and money are conserved, at the end everything is the same.
"""

from __future__ import annotations

import random
from collections import Counter
from functools import cache

import pytest

from tests.audit.books.tag_acts import ACTS, Acting
from tests.audit.books.tag_checks import check_all, check_money, check_tags, check_venue
from tests.audit.books.tag_world import Stage, World
from tests.audit.figures import DEPTH, record

EXAMPLES, STEPS = 5 * DEPTH, 600
# What has to happen for a run to say anything.
WANTED = ("take", "mint", "deliver", "give", "withdraw", "claim", "claim_consumption")


@cache
def stage() -> Stage:
    return Stage()


def play(number: int) -> tuple[World, Counter[str]]:
    """Let everybody act for a while and compare after each act."""
    world = Acting(stage(), random.Random(f"tags {number}"))
    done: Counter[str] = Counter()
    with stage().evm.undone():
        for _ in range(STEPS):
            act, before, accepted = world.dice.choice(ACTS), world.tokens, world.accepted
            getattr(world, act)()
            done[act] += world.accepted - accepted
            if world.tokens is not before:
                touched = set(before.balances.items()) ^ set(world.tokens.balances.items())
                check_tags(world, {tag for (_, tag), _ in touched})
            check_money(world)
            check_venue(world, is_thorough=False)
        check_all(world)
    return world, done


@pytest.mark.timeout(1800)
def test_random_days_with_tags_come_to_the_same_on_chain_and_in_the_reference() -> None:
    done: Counter[str] = Counter()
    told = accepted = 0
    for number in range(EXAMPLES):
        world, counted = play(number)
        done += counted
        told += world.told
        accepted += world.accepted
    wanted = EXAMPLES * STEPS // 2
    record(
        "differential",
        "messages about tags answered as in the reference",
        told,
        wanted=f"at least {wanted}",
        ok=told >= wanted,
        accepted=accepted,
        **{act.replace("_", " "): done[act] for act in WANTED},
    )
    assert told >= wanted
    assert {act for act in WANTED if not done[act]} == set()
