// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IMeterRegistry} from "../../interfaces/IMeterRegistry.sol";

/// @title The record of one reading in one word
/// @dev The record names its slot, because slots share storage places:
///
///   | unused 71 | fraud 1 | state 8 | disputedAt 40 | acceptedAt 40 | slot 32 | importWh 32 | exportWh 32 |
///
/// An empty word claims slot 0, and has no state. Casts to narrower types cut off the fields above.
library ReadingRecordLib {
    uint256 private constant IMPORT = 32;
    uint256 private constant SLOT = 64;
    uint256 private constant ACCEPTED_AT = 96;
    uint256 private constant DISPUTED_AT = 136;
    uint256 private constant STATE = 176;
    uint256 private constant FRAUD = 1 << 184;

    /// @notice Slot and values; the lower 96 bits of a record.
    function pack(uint32 slot, uint32 importWh, uint32 exportWh) internal pure returns (uint256) {
        return (uint256(slot) << SLOT) | (uint256(importWh) << IMPORT) | exportWh;
    }

    /// @notice The record of a reading accepted at `acceptedAt`.
    function accepted(uint256 packed, uint256 acceptedAt) internal pure returns (uint256) {
        return packed | (acceptedAt << ACCEPTED_AT) | (uint256(IMeterRegistry.ReadingState.Accepted) << STATE);
    }

    /// @notice The record after a dispute at `disputedAt`; it was accepted, so the field is zero and the state one below.
    function disputed(uint256 record, uint256 disputedAt) internal pure returns (uint256) {
        return (record | (disputedAt << DISPUTED_AT)) + (1 << STATE);
    }

    /// @notice The record after a dispute ended with these values; it was disputed, so the state is one below.
    function resolved(uint256 record, uint32 importWh, uint32 exportWh) internal pure returns (uint256) {
        return ((record >> SLOT) << SLOT) + (1 << STATE) + pack(0, importWh, exportWh);
    }

    /// @notice The record of a slot in which two values were signed.
    function flagged(uint256 record) internal pure returns (uint256) {
        return record | FRAUD;
    }

    /// @notice The record if it belongs to `slot`, else that of a slot without a reading.
    function ofSlot(uint256 record, uint32 slot) internal pure returns (uint256) {
        return uint32(record >> SLOT) == slot ? record : pack(slot, 0, 0);
    }

    function state(uint256 record) internal pure returns (IMeterRegistry.ReadingState) {
        return IMeterRegistry.ReadingState(uint8(record >> STATE));
    }

    function values(uint256 record) internal pure returns (uint32 importWh, uint32 exportWh) {
        return (uint32(record >> IMPORT), uint32(record));
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
