"""All events of a deployment, in the order of the chain."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from web3 import Web3

from setm.chain.abi import (
    ROLES,
    WORD,
    Read,
    canonical_type,
    checksummed,
    decode_inputs,
    fixed_reader,
    topics,
)
from setm.chain.connection import request
from setm.files import storing

BLOCKS_PER_REQUEST = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One decoded log; ``contract`` is the role, ``args`` keep the names of the contract."""

    block: int
    timestamp: int
    tx_hash: str
    log_index: int
    contract: str
    event: str
    args: Mapping[str, Any]


FIELDS = tuple(item.name for item in fields(Event))


def read_events(
    web3: Web3,
    contracts: Mapping[str, str],
    from_block: int = 0,
    known_times: Mapping[int, int] | None = None,
) -> Iterator[Event]:
    """Yield every event of the given contracts (role to address) from ``from_block`` to the newest block.

    ``known_times`` are the timestamps of blocks by number, as far as they need not be asked for.
    """
    roles = {checksummed(address): role for role, address in contracts.items()}
    latest = web3.eth.block_number
    timestamps = dict(known_times or {})
    for start in range(from_block, latest + 1, BLOCKS_PER_REQUEST):
        end = min(start + BLOCKS_PER_REQUEST - 1, latest)
        wanted = {"fromBlock": hex(start), "toBlock": hex(end), "address": list(roles)}
        # Bare: web3.py takes longer to dress many logs than everything else takes together.
        for raw in request(web3, "eth_getLogs", wanted):
            log = _plain_log(raw)
            block = log["blockNumber"]
            if block not in timestamps:
                timestamps[block] = web3.eth.get_block(block)["timestamp"]
            yield decode_log(log, roles[log["address"]], timestamps[block])


def decode_log(log: Mapping[str, Any], role: str, timestamp: int) -> Event:
    """Return one log by the names of its contract's ABI."""
    form = _form(ROLES[role], bytes(log["topics"][0]))
    values = _values(form, bytes(log["data"]))
    for part, topic in zip(form.indexed, log["topics"][1:], strict=True):
        values[part["name"]] = _indexed(part, bytes(topic))
    return Event(
        block=log["blockNumber"],
        timestamp=timestamp,
        tx_hash="0x" + bytes(log["transactionHash"]).hex(),
        log_index=log["logIndex"],
        contract=role,
        event=form.name,
        args={name: values[name] for name in form.names},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """How an event is read; ``words`` have a reader for each field, None if one of them has no fixed length."""

    name: str
    names: tuple[str, ...]
    indexed: tuple[Mapping[str, Any], ...]
    plain: tuple[Mapping[str, Any], ...]
    words: tuple[tuple[str, int, Read], ...] | None


@cache
def _form(contract: str, topic: bytes) -> _Form:
    item = topics(contract)[topic]
    plain = tuple(part for part in item["inputs"] if not part["indexed"])
    fixed = [(part["name"], *found) for part in plain if (found := fixed_reader(part))]
    return _Form(
        name=item["name"],
        names=tuple(part["name"] for part in item["inputs"]),
        indexed=tuple(part for part in item["inputs"] if part["indexed"]),
        plain=plain,
        words=tuple(fixed) if len(fixed) == len(plain) else None,
    )


def _values(form: _Form, data: bytes) -> dict[str, Any]:
    if form.words is None or len(data) != WORD * sum(words for _, words, _ in form.words):
        return decode_inputs(form.plain, data)
    values, at = {}, 0
    for name, words, read in form.words:
        values[name] = read(data[at : at + WORD * words])
        at += WORD * words
    return values


def _plain_log(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "address": checksummed(raw["address"]),
        "topics": [bytes.fromhex(topic[2:]) for topic in raw["topics"]],
        "data": bytes.fromhex(raw["data"][2:]),
        "blockNumber": int(raw["blockNumber"], 16),
        "transactionHash": bytes.fromhex(raw["transactionHash"][2:]),
        "logIndex": int(raw["logIndex"], 16),
    }


def _indexed(part: Mapping[str, Any], topic: bytes) -> Any:
    found = fixed_reader(part)
    if found is not None and found[0] == 1:
        return found[1](topic)
    return decode_inputs([{**part, "type": canonical_type(part)}], topic)[part["name"]]


def write_events(events: Iterable[Event], path: Path) -> int:
    """Write one JSON line for each event; return how many."""
    count = 0
    with storing(path), path.open("w") as lines:
        for event in events:
            lines.write(json.dumps({name: getattr(event, name) for name in FIELDS}) + "\n")
            count += 1
    return count
