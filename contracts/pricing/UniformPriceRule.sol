// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IPricingRule} from "../../interfaces/IPricingRule.sol";
import {LadderLib} from "../libraries/LadderLib.sol";

/// @title One price for all, halfway between the marginal bid and the marginal ask (k = 1/2)
/// @dev Walks the bids from the highest tick down and the asks from the lowest tick up, and matches while they cross:
/// that gives the largest volume. The walk touches each tick of each side at most once.
contract UniformPriceRule is IPricingRule {
    /// @dev Where the walk stands on one side: at `tick`, with `leftWh` there not yet matched; `marginTick` is the last one
    /// of which something was matched.
    struct Cursor {
        uint256 tick;
        uint256 leftWh;
        uint256 marginTick;
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

        // Casts are safe: ticks are below 256, quantities below 2^30, and the volume below 256 * 2^30. A price beyond 32 bits
        // belongs to a grid that no venue accepts; it is cut off, not trusted.
        uint256 tickSum = bid.marginTick + ask.marginTick;
        clearing.bidPrice = uint32(grid.floorPrice + (tickSum * grid.tickSize) / 2);
        clearing.askPrice = clearing.bidPrice;
        clearing.volumeWh = uint64(volumeWh);
        clearing.bidMarginTick = uint16(bid.marginTick);
        (clearing.bidMarginWh, clearing.bidMarginFilledWh) = _margin(bid, bids);
        clearing.askMarginTick = uint16(ask.marginTick);
        (clearing.askMarginWh, clearing.askMarginFilledWh) = _margin(ask, asks);
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
            (bid.marginTick, ask.marginTick) = (bid.tick, ask.tick);
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

    /// @dev What all orders at the margin hold, and how much of it fills: all of it once the walk has moved on.
    function _margin(Cursor memory cursor, uint256[] calldata ladder) private pure returns (uint32, uint32) {
        uint256 heldWh = LadderLib.heldAt(ladder[cursor.marginTick >> 3], cursor.marginTick);
        uint256 leftWh = cursor.tick == cursor.marginTick ? cursor.leftWh : 0;
        return (uint32(heldWh), uint32(heldWh - leftWh));
    }

    /// @dev Moves to the highest tick below `limit` that holds something, and returns what it holds; stays if there is none.
    function _toBidBelow(
        Cursor memory bid,
        uint256[] calldata bids,
        uint256 limit
    ) private pure returns (uint256 heldWh) {
        // Ticks run from 255 to 0: `limit - 1` cannot wrap.
        unchecked {
            while (limit != 0) {
                uint256 word = bids[(limit - 1) >> 3];
                // An empty word is passed over whole.
                if (word == 0) limit = (limit - 1) & ~uint256(7);
                while (word != 0) {
                    --limit;
                    heldWh = LadderLib.heldAt(word, limit);
                    if (heldWh != 0) {
                        bid.tick = limit;
                        return heldWh;
                    }
                    if (limit & 7 == 0) break;
                }
            }
        }
    }

    /// @dev Moves to the lowest tick from `tick` on that holds something, and returns what it holds; stays if there is none.
    function _toAskFrom(
        Cursor memory ask,
        uint256[] calldata asks,
        uint256 tick
    ) private pure returns (uint256 heldWh) {
        // Ticks run from 0 to 256: no sum can wrap.
        unchecked {
            while (tick < LadderLib.TICKS) {
                uint256 word = asks[tick >> 3];
                if (word == 0) tick = (tick | 7) + 1;
                while (word != 0) {
                    heldWh = LadderLib.heldAt(word, tick);
                    if (heldWh != 0) {
                        ask.tick = tick;
                        return heldWh;
                    }
                    ++tick;
                    if (tick & 7 == 0) break;
                }
            }
        }
    }
}
