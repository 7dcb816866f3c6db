"""Negotiation's constructor and what it fixes"""

import brownie
import pytest

RING_SECONDS = 1024 * 900


@pytest.fixture
def deploy(system, config, governance):
    def create(**changes):
        values = tuple({**config["negotiation"], **changes}.values())
        project = brownie.project.get_loaded_projects()[0]
        sent = {"from": governance}
        return project.Negotiation.deploy(system.clearinghouse, system.settlement, values, sent)

    return create


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"cover_price": 29_999}, "coverPrice"),
        ({"horizon_seconds": RING_SECONDS}, "horizonSeconds"),
        ({"gate_lead": 172_800}, "gateLead"),
        ({"cap_price": 29_999}, "capPrice"),
        ({"floor_price": 0, "cap_price": 0}, "capPrice"),
        ({"max_energy_wh": 0}, "maxEnergyWh"),
        ({"max_energy_wh": 2**32 - 1, "cap_price": 2**32 - 1}, "maxEnergyWh"),
        ({"max_energy_wh": 2**32 - 1, "cover_price": 2**32 - 1}, "maxEnergyWh"),
    ],
)
def test_refuses_a_configuration_that_contradicts_itself(deploy, change, field):
    with brownie.reverts(f"ConfigRefused: {field}"):
        deploy(**change)


def test_takes_the_widest_configuration(deploy):
    venue = deploy(horizon_seconds=RING_SECONDS - 1, gate_lead=RING_SECONDS - 2, floor_price=55_500)
    assert venue.config()[:3] == (RING_SECONDS - 2, RING_SECONDS - 1, 55_500)


def test_keeps_what_was_configured(system, config):
    assert system.negotiation.config() == tuple(config["negotiation"].values())


def test_stands_in_the_deployment_it_was_given(system, config):
    venue = system.negotiation
    assert venue.clearinghouse() == system.clearinghouse
    assert venue.registry() == system.registry
    assert venue.settlement() == system.settlement
    assert venue.slotSeconds() == config["slot_seconds"]
    assert venue.MAX_SLOTS() == 96


def test_names_its_signing_domain(system):
    domain = system.negotiation.eip712Domain()
    assert domain[1:5] == ("SETM Negotiation", "1", brownie.chain.id, system.negotiation)
