// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IMeterRegistry} from "../../interfaces/IMeterRegistry.sol";
import {IParticipantRegistry} from "../../interfaces/IParticipantRegistry.sol";
import {ISettlement} from "../../interfaces/ISettlement.sol";
import {IVenue} from "../../interfaces/IVenue.sol";
import {MoneyLib} from "../libraries/MoneyLib.sol";
import {DaySettlement} from "./DaySettlement.sol";

/// @title Settlement: from trades and readings to payments
/// @dev The money of one call, all of it through settlement's pool in the clearinghouse, which is empty before and after:
///
///   1  venues: buyers are collected, trades closed; revenue and cover become collateral here   [S1]
///   2  who owes on balance pays from that, then from its guarantee; the rest is arrears         [S2]
///   3  the grid operator's guarantee takes what is over, or gives what is missing               [S3]
///   4  who is owed on balance is paid as far as 2 and 3 reach; the rest is negative arrears     [S4]
contract Settlement is DaySettlement {
    using SafeCast for uint256;

    /// @dev What a participant's slot comes to. Positive `due` is owed to the grid operator, negative by it; earlier
    /// arrears are part of it. `collateral` is what venues and guarantee come to.
    struct Outcome {
        Bill bill;
        bool isMeasured;
        int256 due;
        uint256 collateral;
    }

    /// @notice Assumed load of a meter that is silent, in percent of its capacity.
    uint256 public constant DEFAULT_LOAD_PERCENT = 50;
    uint256 private constant PERCENT = 100;

    /// @dev One bit for each slot, 256 slots a word.
    mapping(uint32 participantId => mapping(uint32 word => uint256 bits)) private _settled;

    constructor(
        IParticipantRegistry registry_,
        IClearinghouse clearinghouse_,
        IMeterRegistry meters_,
        uint32 operatorId_,
        Config memory config_
    ) DaySettlement(registry_, clearinghouse_, meters_, operatorId_, config_) {}

    /* SETTLING */

    /// @inheritdoc ISettlement
    function settle(uint32 slot, uint32[] calldata participantIds) external nonReentrant {
        uint32[] memory ids = _mark(slot, participantIds);
        uint256[] memory standings = clearinghouse.standingsOf(address(this), ids, slot);
        address[] memory venues = _collect(slot, ids, standings);

        Outcome[] memory outcomes = new Outcome[](ids.length);
        uint256 received;
        uint256 wanted;
        for (uint256 i = 0; i < ids.length; ++i) {
            Outcome memory outcome = _close(slot, ids[i], venues, standings[i]);
            outcomes[i] = outcome;
            if (outcome.due < 0) wanted += uint256(-outcome.due);
            else received += _takeDue(slot, ids[i], outcome);
        }
        uint256 available = _balanceOperator(received, wanted);
        for (uint256 i = 0; i < ids.length; ++i) {
            if (outcomes[i].due < 0) available -= _payDue(slot, ids[i], outcomes[i], available);
        }
    }

    /// @dev Marks the batch as settled.
    /// @return ids the participants that were not settled before, each once
    function _mark(uint32 slot, uint32[] calldata participantIds) private returns (uint32[] memory ids) {
        ids = new uint32[](participantIds.length);
        uint256 day = slot / _daySlots;
        uint256 count;
        for (uint256 i = 0; i < participantIds.length; ++i) {
            uint32 participantId = participantIds[i];
            require(participantId != operatorId, OperatorNotSettled(participantId));
            if (_isSlotSettled(slot, participantId) || _isDaySettled(day, participantId)) continue;
            _settled[participantId][slot / 256] |= 1 << (slot % 256);
            ids[count++] = participantId;
        }
        return _first(ids, count);
    }

    /// @dev [S1] Closes the participant's trades in the venues that have to be asked and draws up the bill. `standing` is as
    /// `_collect` left it.
    function _close(
        uint32 slot,
        uint32 participantId,
        address[] memory venues,
        uint256 standing
    ) private returns (Outcome memory outcome) {
        IMeterRegistry.ReadingView memory reading = meters.readingOf(participantId, slot);
        require(reading.isFinal, ReadingOpen(slot, participantId));

        Bill memory bill = outcome.bill;
        for (uint256 i = 0; i < venues.length; ++i) {
            if ((standing >> (64 + i)) & 1 == 0 || venues[i] == address(this)) continue;
            (uint256 boughtWh, uint256 soldWh, ) = IVenue(venues[i]).close(slot, participantId);
            bill.boughtWh += boughtWh;
            bill.soldWh += soldWh;
        }
        outcome.collateral = guaranteeOf(participantId);
        // What the venues really handed over since, whatever they say. The cast cuts out the guarantee.
        bill.tradeCredit = outcome.collateral - uint64(standing);
        _compute(bill, reading);
        outcome.isMeasured = reading.isMeasured;
        outcome.due = arrearsOf(participantId) + bill.charge.toInt256() - bill.credit.toInt256();
    }

    /// @dev Fills in what was delivered and what that costs.
    function _compute(Bill memory bill, IMeterRegistry.ReadingView memory reading) private view {
        if (reading.isMeasured) {
            (bill.importWh, bill.exportWh) = (reading.importWh, reading.exportWh);
        } else {
            bill.importWh = Math.max(bill.boughtWh, (reading.capacityWh * DEFAULT_LOAD_PERCENT) / PERCENT);
        }
        bill.gridBoughtWh =
            Math.saturatingSub(bill.importWh, bill.boughtWh) + Math.saturatingSub(bill.soldWh, bill.exportWh);
        bill.gridSoldWh =
            Math.saturatingSub(bill.boughtWh, bill.importWh) + Math.saturatingSub(bill.exportWh, bill.soldWh);
        bill.charge = MoneyLib.paymentUp(bill.gridBoughtWh, RETAIL_PRICE) + (reading.isFraud ? FRAUD_PENALTY : 0);
        bill.credit = MoneyLib.paymentDown(bill.gridSoldWh, FEED_IN_PRICE);
    }

    /// @dev [S2] Takes what is owed from the trades' money, then from the guarantee; the rest of the former is free.
    /// @return paid what came into the pool
    function _takeDue(uint32 slot, uint32 participantId, Outcome memory outcome) private returns (uint256 paid) {
        // Not negative, or this is not called.
        paid = Math.min(uint256(outcome.due), outcome.collateral);

        _conclude(slot, participantId, outcome, outcome.due - paid.toInt256());

        clearinghouse.close(participantId, address(0), paid, Math.saturatingSub(outcome.bill.tradeCredit, paid), 0);
    }

    /// @dev [S3] The grid operator gets or gives the difference.
    /// @return available what the pool holds now for those whom the operator owes
    function _balanceOperator(uint256 received, uint256 wanted) private returns (uint256 available) {
        available = Math.min(wanted, received + guaranteeOf(operatorId));
        if (received > available) {
            clearinghouse.close(operatorId, address(this), 0, 0, received - available);
        } else if (received < available) {
            clearinghouse.close(operatorId, address(0), available - received, 0, 0);
        }
    }

    /// @dev [S4] Pays what the operator owes as far as the pool reaches, and frees the trades' money.
    /// @return paid what left the pool
    function _payDue(
        uint32 slot,
        uint32 participantId,
        Outcome memory outcome,
        uint256 available
    ) private returns (uint256 paid) {
        // Negative, or this is not called.
        paid = Math.min(uint256(-outcome.due), available);

        _conclude(slot, participantId, outcome, outcome.due + paid.toInt256());

        clearinghouse.close(participantId, address(0), 0, outcome.bill.tradeCredit, paid);
    }

    function _conclude(uint32 slot, uint32 participantId, Outcome memory outcome, int256 arrears) private {
        int256 change = arrears - arrearsOf(participantId);
        if (change != 0) _setArrears(participantId, arrears);

        emit SlotSettled(slot, participantId, outcome.bill, outcome.isMeasured, change);
    }

    /* READING */

    /// @inheritdoc ISettlement
    function isSettled(uint32 slot, uint32 participantId) public view returns (bool) {
        return _isSlotSettled(slot, participantId) || _isDaySettled(slot / _daySlots, participantId);
    }

    function _isSlotSettled(uint32 slot, uint32 participantId) private view returns (bool) {
        return (_settled[participantId][slot / 256] >> (slot % 256)) & 1 == 1;
    }

    /// @inheritdoc ISettlement
    function config() external view returns (Config memory) {
        return
            Config({
                retailPrice: RETAIL_PRICE,
                feedInPrice: FEED_IN_PRICE,
                fraudPenalty: FRAUD_PENALTY,
                releaseDelay: releaseDelay
            });
    }
}
