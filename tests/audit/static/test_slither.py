"""Slither: no finding of high or medium impact without a reason, and no reason without its finding."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.audit.figures import DEPTH, ROOT, record
from tests.audit.static.code import deployed
from tests.audit.static.slither import (
    SLITHER,
    Finding,
    all_findings,
    analysed,
    as_yaml,
    explained,
    source_of,
)

FAULTY = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

contract Faulty {
    mapping(address => uint256) public balances;

    function withdraw() external {
        (bool isDone, ) = msg.sender.call{value: balances[msg.sender]}("");
        require(isDone);
        balances[msg.sender] = 0;
    }

    function call(address target, bytes calldata data) external {
        (bool isDone, ) = target.delegatecall(data);
        require(isDone);
    }
}
"""

needs_slither = pytest.mark.skipif(
    DEPTH == 1, reason="Slither takes a minute: it belongs to make audit (SETM_DEPTH above 1)"
)


@pytest.fixture
def _slither() -> None:
    if not SLITHER.exists():
        pytest.fail("Slither is not installed: run tools/audit-tools")


@needs_slither
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("_slither")
def test_every_finding_is_explained_and_every_explanation_has_its_finding() -> None:
    found, reasons = all_findings(), explained()
    unexplained, stale = found - reasons.keys(), reasons.keys() - found
    record(
        "slither",
        "high and medium findings without a reason",
        len(unexplained),
        wanted="0",
        ok=not unexplained,
        contracts=len(deployed()),
        explained=len(found & reasons.keys()),
        stale=len(stale),
    )
    assert as_yaml(unexplained) == ""
    assert as_yaml(stale) == ""


@needs_slither
@pytest.mark.usefixtures("_slither")
def test_a_fault_is_found(tmp_path: Path) -> None:
    file = tmp_path / "Faulty.sol"
    file.write_text(FAULTY)
    found = {(finding.detector, finding.place.partition(":")[0]) for finding in analysed(file)}
    assert ("reentrancy-eth", "Faulty.withdraw()") in found
    assert ("controlled-delegatecall", "Faulty.call(address,bytes)") in found


def test_every_explanation_says_why_and_names_a_function_that_exists() -> None:
    sources = {path.stem: path.read_text() for path in (ROOT / "contracts").rglob("*.sol")}
    for finding, reason in explained().items():
        assert len(reason) > 40, finding
        # A function of assembly is named behind the one that it stands in.
        contract, function = re.match(r"(\w+)\.(\w+)[.(]", finding.place).groups()  # type: ignore[union-attr]
        assert re.search(rf"function {function}\(", sources[contract]), finding
    assert len(explained()) == len(set(explained()))


def test_every_deployed_contract_is_analysed_and_none_silences_the_analysis() -> None:
    assert {source_of(name).stem for name in deployed()} == set(deployed())
    for path in (ROOT / "contracts").rglob("*.sol"):
        assert "slither-disable" not in path.read_text(), path


def test_a_finding_is_printed_as_an_entry_to_be_explained() -> None:
    text = as_yaml([Finding("weak-prng", "A.b(): x % 4"), Finding("weak-prng", "A.a()")])
    assert text.splitlines() == [
        "- detector: weak-prng",
        "  reason: ''",
        "  places:",
        "  - A.a()",
        "  - 'A.b(): x % 4'",
    ]
