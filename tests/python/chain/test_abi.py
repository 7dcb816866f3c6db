"""Revert data in words: custom errors, panics, reasons, and what nobody knows."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from setm.chain import abi as chain_abi
from setm.chain.abi import ROLES, abi, artifact, canonical_type, decode_error, named
from setm.errors import SetupError


def revert_data(signature: str, *values: object) -> bytes:
    inner = signature.partition("(")[2].removesuffix(")")
    types = inner.split(",") if inner else []
    return keccak(text=signature)[:4] + encode(types, values)


def test_the_arguments_of_an_error_have_the_same_names_in_every_contract():
    """Otherwise they came by the names of whichever contract is known first."""
    found: dict[str, tuple[str, ...]] = {}
    for contract in ROLES.values():
        for item in (item for item in abi(contract) if item["type"] == "error"):
            names = tuple(argument["name"] for argument in item["inputs"])
            assert found.setdefault(item["name"], names) == names, (contract, item["name"])


def test_a_custom_error_comes_with_its_arguments_by_name():
    found = decode_error(revert_data("FreeBalanceTooLow(uint32,uint256,uint256)", 7, 100, 99))
    assert found.name == "FreeBalanceTooLow"
    assert found.arguments == {"participantId": 7, "needed": 100, "available": 99}


def test_a_custom_error_without_arguments_has_none():
    found = decode_error(revert_data("ZeroAmount()"))
    assert (found.name, found.arguments) == ("ZeroAmount", {})


def test_bytes_and_addresses_become_hex():
    found = decode_error(revert_data("AgreementUsed(bytes32)", bytes(range(32))))
    assert found.arguments == {"digest": "0x" + bytes(range(32)).hex()}
    found = decode_error(revert_data("NotSecured(address)", "0x" + "ab" * 20))
    assert str(found.arguments["key"]).lower() == "0x" + "ab" * 20


def test_an_error_of_a_library_is_known_as_well():
    found = decode_error(revert_data("SafeERC20FailedOperation(address)", "0x" + "01" * 20))
    assert found.name == "SafeERC20FailedOperation"


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (0x01, "assertion"),
        (0x11, "overflow"),
        (0x12, "division by zero"),
        (0x32, "index"),
        (0x41, "0x41"),
    ],
)
def test_a_panic_says_what_happened(code, meaning):
    found = decode_error(revert_data("Panic(uint256)", code))
    assert (found.name, found.arguments) == ("Panic", {"code": meaning})


def test_a_reason_is_kept():
    found = decode_error(revert_data("Error(string)", "no more"))
    assert (found.name, found.arguments) == ("Error", {"message": "no more"})


def test_empty_data_is_a_plain_revert():
    assert decode_error(b"").name == "Reverted"


def test_unknown_data_is_shown_as_it_is():
    found = decode_error(bytes.fromhex("deadbeef01"))
    assert (found.name, found.arguments) == ("UnknownError", {"data": "0xdeadbeef01"})


def test_every_error_of_every_contract_decodes():
    zeros = {"string": "", "address": "0x" + "00" * 20, "bytes32": bytes(32), "bool": False}
    # Two contracts may name the arguments of the same error differently; revert data does not say which it was.
    spellings: dict[str, list[list[str]]] = {}
    for contract in ROLES.values():
        for item in (entry for entry in abi(contract) if entry["type"] == "error"):
            types = ",".join(canonical_type(part) for part in item["inputs"])
            names = [part["name"] for part in item["inputs"]]
            spellings.setdefault(f"{item['name']}({types})", []).append(names)
    for signature, allowed in spellings.items():
        kinds = [kind for kind in signature.partition("(")[2].removesuffix(")").split(",") if kind]
        found = decode_error(revert_data(signature, *(zeros.get(kind, 0) for kind in kinds)))
        assert found.name == signature.partition("(")[0]
        assert list(found.arguments) in allowed


def test_tuples_are_written_out_and_read_by_name():
    item = {
        "name": "bills",
        "type": "tuple[]",
        "components": [{"name": "slot", "type": "uint32"}, {"name": "key", "type": "bytes2"}],
    }
    assert canonical_type(item) == "(uint32,bytes2)[]"
    assert named(item, [(5, b"\x01\x02")]) == [{"slot": 5, "key": "0x0102"}]


def test_a_contract_that_was_never_compiled_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(chain_abi, "BUILD", tmp_path)
    with pytest.raises(SetupError, match="NoSuchContract is not compiled: run `make setup`"):
        artifact("NoSuchContract")
