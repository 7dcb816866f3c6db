"""Ways that once broke something, walked again: lists of steps as a failing run prints them.

Each starts from the set-up of ``Stage`` and is held to every invariant, liveness included. A list that breaks again
fails here with the name of what broke.
"""

from functools import cache

import pytest

from tests.audit.machine.recording import failure_of, reduced, written
from tests.audit.machine.running import Ground
from tests.audit.machine.stage import credential
from tests.audit.machine.steps import Sig, Signed, Step


@cache
def ground():
    return Ground()


def reading(meter, slot, import_wh, export_wh, signer):
    return Signed(meter << 96 | slot << 64 | import_wh << 32 | export_wh, Sig(signer))


# A reading that its meter did not sign came in a batch and was passed over in silence, as if it were a repetition.
FORGED_IN_A_BATCH = [
    Step(
        at=1800002705,
        sender="bob",
        contract="meters",
        function="postReadings",
        args=(
            [
                reading(1, 2000001, 5, 0, "authority"),
                reading(2, 2000001, 5, 0, "device 3"),
            ],
        ),
    ),
]

# Governance brings in a venue that says that alice bought energy which nobody sold: with that credit she would have
# emptied the grid operator's guarantee. The operator never agreed to the venue.
A_VENUE_THAT_NOBODY_ASKED_FOR = [
    Step(1800001000, "governance", "house", "addVenue", ("liar",)),
    Step(1800088000, "alice", "house", "lock", ("liar", 1)),
    Step(1800088001, "mallory", "liar", "setTrade", (2000099, 2, (10**9, 0, 0, 0, 0))),
    Step(1800096000, "stranger", "settlement", "settle", (2000099, [2])),
    Step(1800096001, "stranger", "settlement", "payArrears", (2,)),
]

# The first slots of all time end before a gate could have closed: nothing is owed there, and nothing overflows.
A_COMPENSATION_OF_THE_FIRST_SLOT = [
    Step(1800015299, "alice", "auction", "compensate", (0, 3)),
]

# An authority that governance added makes itself the issuer of a member and revokes it.
A_HOSTILE_RENEWAL = [
    Step(1800001000, "governance", "registry", "addAuthority", ("notary",)),
    Step(
        1800088000,
        "notary",
        "registry",
        "renew",
        (
            credential("alice", "alice", 4, 1900000000, serial=2),
            "notary",
            Sig("notary"),
        ),
    ),
    Step(1800088001, "notary", "registry", "revoke", (2,)),
]

# Tags that a stranger has not, twice in one claim: counted before they were burnt, their sum ran over.
A_CLAIM_ABOVE_ALL_NUMBERS = [
    Step(
        1800107677,
        "mallory",
        "tags",
        "claim",
        ([100_000] * 2, [1, 2**256 - 1], "settlement", "0x" + "00" * 32),
    ),
]


@pytest.mark.parametrize(
    "steps",
    [
        FORGED_IN_A_BATCH,
        A_VENUE_THAT_NOBODY_ASKED_FOR,
        A_HOSTILE_RENEWAL,
        A_COMPENSATION_OF_THE_FIRST_SLOT,
        A_CLAIM_ABOVE_ALL_NUMBERS,
    ],
    ids=[
        "forged in a batch",
        "unasked venue",
        "hostile renewal",
        "first slot of all time",
        "claim above all numbers",
    ],
)
def test_what_once_broke_holds(steps):
    assert failure_of(ground(), steps) == ""


def test_a_list_that_breaks_is_named_and_made_short(monkeypatch):
    """With the operator's consent modelled away the venue's lie is a disagreement; only the steps it needs are kept."""
    target = ground().stage.model.__class__
    monkeypatch.setattr(target, "_is_asked", lambda *_: True)
    idle = Step(1800000500, "stranger", "token", "mint", ("stranger", 1))
    kept = reduced(ground(), [idle, *A_VENUE_THAT_NOBODY_ASKED_FOR, idle._replace(at=1800096002)])
    assert idle not in kept
    assert [step.function for step in kept][-1] == "settle"
    assert "setTrade" in written(kept)
