"""Events come back as they were sent: by name, in the order of the chain, and again from their file."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from eth_abi.abi import encode
from eth_utils.abi import event_abi_to_log_topic

from setm.chain.abi import ROLES, abi, canonical_type
from setm.chain.contracts import Token
from setm.chain.events import Event, decode_log, read_events, write_events
from setm.chain.sender import Sender
from setm.simulation.keys import local_account
from tests.python.chain.deploying import deploy

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"


def sample(part, seed):
    """A value of an ABI type as it is sent, and as it is read."""
    kind = part["type"]
    if kind.endswith("]"):
        inner = {**part, "type": kind[: kind.rindex("[")]}
        pairs = [sample(inner, seed + offset) for offset in range(2)]
        return [sent for sent, _ in pairs], [read for _, read in pairs]
    if kind == "tuple":
        pairs = [sample(inner, seed + offset) for offset, inner in enumerate(part["components"])]
        names = [inner["name"] for inner in part["components"]]
        read = dict(zip(names, (read for _, read in pairs), strict=True))
        return tuple(sent for sent, _ in pairs), read
    if kind == "address":
        address = "0x" + f"{seed + 1:02x}" * 20
        return address, address
    if kind == "string":
        return f"text {seed}", f"text {seed}"
    if kind == "bytes":
        value = bytes(range(40 + seed))
        return value, "0x" + value.hex()
    if kind.startswith("bytes"):
        value = bytes([seed + 1]) * int(kind.removeprefix("bytes"))
        return value, "0x" + value.hex()
    if kind == "bool":
        return True, True
    return seed + 1, seed + 1


def log_of(item, values):
    indexed = [
        (part, value) for part, value in zip(item["inputs"], values, strict=True) if part["indexed"]
    ]
    plain = [
        (part, value)
        for part, value in zip(item["inputs"], values, strict=True)
        if not part["indexed"]
    ]
    topics = [event_abi_to_log_topic(item)]
    topics += [encode([canonical_type(part)], [value]) for part, value in indexed]
    return {
        "topics": topics,
        "data": encode([canonical_type(part) for part, _ in plain], [value for _, value in plain]),
        "blockNumber": 7,
        "transactionHash": bytes(range(32)),
        "logIndex": 3,
    }


EVENTS = [
    pytest.param(role, item, id=f"{contract}.{item['name']}")
    for role, contract in ROLES.items()
    for item in abi(contract)
    if item["type"] == "event"
]


@pytest.mark.parametrize(("role", "item"), EVENTS)
def test_every_event_survives_the_way_through_a_log(role, item):
    if any(part["indexed"] and part["type"] in ("string", "bytes") for part in item["inputs"]):
        pytest.skip("only a hash of it is logged")
    pairs = [sample(part, number) for number, part in enumerate(item["inputs"])]
    log = log_of(item, [sent for sent, _ in pairs])
    event = decode_log(log, role, 1_800_000_000)
    assert (event.block, event.timestamp, event.log_index) == (7, 1_800_000_000, 3)
    assert event.tx_hash == "0x" + bytes(range(32)).hex()
    assert (event.contract, event.event) == (role, item["name"])
    names = [part["name"] for part in item["inputs"]]
    assert list(event.args) == names
    assert lowered(event.args) == lowered(
        dict(zip(names, (read for _, read in pairs), strict=True))
    )


def lowered(value):
    """The same value without the capital letters of address checksums."""
    if isinstance(value, dict):
        return {name: lowered(part) for name, part in value.items()}
    if isinstance(value, list):
        return [lowered(part) for part in value]
    return value.lower() if isinstance(value, str) else value


def test_events_of_a_chain_come_in_its_order_and_survive_their_file(web3, tmp_path):
    sender = Sender(web3, local_account(5), "carol")
    token = Token(web3, deploy(web3, local_account(5), "TestEuro"))
    for amount in (5, 6, 7):
        token.mint(sender, amount)
    token.approve(sender, ADDRESS, 9)

    found = list(read_events(web3, {"token": token.address}))
    assert [event.event for event in found] == ["Transfer", "Transfer", "Transfer", "Approval"]
    assert [event.args["value"] for event in found] == [5, 6, 7, 9]
    assert found[0].args["to"].lower() == sender.address.lower()
    assert sorted(found, key=lambda event: (event.block, event.log_index)) == found
    assert [event.timestamp for event in found] == sorted(event.timestamp for event in found)

    path = tmp_path / "events.jsonl"
    assert write_events(found, path) == len(found)
    read = [Event(**json.loads(line)) for line in path.read_text().splitlines()]
    assert [asdict(event) for event in read] == [asdict(event) for event in found]


def test_events_are_read_from_a_block_on(web3):
    sender = Sender(web3, local_account(6), "dave")
    token = Token(web3, deploy(web3, local_account(6), "TestEuro"))
    token.mint(sender, 1)
    block = token.mint(sender, 2)["blockNumber"]
    found = list(read_events(web3, {"token": token.address}, from_block=block))
    assert [event.args["value"] for event in found] == [2]


def test_a_long_chain_is_read_in_pieces(web3, monkeypatch):
    from setm.chain import events as chain_events

    monkeypatch.setattr(chain_events, "BLOCKS_PER_REQUEST", 2)
    sender = Sender(web3, local_account(8), "erin")
    token = Token(web3, deploy(web3, local_account(8), "TestEuro"))
    for amount in range(1, 6):
        token.mint(sender, amount)
    found = list(read_events(web3, {"token": token.address}))
    assert [event.args["value"] for event in found] == [1, 2, 3, 4, 5]
