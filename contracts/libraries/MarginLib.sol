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

    /// @notice The margins with their price and what it lacks to the cover price; zero if they cannot be those of a slot.
    /// The price is k per mille of the way from the marginal ask up to the marginal bid, rounded down, as UniformPriceRule
    /// has it.
    function planned(
        uint256 margins,
        uint256 floorPrice,
        uint256 tickSize,
        uint256 k,
        uint256 coverPrice
    ) internal pure returns (uint256) {
        if (margins >> 27 == 0) return bidOf(margins) == NO_BID && askOf(margins) == 0 ? margins : 0;
        if (!_isConsistent(margins)) return 0;
        // Consistent, so the bid's place is not below the ask's, which is at least 1. The venue's band keeps prices in 32
        // bits for ticks inside it; a place beyond it holds no order, and a margin holds some.
        unchecked {
            uint256 spread = (bidOf(margins) - askOf(margins)) * tickSize;
            uint256 price = uint32(floorPrice + (askOf(margins) - 1) * tickSize + (spread * k) / PER_MILLE);
            uint256 missing = price < coverPrice ? coverPrice - price : 0;
            return margins | (price << 187) | (missing << 219);
        }
    }

    /// @dev Whether margins with trade can be those of a slot: both margins fill at least in part, they cross, at most one
    /// side is rationed, and what it leaves out is on its side of the cut. In assembly, because a book has a word for each
    /// slot; contracts/mocks/PlainFill.sol says it in plain words.
    function _isConsistent(uint256 margins) private pure returns (bool isRight) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let bid := and(margins, PLACE)
            let ask := and(shr(9, margins), PLACE)
            let cut := and(shr(18, margins), PLACE)
            // Places of bids run up to 256, and no price was posted.
            let isWrong := or(or(shr(187, margins), gt(bid, 256)), or(iszero(ask), lt(bid, ask)))
            // From 1 to what stands at the margin fills; of zero one less is far above that.
            let whole := and(shr(27, margins), ENERGY)
            let filled := and(shr(67, margins), ENERGY)
            isWrong := or(isWrong, iszero(lt(sub(filled, 1), whole)))
            isWrong := or(isWrong, and(lt(filled, whole), iszero(gt(cut, bid))))
            whole := and(shr(107, margins), ENERGY)
            filled := and(shr(147, margins), ENERGY)
            isWrong := or(isWrong, iszero(lt(sub(filled, 1), whole)))
            isRight := iszero(or(isWrong, and(lt(filled, whole), gt(cut, ask))))
        }
    }
}
