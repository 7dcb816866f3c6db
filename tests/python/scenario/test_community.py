"""A community in a few lines becomes ordinary participants; what is wrong with it is named where it is written."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from setm.errors import ConfigError
from setm.scenario import check_scenario, load_meter_data, load_scenario, times_of
from setm.types import Kind

ROOT = Path(__file__).resolve().parents[3]
MENGELKAMP = ROOT / "scenarios" / "mengelkamp.yaml"


def write(folder: Path, **changes: Any) -> Path:
    """Write the shipped scenario with ten households and changed fields of its community."""
    values = yaml.safe_load(MENGELKAMP.read_text())
    profiles = str(ROOT / "data" / "community" / "quarter_hours.csv")
    values["community"] |= {"count": 10, "profiles": profiles} | changes
    path = folder / "community.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    return path


def problems_of(path: Path) -> list[str]:
    return [line.removeprefix(str(path)) for line in check_scenario(path)]


def line_of(path: Path, field: str) -> int:
    lines = path.read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.strip().startswith(field))


def test_households_are_ordinary_participants() -> None:
    scenario = load_scenario(MENGELKAMP)
    assert scenario.community is None
    assert len(scenario.participants) == 100
    plants = [item for item in scenario.participants if item.household and item.household.pv_kw]
    assert len(plants) == 50
    for item in scenario.participants:
        has_plant = item in plants
        assert item.kind_number is (Kind.PROSUMER if has_plant else Kind.PERSONAL_CONSUMER)
        assert item.stated_side == ("net" if has_plant else "buy")
        assert item.bidder == "zero intelligence"
        assert load_meter_data(scenario, item, times_of(scenario)).has_export == has_plant
    assert scenario.market.cap_price == 286_900
    assert scenario.participants[0].min_bid_eur_per_mwh == Decimal("123.1")


def test_the_resolved_scenario_is_the_same_without_its_community(tmp_path: Path) -> None:
    scenario = load_scenario(write(tmp_path))
    copy = tmp_path / "resolved.yaml"
    copy.write_text(yaml.safe_dump(scenario.resolved(relative_to=tmp_path)))
    again = load_scenario(copy)
    assert again.participants == scenario.participants or again.sha256() == scenario.sha256()
    assert again.sha256() == scenario.sha256()


def test_another_seed_is_another_community(tmp_path: Path) -> None:
    one = load_scenario(write(tmp_path))
    other = load_scenario(write(tmp_path, seed=2))
    assert one.participants != other.participants
    # The scenario's own seed draws keys and prices, not households.
    assert one.with_seed(7).participants == one.participants


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("count", 1, "found 1, expected greater than or equal to 2"),
        ("count", 1001, "found 1001, expected less than or equal to 1000"),
        ("pv_share", 1.5, "found 1.5, expected less than or equal to 1"),
        ("supply_ratio", -1, "found -1, expected greater than or equal to 0"),
        ("bidder", "clever", "found 'clever', expected 'forecast' or 'zero intelligence'"),
        ("quantities", "guessed", "found 'guessed', expected 'forecast' or 'delivered'"),
        ("max_bid_eur_per_mwh", 287.0, "found 287.0, expected from 123.1 to 286.9, the market's"),
        ("min_bid_eur_per_mwh", 123.5, "found 123.5, expected a whole number of ticks of 0.65"),
        ("days_for_forecasting", 90, "too little history: a forecast window of 90 days"),
        ("profiles", "none.csv", "expected an existing CSV file"),
    ],
)
def test_names_the_line_of_the_community(
    tmp_path: Path, field: str, value: object, expected: str
) -> None:
    path = write(tmp_path, **{field: value})
    (found,) = problems_of(path)
    place = "profiles" if field == "days_for_forecasting" else field
    assert found.startswith(f":{line_of(path, place)}: community.{place}: ")
    assert expected in found


def test_names_a_community_that_cannot_be_drawn(tmp_path: Path) -> None:
    path = write(tmp_path, pv_share=0.01)
    (found,) = problems_of(path)
    assert found.startswith(f":{line_of(path, 'community')}: community: supply_ratio 1.0 with")
    with pytest.raises(ConfigError, match="nobody has a plant"):
        load_scenario(path)


def test_net_sides_trade_in_the_auction_only(tmp_path: Path) -> None:
    path = write(tmp_path)
    values = yaml.safe_load(path.read_text())
    values["mechanisms"] = ["auction", "negotiation"]
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    (found,) = problems_of(path)
    assert "found net with mechanisms negotiation, expected buy or sell, or mechanisms" in found


def test_households_stand_behind_participants_with_meters_of_their_own(tmp_path: Path) -> None:
    path = write(tmp_path)
    values = yaml.safe_load(path.read_text())
    values["participants"] = [
        {
            "name": "shop",
            "kind": "personal consumer",
            "days_for_forecasting": 1,
            "min_bid_eur_per_mwh": 123.1,
            "max_bid_eur_per_mwh": 286.9,
            "data": str(path.parent / "none.csv"),
        }
    ]
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    (found,) = problems_of(path)
    assert ": participants[0].data: " in found
