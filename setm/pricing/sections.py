"""Pricing rules by name: from a section of a configuration to a rule, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from types import MappingProxyType
from typing import Any

from setm.errors import ConfigError
from setm.pricing.rules import (
    McAfee,
    PayAsBid,
    PricingRule,
    SupplyDemand,
    UniformPrice,
    Vickrey,
)

RULES: Mapping[str, type[PricingRule]] = MappingProxyType(
    {
        "uniform_price": UniformPrice,
        "vickrey": Vickrey,
        "pay_as_bid": PayAsBid,
        "mcafee": McAfee,
        "supply_demand": SupplyDemand,
    }
)


def rule_of(section: Mapping[str, Any]) -> PricingRule:
    """Return the rule that a configuration names, with its parameters; those that have a default may be left out.

    Raises ``ConfigError`` for a rule that is not registered and for a parameter that is missing, unknown or wrong.

    >>> rule_of({"name": "vickrey", "reserve_price": 30_000})
    Vickrey(reserve_price=30000)
    """
    name = str(section.get("name"))
    if name not in RULES:
        raise ConfigError(
            f"pricing rule {name}: not registered; expected one of {', '.join(RULES)}"
        )
    kind = RULES[name]
    given = {key: value for key, value in section.items() if key != "name"}
    known = {item.name: item.default is MISSING for item in fields(kind)}  # type: ignore[arg-type]
    for key, value in given.items():
        if key not in known:
            listed = ", ".join(known) or "no parameters"
            raise ConfigError(f"pricing rule {name}: no parameter {key!r}; expected {listed}")
        if type(value) is not int:
            raise ConfigError(f"pricing rule {name}: {key} {value!r}: expected a whole number")
    for key, is_needed in known.items():
        if is_needed and key not in given:
            raise ConfigError(f"pricing rule {name}: {key} is missing; expected a whole number")
    return kind(**given)


def section_of(rule: PricingRule) -> dict[str, Any]:
    """Return the section that ``rule_of`` reads as this rule.

    >>> section_of(UniformPrice(k=300))
    {'name': 'uniform_price', 'k': 300}
    """
    name = next(name for name, kind in RULES.items() if type(rule) is kind)
    parameters = {item.name: getattr(rule, item.name) for item in fields(rule)}  # type: ignore[arg-type]
    return {"name": name, **parameters}
