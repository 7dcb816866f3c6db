// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IMeterRegistry} from "../../interfaces/IMeterRegistry.sol";

/// @title A reading in one word, as it is posted and as it is kept
/// @dev
///   posted  | zero 128 | meter 32 | slot 32 | importWh 32 | exportWh 32 |
///   kept    | zero 71 | fraud 1 | state 8 | disputedAt 40 | acceptedAt 40 | slot 32 | importWh 32 | exportWh 32 |
///
/// A record names its slot, because slots share storage places. An empty one claims slot 0, and has no state. Casts to
/// narrower types cut off the fields above; what is read comes as uint256, because narrower types are masked again at each
/// use.
library ReadingLib {
    uint256 private constant IMPORT = 32;
    uint256 private constant SLOT = 64;
    uint256 private constant METER = 96;
    uint256 private constant ACCEPTED_AT = 96;
    uint256 private constant DISPUTED_AT = 136;
    uint256 private constant STATE = 176;
    uint256 private constant FRAUD = 1 << 184;

    bytes32 private constant TYPEHASH = keccak256("Reading(uint32 meter,uint32 slot,uint32 importWh,uint32 exportWh)");

    /* POSTED */

    function meterOf(uint256 posted) internal pure returns (uint256) {
        return uint32(posted >> METER);
    }

    /// @notice What the meter signs (EIP-712).
    /// @dev In assembly, because `abi.encode` costs 450 gas more for each reading (tests/contracts/gas/test_metering_gas.py);
    /// `readingDigest` says the same in plain words. Memory beyond the free pointer is only borrowed.
    function digest(uint256 posted, bytes32 domainSeparator) internal pure returns (bytes32 hash) {
        bytes32 typehash = TYPEHASH;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typehash)
            mstore(add(free, 0x20), and(shr(96, posted), 0xffffffff))
            mstore(add(free, 0x40), and(shr(64, posted), 0xffffffff))
            mstore(add(free, 0x60), and(shr(32, posted), 0xffffffff))
            mstore(add(free, 0x80), and(posted, 0xffffffff))
            let structHash := keccak256(free, 0xa0)
            mstore(free, hex"1901")
            mstore(add(free, 0x02), domainSeparator)
            mstore(add(free, 0x22), structHash)
            hash := keccak256(free, 0x42)
        }
    }

    /// @notice The struct hash of `digest`, in plain words.
    function hashStruct(uint32 meter, uint32 slot, uint32 importWh, uint32 exportWh) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, meter, slot, importWh, exportWh));
    }

    function meter32(uint256 posted) internal pure returns (uint32) {
        return uint32(posted >> METER);
    }

    function slot32(uint256 word) internal pure returns (uint32) {
        return uint32(word >> SLOT);
    }

    /* POSTED OR KEPT */

    function slotOf(uint256 word) internal pure returns (uint256) {
        return uint32(word >> SLOT);
    }

    function importOf(uint256 word) internal pure returns (uint256) {
        return uint32(word >> IMPORT);
    }

    function exportOf(uint256 word) internal pure returns (uint256) {
        return uint32(word);
    }

    /* KEPT */

    /// @notice The record of a posted reading, accepted at `acceptedAt`.
    function accepted(uint256 posted, uint256 acceptedAt) internal pure returns (uint256) {
        return uint96(posted) | (acceptedAt << ACCEPTED_AT) | (uint256(IMeterRegistry.ReadingState.Accepted) << STATE);
    }

    /// @notice The record after a dispute at `disputedAt`; it was accepted, so the field is zero and the state one below.
    function disputed(uint256 record, uint256 disputedAt) internal pure returns (uint256) {
        return (record | (disputedAt << DISPUTED_AT)) + (1 << STATE);
    }

    /// @notice The record after a dispute ended with these values; it was disputed, so the state is one below.
    function resolved(uint256 record, uint32 importWh, uint32 exportWh) internal pure returns (uint256) {
        return (((record >> SLOT) << SLOT) | (uint256(importWh) << IMPORT) | exportWh) + (1 << STATE);
    }

    /// @notice The record of a slot whose day was accepted, and disputed if its state says so, at `changedAt`.
    function kept(
        uint256 slot,
        uint256 importWh,
        uint256 exportWh,
        uint256 changedAt,
        IMeterRegistry.ReadingState state,
        bool isFlagged_
    ) internal pure returns (uint256) {
        return
            (isFlagged_ ? FRAUD : 0) |
            (uint256(state) << STATE) |
            (changedAt << DISPUTED_AT) |
            (changedAt << ACCEPTED_AT) |
            (slot << SLOT) |
            (importWh << IMPORT) |
            exportWh;
    }

    /// @notice The record of a slot in which two values were signed.
    function flagged(uint256 record) internal pure returns (uint256) {
        return record | FRAUD;
    }

    /// @notice The record if it belongs to `slot`, else that of a slot without a reading.
    function ofSlot(uint256 record, uint256 slot) internal pure returns (uint256) {
        return slotOf(record) == slot ? record : slot << SLOT;
    }

    /// @notice Whether the record is a reading of `slot`.
    function isReadingOf(uint256 record, uint256 slot) internal pure returns (bool) {
        return slotOf(record) == slot && uint8(record >> STATE) != 0;
    }

    function stateOf(uint256 record) internal pure returns (IMeterRegistry.ReadingState) {
        return IMeterRegistry.ReadingState(uint8(record >> STATE));
    }

    function acceptedAtOf(uint256 record) internal pure returns (uint256) {
        return uint40(record >> ACCEPTED_AT);
    }

    function disputedAtOf(uint256 record) internal pure returns (uint256) {
        return uint40(record >> DISPUTED_AT);
    }

    function isFlagged(uint256 record) internal pure returns (bool) {
        return record & FRAUD != 0;
    }
}
