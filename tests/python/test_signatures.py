"""Native signatures and digests against eth-account, and every form of a signature that a chain refuses."""

from __future__ import annotations

import secrets

import pytest
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from setm.errors import NotSecured
from setm.messages import HALF_CURVE_ORDER, Domain, Fields, Message
from setm.signatures import (
    CURVE_ORDER,
    address_of,
    compact,
    digest_of,
    expanded,
    keccak,
    private_key,
    sign,
    signer,
    verify_many,
)
from tests.python.test_messages import all_messages

HOME = Domain(chain_id=1337, contract="0x5FbDB2315678afecb367f032d93F642f64180aa3")
SECRET = bytes.fromhex("a1" * 32)
KEY = private_key(SECRET)
ALICE = Account.from_key(SECRET)
ADDRESS = bytes.fromhex(ALICE.address[2:])
DIGEST = bytes(range(32))
SCHEDULE: Fields = (
    ("uint32", "day"),
    ("uint32", "participantId"),
    ("address", "collector"),
    ("uint256[]", "orders"),
)
PLACES = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
VALUES = {
    "bool": st.booleans(),
    "address": PLACES,
    "bytes": st.binary(max_size=70),
    "string": st.text(max_size=40),
    "bytes4": st.binary(min_size=4, max_size=4),
    "bytes32": st.binary(min_size=32, max_size=32),
    "uint8": st.integers(0, 2**8 - 1),
    "uint16": st.integers(0, 2**16 - 1),
    "uint32": st.integers(0, 2**32 - 1),
    "uint48": st.integers(0, 2**48 - 1),
    "uint64": st.integers(0, 2**64 - 1),
    "uint256": st.integers(0, 2**256 - 1),
    "int24": st.integers(-(2**23), 2**23 - 1),
    "int256": st.integers(-(2**255), 2**255 - 1),
    "uint256[]": st.lists(st.integers(0, 2**256 - 1), max_size=5),
    "uint32[]": st.lists(st.integers(0, 2**32 - 1), max_size=5),
    "uint48[3]": st.lists(st.integers(0, 2**48 - 1), min_size=3, max_size=3),
    "address[]": st.lists(PLACES, max_size=3),
    "bool[]": st.lists(st.booleans(), max_size=3),
}


def message(fields: Fields, values: list[object]) -> Message:
    return Message(
        domain_name="SETM DayAheadAuction",
        domain=HOME,
        primary_type="Schedule",
        fields=fields,
        values=dict(zip((name for _, name in fields), values, strict=True)),
    )


def fast_digest(of: Message) -> bytes:
    digest = digest_of(of.domain_name, of.domain, of.primary_type, of.fields)
    return digest(*of.values.values())


# Digests


@pytest.mark.parametrize("name", all_messages())
def test_every_message_of_setm_has_the_digest_that_eth_account_gives_it(name):
    of = all_messages()[name]
    assert fast_digest(of) == of.digest()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_elementary_types_hash_as_eth_account_hashes_them(data):
    kinds = data.draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=5))
    fields = tuple((kind, f"field{place}") for place, kind in enumerate(kinds))
    of = message(fields, [data.draw(VALUES[kind]) for kind in kinds])
    assert fast_digest(of) == of.digest()


def test_a_schedule_of_a_day_hashes_as_eth_account_hashes_it():
    orders = [int.from_bytes(keccak(bytes([slot])), "big") for slot in range(96)]
    of = message(SCHEDULE, [20_000, 7, ALICE.address, orders])
    assert fast_digest(of) == of.digest()


def test_another_chain_contract_name_or_type_gives_another_digest():
    fields: Fields = (("uint32", "slot"),)
    there = Domain(chain_id=1, contract=HOME.contract)
    elsewhere = Domain(chain_id=1337, contract="0x" + "22" * 20)
    made = {
        digest_of(name, domain, kind, fields)(5)
        for name, domain, kind in (
            ("SETM Auction", HOME, "Order"),
            ("SETM Auction", there, "Order"),
            ("SETM Auction", elsewhere, "Order"),
            ("SETM Tariff", HOME, "Order"),
            ("SETM Auction", HOME, "Offer"),
        )
    }
    assert len(made) == 5


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("uint8", 256),
        ("uint32", -1),
        ("uint32", "7"),
        ("uint48", 2**48),
        ("uint256", 2**256),
        ("int24", 2**23),
        ("int24", -(2**23) - 1),
        ("bytes32", bytes(31)),
        ("bytes4", bytes(5)),
        ("address", "0x" + "11" * 19),
        ("address", "0xzz"),
        ("bool", 1),
        ("string", b"text"),
        ("bytes", "text"),
        ("uint256[]", [2**256]),
        ("uint256[]", 5),
        ("uint32[]", [2**32]),
        ("uint32[2]", [1]),
    ],
)
def test_refuses_a_value_that_its_type_cannot_hold(kind, value):
    with pytest.raises(NotSecured, match="cannot hold"):
        digest_of("SETM Auction", HOME, "Order", ((kind, "value"),))(value)


def test_refuses_too_few_and_too_many_values():
    digest = digest_of("SETM Auction", HOME, "Order", (("uint32", "slot"), ("address", "of")))
    for values in ((), (1,), (1, ALICE.address, 3)):
        with pytest.raises(NotSecured, match="cannot hold"):
            digest(*values)


@pytest.mark.parametrize("kind", ["Order", "uint7", "uint264", "bytes33", "string[]", "uint8[][]"])
def test_refuses_a_type_that_it_cannot_encode(kind):
    with pytest.raises(ValueError, match="expected"):
        digest_of("SETM Auction", HOME, "Order", ((kind, "value"),))


# Signing and recovering


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, CURVE_ORDER - 1).map(lambda secret: secret.to_bytes(32, "big")),
    st.binary(min_size=32, max_size=32),
)
def test_signs_and_recovers_as_eth_account_does(secret, digest):
    account = Account.from_key(secret)
    address = bytes.fromhex(account.address[2:])
    key = private_key(secret)
    made = sign(key, digest)
    assert address_of(key.public_key) == address
    assert expanded(made) == bytes(account.unsafe_sign_hash(digest).signature)
    assert compact(expanded(made)) == made
    assert signer(digest, made) == address
    assert int.from_bytes(made[32:], "big") & ~(1 << 255) <= HALF_CURVE_ORDER


def test_signs_messages_in_the_compact_form_that_messages_make():
    of = all_messages()["Reading"]
    assert sign(KEY, fast_digest(of)) == b"".join(of.sign_compact(ALICE))
    assert signer(of.digest(), compact(of.sign(ALICE))) == ADDRESS


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64))
def test_any_bytes_recover_the_same_as_by_eth_account_or_are_refused(digest, raw):
    try:
        found = signer(digest, raw)
    except NotSecured:
        assert verify_many([(digest, raw, ADDRESS)]) == [False]
        return
    recovered = Account._recover_hash(digest, signature=expanded(raw))
    assert found == bytes.fromhex(recovered[2:])


# What a chain refuses


def forms() -> dict[str, bytes]:
    """Every signature that can be made from a good one without the key, and ones that nobody made."""
    good = sign(KEY, DIGEST)
    r, vs = good[:32], int.from_bytes(good[32:], "big")
    parity, s = vs >> 255, vs & ((1 << 255) - 1)
    negated = CURVE_ORDER - s

    def pair(first: bytes | int, second: int) -> bytes:
        first = first if isinstance(first, bytes) else first.to_bytes(32, "big")
        return first + second.to_bytes(32, "big")

    return {
        "parity flipped": pair(r, vs ^ 1 << 255),
        "s negated, top bit over the parity": pair(r, negated % (1 << 256)),
        "s negated, parity flipped": pair(r, (negated & (1 << 255) - 1) | (1 - parity) << 255),
        "s just above half": pair(r, HALF_CURVE_ORDER + 1),
        "s zero": pair(r, parity << 255),
        "r zero": pair(0, vs),
        "r the order": pair(CURVE_ORDER, vs),
        "r beyond the order": pair(2**256 - 1, vs),
        "r on no point": pair(5, vs),
        "all zero": bytes(64),
        "empty": b"",
        "a byte short": good[:-1],
        "a byte long": good + b"\0",
        "not compact": expanded(good),
    }


@pytest.mark.parametrize("form", forms())
def test_no_malleated_form_counts_as_signed(form):
    assert verify_many([(DIGEST, forms()[form], ADDRESS)]) == [False]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("s just above half", "high s"),
        ("s zero", "out of range"),
        ("r zero", "out of range"),
        ("r the order", "out of range"),
        ("r on no point", "no key can have made"),
        ("empty", "0 bytes: expected 64"),
        ("not compact", "65 bytes: expected 64"),
    ],
)
def test_says_why_a_form_is_refused(form, said):
    with pytest.raises(NotSecured, match=said):
        signer(DIGEST, forms()[form])


@pytest.mark.parametrize("v", [0, 1, 2, 26, 29, 30, 255])
def test_refuses_a_v_that_is_not_27_or_28(v):
    with pytest.raises(NotSecured, match=f"v {v}: expected 27 or 28"):
        compact(expanded(sign(KEY, DIGEST))[:64] + bytes([v]))


def test_refuses_to_compact_what_a_chain_refuses():
    whole = expanded(sign(KEY, DIGEST))
    high = (CURVE_ORDER - int.from_bytes(whole[32:64], "big")).to_bytes(32, "big")
    for r, s, said in (
        (whole[:32], high, "high"),
        (whole[:32], bytes(32), "zero"),
        (bytes(32), whole[32:64], "out of range"),
    ):
        for v in (27, 28):
            with pytest.raises(NotSecured, match=said):
                compact(r + s + bytes([v]))
    with pytest.raises(NotSecured, match="64 bytes: expected 65"):
        compact(whole[:64])
    with pytest.raises(NotSecured, match="65 bytes: expected 64"):
        expanded(whole)


def test_refuses_a_digest_of_another_length():
    for digest in (b"", bytes(31), bytes(33)):
        with pytest.raises(NotSecured, match=f"digest of {len(digest)} bytes: expected 32"):
            sign(KEY, digest)
        with pytest.raises(NotSecured, match=f"digest of {len(digest)} bytes: expected 32"):
            signer(digest, sign(KEY, DIGEST))


def test_one_bad_signature_does_not_spoil_a_batch():
    keys = [private_key(secrets.token_bytes(32)) for _ in range(4)]
    digests = [keccak(bytes([place])) for place in range(4)]
    batch = [
        (digest, sign(key, digest), address_of(key.public_key))
        for key, digest in zip(keys, digests, strict=True)
    ]
    batch[1] = (digests[1], bytes(64), batch[1][2])
    batch[2] = (digests[2], batch[3][1], batch[2][2])
    assert verify_many(batch) == [True, False, False, True]
    assert verify_many([]) == []
