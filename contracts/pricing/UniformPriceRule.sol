// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IPricingRule} from "../../interfaces/IPricingRule.sol";
import {LadderLib} from "../libraries/LadderLib.sol";

/// @title One price for all, halfway between the marginal bid and the marginal ask (k = 1/2)
/// @dev Walks the bids from the highest tick down and the asks from the lowest tick up, and matches while they cross:
/// that gives the largest volume. The walk touches each tick of each side at most once.
contract UniformPriceRule is IPricingRule {
    /// @dev Where the walk stands on one side: at `tick` with `energyWh` there, `leftWh` of it not yet matched.
    struct Cursor {
        uint256 tick;
        uint256 energyWh;
        uint256 leftWh;
    }

    /// @inheritdoc IPricingRule
    function clear(Grid calldata grid, uint256[] calldata bids, uint256[] calldata asks)
        external
        pure
        returns (Clearing memory clearing)
    {
        require(bids.length == LadderLib.WORDS, LadderLengthMismatch(LadderLib.WORDS, bids.length));
        require(asks.length == LadderLib.WORDS, LadderLengthMismatch(LadderLib.WORDS, asks.length));

        Cursor memory bid;
        Cursor memory ask;
        _toBidBelow(bid, bids, LadderLib.TICKS);
        _toAskFrom(ask, asks, 0);
        // At most one turn for each tick of each side: every turn uses one of them up.
        while (bid.leftWh != 0 && ask.leftWh != 0 && bid.tick >= ask.tick) {
            uint256 matchedWh = bid.leftWh < ask.leftWh ? bid.leftWh : ask.leftWh;
            // Cannot underflow: the smaller of the two. The sum stays below 256 * 2^30.
            unchecked {
                bid.leftWh -= matchedWh;
                ask.leftWh -= matchedWh;
                clearing.volumeWh += uint64(matchedWh);
            }
            _mark(clearing, bid, ask);
            if (bid.leftWh == 0) _toBidBelow(bid, bids, bid.tick);
            if (ask.leftWh == 0) _toAskFrom(ask, asks, ask.tick + 1);
        }
        if (clearing.volumeWh != 0) {
            uint256 tickSum = uint256(clearing.bidMarginTick) + clearing.askMarginTick;
            // A price beyond 32 bits belongs to a grid that no venue accepts; it is cut off, not trusted.
            clearing.bidPrice = uint32(grid.floorPrice + (tickSum * grid.tickSize) / 2);
            clearing.askPrice = clearing.bidPrice;
        }
    }

    /// @dev Casts are safe: ticks are below 256 and quantities below 2^30.
    function _mark(Clearing memory clearing, Cursor memory bid, Cursor memory ask) private pure {
        clearing.bidMarginTick = uint16(bid.tick);
        clearing.bidMarginWh = uint32(bid.energyWh);
        clearing.bidMarginFilledWh = uint32(bid.energyWh - bid.leftWh);
        clearing.askMarginTick = uint16(ask.tick);
        clearing.askMarginWh = uint32(ask.energyWh);
        clearing.askMarginFilledWh = uint32(ask.energyWh - ask.leftWh);
    }

    /// @dev Moves to the highest tick below `limit` that holds something, or leaves nothing to match.
    function _toBidBelow(Cursor memory bid, uint256[] calldata bids, uint256 limit) private pure {
        while (limit != 0) {
            uint256 tick = limit - 1;
            uint256 word = bids[tick / 8];
            uint256 heldWh = LadderLib.heldAt(word, tick);
            if (heldWh != 0) {
                (bid.tick, bid.energyWh, bid.leftWh) = (tick, heldWh, heldWh);
                return;
            }
            // An empty word is skipped whole.
            limit = word == 0 ? tick - (tick % 8) : tick;
        }
        bid.leftWh = 0;
    }

    /// @dev Moves to the lowest tick from `tick` on that holds something, or leaves nothing to match.
    function _toAskFrom(Cursor memory ask, uint256[] calldata asks, uint256 tick) private pure {
        while (tick < LadderLib.TICKS) {
            uint256 word = asks[tick / 8];
            uint256 heldWh = LadderLib.heldAt(word, tick);
            if (heldWh != 0) {
                (ask.tick, ask.energyWh, ask.leftWh) = (tick, heldWh, heldWh);
                return;
            }
            tick = word == 0 ? tick - (tick % 8) + 8 : tick + 1;
        }
        ask.leftWh = 0;
    }
}
