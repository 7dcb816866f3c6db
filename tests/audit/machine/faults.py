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
        right="if (_isSlotSettled(slot, participantId) || _isDaySettled(day, participantId)) continue;",
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
        right="_slotPools[slot] = pool - paid;",
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
        right="payment = MoneyLib.paymentUp(filledWh, price);\n        }\n        order.bits",
        wrong="payment = filledWh == 0 ? 0 : bound;\n        }\n        order.bits",
    ),
    Fault(
        breaks="I12",
        says="a participant may have two meters",
        contract="MeterRegistry",
        file="contracts/metering/MeterBook.sol",
        right="_requireEnded(meterOf(binding.participantId), validFromSlot);",
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
    Fault(
        breaks="I3",
        says="all that was taken of a tariff fills, whatever the other side took",
        contract="Tariff",
        file="contracts/libraries/AnnouncementLib.sol",
        right="if (otherWh >= sideWh) return energyWh;",
        wrong="if (otherWh >= sideWh || aheadOf(word) < sideWh) return energyWh;",
    ),
    Fault(
        breaks="I7",
        says="energy is announced when the price is posted already",
        contract="Tariff",
        file="contracts/market/Tariff.sol",
        right="_requireAnnouncing(slot);",
        wrong="",
    ),
    Fault(
        breaks="I5",
        says="an order with conditions is taken at any price",
        contract="ConditionalMarket",
        file="contracts/market/ConditionalMarket.sol",
        right="require(isMet, PriceNotMet(order.price, price));",
        wrong="",
    ),
    Fault(
        breaks="I11",
        says="whoever buys on conditions pays one unit more than agreed",
        contract="ConditionalMarket",
        file="contracts/market/ConditionalMarket.sol",
        right="uint256 payment = MoneyLib.paymentUp(trade.energyWh, trade.price);",
        wrong="uint256 payment = MoneyLib.paymentUp(trade.energyWh, trade.price) + 1;",
    ),
    Fault(
        breaks="I9",
        says="what a trade owes is said to be delivered again",
        contract="ConditionalMarket",
        file="contracts/market/ConditionalPledges.sol",
        right="require(debt.owedWh != 0 && !debt.isDelivered, NothingOwed(tradeId));",
        wrong="require(debt.owedWh != 0, NothingOwed(tradeId));\n"
        "        if (debt.isDelivered) {\n"
        "            emit TagsDelivered(tradeId, debt.buyerId, debt.sellerId, debt.owedWh, 0, 0);\n"
        "            return;\n"
        "        }",
    ),
    Fault(
        breaks="I9",
        says="energy is minted again",
        contract="EnergyTag",
        file="contracts/tokens/EnergyTag.sol",
        right="if (isMinted(slot, participantId)) continue;",
        wrong="",
    ),
    Fault(
        breaks="I3",
        says="a tag that is claimed counts as two",
        contract="EnergyTag",
        file="contracts/tokens/EnergyTag.sol",
        right="_totals[ids[i]].claimedWh += uint128(amounts[i]);",
        wrong="_totals[ids[i]].claimedWh += 2 * uint128(amounts[i]);",
    ),
    Fault(
        breaks="I2",
        says="what a one-time account pays stays in it",
        contract="AnonymousNegotiation",
        file="contracts/market/AnonymousAccounts.sol",
        right="accountBalance[account] = balance - amount;",
        wrong="accountBalance[account] = balance;",
    ),
    Fault(
        breaks="I6",
        says="anybody cashes in what one-time accounts have",
        contract="AnonymousNegotiation",
        file="contracts/market/AnonymousAccounts.sol",
        right="_useCheckedNonce(account, nonce);\n        _requireSigned(account, structHash, signature);",
        wrong="_useCheckedNonce(account, nonce);\n"
        "        if (signature.length == 0) _requireSigned(account, structHash, signature);",
    ),
    Fault(
        breaks="I9",
        says="an agreement of one-time accounts ends again",
        contract="AnonymousNegotiation",
        file="contracts/market/AnonymousNegotiation.sol",
        right="require(deal.state == State.Held, NotHeld(agreementId, deal.state));",
        wrong="require(deal.state != State.None, NotHeld(agreementId, deal.state));",
    ),
    Fault(
        breaks="I14",
        says="a note is redeemed twice, and another one no more",
        contract="NoteBook",
        file="contracts/market/NoteBook.sol",
        right="require(!isSpent[noteHash], NoteSpent(noteHash));",
        wrong="",
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
