"""MeterRegistry's constructor and what it fixes"""

import brownie
import pytest


@pytest.fixture
def deploy(project, registry, governance):
    def create(operator_id=1, reading=21_600, dispute=3_600, resolve=86_400):
        windows = reading, dispute, resolve
        sent = {"from": governance}
        return project.MeterRegistry.deploy(registry, operator_id, *windows, sent)

    return create


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"operator_id": 0}, "operatorId"),
        ({"reading": 0}, "readingWindow"),
        ({"dispute": 0}, "disputeWindow"),
        ({"resolve": 0}, "resolveWindow"),
    ],
)
def test_refuses_a_zero(deploy, change, field):
    with brownie.reverts(f"ConfigRefused: {field}"):
        deploy(**change)


def test_refuses_windows_longer_than_the_ring(deploy):
    ring = 1024 * 900
    with brownie.reverts("ConfigRefused: windows"):
        deploy(reading=ring - 2, dispute=2, resolve=1)
    assert deploy(reading=ring - 2, dispute=1, resolve=1).finalAfter() == ring


def test_keeps_what_was_configured(meters, registry, ids, windows):
    assert (meters.registry(), meters.operatorId()) == (registry, ids.operator)
    assert meters.slotSeconds() == windows.slot_seconds
    assert meters.readingWindow() == windows.reading_window
    assert meters.disputeWindow() == windows.dispute_window
    assert meters.resolveWindow() == windows.resolve_window
    assert meters.RING() == 1024


def test_names_its_signing_domain(meters):
    assert meters.eip712Domain()[1:5] == ("SETM MeterRegistry", "1", brownie.chain.id, meters)
