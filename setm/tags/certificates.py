"""Which source a participant is certified for in a slot, and what the id of a tag says of it (EnergyTagDevices).

An id holds ``source << 64 | zone << 32 | slot``. Times are UTC Unix seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import NamedTuple

_ZONE, _SOURCE = 32, 64
_FIELD = 2**32


class Source(IntEnum):
    """Where energy comes from (IEnergyTag.Source); the grid's origin nobody has certified."""

    NONE = 0
    GRID = 1
    SOLAR = 2
    WIND = 3

    @property
    def bit(self) -> int:
        """Return the place of the source in a set of sources."""
        return 1 << self


GREEN = Source.SOLAR.bit | Source.WIND.bit
"""The set of all sources that are not of an unknown origin."""
ANY = GREEN | Source.GRID.bit
"""The set of all sources."""


class Tag(NamedTuple):
    """What an id says."""

    source: Source
    zone: int
    slot: int


def tag_id(source: Source, zone: int, slot: int) -> int:
    """Return the id of tags of a source, zone and slot.

    >>> decode(tag_id(Source.WIND, 7, 2_000_000))
    Tag(source=<Source.WIND: 3>, zone=7, slot=2000000)
    """
    return source << _SOURCE | zone << _ZONE | slot


def decode(number: int) -> Tag:
    """Return what an id says."""
    return Tag(Source(number >> _SOURCE), number >> _ZONE & _FIELD - 1, number & _FIELD - 1)


# CERTIFIED SOURCES


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What the registry knows now of a participant: its newest credential, and where its tags may go.

    ``has_code`` is whether the account is a contract, which is never given anything unasked.
    """

    serial: int
    source: Source
    zone: int
    valid_until: int
    account: str
    has_code: bool = False
    revoked_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What a participant is registered as (IEnergyTag.Device)."""

    source: Source
    zone: int
    serial: int
    from_slot: int
    valid_until: int


def registered(
    device: Device | None, found: Certificate, *, caller: str, now: int, slot_seconds: int
) -> Device:
    """Return the device after somebody registered its participant."""
    if device is None or (not _goes_on(device, found, now) and caller == found.account):
        return Device(
            source=found.source,
            zone=found.zone,
            serial=found.serial,
            from_slot=now // slot_seconds + 1,
            valid_until=found.valid_until,
        )
    if not _goes_on(device, found, now):
        return device
    return replace(device, serial=found.serial, valid_until=found.valid_until)


def tag_of(device: Device | None, found: Certificate, slot: int, slot_seconds: int) -> int:
    """Return the id that energy fed in during a slot gets: of the certified source, or of the grid."""
    end_at = (slot + 1) * slot_seconds
    is_certified = (
        device is not None
        and device.from_slot <= slot
        and end_at <= min(device.valid_until, found.valid_until)
        and (not found.revoked_at or end_at <= found.revoked_at)
        and _says_the_same(device, found)
    )
    source = device.source if device and is_certified else Source.GRID
    return tag_id(source, found.zone, slot)


def _says_the_same(device: Device, found: Certificate) -> bool:
    """Tell whether the present credential is the registered one, or the next one of the same source and zone."""
    follows = (device.serial + 1, device.source, device.zone)
    return found.serial == device.serial or follows == (found.serial, found.source, found.zone)


def _goes_on(device: Device, found: Certificate, now: int) -> bool:
    """Tell whether the present credential says the same, and the registered one has not ended before it is known."""
    has_ended = found.serial != device.serial and now > device.valid_until
    return _says_the_same(device, found) and not has_ended
