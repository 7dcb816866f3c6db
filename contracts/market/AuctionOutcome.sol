// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAuction} from "../../interfaces/IAuction.sol";
import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IPricingRule} from "../../interfaces/IPricingRule.sol";
import {MoneyLib} from "../libraries/MoneyLib.sol";
import {OrderLib} from "../libraries/OrderLib.sol";
import {AuctionReader} from "./AuctionReader.sol";

/// @title What becomes of a slot's orders: clearing, forfeited bonds, payment and revenue
abstract contract AuctionOutcome is AuctionReader {
    using OrderLib for uint256;

    constructor(
        IClearinghouse clearinghouse_,
        address settlement_,
        IPricingRule rule_,
        Config memory config_
    ) AuctionReader(clearinghouse_, settlement_, rule_, config_) {}

    modifier inMode(bool isSealed_) {
        require(_isSealed == isSealed_, ModeMismatch(_isSealed));
        _;
    }

    /* CLEARING */

    /// @inheritdoc IAuction
    function clear(uint32 slot) external {
        _requirePhase(slot, Phase.Clearing);

        _clear(slot);
    }

    function _clear(uint32 slot) private {
        (uint256[] memory bids, uint256 bidWh) = _ladder(slot, BID);
        (uint256[] memory asks, uint256 askWh) = _ladder(slot, ASK);
        IPricingRule.Clearing memory found = pricingRule.clear(IPricingRule.Grid(_floorPrice, _tickSize), bids, asks);
        Result storage result = _results[slot];
        result.bidPrice = found.bidPrice;
        result.askPrice = found.askPrice;
        result.volumeWh = found.volumeWh;
        result.bidMarginTick = found.bidMarginTick;
        result.askMarginTick = found.askMarginTick;
        result.isCleared = true;
        result.bidMarginWh = found.bidMarginWh;
        result.bidMarginFilledWh = found.bidMarginFilledWh;
        result.askMarginWh = found.askMarginWh;
        result.askMarginFilledWh = found.askMarginFilledWh;
        // Casts are safe: 256 ticks of less than 2^30 each.
        result.openedBidWh = uint64(bidWh);
        result.openedAskWh = uint64(askWh);
        // Few rules have either, and a slot is cleared once: what is not written is zero.
        if (found.atOwnPrice) result.atOwnPrice = true;
        if (found.surplus != 0) result.surplus = found.surplus;

        emit SlotCleared(slot, msg.sender, found);
    }

    /// @inheritdoc IAuction
    function forfeit(uint32 slot, uint32[] calldata participantIds) external inMode(true) {
        // A slot in which bonds were forfeited never becomes void.
        if (phase(slot) == Phase.Clearing) _clear(slot);
        _requirePhase(slot, Phase.Cleared);

        for (uint256 i = 0; i < participantIds.length; ++i) {
            _forfeit(slot, participantIds[i]);
        }
    }

    function _forfeit(uint32 slot, uint32 participantId) private {
        (OrderWord storage order, uint256 word) = _orderAt(slot, participantId);
        // Forfeited already, and perhaps a later order stands in its place by now: no reason to refuse the others.
        if (word.isNone() || word.stateOf() == OrderState.Forfeited) return;
        require(word.isCommitted(), NothingForfeited(slot, participantId));
        (uint256 side, uint256 rest) = (word.sideOf(), word.boundOf() - _bond);

        order.bits = OrderLib.head(OrderState.Forfeited, side, word.epochOf(), 0);
        _forfeits[slot][side] += _bond;
        _unbind(participantId, rest);

        emit BondForfeited(slot, participantId, Side(side), _bond, uint48(rest));

        _charge(slot, participantId, _bond);
    }

    /// @inheritdoc IAuction
    function compensate(uint32 slot, uint32 participantId) external inMode(true) {
        uint256 possibleFrom = _startOf(slot) + _revealWindow + _clearWindow;
        // Not by `require`, which computes the difference for the first slots of all time as well, where it is negative.
        if (block.timestamp + _gateLead < possibleFrom) revert CompensationOpen(slot, possibleFrom - _gateLead);
        (OrderWord storage order, uint256 word) = _orderAt(slot, participantId);
        uint256 owed = _compensationOf(slot, word);
        require(owed != 0, NoCompensation(slot, participantId));

        order.bits = word.compensated(word.compensatedOf() + owed);

        emit CompensationPaid(slot, participantId, owed);

        _payIntoMargin(slot, participantId, owed);
    }

    /// @inheritdoc IAuction
    function payOutSurplus(uint32 slot) external {
        Result storage result = _results[slot];
        uint256 surplus = result.surplus;
        require(surplus != 0 && !result.isSurplusPaid, NoSurplus(slot));

        result.isSurplusPaid = true;

        emit SurplusPaid(slot, surplus);

        _payOperator(slot, surplus);
    }

    /* FROM TRADE TO SETTLEMENT */

    function _takePayment(
        uint32 slot,
        uint32 participantId
    ) internal override returns (bool isOpen, uint256 payment, uint256 unbound) {
        (OrderWord storage order, uint256 word) = _orderAt(slot, participantId);
        uint256 bound = word.boundOf();
        if (word.isCommitted() && !_results[slot].isCleared) {
            // Of a void slot; in a cleared one the bond is forfeited.
            order.bits = OrderLib.head(OrderState.Closed, word.sideOf(), word.epochOf(), 0);
            return (true, 0, bound);
        }
        if (!word.isOpened()) return (false, 0, 0);

        Result storage result = _results[slot];
        uint256 filledWh = _fill(result, word);
        uint256 price = _priceOf(result, word);
        uint256 kept;
        if (word.isAsk()) {
            kept = MoneyLib.paymentUp(filledWh, _missing(price));
        } else {
            payment = MoneyLib.paymentUp(filledWh, price);
        }
        order.bits = word.advanced(filledWh == 0 ? OrderState.Closed : OrderState.Collected, kept);
        return (true, payment, bound - payment - kept);
    }

    function _close(
        uint32 slot,
        uint32 participantId
    ) internal override returns (uint256 boughtWh, uint256 soldWh, uint256 revenue, uint256 cover) {
        (OrderWord storage order, uint256 word) = _orderAt(slot, participantId);
        if (word.stateOf() != OrderState.Collected) return (0, 0, 0, 0);

        Trade memory trade = _tradeOf(slot, word);
        order.bits = word.advanced(OrderState.Closed, 0);
        return (trade.boughtWh, trade.soldWh, trade.revenue, word.boundOf());
    }
}
