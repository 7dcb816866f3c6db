// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Signed orders of single slots, the quick way
/// @notice Walks entries that need no questions: signed by an owner key on a page of the roster that is fresh, by ascending
/// participants, better than the margins or left out behind the cut. Any other entry is left as it is to ScheduleWalk, which
/// could walk these too: tests/audit/schedules/test_entries.py walks the same books both ways. How far it goes
/// contracts/mocks/PlainSingle.sol says in plain words, and tests/audit/schedules/test_singles.py holds one against the other.
/// @dev One loop in assembly, because an order of a single slot is little more than its signature: entry by entry
/// it costs a tenth more.
library SingleLib {
    /// @dev Bytes of an entry, see ScheduleLib.
    uint256 private constant STRIDE = 73;
    /// @dev Of a record, see IKeyRoster: all but `until`.
    uint256 private constant WHO = 0xffffffffffffffffffffffffffffffffffffffffffffff0000000000ffffffff;
    /// @dev Half the curve's order.
    uint256 private constant HALF = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @dev Places in memory of the frame (ScheduleLib), of the slot's words (FillTable) and of the records of `page`; members go
    /// to `out`, as far as `end`.
    struct Single {
        uint256 frame;
        uint256 slot;
        uint256 records;
        uint256 page;
        uint256 zone;
        uint256 lastId;
        uint256 out;
        uint256 end;
    }

    /// @notice Walks entries from byte `at` of the input up to `to`, or to the first that needs more, or until a group is full.
    /// @return next where the walk has to go on
    // solhint-disable-next-line function-max-lines
    function walk(Single memory single, uint256 at, uint256 to) internal view returns (uint256 next) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            next := at
            let frame := mload(single)
            let slot := mload(add(single, 0x20))
            for {} lt(next, to) {} {
                // Source and number; zero is a signed schedule.
                let id := shr(216, calldataload(next))
                if or(shr(32, id), iszero(gt(id, mload(add(single, 0xa0))))) {
                    break
                }
                if sub(shr(8, id), mload(add(single, 0x60))) {
                    break
                }
                let record := mload(add(mload(add(single, 0x40)), shl(5, and(id, 0xff))))
                if iszero(lt(timestamp(), and(shr(32, record), 0xffffffffff))) {
                    break
                }
                let order := shr(224, calldataload(add(next, 69)))
                // What the order fills, its money as in a head, and what it adds to the sums.
                let filled := and(order, 0x7fffff)
                let money := 0
                let sum := 0
                if filled {
                    let spot := shr(23, order)
                    if lt(spot, 256) {
                        let worst := mload(add(slot, 0x20))
                        if gt(spot, worst) {
                            sum := filled
                            money := shl(160, div(add(mul(filled, mload(add(slot, 0x60))), 999), 1000))
                        }
                        if iszero(sum) {
                            if or(eq(spot, worst), iszero(lt(spot, mload(add(slot, 0xa0))))) {
                                break
                            }
                            filled := 0
                        }
                    }
                    if gt(spot, 255) {
                        let worst := mload(add(slot, 0x40))
                        if lt(spot, worst) {
                            sum := shl(48, filled)
                            money := shl(32, div(mul(filled, mload(add(slot, 0x60))), 1000))
                            worst := div(add(mul(filled, mload(add(slot, 0x80))), 999), 1000)
                            money := or(money, shl(96, worst))
                            filled := or(filled, 0x80000000)
                        }
                        if iszero(sum) {
                            if or(eq(spot, worst), lt(sub(spot, 256), mload(add(slot, 0xa0)))) {
                                break
                            }
                            filled := 0
                        }
                    }
                }
                mstore(0x00, order)
                mstore(add(frame, 0x40), id)
                mstore(add(frame, 0x80), keccak256(0x00, 0x20))
                mstore(add(frame, 0xc2), keccak256(frame, 0xa0))
                calldatacopy(add(frame, 0xe2), add(next, 5), 0x40)
                order := mload(add(frame, 0x102))
                mstore(add(frame, 0x160), add(27, shr(255, order)))
                order := and(order, sub(shl(255, 1), 1))
                if gt(order, HALF) {
                    break
                }
                mstore(add(frame, 0x1a0), order)
                mstore(add(frame, 0x180), mload(add(frame, 0xe2)))
                mstore(add(frame, 0x140), keccak256(add(frame, 0xa0), 0x42))
                mstore(0x00, 0)
                pop(staticcall(gas(), 1, add(frame, 0x140), 0x80, 0x00, 0x20))
                if sub(and(record, WHO), or(shl(72, mload(0x00)), mload(add(single, 0x80)))) {
                    break
                }
                // From here on the entry is walked.
                mstore(add(single, 0xa0), id)
                mstore(0x00, mload(add(frame, 0x200)))
                mstore(0x20, keccak256(add(frame, 0xc2), 0x60))
                mstore(add(frame, 0x200), keccak256(0x00, 0x40))
                mstore(slot, add(mload(slot), sum))
                let out := mload(add(single, 0xc0))
                mstore(out, or(shl(224, id), money))
                mstore(add(out, 0x20), filled)
                out := add(out, 0x40)
                mstore(add(single, 0xc0), out)
                next := add(next, STRIDE)
                if eq(out, mload(add(single, 0xe0))) {
                    break
                }
            }
        }
    }
}
