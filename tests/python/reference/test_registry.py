"""Which key speaks for whom, one second before a change, at it and one second after."""

from dataclasses import replace

import pytest

from setm import registry as book
from setm.errors import NotSecured
from setm.registry import NEVER, ZERO_ADDRESS, Credential, Registry
from setm.types import Kind, ParticipantId

GOVERNANCE, AUTHORITY, SECOND = "governance", "authority", "second authority"
VENUE, RECOVERY = "venue", "recovery"
DAY = 86_400
NOW = 1_800_000_100
NEXT_SLOT = 1_800_000_900
EXPIRES = NOW + 30 * DAY
ALICE = ParticipantId(1)
BOB = ParticipantId(2)


def credential(account: str, **changes: object) -> Credential:
    made = Credential(
        account=account,
        kind=Kind.PROSUMER,
        device_class=0,
        zone=7,
        identity_commitment=account.encode(),
        valid_until=EXPIRES,
        serial=1,
    )
    return replace(made, **changes)


def empty() -> Registry:
    return Registry(
        governance=GOVERNANCE,
        slot_seconds=900,
        governance_delay=DAY,
        recovery_delay=2 * DAY,
        authorities={AUTHORITY: book.Accreditation(active_from=NOW)},
    )


@pytest.fixture
def registry() -> Registry:
    """Alice, with a recovery address, and bob, without."""
    one = book.join(empty(), credential("alice"), AUTHORITY, RECOVERY, NOW)
    return book.join(one, credential("bob"), AUTHORITY, ZERO_ADDRESS, NOW)


def refused(name: str, **values: object) -> object:
    listed = ", ".join(f"{key}={value}" for key, value in values.items())
    return pytest.raises(
        NotSecured, match=rf"^{name}\({listed}\); see docs/errors\.md#{name.lower()}$"
    )


def speaks(registry: Registry, key: str, now: int) -> tuple[bool, bool]:
    """Return whether the key may enter something and whether it owns a participant."""
    try:
        owns = bool(book.owner_of(registry, key, now))
    except NotSecured:
        owns = False
    return book.is_secured(registry, key, now), owns


def open_session(registry: Registry, caller: str = "alice", key: str = "agent", **changes: object):
    values = {"venue": VENUE, "limit_per_slot": 500, "expires_at": NOW + DAY, "now": NOW}
    return book.open_session(registry, caller, key=key, **{**values, **changes})


# Joining


@pytest.mark.parametrize(
    ("changes", "name", "values"),
    [
        ({"account": ZERO_ADDRESS}, "ZeroField", {"field": "account"}),
        ({"kind": Kind.NONE}, "ZeroField", {"field": "kind"}),
        ({"identity_commitment": bytes(32)}, "ZeroField", {"field": "identityCommitment"}),
        ({"serial": 0}, "ZeroField", {"field": "serial"}),
        ({"valid_until": NOW}, "CredentialExpired", {"validUntil": NOW, "nowAt": NOW}),
        (
            {"valid_until": NEVER},
            "ExpiryOutOfRange",
            {"expiresAt": NEVER, "earliest": NOW + 1, "latest": NEVER - 1},
        ),
        ({"identity_commitment": b"alice"}, "IdentityTaken", {"participantId": 1}),
        ({"account": "bob"}, "KeyTaken", {"key": "bob", "participantId": 2}),
    ],
)
def test_refuses_to_join_with(registry, changes, name, values):
    with refused(name, **values):
        book.join(registry, replace(credential("carol"), **changes), AUTHORITY, ZERO_ADDRESS, NOW)


@pytest.mark.parametrize("authority", [SECOND, "nobody"])
def test_refuses_to_join_by_an_authority_that_is_not_accredited(registry, authority):
    added = book.add_authority(registry, GOVERNANCE, SECOND, NOW)
    with refused("NotAccredited", authority=authority):
        book.join(added, credential("carol"), authority, ZERO_ADDRESS, NOW)


def test_who_joined_may_enter_until_the_credential_ends_and_owns_for_ever(registry):
    assert book.authorize(registry, "alice", VENUE, 10**9, NOW) == ALICE
    assert speaks(registry, "alice", EXPIRES - 1) == (True, True)
    assert speaks(registry, "alice", EXPIRES) == (False, True)
    assert speaks(registry, "mallory", NOW) == (False, False)


@pytest.mark.parametrize("participant_id", [0, 3])
def test_an_unknown_participant_is_not_active_and_has_no_entry(registry, participant_id):
    assert not book.is_active(registry, participant_id, NOW)
    with refused("UnknownParticipant", participantId=participant_id):
        book.participant_of(registry, participant_id)


# Renewing


def test_refuses_to_renew_for_an_unknown_identity(registry):
    with refused("UnknownParticipant", participantId=0):
        book.renew(registry, credential("carol", serial=2), AUTHORITY, "anyone", NOW)


def test_refuses_to_renew_for_another_account(registry):
    other = credential("bob", identity_commitment=b"alice", serial=2)
    with refused("NotAllowed", caller="bob", expected="alice"):
        book.renew(registry, other, AUTHORITY, "anyone", NOW)


def test_refuses_to_renew_with_a_serial_that_is_not_above_the_last(registry):
    with refused("CredentialUsed", lastSerial=1, serial=1):
        book.renew(registry, credential("alice"), AUTHORITY, "anyone", NOW)


def test_refuses_to_renew_after_a_revocation(registry):
    revoked = book.revoke(registry, AUTHORITY, ALICE, NOW)
    with refused("NotSecured", key="alice"):
        book.renew(revoked, credential("alice", serial=2), AUTHORITY, "anyone", NOW)


def test_only_the_account_itself_brings_the_credential_of_another_authority(registry):
    other = replace(
        registry,
        authorities={**registry.authorities, "other": book.Accreditation(active_from=NOW)},
    )
    newer = credential("alice", serial=2)
    with refused("NotAllowed", caller="other", expected="alice"):
        book.renew(other, newer, "other", "other", NOW)
    renewed = book.renew(other, newer, "other", "alice", NOW)
    assert book.participant_of(renewed, ALICE).authority == "other"


def test_renewing_ends_an_expiry(registry):
    newer = credential("alice", serial=5, valid_until=EXPIRES + DAY, zone=8)
    renewed = book.renew(registry, newer, AUTHORITY, "anyone", EXPIRES)
    assert speaks(renewed, "alice", EXPIRES) == (True, True)
    assert book.participant_of(renewed, ALICE).credential == newer


# Rotating


def test_refuses_to_rotate_to(registry):
    with refused("ZeroField", field="account"):
        book.rotate_key(registry, "alice", ZERO_ADDRESS, NOW)
    with refused("KeyTaken", key="bob", participantId=2):
        book.rotate_key(registry, "alice", "bob", NOW)
    with refused("KeyTaken", key="alice", participantId=1):
        book.rotate_key(registry, "alice", "alice", NOW)
    with refused("NotSecured", key="mallory"):
        book.rotate_key(registry, "mallory", "new", NOW)


def test_refuses_to_rotate_while_a_change_is_pending(registry):
    rotated = book.rotate_key(registry, "alice", "new", NOW)
    with refused("TooEarly", possibleFrom=NEXT_SLOT, nowAt=NEXT_SLOT - 1):
        book.rotate_key(rotated, "alice", "newer", NEXT_SLOT - 1)
    assert book.owner_of(book.rotate_key(rotated, "new", "newer", NEXT_SLOT), "new", NEXT_SLOT)


def test_a_rotation_takes_effect_at_the_next_slot(registry):
    rotated = book.rotate_key(registry, "alice", "new", NOW)
    assert speaks(rotated, "alice", NEXT_SLOT - 1) == (True, True)
    assert speaks(rotated, "new", NEXT_SLOT - 1) == (False, False)
    assert speaks(rotated, "alice", NEXT_SLOT) == (False, False)
    assert speaks(rotated, "new", NEXT_SLOT) == (True, True)
    assert book.participant_of(rotated, ALICE).account(NEXT_SLOT - 1) == "alice"
    assert book.payout_address(rotated, ALICE, NEXT_SLOT) == "new"


# Sessions


@pytest.mark.parametrize(
    ("changes", "name", "values"),
    [
        ({"caller": "mallory"}, "NotSecured", {"key": "mallory"}),
        ({"key": ZERO_ADDRESS}, "ZeroField", {"field": "key"}),
        ({"venue": ZERO_ADDRESS}, "ZeroField", {"field": "venue"}),
        ({"key": "alice"}, "KeyTaken", {"key": "alice", "participantId": 1}),
        ({"key": "bob"}, "KeyTaken", {"key": "bob", "participantId": 2}),
        (
            {"expires_at": NOW},
            "ExpiryOutOfRange",
            {
                "expiresAt": NOW,
                "earliest": NOW + 1,
                "latest": NOW + book.MAX_SESSION_SECONDS,
            },
        ),
        (
            {"expires_at": NOW + book.MAX_SESSION_SECONDS + 1},
            "ExpiryOutOfRange",
            {
                "expiresAt": NOW + book.MAX_SESSION_SECONDS + 1,
                "earliest": NOW + 1,
                "latest": NOW + book.MAX_SESSION_SECONDS,
            },
        ),
    ],
)
def test_refuses_to_open_a_session(registry, changes, name, values):
    with refused(name, **values):
        open_session(registry, **changes)


def test_refuses_to_open_a_session_with_another_participants_session_key(registry):
    with refused("KeyTaken", key="agent", participantId=1):
        open_session(open_session(registry), "bob")


def test_a_session_speaks_in_its_venue_up_to_its_limit_until_it_expires(registry):
    opened = open_session(registry)
    assert book.authorize(opened, "agent", VENUE, 500, NOW + DAY - 1) == ALICE
    with refused("SessionLimitExceeded", limit=500, asked=501):
        book.authorize(opened, "agent", VENUE, 501, NOW)
    with refused("NotSecured", key="agent"):
        book.authorize(opened, "agent", "another venue", 1, NOW)
    with refused("NotSecured", key="agent"):
        book.authorize(opened, "agent", VENUE, 1, NOW + DAY)
    assert speaks(opened, "agent", NOW) == (True, False)


def test_opening_again_changes_the_limit(registry):
    again = open_session(open_session(registry), limit_per_slot=9, now=NOW + 1)
    with refused("SessionLimitExceeded", limit=9, asked=10):
        book.authorize(again, "agent", VENUE, 10, NOW + 1)


def test_a_session_ends_when_its_participant_may_not_enter(registry):
    suspended = book.suspend(open_session(registry), GOVERNANCE, ALICE, NOW)
    assert speaks(suspended, "agent", NEXT_SLOT - 1) == (True, False)
    assert speaks(suspended, "agent", NEXT_SLOT) == (False, False)


def test_closing_ends_a_session_at_once(registry):
    closed = book.close_session(open_session(registry), "alice", "agent", NOW)
    assert speaks(closed, "agent", NOW) == (False, False)
    with refused("NothingPending", participantId=1):
        book.close_session(closed, "alice", "agent", NOW)


def test_refuses_to_close_another_participants_session(registry):
    with refused("NothingPending", participantId=2):
        book.close_session(open_session(registry), "bob", "agent", NOW)


@pytest.mark.parametrize(
    "claim",
    [
        lambda r: book.join(r, credential("agent"), AUTHORITY, ZERO_ADDRESS, NOW),
        lambda r: book.rotate_key(r, "bob", "agent", NOW),
    ],
)
def test_whoever_signs_with_a_session_key_may_make_it_an_owner_key(registry, claim):
    claimed = claim(open_session(registry))
    assert not book.participant_of(claimed, ALICE).sessions
    with refused("NotSecured", key="agent"):
        book.authorize(claimed, "agent", VENUE, 10**9, NOW - 1)


# Recovering


def test_the_first_recovery_address_counts_at_once_and_a_change_after_the_delay(registry):
    first = book.set_recovery(registry, "bob", "friend", NOW)
    assert book.participant_of(first, BOB).recovery_address(NOW) == "friend"
    changed = book.set_recovery(first, "bob", "thief", NOW)
    again = book.set_recovery(changed, "bob", "brother", NOW + 1)
    entry = book.participant_of(again, BOB)
    assert entry.recovery_address(NOW + 2 * DAY) == "friend"
    assert entry.recovery_address(NOW + 2 * DAY + 1) == "brother"


def test_refuses_to_start_a_recovery(registry):
    with refused("NotAllowed", caller="mallory", expected=RECOVERY):
        book.start_recovery(registry, "mallory", ALICE, "new", NOW)
    with refused("KeyTaken", key="bob", participantId=2):
        book.start_recovery(registry, RECOVERY, ALICE, "bob", NOW)
    revoked = book.revoke(registry, AUTHORITY, ALICE, NOW)
    with refused("NotSecured", key="alice"):
        book.start_recovery(revoked, RECOVERY, ALICE, "new", NOW)


def test_refuses_to_complete_a_recovery(registry):
    with refused("NothingPending", participantId=1):
        book.complete_recovery(registry, "new", ALICE, NOW)
    started = book.start_recovery(registry, RECOVERY, ALICE, "new", NOW)
    at = NOW + 2 * DAY
    with refused("TooEarly", possibleFrom=at, nowAt=at - 1):
        book.complete_recovery(started, "new", ALICE, at - 1)
    with refused("NotAllowed", caller="mallory", expected="new"):
        book.complete_recovery(started, "mallory", ALICE, at)
    joined = book.join(started, credential("new"), AUTHORITY, ZERO_ADDRESS, NOW)
    with refused("KeyTaken", key="new", participantId=3):
        book.complete_recovery(joined, "new", ALICE, at)


def test_a_recovery_ends_the_old_key_a_pending_one_and_every_session(registry):
    at = NOW + 2 * DAY
    started = book.start_recovery(registry, RECOVERY, ALICE, "new", NOW)
    opened = open_session(started, now=at - 1, expires_at=at + DAY)
    rotated = book.rotate_key(opened, "alice", "thief", at)
    recovered = book.complete_recovery(rotated, "new", ALICE, at)
    later = rotated.next_slot_start(at)
    assert speaks(recovered, "alice", at) == (False, False)
    assert speaks(recovered, "agent", at) == (False, False)
    assert speaks(recovered, "new", at) == (True, True)
    assert speaks(recovered, "thief", later) == (False, False)
    assert book.participant_of(recovered, ALICE).account(later) == "new"


def test_the_owner_key_stops_a_recovery(registry):
    with refused("NothingPending", participantId=1):
        book.cancel_recovery(registry, "alice", NOW)
    started = book.start_recovery(registry, RECOVERY, ALICE, "new", NOW)
    stopped = book.cancel_recovery(started, "alice", NOW + 2 * DAY)
    with refused("NothingPending", participantId=1):
        book.complete_recovery(stopped, "new", ALICE, NOW + 2 * DAY)


# Revoking and suspending


def test_only_the_issuing_authority_revokes_and_only_while_accredited(registry):
    for caller in (GOVERNANCE, "alice", "mallory"):
        with refused("NotAllowed", caller=caller, expected=AUTHORITY):
            book.revoke(registry, caller, ALICE, NOW)
    removed = book.remove_authority(registry, GOVERNANCE, AUTHORITY, NOW)
    assert book.revoke(removed, AUTHORITY, ALICE, NOW + DAY - 1)
    with refused("NotAccredited", authority=AUTHORITY):
        book.revoke(removed, AUTHORITY, ALICE, NOW + DAY)


def test_a_revocation_ends_every_key_at_once_and_only_once(registry):
    rotated = book.rotate_key(open_session(registry), "alice", "new", NOW)
    revoked = book.revoke(rotated, AUTHORITY, ALICE, NOW + 1)
    for key in ("alice", "new", "agent"):
        assert speaks(revoked, key, NOW + 1) == (False, False)
        assert speaks(revoked, key, NEXT_SLOT) == (False, False)
    assert book.participant_of(revoked, ALICE).account(NEXT_SLOT) == "alice"
    with refused("NothingPending", participantId=1):
        book.revoke(revoked, AUTHORITY, ALICE, NOW + 2)


def test_the_money_of_a_revoked_participant_goes_to_its_recovery_address_after_the_delay(registry):
    thief = book.set_recovery(registry, "alice", "thief", NOW)
    revoked = book.revoke(thief, AUTHORITY, ALICE, NOW + 1)
    at = NOW + 1 + 2 * DAY
    with refused("TooEarly", possibleFrom=at, nowAt=at - 1):
        book.payout_address(revoked, ALICE, at - 1)
    assert book.payout_address(revoked, ALICE, at) == RECOVERY


def test_without_a_recovery_address_it_goes_to_the_account(registry):
    revoked = book.revoke(registry, AUTHORITY, BOB, NOW)
    assert book.payout_address(revoked, BOB, NOW + 2 * DAY) == "bob"


def test_a_suspension_holds_from_the_next_slot_until_it_is_lifted(registry):
    suspended = book.suspend(registry, AUTHORITY, ALICE, NOW)
    again = book.suspend(suspended, GOVERNANCE, ALICE, NEXT_SLOT + 5)
    assert speaks(again, "alice", NEXT_SLOT - 1) == (True, True)
    assert speaks(again, "alice", NEXT_SLOT) == (False, True)
    lifted = book.reinstate(again, AUTHORITY, ALICE, NEXT_SLOT + 6)
    assert speaks(lifted, "alice", NEXT_SLOT + 6) == (True, True)
    with refused("NothingPending", participantId=1):
        book.reinstate(lifted, GOVERNANCE, ALICE, NEXT_SLOT + 6)


def test_refuses_to_suspend_or_reinstate_by_anybody_else(registry):
    for act in (book.suspend, book.reinstate):
        with refused("NotAllowed", caller="bob", expected=AUTHORITY):
            act(registry, "bob", ALICE, NOW)


# Authorities


def test_refuses_to_change_authorities(registry):
    for act in (book.add_authority, book.remove_authority):
        with refused("NotAllowed", caller="bob", expected=GOVERNANCE):
            act(registry, "bob", SECOND, NOW)
    with refused("ZeroField", field="authority"):
        book.add_authority(registry, GOVERNANCE, ZERO_ADDRESS, NOW)
    with refused("TooEarly", possibleFrom=NEVER, nowAt=NOW):
        book.add_authority(registry, GOVERNANCE, AUTHORITY, NOW)
    with refused("NotAccredited", authority=SECOND):
        book.remove_authority(registry, GOVERNANCE, SECOND, NOW)
    removed = book.remove_authority(registry, GOVERNANCE, AUTHORITY, NOW)
    with refused("NotAccredited", authority=AUTHORITY):
        book.remove_authority(removed, GOVERNANCE, AUTHORITY, NOW)


def test_authorities_come_and_go_after_the_delay(registry):
    added = book.add_authority(registry, GOVERNANCE, SECOND, NOW)
    assert not book.is_accredited(added, SECOND, NOW + DAY - 1)
    assert book.is_accredited(added, SECOND, NOW + DAY)
    removed = book.remove_authority(added, GOVERNANCE, SECOND, NOW + DAY)
    assert book.is_accredited(removed, SECOND, NOW + 2 * DAY - 1)
    assert not book.is_accredited(removed, SECOND, NOW + 2 * DAY)
    again = book.add_authority(removed, GOVERNANCE, SECOND, NOW + 2 * DAY)
    assert book.is_accredited(again, SECOND, NOW + 3 * DAY)


def test_an_authority_removed_before_it_was_active_never_becomes_so(registry):
    added = book.add_authority(registry, GOVERNANCE, SECOND, NOW)
    removed = book.remove_authority(added, GOVERNANCE, SECOND, NOW + 1)
    assert not book.is_accredited(removed, SECOND, NOW + DAY)
