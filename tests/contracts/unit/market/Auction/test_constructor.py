"""Auction's constructor and what it fixes"""

import brownie
import pytest

RING_SECONDS = 1024 * 900
TOP_48_BITS = 2**48 - 1


@pytest.fixture
def create(system, rules, governance):
    def deploy(**changes):
        values = tuple({**vars(rules), **changes}.values())
        project = brownie.project.get_loaded_projects()[0]
        sent = {"from": governance}
        return project.Auction.deploy(
            system.clearinghouse, system.settlement, system.rule, values, sent
        )

    return deploy


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"cover_price": 29_999}, "coverPrice"),
        ({"tick_count": 0}, "tickCount"),
        ({"tick_count": 257}, "tickCount"),
        ({"tick_size": 0}, "tickSize"),
        ({"floor_price": 2**32 - 1, "tick_count": 2}, "tickSize"),
        ({"is_sealed": False}, "revealWindow"),
        ({"reveal_window": 0}, "revealWindow"),
        ({"is_sealed": False, "reveal_window": 0}, "bond"),
        ({"bond": 0}, "bond"),
        ({"clear_window": 0}, "clearWindow"),
        ({"gate_lead": 1_499}, "clearWindow"),
        ({"horizon_seconds": 1_800}, "gateLead"),
        ({"horizon_seconds": RING_SECONDS + 1}, "horizonSeconds"),
        ({"max_order_wh": 0}, "maxOrderWh"),
        ({"max_order_wh": 2**30}, "maxOrderWh"),
        ({"max_order_wh": 2**30 - 1, "cover_price": 2**32 - 1}, "maxOrderWh"),
        ({"max_order_wh": 2**30 - 1, "tick_size": 10_000_000}, "maxOrderWh"),
    ],
)
def test_refuses_a_configuration_that_contradicts_itself(create, change, field):
    with brownie.reverts(f"ConfigRefused: {field}"):
        create(**change)


def test_takes_the_widest_configuration(create):
    venue = create(
        gate_lead=1_500,
        horizon_seconds=RING_SECONDS,
        floor_price=0,
        tick_size=1_000_000,
        max_order_wh=2**30 - 1,
        bond=TOP_48_BITS,
    )
    assert venue.coverOf(0, 255, 2**30 - 1) <= TOP_48_BITS


def test_takes_the_narrowest_configuration(create):
    venue = create(tick_count=1, horizon_seconds=1_801, max_order_wh=1)
    assert venue.config()[2] == 1


def test_keeps_what_was_configured(system, rules):
    assert system.auction.config() == tuple(vars(rules).values())


def test_stands_in_the_deployment_it_was_given(system, config):
    venue = system.auction
    assert venue.clearinghouse() == system.clearinghouse
    assert venue.registry() == system.registry
    assert venue.settlement() == system.settlement
    assert venue.pricingRule() == system.rule
    assert venue.slotSeconds() == config["slot_seconds"]


def test_names_its_signing_domain(system):
    domain = system.auction.eip712Domain()
    assert domain[1:5] == ("SETM Auction", "1", brownie.chain.id, system.auction)
