// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LadderLib} from "../libraries/LadderLib.sol";
import {MeritOrderRule} from "./MeritOrderRule.sol";

/// @title Nobody who trades sets a price, at the cost of the least valuable trade
/// @notice The price is halfway between the best losing bid and the best losing ask, rounded down, if that suits the
/// marginal orders. If not, or if one of the two is missing, all orders at the marginal ticks stay out; buyers then pay
/// the best bid, and sellers get the best ask, that does not fill. The difference is surplus.
/// - Efficient: no; it loses at most what the margins would have gained. The more orders, the less that is.
/// - Budget balanced: weakly; the surplus is never negative.
/// - Individually rational: yes.
/// - Truthful: on both sides for single units of one size, also where several stand at one tick; not for orders that
///   fill in part.
/// @dev Source: McAfee 1992, A Dominant Strategy Double Auction, Journal of Economic Theory 56(2), 434-450. Where orders
/// share a tick one side can be longer after the reduction: it competes for what is left, as in VickreyRule. Tests:
/// tests/python/reference/test_properties.py.
contract McAfeeRule is MeritOrderRule {
    using LadderLib for uint256;

    uint256 private constant LEAST_TICKS = 2;

    /// @inheritdoc MeritOrderRule
    function requireFits(Grid calldata, uint256 tickCount) external pure override {
        require(tickCount >= LEAST_TICKS, BandTooNarrow(tickCount, LEAST_TICKS));
    }

    function _clear(
        Grid calldata grid,
        uint256[] memory bids,
        uint256[] memory asks
    ) internal pure override returns (Clearing memory clearing) {
        clearing = _matched(bids, asks);
        if (clearing.volumeWh == 0) return clearing;
        (bool isBid, uint256 losingBid) = _bestLosingBid(clearing, bids);
        (bool isAsk, uint256 losingAsk) = _bestLosingAsk(clearing, asks);
        // Twice the middle, in ticks, so that rounding lets no price in that lies beyond a margin.
        uint256 doubled = losingBid + losingAsk;
        bool suits = doubled >= 2 * uint256(clearing.askMarginTick) && doubled <= 2 * uint256(clearing.bidMarginTick);
        if (!isBid || !isAsk || !suits) return _reduced(grid, bids, asks, clearing);
        _setPrice(clearing, grid.floorPrice + (doubled * grid.tickSize) / 2);
    }

    function _reduced(
        Grid calldata grid,
        uint256[] memory bids,
        uint256[] memory asks,
        Clearing memory whole
    ) private pure returns (Clearing memory clearing) {
        // What is better than the margins; below 256 * 2^30.
        uint256 bidWh = whole.volumeWh - whole.bidMarginFilledWh;
        uint256 askWh = whole.volumeWh - whole.askMarginFilledWh;
        uint256 volumeWh = bidWh < askWh ? bidWh : askWh;
        if (volumeWh == 0) return clearing;

        clearing.volumeWh = uint64(volumeWh);
        (uint256 bidTick, uint256 askTick) = (whole.bidMarginTick, whole.askMarginTick);
        (clearing.bidMarginTick, clearing.bidMarginWh, clearing.bidMarginFilledWh, bidTick) = _without(
            bids,
            bidTick,
            true,
            bidWh - volumeWh
        );
        (clearing.askMarginTick, clearing.askMarginWh, clearing.askMarginFilledWh, askTick) = _without(
            asks,
            askTick,
            false,
            askWh - volumeWh
        );
        clearing.bidPrice = uint32(_priceAt(grid, bidTick));
        clearing.askPrice = uint32(_priceAt(grid, askTick));
        // Below 2^38 Wh times 2^40 by 1000; for prices of 32 bits below 2^61.
        clearing.surplus = uint64((volumeWh * (bidTick - askTick) * grid.tickSize) / PRICE_UNITS);
    }

    /// @dev Goes from the margin towards better ticks, and leaves out `droppedWh` of what stands there.
    /// @return marginTick the worst tick of which something is left
    /// @return heldWh what all orders there hold
    /// @return filledWh how much of it is left
    /// @return losingTick the best tick of which something is left out
    function _without(
        uint256[] memory ladder,
        uint256 tick,
        bool isBid,
        uint256 droppedWh
    ) private pure returns (uint16 marginTick, uint32 heldWh, uint32 filledWh, uint256 losingTick) {
        losingTick = tick;
        uint256 wh;
        // Less than all is left out, so that the loop ends before the last tick; at most 256 turns, ticks stay in range.
        unchecked {
            while (true) {
                tick = isBid ? tick + 1 : tick - 1;
                wh = ladder[tick >> 3].heldAt(tick);
                if (wh > droppedWh) break;
                if (wh != 0) losingTick = tick;
                droppedWh -= wh;
            }
        }
        if (droppedWh != 0) losingTick = tick;
        // Casts are safe: ticks are below 256 and quantities below 2^30.
        return (uint16(tick), uint32(wh), uint32(wh - droppedWh), losingTick);
    }
}
