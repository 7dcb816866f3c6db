// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {MarginLib} from "./MarginLib.sol";

/// @title One participant's orders against the margins of a span
/// @notice Better than its side's margin an order fills whole, at the margin it gets its share, worse it gets nothing.
/// Shares are rounded cumulatively in the order of participants: with p Wh of smaller numbers before it at the margin an
/// order of q gets floor((p + q) * filled / margin) - floor(p * filled / margin), so that shares sum to what fills.
/// @dev A slot has seven words of a table:
///
///   0  sums of what was better than the margins and of what stood at them:
///      | zero 64 | askMarginWh 48 | bidMarginWh 48 | askWh 48 | bidWh 48 |
///   1  tick of the worst filled bid; 256 if none fills         3  price, 0.001 EUR/MWh
///   2  256 + tick of the worst filled ask; 255 if none fills   4  what the price lacks to the cover price
///   5  the cut: bids that are left out stand below it, asks at it or above
///   6  the margins (MarginLib)
///
/// To run over a sum, 2^25 participants would have to order the most that an order can say. In assembly, because a day has
/// thousands of orders; tests/audit/schedules/test_fills.py holds it against its plain twin, contracts/mocks/PlainFill.sol,
/// and prints what both cost.
library FillLib {
    using MarginLib for uint256;

    uint256 private constant STRIDE = 7;

    /// @dev What a walk needs for all participants. `bound` is what the last one's purchases cost and sales bind, 1e-6 EUR;
    /// `leftOut` is not zero if somebody must not be left out of a slot, see `slotOf`.
    struct Band {
        uint256[] table;
        uint256 bound;
        uint256 leftOut;
        uint256 from;
        uint256 to;
        uint256 out;
    }

    /// @notice A table of so many slots, all zero.
    function newTable(uint256 slots) internal pure returns (uint256[] memory) {
        return new uint256[](slots * STRIDE);
    }

    /// @notice Writes a slot of a table, which has it.
    function setSlot(uint256[] memory table, uint256 slot, uint256 plan, uint256 sums) internal pure {
        // Places are ticks plus one, and zero or 257 without trade.
        unchecked {
            uint256 worstBid = plan.bidOf() - 1;
            uint256 worstAsk = plan.askOf() + 255;
            uint256 cut = plan.cutOf() == 0 ? 0 : plan.cutOf() - 1;
            uint256 price = plan.priceOf();
            uint256 missing = plan.missingOf();
            // solhint-disable-next-line no-inline-assembly
            assembly ("memory-safe") {
                let at := add(add(table, 0x20), mul(slot, 0xe0))
                mstore(at, sums)
                mstore(add(at, 0x20), worstBid)
                mstore(add(at, 0x40), worstAsk)
                mstore(add(at, 0x60), price)
                mstore(add(at, 0x80), missing)
                mstore(add(at, 0xa0), cut)
                mstore(add(at, 0xc0), plan)
            }
        }
    }

    /// @notice Where in memory a table's first slot stands.
    function placeOf(uint256[] memory table) internal pure returns (uint256 place) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            place := add(table, 0x20)
        }
    }

    /// @notice The sums of a slot, which the table has.
    function sumsOf(uint256[] memory table, uint256 slot) internal pure returns (uint256 sums) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            sums := mload(add(add(table, 0x20), mul(slot, 0xe0)))
        }
    }

    /// @notice Whether what stood at a slot's margins is what was said, and both sides come to the same volume.
    function isMatched(uint256[] memory table, uint256 slot) internal pure returns (bool matched) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let at := add(add(table, 0x20), mul(slot, 0xe0))
            let sums := mload(at)
            let plan := mload(add(at, 0xc0))
            let bought := add(and(sums, 0xffffffffffff), and(shr(67, plan), 0xffffffffff))
            let sold := add(and(shr(48, sums), 0xffffffffffff), and(shr(147, plan), 0xffffffffff))
            let bids := sub(and(shr(96, sums), 0xffffffffffff), and(shr(27, plan), 0xffffffffff))
            let asks := sub(shr(144, sums), and(shr(107, plan), 0xffffffffff))
            matched := iszero(or(or(bids, asks), sub(bought, sold)))
        }
    }

    /// @notice Fills the orders in memory from byte `from` of the band to `to`, adds them to the sums, and writes the
    /// participant's head and as many words of fills to `out`, which goes on behind them.
    function fill(Band memory band, uint256 participantId) internal pure {
        uint256 out = band.out;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(out, shl(224, participantId))
        }
        _fill(band);
    }

    /// @dev Money is below 2^64: the venue keeps a whole span's below 2^42. Shares divide only by what stands at a margin of
    /// consistent margins, which is not zero.
    /// One loop, because a call for each order would cost more than what it does.
    // solhint-disable-next-line function-max-lines
    function _fill(Band memory band) private pure {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            // `sides` has what stands at the margin in its lowest 40 bits, and how much of it fills above them.
            function share(aheadWh, energyWh, sides) -> filledWh {
                let marginWh := and(sides, 0xffffffffff)
                sides := and(shr(40, sides), 0xffffffffff)
                filledWh := sub(div(mul(add(aheadWh, energyWh), sides), marginWh), div(mul(aheadWh, sides), marginWh))
            }
            let payment := 0
            let cover := 0
            let revenue := 0
            let slot := add(mload(band), 0x20)
            let at := mload(add(band, 0x60))
            // Scratch space keeps how far fills stand from orders: more variables the stack does not reach.
            mstore(0x00, sub(mload(add(band, 0xa0)), at))
            for {} 1 {} {
                let filled := 0
                let shift := 0
                for {
                    let word := mload(at)
                } word {} {
                    let energyWh := and(word, 0x7fffff)
                    if energyWh {
                        // The side above the tick: bids below 256, asks from there on.
                        let spot := and(shr(23, word), 0x1ff)
                        for {} 1 {} {
                            if lt(spot, 256) {
                                if gt(spot, mload(add(slot, 0x20))) {
                                    mstore(slot, add(mload(slot), energyWh))
                                    filled := or(filled, shl(shift, energyWh))
                                    payment := add(payment, div(add(mul(energyWh, mload(add(slot, 0x60))), 999), 1000))
                                    break
                                }
                                if lt(spot, mload(add(slot, 0x20))) {
                                    if lt(spot, mload(add(slot, 0xa0))) {
                                        break
                                    }
                                    mstore(add(band, 0x40), sub(slot, mload(band)))
                                    break
                                }
                                spot := and(shr(96, mload(slot)), 0xffffffffffff)
                                mstore(slot, add(mload(slot), shl(96, energyWh)))
                                energyWh := share(spot, energyWh, shr(27, mload(add(slot, 0xc0))))
                                filled := or(filled, shl(shift, energyWh))
                                payment := add(payment, div(add(mul(energyWh, mload(add(slot, 0x60))), 999), 1000))
                                break
                            }
                            if gt(spot, mload(add(slot, 0x40))) {
                                if iszero(lt(sub(spot, 256), mload(add(slot, 0xa0)))) {
                                    break
                                }
                                mstore(add(band, 0x40), sub(slot, mload(band)))
                                break
                            }
                            if lt(spot, mload(add(slot, 0x40))) {
                                mstore(slot, add(mload(slot), shl(48, energyWh)))
                                filled := or(filled, shl(shift, or(energyWh, 0x80000000)))
                                revenue := add(revenue, div(mul(energyWh, mload(add(slot, 0x60))), 1000))
                                cover := add(cover, div(add(mul(energyWh, mload(add(slot, 0x80))), 999), 1000))
                                break
                            }
                            spot := shr(144, mload(slot))
                            mstore(slot, add(mload(slot), shl(144, energyWh)))
                            energyWh := share(spot, energyWh, shr(107, mload(add(slot, 0xc0))))
                            if iszero(energyWh) {
                                break
                            }
                            filled := or(filled, shl(shift, or(energyWh, 0x80000000)))
                            revenue := add(revenue, div(mul(energyWh, mload(add(slot, 0x60))), 1000))
                            cover := add(cover, div(add(mul(energyWh, mload(add(slot, 0x80))), 999), 1000))
                            break
                        }
                    }
                    word := shr(32, word)
                    shift := add(shift, 32)
                    slot := add(slot, 0xe0)
                }
                at := add(at, 0x20)
                mstore(add(at, mload(0x00)), filled)
                if eq(at, mload(add(band, 0x80))) {
                    break
                }
                // Over the slots that have no more orders in this word: seven words each.
                slot := add(slot, mul(7, sub(256, shift)))
            }
            mstore(add(band, 0x20), add(payment, cover))
            payment := or(or(shl(160, payment), shl(96, cover)), shl(32, revenue))
            cover := mload(add(band, 0xa0))
            // The head, which has the participant.
            mstore(cover, or(mload(cover), payment))
            mstore(add(band, 0xa0), add(add(at, mload(0x00)), 0x20))
        }
    }

    /// @notice The slot of the span that `leftOut` means.
    function slotOf(uint256 leftOut) internal pure returns (uint256) {
        // It counts bytes from the table's length, which takes one word.
        return (leftOut - 0x20) / (STRIDE * 0x20);
    }
}
