"""All events of a deployment, in the order of the chain."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eth_utils.address import to_checksum_address
from web3 import Web3

from setm.chain.abi import ROLES, canonical_type, decode_inputs, topics
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


def read_events(
    web3: Web3,
    contracts: Mapping[str, str],
    from_block: int = 0,
    known_times: Mapping[int, int] | None = None,
) -> Iterator[Event]:
    """Yield every event of the given contracts (role to address) from ``from_block`` to the newest block.

    ``known_times`` are the timestamps of blocks by number, as far as they need not be asked for.
    """
    roles = {to_checksum_address(address): role for role, address in contracts.items()}
    latest = web3.eth.block_number
    timestamps = dict(known_times or {})
    for start in range(from_block, latest + 1, BLOCKS_PER_REQUEST):
        end = min(start + BLOCKS_PER_REQUEST - 1, latest)
        logs = web3.eth.get_logs({"fromBlock": start, "toBlock": end, "address": list(roles)})
        for log in logs:
            block = log["blockNumber"]
            if block not in timestamps:
                timestamps[block] = web3.eth.get_block(block)["timestamp"]
            yield decode_log(log, roles[log["address"]], timestamps[block])


def decode_log(log: Mapping[str, Any], role: str, timestamp: int) -> Event:
    """Return one log by the names of its contract's ABI."""
    item = topics(ROLES[role])[bytes(log["topics"][0])]
    indexed = [part for part in item["inputs"] if part["indexed"]]
    plain = [part for part in item["inputs"] if not part["indexed"]]
    values = decode_inputs(plain, bytes(log["data"]))
    for part, topic in zip(indexed, log["topics"][1:], strict=True):
        values[part["name"]] = _indexed(part, bytes(topic))
    return Event(
        block=log["blockNumber"],
        timestamp=timestamp,
        tx_hash="0x" + bytes(log["transactionHash"]).hex(),
        log_index=log["logIndex"],
        contract=role,
        event=item["name"],
        args={part["name"]: values[part["name"]] for part in item["inputs"]},
    )


def _indexed(part: Mapping[str, Any], topic: bytes) -> Any:
    return decode_inputs([{**part, "type": canonical_type(part)}], topic)[part["name"]]


def write_events(events: Iterable[Event], path: Path) -> int:
    """Write one JSON line for each event; return how many."""
    count = 0
    with storing(path), path.open("w") as lines:
        for event in events:
            lines.write(json.dumps(asdict(event)) + "\n")
            count += 1
    return count
