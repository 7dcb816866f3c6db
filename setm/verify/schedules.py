"""What outcomes of signed schedules that are still packed bind, by the reference and what the chain says of each."""

from __future__ import annotations

from collections import defaultdict

from setm.chain.reader import Reader
from setm.report.run import MechanismRun
from setm.report.schedules import attempts, outcome, rules_of

PACKED = 1


def packed(record: MechanismRun, venue: str, reader: Reader) -> dict[int, int]:
    """Return what outcomes that are still packed bind, 1e-6 EUR by participant; those of failed attempts as well."""
    rules = rules_of(record, venue)
    refunded = {
        (one["book"], one["attempt"], one["group"]) for one in record.of("GroupRefunded", venue)
    }
    bound: dict[int, int] = defaultdict(int)
    for attempt in attempts(record, venue):
        for group, members in attempt.groups.items():
            if (attempt.book, attempt.number, group) in refunded:
                continue
            for who, fills in members:
                if reader.ask(venue, "outcomeOf", attempt.span, who) == PACKED:
                    bound[who] += outcome(attempt, who, fills, rules).bound
    return bound


def pool_slots(record: MechanismRun, venue: str) -> set[int]:
    """Return a slot of each pool: the slots of a span share that of the first."""
    return {attempt.first_slot for attempt in attempts(record, venue)}
