"""A step of the machine, as plain as can be: who calls what with what, and when.

Addresses are names, signatures say who signed what, sealed digests say what they seal: a list of steps printed by a
failing run is Python that a test can replay, on any chain and whatever the addresses are there.
"""

from __future__ import annotations

from typing import Any, NamedTuple

NOBODY = "0x" + "00" * 20
# What a step is called that only lets time pass.
WAIT = "wait"


def snake(name: str) -> str:
    """Return a contract's name as Python writes it.

    >>> snake("rotateKey")
    'rotate_key'
    """
    return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")


class Sig(NamedTuple):
    """A signature of 65 bytes by ``signer``: over what its own call says, or over another digest (hex)."""

    signer: str
    of: str = "own"
    form: str = "good"


class Seal(NamedTuple):
    """The digest of a sealed order."""

    slot: int
    participant_id: int
    side: int
    tick: int
    energy_wh: int
    salt: int


class Signed(NamedTuple):
    """A meter's reading with its compact signature (IMeterRegistry.SignedReading)."""

    word: int
    sig: Sig


class Minted(NamedTuple):
    """A note of a one-time account: as it is bought, signed by the issuer, paid in, or in a form that is refused."""

    account: str
    number: int
    form: str = "blinded"


class Step(NamedTuple):
    """One transaction, or ``function`` is ``WAIT`` and nothing is sent."""

    at: int
    sender: str
    contract: str
    function: str
    args: tuple[Any, ...] = ()


class Outcome(NamedTuple):
    """What a chain did with a step: ``error`` is ``Name(argument=value, ...)``, empty if there is none."""

    error: str
    value: bytes
    events: tuple[Any, ...]
    gas: int


class Seen(NamedTuple):
    """An event, addresses by name."""

    contract: str
    name: str
    args: dict[str, Any]
