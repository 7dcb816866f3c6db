"""Optional parts of a deployment are verified like the standard ones: every built-in value has an expectation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from setm.chain.abi import artifact
from setm.deployment_plan import BOOKS, OPTIONAL, STANDARD
from setm.report.run import Event, MechanismRun
from setm.verify import Deployed
from setm.verify.code import expected_immutables, plain
from setm.verify.conditional import owing, trades
from setm.verify.source import compile_sources
from tests.python.verify.world import default_config

CONDITIONAL = {
    "gate_lead": 1_800,
    "horizon_seconds": 172_800,
    "floor_price": 30_000,
    "cap_price": 55_500,
    "cover_price": 55_500,
    "max_energy_wh": 1_000_000_000,
    "tag_price": 10_000,
}
ANONYMOUS = {
    "gate_lead": 1_800,
    "horizon_seconds": 172_800,
    "decision_seconds": 3_600,
    "floor_price": 30_000,
    "cap_price": 55_500,
    "cover_price": 55_500,
    "max_energy_wh": 1_000_000_000,
    "denomination": 1_000_000,
}
DAY_AHEAD = {
    "floor_price": 30_000,
    "tick_size": 100,
    "k": 500,
    "span_slots": 4,
    "force_window": 900,
    "gate_lead": 1_800,
    "post_window": 1_800,
    "lease_seconds": 900,
    "horizon_seconds": 86_400,
    "cover_price": 55_500,
}
MODULUS = "0x" + bytes(range(128, 256)).hex() * 2


@pytest.fixture(scope="module")
def deployed():
    roles = (*STANDARD, *OPTIONAL, *BOOKS)
    addresses = {role: f"0x{number:040x}" for number, role in enumerate(roles, 1)}
    return Deployed(
        chain_id=1,
        contracts=addresses,
        config={
            **default_config(),
            "tags": {"sources": {"7": "solar"}},
            "conditional": CONDITIONAL,
            "notes": {"modulus": MODULUS, "issue_seconds": 3_600},
            "anonymous": ANONYMOUS,
            "day_ahead": DAY_AHEAD,
        },
        governance=addresses["token"],
        authorities=(),
        operator=addresses["token"],
        own_token=True,
        from_block=0,
    )


@pytest.mark.parametrize(
    "roles",
    [
        ("tags", "conditional"),
        ("notes", "anonymous"),
        ("roster", "day_ahead", "day_ahead_book"),
    ],
)
def test_every_immutable_of_an_optional_part_has_an_expected_value(deployed, roles):
    known = {**OPTIONAL, **BOOKS}
    contracts = {role: known[role] for role in roles}
    for role, compiled in compile_sources(contracts=contracts).items():
        names = {plain(name) for name in compiled.immutables}
        assert names - expected_immutables(role, deployed).keys() == set()
        assert artifact(contracts[role])["abi"] == compiled.abi


def test_the_key_of_notes_is_expected_word_by_word(deployed):
    expected = expected_immutables("notes", deployed)
    words = b"".join(expected[f"n{place}"] for place in range(8))
    assert "0x" + words.hex() == MODULUS


def test_a_deployment_without_tags_expects_no_address_of_them(deployed):
    bare = {role: deployed.contracts[role] for role in STANDARD}
    without = replace(deployed, contracts=bare)
    assert "tags" not in expected_immutables("negotiation", without)
    assert "settlement" in expected_immutables("negotiation", without)


def event(name, **args):
    return Event(
        line="",
        block=1,
        timestamp=1,
        tx_hash="0x1",
        log_index=1,
        contract="conditional",
        name=name,
        args=args,
    )


@pytest.fixture
def record(deployed):
    """A buyer, 2, took 335 Wh of 3 and 4 took 100 Wh of it; the tags of the first trade were delivered."""
    taken = {"slot": 7, "sellerId": 3, "price": 46_100}
    return MechanismRun(
        name="conditional",
        slot_seconds=900,
        contracts=deployed.contracts,
        config=deployed.config,
        participants={},
        events=(
            event("OrderTaken", tradeId=1, buyerId=2, energyWh=335, owedWh=335, **taken),
            event("OrderTaken", tradeId=2, buyerId=4, energyWh=100, owedWh=1, **taken),
            event("OrderTaken", tradeId=3, buyerId=2, energyWh=1, owedWh=0, **{**taken, "slot": 8}),
            event("TagsDelivered", tradeId=1, buyerId=2, sellerId=3),
        ),
        transactions=(),
    )


def test_both_sides_of_each_trade_with_conditions_are_told_and_rounded(record):
    found = [(one.participant_id, one.number, one.amount) for one in trades(record)]
    assert found == [
        *((2, 1, 15_444), (3, 1, 15_443)),
        *((4, 1, 4_610), (3, 2, 4_610)),
        *((2, 1, 47), (3, 1, 46)),
    ]


def test_bonds_of_tags_that_are_not_delivered_stay_bound(record):
    assert owing(record) == {(7, 3)}
