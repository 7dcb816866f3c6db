"""EIP-712 by two implementations: setm.messages against hashing written out by hand, and against stored vectors."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from eth_abi.abi import encode
from eth_account import Account
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from setm import messages
from setm.anonymous import messages as anonymous
from setm.anonymous.book import Outcome
from setm.anonymous.escrow import Agreement
from setm.errors import NotSecured, Reverted
from setm.messages import Domain, Message
from setm.slots import Slot
from setm.types import Kind, ParticipantId, Reading, Side, Terms
from setm.units import Price, Wh

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
# The order of secp256k1's group, SEC 2 section 2.4.1.
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

KEY = Account.from_key("0x" + "a1" * 32)
OTHER = Account.from_key("0x" + "b0" * 32)
HOME = Domain(chain_id=1337, contract="0x5FbDB2315678afecb367f032d93F642f64180aa3")


def all_messages(domain: Domain = HOME) -> dict[str, Message]:
    """One of each kind, every field different from every other."""
    return {
        "Credential": messages.credential(
            domain,
            account=KEY.address,
            kind=Kind.PROSUMER,
            device_class=7,
            zone=1001,
            commitment=bytes(range(32)),
            valid_until=1_900_000_000,
            serial=3,
        ),
        "Join": messages.join(
            domain,
            credential_hash=bytes(range(1, 33)),
            recovery=OTHER.address,
            deadline=1_800_000_600,
        ),
        "Rotate": messages.rotate(
            domain, participant_id=42, account=OTHER.address, deadline=1_800_000_601
        ),
        "Binding": messages.binding(
            domain,
            meter_id=bytes(range(2, 34)),
            participant_id=43,
            device_key=OTHER.address,
            capacity_wh=25_000,
            valid_until_slot=2**32 - 1,
        ),
        "Reading": messages.reading(
            domain,
            Reading(meter=5, slot=Slot(2_000_001), import_wh=Wh(1_234), export_wh=Wh(56)),
        ),
        "Commit": messages.commit(
            domain,
            slot=2_000_002,
            side=Side.ASK,
            bound=1_000_003,
            digest=bytes(range(23)) + bytes(9),
            nonce=8,
            deadline=1_800_000_602,
        ),
        "PlaceOrder": messages.place_order(
            domain,
            slot=2_000_003,
            side=Side.ASK,
            tick=160,
            energy_wh=1_201,
            nonce=9,
            deadline=1_800_000_603,
        ),
        "Agreement": messages.agreement(
            domain,
            buyer_id=2,
            seller_id=3,
            terms=Terms(
                first_slot=Slot(2_000_004), slot_count=96, energy_wh=Wh(801), price=Price(43_000)
            ),
            salt=2**200 + 1,
            deadline=1_800_000_604,
        ),
        **anonymous_messages(domain),
    }


def anonymous_messages(domain: Domain) -> dict[str, Message]:
    agreed = anonymous.agreement(
        domain,
        Agreement(
            slot=Slot(2_000_005),
            energy_wh=Wh(802),
            price=Price(43_001),
            buyer=KEY.address,
            seller=OTHER.address,
            arbiter_id=ParticipantId(4),
            salt=2**201 + 1,
            deadline=1_800_000_605,
        ),
    )
    return {
        "AnonymousAgreement": agreed,
        "Broadcast": anonymous.broadcast(
            domain, envelope=bytes(range(256)) + bytes(97), nonce=10, deadline=1_800_000_606
        ),
        "CashIn": anonymous.cash_in(
            domain, participant_id=5, amount=1_000_001, nonce=11, deadline=1_800_000_607
        ),
        "Claim": anonymous.claim(domain, agreement_id=bytes(range(32)), participant_id=6),
        "Decision": anonymous.decision(
            domain, agreement_id=bytes(range(1, 33)), outcome=Outcome.PAY_SELLER
        ),
    }


NAMES = sorted(all_messages())


# The second implementation, after EIP-712's own text; every field of SETM's messages has a static type or is bytes.


def hash_struct(type_string: str, values: tuple[object, ...]) -> bytes:
    inner = type_string.partition("(")[2].removesuffix(")")
    types = [field.split(" ")[0] for field in inner.split(",")]
    type_hash = keccak(text=type_string)
    return keccak(
        type_hash
        + b"".join(
            keccak(value) if kind == "bytes" else encode([kind], [value])
            for kind, value in zip(types, values, strict=True)
        )
    )


def domain_separator(name: str, version: str, chain_id: int, contract: str) -> bytes:
    type_string = (
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    )
    return keccak(
        keccak(text=type_string)
        + keccak(text=name)
        + keccak(text=version)
        + encode(["uint256"], [chain_id])
        + encode(["address"], [contract])
    )


def type_string_of(message: Message) -> str:
    fields = ",".join(f"{kind} {name}" for kind, name in message.fields)
    return f"{message.primary_type}({fields})"


def second_digest(message: Message) -> bytes:
    struct = hash_struct(type_string_of(message), tuple(message.values.values()))
    home = message.domain
    separator = domain_separator(message.domain_name, "1", home.chain_id, home.contract)
    return keccak(b"\x19\x01" + separator + struct)


# Made once with the second implementation; a change here breaks every signature in the field.
VECTORS = {
    "AnonymousAgreement": "d9d3e676e7475cabd5b93d95e5b34483a7fc3721028aff2fcaea17224355d9ae",
    "Broadcast": "d74a7a7791bfc51f5ccc4d73d8c19fd95f89da35ebb4e80b1327ab6e7e2f1b82",
    "CashIn": "3381a965575e35ddac78bacddd9b21ebaae8d77be859095e2845345c7f93c452",
    "Claim": "9ccb33a1f8d50c94120f81c189ab59238d81f4f761a97cef6e67309effc9d41b",
    "Decision": "fadcfb5068447329bfc53609331c2a7966c9795331efc642414502a679ed7789",
    "Agreement": "5c4da174fbef3b8570c03f4d4f8448afca5270bd89ea4fe9b832bc9715a524d9",
    "Binding": "8110aeef6541d1bd8cd4e31d181963e6453fd2d89fee303bf7250579201fc52c",
    "Commit": "088699dc7ec1ba76881a2fb02d3cc08ee762d8382a83356c5ad92f8e4a3abe65",
    "Credential": "f688ce496bb34e22bac383227458b621c5310175bb25c66c220e89006c668ede",
    "Join": "790b45abf0070cfaf0041aacdd7037e636f70505adec275f828beda092b3c4ef",
    "PlaceOrder": "efcacb1ac2c0c1783e75e54af5710a954c8fdbdb1b66b7daec071295c35e55a4",
    "Reading": "11f59c8a16a7169a03eca32e710820f26f5b2cae43f96214754ac69b27e09377",
    "Rotate": "4619a99c20e76a65e535ed1091514798fd61725002340ac7f6989e236e3688aa",
}


@pytest.mark.parametrize("name", NAMES)
def test_the_digest_equals_the_stored_vector(name):
    assert all_messages()[name].digest().hex() == VECTORS[name]


@pytest.mark.parametrize("name", NAMES)
def test_the_digest_equals_that_of_a_second_implementation(name):
    message = all_messages()[name]
    assert message.digest() == second_digest(message)
    values = tuple(message.values.values())
    assert message.struct_hash() == hash_struct(type_string_of(message), values)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    chain_id=st.integers(1, 2**64),
    contract=st.binary(min_size=20, max_size=20),
    values=st.tuples(*(st.integers(0, 2**32 - 1) for _ in range(4))),
)
def test_any_reading_has_the_same_digest_in_both_implementations(chain_id, contract, values):
    meter, slot, import_wh, export_wh = values
    measured = Reading(
        meter=meter, slot=Slot(slot), import_wh=Wh(import_wh), export_wh=Wh(export_wh)
    )
    domain = Domain(chain_id=chain_id, contract=to_checksum_address(contract))
    message = messages.reading(domain, measured)
    assert message.digest() == second_digest(message)


@pytest.mark.parametrize("name", NAMES)
def test_the_contract_hashes_the_same_type(name):
    source = "\n".join(path.read_text() for path in CONTRACTS.rglob("*.sol"))
    joined = re.sub(r'"\s*\n\s*"', "", source)
    assert f'"{type_string_of(all_messages()[name])}"' in joined


def test_the_domains_are_those_of_the_contracts():
    source = "\n".join(path.read_text() for path in CONTRACTS.rglob("*.sol"))
    for name in {message.domain_name for message in all_messages().values()}:
        assert f'"{name}"' in source


@pytest.mark.parametrize("name", NAMES)
def test_every_field_counts(name):
    message = all_messages()[name]
    for position, (kind, field) in enumerate(message.fields):
        value = message.values[field]
        if kind == "address":
            changed: object = HOME.contract
        elif kind in ("bytes32", "bytes"):
            changed = bytes(32)
        else:
            changed = int(value) - 1
        others = {**message.values, field: changed}
        altered = Message(
            domain_name=message.domain_name,
            domain=message.domain,
            primary_type=message.primary_type,
            fields=message.fields,
            values=others,
        )
        assert altered.digest() != message.digest(), f"field {position}: {field}"


@pytest.mark.parametrize("name", NAMES)
def test_a_message_counts_on_one_chain_and_in_one_contract_only(name):
    here = all_messages()[name].digest()
    elsewhere = Domain(chain_id=1338, contract=HOME.contract)
    another = Domain(chain_id=1337, contract=KEY.address)
    assert all_messages(elsewhere)[name].digest() != here
    assert all_messages(another)[name].digest() != here


@pytest.mark.parametrize("name", NAMES)
def test_the_signer_is_recovered(name):
    message = all_messages()[name]
    signature = message.sign(KEY)
    assert len(signature) == 65
    assert message.signer(signature) == KEY.address
    assert (
        all_messages(Domain(chain_id=1, contract=HOME.contract))[name].signer(signature)
        != KEY.address
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_compact_form_says_the_same_as_the_long_one(name):
    message = all_messages()[name]
    long, (r, vs) = message.sign(KEY), message.sign_compact(KEY)
    parity, s = int.from_bytes(vs, "big") >> 255, int.from_bytes(vs, "big") & (2**255 - 1)
    assert r == long[:32]
    assert s.to_bytes(32, "big") == long[32:64]
    assert parity + 27 == long[64]


def test_the_compact_form_is_that_of_the_standard():
    # The two examples of ERC-2098: message hash, key and result.
    vectors = (
        (
            "Hello World",
            "68a020a209d3d56c46f38cc50a33f704f4a9a10a59377f8dd762ac66910e9b90",
            "7e865ad05c4035ab5792787d4a0297a43617ae897930a6fe4d822b8faea52064",
        ),
        (
            "It's a small(er) world",
            "9328da16089fcba9bececa81663203989f2df5fe1faa6291a45381c81bd17f76",
            "939c6d6b623b42da56557e5e734a43dc83345ddfadec52cbe24d0cc64f550793",
        ),
    )
    from eth_account.messages import encode_defunct

    key = Account.from_key("0x" + "1234567890" * 6 + "1234")
    for text, r, vs in vectors:
        signed = key.sign_message(encode_defunct(text=text))
        assert signed.r.to_bytes(32, "big").hex() == r
        assert (((signed.v - 27) << 255) | signed.s).to_bytes(32, "big").hex() == vs


def with_high_s(signature: bytes) -> bytes:
    """The other signature that mathematics allows for the same message and key."""
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


@pytest.mark.parametrize("name", NAMES)
def test_signatures_are_made_with_low_s(name):
    assert int.from_bytes(all_messages()[name].sign(KEY)[32:64], "big") <= ORDER // 2


@pytest.mark.parametrize("name", NAMES)
def test_refuses_a_signature_with_high_s(name):
    message = all_messages()[name]
    with pytest.raises(NotSecured):
        message.signer(with_high_s(message.sign(KEY)))


@pytest.mark.parametrize("length", [0, 64, 66])
def test_refuses_a_signature_of_another_length(length):
    message = all_messages()["Reading"]
    with pytest.raises(NotSecured):
        message.signer((message.sign(KEY) + b"\x00")[:length])


def test_the_registry_refuses_a_credential_with_high_s():
    from setm.evm import Evm
    from setm.evm.machine import NOBODY

    evm = Evm()
    governance, authority, alice = (evm.account(name) for name in ("g", "a", "alice"))
    registry = evm.deploy(
        "ParticipantRegistry", governance, 900, 86_400, 172_800, [authority.address]
    )
    credential = messages.credential(
        Domain(chain_id=evm.chain_id, contract=registry.address),
        account=alice.address,
        kind=Kind.PROSUMER,
        device_class=0,
        zone=1,
        commitment=bytes(range(32)),
        valid_until=evm.now + 1000,
    )
    signature = credential.sign(authority)
    values = tuple(credential.values.values())

    def join(with_signature: bytes) -> object:
        args = (values, authority, with_signature, NOBODY, evm.now, b"")
        return registry.send("join", *args, sender=alice)

    with pytest.raises(Reverted) as refused:
        join(with_high_s(signature))
    assert (refused.value.name, refused.value.arguments) == (
        "SignatureMismatch",
        {"signer": authority.address},
    )
    join(signature)


def test_an_identity_cannot_be_guessed_without_its_salt():
    assert messages.identity_commitment("alice", bytes(32)) == keccak(bytes(32) + b"alice")
    assert messages.identity_commitment("alice", bytes(32)) != messages.identity_commitment(
        "alice", bytes(31) + b"\x01"
    )


def test_refuses_a_short_salt():
    with pytest.raises(ValueError, match="salt of 31 bytes: expected 32"):
        messages.identity_commitment("alice", bytes(31))
