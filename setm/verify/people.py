"""Is everybody who takes part one who was admitted, once, with one meter?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from eth_utils.address import to_checksum_address

from setm.verify.history import History
from setm.verify.outcome import Check, found

AREA = "books"
NEVER = 2**40 - 1


def check_people(history: History) -> Iterator[Check]:
    """Yield the invariants of participants and meters, as far as a state can show them."""
    yield found(
        AREA,
        "I12 one identity, one participant",
        _identities(history),
        good=lambda: f"{len(history.ids)} participants",
    )
    yield found(
        AREA, "I16 the registry equals its events", _registered(history), good="account, kind, ends"
    )
    yield found(
        AREA,
        "I12 one participant, one meter",
        _meters(history),
        good=lambda: f"{_meter_count(history)} bound",
    )


def _identities(history: History) -> Iterator[str]:
    joined = list(history.record.of("ParticipantJoined", "registry"))
    count = history.reader.ask("registry", "participantCount")
    if count != len(joined) or history.ids != list(range(1, len(joined) + 1)):
        yield f"{count} participants, but {len(joined)} joined"
    for field in ("identityCommitment", "account"):
        for value, times in Counter(str(event[field]).lower() for event in joined).items():
            if times > 1:
                yield f"{times} participants joined with {field} {value}"


def _registered(history: History) -> Iterator[str]:
    expected = _expected(history)
    for who in history.ids:
        told = history.reader.named("registry", "participant", who)
        told["account"] = to_checksum_address(told["account"])
        told["authority"] = to_checksum_address(told["authority"])
        for field, value in expected[who].items():
            if told[field] != value:
                yield f"{field} of participant {who}: {told[field]}, by events {value}"
        owner = history.reader.ask("registry", "ownerOf", told["account"]) if _lives(told) else who
        if owner != who:
            yield f"{told['account']} speaks for participant {owner} instead of {who}"


def _lives(told: dict[str, Any]) -> bool:
    return bool(told["revokedAt"] == 0)


def _expected(history: History) -> dict[int, dict[str, Any]]:
    """Return what the registry should say of each participant now."""
    known: dict[int, dict[str, Any]] = defaultdict(dict)
    names = ("kind", "deviceClass", "zone", "validUntil")
    for event in history.record.events:
        if event.contract != "registry" or "participantId" not in event.args:
            continue
        entry = known[event["participantId"]]
        match event.name:
            case "ParticipantJoined":
                entry.update({name: event[name] for name in names})
                entry["account"] = to_checksum_address(event["account"])
                entry["authority"] = to_checksum_address(event["authority"])
                entry.update(suspendedFrom=NEVER, revokedAt=0)
            case "CredentialRenewed":
                entry.update({name: event[name] for name in (*names, "serial")})
                entry["authority"] = to_checksum_address(event["authority"])
            case "ParticipantRevoked":
                entry["revokedAt"] = event.timestamp
            case "ParticipantSuspended":
                entry["suspendedFrom"] = event["from"]
            case "ParticipantReinstated":
                entry["suspendedFrom"] = NEVER
            case "KeyRotated" if event["activeFrom"] <= history.reader.now:
                entry["account"] = to_checksum_address(event["account"])
    return known


def _meters(history: History) -> Iterator[str]:
    latest: dict[int, int] = {}
    until: dict[int, int] = {}
    holders: dict[str, int] = {}
    keys: Counter[str] = Counter()
    for event in history.record.events:
        if event.name == "MeterBound":
            meter, serial = event["meter"], str(event["meterId"])
            before = holders.get(serial)
            if before is not None and until[before] > event["validFromSlot"]:
                yield f"meter {meter} has the serial number of meter {before}, which has not ended"
            last = latest.get(event["participantId"])
            if last is not None and until[last] > event["validFromSlot"]:
                yield f"participant {event['participantId']} has meters {last} and {meter} at once"
            holders[serial], until[meter] = meter, event["validUntilSlot"]
            latest[event["participantId"]] = meter
            keys[str(event["deviceKey"]).lower()] += 1
        elif event.name == "MeterRetired":
            until[event["meter"]] = event["fromSlot"]
    yield from (f"{times} meters with key {key}" for key, times in keys.items() if times > 1)
    for who in history.ids:
        told = history.reader.ask("meters", "meterOf", who)
        if told != latest.get(who, 0):
            yield f"meter of participant {who}: {told}, by events {latest.get(who, 0)}"


def _meter_count(history: History) -> int:
    return sum(1 for _ in history.record.of("MeterBound", "meters"))
