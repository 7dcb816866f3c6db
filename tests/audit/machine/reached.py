"""What many runs have reached together, and what they should have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.audit.machine.choices import WEIGHTS
from tests.audit.machine.invariants import INVARIANTS
from tests.audit.machine.running import Tally

# Nobody but a contract of the system may ever call these with success.
INTERNAL = {"addMargin", "close", "closeMany", "release", "collectTags"}
# Succeed only in ways that the machine does not go.
NEVER_DONE = {
    ("token", "permit"),
    ("registry", "changeDefaultAdminDelay"),
    # Only a venue's, which the machine has in "anonymous".
    *(("notes", name) for name in ("sell", "refund", "spend")),
    # No venue here clears days, and no meter is read day by day.
    ("settlement", "settleDay"),
    *(("meters", f"{name}Day") for name in ("dispute", "resolve", "unpack")),
    ("meters", "proveDayEquivocation"),
    # Once, before anything else.
    ("tags", "setPledgeBook"),
    # Of an open auction, and of a sealed one.
    *(("open_auction", name) for name in ("commit", "commitMany", "commitFor", "cancel", "open")),
    *(("open_auction", name) for name in ("forfeit", "compensate")),
    *(("auction", name) for name in ("placeOrder", "placeOrderFor")),
    # The sealed auction's rule leaves nothing over.
    ("auction", "payOutSurplus"),
    # Governance gives itself up for ever: tried, and refused for its delay, in most runs.
    ("registry", "renounceRole"),
}
# Refusals that say that the machine comes close to what it must not do.
REFUSED = {
    "AccountKnown",
    "AccountTooLow",
    "AlreadyClaimed",
    "ArbiterIsParty",
    "ClaimOutsideWindow",
    "DecisionOpen",
    "NotHeld",
    "NoteForged",
    "NoteMalformed",
    "NoteNotWaiting",
    "NoteSpent",
    "NoteStillOpen",
    "TooFewSigners",
    "AgreementUsed",
    "AnnouncementExists",
    "BindingNotSigned",
    "BondTooLow",
    "CapacityExceeded",
    "CommitmentMismatch",
    "DeviceKeyTaken",
    "EnergyOutOfRange",
    "EarlierSlotOpen",
    "ForgedReading",
    "ForgedSignature",
    "FreeBalanceTooLow",
    "GateClosed",
    "IdentityTaken",
    "KeyTaken",
    "MeterTaken",
    "ModeMismatch",
    "NotAVenue",
    "NotActive",
    "NotAllowed",
    "NotCovered",
    "NoSurplus",
    "NotSecured",
    "NothingForfeited",
    "NothingOwed",
    "NothingToTake",
    "OfferExpired",
    "OnlyBy",
    "OperatorNotSettled",
    "OrderExists",
    "OrderTooSmall",
    "OutcomeOpen",
    "OutsideReadingWindow",
    "PriceMismatch",
    "PriceNotMet",
    "ReadingExists",
    "ReadingOpen",
    "ReleaseTooEarly",
    "SessionLimitExceeded",
    "SignatureMismatch",
    "SlotNotMinted",
    "SlotPoolTooLow",
    "WrongPhase",
}


@dataclass(frozen=True)
class Reached:
    """Counts of one or more shards."""

    steps: int
    runs: int
    seconds: float
    rules: Counter[str]
    outcomes: Counter[str]
    checks: Counter[str]

    @classmethod
    def nothing(cls) -> Reached:
        return cls(0, 0, 0.0, Counter(), Counter(), Counter())

    @classmethod
    def of(cls, tally: Tally, seconds: float) -> Reached:
        outcomes = Counter({" ".join(key): count for key, count in tally.outcomes.items()})
        return cls(tally.steps, tally.runs, seconds, tally.rules, outcomes, tally.checks)

    @classmethod
    def sum(cls, parts: Iterable[Reached]) -> Reached:
        total = cls.nothing()
        for one in parts:
            total = cls(
                total.steps + one.steps,
                total.runs + one.runs,
                total.seconds + one.seconds,
                total.rules + one.rules,
                total.outcomes + one.outcomes,
                total.checks + one.checks,
            )
        return total

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> Reached:
        counts = (Counter(plain[name]) for name in ("rules", "outcomes", "checks"))
        return cls(plain["steps"], plain["runs"], plain["seconds"], *counts)

    def plain(self) -> dict[str, Any]:
        return dict(self.__dict__)


def missing(found: Reached, functions: Iterable[tuple[str, str]]) -> list[str]:
    """Return every rule, success and refusal that should have been reached and was not."""
    done = {tuple(key.split()[:2]) for key in found.outcomes if key.endswith(" done")}
    refused = {key.split()[2] for key in found.outcomes}
    lacking = [f"rule {name}" for name in WEIGHTS if not found.rules[name]]
    lacking += [
        f"success of {contract}.{name}"
        for contract, name in functions
        if name not in INTERNAL and (contract, name) not in (done | NEVER_DONE)
    ]
    lacking += [f"refusal {name}" for name in sorted(REFUSED - refused)]
    lacking += [f"invariant {name}" for name in (*INVARIANTS, "I14") if not found.checks[name]]
    return lacking
