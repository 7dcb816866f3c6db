"""What a scenario file may say, field by field; units stand in the names."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    model_validator,
)
from pydantic_core import PydanticCustomError

from setm.agents.types import Bidder
from setm.forecast import AUTO
from setm.households import Household, Plan
from setm.scenario.checks import inconsistencies
from setm.scenario.fields import (
    Day,
    Eur,
    EurPerMwh,
    KindName,
    Mechanism,
    ModelName,
    Name,
    Quantities,
)
from setm.tags import Source
from setm.types import Grid, Kind
from setm.units import Money, Price, money_from_eur, price_from_eur_per_mwh

INCONSISTENT = "inconsistent"
# As many enrol and trade in the half day before delivery at a second a transaction.
MAX_PARTICIPANTS = 1000


class Part(BaseModel):
    """A part of a scenario: fixed once read, and nothing in it that is not known."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, str_strip_whitespace=True
    )


class Market(Part):
    """The price grid: ``tick_count`` prices from the floor up."""

    floor_price_eur_per_mwh: EurPerMwh = Decimal("30.0")
    tick_eur_per_mwh: Annotated[EurPerMwh, Field(gt=0)] = Decimal("0.1")
    tick_count: int = Field(default=256, ge=2, le=256)

    @property
    def grid(self) -> Grid:
        """The prices of ticks in integers."""
        return Grid(
            floor_price=price_from_eur_per_mwh(self.floor_price_eur_per_mwh),
            tick_size=price_from_eur_per_mwh(self.tick_eur_per_mwh),
        )

    @property
    def cap_price(self) -> Price:
        """The highest price of the grid, 0.001 EUR/MWh."""
        return self.grid.price(self.tick_count - 1)


class Tariff(Part):
    """The grid operator's two prices."""

    retail_eur_per_mwh: EurPerMwh = Decimal("55.5")
    feed_in_eur_per_mwh: EurPerMwh = Decimal("30.0")


class AuctionTerms(Part):
    """The sealed auction's windows and bond."""

    gate_lead_minutes: int = Field(default=60, ge=5, le=24 * 60)
    reveal_minutes: int = Field(default=10, ge=1, le=12 * 60)
    clear_minutes: int = Field(default=15, ge=1, le=12 * 60)
    bond_eur: Annotated[Eur, Field(ge=Decimal("0.000001"))] = Decimal("0.01")

    @property
    def bond(self) -> Money:
        """The bond, 1e-6 EUR."""
        return money_from_eur(self.bond_eur)


class DayAheadTerms(Part):
    """The windows of the day-ahead auction of signed schedules, and how its collector behaves."""

    gate_lead_minutes: int = Field(default=120, ge=10, le=24 * 60)
    force_minutes: int = Field(default=30, ge=1, le=6 * 60)
    post_minutes: int = Field(default=30, ge=1, le=12 * 60)
    collector: Literal["present", "absent"] = "present"
    ignores: tuple[Name, ...] = Field(default=(), max_length=MAX_PARTICIPANTS, strict=False)


class NegotiationTerms(Part):
    """How long and how often offers go to and fro."""

    gate_lead_minutes: int = Field(default=60, ge=5, le=24 * 60)
    max_rounds: int = Field(default=8, ge=2, le=50)
    offer_minutes: int = Field(default=10, ge=1, le=24 * 60)


class Metering(Part):
    """How long a reading may take, be disputed and be resolved."""

    reading_window_minutes: int = Field(default=360, ge=5, le=7 * 24 * 60)
    dispute_window_minutes: int = Field(default=60, ge=1, le=7 * 24 * 60)
    resolve_window_minutes: int = Field(default=1440, ge=1, le=7 * 24 * 60)
    fraud_penalty_eur: Eur = Decimal("5")


class StrategySpec(Part):
    """How a participant negotiates; see docs/scenarios.md."""

    beta: float = Field(default=1.0, gt=0, le=50)
    time_weight: float = Field(default=1.0, ge=0, le=1)
    memory: int = Field(default=1, ge=1, le=10)
    opening_share: float = Field(default=0.0, ge=0, le=1)


class HouseholdSpec(Part):
    """A household made from the profiles that ``data`` names; see ``setm.households.Household``."""

    load: str
    yearly_use_kwh: int = Field(ge=1, le=1_000_000)
    shift_weeks: int = Field(default=0, ge=0, le=520)
    shift_slots: int = Field(default=0, ge=-96, le=96)
    pv: str = ""
    pv_kw: float = Field(default=0.0, ge=0, le=10_000)

    @property
    def household(self) -> Household:
        """The household itself."""
        return Household(**self.model_dump())


class CommunitySpec(Part):
    """Households drawn from a seed: ``count`` participants in a few lines."""

    count: int = Field(ge=2, le=MAX_PARTICIPANTS)
    seed: int = Field(default=1, ge=0, le=2**63 - 1)
    profiles: Annotated[Path, Field(strict=False)]
    pv_share: float = Field(default=0.5, ge=0, le=1)
    supply_ratio: float = Field(default=1.0, ge=0, le=10)
    yearly_use_kwh: int = Field(default=3500, ge=100, le=100_000)
    use_spread: float = Field(default=0.4, ge=0, le=1.5)
    days_for_forecasting: int = Field(ge=1, le=20_000)
    min_bid_eur_per_mwh: EurPerMwh
    max_bid_eur_per_mwh: EurPerMwh
    model: ModelName = AUTO
    bidder: Bidder = "forecast"
    quantities: Quantities = "forecast"

    @property
    def plan(self) -> Plan:
        """What the households are drawn from."""
        return Plan(
            count=self.count,
            seed=self.seed,
            pv_share=self.pv_share,
            supply_ratio=self.supply_ratio,
            yearly_use_kwh=self.yearly_use_kwh,
            use_spread=self.use_spread,
        )


class ParticipantSpec(Part):
    """One participant with its meter data and its price band."""

    name: Name
    kind: KindName
    device: str = Field(default="", max_length=60)
    device_class: int = Field(default=0, ge=0, le=65_535)
    zone: int = Field(default=1, ge=0, le=2**32 - 1)
    days_for_forecasting: int = Field(ge=1, le=20_000)
    min_bid_eur_per_mwh: EurPerMwh
    max_bid_eur_per_mwh: EurPerMwh
    data: Annotated[Path, Field(strict=False)]
    household: HouseholdSpec | None = None
    side: Literal["buy", "sell", "net"] | None = None
    bidder: Bidder = "forecast"
    quantities: Quantities = "forecast"
    source: Literal["grid", "solar", "wind"] | None = None
    resample: Literal["none", "sum"] = "none"
    max_power_kw: float | None = Field(default=None, gt=0)
    model: ModelName = AUTO
    strategy: StrategySpec = StrategySpec()

    @property
    def kind_number(self) -> Kind:
        """The kind as the contracts count it."""
        return Kind[self.kind.upper().replace(" ", "_")]

    @property
    def sells(self) -> bool:
        """Whether the participant trades what it feeds in; the others trade what they take.

        Without ``side`` the kind decides: generation sells, everybody else buys. Who is ``net`` buys unless its
        forecast of a slot says that it feeds in.
        """
        if self.side is None:
            return self.kind_number is Kind.GENERATION
        return self.side == "sell"

    @property
    def stated_side(self) -> Literal["buy", "sell", "net"]:
        """The side, by the kind if it is not given."""
        return self.side or ("sell" if self.sells else "buy")

    @property
    def certified_source(self) -> Source:
        """The source that the authority certifies for its device class.

        Without ``source`` whoever sells, now and then or always, sells solar energy; nobody says it of the others.
        """
        if self.source is None:
            return Source.GRID if self.stated_side == "buy" else Source.SOLAR
        return Source[self.source.upper()]

    @property
    def min_bid(self) -> Price:
        """The lowest own price, 0.001 EUR/MWh."""
        return price_from_eur_per_mwh(self.min_bid_eur_per_mwh)

    @property
    def max_bid(self) -> Price:
        """The highest own price, 0.001 EUR/MWh."""
        return price_from_eur_per_mwh(self.max_bid_eur_per_mwh)


class Scenario(Part):
    """A day of a community."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=60)]
    description: str = ""
    seed: int = Field(default=1, ge=0, le=2**63 - 1)
    day: Day
    slot_seconds: Literal[900, 3600] = 3600
    network: Literal["ganache", "anvil"] = "ganache"
    mechanisms: tuple[Mechanism, ...] = Field(default=("negotiation", "auction"), strict=False)
    market: Market = Market()
    tariff: Tariff = Tariff()
    auction: AuctionTerms = AuctionTerms()
    negotiation: NegotiationTerms = NegotiationTerms()
    day_ahead: DayAheadTerms = DayAheadTerms()
    metering: Metering = Metering()
    community: CommunitySpec | None = None
    participants: tuple[ParticipantSpec, ...] = Field(
        default=(), max_length=MAX_PARTICIPANTS, strict=False
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        problems = inconsistencies(self)
        if problems:
            raise PydanticCustomError(
                INCONSISTENT, "fields contradict each other", {"problems": problems}
            )
        return self

    def with_seed(self, seed: int) -> Scenario:
        """Return the same scenario with another seed."""
        return self.model_copy(update={"seed": seed})

    def resolved(self, relative_to: Path | None = None) -> dict[str, Any]:
        """Return every field with its value as plain YAML types, data paths as seen from ``relative_to``."""
        values: dict[str, Any] = {name: _plain(value) for name, value in self.model_dump().items()}
        for item, spec in zip(values["participants"], self.participants, strict=True):
            item["side"] = spec.stated_side
            if relative_to is not None:
                item["data"] = Path(os.path.relpath(item["data"], relative_to)).as_posix()
        return values

    def sha256(self) -> str:
        """Return the hash of what the scenario says and of the data it names, wherever the files stand."""
        values = self.resolved()
        for item in values["participants"]:
            item["data"] = hashlib.sha256(Path(item["data"]).read_bytes()).hexdigest()
        canonical = json.dumps(values, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Path):
        return value.as_posix()
    return value.isoformat() if isinstance(value, date) else value
