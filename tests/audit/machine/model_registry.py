"""Who takes part: ``setm.registry`` with the signatures and the change of governance around it."""

from __future__ import annotations

from typing import Any

from setm import registry as book
from setm.errors import NotSecured
from setm.registry import Credential, Registry
from setm.types import Kind
from tests.audit.machine.model_base import Side, require, require_any
from tests.audit.machine.steps import NOBODY, Sig, Step

ADMIN_ROLE = bytes(32)
# Checked before the signatures; what else the reference refuses comes after them.
CREDENTIAL = ("NotAccredited", "ZeroField", "CredentialExpired", "ExpiryOutOfRange")


class RegistrySide(Side):
    registry: Registry

    def start_registry(self) -> None:
        # Named at deployment, and not added anew since.
        self.founding: frozenset[str] = frozenset(self.registry.authorities)
        self.pending_admin: tuple[str, int] = (NOBODY, 0)

    # Asked by everybody

    def owned_by(self, key: str) -> int:
        """Return the participant whose owner key this is, 0 if none's."""
        try:
            return book.owner_of(self.registry, key, self.now)
        except NotSecured:
            return 0

    def owner(self, key: str) -> int:
        return book.owner_of(self.registry, key, self.now)

    def authorize(self, key: str, venue: str, amount: int) -> int:
        return book.authorize(self.registry, key, venue, amount, self.now)

    def is_active(self, participant_id: int) -> bool:
        return book.is_active(self.registry, participant_id, self.now)  # type: ignore[arg-type]

    def is_accredited(self, authority: str) -> bool:
        return book.is_accredited(self.registry, authority, self.now)

    def people(self) -> list[int]:
        """Return everybody's number."""
        return list(range(1, len(self.registry.participants) + 1))

    def key_of(self, participant_id: int) -> str:
        """Return the owner key of a participant now, or its last one."""
        return self.registry.participants[participant_id - 1].account(self.now)

    def is_revoked(self, participant_id: int) -> bool:
        return self.registry.participants[participant_id - 1].revoked_at != 0

    # Joining

    def registry_join(
        self,
        step: Step,
        values: tuple[Any, ...],
        authority: str,
        authority_sig: Sig,
        recovery: str,
        deadline: int,
        account_sig: Sig,
    ) -> int:
        credential = credential_of(values)
        late = self._early(
            lambda: book.join(self.registry, credential, authority, recovery, self.now)
        )
        good = self.world.is_good(step, authority_sig, authority, "authoritySignature")
        require(good, "SignatureMismatch", signer=authority)
        if isinstance(account_sig, Sig) and account_sig.form == "empty":
            account = credential.account
            require(step.sender == account, "NotAllowed", caller=step.sender, expected=account)
        else:
            require(self.now <= deadline, "DeadlinePassed", deadline=deadline, nowAt=self.now)
            good = self.world.is_good(step, account_sig, credential.account, "accountSignature")
            require(good, "SignatureMismatch", signer=credential.account)
        self.registry = late()
        return len(self.registry.participants)

    def registry_renew(
        self, step: Step, values: tuple[Any, ...], authority: str, signature: Sig
    ) -> None:
        credential = credential_of(values)
        late = self._early(
            lambda: book.renew(self.registry, credential, authority, step.sender, self.now)
        )
        good = self.world.is_good(step, signature, authority)
        require(good, "SignatureMismatch", signer=authority)
        self.registry = late()

    def _early(self, change: Any, early: tuple[str, ...] = CREDENTIAL) -> Any:
        """Refuse at once what is checked before signatures; return the change with its other refusals."""
        try:
            found = change()
        except NotSecured as error:
            if str(error).partition("(")[0] in early:
                raise
            return change
        return lambda: found

    # Keys

    def registry_rotate_key(self, step: Step, account: str, deadline: int, signature: Sig) -> None:
        late = self._early(
            lambda: book.rotate_key(self.registry, step.sender, account, self.now),
            ("NotSecured", "TooEarly"),
        )
        require(self.now <= deadline, "DeadlinePassed", deadline=deadline, nowAt=self.now)
        registry = late()
        good = self.world.is_good(step, signature, account)
        require(good, "SignatureMismatch", signer=account)
        self.registry = registry

    def registry_open_session(self, step: Step, session: tuple[str, str, int, int]) -> None:
        key, venue, limit, expires_at = session
        self.registry = book.open_session(
            self.registry,
            step.sender,
            key=key,
            venue=venue,
            limit_per_slot=limit,  # type: ignore[arg-type]
            expires_at=expires_at,
            now=self.now,
        )

    def registry_close_session(self, step: Step, key: str) -> None:
        self.registry = book.close_session(self.registry, step.sender, key, self.now)

    def registry_set_recovery(self, step: Step, recovery: str) -> None:
        self.registry = book.set_recovery(self.registry, step.sender, recovery, self.now)

    def registry_start_recovery(self, step: Step, participant_id: int, account: str) -> None:
        self.registry = book.start_recovery(
            self.registry,
            step.sender,
            participant_id,  # type: ignore[arg-type]
            account,
            self.now,
        )

    def registry_cancel_recovery(self, step: Step) -> None:
        self.registry = book.cancel_recovery(self.registry, step.sender, self.now)

    def registry_complete_recovery(self, step: Step, participant_id: int) -> None:
        self.registry = book.complete_recovery(
            self.registry,
            step.sender,
            participant_id,  # type: ignore[arg-type]
            self.now,
        )

    # Offices

    def registry_revoke(self, step: Step, participant_id: int) -> None:
        self.registry = book.revoke(self.registry, step.sender, participant_id, self.now)  # type: ignore[arg-type]

    def registry_suspend(self, step: Step, participant_id: int) -> None:
        self.registry = book.suspend(self.registry, step.sender, participant_id, self.now)  # type: ignore[arg-type]

    def registry_reinstate(self, step: Step, participant_id: int) -> None:
        self.registry = book.reinstate(self.registry, step.sender, participant_id, self.now)  # type: ignore[arg-type]

    def registry_add_authority(self, step: Step, authority: str) -> None:
        self.registry = book.add_authority(self.registry, step.sender, authority, self.now)
        self.founding -= {authority}

    def registry_remove_authority(self, step: Step, authority: str) -> None:
        self.registry = book.remove_authority(self.registry, step.sender, authority, self.now)

    # Governance changes hands (AccessControlDefaultAdminRules)

    def _only_admin(self, step: Step) -> None:
        is_admin = step.sender == self.registry.governance
        require_any(is_admin, "AccessControlUnauthorizedAccount(*)")

    def _govern(self, who: str) -> None:
        self.registry = book.replace(self.registry, governance=who)
        self.pending_admin = (NOBODY, 0)

    def registry_begin_default_admin_transfer(self, step: Step, new: str) -> None:
        self._only_admin(step)
        self.pending_admin = (new, self.now + self.registry.governance_delay)

    def registry_cancel_default_admin_transfer(self, step: Step) -> None:
        self._only_admin(step)
        self.pending_admin = (NOBODY, 0)

    def registry_accept_default_admin_transfer(self, step: Step) -> None:
        new, schedule = self.pending_admin
        require_any(step.sender == new, "AccessControlInvalidDefaultAdmin(*)")
        has_come = schedule != 0 and schedule < self.now
        require_any(has_come, "AccessControlEnforcedDefaultAdminDelay(*)")
        self._govern(new)

    def registry_renounce_role(self, step: Step, role: Any, account: str) -> None:
        governs = account == self.registry.governance and is_admin_role(role)
        if governs:
            new, schedule = self.pending_admin
            may = new == NOBODY and schedule != 0 and schedule < self.now
            require_any(may, "AccessControlEnforcedDefaultAdminDelay(*)")
        require_any(account == step.sender, "AccessControlBadConfirmation(*)")
        if governs:
            self._govern(NOBODY)

    def registry_grant_role(self, step: Step, role: Any, account: str) -> None:
        require_any(not is_admin_role(role), "AccessControlEnforcedDefaultAdminRules(*)")
        self._only_admin(step)

    def registry_revoke_role(self, step: Step, role: Any, account: str) -> None:
        self.registry_grant_role(step, role, account)

    def registry_change_default_admin_delay(self, step: Step, delay: int) -> None:
        self._only_admin(step)
        require(False, "NotAllowed", caller=step.sender, expected=NOBODY)

    def registry_rollback_default_admin_delay(self, step: Step) -> None:
        self._only_admin(step)


def is_admin_role(role: Any) -> bool:
    """Return whether a role, bytes or hex, is the one that governs."""
    return bytes.fromhex(role[2:]) == ADMIN_ROLE if isinstance(role, str) else role == ADMIN_ROLE


def credential_of(values: tuple[Any, ...]) -> Credential:
    """Return a credential of a call as the reference knows it."""
    account, kind, device_class, zone, commitment, valid_until, serial = values
    return Credential(
        account=account,
        kind=Kind(kind),
        device_class=device_class,
        zone=zone,
        identity_commitment=bytes.fromhex(commitment[2:]),
        valid_until=valid_until,
        serial=serial,
    )
