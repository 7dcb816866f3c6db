"""Tariff's constructor and what it fixes"""

import pytest

from setm.evm.tariff import DEFAULTS, deploy_tariff

RING_SECONDS = 1024 * 900
TOP_48_BITS = 2**48 - 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"feed_in_price": 55_501}, "feedInPrice"),
        ({"announce_lead": 1_800}, "announceLead"),
        ({"horizon_seconds": 3_600}, "horizonSeconds"),
        ({"horizon_seconds": RING_SECONDS + 1}, "horizonSeconds"),
        ({"max_energy_wh": 0}, "maxEnergyWh"),
        ({"max_energy_wh": 2**32 - 1, "cover_price": 65_537_000}, "maxEnergyWh"),
        ({"max_energy_wh": 2**32 - 1, "retail_price": 65_537_000}, "maxEnergyWh"),
    ],
)
def test_refuses_a_configuration_that_contradicts_itself(market, refusal, change, field):
    found = refusal(lambda: deploy_tariff(market.system, {**DEFAULTS, **change}))
    assert found == ("ConfigRefused", {"field": field})


def test_refuses_a_cover_below_what_the_grid_operator_pays(market, refusal):
    found = refusal(lambda: deploy_tariff(market.system, {**DEFAULTS, "cover_price": 29_999}))
    assert found == ("ConfigRefused", {"field": "coverPrice"})


def test_takes_the_widest_configuration(market):
    widest = {
        "feed_in_price": 0,
        "retail_price": 65_536_000,
        "announce_lead": RING_SECONDS - 1,
        "gate_lead": 0,
        "horizon_seconds": RING_SECONDS,
        "cover_price": 65_536_000,
        "max_energy_wh": 2**32 - 1,
    }
    venue = deploy_tariff(market.system, widest)
    assert venue.coverOf(0, 2**32 - 1) == (2**32 - 1) * 65_536 <= TOP_48_BITS
    assert venue.coverOf(1, 2**32 - 1) <= TOP_48_BITS


def test_keeps_what_was_configured(venue):
    assert tuple(venue.config()) == tuple(DEFAULTS.values())


def test_stands_in_the_deployment_it_was_given(market, venue):
    system = market.system
    assert venue.clearinghouse() == system.clearinghouse.address
    assert venue.registry() == system.registry.address
    assert venue.settlement() == market.settler.address
    assert venue.slotSeconds() == system.config["slot_seconds"]


def test_names_its_signing_domain(market, venue):
    domain = venue.eip712Domain()
    assert domain[1:5] == ("SETM Tariff", "1", market.evm.chain_id, venue.address)
