"""Optional parts of a deployment are verified like the standard ones: every built-in value has an expectation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from setm.chain.abi import artifact
from setm.deployment_plan import OPTIONAL, STANDARD
from setm.verify import Deployed
from setm.verify.code import expected_immutables, plain
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


@pytest.fixture(scope="module")
def deployed():
    roles = (*STANDARD, *OPTIONAL)
    addresses = {role: f"0x{number:040x}" for number, role in enumerate(roles, 1)}
    return Deployed(
        chain_id=1,
        contracts=addresses,
        config={
            **default_config(),
            "tags": {"sources": {"7": "solar"}},
            "conditional": CONDITIONAL,
        },
        governance=addresses["token"],
        authorities=(),
        operator=addresses["token"],
        own_token=True,
        from_block=0,
    )


def test_every_immutable_of_tags_and_their_venue_has_an_expected_value(deployed):
    contracts = {role: OPTIONAL[role] for role in ("tags", "conditional")}
    for role, compiled in compile_sources(contracts=contracts).items():
        names = {plain(name) for name in compiled.immutables}
        assert names - expected_immutables(role, deployed).keys() == set()
        assert artifact(contracts[role])["abi"] == compiled.abi


def test_a_deployment_without_tags_expects_no_address_of_them(deployed):
    bare = {role: deployed.contracts[role] for role in STANDARD}
    without = replace(deployed, contracts=bare)
    assert "tags" not in expected_immutables("negotiation", without)
    assert "settlement" in expected_immutables("negotiation", without)
