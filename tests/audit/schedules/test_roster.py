"""The roster of owner keys: it never lets in whom the registry would not, and is used where it may be."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from eth_utils.crypto import keccak

from setm import messages
from setm.errors import Reverted
from setm.evm import Evm, Person, System, default_config, deploy_system
from setm.types import Kind
from tests.audit.figures import DEPTH, record
from tests.audit.schedules.world import INTRADAY, ZONE

SEQUENCES, STEPS = 6 * DEPTH, 40
PEOPLE = 4
FOREVER = 2**40 - 1
MOST = 2**63
MINUTE = 60
# Who asks the registry in place of a book: a contract cannot send.
SPEAKING = "speaking"


@dataclass(slots=True)
class Stage:
    """A registry with its roster, four participants, and all keys that were ever theirs."""

    evm: Evm
    system: System
    book: Any
    people: list[Person]
    keys: dict[int, list[Any]] = field(default_factory=dict)
    made: int = 0
    mark: Any = None

    def reset(self) -> None:
        self.evm.revert(self.mark)
        self.mark = self.evm.snapshot()
        self.keys, self.made = {p.id: [p.key] for p in self.people}, 0

    @property
    def registry(self) -> Any:
        return self.system.registry

    def write(self) -> None:
        self.system.roster.send("write", 0)

    def wait(self, seconds: int) -> None:
        self.evm.now += seconds

    def rostered(self, number: int, key: Any, zone: int = ZONE) -> bool:
        answer = self.book.call("rostered", zone, [number], [key.address])
        return bool(answer[0])

    def secured(self, number: int, key: Any, zone: int = ZONE) -> bool:
        try:
            found = self.registry.call("speakerOf", key, MOST, sender=self.evm.account(SPEAKING))
        except Reverted:
            return False
        return tuple(found) == (number, zone)

    def owner(self, number: int) -> Any:
        """Return the key that is the participant's owner key now, else the first."""
        account = self.registry.call("participant", number)[0]
        return next((k for k in self.keys[number] if k.address == account), self.keys[number][0])

    def new_key(self, number: int) -> Any:
        self.made += 1
        key = self.evm.account(f"key {self.made}")
        self.keys[number].append(key)
        return key

    # Everything that changes what the registry says of a key

    def rotate(self, number: int) -> None:
        key = self.new_key(number)
        domain = self.system.domain(self.registry)
        proof = messages.rotate(
            domain, participant_id=number, account=key.address, deadline=FOREVER
        ).sign(key)
        self.registry.send("rotateKey", key, FOREVER, proof, sender=self.owner(number))

    def suspend(self, number: int) -> None:
        self.registry.send("suspend", number, sender=self.system.authority)

    def reinstate(self, number: int) -> None:
        self.registry.send("reinstate", number, sender=self.system.governance)

    def revoke(self, number: int) -> None:
        self.registry.send("revoke", number, sender=self.system.authority)

    def renew(self, number: int, zone: int = ZONE, seconds: int = 10**7) -> None:
        person = self.people[number - self.people[0].id]
        message = messages.credential(
            self.system.domain(self.registry),
            account=self.owner(number).address,
            kind=Kind.PROSUMER,
            device_class=0,
            zone=zone,
            commitment=messages.identity_commitment(person.name, bytes(keccak(text=person.name))),
            valid_until=self.evm.now + seconds,
            serial=self.registry.call("participant", number)[4] + 1,
        )
        signed = message.sign(self.system.authority)
        self.registry.send("renew", tuple(message.values.values()), self.system.authority, signed)

    def move(self, number: int) -> None:
        self.renew(number, zone=ZONE + 1)

    def shorten(self, number: int) -> None:
        self.renew(number, seconds=MINUTE)

    def set_recovery(self, number: int) -> None:
        recovery = self.evm.account(f"recovery {number}")
        self.registry.send("setRecovery", recovery, sender=self.owner(number))

    def start_recovery(self, number: int) -> None:
        key = self.new_key(number)
        recovery = self.evm.account(f"recovery {number}")
        self.registry.send("startRecovery", number, key, sender=recovery)

    def complete_recovery(self, number: int) -> None:
        key = self.keys[number][-1]
        self.registry.send("completeRecovery", number, sender=key)

    def open_session(self, number: int) -> None:
        key = self.new_key(number)
        session = (key.address, self.evm.account(SPEAKING).address, MOST, self.evm.now + 10**6)
        self.registry.send("openSession", session, sender=self.owner(number))


CHANGES: dict[str, Callable[[Stage, int], None]] = {
    "rotate": Stage.rotate,
    "suspend": Stage.suspend,
    "revoke": Stage.revoke,
    "move to another zone": Stage.move,
    "shorten": Stage.shorten,
}
STEPS_OF: dict[str, Callable[[Stage, int], None]] = {
    **CHANGES,
    "reinstate": Stage.reinstate,
    "renew": Stage.renew,
    "set recovery": Stage.set_recovery,
    "start recovery": Stage.start_recovery,
    "complete recovery": Stage.complete_recovery,
    "open session": Stage.open_session,
}


@cache
def built() -> Stage:
    evm = Evm()
    system = deploy_system(evm, default_config(intraday=dict(INTRADAY)))
    people = [system.enrol(f"person {i}", Kind.PROSUMER, zone=ZONE) for i in range(PEOPLE)]
    book = evm.deploy("RosterBook", system.intraday, system.registry, system.roster)
    stage = Stage(evm, system, book, people)
    stage.mark = evm.snapshot()
    return stage


@pytest.fixture
def stage() -> Stage:
    found = built()
    found.reset()
    found.evm.now += MINUTE
    return found


def test_a_written_page_counts_from_the_next_change_free_second(stage: Stage) -> None:
    for person in stage.people:
        assert not stage.rostered(person.id, person.key)
    stage.write()
    for person in stage.people:
        # Joined before that second, and joining is no change.
        assert stage.rostered(person.id, person.key)
        assert not stage.rostered(person.id, person.key, ZONE + 1)
        assert not stage.rostered(person.id, stage.evm.account("mallory"))
        assert not stage.rostered(person.id % PEOPLE + 2, person.key)


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("order", ["change, write", "write, change", "write, later change"])
def test_no_change_of_a_key_is_missed(stage: Stage, name: str, order: str) -> None:
    one, other = stage.people[0], stage.people[1]
    if order == "change, write":
        CHANGES[name](stage, one.id)
        stage.write()
    else:
        stage.write()
        stage.wait(MINUTE if "later" in order else 0)
        CHANGES[name](stage, one.id)
    for seconds in (0, 1, MINUTE, 15 * MINUTE, 10**6):
        stage.wait(seconds)
        for key in stage.keys[one.id]:
            for zone in (ZONE, ZONE + 1):
                # In the second of the change nobody is vouched for; the registry is asked.
                assert not stage.rostered(one.id, key, zone)
    assert stage.rostered(other.id, other.key)


def test_a_change_of_one_leaves_the_others_of_the_page_to_the_roster(stage: Stage) -> None:
    stage.write()
    stage.wait(1)
    stage.suspend(stage.people[0].id)
    for person in stage.people[1:]:
        assert stage.rostered(person.id, person.key)


def test_a_pending_rotation_and_a_coming_suspension_end_a_record_in_time(stage: Stage) -> None:
    one, two = stage.people[:2]
    stage.rotate(one.id)
    stage.suspend(two.id)
    stage.wait(1)
    stage.write()
    end = (stage.evm.now // 900 + 1) * 900
    successor = stage.keys[one.id][-1]
    for now in (stage.evm.now, end - 1, end, end + 1):
        stage.evm.now = now
        for person in (one, two):
            assert stage.rostered(person.id, person.key) == (now < end)
            assert stage.secured(person.id, person.key) == (now < end)
        assert not stage.rostered(one.id, successor)
    stage.write()
    assert stage.rostered(one.id, successor)


def test_an_expired_credential_ends_a_record_in_its_second(stage: Stage) -> None:
    one = stage.people[0]
    stage.shorten(one.id)
    end = stage.evm.now + MINUTE
    stage.wait(1)
    stage.write()
    for now, speaks in ((end - 1, True), (end, False)):
        stage.evm.now = now
        assert stage.rostered(one.id, one.key) == speaks == stage.secured(one.id, one.key)


def test_a_session_key_is_not_on_the_roster(stage: Stage) -> None:
    one = stage.people[0]
    stage.open_session(one.id)
    stage.wait(1)
    stage.write()
    session = stage.keys[one.id][-1]
    assert stage.secured(one.id, session)
    assert not stage.rostered(one.id, session)


def test_a_recovered_participant_is_known_by_its_new_key_only(stage: Stage) -> None:
    one = stage.people[0]
    stage.set_recovery(one.id)
    stage.start_recovery(one.id)
    stage.write()
    stage.wait(stage.system.config["recovery_delay"])
    assert stage.rostered(one.id, one.key)
    stage.complete_recovery(one.id)
    assert not stage.rostered(one.id, one.key)
    stage.wait(1)
    stage.write()
    assert not stage.rostered(one.id, one.key)
    assert stage.rostered(one.id, stage.keys[one.id][-1])


def test_who_joins_later_is_asked_of_the_registry_until_the_page_is_written(stage: Stage) -> None:
    stage.write()
    stage.wait(1)
    late = stage.system.enrol("late", Kind.PROSUMER, zone=ZONE)
    assert not stage.rostered(late.id, late.key)
    stage.write()
    assert stage.rostered(late.id, late.key)


def test_a_page_is_code_that_does_nothing(stage: Stage) -> None:
    stage.write()
    code, written_at = stage.system.roster.call("pageOf", 0)
    assert written_at == stage.evm.now
    assert stage.evm.call_raw(code, b"\xff" * 4) == b""
    with pytest.raises(Reverted) as caught:
        stage.system.roster.send("write", 1)
    assert caught.value.name == "PageEmpty"
    assert tuple(stage.system.roster.call("pageOf", 1))[1] == 0


def test_a_book_takes_no_roster_of_another_registry(stage: Stage) -> None:
    other = deploy_system(Evm(), default_config(intraday=dict(INTRADAY)))
    foreign = stage.evm.deploy("KeyRoster", other.token)
    with pytest.raises(Reverted) as caught:
        stage.evm.deploy("RosterBook", stage.system.intraday, stage.registry, foreign)
    assert caught.value.name == "RosterRefused"


def test_random_lives_of_keys_never_pass_the_roster_alone() -> None:
    stage, passed, asked = built(), 0, 0
    for seed in range(SEQUENCES):
        stage.reset()
        dice = random.Random(seed)
        for _ in range(STEPS):
            if dice.random() < 0.3:
                stage.write()
            number = dice.choice(stage.people).id
            # What cannot be done now is refused.
            with suppress(Reverted):
                STEPS_OF[dice.choice(list(STEPS_OF))](stage, number)
            if dice.random() < 0.3:
                stage.write()
            stage.wait(dice.choice([0, 0, 1, MINUTE, 900, 10**5]))
            for one, keys in stage.keys.items():
                for key in keys:
                    for zone in (ZONE, ZONE + 1):
                        speaks = stage.rostered(one, key, zone)
                        assert not speaks or stage.secured(one, key, zone)
                        passed += speaks
                        asked += 1
    record(
        "schedules",
        "keys taken from the roster, all of them the registry's",
        passed,
        wanted=f"at least {SEQUENCES * STEPS}",
        ok=passed >= SEQUENCES * STEPS,
    )
    assert asked > passed >= SEQUENCES * STEPS
