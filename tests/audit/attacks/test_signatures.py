"""Attacks 5 to 7: a signature counts for what was signed, once, in its only form, on one chain and in one contract."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_account import Account
from eth_keys.exceptions import BadSignature, ValidationError
from eth_utils.crypto import keccak

from setm import messages
from setm.errors import NotSecured
from setm.evm import abi
from setm.evm.machine import NOBODY
from setm.messages import Domain
from setm.types import Kind, Side
from tests.audit.attacks.stage import BOUND, EUR, FIRST_SLOT, FOREVER, Stage, refusal
from tests.audit.attacks.wallet import joined_wallet

# The order of secp256k1's group.
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
OPEN = {"is_sealed": False, "reveal_window": 0, "bond": 0}
WORDS = ("SignatureMismatch", "ForgedSignature", "BindingNotSigned", "ForgedReading")


class Case:
    """One kind of message: how it is signed, and the transaction that brings it."""

    def __init__(self, stage, message, signer, send):
        self.stage, self.message, self.signer, self.send = stage, message, signer, send

    def signature(self, message=None):
        return (message or self.message).sign(self.signer)

    def bring(self, signature, message=None, evm=None):
        """Return the refusal of the message with this signature, or ""; on another machine if one is given."""
        return refusal(self.send, tuple((message or self.message).values.values()), signature, evm)


def on(contract, evm):
    return contract if evm is None else contract.on(evm)


def cases(stage, open_stage):
    """Return every message that any contract takes, each with the one signature that it asks for."""
    system, alice, bob = stage.system, stage.alice, stage.bob
    newcomer, successor = stage.account("newcomer"), stage.account("successor")
    credential = messages.credential(
        system.domain(system.registry),
        account=newcomer.address,
        kind=Kind.PROSUMER,
        device_class=1,
        zone=1,
        commitment=keccak(text="newcomer"),
        valid_until=stage.evm.now + 1_000_000,
    )
    consent = messages.join(
        system.domain(system.registry),
        credential_hash=credential.struct_hash(),
        recovery=bob.address,
        deadline=FOREVER,
    )
    rotation = messages.rotate(
        system.domain(system.registry),
        participant_id=alice.id,
        account=successor.address,
        deadline=FOREVER,
    )
    sealed = stage.commitment(stage.order(alice, Side.BID, 160, 1_000))
    commit = messages.commit(
        system.domain(system.auction),
        slot=sealed[0],
        side=sealed[1],
        bound=sealed[2],
        digest=sealed[3],
        nonce=0,
        deadline=FOREVER,
    )
    placed = messages.place_order(
        open_stage.system.domain(open_stage.auction),
        slot=open_stage.slot,
        side=Side.BID,
        tick=160,
        energy_wh=1_000,
        nonce=0,
        deadline=FOREVER,
    )
    agreed = stage.agreement(alice, bob)
    binding = stage.binding(stage.dora, 9)

    def join(values, signature, evm):
        proof = credential.sign(system.authority)
        return on(system.registry, evm).send(
            "join",
            tuple(credential.values.values()),
            system.authority,
            proof,
            *values[1:],
            signature,
        )

    def admit(values, signature, evm):
        return on(system.registry, evm).send(
            "join", values, system.authority, signature, NOBODY, 0, b"", sender=newcomer
        )

    def rotate(values, signature, evm):
        return on(system.registry, evm).send("rotateKey", *values[1:], signature, sender=alice)

    def commit_for(values, signature, evm):
        return on(system.auction, evm).send(
            "commitFor", values[:4], alice, *values[4:], signature, sender=bob
        )

    def place_for(values, signature, evm):
        return on(open_stage.auction, evm).send(
            "placeOrderFor", values[:4], open_stage.alice, *values[4:], signature
        )

    def agree_as_buyer(values, signature, evm):
        theirs = agreed.sign(bob.key)
        return on(system.negotiation, evm).send("agree", values, alice, signature, bob, theirs)

    def agree_as_seller(values, signature, evm):
        theirs = agreed.sign(alice.key)
        return on(system.negotiation, evm).send("agree", values, alice, theirs, bob, signature)

    def bind(values, signature, evm):
        return on(system.meters, evm).send(
            "bindMeter", values, system.authority, signature, sender=stage.dora
        )

    return {
        "credential": Case(stage, credential, system.authority, admit),
        "consent": Case(stage, consent, newcomer, join),
        "rotation": Case(stage, rotation, successor, rotate),
        "commitment": Case(stage, commit, alice.key, commit_for),
        "open order": Case(open_stage, placed, open_stage.alice.key, place_for),
        "agreement, buyer": Case(stage, agreed, alice.key, agree_as_buyer),
        "agreement, seller": Case(stage, agreed, bob.key, agree_as_seller),
        "binding": Case(stage, binding, system.authority, bind),
    }


NAMES = (
    "credential",
    "consent",
    "rotation",
    "commitment",
    "open order",
    "agreement, buyer",
    "agreement, seller",
    "binding",
)


@pytest.fixture(scope="module")
def stages():
    stage, open_stage = Stage(), Stage(auction=OPEN)
    # Identified, with money, and without a meter.
    stage.dora = stage.system.enrol("dora", Kind.PROSUMER)
    return stage, open_stage


@pytest.fixture
def case_of(stages):
    stage, open_stage = stages
    found = cases(stage, open_stage)
    assert tuple(found) == NAMES
    with stage.evm.undone(), open_stage.evm.undone():
        yield found


def changed(kind, value):
    """Return another value of the field's type."""
    if kind == "address":
        return Account.from_key(keccak(text="another")).address
    if kind == "bytes32":
        return keccak(value)
    if kind == "bool":
        return not value
    if kind == "uint8":
        return 1 - value if value in (0, 1) else value - 1
    return value + 1 if value + 1 < 2 ** int(kind.removeprefix("uint")) else value - 1


def altered(message):
    """Yield the message with one of its fields or of its domain's changed, and the name of that."""
    for kind, name in message.fields:
        values = {**message.values, name: changed(kind, message.values[name])}
        yield name, replace(message, values=values)
    domain = message.domain
    other = Domain(chain_id=domain.chain_id + 1, contract=domain.contract)
    yield "chain", replace(message, domain=other)
    another = Account.from_key(keccak(text="another contract")).address
    yield "contract", replace(message, domain=Domain(chain_id=domain.chain_id, contract=another))
    yield "domain's name", replace(message, domain_name=f"{message.domain_name} 2")
    yield "type", replace(message, primary_type=f"{message.primary_type}2")


@pytest.mark.parametrize("name", NAMES)
def test_a_signature_over_anything_else_is_refused(case_of, name):
    """Each field, the chain, the contract and the type, changed before signing: none of these is the message sent."""
    case = case_of[name]
    for what, message in altered(case.message):
        assert case.bring(case.signature(message)) in WORDS, what
    assert case.bring(case.signature()) == ""


@pytest.mark.parametrize("name", NAMES)
def test_a_message_changed_after_signing_is_refused(case_of, name):
    """The other way round: the true signature with each field changed in the transaction."""
    case = case_of[name]
    signature = case.signature()
    for kind, field in case.message.fields:
        values = {**case.message.values, field: changed(kind, case.message.values[field])}
        assert case.bring(signature, replace(case.message, values=values)) != "" or (
            # These two come from elsewhere than the message: the sender's participant, the credential beside it.
            (name, field) in (("rotation", "participantId"), ("consent", "credentialHash"))
        ), field


def forms(signature):
    """Yield every other form of a signature that some library somewhere takes for the same one."""
    r, s, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
    word = s.to_bytes(32, "big")
    yield "high s", r + (ORDER - s).to_bytes(32, "big") + bytes([55 - v])
    yield "high s, same v", r + (ORDER - s).to_bytes(32, "big") + bytes([v])
    yield "other v", r + word + bytes([55 - v])
    for wrong in (0, 1, 26, 29, 255):
        yield f"v {wrong}", r + word + bytes([wrong])
    yield "ERC-2098", r + (((v - 27) << 255) | s).to_bytes(32, "big")
    yield "64 bytes", r + word
    yield "66 bytes", signature + b"\0"
    yield "twice", signature + signature
    yield "zeros", bytes(65)
    yield "zeros with v", bytes(64) + bytes([27])
    yield "r of zero", bytes(32) + word + bytes([v])
    yield "s of zero", r + bytes(32) + bytes([v])
    yield "r beyond the order", (ORDER + 1).to_bytes(32, "big") + word + bytes([v])


@pytest.mark.parametrize("name", NAMES)
def test_no_other_form_of_a_signature_counts(case_of, name):
    case = case_of[name]
    for what, signature in forms(case.signature()):
        assert case.bring(signature) in WORDS, what
    # Nothing at all: only the account itself may leave its consent away, by sending the call.
    assert case.bring(b"") in (*WORDS, "NotAllowed")


def signer_by_python(message, signature):
    """Return the signer that `setm.messages` finds, or None if it takes this for no signature."""
    try:
        return message.signer(signature)
    except (NotSecured, BadSignature, ValidationError):
        return None


@pytest.mark.parametrize("name", NAMES)
def test_python_refuses_what_the_contracts_refuse(case_of, name):
    """eth-account would take the high s, and v of 0 and 1."""
    case = case_of[name]
    for what, signature in forms(case.signature()):
        assert signer_by_python(case.message, signature) != case.signer.address, what
    assert signer_by_python(case.message, case.signature()) == case.signer.address


@pytest.mark.parametrize("name", NAMES)
def test_a_fork_of_the_chain_takes_no_message_of_the_other_branch(stages, case_of, name):
    """The same contracts at the same addresses, with the same storage, on a chain with another number."""
    case = case_of[name]
    evm = case.stage.evm
    number = evm.chain_id
    evm.chain_id = number + 1
    try:
        fork = evm.metered()
    finally:
        evm.chain_id = number
    assert case.bring(case.signature(), evm=fork) in WORDS
    domain = replace(case.message.domain, chain_id=number + 1)
    there = replace(case.message, domain=domain)
    if name == "consent":
        # It stands beside a credential, which is of the other branch as well.
        return
    if name.startswith("agreement"):
        return
    assert case.bring(case.signature(there), evm=fork) == ""
    assert case.bring(case.signature()) == ""


@pytest.mark.parametrize("name", NAMES)
def test_the_zero_address_signs_nothing(case_of, name):
    """Recovery of a signature that is none gives the zero address: nobody may pass for it."""
    case = case_of[name]
    stage, values = case.stage, tuple(case.message.values.values())
    as_zero = {
        "commitment": lambda: stage.auction.send(
            "commitFor", values[:4], NOBODY, *values[4:], bytes(65)
        ),
        "open order": lambda: stage.auction.send(
            "placeOrderFor", values[:4], NOBODY, *values[4:], bytes(65)
        ),
        "agreement, buyer": lambda: stage.negotiation.send(
            "agree", values, NOBODY, bytes(65), NOBODY, bytes(65)
        ),
        "credential": lambda: stage.registry.send(
            "join", values, NOBODY, bytes(65), NOBODY, 0, b""
        ),
        "binding": lambda: stage.meters.send(
            "bindMeter", values, NOBODY, bytes(65), sender=stage.dora
        ),
        "rotation": lambda: stage.registry.send(
            "rotateKey", NOBODY, FOREVER, bytes(65), sender=stage.alice
        ),
    }
    if name in as_zero:
        assert refusal(as_zero[name]) in (*WORDS, "NotAccredited", "ZeroField")


def test_a_reading_of_the_zero_address_is_no_proof_and_no_reading(stages):
    stage = stages[0]
    with stage.evm.undone():
        stage.go(stage.end)
        word = stage.signed(1, 10, 0)[0]
        for r, vs in ((bytes(32), bytes(32)), (b"\xff" * 32, b"\xff" * 32)):
            forged = (word, r, vs)
            assert refusal(stage.meters.send, "postReading", forged) == "ForgedReading"
            other = (word + (1 << 32), r, vs)
            assert refusal(stage.meters.send, "proveEquivocation", forged, other) == "ForgedReading"


def test_the_other_form_of_a_readings_signature_is_refused(stages):
    stage = stages[0]
    with stage.evm.undone():
        stage.go(stage.end)
        word, r, vs = stage.signed(1, 10, 0)
        s = int.from_bytes(vs, "big") & (2**255 - 1)
        parity = int.from_bytes(vs, "big") >> 255
        # A compact signature has no room for a high s: what is left of it is another signature.
        high = ((ORDER - s) & (2**255 - 1)) | ((1 - parity) << 255)
        flipped = s | ((1 - parity) << 255)
        for changed_vs in (high, flipped):
            forged = (word, r, changed_vs.to_bytes(32, "big"))
            assert refusal(stage.meters.send, "postReading", forged) == "ForgedReading"
        stage.meters.send("postReading", (word, r, vs))


# Single use (16)


def test_a_signed_message_counts_once(case_of):
    commit, agreed = case_of["commitment"], case_of["agreement, buyer"]
    stage = commit.stage
    assert commit.bring(commit.signature()) == ""
    stage.auction.send("cancel", stage.slot, sender=stage.alice)
    # The order is gone and its place is free: the used nonce alone stands in the way.
    assert commit.bring(commit.signature()) == "InvalidAccountNonce"
    assert agreed.bring(agreed.signature()) == ""
    assert agreed.bring(agreed.signature()) == "AgreementUsed"


def test_a_nonce_belongs_to_its_key_alone(stages):
    """Nobody uses up a nonce of somebody else, and none can be used out of turn."""
    stage = stages[0]
    with stage.evm.undone():
        before = stage.auction.call("nonces", stage.alice)
        order = stage.order(stage.bob, Side.BID, 160, 1_000)
        values = stage.commitment(order)
        names = ("slot", "side", "bound", "digest")
        for nonce in (1, 2):
            message = messages.commit(
                stage.system.domain(stage.auction),
                **dict(zip(names, values, strict=True)),
                nonce=nonce,
                deadline=FOREVER,
            )
            sent = (values, stage.bob, nonce, FOREVER, message.sign(stage.bob.key))
            assert refusal(stage.auction.send, "commitFor", *sent) == "InvalidAccountNonce"
        assert stage.auction.call("nonces", stage.alice) == before


# Accounts that are contracts (7)

ANSWERS = {
    "honest": 0,
    "wrong magic": 1,
    "nothing": 2,
    "four bytes": 3,
    "long junk": 4,
    "reverts": 5,
    "burns the gas": 6,
}
GAS = 3_000_000


def uses(stage, wallet, number):
    """Return every entry that asks an account for its signature, brought by a stranger with ``GAS``."""
    system, alice, bob = stage.system, stage.alice, stage.bob
    message = messages.commit(
        system.domain(system.auction),
        slot=stage.slot,
        side=Side.BID,
        bound=BOUND,
        digest=b"\x01" * 23 + bytes(9),
        nonce=0,
        deadline=FOREVER,
    )
    values = tuple(message.values.values())
    agreed = stage.agreement(replace(alice, id=number), bob)
    names = tuple(agreed.values.values())
    rotation = messages.rotate(
        system.domain(system.registry),
        participant_id=bob.id,
        account=wallet.address,
        deadline=FOREVER,
    )
    return {
        "commitFor": lambda: system.auction.send(
            "commitFor", values[:4], wallet, *values[4:], message.sign(alice.key), gas=GAS
        ),
        "agree": lambda: system.negotiation.send(
            "agree", names, wallet, agreed.sign(alice.key), bob, agreed.sign(bob.key), gas=GAS
        ),
        "rotateKey": lambda: system.registry.send(
            "rotateKey", wallet, FOREVER, rotation.sign(alice.key), sender=bob, gas=GAS
        ),
    }


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_wallet_that_answers_anything_but_yes_enters_nothing(stages, answer):
    stage = stages[0]
    with stage.evm.undone():
        wallet, number = joined_wallet(stage, ANSWERS[answer])
        before = stage.books()
        for what, use in uses(stage, wallet, number).items():
            found = refusal(use)
            if answer == "honest" and what != "rotateKey":
                assert found == "", what
            elif answer == "honest":
                # It owns a participant already.
                assert found == "KeyTaken"
            else:
                assert found in (*WORDS, "KeyTaken"), what
        if answer != "honest":
            assert stage.books() == before


@pytest.mark.parametrize(
    "function",
    [
        ("clearinghouse", "withdraw", (EUR,)),
        ("auction", "releaseMargin", (EUR,)),
        ("auction", "cancel", (FIRST_SLOT,)),
        ("settlement", "settle", (FIRST_SLOT, [2])),
        ("auction", "open", (FIRST_SLOT, [])),
    ],
    ids=lambda call: f"{call[0]}.{call[1]}",
)
def test_a_wallet_that_calls_back_while_it_is_asked_changes_nothing(stages, function):
    """It is asked by a static call: whatever it calls must not write, and its yes counts for its signature alone."""
    stage = stages[0]
    role, name, args = function
    with stage.evm.undone():
        wallet, number = joined_wallet(stage, ANSWERS["honest"])
        target = getattr(stage.system, role)
        entry = next(e for e in target._entries if e.get("name") == name)
        data = abi.selector_of(entry) + abi.encode(entry["inputs"], args)
        house = stage.clearinghouse
        expected = {}
        for mode in ("quiet", "calls back"):
            with stage.evm.undone():
                if mode == "calls back":
                    wallet.send("callBack", target, data)
                uses(stage, wallet, number)["commitFor"]()
                expected[mode] = (
                    stage.books(),
                    house.call("freeOf", number),
                    stage.auction.call("marginOf", number),
                    stage.auction.call("orderOf", stage.slot, number),
                )
        assert expected["calls back"] == expected["quiet"]
