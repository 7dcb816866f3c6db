"""The sections ``tags`` and ``conditional`` of a deployment's configuration, as the constructors want them.

::

    "tags": {"sources": {"7": "solar", "8": "wind"}},
    "conditional": {"gate_lead": 1800, "horizon_seconds": 172800, "floor_price": 30000, "cap_price": 55500,
                    "cover_price": 55500, "max_energy_wh": 1000000000, "tag_price": 10000}

``sources`` says which device class, the authorities' code in a credential, stands for which source; all others are
of the grid. ``conditional`` needs ``tags``; without it there are tags, and no venue that owes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from setm.errors import ConfigError
from setm.tags.certificates import Source

_CLASSES = 2**16
_NAMES = {source.name.lower(): source for source in Source if source is not Source.NONE}


def classes_of(section: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Return device class and source of each certified class (IEnergyTag.Class).

    >>> classes_of({"sources": {"7": "solar", "8": "wind"}})
    [(7, 2), (8, 3)]
    """
    found = []
    for number, name in section["sources"].items():
        if name not in _NAMES:
            raise ConfigError(f"tags.sources.{number}: {name!r}: expected {', '.join(_NAMES)}")
        if not str(number).isdecimal() or int(number) >= _CLASSES:
            raise ConfigError(f"tags.sources: class {number!r}: expected 0 to {_CLASSES - 1}")
        found.append((int(number), int(_NAMES[name])))
    return found
