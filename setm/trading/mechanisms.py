"""All mechanisms by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from setm.errors import ConfigError
from setm.pricing import McAfee, PayAsBid, SupplyDemand, Vickrey
from setm.trading.anonymous import Anonymous
from setm.trading.auction import SealedAuction
from setm.trading.conditional import WithConditions
from setm.trading.day_ahead import DayAhead
from setm.trading.distributed import Distributed
from setm.trading.mechanism import Mechanism
from setm.trading.negotiation import Negotiated
from setm.trading.tariff import PostedTariff

_ALL: tuple[Mechanism, ...] = (
    Negotiated(),
    SealedAuction(name="auction", title="Uniform-price auction", after="Mengelkamp et al. 2018"),
    SealedAuction(
        name="vickrey",
        title="Vickrey auction",
        after="Hahn et al. 2017",
        rule=lambda tariff: Vickrey(reserve_price=tariff.feed_in_price),
    ),
    SealedAuction(
        name="pay_as_bid",
        title="Pay-as-bid auction",
        after="discriminatory pricing",
        rule=lambda tariff: PayAsBid(),
    ),
    SealedAuction(
        name="mcafee",
        title="McAfee's auction",
        after="McAfee 1992",
        rule=lambda tariff: McAfee(),
    ),
    SealedAuction(
        name="supply_demand",
        title="Supply/demand price",
        after="Park et al. 2018, Liu et al. 2017",
        rule=lambda tariff: SupplyDemand(
            feed_in_price=tariff.feed_in_price, retail_price=tariff.retail_price
        ),
    ),
    DayAhead(),
    PostedTariff(),
    Distributed(),
    WithConditions(),
    Anonymous(),
)
MECHANISMS: Mapping[str, Mechanism] = MappingProxyType({item.name: item for item in _ALL})


def mechanism_named(name: str) -> Mechanism:
    """Return a mechanism; raise ``ConfigError`` for a name that nothing has."""
    if name not in MECHANISMS:
        raise ConfigError(f"mechanism {name}: expected one of {', '.join(MECHANISMS)}")
    return MECHANISMS[name]
