// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title A pure function from aggregated supply and demand to a clearing
/// @notice A venue aggregates its orders by tick and asks a rule for the outcome. A rule knows no participants, keeps no
/// state and moves no money; the same ladder gives the same clearing for ever.
/// @dev A ladder is an array of 32 words. Tick t stands in word t / 8 at bits 30 * (t % 8); quantities are Wh below 2^30.
/// The sixteen highest bits of a word do not belong to the ladder and must be zero here.
interface IPricingRule {
    /// @notice The prices of ticks: price(t) = floorPrice + t * tickSize, in 0.001 EUR/MWh.
    struct Grid {
        uint32 floorPrice;
        uint32 tickSize;
    }

    /// @notice The outcome of a slot. An order better than its side's margin fills whole, one at the margin gets its share
    /// of `marginFilledWh` by cumulative rounding, a worse one nothing.
    /// @param bidPrice what buyers pay, 0.001 EUR/MWh; 0 without trade
    /// @param askPrice what sellers get, 0.001 EUR/MWh; never above `bidPrice`
    /// @param volumeWh energy traded
    /// @param bidMarginTick tick of the worst filled bid
    /// @param bidMarginWh quantity of all bids at that tick
    /// @param bidMarginFilledWh how much of it fills
    /// @param askMarginTick tick of the worst filled ask
    /// @param askMarginWh quantity of all asks at that tick
    /// @param askMarginFilledWh how much of it fills
    struct Clearing {
        uint32 bidPrice;
        uint32 askPrice;
        uint64 volumeWh;
        uint16 bidMarginTick;
        uint32 bidMarginWh;
        uint32 bidMarginFilledWh;
        uint16 askMarginTick;
        uint32 askMarginWh;
        uint32 askMarginFilledWh;
    }

    /// @notice Thrown when a ladder does not have 32 words.
    error LadderLengthMismatch(uint256 expected, uint256 found);

    /// @notice The clearing of a ladder of bids against a ladder of asks; all zero without trade.
    function clear(
        Grid calldata grid,
        uint256[] calldata bids,
        uint256[] calldata asks
    ) external pure returns (Clearing memory);
}
