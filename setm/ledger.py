"""The reference of the clearinghouse: balances and the seven movements of money, ``[M1]`` to ``[M7]``.

Pure: each function returns the next state or raises ``LedgerError`` with the name and the values of the contract's
error. Amounts are 1e-6 EUR. Always ``held == sum of free balances + sum of collateral + sum of pools``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NewType

from setm.errors import LedgerError
from setm.types import ParticipantId
from setm.units import Money

Venue = NewType("Venue", str)

MAX_HELD = Money(2**64 - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Who owns what; whoever is not listed owns nothing."""

    free: Mapping[ParticipantId, Money] = field(default_factory=dict)
    collateral: Mapping[tuple[Venue, ParticipantId], Money] = field(default_factory=dict)
    pools: Mapping[Venue, Money] = field(default_factory=dict)
    held: Money = Money(0)

    def free_of(self, participant_id: ParticipantId) -> Money:
        """Return what is bound to nothing."""
        return self.free.get(participant_id, Money(0))

    def collateral_of(self, venue: Venue, participant_id: ParticipantId) -> Money:
        """Return what is locked for one venue."""
        return self.collateral.get((venue, participant_id), Money(0))

    def pool_of(self, venue: Venue) -> Money:
        """Return what a venue has charged and not yet paid out."""
        return self.pools.get(venue, Money(0))

    def owned(self) -> Money:
        """Return the sum of all balances; equals ``held`` in every reachable state."""
        parts = (self.free, self.collateral, self.pools)
        return Money(sum(sum(part.values()) for part in parts))


def deposit(ledger: Ledger, participant_id: ParticipantId, amount: int) -> Ledger:
    """Return the state after [M1].

    >>> deposit(Ledger(), ParticipantId(1), 5).free_of(ParticipantId(1))
    5
    """
    limit = MAX_HELD - ledger.held
    _require(amount != 0, "ZeroAmount")
    _require(amount <= limit, "HoldingLimitExceeded", limit=limit, asked=amount)
    grown = _add_free(ledger, participant_id, amount)
    return replace(grown, held=Money(ledger.held + amount))


def withdraw(ledger: Ledger, participant_id: ParticipantId, amount: int) -> Ledger:
    """Return the state after [M2]."""
    _require(amount != 0, "ZeroAmount")
    shrunk = _take_free(ledger, participant_id, amount)
    return replace(shrunk, held=Money(ledger.held - amount))


def lock(ledger: Ledger, participant_id: ParticipantId, venue: Venue, amount: int) -> Ledger:
    """Return the state after [M3]."""
    _require(amount != 0, "ZeroAmount")
    taken = _take_free(ledger, participant_id, amount)
    return _add_collateral(taken, venue, participant_id, amount)


def release(ledger: Ledger, venue: Venue, participant_id: ParticipantId, amount: int) -> Ledger:
    """Return the state after [M4], called by ``venue``."""
    taken = _take_collateral(ledger, venue, participant_id, amount)
    return _add_free(taken, participant_id, amount)


def close(
    ledger: Ledger,
    venue: Venue,
    participant_id: ParticipantId,
    *,
    heir: Venue | None = None,
    charged: int = 0,
    released: int = 0,
    paid: int = 0,
) -> Ledger:
    """Return the state after [M5] to [M7], called by ``venue``; ``heir`` takes ``released + paid`` if there is one."""
    taken = _take_collateral(ledger, venue, participant_id, charged + released)
    moved = _move_pool(taken, venue, charged, paid)
    if heir is None:
        return _add_free(moved, participant_id, released + paid)
    return _add_collateral(moved, heir, participant_id, released + paid)


def _require(condition: bool, name: str, **values: object) -> None:
    if not condition:
        listed = ", ".join(f"{key}={value}" for key, value in values.items())
        raise LedgerError(f"{name}({listed}); see docs/errors.md#{name.lower()}")


def _add_free(ledger: Ledger, participant_id: ParticipantId, amount: int) -> Ledger:
    balance = Money(ledger.free_of(participant_id) + amount)
    return replace(ledger, free={**ledger.free, participant_id: balance})


def _take_free(ledger: Ledger, participant_id: ParticipantId, amount: int) -> Ledger:
    available = ledger.free_of(participant_id)
    _require(
        amount <= available,
        "FreeBalanceTooLow",
        participantId=participant_id,
        needed=amount,
        available=available,
    )
    return _add_free(ledger, participant_id, -amount)


def _add_collateral(
    ledger: Ledger, venue: Venue, participant_id: ParticipantId, amount: int
) -> Ledger:
    balance = Money(ledger.collateral_of(venue, participant_id) + amount)
    return replace(ledger, collateral={**ledger.collateral, (venue, participant_id): balance})


def _take_collateral(
    ledger: Ledger, venue: Venue, participant_id: ParticipantId, amount: int
) -> Ledger:
    available = ledger.collateral_of(venue, participant_id)
    _require(
        amount <= available,
        "CollateralTooLow",
        participantId=participant_id,
        needed=amount,
        available=available,
    )
    return _add_collateral(ledger, venue, participant_id, -amount)


def _move_pool(ledger: Ledger, venue: Venue, charged: int, paid: int) -> Ledger:
    available = ledger.pool_of(venue) + charged
    _require(paid <= available, "PoolTooLow", venue=venue, needed=paid, available=available)
    return replace(ledger, pools={**ledger.pools, venue: Money(available - paid)})
