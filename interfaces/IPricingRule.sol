// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title A pure function from aggregated supply and demand to a clearing
/// @notice A venue aggregates its orders by tick and asks a rule for the outcome. A rule knows no participants, keeps no
/// state but the parameters that it was deployed with and moves no money; the same ladder gives the same clearing for ever.
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
    /// @param bidPrice what buyers pay, or with `atOwnPrice` the least that one pays, 0.001 EUR/MWh; 0 without trade
    /// @param askPrice what sellers get, or with `atOwnPrice` the most that one gets; never above `bidPrice`
    /// @param volumeWh energy traded
    /// @param bidMarginTick tick of the worst filled bid
    /// @param bidMarginWh quantity of all bids at that tick
    /// @param bidMarginFilledWh how much of it fills
    /// @param askMarginTick tick of the worst filled ask
    /// @param askMarginWh quantity of all asks at that tick
    /// @param askMarginFilledWh how much of it fills
    /// @param atOwnPrice whether each filled order pays or gets the price of its own tick instead of its side's price
    /// @param surplus what buyers pay beyond what sellers get, 1e-6 EUR, rounded down
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
        bool atOwnPrice;
        uint64 surplus;
    }

    /// @notice Thrown when a ladder does not have 32 words.
    error LadderLengthMismatch(uint256 expected, uint256 found);
    /// @notice Thrown at deployment when k is above 1000 per mille.
    error KOutOfRange(uint256 k, uint256 limit);
    /// @notice Thrown at deployment when the feed-in price is above the retail price, 0.001 EUR/MWh.
    error FeedInAboveRetail(uint256 feedInPrice, uint256 retailPrice);
    /// @notice Thrown when no bid of a band can reach the reserve price, 0.001 EUR/MWh.
    error ReserveAboveBand(uint256 reservePrice, uint256 topPrice);
    /// @notice Thrown when no price from feed-in to retail lies inside a band, 0.001 EUR/MWh.
    error TariffOutsideBand(uint256 feedInPrice, uint256 retailPrice, uint256 floorPrice, uint256 topPrice);
    /// @notice Thrown when a band has too few ticks for anything to be better than a margin.
    error BandTooNarrow(uint256 tickCount, uint256 least);

    /// @notice The clearing of a ladder of bids against a ladder of asks; all zero without trade.
    function clear(
        Grid calldata grid,
        uint256[] calldata bids,
        uint256[] calldata asks
    ) external view returns (Clearing memory);

    /// @notice Refuses a band in which the rule could never trade. A venue asks once, at its deployment.
    /// @param tickCount how many ticks the band has, at least 1
    function requireFits(Grid calldata grid, uint256 tickCount) external view;
}
