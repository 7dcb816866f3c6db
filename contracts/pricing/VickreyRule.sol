// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {MeritOrderRule} from "./MeritOrderRule.sol";

/// @title Winners pay the best losing bid
/// @notice The highest bids win. All pay one price: the best bid that loses, or the marginal ask or the reserve price
/// where that is higher. Bids below the reserve price do not take part; a marginal bid that fills in part loses in part.
/// - Efficient: yes, for the limits stated, among bids from the reserve price on.
/// - Budget balanced: yes, exactly; sellers get what buyers pay.
/// - Individually rational: yes.
/// - Truthful: for buyers of a single unit each; not for buyers who fill in part (a lower bid then lowers its own price),
///   and not for sellers (the marginal ask can set the price).
/// @dev Source: Vickrey 1961, Journal of Finance 16(1), 8-37; with several sellers the (M+1)st price of Wurman, Walsh &
/// Wellman 1998, Decision Support Systems 24(1), 17-27; for energy Hahn et al. 2017. Tests:
/// tests/python/reference/test_properties.py.
contract VickreyRule is MeritOrderRule {
    /// @notice Lowest price at which anything is sold, 0.001 EUR/MWh.
    uint32 public immutable reservePrice;

    constructor(uint32 reservePrice_) {
        reservePrice = reservePrice_;
    }

    /// @inheritdoc MeritOrderRule
    function requireFits(Grid calldata grid, uint256 tickCount) external view override {
        uint256 topPrice = _priceAt(grid, tickCount - 1);
        require(reservePrice <= topPrice, ReserveAboveBand(reservePrice, topPrice));
    }

    function _clear(
        Grid calldata grid,
        uint256[] memory bids,
        uint256[] memory asks
    ) internal view override returns (Clearing memory clearing) {
        _emptyBelow(bids, _tickFrom(grid, reservePrice));
        clearing = _matched(bids, asks);
        if (clearing.volumeWh == 0) return clearing;
        // Of the bids that take part: one below the reserve price would not count beside it. Without any the tick is 0.
        (, uint256 tick) = _bestLosingBid(clearing, bids);
        if (tick < clearing.askMarginTick) tick = clearing.askMarginTick;
        uint256 price = _priceAt(grid, tick);
        _setPrice(clearing, price < reservePrice ? reservePrice : price);
    }
}
