"""Attacks 1 and 3, and stolen keys: who speaks for a participant may change at any second; what was entered stays."""

from __future__ import annotations

import pytest
from eth_utils.crypto import keccak

from setm import messages
from setm.evm.machine import NOBODY
from setm.types import Kind, Side
from tests.audit.attacks.stage import (
    BOUND,
    DAY,
    DEPOSIT,
    EUR,
    FOREVER,
    MARGIN,
    Stage,
    refusal,
)

DELAY = 172_800
CHANGES = ("nothing", "rotate", "suspend", "revoke", "recover")
EDGES = ("gate", "clearing", "void", "start", "end", "final")
BOND = 100_000


@pytest.fixture(scope="module")
def stage():
    found = Stage()
    found.registry.send("setRecovery", found.account("recovery"), sender=found.alice)
    return found


@pytest.fixture
def fresh(stage):
    with stage.evm.undone():
        yield stage


# A change of keys in the middle of a slot (3)


def change_keys(stage, change):
    """Do it now; return the key that owns alice's participant from the next slot on, None if nobody does."""
    successor, recovery = stage.account("successor"), stage.account("recovery")
    if change == "rotate":
        message = messages.rotate(
            stage.system.domain(stage.registry),
            participant_id=stage.alice.id,
            account=successor.address,
            deadline=FOREVER,
        )
        proof = message.sign(successor)
        stage.registry.send("rotateKey", successor, FOREVER, proof, sender=stage.alice)
        return successor
    if change == "suspend":
        stage.registry.send("suspend", stage.alice.id, sender=stage.authority)
    if change == "revoke":
        stage.registry.send("revoke", stage.alice.id, sender=stage.authority)
        return None
    if change == "recover":
        # The recovery itself was asked for two days ago.
        assert stage.registry.call("participant", stage.alice.id).recovery == recovery.address
        stage.registry.send("completeRecovery", stage.alice.id, sender=successor)
        return successor
    return stage.alice.key


def day(stage, change, when, is_opened):
    """Trade, change alice's keys at ``when``, and let a stranger bring the slot to its end; return who owns alice."""
    stage.go(stage.gate - 3600)
    orders, owner = stage.trade(), stage.alice.key
    openings = [stage.opening(order) for order in (orders if is_opened else orders[1:])]
    steps = [
        (stage.gate + 2, lambda: stage.auction.send("open", stage.slot, openings)),
        (stage.clearing + 2, lambda: stage.auction.send("clear", stage.slot)),
        (stage.end + 2, lambda: stage.read(alice=(1_000, 0), bob=(0, 1_000), carol=(50, 0))),
        (stage.final + 2, lambda: stage.settle()),
    ]
    if not is_opened:
        alice, bob = stage.alice.id, stage.bob.id
        steps[2:2] = [
            (stage.clearing + 3, lambda: stage.auction.send("forfeit", stage.slot, [alice])),
            (stage.void + 2, lambda: stage.auction.send("compensate", stage.slot, bob)),
        ]
    for at, step in steps:
        if when is not None and when <= at:
            stage.go(when)
            owner, when = change_keys(stage, change), None
        stage.go(at)
        step()
    return owner


def take_all(stage, owner):
    """Bring all of alice's money out of the contracts; return how much arrives at whom it belongs to."""
    number, to = stage.alice.id, owner or stage.account("recovery")
    if owner is None:
        for venue in (stage.auction, stage.negotiation):
            venue.send("releaseMarginOf", number)
        stage.settlement.send("requestReleaseOf", number)
    else:
        for venue in (stage.auction, stage.negotiation):
            venue.send("releaseMargin", venue.call("marginOf", number), sender=owner)
        guarantee = stage.settlement.call("guaranteeOf", number)
        stage.settlement.send("requestRelease", guarantee, sender=owner)
    stage.evm.now += max(DELAY, int(stage.system.config["settlement"]["release_delay"]))
    stage.settlement.send("releaseGuarantee", number)
    if owner is None:
        stage.clearinghouse.send("withdrawRevoked", number)
    else:
        free = stage.clearinghouse.call("freeOf", number)
        stage.clearinghouse.send("withdraw", free, sender=owner)
    return stage.token.call("balanceOf", to)


@pytest.fixture(scope="module")
def later_stage():
    """The same with a slot so far ahead that a recovery can be asked for before anything is entered."""
    found = Stage()
    found.registry.send("setRecovery", found.account("recovery"), sender=found.alice)
    found.slot += 300
    return found


@pytest.fixture
def later(later_stage):
    with later_stage.evm.undone():
        yield later_stage


@pytest.fixture(scope="module")
def undisturbed(later_stage):
    """What everybody owns at the end of a day on which no key changed, with and without alice's opening."""
    found = {}
    for is_opened in (True, False):
        with later_stage.evm.undone():
            day(later_stage, "nothing", None, is_opened)
            later_stage.check_books()
            found[is_opened] = later_stage.wealths()
    return found


@pytest.mark.parametrize("is_opened", [True, False], ids=["opened", "not opened"])
@pytest.mark.parametrize("offset", [-1, 0, 1])
@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("change", CHANGES[1:])
def test_a_change_of_keys_at_any_second_moves_no_money(
    later, undisturbed, change, edge, offset, is_opened
):
    """bob is paid, alice's bill is the same, and all of alice's money comes out, to the new key or the recovery."""
    stage = later
    when = getattr(stage, edge) + offset
    if change == "recover":
        stage.go(when - DELAY)
        recovery, successor = stage.account("recovery"), stage.account("successor")
        stage.registry.send("startRecovery", stage.alice.id, successor, sender=recovery)
    owner = day(stage, change, when, is_opened)
    assert stage.wealths() == undisturbed[is_opened]
    stage.check_books()
    stage.evm.now += 900
    if owner is not stage.alice.key:
        assert refusal(stage.clearinghouse.send, "withdraw", 1, sender=stage.alice) == "NotSecured"
    assert take_all(stage, owner) == undisturbed[is_opened]["alice"]


def test_a_day_without_alices_opening_costs_the_bond_and_no_more(later, undisturbed):
    """The matrix above is worth something only if the two days differ as they must."""
    opened, withheld = undisturbed[True], undisturbed[False]
    assert opened["alice"] > withheld["alice"]
    # bob's order stood alone on the other side: the bond is bob's, and its energy went to the grid operator.
    feed_in = later.system.config["settlement"]["feed_in_price"]
    assert withheld["bob"] == DEPOSIT + BOND + 1_000 * feed_in // 1000
    retail = later.system.config["settlement"]["retail_price"]
    assert withheld["alice"] == DEPOSIT - BOND - 1_000 * retail // 1000


@pytest.mark.parametrize("change", ["revoke", "suspend"])
def test_who_lost_its_key_enters_nothing_but_its_commitment_is_opened_by_anybody(fresh, change):
    stage = fresh
    orders = stage.trade()
    change_keys(stage, change)
    stage.evm.now += 900
    assert refusal(stage.auction.send, "cancel", stage.slot, sender=stage.alice) == "NotSecured"
    stage.go(stage.gate)
    stage.auction.send("open", stage.slot, [stage.opening(order) for order in orders])
    stage.go(stage.clearing)
    stage.auction.send("clear", stage.slot)
    assert stage.auction.call("fillOf", stage.slot, stage.alice.id) == 1_000


# One person, many members (1)


def credential_of(stage, account, identity, serial=1):
    return messages.credential(
        stage.system.domain(stage.registry),
        account=account.address,
        kind=Kind.PROSUMER,
        device_class=0,
        zone=1,
        commitment=messages.identity_commitment(identity, keccak(text=identity)),
        valid_until=stage.evm.now + 1_000_000,
        serial=serial,
    )


def test_one_identity_one_key_one_attestation_and_one_meter_make_one_member(fresh):
    stage = fresh
    second = stage.account("second account")

    def join(account, identity, serial=1, deadline=FOREVER):
        credential = credential_of(stage, account, identity, serial)
        proof = credential.sign(stage.authority)
        values = tuple(credential.values.values())
        return refusal(
            stage.registry.send,
            "join",
            values,
            stage.authority,
            proof,
            NOBODY,
            0,
            b"",
            sender=account,
        )

    before = stage.registry.call("participantCount")
    assert join(second, "alice") == "IdentityTaken"
    assert join(second, "alice", serial=7) == "IdentityTaken"
    assert join(stage.alice.key, "a person that alice invents") == "KeyTaken"
    assert join(stage.alice.key, "alice") == "IdentityTaken"
    assert stage.registry.call("participantCount") == before
    assert join(second, "erin") == ""
    assert join(second, "erin") == "IdentityTaken"

    # The meter of alice, its device key, and a second meter for alice.
    erin = type(stage.alice)("erin", second, before + 1)
    assert refusal(stage.bind, erin, 1) == "MeterTaken"
    same_key = stage.device(1).address
    assert refusal(stage.bind, erin, 8, device_key=same_key) == "DeviceKeyTaken"
    assert refusal(stage.bind, stage.alice, 8) == "MeterTaken"
    assert refusal(stage.bind, erin, 8) == ""
    assert stage.meters.call("meterOf", erin.id) == 4


def test_an_identity_stays_taken_after_a_revocation(fresh):
    """Who was thrown out does not come back under a fresh key."""
    stage = fresh
    stage.registry.send("revoke", stage.alice.id, sender=stage.authority)
    second = stage.account("second account")
    credential = credential_of(stage, second, "alice", serial=9)
    values, proof = tuple(credential.values.values()), credential.sign(stage.authority)
    sent = (values, stage.authority, proof)
    consent = (NOBODY, 0, b"")
    assert refusal(stage.registry.send, "join", *sent, *consent, sender=second) == "IdentityTaken"
    assert refusal(stage.registry.send, "renew", *sent) == "NotSecured"


# Stolen keys


def test_who_steals_an_owner_key_gets_what_is_free_and_not_the_guarantee(fresh):
    """The guarantee waits for its delay; revoked in that time, it goes to the recovery address."""
    stage, thief = fresh, fresh.account("thief")
    stage.trade()
    bound = stage.auction.call("boundOf", stage.slot, stage.alice.id)
    for venue in (stage.auction, stage.negotiation):
        margin = venue.call("marginOf", stage.alice.id)
        venue.send("releaseMargin", margin, sender=stage.alice)
    stage.settlement.send("requestRelease", MARGIN, sender=stage.alice)
    stage.registry.send("setRecovery", thief, sender=stage.alice)
    free = stage.clearinghouse.call("freeOf", stage.alice.id)
    stage.clearinghouse.send("withdraw", free, sender=stage.alice)
    assert free == DEPOSIT - MARGIN - bound

    stage.evm.now += DAY
    stage.registry.send("revoke", stage.alice.id, sender=stage.authority)
    release_delay = int(stage.system.config["settlement"]["release_delay"])
    stage.evm.now += release_delay
    assert refusal(stage.clearinghouse.send, "withdraw", 1, sender=stage.alice) == "NotSecured"
    stage.settlement.send("releaseGuarantee", stage.alice.id)
    stage.clearinghouse.send("withdrawRevoked", stage.alice.id)
    assert stage.token.call("balanceOf", stage.account("recovery")) == MARGIN
    assert stage.token.call("balanceOf", thief) == 0


def test_a_thief_stops_recoveries_but_not_the_authority(fresh):
    """Whoever holds the owner key may cancel each recovery: a revocation ends that, and pays the true owner."""
    stage, recovery = fresh, fresh.account("recovery")
    for _ in range(3):
        successor = stage.account("successor")
        stage.registry.send("startRecovery", stage.alice.id, successor, sender=recovery)
        stage.evm.now += DELAY - 1
        stage.registry.send("cancelRecovery", sender=stage.alice)
        stage.evm.now += 1
        left = (stage.alice.id,)
        assert refusal(stage.registry.send, "completeRecovery", *left, sender=successor) == (
            "NothingPending"
        )
    stage.registry.send("revoke", stage.alice.id, sender=stage.authority)
    stage.evm.now += DELAY
    assert stage.registry.call("payoutAddress", stage.alice.id) == recovery.address


def test_who_steals_a_recovery_address_is_stopped_by_the_owner_and_replaced(fresh):
    stage, thief = fresh, fresh.account("recovery")
    other = stage.account("a better recovery")
    stage.registry.send("setRecovery", other, sender=stage.alice)
    # Two attempts are made in the time that the change takes; each takes as long as the owner has to stop it.
    for _ in range(2):
        stage.registry.send("startRecovery", stage.alice.id, thief, sender=thief)
        stage.evm.now += DELAY // 2
        stage.registry.send("cancelRecovery", sender=stage.alice)
    started = (stage.alice.id, thief)
    assert refusal(stage.registry.send, "startRecovery", *started, sender=thief) == "NotAllowed"
    assert stage.registry.call("ownerOf", stage.alice) == stage.alice.id


@pytest.mark.parametrize("is_buyer", [True, False], ids=["buys dear", "sells cheap"])
def test_a_stolen_session_key_loses_no_more_than_the_margin_of_its_venue(fresh, is_buyer):
    """The worst it can do: agree with an accomplice at the edge of the band, again and again, until nothing is left."""
    stage, thief, bob = fresh, fresh.account("agent of alice"), fresh.bob
    limit = 50 * EUR
    session = (thief, stage.negotiation, limit, stage.evm.now + DAY)
    stage.registry.send("openSession", session, sender=stage.alice)
    config = stage.system.config["negotiation"]
    price = config["cap_price"] if is_buyer else config["floor_price"]
    before = stage.wealth(stage.alice)
    free = stage.clearinghouse.call("freeOf", stage.alice.id)
    buyer, seller = (stage.alice, bob) if is_buyer else (bob, stage.alice)
    keys = (thief, bob.key) if is_buyer else (bob.key, thief)
    count = 0
    for energy_wh in (800_000, 100_000, 10_000, 1_000, 100):
        refused = ""
        while not refused:
            message = stage.agreement(buyer, seller, energy_wh=energy_wh, price=price, salt=count)
            signed = (keys[0], message.sign(keys[0]), keys[1], message.sign(keys[1]))
            values = tuple(message.values.values())
            refused = refusal(stage.negotiation.send, "agree", values, *signed)
            count += 1
        assert refused in ("NotCovered", "SessionLimitExceeded")
    assert count > 10
    # It withdraws nothing, frees nothing, and opens no further session.
    for function, target, args in (
        ("withdraw", stage.clearinghouse, (1,)),
        ("releaseMargin", stage.negotiation, (1,)),
        ("openSession", stage.registry, ((thief, stage.auction, limit, stage.evm.now + DAY),)),
        ("requestRelease", stage.settlement, (1,)),
        ("setRecovery", stage.registry, (thief,)),
    ):
        assert refusal(target.send, function, *args, sender=thief) == "NotSecured"
    assert refusal(stage.commit, thief, stage.order(stage.alice, Side.BID, 1, 1), BOUND) == (
        "NotSecured"
    )
    # alice uses what it uses and delivers nothing of what was sold for it.
    stage.go(stage.end)
    stage.read(alice=(2_000, 0), bob=(0, 0), carol=(0, 0))
    stage.settle()
    stage.check_books()
    retail = stage.system.config["settlement"]["retail_price"]
    own_bill = 0 if is_buyer else -(-2_000 * retail // 1000)
    lost = before - own_bill - stage.wealth(stage.alice)
    assert 0 < lost <= MARGIN
    assert stage.clearinghouse.call("freeOf", stage.alice.id) >= free
    assert stage.settlement.call("guaranteeOf", stage.alice.id) >= MARGIN - own_bill


def test_a_session_that_a_thief_opened_outlives_a_rotation_and_ends_with_a_recovery(fresh):
    """A rotation leaves agents at work, so an owner that rotates after a theft closes what SessionOpened named; a
    completed recovery ends every session at once."""
    stage, thief = fresh, fresh.account("session of the thief")
    session = (thief, stage.negotiation, MARGIN, stage.evm.now + 300 * DAY)
    opened = stage.registry.send("openSession", session, sender=stage.alice).only("SessionOpened")
    owner = change_keys(stage, "rotate")
    stage.evm.now += 900
    assert stage.registry.call("isSecured", thief)
    with stage.evm.undone():
        stage.registry.send("closeSession", opened["key"], sender=owner)
        assert not stage.registry.call("isSecured", thief)
    recovery, second = stage.account("recovery"), stage.account("second successor")
    stage.registry.send("startRecovery", stage.alice.id, second, sender=recovery)
    stage.evm.now += DELAY
    stage.registry.send("completeRecovery", stage.alice.id, sender=second)
    assert not stage.registry.call("isSecured", thief)


def test_one_person_that_two_authorities_identify_is_two_members(fresh):
    """Known limit: commitments are salted, so that nobody recognises a person in them, another authority included. One
    authority keeps its people apart; who accredits a second one has to make them agree on salts."""
    stage = fresh
    first, second = stage.account("first home"), stage.account("second home")
    salts = [keccak(text=f"salt of authority {number}") for number in (1, 2)]
    other = stage.account("second authority")
    stage.registry.send("addAuthority", other, sender=stage.governance)
    stage.evm.now += DAY
    numbers = []
    for account, salt, authority in (
        (first, salts[0], stage.authority),
        (second, salts[1], other),
    ):
        message = messages.credential(
            stage.system.domain(stage.registry),
            account=account.address,
            kind=Kind.PROSUMER,
            device_class=0,
            zone=1,
            commitment=messages.identity_commitment("the same person", salt),
            valid_until=stage.evm.now + DAY,
        )
        values, proof = tuple(message.values.values()), message.sign(authority)
        joined = stage.registry.send(
            "join", values, authority, proof, NOBODY, 0, b"", sender=account
        )
        numbers.append(joined.value)
    assert len(set(numbers)) == 2
