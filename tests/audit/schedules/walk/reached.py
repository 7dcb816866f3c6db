"""What many ways have reached together, and what they should have: a walk that does nothing keeps every invariant."""

from __future__ import annotations

from collections import Counter

from tests.audit.schedules.walk.choosing import WEIGHTS

# Of the contracts in question, and every fault for which somebody is set aside.
EVENTS = (
    "BookCommitted",
    "ScheduleForced",
    "ScheduleSetAside",
    "BatchWalked",
    "BookCleared",
    "GroupBound",
    "GroupRefunded",
    "OutcomeUnpacked",
    "TradeCollected",
    "TradeClosed",
    "SlotSettled",
    "MarginAdded",
    "MarginReleased",
    "SessionOpened",
    "KeyRotated",
    "ParticipantSuspended",
    "CredentialRenewed",
    *(f"fault {number}" for number in range(1, 7)),
)
# Refusals that say that the walk comes close to what it must not do.
REFUSED = (
    "PhaseMismatch",
    "CommitmentExists",
    "ForcedAlready",
    "NotAscending",
    "ScheduleRefused",
    "NotSetAside",
    "NotForced",
    "MarginsRefused",
    "LeftOut",
    "SumsMismatch",
    "NotAsCommitted",
    "ForcedLeftOut",
    "NotContinued",
    "TurnTaken",
    "BookFinal",
    "NotFailed",
    "WordsMismatch",
    "NotFinal",
    "MarginsMismatch",
    "GroupMismatch",
    "OutcomeMismatch",
    "MarginFrozen",
    "NotCovered",
    "NotSecured",
    "SessionLimitExceeded",
    "OutcomeOpen",
    "SlotPoolTooLow",
    "ReadingOpen",
    "OnlyBy",
    "BookRefused",
    "StillActive",
)


def missing(rules: Counter[str], told: Counter[str], outcomes: Counter[str]) -> list[str]:
    """Return every rule, event and refusal that should have been reached and was not."""
    refused = {key.split()[1] for key in outcomes}
    lacking = [f"rule {name}" for name in WEIGHTS if not rules[name]]
    lacking += [f"event {name}" for name in EVENTS if not told[name]]
    return lacking + [f"refusal {name}" for name in REFUSED if name not in refused]
