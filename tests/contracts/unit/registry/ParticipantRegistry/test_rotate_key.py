"""ParticipantRegistry.rotateKey"""

import brownie

from setm import messages

ZERO_ADDRESS = "0x" + "00" * 20


def test_refuses_who_owns_no_participant(rotate, mallory, new_key, low):
    with brownie.reverts(f"NotSecured: {low(mallory)}"):
        rotate(1, mallory, new_key)


def test_refuses_a_session_key(rotate, open_session, people, alice, agent, new_key, low):
    open_session(alice)
    with brownie.reverts(f"NotSecured: {low(agent)}"):
        rotate(people.alice, agent, new_key)


def test_refuses_after_the_deadline(rotate, people, alice, new_key):
    deadline = brownie.chain.time() - 10
    with brownie.reverts(revert_pattern=rf"DeadlinePassed: {deadline}, \d+"):
        rotate(people.alice, alice, new_key, deadline=deadline)


def test_refuses_nobody(rotate, people, alice, new_key):
    with brownie.reverts("ZeroField: account"):
        rotate(people.alice, alice, ZERO_ADDRESS, signer=new_key)


def test_refuses_a_key_that_is_taken(rotate, people, alice, bob, low):
    with brownie.reverts(f"KeyTaken: {low(bob)}, {people.bob}"):
        rotate(people.alice, alice, bob)
    with brownie.reverts(f"KeyTaken: {low(alice)}, {people.alice}"):
        rotate(people.alice, alice, alice)


def test_refuses_a_new_key_that_did_not_agree(rotate, people, alice, mallory, new_key, low):
    with brownie.reverts(f"SignatureMismatch: {low(new_key)}"):
        rotate(people.alice, alice, new_key, signer=mallory)


def test_refuses_an_agreement_to_another_participant(
    rotate, people, alice, bob, new_key, low, domain, signed
):
    deadline = brownie.chain.time() + 600
    message = messages.rotate(
        domain, participant_id=people.bob, account=new_key.address, deadline=deadline
    )
    with brownie.reverts(f"SignatureMismatch: {low(new_key)}"):
        rotate(people.alice, alice, new_key, deadline=deadline, signature=signed(message, new_key))


def test_refuses_while_another_change_is_pending(rotate, people, alice, new_key, agent):
    active_from = rotate(people.alice, alice, new_key).events["KeyRotated"]["activeFrom"]
    with brownie.reverts(revert_pattern=rf"TooEarly: {active_from}, \d+"):
        rotate(people.alice, alice, agent)


def test_refuses_the_old_key_ever_after(rotate, people, alice, new_key, wait_until, low):
    active_from = rotate(people.alice, alice, new_key).events["KeyRotated"]["activeFrom"]
    wait_until(active_from)
    with brownie.reverts(f"KeyTaken: {low(alice)}, {people.alice}"):
        rotate(people.alice, new_key, alice)


def test_hands_the_participant_over_at_the_next_slot(
    registry, rotate, people, alice, new_key, wait_until, low
):
    active_from = rotate(people.alice, alice, new_key).events["KeyRotated"]["activeFrom"]
    assert registry.ownerOf(alice) == people.alice
    assert not registry.isSecured(new_key)
    wait_until(active_from)
    assert registry.ownerOf(new_key) == people.alice
    assert registry.participant(people.alice)[0] == registry.payoutAddress(people.alice) == new_key
    with brownie.reverts(f"NotSecured: {low(alice)}"):
        registry.ownerOf(alice)


def test_can_follow_one_after_the_other(
    registry, rotate, people, alice, new_key, agent, wait_until
):
    first = rotate(people.alice, alice, new_key).events["KeyRotated"]["activeFrom"]
    wait_until(first)
    second = rotate(people.alice, new_key, agent).events["KeyRotated"]["activeFrom"]
    assert registry.participant(people.alice)[0] == new_key
    wait_until(second)
    assert registry.participant(people.alice)[0] == agent


def test_leaves_sessions_open(
    registry, rotate, open_session, people, alice, new_key, agent, venue, wait_until
):
    open_session(alice)
    wait_until(rotate(people.alice, alice, new_key).events["KeyRotated"]["activeFrom"])
    assert registry.authorize.transact(agent, 1, {"from": venue}).return_value == people.alice


def test_tells_the_new_account_and_from_when(rotate, people, alice, new_key, next_slot):
    rotated = rotate(people.alice, alice, new_key)
    assert rotated.events["KeyRotated"] == {
        "participantId": people.alice,
        "account": new_key,
        "activeFrom": next_slot(rotated.timestamp),
    }
