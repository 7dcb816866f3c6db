"""Attack 5 on real chains: two Anvils with the same contract at the same address, and another chain id."""

from __future__ import annotations

import itertools
import json
import urllib.request
from datetime import UTC, datetime

import pytest
from eth_account import Account
from eth_utils.crypto import keccak

from setm import messages
from setm.chain.node import local_node
from setm.evm import abi
from setm.evm.compiler import artifact
from setm.evm.machine import NOBODY
from setm.types import Kind

START_AT = datetime(2030, 1, 1, tzinfo=UTC)
LATER = int(START_AT.timestamp()) + 365 * 86_400
FORGED = "0x" + keccak(text="SignatureMismatch(address)")[:4].hex()

counter = itertools.count(1)


def key(name):
    return Account.from_key(keccak(text=f"two chains {name}"))


def rpc(node, method, *params):
    """Return a node's whole answer, refusals included."""
    body = {"jsonrpc": "2.0", "id": next(counter), "method": method, "params": params}
    request = urllib.request.Request(
        node.url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def number_of(node):
    return int(rpc(node, "eth_chainId")["result"], 16)


def signed(node, nonce, data):
    """Return the deployer's next transaction, signed for the chain as it calls itself now."""
    deployer = key("deployer")
    transaction = {"data": data, "value": 0, "nonce": nonce, "gas": 8_000_000}
    raw = deployer.sign_transaction(
        {**transaction, "gasPrice": 10**10, "chainId": number_of(node)}
    ).raw_transaction
    return "0x" + raw.hex().removeprefix("0x")


def deployed(node):
    """Deploy the registry from the same key with the same nonce; return its address."""
    compiled = artifact("ParticipantRegistry")
    rpc(node, "anvil_setBalance", key("deployer").address, hex(10**20))
    built = next(entry for entry in compiled["abi"] if entry["type"] == "constructor")
    values = (key("governance").address, 900, 86_400, 172_800, [key("authority").address])
    code = bytes.fromhex(compiled["bytecode"]) + abi.encode(built["inputs"], values)
    rpc(node, "evm_setAutomine", False)
    sent = rpc(node, "eth_sendRawTransaction", signed(node, 0, code))["result"]
    # In a block by the time that this returns, however busy the machine is.
    rpc(node, "evm_mine")
    rpc(node, "evm_setAutomine", True)
    receipt = rpc(node, "eth_getTransactionReceipt", sent)["result"]
    assert receipt["status"] == "0x1"
    return receipt["contractAddress"]


@pytest.fixture(scope="module")
def chains(tmp_path_factory):
    """Two chains alike in time and contract; the second has the number after the first's."""
    folder = tmp_path_factory.mktemp("two chains")
    with (
        local_node("anvil", start_at=START_AT, log=folder / "first.log") as first,
        local_node("anvil", start_at=START_AT, log=folder / "second.log") as second,
    ):
        nodes = (first, second)
        rpc(second, "anvil_setChainId", number_of(first) + 1)
        assert number_of(second) == number_of(first) + 1
        address = deployed(first)
        assert deployed(second) == address
        yield nodes, address


def joining(address, chain_id):
    """Return the calldata with which alice joins, signed by the authority and by alice for one chain."""
    domain = messages.Domain(chain_id=chain_id, contract=address)
    alice, authority = key("alice"), key("authority")
    credential = messages.credential(
        domain,
        account=alice.address,
        kind=Kind.PROSUMER,
        device_class=0,
        zone=1,
        commitment=keccak(text="alice"),
        valid_until=LATER,
    )
    consent = messages.join(
        domain, credential_hash=credential.struct_hash(), recovery=NOBODY, deadline=LATER
    )
    values = tuple(credential.values.values())
    proofs = (credential.sign(authority), NOBODY, LATER, consent.sign(alice))
    entry = next(e for e in artifact("ParticipantRegistry")["abi"] if e.get("name") == "join")
    return abi.selector_of(entry) + abi.encode(
        entry["inputs"], (values, authority.address, *proofs)
    )


def answer(node, address, data):
    """Return the number of the participant that a stranger's call would let in, or the selector of its refusal."""
    call = {"from": key("mallory").address, "to": address, "data": "0x" + data.hex()}
    found = rpc(node, "eth_call", call, "latest")
    return int(found["result"], 16) if "result" in found else found["error"]["data"][:10]


def test_a_message_of_one_chain_counts_on_no_other(chains):
    nodes, address = chains
    numbers = [number_of(node) for node in nodes]
    for place, node in enumerate(nodes):
        assert answer(node, address, joining(address, numbers[place])) == 1
        assert answer(node, address, joining(address, numbers[1 - place])) == FORGED


def test_a_chain_that_changes_its_number_takes_none_of_its_old_messages(chains):
    """A fork: the contract was deployed under the old number, and builds its domain anew."""
    (_, node), address = chains
    number = number_of(node)
    rpc(node, "anvil_setChainId", number + 7)
    try:
        assert answer(node, address, joining(address, number)) == FORGED
        assert answer(node, address, joining(address, number + 7)) == 1
    finally:
        rpc(node, "anvil_setChainId", number)
