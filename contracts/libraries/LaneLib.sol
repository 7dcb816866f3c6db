// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title A day's slots in lanes: eight slots a word, slot i at bits 32 * (i % 8)
/// @notice Compares what was traded with what was measured, eight slots at once.
/// @dev A lane has 31 bits for energy, Wh; its highest bit is a guard, except in fills, where it says that the energy was
/// sold. x - y in all lanes at once is (x | guards) - y: no lane borrows from the next, and a guard stays where x >= y. In
/// assembly, because a day has 192 values; tests/audit/schedules/test_lanes.py holds it against its plain twin,
/// contracts/mocks/PlainLanes.sol, and prints what both cost.
library LaneLib {
    uint256 private constant ONES = 0x0000000100000001000000010000000100000001000000010000000100000001;
    uint256 private constant GUARDS = 0x8000000080000000800000008000000080000000800000008000000080000000;

    /// @notice keccak256 of words, one after the other.
    function hashOf(uint256[] calldata words) internal pure returns (bytes32 hash) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let free := mload(0x40)
            let size := shl(5, words.length)
            calldatacopy(free, words.offset, size)
            hash := keccak256(free, size)
        }
    }

    /// @notice Words from a place on, without a look at whether there are as many.
    function part(
        uint256[] calldata words,
        uint256 place,
        uint256 count
    ) internal pure returns (uint256[] calldata found) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            found.offset := add(words.offset, shl(5, place))
            found.length := count
        }
    }

    /// @notice The value in lane i, counted over all words, without a look at whether there are as many.
    function lane(uint256[] calldata words, uint256 i) internal pure returns (uint256 value) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            value := and(shr(shl(5, and(i, 7)), calldataload(add(words.offset, shl(5, shr(3, i))))), 0xffffffff)
        }
    }

    /// @notice keccak256 of two hashes.
    function pair(bytes32 a, bytes32 b) internal pure returns (bytes32 hash) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(0x00, a)
            mstore(0x20, b)
            hash := keccak256(0x00, 0x40)
        }
    }

    /// @notice Whether no lane of any word is above `limit`, which is below 2^31; of an even number of words.
    /// @dev Mostly all bits that are set anywhere are no more than that together, and nothing else has to be looked at.
    function areWithin(uint256[] calldata words, uint256 limit) internal pure returns (bool isWithin) {
        uint256 guarded = (limit * ONES) | GUARDS;
        uint256 guards = GUARDS;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let end := add(words.offset, shl(5, words.length))
            let any := 0
            for {
                let at := words.offset
            } lt(at, end) {
                at := add(at, 0x40)
            } {
                any := or(any, or(calldataload(at), calldataload(add(at, 0x20))))
            }
            // A guard of its own makes a lane borrow from the next; it is refused for that.
            if iszero(and(any, guards)) {
                let left := and(sub(guarded, any), guards)
                if iszero(eq(left, guards)) {
                    left := guards
                    for {
                        let at := words.offset
                    } lt(at, end) {
                        at := add(at, 0x20)
                    } {
                        left := and(left, sub(guarded, calldataload(at)))
                    }
                }
                isWithin := eq(left, guards)
            }
        }
    }

    /// @notice What fills and measured values of as many words leave to be bought from and sold to the grid, Wh.
    /// @dev With import i, export e, bought b, sold s: the sums of max(i - b, 0) + max(s - e, 0) and of
    /// max(b - i, 0) + max(e - s, 0).
    function imbalanceOf(
        uint256[] calldata fills,
        uint256[] calldata importsWh,
        uint256[] calldata exportsWh
    ) internal pure returns (uint256 gridBoughtWh, uint256 gridSoldWh) {
        uint256 at;
        uint256 end;
        uint256 toImports;
        uint256 toExports;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            at := fills.offset
            end := add(at, shl(5, fills.length))
            toImports := sub(importsWh.offset, at)
            toExports := sub(exportsWh.offset, at)
        }
        (gridBoughtWh, gridSoldWh) = _imbalance(at, end, toImports, toExports);
        (gridBoughtWh, gridSoldWh) = (_sumOf(gridBoughtWh), _sumOf(gridSoldWh));
    }

    /// @dev Two energies of 31 bits fill a lane of 32. As max(b - i, 0) is max(i - b, 0) + b - i, and the same of e and s,
    /// what is sold to the grid follows from what is bought, lane by lane and without a borrow. Lanes are summed up in four of
    /// 64 bits, even ones and odd ones.
    function _imbalance(
        uint256 at,
        uint256 end,
        uint256 toImports,
        uint256 toExports
    ) private pure returns (uint256 boughtLanes, uint256 soldLanes) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            for {} lt(at, end) {
                at := add(at, 0x20)
            } {
                let bought := calldataload(at)
                // All bits below the guard, where there is one.
                let mask := and(bought, 0x8000000080000000800000008000000080000000800000008000000080000000)
                let sold := and(bought, sub(mask, shr(31, mask)))
                bought := xor(xor(bought, mask), sold)

                let imported := calldataload(add(at, toImports))
                let more := sub(
                    or(imported, 0x8000000080000000800000008000000080000000800000008000000080000000),
                    bought
                )
                mask := and(more, 0x8000000080000000800000008000000080000000800000008000000080000000)
                more := and(more, sub(mask, shr(31, mask)))

                let exported := calldataload(add(at, toExports))
                let missing := sub(
                    or(sold, 0x8000000080000000800000008000000080000000800000008000000080000000),
                    exported
                )
                mask := and(missing, 0x8000000080000000800000008000000080000000800000008000000080000000)
                more := add(more, and(missing, sub(mask, shr(31, mask))))

                let over := sub(add(more, add(bought, exported)), add(imported, sold))
                mask := 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff
                boughtLanes := add(boughtLanes, add(and(more, mask), and(shr(32, more), mask)))
                soldLanes := add(soldLanes, add(and(over, mask), and(shr(32, over), mask)))
            }
        }
    }

    /// @dev The sum of four lanes of 64 bits, which is below 2^64.
    function _sumOf(uint256 lanes) private pure returns (uint256) {
        // The halves cannot overflow a lane, and the cast cuts off the upper ones.
        unchecked {
            lanes = (lanes >> 128) + uint128(lanes);
            return uint64((lanes >> 64) + lanes);
        }
    }
}
