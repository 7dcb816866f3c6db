// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAuction} from "../../interfaces/IAuction.sol";
import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IPricingRule} from "../../interfaces/IPricingRule.sol";
import {IVenue} from "../../interfaces/IVenue.sol";
import {MoneyLib} from "../libraries/MoneyLib.sol";
import {OrderLib} from "../libraries/OrderLib.sol";
import {AuctionBook} from "./AuctionBook.sol";

/// @title What an auction tells of a slot and of an order
abstract contract AuctionReader is AuctionBook {
    using OrderLib for uint256;

    constructor(
        IClearinghouse clearinghouse_,
        address settlement_,
        IPricingRule rule_,
        Config memory config_
    ) AuctionBook(clearinghouse_, settlement_, rule_, config_) {}

    /* SLOTS */

    /// @inheritdoc IAuction
    function clearingOf(uint32 slot) external view returns (IPricingRule.Clearing memory) {
        Result storage result = _results[slot];
        return
            IPricingRule.Clearing({
                bidPrice: result.bidPrice,
                askPrice: result.askPrice,
                volumeWh: result.volumeWh,
                bidMarginTick: result.bidMarginTick,
                bidMarginWh: result.bidMarginWh,
                bidMarginFilledWh: result.bidMarginFilledWh,
                askMarginTick: result.askMarginTick,
                askMarginWh: result.askMarginWh,
                askMarginFilledWh: result.askMarginFilledWh,
                atOwnPrice: result.atOwnPrice,
                surplus: result.surplus
            });
    }

    /// @inheritdoc IAuction
    function ladderOf(uint32 slot, Side side) external view returns (uint256[] memory words) {
        (words, ) = _ladder(slot, uint256(side));
    }

    /* ORDERS */

    /// @inheritdoc IAuction
    function orderOf(uint32 slot, uint32 participantId) external view returns (OrderView memory order) {
        (, uint256 word) = _orderAt(slot, participantId);
        order.state = word.stateOf();
        order.side = Side(word.sideOf());
        // Casts are safe: these are the fields' own widths.
        order.bound = uint48(word.boundOf());
        if (order.state == OrderState.Committed) {
            order.digest = word.digestOf();
        } else {
            order.tick = uint16(word.tickOf());
            order.energyWh = uint32(word.energyOf());
            order.aheadWh = uint32(word.aheadOf());
        }
    }

    /// @inheritdoc IAuction
    function fillOf(uint32 slot, uint32 participantId) external view returns (uint256 energyWh) {
        (, uint256 word) = _orderAt(slot, participantId);
        return word.isOnLadder() ? _fill(_results[slot], word) : 0;
    }

    /// @inheritdoc IVenue
    function tradeOf(uint32 slot, uint32 participantId) external view returns (Trade memory trade) {
        require(isFinal(slot), OutcomeOpen(slot));
        (, uint256 word) = _orderAt(slot, participantId);
        if (word.isOnLadder()) trade = _tradeOf(slot, word);
    }

    /// @inheritdoc IVenue
    function boundOf(uint32 slot, uint32 participantId) external view returns (uint256) {
        (, uint256 word) = _orderAt(slot, participantId);
        return word.boundOf();
    }

    /// @inheritdoc IAuction
    function digestOf(
        uint32 slot,
        uint32 participantId,
        Side side,
        uint16 tick,
        uint32 energyWh,
        uint160 salt
    ) external view returns (bytes32) {
        uint256[8] memory preimage = _preimage(slot);
        (preimage[3], preimage[4], preimage[5]) = (participantId, uint256(side), tick);
        (preimage[6], preimage[7]) = (energyWh, salt);
        // The upper 184 bits, so that the word of a commitment has room for what else is known of it.
        return bytes32((_hash(preimage) >> 72) << 72);
    }

    function _tradeOf(uint32 slot, uint256 word) internal view returns (Trade memory trade) {
        Result storage result = _results[slot];
        uint256 filledWh = _fill(result, word);
        uint256 price = _priceOf(result, word);
        if (word.isAsk()) {
            trade.soldWh = filledWh;
            trade.revenue = MoneyLib.paymentDown(filledWh, price);
        } else {
            trade.boughtWh = filledWh;
            trade.payment = MoneyLib.paymentUp(filledWh, price);
        }
    }

    /// @dev What a filled order pays or gets: its side's price, or its own where the rule says so.
    function _priceOf(Result storage result, uint256 word) internal view returns (uint256) {
        // What a bid risks is the price of its tick.
        if (result.atOwnPrice) return _riskPrice(BID, word.tickOf());
        return word.isAsk() ? result.askPrice : result.bidPrice;
    }

    /// @dev What an opened order is still owed of the other side's forfeited bonds. It grows with each forfeit, so that the
    /// sum in the end does not depend on who called what first.
    function _compensationOf(uint32 slot, uint256 word) internal view returns (uint256) {
        if (!word.isOnLadder()) return 0;
        uint256 forfeited = _forfeits[slot][word.isAsk() ? BID : ASK];
        if (forfeited == 0) return 0;
        // A bond is forfeited in cleared slots only, and there the order counts in its side's total.
        uint256 totalWh = word.isAsk() ? _results[slot].openedAskWh : _results[slot].openedBidWh;
        return (forfeited * word.energyOf()) / totalWh - word.compensatedOf();
    }

    /* WORDS */

    /// @dev What a digest is the hash of, as abi.encode would lay it out: with chain, auction and slot filled in, and room
    /// for participant, side, tick, energy and salt. A batch of openings fills it in again and again.
    function _preimage(uint256 slot) internal view returns (uint256[8] memory words) {
        (words[0], words[1], words[2]) = (block.chainid, uint160(address(this)), slot);
    }

    function _hash(uint256[8] memory preimage) internal pure returns (uint256 hash) {
        // A static array lies in memory without a length: these are its 256 bytes.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            hash := keccak256(preimage, 256)
        }
    }

    /// @dev One entry of `OrdersOpened`.
    function _entry(
        uint256 participantId,
        uint256 side,
        uint256 tick,
        uint256 bound,
        uint256 energyWh
    ) internal pure returns (uint256) {
        return (participantId << 128) | (side << 112) | (tick << 96) | (bound << 48) | energyWh;
    }

    function _withoutZeros(uint256[] memory entries, uint256 zeros) internal pure returns (uint256[] memory kept) {
        kept = new uint256[](entries.length - zeros);
        uint256 count;
        for (uint256 i = 0; i < entries.length; ++i) {
            if (entries[i] != 0) kept[count++] = entries[i];
        }
    }
}
