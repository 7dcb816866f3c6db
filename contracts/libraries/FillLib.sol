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

    /// @dev What a walk needs for all participants. Money is what the last one's purchases cost, sales bind and sales earn,
    /// 1e-6 EUR; `leftOut` is not zero if it must not be left out of a slot, see `slotOf`. The rest is the assembly's own.
    struct Band {
        uint256[] table;
        uint256 payment;
        uint256 cover;
        uint256 revenue;
        uint256 leftOut;
        uint256 from;
        uint256 to;
        uint256 out;
    }

    /// @notice A table of so many slots, all zero.
    function newTable(uint256 slots) internal pure returns (uint256[] memory) {
        return new uint256[](slots * STRIDE);
    }

    /// @notice Writes a slot of a table.
    function setSlot(uint256[] memory table, uint256 slot, uint256 plan, uint256 sums) internal pure {
        uint256 place = slot * STRIDE;
        table[place] = sums;
        // Places are ticks plus one, and zero or 257 without trade.
        unchecked {
            table[place + 1] = plan.bidOf() - 1;
            table[place + 2] = plan.askOf() + 255;
            table[place + 5] = plan.cutOf() == 0 ? 0 : plan.cutOf() - 1;
        }
        table[place + 3] = plan.priceOf();
        table[place + 4] = plan.missingOf();
        table[place + 6] = plan;
    }

    function sumsOf(uint256[] memory table, uint256 slot) internal pure returns (uint256) {
        return table[slot * STRIDE];
    }

    function planOf(uint256[] memory table, uint256 slot) internal pure returns (uint256) {
        return table[slot * STRIDE + 6];
    }

    /// @notice Fills all orders, adds them to the sums, and writes the fills from word `place` on.
    function fill(Band memory band, uint256[] calldata orders, uint256[] memory fills, uint256 place) internal pure {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(add(band, 0x80), 0)
            mstore(add(band, 0xa0), orders.offset)
            mstore(add(band, 0xc0), add(orders.offset, shl(5, orders.length)))
            mstore(add(band, 0xe0), add(add(fills, 0x20), shl(5, place)))
        }
        _fill(band);
    }

    /// @dev Money is below 2^64: the venue keeps a whole span's below 2^48. Shares divide only by what stands at a margin of
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
            let slot := add(mload(band), 0x20)
            let payment := 0
            let cover := 0
            let revenue := 0
            let at := mload(add(band, 0xa0))
            for {} lt(at, mload(add(band, 0xc0))) {
                at := add(at, 0x20)
            } {
                let word := calldataload(at)
                let filled := 0
                let shift := 0
                for {} word {} {
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
                                    mstore(add(band, 0x80), sub(slot, mload(band)))
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
                                mstore(add(band, 0x80), sub(slot, mload(band)))
                                break
                            }
                            if eq(spot, mload(add(slot, 0x40))) {
                                spot := shr(144, mload(slot))
                                mstore(slot, add(mload(slot), shl(144, energyWh)))
                                energyWh := share(spot, energyWh, shr(107, mload(add(slot, 0xc0))))
                                if iszero(energyWh) {
                                    break
                                }
                                spot := 0
                            }
                            // Where the spot is left an ask's, the whole order fills.
                            if spot {
                                mstore(slot, add(mload(slot), shl(48, energyWh)))
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
                // Over the slots that have no more orders in this word: seven words each.
                slot := add(slot, mul(7, sub(256, shift)))
                let out := mload(add(band, 0xe0))
                mstore(out, filled)
                mstore(add(band, 0xe0), add(out, 0x20))
            }
            mstore(add(band, 0x20), payment)
            mstore(add(band, 0x40), cover)
            mstore(add(band, 0x60), revenue)
        }
    }

    /// @notice The slot of the span that `leftOut` means.
    function slotOf(uint256 leftOut) internal pure returns (uint256) {
        // It counts bytes from the table's length, which takes one word.
        return (leftOut - 0x20) / (STRIDE * 0x20);
    }
}
