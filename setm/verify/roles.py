"""Are offices, delays, links and settings what the configuration says, and what is about to change?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from setm.chain.events import Event
from setm.chain.reader import Reader
from setm.deployment_plan import SPANS, venues
from setm.types import Kind
from setm.verify.code import BOOK, DOMAIN_VERSION, DOMAINS, SECTIONS, plain
from setm.verify.deployment import OPERATOR_ID, Deployed
from setm.verify.outcome import Check, equal, found, warning

AREA = "roles"
SETTINGS = "settings"
NOBODY = "0x" + "00" * 20
TOKEN_DECIMALS = 6
# Fields 1, 2, 4 and 8 of EIP-5267: name, version, chain and contract.
DOMAIN_FIELDS = b"\x0f"


def check_roles(deployed: Deployed, reader: Reader, events: Sequence[Event]) -> Iterator[Check]:
    """Yield who holds each office, against who should, and every change that is announced."""
    ask = reader.ask
    yield equal(AREA, "governance", deployed.governance, lambda: ask("registry", "governance"))
    yield from _next_governance(reader)
    yield found(
        AREA,
        "nobody holds another role",
        _other_roles(deployed, events),
        good="one role, one holder",
    )
    yield from _authorities(deployed, reader, events)
    yield from _operator(deployed, reader)
    addresses = [deployed.contracts[role] for role in venues(deployed.config)]
    yield equal(AREA, "venues", addresses, lambda: list(ask("clearinghouse", "venues")))
    for event in events:
        if event.event == "VenueScheduled" and event.args["activeFrom"] > reader.now:
            when = _time(event.args["activeFrom"])
            yield warning(AREA, "venue to come", f"{event.args['venue']} from {when}")
    yield from _not_accepted("settlement", "venue", addresses, reader)
    yield from _not_accepted("meters", "authority", deployed.authorities, reader)


def _not_accepted(
    role: str, what: str, addresses: Sequence[str], reader: Reader
) -> Iterator[Check]:
    for address in addresses:
        if not reader.ask(role, "isAccepted", address):
            why = f"{address}: the grid operator does not stand for it yet"
            yield warning(AREA, f"{what} not accepted", why)


def _next_governance(reader: Reader) -> Iterator[Check]:
    who, at = reader.ask("registry", "pendingDefaultAdmin")
    if at:
        yield warning(AREA, "governance to come", f"{who} may take over from {_time(at)}")


def _other_roles(deployed: Deployed, events: Sequence[Event]) -> Iterator[str]:
    holders: set[tuple[str, str]] = set()
    for event in events:
        if event.contract == "registry" and event.event in ("RoleGranted", "RoleRevoked"):
            change = holders.add if event.event == "RoleGranted" else holders.discard
            change((event.args["role"], _sum(event.args["account"])))
    for role, account in sorted(holders - {("0x" + "00" * 32, deployed.governance)}):
        yield f"{account} holds {role}"


def _authorities(deployed: Deployed, reader: Reader, events: Sequence[Event]) -> Iterator[Check]:
    latest = {
        _sum(event.args["authority"]): event.args
        for event in events
        if event.event == "AuthorityScheduled"
    }

    def holding() -> list[str]:
        return sorted(who for who in latest if reader.ask("registry", "isAccredited", who))

    yield equal(AREA, "authorities", sorted(deployed.authorities), holding)
    for who, args in latest.items():
        if args["activeFrom"] > reader.now and args["activeFrom"] < args["activeUntil"]:
            yield warning(AREA, "authority to come", f"{who} from {_time(args['activeFrom'])}")
        elif reader.now < args["activeUntil"] < 2**40 - 1:
            yield warning(AREA, "authority to go", f"{who} until {_time(args['activeUntil'])}")


def _operator(deployed: Deployed, reader: Reader) -> Iterator[Check]:
    yield found(AREA, "grid operator", _operator_faults(deployed, reader), good=deployed.operator)
    if not reader.ask("registry", "isActive", OPERATOR_ID):
        yield warning(AREA, "grid operator", "revoked, suspended or expired: nothing new from it")


def _operator_faults(deployed: Deployed, reader: Reader) -> Iterator[str]:
    for role in ("settlement", "meters"):
        number = reader.ask(role, "operatorId")
        if number != OPERATOR_ID:
            yield f"{role} knows it as participant {number}"
    known = reader.named("registry", "participant", OPERATOR_ID)
    if known["kind"] != Kind.GRID_OPERATOR:
        yield f"participant {OPERATOR_ID} is {Kind(known['kind']).name.lower()}"
    if _sum(known["account"]) != deployed.operator:
        yield f"expected {deployed.operator}, found {known['account']}"


def check_settings(deployed: Deployed, reader: Reader) -> Iterator[Check]:
    """Yield whether every setting that a contract tells is the configured one."""
    config = deployed.config
    for role in (role for role in venues(config) if role in SECTIONS):
        section = config[SECTIONS[role]]
        faults = _differing(section, partial(_config, reader, role))
        yield found(SETTINGS, role, faults, good=f"{len(section)} values")
    windows = ("readingWindow", "disputeWindow", "resolveWindow")
    faults = _differing(
        config["metering"], lambda: _told({name: reader.ask("meters", name) for name in windows})
    )
    yield found(SETTINGS, "metering", faults, good=f"{len(windows)} values")
    names = ("slotSeconds", "GOVERNANCE_DELAY", "RECOVERY_DELAY")
    top = {name: value for name, value in config.items() if isinstance(value, int)}
    faults = _differing(top, lambda: _told({name: reader.ask("registry", name) for name in names}))
    yield found(SETTINGS, "slots and delays", faults, good=f"{len(names)} values")
    yield found(SETTINGS, "delays of changes", _short_delays(config, reader), good="as configured")
    yield found(SETTINGS, "links", _links(deployed, reader), good="every contract knows the others")
    yield from _token(deployed, reader)
    yield found(
        SETTINGS, "EIP-712 domains", _domains(deployed, reader), good="name, chain, contract"
    )


def _config(reader: Reader, role: str) -> dict[str, Any]:
    return _told(reader.named(role, "config"))


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    return {plain(name): value for name, value in values.items()}


def _differing(expected: Mapping[str, Any], ask: Callable[[], Mapping[str, Any]]) -> Iterator[str]:
    told = ask()
    for name in sorted(expected.keys() | told.keys()):
        if expected.get(name) != told.get(name):
            yield f"{name}: expected {expected.get(name)}, found {told.get(name)}"


def _short_delays(config: Any, reader: Reader) -> Iterator[str]:
    wanted = config["governance_delay"]
    delays = {
        "a new governance": reader.ask("registry", "defaultAdminDelay"),
        "a new venue": reader.ask("clearinghouse", "GOVERNANCE_DELAY"),
    }
    for what, delay in delays.items():
        if delay != wanted:
            yield f"{what} waits {delay} s, expected {wanted} s"
    pending, at = reader.ask("registry", "pendingDefaultAdminDelay")
    if at:
        yield f"the delay of governance becomes {pending} s at {_time(at)}"


LINKS_TOLD: Sequence[tuple[str, str, str]] = (
    ("clearinghouse", "token", "token"),
    ("clearinghouse", "registry", "registry"),
    ("meters", "registry", "registry"),
    ("settlement", "registry", "registry"),
    ("settlement", "clearinghouse", "clearinghouse"),
    ("settlement", "meters", "meters"),
    *(
        (venue, target, target)
        for venue in ("auction", "negotiation", "tariff", "conditional", "anonymous", *SPANS)
        for target in ("clearinghouse", "registry", "settlement")
    ),
    ("auction", "pricingRule", "rule"),
    ("tags", "registry", "registry"),
    ("tags", "meters", "meters"),
    ("tags", "settlement", "settlement"),
    ("tags", "pledgeBook", "conditional"),
    ("conditional", "tags", "tags"),
    ("anonymous", "noteBook", "notes"),
    ("roster", "registry", "registry"),
    *(
        link
        for venue in SPANS
        for link in (
            (venue, "scheduleBook", f"{venue}{BOOK}"),
            (f"{venue}{BOOK}", "venue", venue),
            (f"{venue}{BOOK}", "registry", "registry"),
            (f"{venue}{BOOK}", "roster", "roster"),
        )
    ),
)
"""Which contract tells, by which function, the address of which other one."""


def _links(deployed: Deployed, reader: Reader) -> Iterator[str]:
    for role, function, target in LINKS_TOLD:
        if role not in deployed.contracts or target not in deployed.contracts:
            continue
        found_at = _sum(reader.ask(role, function))
        if found_at != deployed.contracts[target]:
            yield f"{role}.{function}: expected {deployed.contracts[target]}, found {found_at}"


def _token(deployed: Deployed, reader: Reader) -> Iterator[Check]:
    decimals = equal(
        SETTINGS, "token's decimals", TOKEN_DECIMALS, lambda: reader.ask("token", "decimals")
    )
    yield decimals
    if deployed.own_token and not deployed.is_local:
        faults = [f"TestEuro on chain {deployed.chain_id}: anyone mints it"]
        yield found(SETTINGS, "token has worth", faults, good="")


def _domains(deployed: Deployed, reader: Reader) -> Iterator[str]:
    for role, name in DOMAINS.items():
        if role not in deployed.contracts or (role == "token" and not deployed.own_token):
            continue
        told = reader.ask(role, "eip712Domain")
        wanted = [DOMAIN_FIELDS, name, DOMAIN_VERSION, deployed.chain_id, deployed.contracts[role]]
        if list(told[:5]) != wanted:
            yield f"{role}: expected {wanted[1:]}, found {list(told[1:5])}"


def _sum(address: str) -> str:
    from eth_utils.address import to_checksum_address

    return to_checksum_address(address)


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat(timespec="seconds")
