// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDayAheadAuction} from "../../interfaces/IDayAheadAuction.sol";

/// @title What the venue keeps and tells of a group of outcomes
/// @dev A member comes as its head and the words of its fills. Of a group is kept keccak256 of its leaves
/// keccak256(head, keccak256(fills)), and told, for each member,
///
///   | participantId 4 | fills: 32 a word of eight slots, 4 a slot of the last, shorter one |
///
/// In assembly, because a book has thousands of members; contracts/mocks/PlainGroup.sol says the same in plain words, and
/// tests/audit/schedules/test_entries.py holds one against the other.
library GroupLib {
    /// @dev In memory `leaves` begin, the next one goes to `leaf`; what is `told` begins, the next member goes to `next`. Its
    /// words of fills have `size` bytes, of which what is told `lacks` so many bits of the last one.
    struct Group {
        uint256 leaves;
        uint256 leaf;
        uint256 told;
        uint256 next;
        uint256 size;
        uint256 lacking;
    }

    /// @notice A group with room for so many members.
    function newGroup(uint256 count, uint256 slots) internal pure returns (Group memory group) {
        uint256 leaves;
        uint256 told;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            leaves := mload(0x40)
            told := add(leaves, shl(5, count))
            // Offset and length, members, and whatever the last one writes beyond its end.
            mstore(0x40, add(told, and(add(mul(count, add(4, shl(2, slots))), 0x9f), not(0x1f))))
        }
        (group.leaves, group.leaf, group.told, group.next) = (leaves, leaves, told, told + 0x40);
        (group.size, group.lacking) = (32 * ((slots + 7) / 8), (256 - 32 * (slots % 8)) % 256);
    }

    /// @notice Adds the member whose head stands at byte `at` of the input, its fills behind it.
    function add(Group memory group, uint256 at) internal pure {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let head := calldataload(at)
            let next := mload(add(group, 0x60))
            // The number stands foremost in the head; fills overwrite the rest.
            mstore(next, head)
            next := add(next, 4)
            let size := mload(add(group, 0x80))
            calldatacopy(next, add(at, 0x20), size)
            mstore(0x00, head)
            mstore(0x20, keccak256(next, size))
            let leaf := mload(add(group, 0x20))
            mstore(leaf, keccak256(0x00, 0x40))
            mstore(add(group, 0x20), add(leaf, 0x20))
            next := add(next, size)
            let lacking := mload(add(group, 0xa0))
            if lacking {
                let last := sub(next, 0x20)
                mstore(last, shl(lacking, mload(last)))
                next := sub(next, shr(3, lacking))
            }
            mstore(add(group, 0x60), next)
        }
    }

    /// @notice keccak256 of the leaves of the members that were added.
    function hashOf(Group memory group) internal pure returns (bytes32 hash) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let leaves := mload(group)
            hash := keccak256(leaves, sub(mload(add(group, 0x20)), leaves))
        }
    }

    /// @notice `emit IDayAheadAuction.GroupBound(book, attempt, count, members)`, whose members stand in memory already.
    function emitBound(Group memory group, bytes32 book, uint32 attempt, uint32 count) internal {
        bytes32 signature = IDayAheadAuction.GroupBound.selector;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let told := mload(add(group, 0x40))
            let next := mload(add(group, 0x60))
            let size := sub(next, add(told, 0x40))
            mstore(told, 0x20)
            mstore(add(told, 0x20), size)
            // Zeros up to the end of a word.
            mstore(next, 0)
            log4(told, and(add(size, 0x5f), not(0x1f)), signature, book, attempt, count)
        }
    }
}
