"""Pytest plugin that lets Brownie follow transactions of contracts with immutables.

Brownie compares the deployed code with the compiled code and drops its source map when they differ. Immutables are
zeros in the compiled code and values in the deployed one, so every contract that has one loses traces and coverage.
Use: `brownie test -p tools.brownie_immutables`.
"""

import re
from typing import Any

import brownie.network.contract
from brownie import web3

PUSH32_OF_ZERO = re.compile("7f" + 64 * "0")

_verify_as_brownie_does = brownie.network.contract._verify_deployed_code


def verify_deployed_code(address: Any, expected: Any, language: Any) -> bool:
    """Return whether the code at ``address`` is the compiled one, whatever its immutables hold."""
    if _verify_as_brownie_does(address, expected, language):
        return True
    found: str = web3.eth.get_code(address).hex().removeprefix("0x")
    expected = expected.removeprefix("0x")
    for match in PUSH32_OF_ZERO.finditer(expected):
        found = found[: match.start()] + match.group() + found[match.end() :]
    return bool(found == expected)


setattr(brownie.network.contract, "_verify_deployed_code", verify_deployed_code)  # noqa: B010
