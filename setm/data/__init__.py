"""Meter series: what a participant's meter counted, slot by slot, read from CSV files.

``load_series`` is the door: it returns a gap-free series on the slot grid or raises a ``DataError`` that
names file, row and remedy. ``history_view`` cuts out what an agent may know at its gate closure.
"""

from setm.data.reading import load_series
from setm.data.series import Energies, MeterSeries, history_view, require_slots, slots_per_day

__all__ = [
    "Energies",
    "MeterSeries",
    "history_view",
    "load_series",
    "require_slots",
    "slots_per_day",
]
