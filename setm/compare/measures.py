"""The figures as people read them: one number for each column of ``setm.report.comparison.MEASURES``."""

from __future__ import annotations

from fractions import Fraction

from setm.compare.figures import WORTH_PER_MONEY, Figures

NANO_PER_EUR = 10**9
MICRO_PER_EUR = 10**6


def measures(found: Figures, spare_price: int) -> dict[str, float | None]:
    """Return every measure by its column; None where it has no meaning, such as a price without trade.

    ``spare_price`` is what the grid operator's two prices leave between them, 0.001 EUR/MWh.
    """
    largest_saving = spare_price * found.possible_wh
    return {
        "traded_kwh": found.bought_wh / 1000,
        "consumed_kwh": found.consumed_wh / 1000,
        "supplied_kwh": found.supplied_wh / 1000,
        "slots_percent": _percent(found.slots_with_trade, found.slots),
        "welfare_eur": found.welfare_nano / NANO_PER_EUR,
        "welfare_share_percent": _percent(found.welfare_nano, found.optimum_nano),
        "buyers_surplus_eur": found.buyers_nano / NANO_PER_EUR,
        "sellers_surplus_eur": found.sellers_nano / NANO_PER_EUR,
        "pool_eur": found.pool_nano / NANO_PER_EUR,
        "imbalance_eur": found.imbalance_nano / NANO_PER_EUR,
        "saving_eur": found.saving_micro / MICRO_PER_EUR,
        "saving_percent": _percent(found.saving_micro, found.import_cost_micro),
        "saving_share_percent": _percent(WORTH_PER_MONEY * found.saving_micro, largest_saving),
        "buyers_price_eur_per_mwh": _quotient(found.paid_micro, found.bought_wh),
        "sellers_price_eur_per_mwh": _quotient(found.earned_micro, found.sold_wh),
        "spread_eur_per_mwh": None if found.price_spread is None else found.price_spread / 1000,
        "self_sufficiency_percent": _percent(found.local_wh, found.import_wh),
        "self_consumption_percent": _percent(found.local_wh, found.export_wh),
        "savings_gini": None if found.savings_gini is None else float(found.savings_gini),
    }


def _quotient(part: int, whole: int) -> float | None:
    return float(Fraction(part, whole)) if whole else None


def _percent(part: int, whole: int) -> float | None:
    return _quotient(100 * part, whole)
