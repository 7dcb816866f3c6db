// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IMeterRegistry} from "../../interfaces/IMeterRegistry.sol";
import {LaneLib} from "./LaneLib.sol";

/// @title A participant's measured day in one word
/// @dev
///   | hash 176 | day 32 | changedAt 40 | zero 4 | unpacked 1 | fraud 1 | state 2 |
///
/// `hash` is the upper part of keccak256(keccak256(importsWh), keccak256(exportsWh)): two days of equal hash are as hard to
/// find as 2^88 signatures of the same meter are. `changedAt` is when an accepted day was accepted, and a disputed one
/// disputed. A record names its day, because days share storage places.
library DayLib {
    using LaneLib for uint256[];

    uint256 private constant UNPACKED = 8;
    uint256 private constant FRAUD = 4;
    uint256 private constant STATE = 3;
    uint256 private constant CHANGED_AT = 8;
    uint256 private constant DAY = 48;
    uint256 private constant HASH = 80;

    bytes32 internal constant TYPEHASH = keccak256(
        "DayReading(uint32 meter,uint32 day,uint256[] importsWh,uint256[] exportsWh)"
    );

    /* SIGNED */

    /// @notice The EIP-712 struct hash of a day.
    function structHash(
        uint256 meter,
        uint256 day,
        bytes32 importsHash,
        bytes32 exportsHash
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, meter, day, importsHash, exportsHash));
    }

    /// @notice What a record keeps of measured values: words of import, then as many of export.
    function hashOf(uint256[] calldata values) internal pure returns (uint256) {
        uint256 half = values.length / 2;
        return cut(LaneLib.pair(LaneLib.hashOf(values.part(0, half)), LaneLib.hashOf(values.part(half, half))));
    }

    /// @notice The part of a hash that a record keeps.
    function cut(bytes32 hash) internal pure returns (uint256) {
        return uint256(hash) >> HASH;
    }

    /* RECORDS */

    function accepted(uint256 hash, uint256 day, uint256 acceptedAt) internal pure returns (uint256) {
        return _made(hash, day, acceptedAt, IMeterRegistry.ReadingState.Accepted);
    }

    /// @notice The record of an accepted day that is disputed now.
    function disputed(uint256 record, uint256 disputedAt) internal pure returns (uint256) {
        return _made(hash(record), dayOf(record), disputedAt, IMeterRegistry.ReadingState.Disputed) | (record & FRAUD);
    }

    /// @notice The record after a dispute ended with values of this hash.
    function resolved(uint256 record, uint256 hash_) internal pure returns (uint256) {
        return
            _made(hash_, dayOf(record), changedAtOf(record), IMeterRegistry.ReadingState.Resolved) | (record & FRAUD);
    }

    /// @notice The record of a day of which two readings were signed.
    function flagged(uint256 record) internal pure returns (uint256) {
        return record | FRAUD;
    }

    /// @notice The record of a day whose slots have records of their own.
    function unpacked(uint256 record) internal pure returns (uint256) {
        return record | UNPACKED;
    }

    /// @notice The record if it belongs to `day`, else that of a day without a reading.
    function ofDay(uint256 record, uint256 day) internal pure returns (uint256) {
        return dayOf(record) == day ? record : day << DAY;
    }

    function _made(
        uint256 hash_,
        uint256 day,
        uint256 changedAt,
        IMeterRegistry.ReadingState state
    ) private pure returns (uint256) {
        return (hash_ << HASH) | (day << DAY) | (changedAt << CHANGED_AT) | uint256(state);
    }

    function hash(uint256 record) internal pure returns (uint256) {
        return record >> HASH;
    }

    function dayOf(uint256 record) internal pure returns (uint256) {
        return uint32(record >> DAY);
    }

    function changedAtOf(uint256 record) internal pure returns (uint256) {
        return uint40(record >> CHANGED_AT);
    }

    function stateOf(uint256 record) internal pure returns (IMeterRegistry.ReadingState) {
        return IMeterRegistry.ReadingState(record & STATE);
    }

    function isFlagged(uint256 record) internal pure returns (bool) {
        return record & FRAUD != 0;
    }

    /// @notice Whether the record is a reading of `day`.
    function isReadingOf(uint256 record, uint256 day) internal pure returns (bool) {
        return dayOf(record) == day && record & STATE != 0;
    }

    function isUnpacked(uint256 record) internal pure returns (bool) {
        return record & UNPACKED != 0;
    }
}
