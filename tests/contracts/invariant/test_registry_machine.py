"""user.Security under random use and random time: the chain equals the reference, and one key owns each participant."""

import os
from functools import cache

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from setm import messages
from setm import registry as book
from setm.errors import NotSecured, Reverted
from setm.evm import Evm, abi
from setm.registry import ZERO_ADDRESS, Credential, Registry
from setm.types import Kind

DEPTH = int(os.environ.get("SETM_DEPTH", "1"))
SLOT, DAY = 900, 86_400
LIMIT = 500
DICE = st.randoms(use_true_random=True)


class Ground:
    """One deployment that every run starts from, and keys enough to lose some."""

    def __init__(self) -> None:
        self.evm = Evm()
        self.governance = self.evm.account("governance")
        self.authorities = [self.evm.account(f"authority {n}") for n in range(3)]
        self.keys = {key.address: key for key in (self.evm.account(f"key {n}") for n in range(12))}
        self.venues = [self.evm.account(f"venue {n}").address for n in range(2)]
        self.registry = self.evm.deploy(
            "ParticipantRegistry", self.governance, SLOT, DAY, 2 * DAY, [self.authorities[0]]
        )
        self.domain = messages.Domain(chain_id=self.evm.chain_id, contract=self.registry.address)
        self.mark = self.evm.snapshot()

    def reset(self) -> None:
        self.evm.revert(self.mark)
        self.mark = self.evm.snapshot()

    def ask(self, function, *args, sender=ZERO_ADDRESS):
        """Return the one word that a getter answers, as a number; or its refusal."""
        try:
            word = self.evm.call_raw(self.registry, self.calldata(function, *args), sender=sender)
        except Reverted as error:
            return said(error)
        return int.from_bytes(word, "big")

    @cache  # noqa: B019 - there is one ground, and encoding takes longer than the call
    def calldata(self, function, *args):
        entry = self.registry._functions[function, len(args)]
        return abi.selector_of(entry) + abi.encode(entry["inputs"], args)


@pytest.fixture(scope="module")
def ground():
    return Ground()


class RegistryMachine(RuleBasedStateMachine):
    """Whoever may act mostly does; the dice are seeded, because Hypothesis itself prefers edges, and a message with one
    value off its edge is refused whatever the others are.
    """

    ground: Ground

    @initialize(dice=DICE)
    def start(self, dice):
        ground = self.ground
        ground.reset()
        ground.evm.now += dice.randrange(SLOT)
        self.chain, self.evm = ground.registry, ground.evm
        first = book.Accreditation(active_from=ground.mark[1])
        self.model = Registry(
            governance=ground.governance.address,
            slot_seconds=SLOT,
            governance_delay=DAY,
            recovery_delay=2 * DAY,
            authorities={ground.authorities[0].address: first},
        )
        for identity in range(dice.randint(1, 4)):
            self.join_as(dice, identity, ground.authorities[0])

    def both(self, change, function, *args, sender):
        """Do the same on the chain and in the reference: both change alike or refuse alike."""
        try:
            expected, refusal = change(self.model), ""
        except NotSecured as error:
            expected, refusal = self.model, str(error).partition(";")[0]
        try:
            self.chain.send(function, *args, sender=sender)
            found = ""
        except Reverted as error:
            found = said(error)
        assert found == refusal
        self.model = expected

    # Dice

    def person(self, dice):
        count = max(len(self.model.participants), 1)
        return dice.randint(1, count) if dice.random() < 0.95 else dice.randint(0, 5)

    def key(self, dice):
        return dice.choice(list(self.ground.keys))

    def fresh_key(self, dice):
        """Return mostly a key that never owned anything."""
        owners = [one.account for entry in self.model.participants for one in entry.owners]
        fresh = [key for key in self.ground.keys if key not in owners]
        return dice.choice(fresh) if fresh and dice.random() < 0.8 else self.key(dice)

    def owner(self, dice, person):
        """Return mostly the key that owns the participant now."""
        if 1 <= person <= len(self.model.participants) and dice.random() < 0.85:
            return self.model.participants[person - 1].account(self.evm.now)
        return self.key(dice)

    def judge(self, dice, person):
        """Return mostly the issuing authority or governance."""
        candidates = [key.address for key in (*self.ground.authorities, self.ground.governance)]
        if 1 <= person <= len(self.model.participants):
            candidates += [self.model.participants[person - 1].authority] * 4
        return dice.choice([*candidates, self.key(dice)])

    # Joining

    def credential(self, dice, identity, account, serial):
        lifetime = dice.choice([0, 1, SLOT, DAY, *[5 * DAY] * 8]) + dice.randint(0, 1)
        return Credential(
            account=account,
            kind=Kind(1 + identity),
            device_class=identity,
            zone=serial,
            identity_commitment=bytes([identity + 1]) * 32,
            valid_until=self.evm.now + lifetime,
            serial=serial,
        )

    def signed(self, credential, authority):
        message = messages.credential(
            self.ground.domain,
            account=credential.account,
            kind=credential.kind,
            device_class=credential.device_class,
            zone=credential.zone,
            commitment=credential.identity_commitment,
            valid_until=credential.valid_until,
            serial=credential.serial,
        )
        return message, tuple(message.values.values()), message.sign(authority)

    def join_as(self, dice, identity, authority):
        account = self.fresh_key(dice)
        credential = self.credential(dice, identity, account, 1)
        recovery = self.key(dice) if dice.random() < 0.7 else ZERO_ADDRESS
        message, values, signature = self.signed(credential, authority)
        now = self.evm.now
        consent = messages.join(
            self.ground.domain,
            credential_hash=message.struct_hash(),
            recovery=recovery,
            deadline=now,
        ).sign(self.ground.keys[account])
        self.both(
            lambda state: book.join(state, credential, authority.address, recovery, now),
            "join",
            *(values, authority, signature, recovery, now, consent),
            sender=self.ground.governance,
        )

    @rule(dice=DICE)
    def join(self, dice):
        self.join_as(dice, dice.randrange(5), dice.choice(self.ground.authorities))

    @rule(dice=DICE)
    def renew(self, dice):
        person = dice.randint(1, 5)
        account, authority = self.owner(dice, person), dice.choice(self.ground.authorities[:2])
        credential = self.credential(dice, person - 1, account, dice.randint(1, 9))
        _, values, signature = self.signed(credential, authority)
        now, sender = self.evm.now, dice.choice([account, self.ground.governance.address])
        self.both(
            lambda state: book.renew(state, credential, authority.address, sender, now),
            "renew",
            *(values, authority, signature),
            sender=sender,
        )

    # Keys

    @rule(dice=DICE)
    def rotate(self, dice):
        self.rotate_for(dice, self.person(dice))

    def rotate_for(self, dice, person):
        now = self.evm.now
        caller, account = self.owner(dice, person), self.fresh_key(dice)
        owned = self.ground.ask("ownerOf", caller)
        signature = messages.rotate(
            self.ground.domain,
            participant_id=owned if isinstance(owned, int) else 0,
            account=account,
            deadline=now,
        ).sign(self.ground.keys[account])
        self.both(
            lambda state: book.rotate_key(state, caller, account, now),
            "rotateKey",
            *(account, now, signature),
            sender=caller,
        )

    @rule(dice=DICE)
    def open_session(self, dice):
        self.open_session_for(dice, self.person(dice))

    def open_session_for(self, dice, person):
        caller, now = self.owner(dice, person), self.evm.now
        key, venue = self.fresh_key(dice), dice.choice(self.ground.venues)
        expires_at = now + dice.choice(
            [0, 1, SLOT, DAY, 3 * DAY, 9 * DAY, 366 * DAY, 366 * DAY + 1]
        )
        self.both(
            lambda state: book.open_session(
                state,
                caller,
                key=key,
                venue=venue,
                limit_per_slot=LIMIT,
                expires_at=expires_at,
                now=now,
            ),
            "openSession",
            (key, venue, LIMIT, expires_at),
            sender=caller,
        )

    @rule(dice=DICE)
    def close_session(self, dice):
        person, now = self.person(dice), self.evm.now
        caller, key = self.owner(dice, person), self.key(dice)
        sessions = [key for entry in self.model.participants for key in entry.sessions]
        if sessions and dice.random() < 0.8:
            key = dice.choice(sessions)
        self.both(
            lambda state: book.close_session(state, caller, key, now),
            "closeSession",
            key,
            sender=caller,
        )

    @rule(dice=DICE)
    def set_recovery(self, dice):
        caller, now = self.owner(dice, self.person(dice)), self.evm.now
        recovery = self.key(dice) if dice.random() < 0.8 else ZERO_ADDRESS
        self.both(
            lambda state: book.set_recovery(state, caller, recovery, now),
            "setRecovery",
            recovery,
            sender=caller,
        )

    @rule(dice=DICE)
    def start_recovery(self, dice):
        self.start_recovery_for(dice, self.person(dice))

    def start_recovery_for(self, dice, person):
        now = self.evm.now
        caller, account = self.key(dice), self.fresh_key(dice)
        if 1 <= person <= len(self.model.participants) and dice.random() < 0.85:
            recovery = self.model.participants[person - 1].recovery_address(now)
            caller = caller if recovery == ZERO_ADDRESS else recovery
        self.both(
            lambda state: book.start_recovery(state, caller, person, account, now),
            "startRecovery",
            *(person, account),
            sender=caller,
        )

    @rule(dice=DICE)
    def cancel_recovery(self, dice):
        caller, now = self.owner(dice, self.person(dice)), self.evm.now
        self.both(
            lambda state: book.cancel_recovery(state, caller, now), "cancelRecovery", sender=caller
        )

    @rule(dice=DICE)
    def complete_recovery(self, dice):
        asked = [
            (person, *entry.recovering)
            for person, entry in enumerate(self.model.participants, start=1)
            if entry.recovering is not None
        ]
        person, caller = self.person(dice), self.key(dice)
        if asked and dice.random() < 0.9:
            person, caller, possible_from = dice.choice(asked)
            self.evm.now = max(self.evm.now, possible_from - dice.choice([0, 0, 0, 1]))
        now = self.evm.now
        self.both(
            lambda state: book.complete_recovery(state, caller, person, now),
            "completeRecovery",
            person,
            sender=caller,
        )

    @rule(dice=DICE, is_revoked=st.booleans())
    def lose_a_key_in_the_middle_of_a_change(self, dice, is_revoked):
        """A recovery or a revocation meets an open session and a change of key that is pending."""
        person = self.person(dice)
        self.start_recovery_for(dice, person)
        if 1 <= person <= len(self.model.participants):
            asked = self.model.participants[person - 1].recovering
            self.evm.now = self.evm.now if asked is None else max(self.evm.now, asked[1])
        self.open_session_for(dice, person)
        self.rotate_for(dice, person)
        if is_revoked:
            self.judge_for(dice, person, "revoke")
        else:
            self.complete_recovery(dice)

    # Authorities and governance

    @rule(dice=DICE, verdict=st.sampled_from(["suspend", "reinstate", "suspend", "revoke"]))
    def judge_a_participant(self, dice, verdict):
        self.judge_for(dice, self.person(dice), verdict)

    def judge_for(self, dice, person, verdict):
        caller, now = self.judge(dice, person), self.evm.now
        change = {"suspend": book.suspend, "reinstate": book.reinstate, "revoke": book.revoke}
        self.both(
            lambda state: change[verdict](state, caller, person, now),
            verdict,
            person,
            sender=caller,
        )

    @rule(dice=DICE, does_add=st.booleans())
    def change_authority(self, dice, does_add):
        now, who = self.evm.now, dice.choice(self.ground.authorities).address
        caller = self.key(dice) if dice.random() < 0.1 else self.ground.governance.address
        change = book.add_authority if does_add else book.remove_authority
        self.both(
            lambda state: change(state, caller, who, now),
            "addAuthority" if does_add else "removeAuthority",
            who,
            sender=caller,
        )

    # Time

    @rule(dice=DICE)
    def go_to_an_edge(self, dice):
        now = self.evm.now
        ends = [entry.credential.valid_until for entry in self.model.participants]
        edge = dice.choice([*[self.model.next_slot_start(now)] * 4, now + DAY, *ends])
        self.evm.now = max(now, edge + dice.randint(-1, 1))

    # Always

    @invariant()
    def the_chain_equals_the_reference_now_and_in_the_next_slot(self):
        now = self.evm.now
        for moment in (now, self.model.next_slot_start(now)):
            self.evm.now = moment
            owners = [self.compare_key(key) for key in self.ground.keys]
            for person, entry in enumerate(self.model.participants, start=1):
                # Exactly one key owns a participant at any time, none a revoked one.
                assert owners.count(person) == (0 if entry.revoked_at else 1)
                self.compare_participant(person)
            for authority in self.ground.authorities:
                expected = book.is_accredited(self.model, authority.address, moment)
                assert self.ground.ask("isAccredited", authority.address) == expected
        self.evm.now = now
        assert self.ground.ask("participantCount") == len(self.model.participants)

    def compare_key(self, key):
        now = self.evm.now
        owner = self.ground.ask("ownerOf", key)
        assert owner == answer(lambda: book.owner_of(self.model, key, now))
        is_secured = self.ground.ask("isSecured", key)
        assert is_secured == book.is_secured(self.model, key, now)
        # A key that speaks for nobody is refused whatever it asks: one question suffices.
        asks = [(venue, LIMIT + more) for venue in self.ground.venues for more in (0, 1)]
        for venue, amount in asks if is_secured else asks[:1]:
            self.compare_authorize(key, venue, amount)
        return owner

    def compare_authorize(self, key, venue, amount):
        found, now = self.ground.ask("authorize", key, amount, sender=venue), self.evm.now
        assert found == answer(lambda: book.authorize(self.model, key, venue, amount, now))

    def compare_participant(self, person):
        now, entry = self.evm.now, self.model.participants[person - 1]
        assert self.ground.ask("isActive", person) == entry.is_active(now)
        payout = answer(lambda: book.payout_address(self.model, person, now))
        expected = int(payout, 16) if payout.startswith("0x") else payout
        assert self.ground.ask("payoutAddress", person) == expected
        credential = entry.credential
        assert tuple(self.chain.participant(person)) == (
            entry.account(now),
            credential.kind,
            credential.device_class,
            credential.zone,
            credential.serial,
            entry.authority,
            credential.valid_until,
            entry.suspended_from,
            entry.revoked_at,
            entry.recovery_address(now),
        )


def answer(ask):
    """Return the reference's answer, or its refusal."""
    try:
        return ask()
    except NotSecured as error:
        return str(error).partition(";")[0]


def said(error):
    listed = ", ".join(f"{key}={value}" for key, value in error.arguments.items())
    return f"{error.name}({listed})"


def test_user_security_follows_the_reference_at_every_second(ground):
    RegistryMachine.ground = ground
    limits = settings(
        max_examples=25 * DEPTH,
        stateful_step_count=40,
        deadline=None,
        derandomize=True,
        suppress_health_check=HealthCheck.all(),
    )
    run_state_machine_as_test(RegistryMachine, settings=limits)
