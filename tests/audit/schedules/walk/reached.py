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
    "PageWritten",
    "DaysPosted",
    "DayUnpacked",
    "DaysSettled",
    "a day settled as a whole",
    "GroupClosed",
    *(f"fault {number}" for number in (1, 2, 3, 5, 6)),
)
# Asked of deep walks alone: days are disputed seldom, and have to be before they can be resolved.
SELDOM = ("resolve_day",)
DEEP = 50_000
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
    "DayOpen",
    "MeterIsDaily",
    "SpanIsNoDay",
)


def missing(rules: Counter[str], told: Counter[str], outcomes: Counter[str]) -> list[str]:
    """Return every rule, event and refusal that should have been reached and was not."""
    refused = {key.split()[1] for key in outcomes}
    is_deep = sum(rules.values()) > DEEP
    asked = [name for name in WEIGHTS if is_deep or name not in SELDOM]
    lacking = [f"rule {name}" for name in asked if not rules[name]]
    lacking += [f"event {name}" for name in EVENTS if not told[name]]
    return lacking + [f"refusal {name}" for name in REFUSED if name not in refused]
