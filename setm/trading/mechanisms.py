"""All mechanisms by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from setm.errors import ConfigError
from setm.trading.auction import SealedAuction
from setm.trading.distributed import Distributed
from setm.trading.mechanism import Mechanism
from setm.trading.negotiation import Negotiated
from setm.trading.tariff import PostedTariff

_ALL: tuple[Mechanism, ...] = (
    Negotiated(),
    SealedAuction(name="auction", title="Uniform-price auction", after="Mengelkamp et al. 2018"),
    PostedTariff(),
    Distributed(),
)
MECHANISMS: Mapping[str, Mechanism] = MappingProxyType({item.name: item for item in _ALL})


def mechanism_named(name: str) -> Mechanism:
    """Return a mechanism; raise ``ConfigError`` for a name that nothing has."""
    if name not in MECHANISMS:
        raise ConfigError(f"mechanism {name}: expected one of {', '.join(MECHANISMS)}")
    return MECHANISMS[name]
