// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IPricingRule} from "../../interfaces/IPricingRule.sol";
import {LadderLib} from "../libraries/LadderLib.sol";

/// @title One price for all, halfway between the marginal bid and the marginal ask (k = 1/2)
/// @dev Walks the bids from the highest tick down and the asks from the lowest tick up, and matches while they cross:
/// that gives the largest volume. The walk touches each tick of each side at most once.
contract UniformPriceRule is IPricingRule {
    using LadderLib for uint256;

    /// @dev Where the walk stands on one side, with `leftWh` there not yet matched, and where it stood before.
    struct Cursor {
        uint256 tick;
        uint256 leftWh;
        uint256 tickBefore;
    }

    /// @inheritdoc IPricingRule
    function clear(
        Grid calldata grid,
        uint256[] calldata bids,
        uint256[] calldata asks
    ) external pure returns (Clearing memory clearing) {
        require(bids.length == LadderLib.WORDS, LadderLengthMismatch(LadderLib.WORDS, bids.length));
        require(asks.length == LadderLib.WORDS, LadderLengthMismatch(LadderLib.WORDS, asks.length));

        Cursor memory bid;
        Cursor memory ask;
        uint256 volumeWh = _match(bid, bids, ask, asks);
        if (volumeWh == 0) return clearing;

        // Below 256 * 2^30.
        clearing.volumeWh = uint64(volumeWh);
        (clearing.bidMarginTick, clearing.bidMarginWh, clearing.bidMarginFilledWh) = _margin(bid, bids);
        (clearing.askMarginTick, clearing.askMarginWh, clearing.askMarginFilledWh) = _margin(ask, asks);
        // A price beyond 32 bits belongs to a grid that no venue accepts; it is cut off, not trusted.
        uint256 tickSum = uint256(clearing.bidMarginTick) + clearing.askMarginTick;
        clearing.bidPrice = uint32(grid.floorPrice + (tickSum * grid.tickSize) / 2);
        clearing.askPrice = clearing.bidPrice;
    }

    function _match(
        Cursor memory bid,
        uint256[] calldata bids,
        Cursor memory ask,
        uint256[] calldata asks
    ) private pure returns (uint256 volumeWh) {
        uint256 bidWh = _toBidBelow(bid, bids, LadderLib.TICKS);
        uint256 askWh = _toAskFrom(ask, asks, 0);
        // At most one turn for each tick of each side: every turn uses one of them up.
        while (bidWh != 0 && askWh != 0 && bid.tick >= ask.tick) {
            // Cannot underflow: the smaller of the two is taken from both. Ticks and volume are far below 2^64.
            unchecked {
                if (bidWh < askWh) {
                    volumeWh += bidWh;
                    askWh -= bidWh;
                    bidWh = _toBidBelow(bid, bids, bid.tick);
                } else {
                    volumeWh += askWh;
                    bidWh -= askWh;
                    askWh = _toAskFrom(ask, asks, ask.tick + 1);
                    if (bidWh == 0) bidWh = _toBidBelow(bid, bids, bid.tick);
                }
            }
        }
        (bid.leftWh, ask.leftWh) = (bidWh, askWh);
    }

    /// @dev The margin is where the walk stands if something was taken from there, else where it stood before.
    /// @return marginTick the last tick of which something was matched
    /// @return heldWh what all orders there hold
    /// @return filledWh how much of it fills
    function _margin(
        Cursor memory cursor,
        uint256[] calldata ladder
    ) private pure returns (uint16 marginTick, uint32 heldWh, uint32 filledWh) {
        uint256 tick = cursor.tick;
        uint256 wh = ladder[tick >> 3].heldAt(tick);
        // Casts are safe: ticks are below 256 and quantities below 2^30.
        if (cursor.leftWh != 0 && cursor.leftWh != wh) return (uint16(tick), uint32(wh), uint32(wh - cursor.leftWh));

        tick = cursor.tickBefore;
        wh = ladder[tick >> 3].heldAt(tick);
        return (uint16(tick), uint32(wh), uint32(wh));
    }

    /// @dev Moves to the highest tick below `limit` that holds something, and returns what it holds; zero if there is none.
    function _toBidBelow(Cursor memory bid, uint256[] calldata bids, uint256 limit) private pure returns (uint256) {
        bid.tickBefore = bid.tick;
        // Ticks run from 255 to 0; a word that is not empty ends the inner loop before its lowest tick is passed.
        unchecked {
            while (limit != 0) {
                uint256 tick = limit - 1;
                uint256 rest = bids[tick >> 3].downFromTick(tick);
                if (rest != 0) {
                    for (; rest >> LadderLib.TOP_SHIFT == 0; --tick) {
                        rest <<= LadderLib.TICK_BITS;
                    }
                    bid.tick = tick;
                    return rest >> LadderLib.TOP_SHIFT;
                }
                limit = tick & ~uint256(7);
            }
        }
        return 0;
    }

    /// @dev Moves to the lowest tick from `tick` on that holds something, and returns what it holds; zero if there is none.
    function _toAskFrom(Cursor memory ask, uint256[] calldata asks, uint256 tick) private pure returns (uint256) {
        ask.tickBefore = ask.tick;
        // Ticks run from 0 to 256; a word that is not empty ends the inner loop before its highest tick is passed.
        unchecked {
            while (tick < LadderLib.TICKS) {
                uint256 rest = asks[tick >> 3].fromTick(tick);
                if (rest != 0) {
                    for (; rest & LadderLib.MAX_TICK_WH == 0; ++tick) {
                        rest >>= LadderLib.TICK_BITS;
                    }
                    ask.tick = tick;
                    return rest & LadderLib.MAX_TICK_WH;
                }
                tick = (tick | 7) + 1;
            }
        }
        return 0;
    }
}
