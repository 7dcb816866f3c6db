"""What a chain holds, read from the chain itself, and how two chains of the same day differ.

The program that was attacked is not asked: neither its journal nor its report counts here.
"""

from __future__ import annotations

import http.client
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from web3 import HTTPProvider, Web3

from setm.chain.abi import ROLES, abi
from setm.chain.deployment import attach
from setm.simulation.keys import GOVERNANCE_INDEX, OPERATOR_INDEX, local_account

Snapshot = dict[str, Any]
# Governance deploys; the grid operator joins then, with a salt that is drawn anew each time.
DEPLOYERS = tuple(
    str(local_account(index).address).lower() for index in (GOVERNANCE_INDEX, OPERATOR_INDEX)
)
BACKWARDS = "time runs backwards"
# Arguments that follow the chain's clock, and signatures over them.
CLOCK_WORDS = ("deadline", "expiresat", "validuntil", "signature")


def snapshot(url: str, deployment_file: Path, people: int) -> Snapshot:
    """Return every transaction, every log and every balance of the chain at ``url``."""
    web3 = Web3(HTTPProvider(url, request_kwargs={"timeout": 30}))
    height = web3.eth.block_number
    numbers = range(1, height + 1)
    blocks = _many(url, [("eth_getBlockByNumber", [hex(number), True]) for number in numbers])
    hashes = [item["hash"] for block in blocks for item in block["transactions"]]
    receipts = _many(url, [("eth_getTransactionReceipt", [tx_hash]) for tx_hash in hashes])
    by_hash = {receipt["transactionHash"]: receipt for receipt in receipts}
    transactions = [
        _transaction(item, int(block["timestamp"], 16), by_hash[item["hash"]])
        for block in blocks
        for item in block["transactions"]
    ]
    senders = sorted({item["from"] for item in transactions})
    counts = _many(url, [("eth_getTransactionCount", [sender, "latest"]) for sender in senders])
    return {
        "times": [int(block["timestamp"], 16) for block in blocks],
        "parents": [[block["hash"], block["parentHash"]] for block in blocks],
        "transactions": transactions,
        "counts": dict(zip(senders, [int(count, 16) for count in counts], strict=True)),
        "balances": _balances(web3, deployment_file, people),
        "contracts": json.loads(deployment_file.read_text())["contracts"],
    }


def _transaction(item: Mapping[str, Any], time: int, receipt: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "hash": item["hash"],
        "from": item["from"].lower(),
        "to": (item["to"] or "").lower(),
        "nonce": int(item["nonce"], 16),
        "value": int(item["value"], 16),
        "input": item["input"],
        "time": time,
        "ok": receipt["status"] == "0x1",
        "logs": [[log["address"].lower(), log["topics"], log["data"]] for log in receipt["logs"]],
    }


def _balances(web3: Web3, deployment_file: Path, people: int) -> dict[str, int]:
    """Return every balance in the clearinghouse, and what it holds in tokens; 1e-6 EUR."""
    contracts = attach(web3, deployment_file)
    house = contracts.clearinghouse
    venues = (contracts.settlement, contracts.auction, contracts.negotiation)
    ids = range(1, people + 2)
    found = {f"free {number}": house.free_of(number) for number in ids}
    for venue in venues:
        found[f"pool {venue.role}"] = house.pool_of(venue.address)
        for number in ids:
            found[f"{venue.role} {number}"] = house.collateral_of(venue.address, number)
    return {**found, "held": int(contracts.token.ask("balanceOf", house.address))}


def _many(url: str, questions: Sequence[tuple[str, list[Any]]]) -> list[Any]:
    parts = urlsplit(url)
    found: list[Any] = []
    for start in range(0, len(questions), 200):
        batch = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(questions[start : start + 200])
        ]
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        connection.request("POST", "/", json.dumps(batch), {"Content-Type": "application/json"})
        answers = json.loads(connection.getresponse().read())
        connection.close()
        by_id = {answer["id"]: answer["result"] for answer in answers}
        found.extend(by_id[number] for number in range(len(batch)))
    return found


def problems(truth: Snapshot, found: Snapshot) -> list[str]:
    """Return what is wrong with a disturbed day's chain, in words; empty if it is as good as the undisturbed one."""
    wrong = _broken_chain(found) + _nonces(found)
    same = (_acts(truth), _acts(found))
    wrong += [f"{number} times missing: {act}" for act, number in (same[0] - same[1]).items()]
    wrong += [f"{number} times too many: {act}" for act, number in (same[1] - same[0]).items()]
    logs = (_facts(truth), _facts(found))
    wrong += [
        f"event missing {number} times: {fact}" for fact, number in (logs[0] - logs[1]).items()
    ]
    wrong += [
        f"event too many {number} times: {fact}" for fact, number in (logs[1] - logs[0]).items()
    ]
    if truth["balances"] != found["balances"]:
        wrong.append(f"balances {found['balances']} instead of {truth['balances']}")
    if (
        sum(value for name, value in found["balances"].items() if name != "held")
        != (found["balances"]["held"])
    ):
        wrong.append(f"the books do not balance: {found['balances']}")
    return wrong


def differs_in_time(truth: Snapshot, found: Snapshot) -> bool:
    """Whether a transaction was sent at another time or with other bytes than on the undisturbed day."""
    return _exactly(truth) != _exactly(found)


def _exactly(chain: Snapshot) -> list[tuple[Any, ...]]:
    return sorted(
        (item["from"], item["nonce"], item["to"], item["input"], item["time"], item["ok"])
        for item in chain["transactions"]
        if item["from"] not in DEPLOYERS
    )


def _broken_chain(chain: Snapshot) -> list[str]:
    hashes, parents = zip(*chain["parents"], strict=True)
    wrong = [] if list(parents[1:]) == list(hashes[:-1]) else ["a block does not follow its parent"]
    return wrong + ([] if chain["times"] == sorted(chain["times"]) else [BACKWARDS])


def _nonces(chain: Snapshot) -> list[str]:
    """Each key's nonces are 0 to n-1, once each, in the order of the chain."""
    used: dict[str, list[int]] = {}
    for item in chain["transactions"]:
        used.setdefault(item["from"], []).append(item["nonce"])
    return [
        f"nonces of {sender}: {nonces}, and the chain counts {chain['counts'].get(sender)}"
        for sender, nonces in used.items()
        if nonces != list(range(len(nonces))) or chain["counts"].get(sender) != len(nonces)
    ]


def _acts(chain: Snapshot) -> Counter[str]:
    """Who did what, with everything but what follows the clock."""
    return Counter(_act(chain, item) for item in chain["transactions"] if item["ok"])


def refused(chain: Snapshot) -> list[str]:
    """Return what was attempted and refused: it changed nothing but its key's nonce."""
    return [_act(chain, item) for item in chain["transactions"] if not item["ok"]]


def _act(chain: Snapshot, item: Mapping[str, Any]) -> str:
    roles = {address.lower(): role for role, address in chain["contracts"].items()}
    role = roles.get(item["to"])
    call = _call(role, item["input"])
    return f"{item['from']} {role or item['to']} {item['value']} {call}"


def _call(role: str | None, data: str) -> str:
    if role not in ROLES or len(data) < 10:
        return data
    contract = Web3().eth.contract(abi=abi(ROLES[role]))
    function, arguments = contract.decode_function_input(data)
    return f"{function.fn_name} {timeless(arguments)}"


def _facts(chain: Snapshot) -> Counter[str]:
    """What was emitted, with everything but what follows the clock."""
    contracts = {
        address.lower(): Web3().eth.contract(abi=abi(ROLES[role]))
        for role, address in chain["contracts"].items()
        if role in ROLES
    }
    return Counter(
        _fact(contracts.get(address), address, topics, data)
        for item in chain["transactions"]
        for address, topics, data in item["logs"]
    )


def _fact(contract: Any, address: str, topics: Sequence[str], data: str) -> str:
    if contract is not None:
        for event in contract.events:
            if topics and "0x" + event().topic.removeprefix("0x") == topics[0]:
                log = {
                    "address": Web3.to_checksum_address(address),
                    "topics": [bytes.fromhex(topic[2:]) for topic in topics],
                    "data": bytes.fromhex(data[2:]),
                    **dict.fromkeys(
                        (
                            "logIndex",
                            "transactionIndex",
                            "blockNumber",
                            "transactionHash",
                            "blockHash",
                        ),
                        0,
                    ),
                }
                return f"{event.event_name} {timeless(event().process_log(log)['args'])}"
    return f"{address} {topics} {data}"


def timeless(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments without what follows the chain's clock, or is drawn anew by each deployment."""
    kept = {
        name: timeless(value) if isinstance(value, Mapping) else value
        for name, value in sorted(arguments.items())
        if not any(word in name.lower() for word in CLOCK_WORDS)
    }
    if str(kept.get("account")).lower() in DEPLOYERS:
        kept.pop("identityCommitment", None)
    return kept
