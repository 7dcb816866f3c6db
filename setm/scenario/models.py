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
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from setm.errors import ConfigError
from setm.forecast import AUTO, MODEL_NAMES
from setm.types import Grid, Kind
from setm.units import Money, Price, money_from_eur, price_from_eur_per_mwh


def _plain_number(value: object) -> object:
    """Take a YAML number for what its digits say, not for its nearest binary fraction."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError("expected a number")
    return str(value)


def _exact_price(value: Decimal) -> Decimal:
    try:
        price_from_eur_per_mwh(value)
    except ConfigError as error:
        raise ValueError(str(error)) from error
    return value


EurPerMwh = Annotated[
    Decimal,
    Field(ge=0, le=4_000_000),
    AfterValidator(_exact_price),
    BeforeValidator(_plain_number),
]
Eur = Annotated[Decimal, Field(ge=0, le=1_000_000), BeforeValidator(_plain_number)]
Name = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[\w][\w .-]*$")]
KindName = Literal["personal consumer", "industrial consumer", "generation", "prosumer"]
Mechanism = Literal["negotiation", "auction"]


def _known_model(value: str) -> str:
    if value not in MODEL_NAMES:
        raise ValueError(f"expected one of {', '.join(MODEL_NAMES)}")
    return value


class Part(BaseModel):
    """A part of a scenario: fixed once read, and nothing in it that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Market(Part):
    """The price grid: ``tick_count`` prices from the floor up."""

    floor_price_eur_per_mwh: EurPerMwh = Decimal("30.0")
    tick_eur_per_mwh: EurPerMwh = Decimal("0.1")
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

    @model_validator(mode="after")
    def _has_ticks(self) -> Self:
        if self.tick_eur_per_mwh == 0:
            raise ValueError("tick_eur_per_mwh 0: expected above 0")
        return self


class Tariff(Part):
    """The grid operator's two prices."""

    retail_eur_per_mwh: EurPerMwh = Decimal("55.5")
    feed_in_eur_per_mwh: EurPerMwh = Decimal("30.0")

    @model_validator(mode="after")
    def _has_spread(self) -> Self:
        if self.feed_in_eur_per_mwh >= self.retail_eur_per_mwh:
            raise ValueError(
                f"feed_in_eur_per_mwh {self.feed_in_eur_per_mwh}: expected below "
                f"retail_eur_per_mwh {self.retail_eur_per_mwh}"
            )
        return self


class AuctionTerms(Part):
    """The sealed auction's windows and bond."""

    gate_lead_minutes: int = Field(default=60, ge=5, le=24 * 60)
    reveal_minutes: int = Field(default=10, ge=1, le=12 * 60)
    clear_minutes: int = Field(default=15, ge=1, le=12 * 60)
    bond_eur: Eur = Decimal("0.01")

    @model_validator(mode="after")
    def _fits_before_delivery(self) -> Self:
        if self.reveal_minutes + self.clear_minutes > self.gate_lead_minutes:
            raise ValueError(
                f"reveal_minutes {self.reveal_minutes} + clear_minutes {self.clear_minutes}: expected at most "
                f"gate_lead_minutes {self.gate_lead_minutes}, so that a slot is cleared before its delivery"
            )
        return self

    @property
    def bond(self) -> Money:
        """The bond, 1e-6 EUR."""
        return money_from_eur(self.bond_eur)


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
    data: Path
    resample: Literal["none", "sum"] = "none"
    max_power_kw: float | None = Field(default=None, gt=0)
    model: Annotated[str, AfterValidator(_known_model)] = AUTO
    strategy: StrategySpec = StrategySpec()

    @property
    def kind_number(self) -> Kind:
        """The kind as the contracts count it."""
        return Kind[self.kind.upper().replace(" ", "_")]

    @property
    def sells(self) -> bool:
        """Whether the participant trades what it feeds in; the others trade what they take."""
        return self.kind_number is Kind.GENERATION

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
    day: date
    slot_seconds: Literal[900, 3600] = 3600
    network: Literal["ganache", "anvil"] = "ganache"
    mechanisms: tuple[Mechanism, ...] = Field(default=("negotiation", "auction"), min_length=1)
    market: Market = Market()
    tariff: Tariff = Tariff()
    auction: AuctionTerms = AuctionTerms()
    negotiation: NegotiationTerms = NegotiationTerms()
    metering: Metering = Metering()
    participants: tuple[ParticipantSpec, ...] = Field(min_length=2, max_length=500)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        _require_distinct("mechanisms", self.mechanisms)
        _require_distinct("participants", [item.name for item in self.participants])
        for item in self.participants:
            self._require_band(item)
        for what, found in (("seller (kind: generation)", True), ("buyer", False)):
            if not any(item.sells is found for item in self.participants):
                raise ValueError(f"participants: expected at least one {what}")
        if "grid operator" in (item.name for item in self.participants):
            raise ValueError("participants: the name 'grid operator' is taken; choose another")
        return self

    def _require_band(self, item: ParticipantSpec) -> None:
        floor, cap = self.market.grid.floor_price, self.market.cap_price
        if not floor <= item.min_bid <= item.max_bid <= cap:
            raise ValueError(
                f"participants: {item.name}: band {item.min_bid_eur_per_mwh} to {item.max_bid_eur_per_mwh} EUR/MWh: "
                f"expected min_bid <= max_bid, both from {floor / 1000} to {cap / 1000}"
            )
        ticks = (item.min_bid - floor, item.max_bid - floor)
        if any(tick % self.market.grid.tick_size for tick in ticks):
            raise ValueError(
                f"participants: {item.name}: band {item.min_bid_eur_per_mwh} to {item.max_bid_eur_per_mwh} EUR/MWh: "
                f"expected both in steps of {self.market.tick_eur_per_mwh} from {floor / 1000}"
            )

    def with_seed(self, seed: int) -> Scenario:
        """Return the same scenario with another seed."""
        return self.model_copy(update={"seed": seed})

    def resolved(self, relative_to: Path | None = None) -> dict[str, Any]:
        """Return every field with its value as plain YAML types, data paths as seen from ``relative_to``."""
        values: dict[str, Any] = {name: _plain(value) for name, value in self.model_dump().items()}
        if relative_to is not None:
            for item in values["participants"]:
                item["data"] = Path(os.path.relpath(item["data"], relative_to)).as_posix()
        return values

    def sha256(self) -> str:
        """Return the hash of what the scenario says and of the data it names, wherever the files stand."""
        values = self.resolved()
        for item in values["participants"]:
            item["data"] = hashlib.sha256(Path(item["data"]).read_bytes()).hexdigest()
        canonical = json.dumps(values, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def _require_distinct(field: str, values: tuple[str, ...] | list[str]) -> None:
    doubled = sorted({value for value in values if list(values).count(value) > 1})
    if doubled:
        raise ValueError(f"{field}: {', '.join(doubled)} more than once; name each once")


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
