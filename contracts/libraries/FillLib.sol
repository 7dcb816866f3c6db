// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {FillTable} from "./FillTable.sol";

/// @title One participant's orders against the margins of a span
/// @notice Better than its side's margin an order fills whole, at the margin it gets its share, worse it gets nothing.
/// Shares are rounded cumulatively in the order of participants: with p Wh of smaller numbers before it at the margin an
/// order of q gets floor((p + q) * filled / margin) - floor(p * filled / margin), so that shares sum to what fills.
/// @dev Eight orders are compared at once: (x | guards) - y leaves a lane's guard where x >= y, and no lane borrows from the next.
/// To run over a sum, 2^25 participants would have to order the most that an order can say. In assembly, because a day has
/// thousands of orders; tests/audit/schedules/test_fills.py holds it against its plain twin, contracts/mocks/PlainFill.sol,
/// and prints what both cost.
library FillLib {
    /// @dev In each lane: a one, the highest bit of a rank's place, all of an order's energy, its side and tick.
    uint256 private constant ONES = 0x0000000100000001000000010000000100000001000000010000000100000001;
    uint256 private constant GUARDS = 0x0080000000800000008000000080000000800000008000000080000000800000;
    uint256 private constant ENERGIES = 0x007fffff007fffff007fffff007fffff007fffff007fffff007fffff007fffff;
    uint256 private constant SPOTS = 0x000001ff000001ff000001ff000001ff000001ff000001ff000001ff000001ff;

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
    /// One block, because a call for each order would cost more than what it does.
    // solhint-disable-next-line function-max-lines
    function _fill(Band memory band) private pure {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            // Adds a fill to what was better than the margins; its money as a head has it.
            function paid(slot, filled) -> money {
                let price := mload(add(slot, 0x60))
                if lt(filled, 0x80000000) {
                    mstore(slot, add(mload(slot), filled))
                    money := shl(160, div(add(mul(filled, price), 999), 1000))
                    leave
                }
                filled := xor(filled, 0x80000000)
                mstore(slot, add(mload(slot), shl(48, filled)))
                money := shl(96, div(add(mul(filled, mload(add(slot, 0x80))), 999), 1000))
                money := or(money, shl(32, div(mul(filled, price), 1000)))
            }
            // The share of one order at the margin, of which stands in `sides` how much there is, in its lowest 40 bits, and
            // how much of it fills above them.
            function share(aheadWh, energyWh, sides) -> filledWh {
                let marginWh := and(sides, 0xffffffffff)
                sides := and(shr(40, sides), 0xffffffffff)
                filledWh := sub(div(mul(add(aheadWh, energyWh), sides), marginWh), div(mul(aheadWh, sides), marginWh))
            }
            // What the orders fill that are looked at: their share at the margin, and nothing if they must not be left out.
            function looked(band_, first, orders, guards) -> filled {
                for {} guards {} {
                    // The lowest guard, and by how many bits its lane is shifted.
                    let lane := and(guards, sub(0, guards))
                    guards := xor(guards, lane)
                    let shift := shl(7, gt(lane, 0xffffffffffffffffffffffffffffffff))
                    shift := or(shift, shl(6, gt(shr(shift, lane), 0xffffffffffffffff)))
                    shift := or(shift, shl(5, gt(shr(shift, lane), 0xffffffff)))
                    // A slot takes seven words.
                    let slot := add(first, mul(7, shift))
                    let energyWh := shr(shift, orders)
                    let isAsk := and(shr(31, energyWh), 1)
                    if sub(and(shr(23, energyWh), 0x1ff), mload(add(slot, shl(5, add(isAsk, 1))))) {
                        mstore(add(band_, 0x40), slot)
                        continue
                    }
                    energyWh := and(energyWh, 0x7fffff)
                    let sums := mload(slot)
                    let aheadWh := and(shr(add(96, mul(48, isAsk)), sums), 0xffffffffffff)
                    sums := add(sums, shl(add(96, mul(48, isAsk)), energyWh))
                    energyWh := share(aheadWh, energyWh, shr(add(27, mul(80, isAsk)), mload(add(slot, 0xc0))))
                    // What is paid is added to what was better.
                    mstore(slot, sub(sums, shl(mul(48, isAsk), energyWh)))
                    if energyWh {
                        filled := or(filled, shl(shift, or(energyWh, shl(31, isAsk))))
                    }
                }
            }
            let slot := add(mload(band), 0x20)
            let at := mload(add(band, 0x60))
            let head := mload(add(band, 0xa0))
            let money := 0
            // Scratch space keeps how far fills stand from orders.
            mstore(0x00, sub(add(head, 0x20), at))
            for {} lt(at, mload(add(band, 0x80))) {
                at := add(at, 0x20)
            } {
                let filled := mload(at)
                let first := add(slot, 0x80)
                if filled {
                    let asks := and(shr(31, filled), ONES)
                    let ranks := or(xor(and(shr(23, filled), SPOTS), mul(asks, 0xff)), GUARDS)
                    asks := mul(asks, 0x3ff)
                    // Guards of orders with energy: of those that fill whole, and of those that are looked at.
                    let some := and(add(and(filled, ENERGIES), ENERGIES), GUARDS)
                    let whole := and(sub(ranks, xor(mload(slot), and(mload(add(slot, 0x20)), asks))), some)
                    let seen := xor(mload(add(slot, 0x40)), and(mload(add(slot, 0x60)), asks))
                    seen := xor(and(sub(ranks, seen), some), whole)
                    // Energy and side.
                    whole := and(filled, or(sub(whole, shr(23, whole)), shl(8, whole)))
                    if seen {
                        whole := or(whole, looked(band, first, filled, seen))
                    }
                    filled := whole
                }
                if and(filled, 0xffffffff) {
                    money := add(money, paid(first, and(filled, 0xffffffff)))
                }
                if and(filled, 0xffffffff00000000) {
                    money := add(money, paid(add(first, 0xe0), and(shr(32, filled), 0xffffffff)))
                }
                if and(filled, 0xffffffff0000000000000000) {
                    money := add(money, paid(add(first, 0x1c0), and(shr(64, filled), 0xffffffff)))
                }
                if and(filled, 0xffffffff000000000000000000000000) {
                    money := add(money, paid(add(first, 0x2a0), and(shr(96, filled), 0xffffffff)))
                }
                if and(filled, 0xffffffff00000000000000000000000000000000) {
                    money := add(money, paid(add(first, 0x380), and(shr(128, filled), 0xffffffff)))
                }
                if and(filled, 0xffffffff0000000000000000000000000000000000000000) {
                    money := add(money, paid(add(first, 0x460), and(shr(160, filled), 0xffffffff)))
                }
                if and(filled, 0xffffffff000000000000000000000000000000000000000000000000) {
                    money := add(money, paid(add(first, 0x540), and(shr(192, filled), 0xffffffff)))
                }
                if shr(224, filled) {
                    money := add(money, paid(add(first, 0x620), shr(224, filled)))
                }
                mstore(add(at, mload(0x00)), filled)
                slot := add(slot, 0x780)
            }
            mstore(add(band, 0x20), add(shr(160, money), and(shr(96, money), 0xffffffffffffffff)))
            // The head, which has the participant.
            mstore(head, or(mload(head), money))
            mstore(add(band, 0xa0), add(at, mload(0x00)))
        }
    }

    /// @notice The slot of the span that `leftOut` means.
    function slotOf(Band memory band) internal pure returns (uint256) {
        return FillTable.slotAt(band.table, band.leftOut);
    }
}
