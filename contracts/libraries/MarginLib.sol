// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title The margins of a slot, in one word
/// @notice Who posts a book brings them; the walk over all orders proves them.
/// @dev A place is a tick plus one, so that zero is below all ticks.
///
///   250    219 218  187 186       147 146       107 106       67 66        27 26  18 17   9 8    0
///   | missing | price  | askFilledWh | askMarginWh | bidFilledWh | bidMarginWh | cut  | ask  | bid  |
///
///   bid          place of the worst filled bid, 257 without trade      better bids fill whole
///   ask          place of the worst filled ask, 0 without trade        better asks fill whole
///   cut          whoever is left out: bids stand below it, asks at it or above
///   ..MarginWh   what all orders at the margin come to
///   ..FilledWh   how much of that fills
///   price        zero where margins are posted; the walk adds it, 0.001 EUR/MWh
///   missing      what the price lacks to the cover price; the same
library MarginLib {
    uint256 internal constant NO_BID = 257;
    uint256 private constant PLACE = 0x1ff;
    uint256 private constant ENERGY = 0xffffffffff;
    uint256 private constant PER_MILLE = 1000;

    function bidOf(uint256 margins) internal pure returns (uint256) {
        return margins & PLACE;
    }

    function askOf(uint256 margins) internal pure returns (uint256) {
        return (margins >> 9) & PLACE;
    }

    function cutOf(uint256 margins) internal pure returns (uint256) {
        return (margins >> 18) & PLACE;
    }

    function bidMarginOf(uint256 margins) internal pure returns (uint256) {
        return (margins >> 27) & ENERGY;
    }

    function bidFilledOf(uint256 margins) internal pure returns (uint256) {
        return (margins >> 67) & ENERGY;
    }

    function askMarginOf(uint256 margins) internal pure returns (uint256) {
        return (margins >> 107) & ENERGY;
    }

    function askFilledOf(uint256 margins) internal pure returns (uint256) {
        return (margins >> 147) & ENERGY;
    }

    function priceOf(uint256 margins) internal pure returns (uint256) {
        return uint32(margins >> 187);
    }

    function missingOf(uint256 margins) internal pure returns (uint256) {
        return uint32(margins >> 219);
    }

    /// @notice Whether posted margins can be those of a slot: without trade nothing fills; with trade both margins fill at
    /// least in part, they cross, at most one side is rationed, and what it leaves out is on its side of the cut.
    function isConsistent(uint256 margins) internal pure returns (bool) {
        (uint256 bid, uint256 ask, uint256 cut) = (bidOf(margins), askOf(margins), cutOf(margins));
        if (margins >> 27 == 0) return bid == NO_BID && ask == 0;
        (uint256 bidFilled, uint256 askFilled) = (bidFilledOf(margins), askFilledOf(margins));
        if (margins >> 187 != 0 || bid >= NO_BID || ask == 0 || bid < ask) return false;
        if (bidFilled == 0 || bidFilled > bidMarginOf(margins)) return false;
        if (askFilled == 0 || askFilled > askMarginOf(margins)) return false;
        if (bidFilled < bidMarginOf(margins) && cut <= bid) return false;
        return askFilled == askMarginOf(margins) || cut <= ask;
    }

    /// @notice The margins with the price, k per mille of the way from the marginal ask up to the marginal bid, rounded
    /// down, as UniformPriceRule has it.
    function priced(
        uint256 margins,
        uint256 floorPrice,
        uint256 tickSize,
        uint256 k,
        uint256 coverPrice
    ) internal pure returns (uint256) {
        if (margins >> 27 == 0) return margins;
        // Consistent, so the bid's place is not below the ask's, which is at least 1. The venue's band keeps prices in 32
        // bits for ticks inside it; a place beyond it holds no order, and a margin holds some.
        unchecked {
            uint256 spread = (bidOf(margins) - askOf(margins)) * tickSize;
            uint256 price = uint32(floorPrice + (askOf(margins) - 1) * tickSize + (spread * k) / PER_MILLE);
            uint256 missing = price < coverPrice ? coverPrice - price : 0;
            return margins | (price << 187) | (missing << 219);
        }
    }
}
