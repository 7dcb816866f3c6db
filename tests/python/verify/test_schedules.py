"""A deployment with signed schedules: verified as a whole after a span that was posted, written out and settled."""

from __future__ import annotations

import pytest

from setm.chain.node import local_node
from setm.chain.sender import connect
from setm.deployment_plan import contracts
from setm.schedules import (
    BookKey,
    Entry,
    ScheduleRules,
    SlotOrder,
    Source,
    cleared,
    member_of,
    pack_entries,
    pack_fills,
    pack_orders,
)
from setm.types import Grid, Side
from setm.units import Price, Wh
from setm.verify import read_deployment, verify
from setm.verify.source import compile_sources
from tests.python.verify.conftest import START_AT
from tests.python.verify.test_optional import DAY_AHEAD
from tests.python.verify.world import (
    ALICE,
    BOB,
    KINDS,
    OPERATOR,
    TEN_EUR,
    World,
    default_config,
)

# Where the registry's answer about a participant has its zone.
ZONE = 3
CONFIG = {**default_config(), "day_ahead": DAY_AHEAD}
SLOTS = DAY_AHEAD["span_slots"]
RULES = ScheduleRules(
    grid=Grid(floor_price=Price(DAY_AHEAD["floor_price"]), tick_size=Price(DAY_AHEAD["tick_size"])),
    k=DAY_AHEAD["k"],
    span_slots=SLOTS,
    cover_price=Price(DAY_AHEAD["cover_price"]),
)


def live_a_span(world):
    """alice buys in each slot, bob sells in each but the last; both force their schedules in, mallory does the rest."""
    world.fund("operator", OPERATOR)
    for number, (name, kind) in enumerate(KINDS.items(), start=ALICE):
        world.join(name, kind)
        world.fund(name, number)
        world.send("clearinghouse", "lock", world.addresses["day_ahead"], TEN_EUR, sender=name)
    slot_seconds = world.config["slot_seconds"]
    span = world.now // (SLOTS * slot_seconds) + 3
    schedules = {
        ALICE: [SlotOrder(side=Side.BID, tick=200, energy_wh=Wh(900))] * SLOTS,
        BOB: [*[SlotOrder(side=Side.ASK, tick=100, energy_wh=Wh(700))] * (SLOTS - 1), None],
    }
    zone = world.call("registry", "participant", ALICE)[ZONE]
    key = BookKey(span=span, zone=zone, collector=world.people["mallory"].address)
    for number, name in ((ALICE, "alice"), (BOB, "bob")):
        world.send(
            "day_ahead_book", "force", key.values, pack_orders(schedules[number]), sender=name
        )
    start = span * SLOTS * slot_seconds
    world.move_to(start - DAY_AHEAD["gate_lead"])
    book = cleared(schedules, RULES)
    entries = [
        Entry(
            source=Source.FORCED,
            participant_id=number,
            r=bytes(32),
            vs=bytes(32),
            orders=tuple(pack_orders(orders)),
        )
        for number, orders in schedules.items()
    ]
    batch = (list(book.margins), [], pack_entries(entries, SLOTS), True)
    world.send("day_ahead_book", "post", key.values, batch, sender="mallory")
    yield
    world.move_to(start - DAY_AHEAD["gate_lead"] + DAY_AHEAD["post_window"])
    members = [member_of(one) for one in book.outcomes]
    fills = [word for one in book.outcomes for word in pack_fills(one.fills)]
    written = (key.values, 0, members, [0, 1], fills, list(book.margins))
    world.send("day_ahead", "unpackMany", *written, sender="mallory")
    world.move_to(start + SLOTS * slot_seconds + world.config["metering"]["reading_window"])
    for slot in range(span * SLOTS, (span + 1) * SLOTS):
        world.send("settlement", "settle", slot, [ALICE, BOB], sender="mallory")


@pytest.fixture(scope="module")
def traded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("schedules")
    compiled = compile_sources(contracts=contracts(CONFIG))
    with local_node("anvil", start_at=START_AT, log=folder / "chain.log") as node:
        world = World(connect(node.url), compiled, CONFIG)
        world.deploy_all()
        early = []
        for _ in live_a_span(world):
            early = verified(world, folder, node.url)
        yield world, folder, node.url, early


def verified(world, folder, url):
    return verify(read_deployment(world.write(folder / "deployment.json")), url, world.compiled)


def test_what_a_posted_book_binds_is_explained(traded):
    *_, checks = traded
    assert [check for check in checks if check.outcome == "failed"] == []


def test_a_deployment_with_schedules_passes_as_a_whole(traded):
    world, folder, url, _ = traded
    checks = verified(world, folder, url)
    assert [check for check in checks if check.outcome == "failed"] == []
    assert {f"immutables of {role}" for role in ("roster", "day_ahead", "day_ahead_book")} <= {
        check.name for check in checks
    }


def test_another_window_of_schedules_fails_in_code_and_settings(traded):
    world, folder, url, _ = traded
    changed = {**CONFIG, "day_ahead": {**DAY_AHEAD, "post_window": 900}}
    deployed = read_deployment(world.write(folder / "changed.json", config=changed))
    failed = {one.name for one in verify(deployed, url, world.compiled) if one.outcome == "failed"}
    assert {"immutables of day_ahead", "immutables of day_ahead_book", "day_ahead"} <= failed
