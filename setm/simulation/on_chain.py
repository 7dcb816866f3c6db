"""The chain side of each mechanism, by its name in ``setm.trading``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from setm.simulation.anonymous_day import AnonymousOnChain
from setm.simulation.auction_day import AuctionOnChain
from setm.simulation.conditional_day import ConditionalOnChain
from setm.simulation.day_ahead_day import DayAheadOnChain
from setm.simulation.distributed_day import DistributedOnChain
from setm.simulation.negotiation_day import NegotiationOnChain
from setm.simulation.scene import OnChain
from setm.simulation.tariff_day import TariffOnChain
from setm.trading import MECHANISMS
from setm.trading.auction import SealedAuction
from setm.trading.distributed import Distributed

ON_CHAIN: Mapping[str, OnChain] = MappingProxyType(
    {
        "negotiation": NegotiationOnChain(),
        **{
            name: AuctionOnChain(mechanism)
            for name, mechanism in MECHANISMS.items()
            if isinstance(mechanism, SealedAuction)
        },
        "day_ahead": DayAheadOnChain(),
        "tariff": TariffOnChain(),
        "distributed": DistributedOnChain(Distributed()),
        "conditional": ConditionalOnChain(),
        "anonymous": AnonymousOnChain(),
    }
)
