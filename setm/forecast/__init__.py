"""Forecasts of an agent's own meter, made from nothing but its own history.

``history_view`` (``setm.data``) cuts the history at the gate closure; ``forecast_day`` turns it into a mean and an
interval for each slot; ``backtest`` measures models at rolling origins.
"""

from setm.forecast.backtest import BacktestRow, backtest
from setm.forecast.day import forecast_day
from setm.forecast.models import AUTO, MODEL_NAMES, MODELS
from setm.forecast.task import Direction, Forecast

__all__ = [
    "AUTO",
    "MODELS",
    "MODEL_NAMES",
    "BacktestRow",
    "Direction",
    "Forecast",
    "backtest",
    "forecast_day",
]
