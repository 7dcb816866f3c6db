"""A configuration that contradicts itself, or the settlement's, is refused at deployment by the field's name."""

from __future__ import annotations

from typing import Any

import pytest

from setm.anonymous.notes import to_bytes
from setm.errors import Reverted
from setm.evm import Evm, default_config, deploy_system
from tests.audit.anonymous.stage import VENUE, issuer, staged

RING_SECONDS = 1024 * 900


def refused(**changes: Any) -> str:
    stage = staged().reset()
    values = tuple({**VENUE, **changes}.values())
    args = (stage.house, stage.system.settlement, values, stage.notes)
    with pytest.raises(Reverted) as caught:
        stage.evm.deploy("AnonymousNegotiation", *args)
    assert caught.value.name == "ConfigRefused"
    return str(caught.value.arguments["field"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("horizon_seconds", RING_SECONDS),
        ("gate_lead", VENUE["horizon_seconds"]),
        ("decision_seconds", 0),
        ("decision_seconds", 345_601),
        ("cap_price", 0),
        ("cap_price", 29_999),
        ("cover_price", 29_999),
        ("max_energy_wh", 0),
        ("denomination", 0),
    ],
)
def test_refuses_a_field_that_contradicts_another(field: str, value: int) -> None:
    found = refused(**{field: value})
    assert found == "".join(
        part if place == 0 else part.title() for place, part in enumerate(field.split("_"))
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"horizon_seconds": RING_SECONDS - 1},
        {"gate_lead": VENUE["horizon_seconds"] - 1},
        {"decision_seconds": 1},
        {"decision_seconds": 345_600},
        {"cap_price": 30_000},
        {"cover_price": 30_000},
        {"max_energy_wh": 1},
        {"denomination": 1},
    ],
)
def test_takes_a_field_at_its_edge(changes: dict[str, int]) -> None:
    stage = staged().reset()
    values = {**VENUE, **changes}
    venue = stage.evm.deploy(
        "AnonymousNegotiation",
        stage.house,
        stage.system.settlement,
        tuple(values.values()),
        stage.notes,
    )
    assert tuple(venue.config()) == tuple(values.values())


@pytest.mark.parametrize("dearest", ["cap_price", "cover_price"])
def test_the_largest_agreement_fits_its_word_at_the_dearest_price(dearest: str) -> None:
    """Amounts have 48 bits: 2^32 - 1 Wh at 65,536,000 are 2^48 - 65,536."""
    fits = {"max_energy_wh": 2**32 - 1, dearest: 65_536_000}
    stage = staged().reset()
    values = tuple({**VENUE, **fits}.values())
    stage.evm.deploy(
        "AnonymousNegotiation", stage.house, stage.system.settlement, values, stage.notes
    )
    assert refused(**{**fits, dearest: 65_536_001}) == "maxEnergyWh"


def test_a_deployment_without_its_sections_has_no_such_venue() -> None:
    system = deploy_system(Evm())
    assert not hasattr(system, "anonymous")
    modulus = "0x" + to_bytes(issuer().public.modulus).hex()
    notes = {"modulus": modulus, "issue_seconds": 1}
    assert deploy_system(Evm(), default_config(notes=notes)).notes.issueSeconds() == 1
