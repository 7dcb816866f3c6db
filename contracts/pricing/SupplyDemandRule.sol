// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LadderLib} from "../libraries/LadderLib.sol";
import {RatioLib} from "../libraries/RatioLib.sol";
import {MeritOrderRule} from "./MeritOrderRule.sol";

/// @title One price that follows the ratio of supply to demand
/// @notice With SDR = all that is asked / all that is bid the price is feedIn retail / ((retail - feedIn) SDR + feedIn)
/// below SDR = 1 and the feed-in price from there on, rounded down. Orders whose limit it breaks stay out.
/// - Efficient: no; what the price keeps out might have traded.
/// - Budget balanced: yes, exactly; no surplus.
/// - Individually rational: yes.
/// - Truthful: no, on neither side, for single units neither: limits do not move the price, but whether one is served
///   when the other side is shorter does hang on them; and quantity moves the price.
/// @dev Source: Liu et al. 2017, IEEE Transactions on Power Systems 32(5), 3569-3583, its internal selling price; the idea
/// in Park et al. 2018. Tests: tests/python/reference/test_properties.py.
contract SupplyDemandRule is MeritOrderRule {
    using LadderLib for uint256;

    /// @notice What the grid operator pays for energy, 0.001 EUR/MWh: the lowest price.
    uint32 public immutable feedInPrice;
    /// @notice What the grid operator asks for energy, 0.001 EUR/MWh: the highest price.
    uint32 public immutable retailPrice;

    constructor(uint32 feedInPrice_, uint32 retailPrice_) {
        require(feedInPrice_ <= retailPrice_, FeedInAboveRetail(feedInPrice_, retailPrice_));

        feedInPrice = feedInPrice_;
        retailPrice = retailPrice_;
    }

    /// @inheritdoc MeritOrderRule
    function requireFits(Grid calldata grid, uint256 tickCount) external view override {
        uint256 topPrice = _priceAt(grid, tickCount - 1);
        bool meets = feedInPrice <= topPrice && retailPrice >= grid.floorPrice;
        require(meets, TariffOutsideBand(feedInPrice, retailPrice, grid.floorPrice, topPrice));
    }

    function _clear(
        Grid calldata grid,
        uint256[] memory bids,
        uint256[] memory asks
    ) internal view override returns (Clearing memory clearing) {
        uint256 price = priceOf(_total(asks), _total(bids));
        _emptyBelow(bids, _tickFrom(grid, price));
        _emptyFrom(asks, _tickFrom(grid, price + 1));
        clearing = _matched(bids, asks);
        if (clearing.volumeWh != 0) _setPrice(clearing, price);
    }

    /// @notice The price of a ratio, 0.001 EUR/MWh: the feed-in price without demand, the retail price without supply.
    function priceOf(uint256 supplyWh, uint256 demandWh) public view returns (uint256) {
        return RatioLib.priceOf(supplyWh, demandWh, feedInPrice, retailPrice);
    }

    function _total(uint256[] memory ladder) private pure returns (uint256) {
        uint256 lanes;
        // 32 turns; lanes are below 2^60, see LadderLib.
        for (uint256 i = 0; i < LadderLib.WORDS; ++i) {
            lanes += ladder[i].lanesOf();
        }
        return lanes.totalOf();
    }
}
