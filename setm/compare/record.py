"""What a mechanism's day left on the chain, read from its folder alone: a comparison needs no whole run."""

from __future__ import annotations

import json
from pathlib import Path

from setm.errors import RunError
from setm.report.run import MechanismRun, Participant, read_mechanism


def read_record(folder: Path, mechanism: str) -> MechanismRun:
    """Return the record that a mechanism's day wrote into ``folder``; raise ``RunError`` if it is not whole."""
    try:
        members = json.loads((folder / "members.json").read_text())
        people = [participant(row["participant_id"], row["name"]) for row in members]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"{folder}: the record of {mechanism} is missing, cut off or changed ({error}); "
            "run the comparison again with --fresh"
        ) from error
    return read_mechanism(folder, mechanism, {one.participant_id: one for one in people})


def participant(number: int, name: str) -> Participant:
    """Return a participant of whom only number and name count."""
    return Participant(
        participant_id=number,
        name=name,
        kind="",
        device="",
        zone=0,
        account="",
        meter=None,
        days_for_forecasting=None,
        min_bid_price=None,
        max_bid_price=None,
    )
