"""Notes of the machine's one-time accounts: the same on every chain, each signed once in a process."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from eth_utils.crypto import keccak

from setm.anonymous.accounts import Note
from setm.anonymous.notes import (
    IssuerKey,
    NotePlace,
    domain_number,
    issuer_key,
    note_hash,
    to_bytes,
)
from tests.audit.machine.steps import Minted

if TYPE_CHECKING:
    from tests.audit.machine.world import World


@cache
def issuer() -> IssuerKey:
    """Return who signs notes in every run."""
    return issuer_key(b"setm machine")


def place_of(world: World) -> NotePlace:
    """Return where the notes of a deployment count."""
    return NotePlace(
        chain_id=world.chain_id, book=world.address("notes"), venue=world.address("anonymous")
    )


def serial_of(minted: Minted) -> str:
    """Return the serial number of a note, as an argument of a step."""
    return "0x" + keccak(text=f"{minted.account} note {minted.number}").hex()


def resolved(world: World, minted: Minted) -> bytes:
    """Return what stands for a note in a call."""
    if minted.form == "short":
        return bytes(255)
    if minted.form == "forged":
        return to_bytes(5 + minted.number)
    return _forms(place_of(world), world.address(minted.account), minted._replace(form=""))[
        ("blinded", "signed", "note").index(minted.form)
    ]


@cache
def _forms(place: NotePlace, address: str, minted: Minted) -> tuple[bytes, bytes, bytes]:
    """Return a note blinded, signed so, and unblinded."""
    serial = bytes.fromhex(serial_of(minted)[2:])
    seed = keccak(text=f"{minted.account} factor {minted.number}")
    bought = Note(
        account=address,
        serial=serial,
        number=domain_number(note_hash(place, address, serial)),
        factor=int.from_bytes(seed, "big"),
    )
    key = issuer()
    blinded = bought.blinded(key.public)
    signed = key.sign(blinded)
    note = key.public.unblinded(signed, bought.factor, bought.number)
    return to_bytes(blinded), to_bytes(signed), to_bytes(note)
