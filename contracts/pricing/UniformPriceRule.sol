// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {MeritOrderRule} from "./MeritOrderRule.sol";

/// @title One price for all, k of the way from the marginal ask up to the marginal bid
/// @notice The largest volume trades; price = ask + k (bid - ask), rounded down. k = 0 favours buyers, 1 sellers.
/// - Efficient: yes, for the limits stated; nobody left out would trade with anybody.
/// - Budget balanced: yes, exactly; no surplus.
/// - Individually rational: yes; the price lies between the margins.
/// - Truthful: no, on neither side, for single units neither: a marginal order moves the price towards itself. The
///   more orders, the less that is worth.
/// @dev Source: Chatterjee & Samuelson 1983, Bargaining under Incomplete Information, Operations Research 31(5), 835-851;
/// for many traders Rustichini, Satterthwaite & Williams 1994, Econometrica 62(5), 1041-1063. Tests:
/// tests/python/reference/test_properties.py.
contract UniformPriceRule is MeritOrderRule {
    uint256 private constant PER_MILLE = 1000;

    /// @notice How far the price stands from the marginal ask towards the marginal bid, per mille.
    uint256 public immutable k;

    constructor(uint256 k_) {
        require(k_ <= PER_MILLE, KOutOfRange(k_, PER_MILLE));

        k = k_;
    }

    function _clear(
        Grid calldata grid,
        uint256[] memory bids,
        uint256[] memory asks
    ) internal view override returns (Clearing memory clearing) {
        clearing = _matched(bids, asks);
        if (clearing.volumeWh == 0) return clearing;
        // The margins cross: the bid's tick is not below the ask's.
        uint256 spread = uint256(clearing.bidMarginTick - clearing.askMarginTick) * grid.tickSize;
        _setPrice(clearing, _priceAt(grid, clearing.askMarginTick) + (spread * k) / PER_MILLE);
    }
}
