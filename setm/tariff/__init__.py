"""Reference of the Tariff venue: what may be announced and taken when, at which price, and what it comes to.

A ``Book`` is everything the venue knows; each function returns the book after one message or raises ``Refused`` with
the name and values of the contract's error, checked in the contract's order. Authentication is the registry's: here a
caller is a participant already. ``now`` is UTC Unix seconds, everything else integers in the units of ``setm.units``.

The price follows the ratio r of supply to demand, ``feed_in * retail / ((retail - feed_in) * r + feed_in)`` for r up to
1 and ``feed_in`` beyond. Sources: Park et al. 2018, A Sustainable Home Energy Prosumer-Chain Methodology with Energy
Tags over the Blockchain, Sustainability 10(3), 658 (a price that follows supply and demand); Liu et al. 2017,
Energy-Sharing Model with Price-Based Demand Response for Microgrids of Peer-to-Peer Prosumers, IEEE Transactions on
Power Systems 32(5), 3569-3583 (the formula).
"""

from setm.tariff.book import (
    RING,
    Book,
    Part,
    Sums,
    add_margin,
    announce,
    announce_many,
    close,
    collect,
    filled,
    price_of,
    release_margin,
    take,
    take_many,
    trade_of,
)
from setm.tariff.terms import (
    Announcement,
    Config,
    Phase,
    Refused,
    State,
    Taking,
    share,
)

__all__ = [
    "RING",
    "Announcement",
    "Book",
    "Config",
    "Part",
    "Phase",
    "Refused",
    "State",
    "Sums",
    "Taking",
    "add_margin",
    "announce",
    "announce_many",
    "close",
    "collect",
    "filled",
    "price_of",
    "release_margin",
    "share",
    "take",
    "take_many",
    "trade_of",
]
