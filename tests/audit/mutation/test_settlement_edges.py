"""Settlement where one slot follows another and where nothing is left"""

import pytest

from setm.units import payment_up
from tests.audit.attacks.stage import CAPACITY_WH, Stage


@pytest.fixture(scope="module")
def deployed():
    return Stage()


@pytest.fixture
def stage(deployed):
    first = deployed.slot
    with deployed.evm.undone():
        yield deployed
    deployed.slot = first


def settled(stage, slot):
    stage.slot = slot
    return stage.settle(stage.alice, stage.bob).named("SlotSettled")


@pytest.mark.parametrize("distance", [1, 2, 255, 256, 257])
def test_a_slot_stays_settled_whatever_is_settled_after_it(stage, distance):
    first = stage.slot
    stage.agree(stage.alice, stage.bob)
    slots = (first, first + distance)
    for slot in slots:
        assert len(settled(stage, slot)) == 2
    assert [stage.settlement.call("isSettled", slot, stage.alice.id) for slot in slots] == [
        True
    ] * 2
    stage.slot = first
    before = stage.books()
    for slot in slots:
        assert settled(stage, slot) == []
    stage.slot = first
    assert stage.books() == before
    others = {first - 1, first + 1, first + 256, first + 512} - set(slots)
    assert not any(stage.settlement.call("isSettled", slot, stage.alice.id) for slot in others)


def test_a_release_that_finds_nothing_pays_nothing(stage):
    """What alice asked back goes to the operator for energy that she took; the rest she owes."""
    settlement, alice, owed = stage.settlement, stage.alice, 0
    guarantee = settlement.call("guaranteeOf", alice.id)
    settlement.send("requestRelease", guarantee, sender=alice)
    price = stage.system.config["settlement"]["retail_price"]
    first = stage.slot
    while owed <= guarantee:
        stage.go(stage.end)
        stage.meters.send("postReading", stage.signed(1, CAPACITY_WH, 0))
        owed += payment_up(CAPACITY_WH, price)
        stage.slot += 1
    last = stage.slot
    for slot in range(first, last):
        stage.slot = slot
        stage.settle(alice)
    assert settlement.call("guaranteeOf", alice.id) == 0
    assert settlement.call("arrearsOf", alice.id) == owed - guarantee
    stage.evm.now += stage.system.config["settlement"]["release_delay"]
    before = stage.wealths()
    released = settlement.send("releaseGuarantee", alice.id)
    assert [event.name for event in released.events] == ["GuaranteeReleased"]
    assert list(released.only("GuaranteeReleased").values()) == [alice.id, 0]
    assert stage.wealths() == before
