"""The reference of pricing rules: from quantities at ticks to a clearing, and from a clearing to each order's fill.

Pure integers. The rules here go over cumulated supply and demand, the contracts walk tick by tick; property tests
demand that both agree to the unit. Energy is Wh, prices are 0.001 EUR/MWh, money 1e-6 EUR.
"""

from setm.pricing.ladder import (
    LADDER_TICKS,
    LADDER_WORDS,
    MAX_TICK_WH,
    fill_of,
    pack_ladder,
    price_of,
    unpack_ladder,
)
from setm.pricing.matching import best_losing_ask, best_losing_bid, matched
from setm.pricing.rules import (
    McAfee,
    PayAsBid,
    PricingRule,
    SupplyDemand,
    UniformPrice,
    Vickrey,
)
from setm.pricing.sections import RULES, rule_of, section_of

__all__ = [
    "LADDER_TICKS",
    "LADDER_WORDS",
    "MAX_TICK_WH",
    "RULES",
    "McAfee",
    "PayAsBid",
    "PricingRule",
    "SupplyDemand",
    "UniformPrice",
    "Vickrey",
    "best_losing_ask",
    "best_losing_bid",
    "fill_of",
    "matched",
    "pack_ladder",
    "price_of",
    "rule_of",
    "section_of",
    "unpack_ladder",
]
