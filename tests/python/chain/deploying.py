"""Puts a compiled contract on a chain without Brownie."""

from __future__ import annotations

from typing import Any

from eth_account.signers.local import LocalAccount
from web3 import Web3

from setm.chain.abi import artifact


def deploy(web3: Web3, account: LocalAccount, contract: str, *args: Any) -> str:
    """Return the address of a newly deployed contract."""
    compiled = artifact(contract)
    built = web3.eth.contract(abi=compiled["abi"], bytecode=compiled["bytecode"])
    transaction = built.constructor(*args).build_transaction(
        {
            "from": account.address,
            "nonce": web3.eth.get_transaction_count(account.address),
            "gas": 8_000_000,
        }
    )
    signed = account.sign_transaction(transaction)
    sent = web3.eth.send_raw_transaction(signed.raw_transaction)
    receipt = web3.eth.wait_for_transaction_receipt(sent, timeout=30)
    assert receipt["status"] == 1, f"{contract} was not deployed"
    return str(receipt["contractAddress"])
