"""The reference of the participant registry: which key speaks for whom at a given second.

Pure: each change returns the next state or raises ``NotSecured`` with the name and the values of the contract's error;
signatures are taken as checked. The contract stores what holds from when until when; the reference keeps every key's
whole history and asks it. Times are UTC Unix seconds, and ``now`` never goes back from one change to the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from setm.errors import NotSecured
from setm.types import NOBODY, Kind, ParticipantId
from setm.units import Money

ZERO_ADDRESS = "0x" + "00" * 20
NEVER = 2**40 - 1
MAX_SESSION_SECONDS = 366 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """uI: what an authority signs about one participant (IParticipantRegistry.Credential)."""

    account: str
    kind: Kind
    device_class: int
    zone: int
    identity_commitment: bytes
    valid_until: int
    serial: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenure:
    """An owner key, valid from ``active_from`` to one second before ``active_until``."""

    account: str
    active_from: int
    active_until: int = NEVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A key for one venue, up to ``limit_per_slot`` (1e-6 EUR), until it expires or is closed."""

    venue: str
    limit_per_slot: Money
    opened_at: int
    ends_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """A participant's whole history; of ``recovery`` the last ``(from, address)`` that has come counts."""

    credential: Credential
    authority: str
    owners: tuple[Tenure, ...]
    recovery: tuple[tuple[int, str], ...] = ()
    sessions: Mapping[str, Session] = field(default_factory=dict)
    suspended_from: int = NEVER
    revoked_at: int = 0
    recovering: tuple[str, int] | None = None

    def account(self, now: int) -> str:
        """Return the owner key; that of a revoked participant is the last one that was valid."""
        # A pending key that was dropped ends before it begins.
        begun = (one for one in self.owners if one.active_from <= min(now, one.active_until))
        return [tenure.account for tenure in begun][-1]

    def recovery_address(self, now: int) -> str:
        """Return where money goes after a revocation, zero if nothing was set."""
        return [ZERO_ADDRESS, *(address for start, address in self.recovery if start <= now)][-1]

    def is_active(self, now: int) -> bool:
        """Return whether the participant may enter something new."""
        return not self.revoked_at and now < min(self.credential.valid_until, self.suspended_from)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accreditation:
    """When an authority's signatures count."""

    active_from: int
    active_until: int = NEVER

    def holds(self, now: int) -> bool:
        """Return whether the authority is accredited."""
        return self.active_from <= now < self.active_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """Everybody and everything the registry knows; participant ``n`` is ``participants[n - 1]``."""

    governance: str
    slot_seconds: int
    governance_delay: int
    recovery_delay: int
    authorities: Mapping[str, Accreditation] = field(default_factory=dict)
    participants: tuple[Participant, ...] = ()

    def next_slot_start(self, now: int) -> int:
        """Return when the next slot starts."""
        return (now // self.slot_seconds + 1) * self.slot_seconds


# Reading


def owner_of(registry: Registry, key: str, now: int) -> ParticipantId:
    """Return the participant whose owner key ``key`` is."""
    for participant_id, participant in _numbered(registry):
        for tenure in participant.owners:
            if tenure.account == key and tenure.active_from <= now < tenure.active_until:
                return participant_id
    raise _refusal("NotSecured", key=key)


def authorize(registry: Registry, key: str, venue: str, amount: int, now: int) -> ParticipantId:
    """Return the participant for whom ``key`` may bind ``amount`` per slot in ``venue``."""
    _require(is_secured(registry, key, now), "NotSecured", key=key)
    session_of = _session(registry, key)
    if session_of is None:
        return owner_of(registry, key, now)
    participant_id, session = session_of
    limit = session.limit_per_slot
    _require(session.venue == venue, "NotSecured", key=key)
    _require(amount <= limit, "SessionLimitExceeded", limit=limit, asked=amount)
    return participant_id


def is_secured(registry: Registry, key: str, now: int) -> bool:
    """Return whether ``key`` may enter something somewhere."""
    session_of = _session(registry, key)
    if session_of is None:
        try:
            return is_active(registry, owner_of(registry, key, now), now)
        except NotSecured:
            return False
    participant_id, session = session_of
    return session.opened_at <= now < session.ends_at and is_active(registry, participant_id, now)


def is_active(registry: Registry, participant_id: ParticipantId, now: int) -> bool:
    """Return whether a participant may enter something new; an unknown one may not."""
    is_known = 1 <= participant_id <= len(registry.participants)
    return is_known and registry.participants[participant_id - 1].is_active(now)


def is_accredited(registry: Registry, authority: str, now: int) -> bool:
    """Return whether the authority's signatures count."""
    found = registry.authorities.get(authority)
    return found is not None and found.holds(now)


def participant_of(registry: Registry, participant_id: ParticipantId) -> Participant:
    """Return a participant's entry."""
    is_known = 1 <= participant_id <= len(registry.participants)
    _require(is_known, "UnknownParticipant", participantId=participant_id)
    return registry.participants[participant_id - 1]


def payout_address(registry: Registry, participant_id: ParticipantId, now: int) -> str:
    """Return where a participant's money may go."""
    participant = participant_of(registry, participant_id)
    if not participant.revoked_at:
        return participant.account(now)
    possible_from = participant.revoked_at + registry.recovery_delay
    _require(now >= possible_from, "TooEarly", possibleFrom=possible_from, nowAt=now)
    recovery = participant.recovery_address(now)
    return participant.account(now) if recovery == ZERO_ADDRESS else recovery


# Joining


def join(
    registry: Registry, credential: Credential, authority: str, recovery: str, now: int
) -> Registry:
    """Return the state with one participant more."""
    _check_credential(registry, credential, authority, now)
    taken = _participant_with(registry, credential.identity_commitment)
    _require(taken == NOBODY, "IdentityTaken", participantId=taken)
    _require_free(registry, credential.account)
    joined = Participant(
        credential=credential,
        authority=authority,
        owners=(Tenure(account=credential.account, active_from=now),),
        recovery=() if recovery == ZERO_ADDRESS else ((now, recovery),),
    )
    freed = _without_session(registry, credential.account)
    return replace(freed, participants=(*freed.participants, joined))


def renew(
    registry: Registry, credential: Credential, authority: str, caller: str, now: int
) -> Registry:
    """Return the state with a newer credential of the same identity and account.

    Anyone brings one of the issuing authority, the account alone one of another authority.
    """
    _check_credential(registry, credential, authority, now)
    participant_id = _participant_with(registry, credential.identity_commitment)
    participant = participant_of(registry, participant_id)
    account, serial = participant.account(now), participant.credential.serial
    _require(not participant.revoked_at, "NotSecured", key=credential.account)
    _require(
        credential.account == account, "NotAllowed", caller=credential.account, expected=account
    )
    _require(
        credential.serial > serial, "CredentialUsed", lastSerial=serial, serial=credential.serial
    )
    may_bring = authority == participant.authority or caller == account
    _require(may_bring, "NotAllowed", caller=caller, expected=account)
    renewed = replace(participant, credential=credential, authority=authority)
    return _with(registry, participant_id, renewed)


def _check_credential(registry: Registry, credential: Credential, authority: str, now: int) -> None:
    _require(is_accredited(registry, authority, now), "NotAccredited", authority=authority)
    _require(credential.account != ZERO_ADDRESS, "ZeroField", field="account")
    _require(credential.kind != Kind.NONE, "ZeroField", field="kind")
    _require(any(credential.identity_commitment), "ZeroField", field="identityCommitment")
    _require(credential.serial != 0, "ZeroField", field="serial")
    ends = credential.valid_until
    _require(ends > now, "CredentialExpired", validUntil=ends, nowAt=now)
    _check_expiry(ends, now, NEVER - 1)


# Keys


def rotate_key(registry: Registry, caller: str, account: str, now: int) -> Registry:
    """Return the state in which ``account`` owns the caller's participant from the next slot on."""
    participant_id = owner_of(registry, caller, now)
    participant = registry.participants[participant_id - 1]
    *earlier, last = participant.owners
    _require(last.active_from <= now, "TooEarly", possibleFrom=last.active_from, nowAt=now)
    _require_free(registry, account)
    start = registry.next_slot_start(now)
    owners = (
        *earlier,
        replace(last, active_until=start),
        Tenure(account=account, active_from=start),
    )
    freed = _without_session(registry, account)
    return _change(freed, participant_id, owners=owners)


def open_session(
    registry: Registry,
    caller: str,
    *,
    key: str,
    venue: str,
    limit_per_slot: Money,
    expires_at: int,
    now: int,
) -> Registry:
    """Return the state in which ``key`` may act for the caller's participant in ``venue``."""
    participant_id = owner_of(registry, caller, now)
    _require(key != ZERO_ADDRESS, "ZeroField", field="key")
    _require(venue != ZERO_ADDRESS, "ZeroField", field="venue")
    found = _session(registry, key)
    holder = _owner_ever(registry, key) if found is None else found[0]
    is_free = holder == NOBODY or (found is not None and holder == participant_id)
    _require(is_free, "KeyTaken", key=key, participantId=holder)
    _check_expiry(expires_at, now, now + MAX_SESSION_SECONDS)
    session = Session(venue=venue, limit_per_slot=limit_per_slot, opened_at=now, ends_at=expires_at)
    sessions = {**registry.participants[participant_id - 1].sessions, key: session}
    return _change(registry, participant_id, sessions=sessions)


def close_session(registry: Registry, caller: str, key: str, now: int) -> Registry:
    """Return the state in which the session has ended."""
    participant_id = owner_of(registry, caller, now)
    sessions = registry.participants[participant_id - 1].sessions
    is_open = key in sessions and sessions[key].opened_at <= now < sessions[key].ends_at
    _require(is_open, "NothingPending", participantId=participant_id)
    ended = {**sessions, key: replace(sessions[key], ends_at=now)}
    return _change(registry, participant_id, sessions=ended)


def set_recovery(registry: Registry, caller: str, recovery: str, now: int) -> Registry:
    """Return the state with a recovery address; a change of an existing one takes the delay."""
    participant_id = owner_of(registry, caller, now)
    participant = registry.participants[participant_id - 1]
    is_first = participant.recovery_address(now) == ZERO_ADDRESS
    start = now if is_first else now + registry.recovery_delay
    history = (*_come(participant.recovery, now), (start, recovery))
    return _change(registry, participant_id, recovery=history)


def start_recovery(
    registry: Registry, caller: str, participant_id: ParticipantId, account: str, now: int
) -> Registry:
    """Return the state in which ``account`` may take over after the delay."""
    participant = participant_of(registry, participant_id)
    recovery = participant.recovery_address(now)
    _require(caller == recovery, "NotAllowed", caller=caller, expected=recovery)
    _require(not participant.revoked_at, "NotSecured", key=participant.account(now))
    _require_free(registry, account)
    asked = (account, now + registry.recovery_delay)
    return _change(registry, participant_id, recovering=asked)


def cancel_recovery(registry: Registry, caller: str, now: int) -> Registry:
    """Return the state without the recovery that was asked for."""
    participant_id = owner_of(registry, caller, now)
    is_asked = registry.participants[participant_id - 1].recovering is not None
    _require(is_asked, "NothingPending", participantId=participant_id)
    return _change(registry, participant_id, recovering=None)


def complete_recovery(
    registry: Registry, caller: str, participant_id: ParticipantId, now: int
) -> Registry:
    """Return the state in which the caller, the new owner key, has taken over and every session has ended."""
    participant = participant_of(registry, participant_id)
    if participant.recovering is None:
        raise _refusal("NothingPending", participantId=participant_id)
    account, possible_from = participant.recovering
    _require(now >= possible_from, "TooEarly", possibleFrom=possible_from, nowAt=now)
    _require(caller == account, "NotAllowed", caller=caller, expected=account)
    _require_free(registry, account)
    ended = _ended(participant, now)
    owners = (*ended.owners, Tenure(account=account, active_from=now))
    freed = _without_session(_with(registry, participant_id, ended), account)
    return _change(freed, participant_id, owners=owners)


# Authorities and governance


def revoke(registry: Registry, caller: str, participant_id: ParticipantId, now: int) -> Registry:
    """Return the state in which the participant's keys have ended for good."""
    participant = participant_of(registry, participant_id)
    _check_issuer(registry, participant, caller, now)
    _require(not participant.revoked_at, "NothingPending", participantId=participant_id)
    recovery = _come(participant.recovery, now)
    revoked = replace(_ended(participant, now), revoked_at=now, recovery=recovery)
    return _with(registry, participant_id, revoked)


def suspend(registry: Registry, caller: str, participant_id: ParticipantId, now: int) -> Registry:
    """Return the state in which the participant enters nothing from the next slot on."""
    participant = participant_of(registry, participant_id)
    if caller != registry.governance:
        _check_issuer(registry, participant, caller, now)
    start = min(registry.next_slot_start(now), participant.suspended_from)
    return _change(registry, participant_id, suspended_from=start)


def reinstate(registry: Registry, caller: str, participant_id: ParticipantId, now: int) -> Registry:
    """Return the state without the suspension."""
    participant = participant_of(registry, participant_id)
    if caller != registry.governance:
        _check_issuer(registry, participant, caller, now)
    is_suspended = participant.suspended_from != NEVER
    _require(is_suspended, "NothingPending", participantId=participant_id)
    return _change(registry, participant_id, suspended_from=NEVER)


def add_authority(registry: Registry, caller: str, authority: str, now: int) -> Registry:
    """Return the state in which the authority is accredited after the delay."""
    _check_governance(registry, caller)
    _require(authority != ZERO_ADDRESS, "ZeroField", field="authority")
    known = registry.authorities.get(authority)
    until = 0 if known is None else known.active_until
    _require(until <= now, "TooEarly", possibleFrom=until, nowAt=now)
    added = Accreditation(active_from=now + registry.governance_delay)
    return replace(registry, authorities={**registry.authorities, authority: added})


def remove_authority(registry: Registry, caller: str, authority: str, now: int) -> Registry:
    """Return the state in which the accreditation ends after the delay; one that never began, at once."""
    _check_governance(registry, caller)
    known = registry.authorities.get(authority)
    if known is None or known.active_until != NEVER:
        raise _refusal("NotAccredited", authority=authority)
    until = now + registry.governance_delay if known.holds(now) else known.active_from
    removed = replace(known, active_until=until)
    return replace(registry, authorities={**registry.authorities, authority: removed})


# Helpers


def _refusal(name: str, **values: object) -> NotSecured:
    listed = ", ".join(f"{key}={value}" for key, value in values.items())
    return NotSecured(f"{name}({listed}); see docs/errors.md#{name.lower()}")


def _require(condition: bool, name: str, **values: object) -> None:
    if not condition:
        raise _refusal(name, **values)


def _check_expiry(expires_at: int, now: int, latest: int) -> None:
    _require(
        now < expires_at <= latest,
        "ExpiryOutOfRange",
        expiresAt=expires_at,
        earliest=now + 1,
        latest=latest,
    )


def _check_governance(registry: Registry, caller: str) -> None:
    expected = registry.governance
    _require(caller == expected, "NotAllowed", caller=caller, expected=expected)


def _check_issuer(registry: Registry, participant: Participant, caller: str, now: int) -> None:
    issuer = participant.authority
    _require(caller == issuer, "NotAllowed", caller=caller, expected=issuer)
    _require(is_accredited(registry, issuer, now), "NotAccredited", authority=issuer)


def _numbered(registry: Registry) -> list[tuple[ParticipantId, Participant]]:
    return [(ParticipantId(n), one) for n, one in enumerate(registry.participants, start=1)]


def _participant_with(registry: Registry, commitment: bytes) -> ParticipantId:
    for participant_id, participant in _numbered(registry):
        if participant.credential.identity_commitment == commitment:
            return participant_id
    return NOBODY


def _owner_ever(registry: Registry, key: str) -> ParticipantId:
    for participant_id, participant in _numbered(registry):
        if any(tenure.account == key for tenure in participant.owners):
            return participant_id
    return NOBODY


def _session(registry: Registry, key: str) -> tuple[ParticipantId, Session] | None:
    for participant_id, participant in _numbered(registry):
        if key in participant.sessions:
            return participant_id, participant.sessions[key]
    return None


def _require_free(registry: Registry, account: str) -> None:
    """A session does not take a key: whoever signs with the key may make it an owner key."""
    _require(account != ZERO_ADDRESS, "ZeroField", field="account")
    holder = _owner_ever(registry, account)
    _require(holder == NOBODY, "KeyTaken", key=account, participantId=holder)


def _without_session(registry: Registry, key: str) -> Registry:
    found = _session(registry, key)
    if found is None:
        return registry
    sessions = registry.participants[found[0] - 1].sessions
    rest = {other: session for other, session in sessions.items() if other != key}
    return _change(registry, found[0], sessions=rest)


def _ended(participant: Participant, now: int) -> Participant:
    """Return the participant without a valid key; a pending owner key never becomes one."""
    owners = tuple(
        replace(tenure, active_until=min(tenure.active_until, now)) for tenure in participant.owners
    )
    sessions = {
        key: replace(session, ends_at=min(session.ends_at, now))
        for key, session in participant.sessions.items()
    }
    return replace(participant, owners=owners, sessions=sessions, recovering=None)


def _come(history: tuple[tuple[int, str], ...], now: int) -> tuple[tuple[int, str], ...]:
    return tuple((start, address) for start, address in history if start <= now)


def _change(registry: Registry, participant_id: ParticipantId, **changes: object) -> Registry:
    participant = registry.participants[participant_id - 1]
    return _with(registry, participant_id, replace(participant, **changes))  # type: ignore[arg-type]


def _with(registry: Registry, participant_id: ParticipantId, participant: Participant) -> Registry:
    before = registry.participants[: participant_id - 1]
    return replace(
        registry, participants=(*before, participant, *registry.participants[participant_id:])
    )
