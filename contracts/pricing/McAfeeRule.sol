// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

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
        _emptyBelow(bids, uint256(whole.bidMarginTick) + 1);
        _emptyFrom(asks, whole.askMarginTick);
        clearing = _matched(bids, asks);
        if (clearing.volumeWh == 0) return clearing;
        (bool isBid, uint256 bidTick) = _bestLosingBid(clearing, bids);
        (bool isAsk, uint256 askTick) = _bestLosingAsk(clearing, asks);
        // If all that was kept fills, the margin that stayed out is the best that does not.
        if (!isBid) bidTick = whole.bidMarginTick;
        if (!isAsk) askTick = whole.askMarginTick;
        clearing.bidPrice = uint32(_priceAt(grid, bidTick));
        clearing.askPrice = uint32(_priceAt(grid, askTick));
        // Below 2^38 Wh times 2^40 by 1000; for prices of 32 bits below 2^61.
        clearing.surplus = uint64((clearing.volumeWh * (bidTick - askTick) * grid.tickSize) / PRICE_UNITS);
    }
}
