"""What agents do in each mechanism, and what that comes to: pure, from seeds, without a chain.

A mechanism's engine decides and says what is sent; ``setm.simulation`` lets the same engine act on a chain.
``rehearse`` plays it on paper with the reference's rules, and comes to the same trades to the unit.
"""

from setm.trading.day import Day, DayAheadTerms, Market, Rules
from setm.trading.day_ahead import WholeDays, is_read_daily, signed_orders, whole_days
from setm.trading.mechanism import Mechanism, Outcome, added
from setm.trading.mechanisms import MECHANISMS, mechanism_named
from setm.trading.traders import Certified, Strategy, Trader

__all__ = [
    "MECHANISMS",
    "Certified",
    "Day",
    "DayAheadTerms",
    "Market",
    "Mechanism",
    "Outcome",
    "Rules",
    "Strategy",
    "Trader",
    "WholeDays",
    "added",
    "is_read_daily",
    "mechanism_named",
    "signed_orders",
    "whole_days",
]
