"""Integer units from order to payment, and conversions at the edges.

Energy is Wh, price 0.001 EUR/MWh, money 1e-6 EUR: one EUR/MWh is exactly one unit of money per Wh,
so ``payment = energy_wh * price / 1000``. Buyers round up, sellers round down.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import NewType

from setm.errors import ConfigError

Wh = NewType("Wh", int)
Price = NewType("Price", int)
Money = NewType("Money", int)

PRICE_PER_EUR_PER_MWH = 1000
MONEY_PER_EUR = 1_000_000


def payment_up(energy_wh: int, price: int) -> Money:
    """Return what a buyer pays, rounded up to 1e-6 EUR.

    >>> payment_up(1, 46_001)
    47
    """
    return Money(-(-energy_wh * price // 1000))


def payment_down(energy_wh: int, price: int) -> Money:
    """Return what a seller gets, rounded down to 1e-6 EUR.

    >>> payment_down(1, 46_001)
    46
    """
    return Money(energy_wh * price // 1000)


def price_from_eur_per_mwh(value: float | str | Decimal) -> Price:
    """Return an exact price; refuse one finer than 0.001 EUR/MWh.

    >>> price_from_eur_per_mwh("85.3")
    85300
    """
    scaled = Decimal(str(value)) * PRICE_PER_EUR_PER_MWH
    if scaled != scaled.to_integral_value() or scaled < 0:
        raise ConfigError(f"price {value} EUR/MWh: expected at least 0 and at most 3 decimals")
    return Price(int(scaled))


def eur_per_mwh(price: int) -> float:
    """Return a price for people, EUR/MWh.

    >>> eur_per_mwh(85300)
    85.3
    """
    return price / PRICE_PER_EUR_PER_MWH


def eur(amount: int) -> float:
    """Return an amount for people, EUR.

    >>> eur(1_500_000)
    1.5
    """
    return amount / MONEY_PER_EUR


def money_from_eur(value: float | str | Decimal) -> Money:
    """Return the nearest amount of 1e-6 EUR.

    >>> money_from_eur("0.25")
    250000
    """
    return Money(int((Decimal(str(value)) * MONEY_PER_EUR).to_integral_value(ROUND_HALF_EVEN)))


def wh_from_kwh(value: float | str | Decimal) -> Wh:
    """Return the nearest Wh.

    >>> wh_from_kwh("1.2345")
    1234
    """
    return Wh(int((Decimal(str(value)) * 1000).to_integral_value(ROUND_HALF_EVEN)))
