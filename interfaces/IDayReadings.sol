// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IMeterRegistry} from "./IMeterRegistry.sol";

/// @title Readings of whole days
/// @notice A meter that is bound as a daily one (`IMeterRegistry.Binding`) signs one reading a day for all its slots; anyone
/// posts many of them at once. What is kept is a part of their hash: the values stand in the call, and whoever settles or unpacks a
/// day brings them again.
/// @dev A day is `IMeterRegistry.daySlots()` slots. Its life is that of a reading: posted from the day's end for
/// `readingWindow`, disputed and resolved within the same windows, final at the same times. Values are words of eight slots
/// each, slot i of the day at bits 32 * (i % 8), Wh below 2^31; ceil(daySlots / 8) words of import, as many of export. A
/// final record is kept for `DAY_RING` days after its own; where a later one took its place, the default rule applies.
interface IDayReadings {
    /// @notice A signature over `DayReading(uint32 meter,uint32 day,uint256[] importsWh,uint256[] exportsWh)` (EIP-712,
    /// ERC-2098), whose arrays are told by their hashes.
    struct SignedDay {
        bytes32 importsHash;
        bytes32 exportsHash;
        bytes32 r;
        bytes32 vs;
    }

    /// @notice Days were accepted.
    /// @param readings one word each: | meter 32 | day 32 | zero 16 | hash 176 |
    event DaysPosted(address indexed poster, uint256[] readings);
    /// @notice A day of a batch was passed over: one stands already, or the meter lost its key.
    event DayPassedOver(uint32 indexed meter, uint32 indexed day);
    /// @notice A day was disputed.
    event DayDisputed(uint32 indexed meter, uint32 indexed day, uint32 indexed byParticipantId);
    /// @notice A dispute ended with these values, import before export.
    event DayResolved(uint32 indexed meter, uint32 indexed day, uint256[] values);
    /// @notice A day's slots have records of their own now.
    event DayUnpacked(uint32 indexed meter, uint32 indexed day);
    /// @notice The meter signed two different readings of one day; the first one accepted stands.
    event DayEquivocationProved(uint32 indexed meter, uint32 indexed day, address indexed prover);

    /// @notice Thrown when a day of a meter is posted or proved that is read slot by slot.
    error MeterNotDaily(uint32 meter);
    /// @notice Thrown when the day's signature is not by the meter's key.
    error ForgedDay(uint32 meter, uint32 day);
    /// @notice Thrown when a value lies above what the meter can measure in a slot, Wh, or belongs to no slot of the day.
    error DayNotMeasurable(uint32 meter, uint256 capacityWh);
    /// @notice Thrown when a day is in another state than the call needs.
    error DayStateMismatch(uint32 meter, uint32 day, IMeterRegistry.ReadingState found);
    /// @notice Thrown when a day may still change, or its slots have records of their own already.
    error DayNotPacked(uint32 meter, uint32 day);
    /// @notice Thrown when the values are not those of the day's record.
    error DayMismatch(uint32 participantId, uint32 day);
    /// @notice Thrown when a day is unpacked after a later slot took the place of one of its own.
    error DayTooOld(uint32 day, uint32 laterSlot);
    /// @notice Thrown when an array has another length than the day asks for.
    error WordsMismatch(uint256 expected, uint256 found);

    /* POSTING */

    /// @notice Posts days; anyone may call. One that stands already, or whose meter has lost its key to a proof of fraud, is
    /// passed over, since either can happen while the batch is under way; everything else must be right.
    /// @param readings for each day: meter << 32 | day, r and vs of the meter's signature over `DayReading(uint32 meter,
    /// uint32 day,uint256[] importsWh,uint256[] exportsWh)` (EIP-712, ERC-2098), the words of import, the words of export
    function postDays(uint256[] calldata readings) external;

    /* DISPUTES */

    /// @notice Disputes an accepted day within the dispute window: the participant (owner key) or the grid operator.
    function disputeDay(uint32 meter, uint32 day) external;

    /// @notice Ends a dispute within the resolve window: the authority that bound the meter.
    /// @param values the words of import, then the words of export
    function resolveDay(uint32 meter, uint32 day, uint256[] calldata values) external;

    /// @notice Proves that a meter signed two different readings of one day; anyone may call. The meter ends with the running
    /// day: its key signs nothing more, and what was accepted before stands. While the day is not final, settlement will
    /// charge the penalty, once for the day.
    function proveDayEquivocation(uint32 meter, uint32 day, SignedDay calldata a, SignedDay calldata b) external;

    /* UNPACKING */

    /// @notice Writes a final day out as a record of each slot, so that it is settled slot by slot; anyone may call.
    /// @param values as the record has them: the words of import, then the words of export
    function unpackDay(uint32 meter, uint32 day, uint256[] calldata values) external;

    /* READING */

    /// @notice The records of a day that are final and not unpacked, zero of everybody else.
    /// @return records as of `dayOf`
    function finalDays(uint32 day, uint32[] calldata participantIds) external view returns (uint256[] memory records);

    /// @notice A participant's day.
    /// @return record | hash 176 | day 32 | changedAt 40 | zero 4 | unpacked 1 | fraud 1 | state 2 |
    /// @return isFinal whether it can no longer change; also of a day without a reading whose window has passed
    function dayOf(uint32 participantId, uint32 day) external view returns (uint256 record, bool isFinal);
}
