// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Entries of a batch, and what is hashed and signed of them
/// @dev An entry is a run of bytes in the transaction's input, of the same length for all entries of a book:
///
///   | source 1 | participantId 4 | r 32 | vs 32 | orders: 32 a word of eight slots, 4 a slot of the last, shorter one |
///
/// In assembly, because a book has thousands of them; contracts/mocks/PlainSchedule.sol says the same in plain words, and
/// tests/audit/schedules/test_entries.py holds one against the other. A frame is memory that all entries use again:
///
///   0x000  typehash | span | participantId | collector | ordersHash       hashed as the struct
///   0x0a0  0x1901 | domain separator | structHash | r | vs                hashed as the digest, and from 0x0c2 as the leaf
///   0x140  digest | v | r | s                                             what recovers the signer
///   0x1c0  bytes of whole words of orders | bits that the last, shorter one lacks; zero if there is none
///   0x200  the commitment to all entries so far
///   0x220  words of orders
library ScheduleLib {
    bytes32 internal constant TYPEHASH = keccak256(
        "Schedule(uint32 span,uint32 participantId,address collector,uint256[] orders)"
    );
    /// @dev Bytes of an entry before its orders.
    uint256 private constant HEAD = 69;
    uint256 private constant ORDERS = 0x220;

    /// @notice Bytes of an entry with that many slots.
    function strideOf(uint256 slots) internal pure returns (uint256) {
        return HEAD + 4 * slots;
    }

    /// @notice keccak256 of the orders' words.
    function hashOf(uint256[] calldata orders) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(orders));
    }

    /// @notice A frame for all entries of a batch, after the commitment `before`.
    function newFrame(
        uint256 slots,
        uint256 span,
        address collector,
        bytes32 domainSeparator,
        bytes32 before
    ) internal pure returns (uint256 frame) {
        bytes32 typehash = TYPEHASH;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            frame := mload(0x40)
            mstore(0x40, add(add(frame, ORDERS), shl(5, shr(3, add(slots, 7)))))
            mstore(frame, typehash)
            mstore(add(frame, 0x20), span)
            mstore(add(frame, 0x60), collector)
            mstore(add(frame, 0xa0), hex"1901")
            mstore(add(frame, 0xa2), domainSeparator)
            mstore(add(frame, 0x1c0), shl(5, shr(3, slots)))
            mstore(add(frame, 0x1e0), and(sub(256, shl(5, and(slots, 7))), 0xff))
            mstore(add(frame, 0x200), before)
        }
    }

    /// @notice Where in memory a frame's orders stand.
    function ordersIn(uint256 frame) internal pure returns (uint256) {
        return frame + ORDERS;
    }

    /// @notice keccak256 of the orders of the entry that was read last.
    function ordersHashIn(uint256 frame) internal pure returns (bytes32 hash) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            hash := mload(add(frame, 0x80))
        }
    }

    /// @notice The commitment to all entries so far.
    function committedIn(uint256 frame) internal pure returns (bytes32 hash) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            hash := mload(add(frame, 0x200))
        }
    }

    /// @notice Adds a leaf to the commitment.
    function chain(uint256 frame, bytes32 leaf) internal pure {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(0x00, mload(add(frame, 0x200)))
            mstore(0x20, leaf)
            mstore(add(frame, 0x200), keccak256(0x00, 0x40))
        }
    }

    /// @notice Reads the entry at byte `at` of the input into a frame. A slot beyond the span has no place in an entry.
    function read(uint256 frame, uint256 at) internal pure returns (uint256 source, uint256 participantId) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            source := calldataload(at)
            participantId := and(shr(216, source), 0xffffffff)
            source := byte(0, source)
            let orders := add(frame, ORDERS)
            let size := mload(add(frame, 0x1c0))
            let from := add(at, HEAD)
            calldatacopy(orders, from, size)
            let lacking := mload(add(frame, 0x1e0))
            if lacking {
                mstore(add(orders, size), shr(lacking, calldataload(add(from, size))))
                size := add(size, 0x20)
            }
            mstore(add(frame, 0x40), participantId)
            mstore(add(frame, 0x80), keccak256(orders, size))
        }
    }

    /// @notice Who signed the entry that was read last, from byte `at` of the input; its leaf keccak256(structHash, r, vs) is
    /// added to the commitment. Zero for a signature that is none; malleable ones are none.
    function signed(uint256 frame, uint256 at) internal view returns (address signer) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let typed := add(frame, 0xc2)
            mstore(typed, keccak256(frame, 0xa0))
            calldatacopy(add(frame, 0xe2), add(at, 5), 0x40)
            mstore(0x00, mload(add(frame, 0x200)))
            mstore(0x20, keccak256(typed, 0x60))
            mstore(add(frame, 0x200), keccak256(0x00, 0x40))
            let s := mload(add(frame, 0x102))
            let v := add(27, shr(255, s))
            s := and(s, 0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff)
            // Half the curve's order.
            if iszero(gt(s, 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0)) {
                let given := add(frame, 0x140)
                mstore(given, keccak256(add(frame, 0xa0), 0x42))
                mstore(add(frame, 0x160), v)
                mstore(add(frame, 0x180), mload(add(frame, 0xe2)))
                mstore(add(frame, 0x1a0), s)
                mstore(0x00, 0)
                pop(staticcall(gas(), 1, given, 0x80, 0x00, 0x20))
                signer := mload(0x00)
            }
        }
    }

    /// @notice The two words after an entry's head, of byte `at` of the input.
    function signatureAt(uint256 at) internal pure returns (bytes32 r, bytes32 vs) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            r := calldataload(add(at, 5))
            vs := calldataload(add(at, 37))
        }
    }
}
