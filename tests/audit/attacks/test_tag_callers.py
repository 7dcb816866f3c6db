"""Who may call what of the tag contract and of its venue: without user.Security nobody enters anything."""

from __future__ import annotations

import pytest

from setm.evm.machine import NOBODY
from setm.tags import Source
from setm.types import Kind
from tests.audit.attacks.stage import MARGIN, SLOT
from tests.audit.attacks.tag_stage import PRICE, SOLAR_CLASS, TagStage
from tests.contracts.common.refusal import refuses

ENTERS = "user.Security"
OWNS = "the owner key of a participant"
HOLDS = "whoever has the tags"
ANYONE = "anyone"
TRUSTED = "one contract of the deployment"
GOVERNS = "governance"
CALLERS = {
    "tags": {
        "register": ANYONE,
        "mint": ANYONE,
        "withdraw": ANYONE,
        "give": HOLDS,
        "claim": HOLDS,
        "safeTransferFrom": HOLDS,
        "safeBatchTransferFrom": HOLDS,
        "setApprovalForAll": HOLDS,
        "claimConsumption": OWNS,
        "setPledgeBook": GOVERNS,
    },
    "conditional": {
        "post": ENTERS,
        "take": ENTERS,
        "cancel": ENTERS,
        "deliver": ANYONE,
        "collect": ANYONE,
        "releaseMarginOf": ANYONE,
        "releaseMargin": OWNS,
        "collectTags": TRUSTED,
        "addMargin": TRUSTED,
        "close": TRUSTED,
    },
}
OUTSIDERS = ("mallory", "expired", "revoked", "suspended")
PURPOSE = b"report".ljust(32, b"\0")


@pytest.fixture(scope="module")
def stage():
    """Three have lost user.Security after they had it, and each has an order and tags; mallory never had it."""
    found = TagStage()
    system = found.system
    found.outsiders = {"mallory": found.account("mallory")}
    for name in OUTSIDERS[1:]:
        person = system.enrol(name, Kind.PROSUMER, device_class=SOLAR_CLASS)
        system.fund(person, system.conditional, MARGIN)
        found.outsiders[name] = person
        found.orders = {**getattr(found, "orders", {}), name: found.post(person)}
    found.renew(
        found.outsiders["expired"],
        device_class=SOLAR_CLASS,
        serial=2,
        valid_until=found.evm.now + 1,
    )
    found.revoke(found.outsiders["revoked"])
    system.registry.send("suspend", found.outsiders["suspended"].id, sender=system.governance)
    found.go(found.evm.now + SLOT)
    return found


@pytest.mark.parametrize("role", CALLERS)
def test_every_function_of_both_contracts_says_who_may_call_it(stage, role):
    changing = {
        entry["name"]
        for entry in getattr(stage.system, role)._entries
        if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure")
    }
    assert changing == CALLERS[role].keys()


@pytest.mark.parametrize("name", OUTSIDERS)
def test_without_user_security_nobody_posts_takes_or_cancels(stage, name):
    market, person = stage.system.conditional, stage.outsiders[name]
    calls = {
        "post": (stage.order(),),
        "take": (1, 1, PRICE),
        "cancel": (stage.orders.get(name, 1),),
    }
    assert calls.keys() == {name for name, who in CALLERS["conditional"].items() if who is ENTERS}
    for function, args in calls.items():
        with refuses("NotSecured", key=person.address):
            market.send(function, *args, sender=person)


@pytest.mark.parametrize("name", ["mallory", "revoked"])
def test_consumption_is_claimed_by_the_owner_key_of_a_participant_alone(stage, name):
    person = stage.outsiders[name]
    with refuses("NotSecured", key=person.address):
        stage.system.tags.send("claimConsumption", [2 << 64], [1], sender=person)


def test_no_session_key_claims_consumption_or_frees_margin(stage):
    key = stage.evm.account("session of alice")
    market = stage.system.conditional
    with stage.evm.undone():
        terms = (key.address, market.address, 2**63, stage.evm.now + 3_600)
        stage.registry.send("openSession", terms, sender=stage.alice)
        market.send("post", stage.order(), sender=key)
        for contract, call in (
            (stage.system.tags, ("claimConsumption", [2 << 64], [1])),
            (market, ("releaseMargin", 1)),
        ):
            with refuses("NotSecured", key=key.address):
                contract.send(*call, sender=key)


def test_who_has_no_tags_gives_claims_and_sends_none(stage):
    tags, number = stage.system.tags, stage.id_of(Source.SOLAR)
    calls = {
        "give": (stage.bob.id, number, 1),
        "claim": ([number], [1], NOBODY, PURPOSE),
        "safeTransferFrom": (stage.alice, stage.bob, number, 1, b""),
        "safeBatchTransferFrom": (stage.alice, stage.bob, [number], [1], b""),
    }
    short = {"sender": stage.alice.address, "balance": 0, "needed": 1, "tokenId": number}
    for function, args in calls.items():
        with refuses("ERC1155InsufficientBalance", **short):
            tags.send(function, *args, sender=stage.alice)
    approval = {"operator": stage.bob.address, "owner": stage.alice.address}
    with refuses("ERC1155MissingApprovalForAll", **approval):
        tags.send("safeTransferFrom", *calls["safeTransferFrom"], sender=stage.bob)
