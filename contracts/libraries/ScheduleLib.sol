// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title What is hashed of a signed schedule
/// @dev In assembly and in memory beyond the free pointer, which is only borrowed: encoding in Solidity leaves 900 bytes
/// behind for each schedule, so that a batch would cost more than in proportion to its length. `IScheduleBook.scheduleDigest`
/// and `commit` say the same in plain words; the tests hold them against each other.
library ScheduleLib {
    bytes32 internal constant TYPEHASH = keccak256(
        "Schedule(uint32 span,uint32 participantId,address collector,uint256[] orders)"
    );

    /// @notice keccak256 of the orders' words.
    function hashOf(uint256[] calldata orders) internal pure returns (bytes32 hash) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let free := mload(0x40)
            let size := shl(5, orders.length)
            calldatacopy(free, orders.offset, size)
            hash := keccak256(free, size)
        }
    }

    /// @notice The EIP-712 struct hash of a schedule.
    function structHash(
        uint256 span,
        uint256 participantId,
        address collector,
        bytes32 ordersHash
    ) internal pure returns (bytes32 hash) {
        bytes32 typehash = TYPEHASH;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typehash)
            mstore(add(free, 0x20), span)
            mstore(add(free, 0x40), participantId)
            mstore(add(free, 0x60), collector)
            mstore(add(free, 0x80), ordersHash)
            hash := keccak256(free, 0xa0)
        }
    }

    /// @notice The EIP-712 digest that is signed.
    function digestOf(bytes32 domainSeparator, bytes32 hashed) internal pure returns (bytes32 digest) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, hex"1901")
            mstore(add(free, 0x02), domainSeparator)
            mstore(add(free, 0x22), hashed)
            digest := keccak256(free, 0x42)
        }
    }

    /// @notice A commitment after the leaf keccak256(structHash, r, vs).
    function chained(bytes32 before, bytes32 hashed, bytes32 r, bytes32 vs) internal pure returns (bytes32) {
        bytes32 leaf;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, hashed)
            mstore(add(free, 0x20), r)
            mstore(add(free, 0x40), vs)
            leaf := keccak256(free, 0x60)
        }
        return pair(before, leaf);
    }

    /// @notice keccak256 of two words.
    function pair(bytes32 first, bytes32 second) internal pure returns (bytes32 hash) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(0x00, first)
            mstore(0x20, second)
            hash := keccak256(0x00, 0x40)
        }
    }
}
