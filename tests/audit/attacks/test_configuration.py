"""Attack 34 and those of a bad configuration: what is deployed must leave time to act and room to count."""

from __future__ import annotations

import json
import re

import pytest

from setm.evm import Evm, Reverted, default_config, deploy_system
from setm.evm.compiler import ROOT
from setm.messages import agreement
from setm.types import Kind, Terms
from tests.audit.attacks.stage import EUR, FOREVER, MARGIN, Stage

# Ethereum's; consortium chains are faster.
BLOCK_SECONDS = 12
LEAST_BLOCKS = 4
SOURCES = [
    path
    for folder in ("contracts", "interfaces")
    for path in sorted((ROOT / folder).rglob("*.sol"))
    if "mocks" not in path.parts
]


def test_every_window_that_is_shipped_is_at_least_four_blocks_long():
    config = json.loads((ROOT / "scripts" / "defaults.json").read_text())
    windows = {
        **{name: config["auction"][name] for name in ("reveal_window", "clear_window")},
        **config["metering"],
        "ordering": config["auction"]["horizon_seconds"] - config["auction"]["gate_lead"],
        "void until delivery": config["auction"]["gate_lead"]
        - config["auction"]["reveal_window"]
        - config["auction"]["clear_window"]
        + config["slot_seconds"],
        "negotiating": config["negotiation"]["horizon_seconds"]
        - config["negotiation"]["gate_lead"],
    }
    assert {
        name for name, length in windows.items() if length < LEAST_BLOCKS * BLOCK_SECONDS
    } == set()


def test_no_contract_asks_for_an_exact_second():
    """A comparison for equality with the block's time would be in the hands of whoever makes the block."""
    exact = re.compile(r"[!=]=\s*block\.timestamp|block\.timestamp\s*[!=]=")
    assert [path.name for path in SOURCES if exact.search(path.read_text())] == []
    assert any("block.timestamp" in path.read_text() for path in SOURCES)


def test_no_contract_asks_who_makes_the_block_or_takes_chance_from_it():
    chance = re.compile(r"block\.(?!timestamp|chainid)\w+|blockhash|tx\.origin|prevrandao")
    found = {path.name: chance.findall(path.read_text()) for path in SOURCES}
    assert {name: what for name, what in found.items() if what} == {}


def quick_config(slot_seconds):
    """Return a configuration whose windows fit slots of so many seconds."""
    return default_config(
        slot_seconds=slot_seconds,
        auction={
            "horizon_seconds": 500 * slot_seconds,
            "gate_lead": 30,
            "reveal_window": 10,
            "clear_window": 10,
        },
        settlement={"release_delay": 1_000 * slot_seconds},
        negotiation={"horizon_seconds": 500 * slot_seconds, "gate_lead": 20},
        metering={
            "reading_window": 100 * slot_seconds,
            "dispute_window": 10 * slot_seconds,
            "resolve_window": 10 * slot_seconds,
        },
    )


def agreed_bound(slot_seconds):
    """Agree on 1,000 Wh at 43 EUR/MWh in a deployment with such slots; return what it says the buyer binds."""
    evm = Evm()
    system = deploy_system(evm, quick_config(slot_seconds))
    alice, bob = (system.enrol(name, Kind.PROSUMER) for name in ("alice", "bob"))
    for person in (alice, bob):
        system.fund(person, system.negotiation, EUR)
    slot = evm.now // slot_seconds + 60
    signed = agreement(
        system.domain(system.negotiation),
        buyer_id=alice.id,
        seller_id=bob.id,
        terms=Terms(first_slot=slot, slot_count=1, energy_wh=1_000, price=43_000),
        salt=1,
        deadline=FOREVER,
    )
    proof = (alice, signed.sign(alice.key), bob, signed.sign(bob.key))
    system.negotiation.send("agree", tuple(signed.values.values()), *proof)
    return system.negotiation.call("boundOf", slot, alice.id)


@pytest.mark.parametrize("slot_seconds", [60, 300, 900, 3600])
def test_an_agreement_is_kept_with_the_slot_lengths_in_use(slot_seconds):
    assert agreed_bound(slot_seconds) == 43_000


@pytest.mark.parametrize("slot_seconds", [1, 5, 26])
def test_slots_whose_turns_of_the_ring_do_not_fit_their_field_are_refused(slot_seconds):
    """A position counts turns of the ring, 1,024 slots each, in 16 bits: slots of seconds have run over by now."""
    with pytest.raises(Reverted, match="ConfigRefused"):
        agreed_bound(slot_seconds)


# What a seller binds against what its missing energy costs


def money_from_nothing(cover_price):
    """Let a seller without a guarantee sell energy that does not exist to a friend who does not use it, for nothing.

    Return what the two own in the end beyond what they had, 1e-6 EUR.
    """
    stage = Stage(negotiation={"floor_price": 0, "cover_price": cover_price})
    seller = stage.system.enrol("seller", Kind.PROSUMER)
    friend = stage.system.enrol("friend", Kind.PROSUMER)
    for number, person in enumerate((seller, friend), start=4):
        stage.system.fund(person, stage.negotiation, MARGIN)
        stage.bind(person, number)
    start = stage.wealth(seller) + stage.wealth(friend)
    stage.agree(friend, seller, energy_wh=1_000_000, price=0)
    stage.go(stage.end)
    stage.meters.send("postReadings", [stage.signed(4, 0, 0), stage.signed(5, 0, 0)])
    stage.settle(seller, friend)
    owed = stage.settlement.call("arrearsOf", seller.id)
    # Whoever leaves with a debt never pays it.
    return stage.wealth(seller) + max(owed, 0) + stage.wealth(friend) - start


def test_the_shipped_cover_is_what_missing_energy_costs_or_more():
    config = default_config()
    retail = config["settlement"]["retail_price"]
    assert config["auction"]["cover_price"] >= retail
    assert config["negotiation"]["cover_price"] >= retail
    assert config["settlement"]["feed_in_price"] <= config["auction"]["floor_price"]
    assert money_from_nothing(config["negotiation"]["cover_price"]) < 0


def test_a_cover_below_the_grid_operators_price_is_refused():
    """Two who have nothing would take the feed-in price of any quantity from the grid operator's guarantee."""
    with pytest.raises(Reverted, match="ConfigRefused"):
        money_from_nothing(0)
