"""Contracts with one thing wrong, built from our sources with one place changed, to see the machine find it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import solcx
import yaml

from setm.evm import Evm, artifact
from setm.evm.compiler import CACHE, ROOT
from tests.audit.machine.driver import START_AT


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """In ``file``, ``right`` is replaced by ``wrong``; ``contract`` is what is built of it."""

    breaks: str
    says: str
    contract: str
    file: str
    right: str
    wrong: str

    def __str__(self) -> str:
        return f"{self.breaks}: {self.says}"


FAULTS = (
    Fault(
        breaks="I1",
        says="a deposit is credited less one unit",
        contract="Clearinghouse",
        file="contracts/clearing/Clearinghouse.sol",
        right="_add(participantId, 0, amount);\n\n        emit Deposited",
        wrong="_add(participantId, 0, amount - 1);\n\n        emit Deposited",
    ),
    Fault(
        breaks="I9",
        says="a slot can be settled again",
        contract="Settlement",
        file="contracts/settlement/Settlement.sol",
        right="if (isSettled(slot, participantId)) continue;",
        wrong="",
    ),
    Fault(
        breaks="I3",
        says="whoever stands at the margin fills whole",
        contract="Auction",
        file="contracts/libraries/OrderLib.sol",
        right="return ((aheadWh + energyWh) * filledWh) / marginWh - (aheadWh * filledWh) / marginWh;",
        wrong="return aheadWh == aheadWh + filledWh + marginWh ? 0 : energyWh;",
    ),
    Fault(
        breaks="answers",
        says="an order may be opened in any phase",
        contract="Auction",
        file="contracts/market/Auction.sol",
        right="_requirePhase(slot, Phase.Revealing);",
        wrong="",
    ),
    Fault(
        breaks="I14",
        says="a commitment of a void slot is never freed",
        contract="Auction",
        file="contracts/market/AuctionOutcome.sol",
        right="word.isCommitted() && !_results[slot].isCleared",
        wrong="word.isCommitted() && _results[slot].isCleared && bound == 0",
    ),
    Fault(
        breaks="I2",
        says="what a slot pays out is not taken from its pool",
        contract="Auction",
        file="contracts/market/Venue.sol",
        right="_slotPools[slot] = pool - amount;",
        wrong="_slotPools[slot] = pool;",
    ),
    Fault(
        breaks="I4",
        says="the worse half of the orders fills",
        contract="Auction",
        file="contracts/libraries/OrderLib.sol",
        right="isAsk(word) ? tick < marginTick : tick > marginTick",
        wrong="isAsk(word) ? tick > marginTick : tick < marginTick",
    ),
    Fault(
        breaks="I5",
        says="sellers get a little more than buyers pay",
        contract="UniformPriceRule",
        file="contracts/pricing/MeritOrderRule.sol",
        right="= (uint32(price), uint32(price));",
        wrong="= (uint32(price), uint32(price + 1));",
    ),
    Fault(
        breaks="I6",
        says="anybody releases anybody's margin",
        contract="Negotiation",
        file="contracts/market/Venue.sol",
        right="require(!registry.isActive(participantId), StillActive(participantId));",
        wrong="",
    ),
    Fault(
        breaks="I7",
        says="a cleared slot becomes void in the end",
        contract="Auction",
        file="contracts/market/AuctionBook.sol",
        right="if (_results[slot].isCleared) return Phase.Cleared;",
        wrong="if (_results[slot].isCleared && gateClock < startAt + _gateLead) return Phase.Cleared;",
    ),
    Fault(
        breaks="I8",
        says="an order that was opened forfeits its bond all the same",
        contract="Auction",
        file="contracts/market/AuctionOutcome.sol",
        right="require(word.isCommitted(), NothingForfeited(slot, participantId));",
        wrong="",
    ),
    Fault(
        breaks="I10",
        says="each bill is one unit too dear",
        contract="Settlement",
        file="contracts/settlement/Settlement.sol",
        right="bill.charge = MoneyLib",
        wrong="bill.charge = 1 + MoneyLib",
    ),
    Fault(
        breaks="I11",
        says="a buyer pays all that its order bound",
        contract="Auction",
        file="contracts/market/AuctionOutcome.sol",
        right="payment = MoneyLib.paymentUp(filledWh, _results[slot].bidPrice);\n        }\n        order.bits",
        wrong="payment = filledWh == 0 ? 0 : bound;\n        }\n        order.bits",
    ),
    Fault(
        breaks="I12",
        says="a participant may have two meters",
        contract="MeterRegistry",
        file="contracts/metering/MeterBook.sol",
        right="_requireEnded(meterOf(participantId), validFromSlot);",
        wrong="",
    ),
    Fault(
        breaks="I13",
        says="a new venue waits for nobody",
        contract="Clearinghouse",
        file="contracts/clearing/Clearinghouse.sol",
        right="_holding.everDeposited ? GOVERNANCE_DELAY : 0",
        wrong="_holding.everDeposited ? 1 : 0",
    ),
    Fault(
        breaks="I15",
        says="clearing writes words that nobody needs",
        contract="Auction",
        file="contracts/market/AuctionOutcome.sol",
        right="(uint256[] memory asks, uint256 askWh) = _ladder(slot, ASK);",
        wrong="(uint256[] memory asks, uint256 askWh) = _ladder(slot, ASK);\n"
        "        for (uint256 i = 2; i < 40; ++i) _forfeits[slot][i] = i;",
    ),
    Fault(
        breaks="I16",
        says="what stands ahead of an order is not written down",
        contract="Auction",
        file="contracts/libraries/OrderLib.sol",
        right="uint256 tail = (energyWh << ENERGY_SHIFT) | (aheadWh << AHEAD_SHIFT) | (tick << TICK_SHIFT);",
        wrong="uint256 tail = (energyWh << ENERGY_SHIFT) | ((aheadWh & 0) << AHEAD_SHIFT) | (tick << TICK_SHIFT);",
    ),
)


class FaultyEvm(Evm):
    """A chain on which one contract is the wrong one."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(now=START_AT)
        self._fault = fault

    def _known(self, contract_name: str) -> Mapping[str, Any]:
        known = super()._known(contract_name)
        if contract_name != self._fault.contract:
            return known
        return {**known, "bytecode": bytecode_of(self._fault)}


def bytecode_of(fault: Fault) -> str:
    """Return the creation code of the contract with its fault; kept beside the right ones in build/evm."""
    text = (ROOT / fault.file).read_text()
    assert text.count(fault.right) == 1, f"{fault.file} has changed: find the place of {fault}"
    changed = text.replace(fault.right, fault.wrong)
    right = str(artifact(fault.contract)["bytecode"])
    digest = sha256((right + changed).encode()).hexdigest()[:24]
    stored = CACHE / f"faulty-{fault.contract}-{digest}.txt"
    if not stored.exists():
        stored.write_text(_compiled(fault, changed))
    assert stored.read_text() != right, f"{fault} changes nothing"
    return stored.read_text()


def _compiled(fault: Fault, changed: str) -> str:
    compiler = yaml.safe_load((ROOT / "brownie-config.yaml").read_text())["compiler"]
    main = _file_of(fault.contract)
    sources = {main: (ROOT / main).read_text(), fault.file: changed}
    request = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in sources.items()},
        "settings": {
            "evmVersion": compiler["evm_version"],
            "optimizer": compiler["solc"]["optimizer"],
            "viaIR": compiler["solc"].get("viaIR", False),
            "remappings": compiler["solc"].get("remappings", []),
            "outputSelection": {main: {fault.contract: ["evm.bytecode.object"]}},
        },
    }
    answer = solcx.compile_standard(
        json.loads(json.dumps(request)),
        base_path=ROOT,
        allow_paths=[ROOT],
        solc_version=str(compiler["solc"]["version"]),
    )
    return str(answer["contracts"][main][fault.contract]["evm"]["bytecode"]["object"])


def _file_of(contract: str) -> str:
    (found,) = (ROOT / "contracts").rglob(f"{contract}.sol")
    return Path(found).relative_to(ROOT).as_posix()
