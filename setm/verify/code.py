"""Is the code at each address this source, with the values that belong there built in?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from setm import messages
from setm.chain.reader import Reader
from setm.days import slots_a_day
from setm.deployment_plan import SPANS, rule_in
from setm.pricing import section_of
from setm.schedules import BOOK_DOMAIN, word_count
from setm.units import Price, Wh, payment_up
from setm.verify.deployment import OPERATOR_ID, Deployed
from setm.verify.outcome import Check, found, warning
from setm.verify.source import Compiled

AREA = "code"
WORD = 32
# Of each venue of signed schedules, which is named in SPANS, and of its book.
SPAN_DOMAIN, BOOK = "SETM DayAheadAuction", "_book"
# What one order of a schedule can ask for (IScheduleBook), and the highest tick.
MAX_ORDER_WH, TOP_TICK = Wh(2**23 - 1), 255
DOMAINS: Mapping[str, str] = {
    "token": "Test Euro",
    "registry": messages.REGISTRY_DOMAIN,
    "meters": messages.METER_DOMAIN,
    "auction": messages.AUCTION_DOMAIN,
    "negotiation": messages.NEGOTIATION_DOMAIN,
    "tariff": messages.TARIFF_DOMAIN,
    "conditional": messages.CONDITIONAL_DOMAIN,
    "anonymous": messages.ANONYMOUS_DOMAIN,
    **dict.fromkeys(SPANS, SPAN_DOMAIN),
    **{f"{role}{BOOK}": BOOK_DOMAIN for role in SPANS},
}
DOMAIN_VERSION = "1"
DOMAIN_TYPE = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
# Immutables that hold another contract's address, and its role.
LINKS: Mapping[str, str] = {
    "token": "token",
    "registry": "registry",
    "clearinghouse": "clearinghouse",
    "meters": "meters",
    "settlement": "settlement",
    "pricing_rule": "rule",
    "tags": "tags",
    "note_book": "notes",
    "roster": "roster",
}
# The part of the configuration that a contract takes; the rest takes none.
SECTIONS: Mapping[str, str] = {
    "meters": "metering",
    "settlement": "settlement",
    "auction": "auction",
    "negotiation": "negotiation",
    "tariff": "tariff",
    "conditional": "conditional",
    "notes": "notes",
    "anonymous": "anonymous",
    **{role: role for role in SPANS},
    **{f"{role}{BOOK}": role for role in SPANS},
}


def check_code(
    deployed: Deployed, reader: Reader, compiled: Mapping[str, Compiled]
) -> Iterator[Check]:
    """Yield for each contract whether its code is this source's, and whether its immutables are what they should be."""
    for role in deployed.contracts:
        if role == "token" and not deployed.own_token:
            yield _foreign_token(reader)
            continue
        actual, wanted = reader.code(role), compiled[role]
        yield found(
            AREA,
            f"{role} is {wanted.contract}",
            code_faults(wanted, actual),
            good=f"{len(actual)} bytes; {wanted.compiler}",
        )
        expected = expected_immutables(role, deployed)
        yield found(
            AREA,
            f"immutables of {role}",
            immutable_faults(wanted, actual, expected),
            good=f"{len(wanted.immutables)} values",
        )


def _foreign_token(reader: Reader) -> Check:
    size = len(reader.code("token"))
    if size == 0:
        return found(AREA, "token", ["no code there"], good="")
    return warning(AREA, "token", f"{size} bytes that are not of this project: vet them elsewhere")


def code_faults(wanted: Compiled, actual: bytes) -> Iterator[str]:
    """Yield how code differs from what was compiled, immutables aside; nothing if it does not."""
    expected = bytes.fromhex(wanted.runtime)
    if not actual:
        yield "no code there"
        return
    if len(actual) != len(expected):
        yield f"another code: expected {len(expected)} bytes, found {len(actual)}"
        return
    here, there = _masked(wanted, expected), _masked(wanted, actual)
    differing = [place for place, (a, b) in enumerate(zip(here, there, strict=True)) if a != b]
    if not differing:
        return
    # The last two bytes say how long the metadata before them is.
    metadata_from = len(expected) - 2 - int.from_bytes(expected[-2:], "big")
    if differing[0] >= metadata_from:
        yield "the same instructions, but other metadata: comments, names or settings differ"
    else:
        yield f"another code: {len(differing)} of {len(expected)} bytes differ, the first is {differing[0]}"


def immutable_faults(
    wanted: Compiled, actual: bytes, expected: Mapping[str, bytes]
) -> Iterator[str]:
    """Yield each immutable whose value is not the expected one, or for which nothing is expected."""
    for name, places in wanted.immutables.items():
        values = {actual[place : place + WORD] for place in places}
        if plain(name) not in expected:
            yield f"{name}: nothing says what it should be"
        elif values != {expected[plain(name)]}:
            shown = ", ".join(sorted(_shown(value) for value in values))
            yield f"{name}: expected {_shown(expected[plain(name)])}, found {shown}"


def expected_immutables(role: str, deployed: Deployed) -> dict[str, bytes]:
    """Return the 32-byte value that each immutable of a role should have, by its plain name."""
    top = {name: value for name, value in deployed.config.items() if isinstance(value, int)}
    section = deployed.config.get(SECTIONS.get(role, ""), {})
    if role == "rule":
        section = {**section_of(rule_in(deployed.config))}
        del section["name"]
    if role == "notes":
        section = {"issue_seconds": section["issue_seconds"], **_modulus_words(section["modulus"])}
    if role == "anonymous":
        section = {**section, "feed_in_price": deployed.config["settlement"]["feed_in_price"]}
    numbers = {**top, **section, "operator_id": OPERATOR_ID, **_days(top["slot_seconds"])}
    if SECTIONS.get(role) in SPANS:
        numbers |= _span_values(section, top["slot_seconds"])
    values = {name: int(value).to_bytes(WORD, "big") for name, value in numbers.items()}
    for name, other in LINKS.items():
        if other in deployed.contracts:
            values[name] = _address_word(deployed.contracts[other])
    if role.endswith(BOOK):
        values["venue"] = _address_word(deployed.contracts[role.removesuffix(BOOK)])
    if role in DOMAINS:
        values |= _domain(DOMAINS[role], deployed.chain_id, deployed.contracts[role])
    return values


def _days(slot_seconds: int) -> dict[str, int]:
    """Return what meters and settlement derive for whole days."""
    slots = slots_a_day(slot_seconds)
    return {"day_slots": slots, "day_words": word_count(slots)}


def _span_values(section: Mapping[str, int], slot_seconds: int) -> dict[str, int]:
    """Return what a venue of schedules and its book derive from their configuration (SpanTerms)."""
    top_price = section["floor_price"] + TOP_TICK * section["tick_size"]
    dearest = Price(max(section["cover_price"], top_price))
    return {
        "span_lead": section["gate_lead"],
        "span_seconds": section["span_slots"] * slot_seconds,
        "largest_bound": payment_up(MAX_ORDER_WH, dearest),
    }


def _modulus_words(modulus: str) -> dict[str, int]:
    """Return the words in which a NoteBook's code keeps its key, the highest first."""
    data = bytes.fromhex(modulus.removeprefix("0x"))
    return {
        f"n{place}": int.from_bytes(data[WORD * place : WORD * place + WORD], "big")
        for place in range(len(data) // WORD)
    }


def plain(name: str) -> str:
    """Return a Solidity name as the configuration writes it.

    >>> [plain(name) for name in ("GOVERNANCE_DELAY", "_gateLead", "slotSeconds", "_maxOrderWh")]
    ['governance_delay', 'gate_lead', 'slot_seconds', 'max_order_wh']
    """
    bare = name.lstrip("_")
    return bare.lower() if bare.isupper() else re.sub(r"(?<!^)(?=[A-Z])", "_", bare).lower()


def _domain(name: str, chain_id: int, contract: str) -> dict[str, bytes]:
    """Return what OpenZeppelin's EIP712 keeps of a domain."""
    hashes = [bytes(keccak(text=name)), bytes(keccak(text=DOMAIN_VERSION))]
    separator = keccak(
        encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"],
            [bytes(keccak(DOMAIN_TYPE)), *hashes, chain_id, contract],
        )
    )
    return {
        "cached_domain_separator": bytes(separator),
        "cached_chain_id": chain_id.to_bytes(WORD, "big"),
        "cached_this": _address_word(contract),
        "hashed_name": hashes[0],
        "hashed_version": hashes[1],
        "name": _short_string(name),
        "version": _short_string(DOMAIN_VERSION),
    }


def _short_string(text: str) -> bytes:
    """Return OpenZeppelin's ShortString: the text from the left, its length in the last byte."""
    return text.encode().ljust(WORD - 1, b"\0") + bytes([len(text)])


def _address_word(address: str) -> bytes:
    return bytes.fromhex(address.removeprefix("0x")).rjust(WORD, b"\0")


def _masked(wanted: Compiled, code: bytes) -> bytes:
    masked = bytearray(code)
    for places in wanted.immutables.values():
        for place in places:
            masked[place : place + WORD] = bytes(WORD)
    return bytes(masked)


def _shown(value: bytes) -> str:
    number = int.from_bytes(value, "big")
    return str(number) if number < 2**64 else f"0x{number:x}"
