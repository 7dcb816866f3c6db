"""What is deployed, in which order and with which arguments: one list, for Brownie's scripts and the in-process EVM.

A configuration is the content of scripts/defaults.json: a section for each contract, its values in the order of the
contract's struct. What is only wanted sometimes has a section of its own that may be missing (``OPTIONAL``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from setm.errors import ConfigError
from setm.pricing import PricingRule, UniformPrice, rule_of
from setm.tags.deployment import classes_of

Config = Mapping[str, Any]

FOUNDATION = ("token", "registry", "clearinghouse")
STANDARD: Mapping[str, str] = MappingProxyType(
    {
        "token": "TestEuro",
        "registry": "ParticipantRegistry",
        "clearinghouse": "Clearinghouse",
        "meters": "MeterRegistry",
        "settlement": "Settlement",
        "rule": "UniformPriceRule",
        "auction": "Auction",
        "negotiation": "Negotiation",
    }
)
"""The contract of each role of every deployment."""
OPTIONAL: Mapping[str, str] = MappingProxyType(
    {
        "tariff": "Tariff",
        "tags": "EnergyTag",
        "conditional": "ConditionalMarket",
        "notes": "NoteBook",
        "anonymous": "AnonymousNegotiation",
        "day_ahead": "DayAheadAuction",
        "intraday": "DayAheadAuction",
    }
)
"""The contract of each role that is deployed if the configuration has a section of the role's name."""
SPANS = ("day_ahead", "intraday")
"""The venues of signed schedules; each has a book, whose role ends in _book."""
BOOKS: Mapping[str, str] = MappingProxyType(
    {"roster": "KeyRoster", **{f"{role}_book": "ScheduleBook" for role in SPANS}}
)
"""The contract of each book, which is deployed with its venue, and of the roster that books share."""
_OPTIONAL_VENUES: tuple[str, ...] = (
    "tariff",
    "conditional",
    "anonymous",
    "intraday",
)
ALL_VENUES = ("settlement", "day_ahead", "auction", "negotiation", *_OPTIONAL_VENUES)
"""The roles that hold collateral, in the order in which the clearinghouse lists them. Whole days move between the first
two, whose balances share a word there.
"""


@dataclass(frozen=True, slots=True)
class Of:
    """Stands for something that is known when it is deployed: a contract by its role, an office, or the operator."""

    name: str


GOVERNANCE, AUTHORITY, OPERATOR_ID = Of("governance"), Of("authority"), Of("operator_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A contract to be deployed in a role; tuples are structs, ``Of`` is to be filled in."""

    role: str
    contract: str
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of governance that opens what was deployed."""

    role: str
    function: str
    arguments: tuple[Any, ...]


def foundation(config: Config) -> Iterator[Part]:
    """Yield what the grid operator needs to join; a token that the configuration names is not deployed."""
    delay = config["governance_delay"]
    if "token" not in config:
        yield _part("token", config)
    yield _part(
        "registry",
        config,
        GOVERNANCE,
        config["slot_seconds"],
        delay,
        config["recovery_delay"],
        [AUTHORITY],
    )
    yield _part("clearinghouse", config, Of("token"), Of("registry"), delay)


def house(config: Config) -> Iterator[Part]:
    """Yield everything else, for a grid operator that has joined."""
    registry, clearinghouse, settlement = Of("registry"), Of("clearinghouse"), Of("settlement")
    yield _part("meters", config, registry, OPERATOR_ID, *config["metering"].values())
    yield _part(
        "settlement",
        config,
        registry,
        clearinghouse,
        Of("meters"),
        OPERATOR_ID,
        _struct(config, "settlement"),
    )
    yield _part("rule", config, *rule_in(config).arguments)
    yield _part(
        "auction", config, clearinghouse, settlement, Of("rule"), _struct(config, "auction")
    )
    yield _part("negotiation", config, clearinghouse, settlement, _struct(config, "negotiation"))
    if "tariff" in config:
        yield _part("tariff", config, clearinghouse, settlement, _struct(config, "tariff"))
    yield from _tags(config)
    yield from _anonymous(config)
    yield from _schedules(config)


def _tags(config: Config) -> Iterator[Part]:
    """Yield the contract of energy tags, and the venue that owes them, if they are wanted."""
    clearinghouse, settlement = Of("clearinghouse"), Of("settlement")
    if "tags" in config:
        parts = (Of("registry"), Of("meters"), settlement, classes_of(config["tags"]))
        yield _part("tags", config, *parts)
    if "conditional" in config:
        if "tags" not in config:
            raise ConfigError("conditional: the venue owes energy tags: add a section tags")
        values = _struct(config, "conditional")
        yield _part("conditional", config, clearinghouse, settlement, Of("tags"), values)


def _anonymous(config: Config) -> Iterator[Part]:
    """Yield the book of notes, and the venue that sells them, if they are wanted."""
    if "notes" in config:
        yield _part("notes", config, *config["notes"].values())
    if "anonymous" in config:
        if "notes" not in config:
            raise ConfigError("anonymous: the venue sells notes: add a section notes")
        clearinghouse, settlement = Of("clearinghouse"), Of("settlement")
        values = _struct(config, "anonymous")
        yield _part("anonymous", config, clearinghouse, settlement, values, Of("notes"))


def _schedules(config: Config) -> Iterator[Part]:
    """Yield the venues of signed schedules that are wanted, each with its book, and the roster of keys they share."""
    roles = [role for role in SPANS if role in config]
    if roles:
        yield _part("roster", config, Of("registry"))
    for role in roles:
        values = _struct(config, role)
        yield _part(role, config, Of("clearinghouse"), Of("settlement"), values)
        yield _part(f"{role}_book", config, Of(role), Of("registry"), Of("roster"))


def openings(config: Config) -> Iterator[Call]:
    """Yield the calls that make venues of contracts, before anybody deposits."""
    for role in venues(config):
        yield Call(role="clearinghouse", function="addVenue", arguments=(Of(role),))
    if "conditional" in config:
        yield Call(role="tags", function="setPledgeBook", arguments=(Of("conditional"),))
    for role in SPANS:
        if role in config:
            yield Call(role=role, function="setBook", arguments=(Of(f"{role}_book"),))


def contracts(config: Config) -> dict[str, str]:
    """Return the contract of each role that a configuration deploys."""
    wanted = {role: contract for role, contract in OPTIONAL.items() if role in config}
    for role in SPANS:
        if role in config:
            wanted |= {"roster": "KeyRoster", f"{role}_book": "ScheduleBook"}
    return {**STANDARD, "rule": rule_in(config).contract, **wanted}


def rule_in(config: Config) -> PricingRule:
    """Return the auction's pricing rule: the one of section ``rule``, else the uniform price halfway.

    >>> rule_in({"rule": {"name": "mcafee"}}), rule_in({})
    (McAfee(), UniformPrice(k=500))
    """
    return rule_of(config["rule"]) if "rule" in config else UniformPrice()


def venues(config: Config) -> tuple[str, ...]:
    """Return the roles that hold collateral, in the clearinghouse's order."""
    return tuple(role for role in ALL_VENUES if role in contracts(config))


def filled(arguments: tuple[Any, ...], known: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return arguments with what ``Of`` stands for, also inside structs and lists."""
    return tuple(_filled(value, known) for value in arguments)


def _filled(value: Any, known: Mapping[str, Any]) -> Any:
    if isinstance(value, Of):
        return known[value.name]
    if isinstance(value, list | tuple):
        return type(value)(_filled(item, known) for item in value)
    return value


def _part(role: str, config: Config, *arguments: Any) -> Part:
    return Part(role=role, contract=contracts(config)[role], arguments=arguments)


def _struct(config: Config, section: str) -> tuple[Any, ...]:
    return tuple(config[section].values())
