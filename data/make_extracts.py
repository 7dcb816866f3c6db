"""Make the small data extracts of the case study and the community from two public wheels.

    python data/make_extracts.py --download
    python data/make_extracts.py --citylearn CityLearn-2.1.0-py3-none-any.whl \
                                 --simbench simbench-1.6.3-py3-none-any.whl
    python data/make_extracts.py --download --check

The wheels are read as archives; neither package is installed. The same wheels
always give the same bytes: `SHA256SUMS` lists them. Which series stands for which
agent, and why, is told in `README.md` beside this file.
"""

import argparse
import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

HOUR = timedelta(hours=1)
QUARTER_HOUR = timedelta(minutes=15)
FIRST_DAY = date(2016, 8, 1)  # of the series that exist for one year only
LONG_FIRST_DAY = date(2013, 1, 6)  # of CityLearn 2021
SIMBENCH_START = datetime(2016, 1, 1, tzinfo=UTC)  # nominal: 00:00 Central European
QUARTER_HOUR_START = datetime(2016, 10, 9, 22, tzinfo=UTC)  # 10 October in Berlin
QUARTER_HOUR_END = datetime(2016, 11, 8, 23, tzinfo=UTC)  # 9 November in Berlin
END_DAY = date(2016, 12, 31)  # exclusive: the long CityLearn series end before it
COMMUNITY_FIRST_DAY = date(2016, 5, 2)  # a Monday
COMMUNITY_END_DAY = date(2016, 8, 1)  # a Monday, exclusive: thirteen whole weeks


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A wheel on PyPI and the only content of it that is accepted."""

    requirement: str
    sha256: str


CITYLEARN = Wheel(
    requirement="citylearn==2.1.0",
    sha256="65ee8b54ee98a4313ed79974ab667460d20da70e83b476a0e6b8f18c5c5d6912",
)
SIMBENCH = Wheel(
    requirement="simbench==1.6.3",
    sha256="8b48bdab2445286a96649eb18bb09476d000a0e212fd57fdba83399df54af4de",
)

CITYLEARN_2021 = "citylearn/data/citylearn_challenge_2021"
CITYLEARN_2022 = "citylearn/data/citylearn_challenge_2022_phase_all"
SIMBENCH_GRID = "simbench/networks/1-complete_data-mixed-all-2-sw"
LICENCES = {
    "LICENSES/CityLearn-LICENSE.txt": (
        CITYLEARN,
        "CityLearn-2.1.0.dist-info/LICENSE",
    ),
    "LICENSES/SimBench-LICENSE.txt": (
        SIMBENCH,
        "simbench-1.6.3.dist-info/licenses/LICENSE",
    ),
    "LICENSES/SimBench-AUTHORS.txt": (
        SIMBENCH,
        "simbench-1.6.3.dist-info/licenses/AUTHORS",
    ),
}

# Scales: what turns a source series into an agent of the case study.
HOME_BUILDING = "Building_14"
HOME_PV_KW = 5.0  # nominal_power of that building in the data set's schema.json
WEARABLES_KW = 1.5
SMART_DEVICES_KW = 3.0
OFFICE_KW = 6.9
VEHICLE_PROFILES_KW = {
    "HLS_A_3.7": 3.7,
    "HLS_B_3.7": 3.7,
    "HLS_C_3.7": 3.7,
    "HLS_A_11.0": 11.0,
    "HLS_B_11.0": 11.0,
    "HLS_A_22.0": 22.0,
}
VEHICLES_PER_PROFILE = 8
VEHICLE_OFFSET_WEEKS = 2
VEHICLE_SHARE = 0.5
FACTORY_BUILDING = "Building_1"
FACTORY_COOLING_COP = 3.0
FACTORY_SHARE = 0.125
SOLAR_PLANT_KW = 16.0
SOLAR_PLANT_FIRST_DAY = date(2015, 10, 1)

# Profiles of the community: what a household of this use and a plant of this size would show.
COMMUNITY_LOADS = {
    "load_a_wh": "H0-A_pload",
    "load_b_wh": "H0-B_pload",
    "load_c_wh": "H0-C_pload",
    "load_g_wh": "H0-G_pload",
    "load_l_wh": "H0-L_pload",
}
COMMUNITY_PLANTS = {"pv_1_wh": "PV1", "pv_3_wh": "PV3", "pv_4_wh": "PV4"}
COMMUNITY_YEARLY_USE_WH = 10_000_000
COMMUNITY_PLANT_KW = 10


# --------------------------------------------------------------------------------------
# READING THE WHEELS
# --------------------------------------------------------------------------------------


def read_table(
    wheel: Path, member: str, columns: Iterable[str], separator: str = ","
) -> pl.DataFrame:
    """Return the named columns of a CSV file inside a wheel, without empty cells."""
    with zipfile.ZipFile(wheel) as archive:
        content = archive.read(member)
    table = pl.read_csv(
        content,
        columns=list(columns),
        separator=separator,
        infer_schema_length=None,
    )
    if sum(table.null_count().row(0)):
        raise ValueError(f"{member}: empty cells, expected none in {table.columns}")
    return table


def floats(table: pl.DataFrame, column: str) -> Floats:
    """Return a column as 64-bit floats."""
    return table[column].cast(pl.Float64).to_numpy()


def checked(wheel: Path, expected: Wheel) -> Path:
    """Return the path if the wheel's content is the expected one."""
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != expected.sha256:
        raise ValueError(
            f"{wheel.name}: sha256 {found}, expected {expected.sha256}; "
            f"take the wheel of {expected.requirement} from PyPI"
        )
    return wheel


def download(wheel: Wheel, folder: Path) -> Path:
    """Return the path of the wheel, fetched with pip and without its dependencies."""
    target = folder / wheel.requirement.partition("==")[0]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    options = ["--only-binary=:all:", "--dest", str(target), wheel.requirement]
    subprocess.run([*command, *options], check=True)
    return next(target.glob("*.whl"))


# --------------------------------------------------------------------------------------
# NOMINAL TIME: local standard time of the source, relabelled as UTC
# --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Energy per interval in Wh, not yet rounded; export where there is generation."""

    start: datetime
    step: timedelta
    import_wh: Floats
    export_wh: Floats

    def between(self, first: date, end: date) -> "Series":
        """Return the days from `first` to the day before `end`."""
        skip = (midnight(first) - self.start) // self.step
        stop = (midnight(end) - self.start) // self.step
        if skip < 0 or stop > len(self.import_wh):
            raise ValueError(f"{first} to {end} is not inside the series")
        return Series(
            start=midnight(first),
            step=self.step,
            import_wh=self.import_wh[skip:stop],
            export_wh=self.export_wh[skip:stop],
        )


def midnight(day: date) -> datetime:
    """Return the first instant of a UTC day."""
    return datetime.combine(day, time(), UTC)


def consumer(start: datetime, step: timedelta, import_wh: Floats) -> Series:
    """Return a series that only imports."""
    return Series(start=start, step=step, import_wh=import_wh, export_wh=np.zeros_like(import_wh))


def net(start: datetime, step: timedelta, load_wh: Floats, pv_wh: Floats) -> Series:
    """Return what passes the meter: import where load exceeds PV, else export."""
    return Series(
        start=start,
        step=step,
        import_wh=np.maximum(load_wh - pv_wh, 0.0),
        export_wh=np.maximum(pv_wh - load_wh, 0.0),
    )


def long_order(day_type: Integers) -> Integers:
    """Return the order in which the 1,460 days of CityLearn 2021 are put in time.

    Day types (1 = Sunday … 7 = Saturday, 8 = holiday) follow the calendar of 2014,
    2015, 2016 and 2017 without 29 February. The load of the fourth year repeats one
    week without any variation, so it goes first, as the nominal 2013; its last five
    days are left out so that weekdays run on into 2014. Nominal dates of 2016 after
    28 February are one day earlier than the source's month and day.
    """
    days = np.concatenate([np.arange(1095, 1455), np.arange(0, 1095)])
    first = LONG_FIRST_DAY.isoweekday() % 7 + 1
    expected = (np.arange(len(days)) + first - 1) % 7 + 1
    actual = day_type[days]
    if np.any((actual != expected) & (actual != 8)):
        raise ValueError("CityLearn 2021: day types do not follow the nominal calendar")
    return days


def citylearn_2021(wheel: Path, building: str) -> dict[str, Floats]:
    """Return kWh, or Wh per installed kW, per hour from LONG_FIRST_DAY onwards.

    The source numbers hours 1 to 24 by their end, in standard time all year.
    """
    columns = {
        "equipment_kwh": "Equipment Electric Power [kWh]",
        "cooling_kwh": "Cooling Load [kWh]",
        "pv_wh_per_kw": "Solar Generation [W/kW]",
    }
    table = read_table(
        wheel,
        f"{CITYLEARN_2021}/{building}.csv",
        ["Hour", "Day Type", *columns.values()],
    )
    hours = table["Hour"].to_numpy().reshape(-1, 24)
    if not np.all(hours == np.arange(1, 25)):
        raise ValueError("CityLearn 2021: hours are not 1 to 24 on every day")
    day_type = table["Day Type"].cast(pl.Int64).to_numpy().reshape(-1, 24)[:, 0]
    order = long_order(day_type)
    return {
        name: floats(table, column).reshape(-1, 24)[order].reshape(-1)
        for name, column in columns.items()
    }


def citylearn_2022(wheel: Path, building: str) -> tuple[datetime, Floats, Floats]:
    """Return the first hour, load in Wh and PV in Wh per installed kW, per hour.

    The source numbers hours by their start and calls midnight 24 of the day before;
    its clock is Pacific time with daylight saving, 8,760 hours from 1 August 2016.
    Up to 6 November 2016 the clock is one hour ahead of standard time. The hour that
    the clock shows twice that night has one value in the source; it is used for both.
    """
    table = read_table(
        wheel,
        f"{CITYLEARN_2022}/{building}.csv",
        [
            "Hour",
            "Day Type",
            "Equipment Electric Power [kWh]",
            "Solar Generation [W/kW]",
        ],
    )
    clock = datetime(2016, 8, 1, tzinfo=UTC)
    for row, (hour, day_type) in enumerate(table.select("Hour", "Day Type").rows()):
        at = clock + row * HOUR
        day = at - HOUR if at.hour == 0 else at
        if (int(hour) % 24, int(day_type)) != (at.hour, day.isoweekday()):
            raise ValueError(f"CityLearn 2022: row {row} is not {at:%Y-%m-%d %H:%M}")
    doubled = (datetime(2016, 11, 6, 1, tzinfo=UTC) - clock) // HOUR

    def standard(values: Floats) -> Floats:
        return np.concatenate([values[: doubled + 1], values[doubled:]])

    load_wh = standard(floats(table, "Equipment Electric Power [kWh]") * 1000)
    pv_wh_per_kw = standard(floats(table, "Solar Generation [W/kW]"))
    return clock - HOUR, load_wh, pv_wh_per_kw


def simbench(wheel: Path, file: str, columns: Iterable[str]) -> dict[str, Floats]:
    """Return quarter-hourly power as a share of the rated power, 2016, never negative.

    Rows follow each other every 900 s; only their labels jump twice with the clock.
    """
    names = list(columns)
    table = read_table(wheel, f"{SIMBENCH_GRID}/{file}", ["time", *names], ";")
    start = datetime(2015, 12, 31, 23, tzinfo=UTC)
    instants = pl.datetime_range(
        start, start + (table.height - 1) * QUARTER_HOUR, QUARTER_HOUR, eager=True
    )
    labels = instants.dt.convert_time_zone("Europe/Berlin").dt.strftime("%d.%m.%Y %H:%M")
    if labels.to_list() != table["time"].to_list():
        raise ValueError(f"{file}: labels are not quarter-hours of Berlin time")
    return {name: np.maximum(floats(table, name), 0.0) for name in names}


def per_hour(quarter_hours: Floats) -> Floats:
    """Return sums of four, added in order so that every machine rounds alike."""
    a, b, c, d = quarter_hours.reshape(-1, 4).T
    total: Floats = a + b + c + d
    return total


# --------------------------------------------------------------------------------------
# THE AGENTS AND THE EXAMPLES
# --------------------------------------------------------------------------------------


def vehicle_fleet(share: Mapping[str, Floats]) -> Floats:
    """Return the fleet's charging energy in Wh per hour of 2016.

    Vehicle j of a profile drives what the profile shows 2 j weeks earlier: hour and
    weekday stay, and 48 vehicles do not all charge at once. Hours that would reach
    back before 1 January are wrong and lie outside the extract.
    """
    fleet_wh = np.zeros(366 * 24)
    for name, rated_kw in VEHICLE_PROFILES_KW.items():
        one_wh = per_hour(share[f"{name}_pload"] * (rated_kw * 1000 / 4))
        for vehicle in range(VEHICLES_PER_PROFILE):
            weeks = vehicle * VEHICLE_OFFSET_WEEKS
            fleet_wh = fleet_wh + np.roll(one_wh, weeks * 7 * 24)
    return fleet_wh * VEHICLE_SHARE


def case_study(citylearn: Path, simbench_wheel: Path) -> dict[str, Series]:
    """Return the seven agents' hourly series by file name."""
    start, load_wh, pv_wh_per_kw = citylearn_2022(citylearn, HOME_BUILDING)
    home = net(start, HOUR, load_wh, pv_wh_per_kw * HOME_PV_KW)

    rated_kw = {
        "H0-L_pload": WEARABLES_KW,
        "H0-A_pload": SMART_DEVICES_KW,
        "G1-C_pload": OFFICE_KW,
    }
    share = simbench(
        simbench_wheel,
        "LoadProfile.csv",
        [*rated_kw, *(f"{name}_pload" for name in VEHICLE_PROFILES_KW)],
    )
    wearables, smart_devices, office = (
        consumer(SIMBENCH_START, HOUR, per_hour(share[name] * (kw * 1000 / 4)))
        for name, kw in rated_kw.items()
    )
    vehicles = consumer(SIMBENCH_START, HOUR, vehicle_fleet(share))

    building = citylearn_2021(citylearn, FACTORY_BUILDING)
    used_kwh = building["equipment_kwh"] + building["cooling_kwh"] / FACTORY_COOLING_COP
    long_start = midnight(LONG_FIRST_DAY)
    factory = consumer(long_start, HOUR, used_kwh * (1000 * FACTORY_SHARE))
    plant_wh = building["pv_wh_per_kw"] * SOLAR_PLANT_KW
    plant = net(long_start, HOUR, np.zeros_like(plant_wh), plant_wh)

    short = {
        "personal_consumer_1_home_solar": home,
        "personal_consumer_2_wearables": wearables,
        "personal_consumer_3_smart_devices": smart_devices,
        "personal_consumer_4_vehicles": vehicles,
        "personal_consumer_5_office": office,
    }
    return {
        **{name: series.between(FIRST_DAY, END_DAY) for name, series in short.items()},
        "industrial_consumer_1_factory": factory.between(LONG_FIRST_DAY, END_DAY),
        "generation_1_solar": plant.between(SOLAR_PLANT_FIRST_DAY, END_DAY),
    }


def quarter_hour_household(wheel: Path) -> Series:
    """Return a home of 4 kW peak load with 5 kW of PV around 30 October 2016, in UTC.

    Not nominal: the true instants, one hour before Central European standard time.
    """
    load = simbench(wheel, "LoadProfile.csv", ["H0-C_pload"])["H0-C_pload"]
    pv = simbench(wheel, "RESProfile.csv", ["PV3"])["PV3"]
    series = net(SIMBENCH_START - HOUR, QUARTER_HOUR, load * 1000.0, pv * 1250.0)
    skip = (QUARTER_HOUR_START - series.start) // QUARTER_HOUR
    stop = (QUARTER_HOUR_END - series.start) // QUARTER_HOUR
    return Series(
        start=QUARTER_HOUR_START,
        step=QUARTER_HOUR,
        import_wh=series.import_wh[skip:stop],
        export_wh=series.export_wh[skip:stop],
    )


def hourly_home(wheel: Path) -> Series:
    """Return 30 days of another metered home with PV."""
    start, load_wh, pv_wh_per_kw = citylearn_2022(wheel, "Building_2")
    series = net(start, HOUR, load_wh, pv_wh_per_kw * 4.0)
    return series.between(date(2016, 10, 20), date(2016, 11, 19))


def community_profiles(wheel: Path) -> bytes:
    """Return the CSV of the community's profiles: quarter-hours, nominal time, whole Wh.

    A load column is a household that uses 10,000 kWh in 2016, a PV column a plant of 10 kW.
    """
    load = simbench(wheel, "LoadProfile.csv", COMMUNITY_LOADS.values())
    plant = simbench(wheel, "RESProfile.csv", COMMUNITY_PLANTS.values())
    skip = (midnight(COMMUNITY_FIRST_DAY) - SIMBENCH_START) // QUARTER_HOUR
    stop = (midnight(COMMUNITY_END_DAY) - SIMBENCH_START) // QUARTER_HOUR
    start_at = pl.datetime_range(
        midnight(COMMUNITY_FIRST_DAY),
        midnight(COMMUNITY_END_DAY) - QUARTER_HOUR,
        QUARTER_HOUR,
        eager=True,
    )
    columns: dict[str, pl.Series] = {"start_at": start_at.dt.strftime("%Y-%m-%dT%H:%M:%S%:z")}
    for name, source in COMMUNITY_LOADS.items():
        # Summed in order, so that every machine rounds alike.
        whole_year = float(np.cumsum(load[source])[-1])
        energy_wh = load[source][skip:stop] * (COMMUNITY_YEARLY_USE_WH / whole_year)
        columns[name] = pl.Series(whole_wh(energy_wh))
    for name, source in COMMUNITY_PLANTS.items():
        energy_wh = plant[source][skip:stop] * (COMMUNITY_PLANT_KW * 1000 / 4)
        columns[name] = pl.Series(whole_wh(energy_wh))
    buffer = io.BytesIO()
    pl.DataFrame(columns).write_csv(buffer, line_terminator="\n")
    return buffer.getvalue()


# --------------------------------------------------------------------------------------
# WRITING
# --------------------------------------------------------------------------------------


def whole_wh(energy_wh: Floats) -> Integers:
    """Return whole Wh, halves rounded up.

    >>> whole_wh(np.array([0.4, 0.5, 1.49])).tolist()
    [0, 1, 1]
    """
    return np.floor(energy_wh + 0.5).astype(np.int64)


def to_csv(series: Series, zone: str = "UTC", unit: str = "wh") -> bytes:
    """Return the CSV bytes: start_at with offset, import and export in the unit."""
    count = len(series.import_wh)
    start_at = pl.datetime_range(
        series.start,
        series.start + (count - 1) * series.step,
        series.step,
        eager=True,
    ).dt.convert_time_zone(zone)
    columns: dict[str, pl.Series] = {"start_at": start_at.dt.strftime("%Y-%m-%dT%H:%M:%S%:z")}
    for name, energy_wh in (
        ("import", series.import_wh),
        ("export", series.export_wh),
    ):
        whole = pl.Series(whole_wh(energy_wh))
        if unit == "kwh":
            whole = pl.Series([f"{wh // 1000}.{wh % 1000:03d}" for wh in whole])
        columns[f"{name}_{unit}"] = whole
    buffer = io.BytesIO()
    pl.DataFrame(columns).write_csv(buffer, line_terminator="\n")
    return buffer.getvalue()


def build(citylearn: Path, simbench_wheel: Path) -> dict[str, bytes]:
    """Return every file that this script makes, by path below `data/`."""
    files = {
        f"case_study/{name}.csv": to_csv(series)
        for name, series in case_study(citylearn, simbench_wheel).items()
    }
    files["examples/quarter_hour_household.csv"] = to_csv(
        quarter_hour_household(simbench_wheel), zone="Europe/Berlin"
    )
    files["examples/hourly_home_kwh.csv"] = to_csv(hourly_home(citylearn), unit="kwh")
    files["community/quarter_hours.csv"] = community_profiles(simbench_wheel)
    paths = {CITYLEARN: citylearn, SIMBENCH: simbench_wheel}
    for name, (wheel, member) in LICENCES.items():
        with zipfile.ZipFile(paths[wheel]) as archive:
            files[name] = archive.read(member).replace(b"\r\n", b"\n")
    sums = "".join(
        f"{hashlib.sha256(content).hexdigest()}  {name}\n"
        for name, content in sorted(files.items())
    )
    files["SHA256SUMS"] = sums.encode()
    return files


def write(files: Mapping[str, bytes], folder: Path) -> None:
    """Write the files and print what was written."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        print(f"{digest}  {len(content):>9,} bytes  {name}")
    print(f"{len(files)} files, {sum(map(len, files.values())):,} bytes")


def compare(files: Mapping[str, bytes], folder: Path) -> bool:
    """Return whether the folder holds exactly these bytes; print each difference."""
    same = True
    for name, content in files.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            print(f"differs: {name}")
            same = False
    print("all files are as made from the wheels" if same else "run without --check")
    return same


def main() -> int:
    """Return 0 when the files were written or agree, 1 when --check finds a change."""
    parser = argparse.ArgumentParser(
        description="Make the data extracts of the SETM case study.",
        epilog="Give both wheels by path, or --download to fetch them with pip "
        "(16 MB and 91 MB) into a temporary folder.",
    )
    parser.add_argument("--citylearn", type=Path, help="wheel of citylearn 2.1.0")
    parser.add_argument("--simbench", type=Path, help="wheel of simbench 1.6.3")
    parser.add_argument("--download", action="store_true", help="fetch missing wheels")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(__file__).resolve().parent,
        help="folder to write to (default: the folder of this script)",
    )
    parser.add_argument("--check", action="store_true", help="write nothing; compare with --out")
    options = parser.parse_args()
    if not options.download and not (options.citylearn and options.simbench):
        parser.error("give --citylearn and --simbench, or --download")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        citylearn = options.citylearn or download(CITYLEARN, folder)
        simbench_wheel = options.simbench or download(SIMBENCH, folder)
        files = build(checked(citylearn, CITYLEARN), checked(simbench_wheel, SIMBENCH))
    if options.check:
        return 0 if compare(files, options.out) else 1
    write(files, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
