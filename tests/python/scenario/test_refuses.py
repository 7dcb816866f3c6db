"""Every problem is one line: file, line, field, what was found, what was expected."""

from pathlib import Path
from typing import Any

import pytest

from setm.errors import ConfigError
from setm.scenario import check_scenario, load_scenario
from tests.python.scenario.files import Change, write_meter, write_scenario


def problems_of(path: Path) -> list[str]:
    """Return the problems without the path, each of them a single line."""
    found = check_scenario(path)
    assert all("\n" not in line and line.startswith(f"{path}") for line in found)
    return [line.removeprefix(str(path)) for line in found]


def put(*keys: str | int, value: Any) -> Change:
    """Return a change that sets one field, making the parts above it where needed."""

    def change(values: dict[str, Any]) -> None:
        part: Any = values
        for key in keys[:-1]:
            part = part[key] if isinstance(key, int) else part.setdefault(key, {})
        part[keys[-1]] = value

    return change


P1 = ("participants", 1)
SELLER_MISSING = (
    "found 2 participants, expected at least one seller (kind: generation, or side: sell)"
)


@pytest.mark.parametrize(
    ("keys", "value", "expected"),
    [
        (("name",), "Two Words", "found 'Two Words', expected text that matches"),
        (("day",), "tomorrow", "found 'tomorrow', expected a date such as 2016-11-18"),
        (("seed",), -1, "found -1, expected greater than or equal to 0"),
        (("seed",), True, "found True, expected a valid integer"),
        (("slot_seconds",), 1800, "found 1800, expected 900 or 3600"),
        (("network",), "mainnet", "found 'mainnet', expected 'ganache' or 'anvil'"),
        (("mechanisms",), [], "found none, expected negotiation, auction or both"),
        (("market", "tick_count"), 257, "found 257, expected less than or equal to 256"),
        (("market", "tick_eur_per_mwh"), 0, "found 0, expected greater than 0"),
        (("market", "tick_eur_per_mwh"), 0.0001, "found 0.0001, expected at most 3 decimals"),
        (("market", "tick"), 1, "no such field; correct or delete it"),
        (("market", "floor_price_eur_per_mwh"), "30", "found '30', expected a number"),
        (("market", "floor_price_eur_per_mwh"), float("nan"), "found NaN, expected a finite number"),
        (("tariff", "feed_in_eur_per_mwh"), 60, "found 60, expected below tariff.retail_eur_per_mwh (55.5)"),
        (("auction", "gate_lead_minutes"), 20, "found 20, expected at least reveal_minutes + clear_minutes (10 + 15)"),
        (("day_ahead", "collector"), "late", "found 'late', expected 'present' or 'absent'"),
        (("day_ahead", "post_minutes"), 0, "found 0, expected greater than or equal to 1"),
        (("participants",), [], "found 0 participants, expected at least one seller"),
        (("participants",), "alice", "found 'alice', expected a list"),
        ((*P1, "name"), "alice", "found alice, expected a name that participants[0] does not have"),
        ((*P1, "name"), "grid operator", "found grid operator, expected another name: this one is taken"),
        ((*P1, "kind"), "robot", "found 'robot', expected 'personal consumer', 'industrial consumer', "),
        ((*P1, "days_for_forecasting"), 0, "found 0, expected greater than or equal to 1"),
        ((*P1, "min_bid_eur_per_mwh"), 53, "found 53, expected at most max_bid_eur_per_mwh (52)"),
        ((*P1, "max_bid_eur_per_mwh"), 55.6, "found 55.6, expected from 30.0 to 55.5, the market's prices"),
        ((*P1, "max_bid_eur_per_mwh"), 50.05, "found 50.05, expected a whole number of ticks of 0.1 above 30.0"),
        ((*P1, "data"), 5, "found 5, expected the path of a CSV file"),
        ((*P1, "side"), "both", "found 'both', expected 'buy', 'sell' or 'net'"),
        ((*P1, "model"), "oracle", "found 'oracle', expected one of auto, seasonal_naive"),
        ((*P1, "max_power_kw"), 0, "found 0, expected greater than 0"),
        ((*P1, "strategy", "beta"), 0, "found 0, expected greater than 0"),
    ],
)  # fmt: skip
def test_refuses_a_field(
    tmp_path: Path, keys: tuple[str | int, ...], value: object, expected: str
) -> None:
    path = write_scenario(tmp_path, put(*keys, value=value))
    found = problems_of(path)
    _, line, field, text = found[0].split(":", 3)
    assert field == " " + ".".join(map(str, keys)).replace(".1", "[1]")
    assert text.removeprefix(" ").startswith(expected)
    # The line is the one on which the field stands.
    assert f"{keys[-1]}:" in path.read_text(encoding="utf-8").splitlines()[int(line) - 1]
    assert len(found) == (2 if value == [] and keys == ("participants",) else 1)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (put("mechanisms", value=["auction", "lottery"]), ":18: mechanisms[1]: found 'lottery', expected "),
        (put("mechanisms", value=["auction", "auction"]), ":18: mechanisms[1]: found auction, expected each mechanism"),
        (put(*P1, "kind", value="prosumer"), f":3: participants: {SELLER_MISSING}"),
        (put(*P1, "side", value="buy"), f":3: participants: {SELLER_MISSING}"),
        (put(*P1[:1], 0, "side", value="sell"), ":3: participants: found 2 participants, expected at least one buyer"),
        (lambda values: values["participants"][1].pop("kind"), ":10: participants[1].kind: missing; it must be given"),
        (lambda values: values.pop("day"), ":1: day: missing; it must be given"),
    ],
)  # fmt: skip
def test_refuses_a_whole(tmp_path: Path, change: Change, expected: str) -> None:
    (found,) = problems_of(write_scenario(tmp_path, change))
    assert found.startswith(expected)


def test_refuses_windows_longer_than_the_contracts_remember(tmp_path: Path) -> None:
    def change(values: dict[str, Any]) -> None:
        values["slot_seconds"] = 900
        values["metering"] = {"reading_window_minutes": 10_080, "resolve_window_minutes": 10_080}

    assert problems_of(write_scenario(tmp_path, change)) == [
        ":19: metering.resolve_window_minutes: found 10080, expected the three windows together at most 15360 "
        "minutes (1024 slots), they are 20220"
    ]


def test_names_all_problems_at_once(tmp_path: Path) -> None:
    def change(values: dict[str, Any]) -> None:
        values["participants"][0]["max_bid_eur_per_mwh"] = 99
        values["participants"][1]["data"] = "no.csv"

    path = write_scenario(tmp_path, change)
    with pytest.raises(ConfigError) as caught:
        load_scenario(path)
    assert str(caught.value).splitlines() == [
        f"{path}:8: participants[0].max_bid_eur_per_mwh: found 99, expected from 30.0 to 55.5, the market's prices",
        f"{path}:15: participants[1].data: found {tmp_path / 'no.csv'}, expected an existing CSV file, its path "
        "relative to the scenario file",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: two\nday: [2024-01-06\n", ":3:1: expected ',' or ']', but got '<stream end>'; check indentation"),
        ("name: two\n\tday: 2024-01-06\n", ":2:1: found character '\\t' that cannot start any token; check"),
        ("name: two\nseed: 1\nseed: 2\n", ":3:1: the field 'seed' is doubled; check indentation, quotes and doubled"),
        ("name: two\nday: 2024-02-30\n", ": day is out of range for month"),
        ("- just\n- a list\n", ": expected fields such as `name:` and `participants:`, found ['just', 'a list']"),
        ("", ": expected fields such as `name:` and `participants:`, found None"),
        ("name: \x00\n", ": unacceptable character"),
    ],
)  # fmt: skip
def test_refuses_what_is_no_scenario(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(text, encoding="utf-8")
    (found,) = problems_of(path)
    assert found.startswith(expected)


def test_refuses_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "scenario.yaml"
    assert problems_of(path) == [
        ": cannot be read (No such file or directory); give the path of a scenario file"
    ]
    path.write_bytes(b"name: caf\xe9\n")
    assert problems_of(path) == [": is not text in UTF-8; save it as UTF-8"]


def test_names_too_little_history_for_the_forecast_window(tmp_path: Path) -> None:
    path = write_scenario(tmp_path, put(*P1, "days_for_forecasting", value=9))
    (found,) = problems_of(path)
    assert found.startswith(
        f":15: participants[1].data: {tmp_path / 'meter.csv'}: too little history: a forecast window of 9 days"
    )
    assert "97 slots (4.042 days) before its first row are missing" in found
    assert found.endswith("add earlier rows, lower days_for_forecasting or choose another day")


def test_names_a_day_that_the_file_does_not_hold(tmp_path: Path) -> None:
    path = write_scenario(tmp_path)
    write_meter(tmp_path / "meter.csv", days=5)
    found = problems_of(path)
    assert len(found) == 2
    assert (
        "the day 2024-01-06 needs 2024-01-06T00:00:00+00:00 to 2024-01-07T00:00:00+00:00"
        in found[0]
    )
    assert (
        "24 slots (1 days) after its last row are missing; add its rows or choose another day"
        in found[0]
    )


def test_names_file_row_and_remedy_of_bad_meter_data(tmp_path: Path) -> None:
    path = write_scenario(tmp_path)
    meter = tmp_path / "meter.csv"
    rows = meter.read_text(encoding="utf-8").splitlines()
    meter.write_text("\n".join(rows[:40] + rows[41:]), encoding="utf-8")
    found = problems_of(path)
    assert [line.split(": ")[1] for line in found] == [
        "participants[0].data",
        "participants[1].data",
    ]
    assert f"{meter}, row 41: a gap before this row: 1 intervals" in found[0]


def test_suspects_wrong_units_from_the_kind_alone_or_from_the_stated_power(tmp_path: Path) -> None:
    path = write_scenario(tmp_path)
    meter = tmp_path / "meter.csv"
    text = meter.read_text(encoding="utf-8").replace("_wh", "_kwh")
    meter.write_text(text, encoding="utf-8")
    # Hundreds of kWh an hour are too much for a person, not for a power plant.
    (found,) = problems_of(path)
    assert "participants[0].data" in found
    assert (
        "import_kwh is 300 kWh, above 100000 Wh in 3600 s (100 kW); if the file holds Wh, rename"
        in found
    )
    path = write_scenario(tmp_path, put(*P1, "max_power_kw", value=5000))
    (found,) = problems_of(path)
    assert (
        "the largest value is 323 Wh, expected at least 5000 Wh for a participant of 5000 kW"
        in found
    )


def test_refuses_a_seller_that_never_feeds_in(tmp_path: Path) -> None:
    path = write_scenario(tmp_path)
    meter = tmp_path / "meter.csv"
    lines = meter.read_text(encoding="utf-8").splitlines()
    meter.write_text("\n".join(line.rsplit(",", 1)[0] for line in lines), encoding="utf-8")
    (found,) = problems_of(path)
    assert "bob sells, but export is zero in every row; bring data with export or change" in found


@pytest.mark.parametrize(
    ("keys", "value", "expected"),
    [
        (
            ("day_ahead", "gate_lead_minutes"),
            104,
            "found 104, expected at least 105: post_minutes (30), 15, and auction.gate_lead_minutes (60), "
            "so that the auction can take over",
        ),
        (
            ("market", "tick_eur_per_mwh"),
            2000,
            "found 2000, expected a price of tick 255 of at most 349525.333 with mechanism day_ahead, it is 510030.0",
        ),
        (
            ("day_ahead", "ignores"),
            ["alice", "nobody"],
            "found nobody, expected the name of a participant",
        ),
    ],
)
def test_what_the_day_ahead_auction_cannot_do_is_refused_where_it_is_named(
    tmp_path, keys, value, expected
):
    def found(mechanism):
        def change(values):
            put("mechanisms", value=[mechanism])(values)
            put(*keys, value=value)(values)

        return problems_of(write_scenario(tmp_path, change))

    assert any(expected in line for line in found("day_ahead"))
    assert not any("day_ahead" in line for line in found("auction"))
