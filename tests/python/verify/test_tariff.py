"""A deployment with a tariff: verified as a whole, and what is changed in the tariff's events is found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from setm.chain.node import local_node
from setm.chain.reader import Reader
from setm.chain.sender import connect
from setm.deployment_plan import contracts
from setm.evm.tariff import DEFAULTS
from setm.types import Side
from setm.verify import read_deployment, verify
from setm.verify.history import History
from setm.verify.source import compile_sources
from setm.verify.trading import check_trading
from tests.python.verify.conftest import START_AT
from tests.python.verify.world import (
    ALICE,
    BOB,
    CAROL,
    KINDS,
    OPERATOR,
    TEN_EUR,
    World,
    default_config,
)

CONFIG = {**default_config(), "tariff": dict(DEFAULTS)}


def live_a_slot(world):
    """alice and carol want 900 and 300 Wh, bob offers 700; carol leaves the price, alice takes it."""
    world.fund("operator", OPERATOR)
    for number, (name, kind) in enumerate(KINDS.items(), start=ALICE):
        world.join(name, kind)
        world.fund(name, number)
        world.send("clearinghouse", "lock", world.addresses["tariff"], TEN_EUR, sender=name)
    seconds = world.config["slot_seconds"]
    slot = world.now // seconds + 8
    for name, side, energy_wh in (
        ("alice", Side.BID, 900),
        ("carol", Side.BID, 300),
        ("bob", Side.ASK, 700),
    ):
        world.send("tariff", "announce", (slot, side, energy_wh), sender=name)
    world.move_to(slot * seconds - DEFAULTS["announce_lead"])
    price = world.call("tariff", "priceOf", slot)
    for name, side, energy_wh in (("alice", Side.BID, 900), ("bob", Side.ASK, 700)):
        world.send("tariff", "take", (slot, side, energy_wh, price), sender=name)
    world.move_to(slot * seconds - DEFAULTS["gate_lead"])
    world.send("tariff", "collect", slot, [ALICE, CAROL], sender="mallory")
    world.move_to((slot + 1) * seconds + world.config["metering"]["reading_window"])
    world.send("settlement", "settle", slot, [ALICE, BOB], sender="mallory")


@pytest.fixture(scope="module")
def traded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tariff")
    compiled = compile_sources(contracts=contracts(CONFIG))
    with local_node("anvil", start_at=START_AT, log=folder / "chain.log") as node:
        world = World(connect(node.url), compiled, CONFIG)
        world.deploy_all()
        live_a_slot(world)
        deployed = read_deployment(world.write(folder / "deployment.json"))
        yield deployed, node.url, compiled


def test_a_deployment_with_a_tariff_passes_as_a_whole(traded):
    checks = verify(*traded)
    assert [check for check in checks if check.outcome == "failed"] == []
    assert {"immutables of tariff", "I5 each price taken is the reference's"} <= {
        check.name for check in checks
    }


@pytest.mark.parametrize(
    ("event", "field", "by", "broken"),
    [
        ("PriceTaken", "price", 1, "I5 each price taken is the reference's"),
        ("EnergyAnnounced", "energyWh", 100, "I5 each price taken is the reference's"),
        ("PriceTaken", "energyWh", -50, "I16 positions equal the trades"),
        ("TradeCollected", "payment", 1, "I11 nobody pays another amount"),
    ],
)
def test_a_changed_event_of_the_tariff_is_found(traded, event, field, by, broken):
    deployed, url, _ = traded
    reader = Reader(url, deployed.contracts)
    events = [
        replace(one, args={**one.args, field: one.args[field] + by})
        if (one.contract, one.event) == ("tariff", event)
        else one
        for one in reader.events()
    ]
    failed = {
        check.name
        for check in check_trading(History(deployed, reader, events))
        if check.outcome == "failed"
    }
    assert broken in failed
