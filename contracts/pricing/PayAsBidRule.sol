// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LadderLib} from "../libraries/LadderLib.sol";
import {MeritOrderRule} from "./MeritOrderRule.sol";

/// @title Every winner pays or gets its own price
/// @notice The largest volume trades; each bid pays its own limit and each ask gets its own. The difference is surplus.
/// - Efficient: yes, for the limits stated.
/// - Budget balanced: weakly; the surplus is never negative.
/// - Individually rational: yes, with nothing to gain for whoever states its true limit.
/// - Truthful: no, on neither side, for single units neither: whoever knows the margin bids just beyond it.
/// @dev Source: the discriminatory auction, Krishna 2010, Auction Theory, 2nd ed., chapter 12. Tests:
/// tests/python/reference/test_properties.py.
contract PayAsBidRule is MeritOrderRule {
    using LadderLib for uint256;

    function _clear(
        Grid calldata grid,
        uint256[] memory bids,
        uint256[] memory asks
    ) internal pure override returns (Clearing memory clearing) {
        clearing = _matched(bids, asks);
        if (clearing.volumeWh == 0) return clearing;
        (uint256 bidTick, uint256 askTick) = (clearing.bidMarginTick, clearing.askMarginTick);
        clearing.bidPrice = uint32(_priceAt(grid, bidTick));
        clearing.askPrice = uint32(_priceAt(grid, askTick));
        clearing.atOwnPrice = true;
        // In ticks: the floor price, paid and got for the same volume, falls out of the difference.
        uint256 paid = clearing.bidMarginFilledWh * bidTick + _worth(bids, bidTick + 1, LadderLib.TICKS);
        uint256 got = clearing.askMarginFilledWh * askTick + _worth(asks, 0, askTick);
        // Below 2^38 Wh times 2^40 (a tick below 2^8 and a size below 2^32) by 1000; for prices of 32 bits below 2^61.
        clearing.surplus = uint64(((paid - got) * grid.tickSize) / PRICE_UNITS);
    }

    /// @dev The sum of quantity times tick from `first` to before `end`, at most 256 turns.
    function _worth(uint256[] memory ladder, uint256 first, uint256 end) private pure returns (uint256 sum) {
        // Below 2^38 Wh times 2^8.
        unchecked {
            for (uint256 tick = first; tick < end; ++tick) {
                sum += ladder[tick >> 3].heldAt(tick) * tick;
            }
        }
    }
}
