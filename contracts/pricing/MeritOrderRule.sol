// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IPricingRule} from "../../interfaces/IPricingRule.sol";
import {LadderLib} from "../libraries/LadderLib.sol";

/// @title What all rules share: the dearest bids and the cheapest asks first, as long as they cross
/// @dev Walks the bids from the highest tick down and the asks from the lowest tick up, and matches while they cross:
/// that gives the largest volume without a sort. The walk touches each tick of each side at most once. A rule that
/// admits fewer orders empties the other ticks before it walks.
abstract contract MeritOrderRule is IPricingRule {
    using LadderLib for uint256;

    /// @dev Units of price to one of money per Wh, as in MoneyLib.
    uint256 internal constant PRICE_UNITS = 1000;

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
    ) external view returns (Clearing memory) {
        require(bids.length == LadderLib.WORDS, LadderLengthMismatch(LadderLib.WORDS, bids.length));
        require(asks.length == LadderLib.WORDS, LadderLengthMismatch(LadderLib.WORDS, asks.length));

        return _clear(grid, bids, asks);
    }

    /// @inheritdoc IPricingRule
    function requireFits(Grid calldata, uint256 tickCount) external view virtual {
        require(tickCount != 0, BandTooNarrow(tickCount, 1));
    }

    /// @dev The rule itself. It may empty ticks of the ladders, which are its own copies.
    function _clear(
        Grid calldata grid,
        uint256[] memory bids,
        uint256[] memory asks
    ) internal view virtual returns (Clearing memory);

    /* PRICES */

    function _priceAt(Grid calldata grid, uint256 tick) internal pure returns (uint256) {
        return grid.floorPrice + tick * grid.tickSize;
    }

    /// @dev Sets one price for both sides. Prices beyond 32 bits belong to a grid that no venue accepts; here and in the
    /// rules they are cut off, not trusted.
    function _setPrice(Clearing memory clearing, uint256 price) internal pure {
        (clearing.bidPrice, clearing.askPrice) = (uint32(price), uint32(price));
    }

    /* WHO TAKES PART */

    /// @dev The lowest tick with at least this price, at most `TICKS`.
    function _tickFrom(Grid calldata grid, uint256 price) internal pure returns (uint256 tick) {
        if (price <= grid.floorPrice) return 0;
        // A tick size of zero, which no venue accepts, panics.
        tick = (price - grid.floorPrice + grid.tickSize - 1) / grid.tickSize;
        return tick < LadderLib.TICKS ? tick : LadderLib.TICKS;
    }

    /// @dev Empties all ticks below `tick`, which is at most `TICKS`.
    function _emptyBelow(uint256[] memory ladder, uint256 tick) internal pure {
        uint256 place = tick >> 3;
        // At most 32 turns.
        for (uint256 i = 0; i < place; ++i) {
            ladder[i] = 0;
        }
        if (tick & 7 != 0) ladder[place] = ladder[place].fromTick(tick) << (LadderLib.TICK_BITS * (tick & 7));
    }

    /// @dev Empties `tick`, which is at most `TICKS`, and all above it.
    function _emptyFrom(uint256[] memory ladder, uint256 tick) internal pure {
        uint256 place = tick >> 3;
        if (tick & 7 != 0) ladder[place++] &= (1 << (LadderLib.TICK_BITS * (tick & 7))) - 1;
        // At most 32 turns.
        for (; place < LadderLib.WORDS; ++place) {
            ladder[place] = 0;
        }
    }

    /* MATCHING */

    /// @dev Volume and margins of the largest volume that crosses, without prices; all zero if nothing does.
    function _matched(uint256[] memory bids, uint256[] memory asks) internal pure returns (Clearing memory clearing) {
        Cursor memory bid;
        Cursor memory ask;
        uint256 volumeWh = _match(bid, bids, ask, asks);
        if (volumeWh == 0) return clearing;

        // Below 256 * 2^30.
        clearing.volumeWh = uint64(volumeWh);
        (clearing.bidMarginTick, clearing.bidMarginWh, clearing.bidMarginFilledWh) = _margin(bid, bids);
        (clearing.askMarginTick, clearing.askMarginWh, clearing.askMarginFilledWh) = _margin(ask, asks);
    }

    /// @dev The best bid that does not fill, or not whole.
    /// @return isAny whether there is one
    /// @return tick where it stands
    function _bestLosingBid(
        Clearing memory clearing,
        uint256[] memory bids
    ) internal pure returns (bool isAny, uint256 tick) {
        if (clearing.bidMarginFilledWh < clearing.bidMarginWh) return (true, clearing.bidMarginTick);
        Cursor memory bid;
        isAny = _toBidBelow(bid, bids, clearing.bidMarginTick) != 0;
        tick = bid.tick;
    }

    /// @dev The best ask that does not fill, or not whole.
    /// @return isAny whether there is one
    /// @return tick where it stands
    function _bestLosingAsk(
        Clearing memory clearing,
        uint256[] memory asks
    ) internal pure returns (bool isAny, uint256 tick) {
        if (clearing.askMarginFilledWh < clearing.askMarginWh) return (true, clearing.askMarginTick);
        Cursor memory ask;
        isAny = _toAskFrom(ask, asks, uint256(clearing.askMarginTick) + 1) != 0;
        tick = ask.tick;
    }

    function _match(
        Cursor memory bid,
        uint256[] memory bids,
        Cursor memory ask,
        uint256[] memory asks
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
        uint256[] memory ladder
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
    function _toBidBelow(Cursor memory bid, uint256[] memory bids, uint256 limit) private pure returns (uint256) {
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
    function _toAskFrom(Cursor memory ask, uint256[] memory asks, uint256 tick) private pure returns (uint256) {
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
