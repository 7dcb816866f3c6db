// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title The price of the supply/demand ratio
/// @notice With r = supply / demand: feedIn * retail / ((retail - feedIn) * r + feedIn) for r up to 1, feedIn beyond.
/// @dev Source: Liu et al. 2017, Energy-Sharing Model with Price-Based Demand Response for Microgrids of Peer-to-Peer
/// Prosumers, IEEE Transactions on Power Systems 32(5), 3569-3583, equation (8), the price at which the community sells.
library RatioLib {
    /// @notice The price, rounded down, 0.001 EUR/MWh: feed-in if supply covers demand, retail without supply, between them
    /// otherwise. A feed-in price of zero makes it zero as soon as anything is offered: the limit of the formula.
    /// @dev Needs feedInPrice <= retailPrice < 2^32 and energies below 2^64 Wh.
    function priceOf(
        uint256 supplyWh,
        uint256 demandWh,
        uint256 feedInPrice,
        uint256 retailPrice
    ) internal pure returns (uint256) {
        if (supplyWh >= demandWh) return feedInPrice;
        if (supplyWh == 0) return retailPrice;
        if (feedInPrice == 0) return 0;
        // Products of 32, 32 and 64 bits; the divisor is at least feedIn * demand, and neither of them is zero here.
        unchecked {
            uint256 weighted = (retailPrice - feedInPrice) * supplyWh + feedInPrice * demandWh;
            return (feedInPrice * retailPrice * demandWh) / weighted;
        }
    }
}
