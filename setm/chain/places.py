"""Where in the chain a transaction stands, and whether the answers that say so are of each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from setm.chain.journal import Entry, Mined


def mined_at(
    tx_hash: str, receipt: Mapping[str, Any], block: Mapping[str, Any], refusal: str = ""
) -> Mined:
    """Return the place that a receipt and its block give; ``refusal`` is the revert data, as hex."""
    return Mined(
        tx_hash=tx_hash,
        block=int(block["number"], 16),
        block_hash=str(block["hash"]),
        timestamp=int(block["timestamp"], 16),
        ok=int(receipt["status"], 16) == 1,
        gas_used=int(receipt["gasUsed"], 16),
        receipt={name: value for name, value in receipt.items() if name != "logsBloom"},
        refusal=refusal,
    )


def agree(entry: Entry, receipt: Mapping[str, Any], block: Mapping[str, Any]) -> bool:
    """Whether receipt and block are of each other and of this line; one that is not is a wrong or late answer."""
    tx_hash = str(receipt["transactionHash"]).lower()
    same_place = receipt["blockHash"] == block["hash"] and all(
        log["transactionHash"] == receipt["transactionHash"] for log in receipt["logs"]
    )
    return (
        same_place
        and tx_hash in {str(item).lower() for item in block["transactions"]}
        and str(receipt["from"]).lower() == entry.sender.lower()
        and str(receipt["to"]).lower() == entry.intent.target.lower()
        and receipt["status"] in ("0x0", "0x1")
    )


def outcome(mined: Mined) -> tuple[bool, list[tuple[str, str, tuple[str, ...]]]]:
    """Return what came of a transaction wherever it stands: whether it succeeded, and its logs."""
    logs = mined.receipt["logs"]
    return mined.ok, [(log["address"], log["data"], tuple(log["topics"])) for log in logs]
