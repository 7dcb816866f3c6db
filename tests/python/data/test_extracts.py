"""The shipped series are complete, whole Wh, long enough and exactly as made."""

import hashlib
import importlib.util
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest

DATA = Path(__file__).resolve().parents[3] / "data"
HISTORY_DAYS = {
    "personal_consumer_1_home_solar": 9,
    "personal_consumer_2_wearables": 4,
    "personal_consumer_3_smart_devices": 9,
    "personal_consumer_4_vehicles": 18,
    "personal_consumer_5_office": 8,
    "industrial_consumer_1_factory": 1393,
    "generation_1_solar": 342,
}
CONSUMERS = [name for name in HISTORY_DAYS if name != "generation_1_solar"]
TRADING_DAY = date(2016, 11, 18)
OTHER_DAYS = [
    date(2016, 11, 16),
    date(2016, 11, 19),
    date(2016, 11, 22),
    date(2016, 11, 30),
    date(2016, 12, 7),
    date(2016, 12, 9),
]
DAYS_AFTER = 14
WH_FILES = [
    *(DATA / "case_study" / f"{name}.csv" for name in HISTORY_DAYS),
    DATA / "examples" / "quarter_hour_household.csv",
]
HOURLY = timedelta(hours=1)
QUARTER_HOURLY = timedelta(minutes=15)


def read(path: Path) -> pl.DataFrame:
    """Return a CSV with `start_at` as UTC instants."""
    return pl.read_csv(path).with_columns(
        pl.col("start_at").str.to_datetime("%Y-%m-%dT%H:%M:%S%:z", time_zone="UTC")
    )


def case_study(name: str) -> pl.DataFrame:
    """Return an agent's series."""
    return read(DATA / "case_study" / f"{name}.csv")


def on(series: pl.DataFrame, day: date) -> pl.DataFrame:
    """Return the rows of one UTC day."""
    return series.filter(pl.col("start_at").dt.date() == day)


@pytest.fixture(scope="module")
def make_extracts() -> Iterator[ModuleType]:
    """The script that made the extracts, imported from its path."""
    spec = importlib.util.spec_from_file_location("make_extracts", DATA / "make_extracts.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_every_file_has_the_recorded_checksum() -> None:
    recorded = {}
    for line in (DATA / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        recorded[name] = digest
    found = {
        path.relative_to(DATA).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in ("case_study", "community", "examples", "LICENSES")
        for path in (DATA / folder).iterdir()
    }
    assert found == recorded


def test_the_case_study_has_one_file_per_agent() -> None:
    assert {path.stem for path in (DATA / "case_study").iterdir()} == set(HISTORY_DAYS)


def test_the_folder_stays_below_six_mebibytes() -> None:
    size = sum(path.stat().st_size for path in DATA.rglob("*") if path.is_file())
    assert size < 6 * 1024 * 1024


@pytest.mark.parametrize("path", WH_FILES, ids=lambda path: path.stem)
def test_energy_is_whole_wh_and_never_negative(path: Path) -> None:
    series = read(path)
    assert series.columns == ["start_at", "import_wh", "export_wh"]
    assert series.schema["import_wh"] == pl.Int64
    assert series.schema["export_wh"] == pl.Int64
    assert sum(series.null_count().row(0)) == 0
    assert min(series.select(pl.col("import_wh", "export_wh").min()).row(0)) >= 0
    both = series.filter((pl.col("import_wh") > 0) & (pl.col("export_wh") > 0))
    assert both.is_empty()


def test_the_kwh_example_has_three_decimals_and_is_never_negative() -> None:
    path = DATA / "examples" / "hourly_home_kwh.csv"
    rows = [line.split(",") for line in path.read_text().splitlines()]
    assert rows[0] == ["start_at", "import_kwh", "export_kwh"]
    for _, *energies in rows[1:]:
        for energy in energies:
            whole, thousandths = energy.split(".")
            assert whole.isdecimal()
            assert thousandths.isdecimal()
            assert len(thousandths) == 3


@pytest.mark.parametrize(
    ("path", "step"),
    [
        *((DATA / "case_study" / f"{name}.csv", HOURLY) for name in HISTORY_DAYS),
        (DATA / "examples" / "hourly_home_kwh.csv", HOURLY),
        (DATA / "examples" / "quarter_hour_household.csv", QUARTER_HOURLY),
    ],
    ids=lambda value: value.stem if isinstance(value, Path) else "",
)
def test_intervals_follow_each_other_without_gap_or_double(path: Path, step: timedelta) -> None:
    steps = read(path)["start_at"].diff().drop_nulls().unique().to_list()
    assert steps == [step]


@pytest.mark.parametrize("name", HISTORY_DAYS)
def test_case_study_files_hold_whole_utc_days(name: str) -> None:
    path = DATA / "case_study" / f"{name}.csv"
    stamps = [line.split(",")[0] for line in path.read_text().splitlines()[1:]]
    assert all(stamp.endswith("+00:00") for stamp in stamps)
    assert stamps[0].endswith("T00:00:00+00:00")
    assert stamps[-1].endswith("T23:00:00+00:00")
    assert len(stamps) % 24 == 0


@pytest.mark.parametrize("day", [TRADING_DAY, *OTHER_DAYS], ids=str)
@pytest.mark.parametrize(("name", "days"), HISTORY_DAYS.items())
def test_each_trading_day_has_its_history_and_two_weeks_after(
    name: str, days: int, day: date
) -> None:
    starts = case_study(name)["start_at"]
    midnight = datetime.combine(day, time(), UTC)
    assert starts[0] <= midnight - timedelta(days=days)
    assert starts[-1] >= midnight + timedelta(days=1 + DAYS_AFTER) - HOURLY


@pytest.mark.parametrize("name", [name for name, days in HISTORY_DAYS.items() if days < 1000])
def test_a_backtest_has_thirty_more_days_before_the_trading_day(name: str) -> None:
    first = case_study(name)["start_at"][0].date()
    assert first <= TRADING_DAY - timedelta(days=HISTORY_DAYS[name] + 30)


def test_the_sunny_day_has_ten_hours_of_sun_and_covers_most_of_noon() -> None:
    plant_wh = on(case_study("generation_1_solar"), TRADING_DAY)["export_wh"].to_numpy()
    demand_wh = sum(on(case_study(name), TRADING_DAY)["import_wh"].to_numpy() for name in CONSUMERS)
    assert (plant_wh > 0).sum() == 10
    assert 0.6 <= plant_wh[10:14].sum() / demand_wh[10:14].sum() <= 1.2
    assert (plant_wh <= demand_wh).all()


def test_every_consumer_buys_in_several_sunny_hours() -> None:
    sunny = on(case_study("generation_1_solar"), TRADING_DAY)["export_wh"].to_numpy() > 0
    for name in CONSUMERS:
        import_wh = on(case_study(name), TRADING_DAY)["import_wh"].to_numpy()
        assert (import_wh[sunny] > 0).sum() >= 5, name


def test_the_factory_uses_about_half_of_the_day() -> None:
    total_wh = {name: on(case_study(name), TRADING_DAY)["import_wh"].sum() for name in CONSUMERS}
    share = total_wh["industrial_consumer_1_factory"] / sum(total_wh.values())
    assert 0.4 <= share <= 0.6


def test_the_sun_stands_highest_near_noon_of_the_nominal_clock() -> None:
    plant = case_study("generation_1_solar")
    weights = plant["export_wh"].to_numpy()
    middle = plant["start_at"].dt.hour().to_numpy() + 0.5
    assert 11.5 <= np.average(middle, weights=weights) <= 12.5


def test_the_factory_rests_on_sundays() -> None:
    factory = case_study("industrial_consumer_1_factory")
    by_weekday = factory.group_by(pl.col("start_at").dt.weekday())
    mean_wh = dict(by_weekday.agg(pl.col("import_wh").mean()).iter_rows())
    assert min(mean_wh, key=mean_wh.__getitem__) == 7
    assert mean_wh[6] < 0.75 * min(mean_wh[weekday] for weekday in range(1, 6))


def test_the_quarter_hour_example_holds_a_day_of_one_hundred() -> None:
    path = DATA / "examples" / "quarter_hour_household.csv"
    days = [line[:10] for line in path.read_text().splitlines()[1:]]
    counts = {day: days.count(day) for day in set(days)}
    assert counts.pop("2016-10-30") == 100
    assert set(counts.values()) == {96}


def test_the_script_refuses_another_wheel(make_extracts: ModuleType, tmp_path: Path) -> None:
    wheel = tmp_path / "citylearn.whl"
    wheel.write_bytes(b"another content")
    with pytest.raises(ValueError, match="take the wheel of citylearn"):
        make_extracts.checked(wheel, make_extracts.CITYLEARN)


def test_the_script_refuses_day_types_off_the_calendar(make_extracts: ModuleType) -> None:
    with pytest.raises(ValueError, match="do not follow the nominal calendar"):
        make_extracts.long_order(np.ones(1460, dtype=np.int64))


def test_the_script_keeps_import_and_export_apart(make_extracts: ModuleType) -> None:
    start = datetime(2016, 1, 1, tzinfo=UTC)
    series = make_extracts.net(start, HOURLY, np.array([5.0, 1.0]), np.array([2.0, 4.0]))
    assert series.import_wh.tolist() == [3.0, 0.0]
    assert series.export_wh.tolist() == [0.0, 3.0]


def test_the_script_rounds_halves_up(make_extracts: ModuleType) -> None:
    assert make_extracts.whole_wh(np.array([0.49, 0.5, 1.5])).tolist() == [0, 1, 2]
