"""Reference of the EnergyTag contract: one tag for one Wh that a meter saw being fed in, claimable once.

A ``Tokens`` is everything the contract knows. Readings are what settlement billed: ``None`` for a slot that is not
settled, zeros where no measured reading stands. Accounts are any strings; a participant's tags go to its account if
that has no code and the participant was not revoked, else they are kept for it. Each function returns the next state
or raises ``Refused`` with name and values of the contract's error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from setm.negotiation import Refused
from setm.tags.certificates import Certificate, decode
from setm.types import ParticipantId

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a meter measured in a settled slot; zeros if no reading came in time or the meter signed two."""

    import_wh: int = 0
    export_wh: int = 0


KEPT = "kept"
"""Stands for the contract itself, which keeps what it cannot give."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The contract's whole state: balances by (account, id), all else as its getters name it."""

    balances: Mapping[tuple[str, int], int] = field(default_factory=dict)
    kept: Mapping[tuple[ParticipantId, int], int] = field(default_factory=dict)
    minted: Mapping[int, int] = field(default_factory=dict)
    claimed: Mapping[int, int] = field(default_factory=dict)
    claimed_by: Mapping[tuple[str, int], int] = field(default_factory=dict)
    consumption_claimed: Mapping[tuple[int, ParticipantId], int] = field(default_factory=dict)
    done: frozenset[tuple[int, ParticipantId]] = frozenset()

    def balance(self, account: str, number: int) -> int:
        """Return an account's tags of an id."""
        return self.balances.get((account, number), 0)


def mint(
    tokens: Tokens,
    slot: int,
    participant_id: ParticipantId,
    measured: Measured | None,
    number: int,
    found: Certificate,
    *,
    pledged_wh: int = 0,
    pledge_book: str = "",
) -> Tokens:
    """Return the state after a participant's slot was minted as tags of an id, the pledged ones to their venue."""
    if (slot, participant_id) in tokens.done:
        return tokens
    if measured is None:
        raise Refused("NotSettled", slot=slot, participantId=participant_id)
    tokens = replace(
        tokens,
        done=tokens.done | {(slot, participant_id)},
        minted=_added(tokens.minted, number, measured.export_wh),
    )
    taken = min(pledged_wh, measured.export_wh)
    tokens = _credit(tokens, pledge_book, number, taken)
    return _deposit(tokens, participant_id, found, number, measured.export_wh - taken)


def give(
    tokens: Tokens,
    giver: str,
    participant_id: ParticipantId,
    found: Certificate,
    number: int,
    energy_wh: int,
) -> Tokens:
    """Return the state after somebody gave tags to a participant."""
    if not energy_wh:
        raise Refused("NoTags", id=number)
    return _deposit(
        _debit(tokens, giver, number, energy_wh), participant_id, found, number, energy_wh
    )


def withdraw(
    tokens: Tokens, participant_id: ParticipantId, payout: str, numbers: Sequence[int]
) -> Tokens:
    """Return the state after what was kept for a participant went to its account."""
    for number in numbers:
        energy_wh = tokens.kept.get((participant_id, number), 0)
        if not energy_wh:
            raise Refused("NoTags", id=number)
        tokens = replace(tokens, kept={**tokens.kept, (participant_id, number): 0})
        tokens = _credit(_debit(tokens, KEPT, number, energy_wh), payout, number, energy_wh)
    return tokens


def claim(tokens: Tokens, account: str, amounts: Sequence[tuple[int, int]]) -> Tokens:
    """Return the state after an account's tags, as pairs of id and Wh, ended."""
    for number, energy_wh in amounts:
        if not energy_wh:
            raise Refused("NoTags", id=number)
    for number, energy_wh in amounts:
        tokens = _debit(tokens, account, number, energy_wh)
        tokens = replace(
            tokens,
            claimed=_added(tokens.claimed, number, energy_wh),
            claimed_by=_added(tokens.claimed_by, (account, number), energy_wh),
        )
    return tokens


def claim_consumption(
    tokens: Tokens,
    account: str,
    participant_id: ParticipantId,
    zone: int,
    amounts: Sequence[tuple[int, int]],
    readings: Mapping[int, Measured],
) -> Tokens:
    """Return the state after tags ended for what a participant took; ``readings`` has its settled slots."""
    tokens = claim(tokens, account, amounts)
    for number, energy_wh in amounts:
        tag = decode(number)
        if tag.zone != zone:
            raise Refused("OtherZone", expected=zone, found=tag.zone)
        if tag.slot not in readings:
            raise Refused("NotSettled", slot=tag.slot, participantId=participant_id)
        place = tag.slot, participant_id
        total = tokens.consumption_claimed.get(place, 0) + energy_wh
        import_wh = readings[tag.slot].import_wh
        if total > import_wh:
            raise Refused(
                "ConsumptionExceeded",
                slot=tag.slot,
                participantId=participant_id,
                measuredWh=import_wh,
                claimedWh=total,
            )
        tokens = replace(tokens, consumption_claimed={**tokens.consumption_claimed, place: total})
    return tokens


def _deposit(
    tokens: Tokens,
    participant_id: ParticipantId,
    found: Certificate,
    number: int,
    energy_wh: int,
) -> Tokens:
    if not found.has_code and not found.revoked_at:
        return _credit(tokens, found.account, number, energy_wh)
    tokens = replace(tokens, kept=_added(tokens.kept, (participant_id, number), energy_wh))
    return _credit(tokens, KEPT, number, energy_wh)


def _credit(tokens: Tokens, account: str, number: int, energy_wh: int) -> Tokens:
    return replace(tokens, balances=_added(tokens.balances, (account, number), energy_wh))


def _debit(tokens: Tokens, account: str, number: int, energy_wh: int) -> Tokens:
    balance = tokens.balance(account, number)
    if balance < energy_wh:
        raise Refused(
            "ERC1155InsufficientBalance",
            sender=account,
            balance=balance,
            needed=energy_wh,
            tokenId=number,
        )
    return _credit(tokens, account, number, -energy_wh)


def _added(amounts: Mapping[Key, int], key: Key, change: int) -> Mapping[Key, int]:
    return {**amounts, key: amounts.get(key, 0) + change} if change else amounts
