// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDayReadings} from "../../interfaces/IDayReadings.sol";
import {DayLib} from "../libraries/DayLib.sol";
import {LaneLib} from "../libraries/LaneLib.sol";
import {MeterLib} from "./MeterLib.sol";
import {ReadingBook} from "./ReadingBook.sol";
import {ReadingLib} from "./ReadingLib.sol";

/// @title The records of days: what stands, until when it may be disputed, when it is final, and how it becomes slots
/// @dev The record of day d lives at `d % DAY_RING` of its participant, who has at most one meter in a day, since daily
/// meters begin and end with days: settlement finds it without asking for the meter. The windows together are shorter than
/// the ring (checked at deployment), so that a record of another day is always final.
abstract contract DayBook is ReadingBook, IDayReadings {
    using DayLib for uint256;
    using LaneLib for uint256[];
    using MeterLib for uint256;

    uint256 public constant DAY_RING = 32;
    uint256 private constant LANES = 8;
    uint256 private constant LANE_BITS = 32;

    /// @dev Words of a day's import, or of its export.
    uint256 internal immutable _dayWords;

    /// @dev Words of `DayLib` at `participantId * DAY_RING + day % DAY_RING`.
    uint256[DAY_RING << 32] internal _days;

    constructor() {
        _dayWords = (uint256(daySlots) + LANES - 1) / LANES;
        require(finalAfter() <= (DAY_RING - 1) * daySlots * slotSeconds, ConfigRefused("windows"));
    }

    /* DISPUTES */

    /// @inheritdoc IDayReadings
    function disputeDay(uint32 meter, uint32 day) external {
        (uint32 participantId, uint32 byParticipantId) = _requireDisputer(meter);
        uint256 record = _dayIn(meter, participantId, day, ReadingState.Accepted);
        _requireBefore(record.changedAtOf() + disputeWindow);

        _days[_dayPlaceOf(participantId, day)] = record.disputed(block.timestamp);

        emit DayDisputed(meter, day, byParticipantId);
    }

    /// @inheritdoc IDayReadings
    function resolveDay(uint32 meter, uint32 day, uint256[] calldata values) external {
        Belonging memory belonging = _belongingOf(meter);
        require(_isAuthority(belonging), NotEntitled(msg.sender));
        uint256 record = _dayIn(meter, belonging.participantId, day, ReadingState.Disputed);
        _requireBefore(record.changedAtOf() + resolveWindow);
        _requireWords(values);
        _requireMeasurable(meter, _meters[meter], values);

        uint256 hash = DayLib.hashOf(values);
        _days[_dayPlaceOf(belonging.participantId, day)] = record.resolved(hash);

        emit DayResolved(meter, day, values);
    }

    /// @dev The day's record in the state that is expected; a day in which the meter is not valid has none.
    function _dayIn(
        uint32 meter,
        uint32 participantId,
        uint32 day,
        ReadingState expected
    ) private view returns (uint256 record) {
        if (_isValidIn(_meters[meter], day)) record = _dayRecordOf(participantId, day);
        require(record.stateOf() == expected, DayStateMismatch(meter, day, record.stateOf()));
    }

    /* UNPACKING */

    /// @inheritdoc IDayReadings
    /// @dev At most 96 slots. The slots' records have the day's state and times, so that they are as final as it is.
    function unpackDay(uint32 meter, uint32 day, uint256[] calldata values) external {
        _requireWords(values);
        uint32 participantId = _participantOf(meter);
        uint256 record = _isValidIn(_meters[meter], day) ? _dayRecordOf(participantId, day) : 0;
        require(_isPacked(record) && _isDayFinal(record, day), DayNotPacked(meter, day));
        uint256 hash = DayLib.hashOf(values);
        require(hash == record.hash(), DayMismatch(participantId, day));

        _days[_dayPlaceOf(participantId, day)] = record.unpacked();
        for (uint256 i = 0; i < daySlots; ++i) {
            _writeOut(meter, record, i, values);
        }

        emit DayUnpacked(meter, day);
    }

    /// @dev A slot that is later than the day's own may not be settled yet, and stays. The day's fraud counts once.
    function _writeOut(uint32 meter, uint256 record, uint256 i, uint256[] calldata values) private {
        uint256 slot = record.dayOf() * daySlots + i;
        uint256 place = _placeOf(meter, slot);
        uint32 standing = ReadingLib.slot32(_records[place]);
        // The day comes out of 32 bits.
        require(standing <= slot, DayTooOld(uint32(record.dayOf()), standing));

        _records[place] = ReadingLib.kept(
            slot,
            values.lane(i),
            values.lane(_dayWords * LANES + i),
            record.changedAtOf(),
            record.stateOf(),
            i == 0 && record.isFlagged()
        );
    }

    /* READING */

    /// @inheritdoc IDayReadings
    function finalDays(uint32 day, uint32[] calldata participantIds) external view returns (uint256[] memory records) {
        records = new uint256[](participantIds.length);
        for (uint256 i = 0; i < records.length; ++i) {
            uint256 record = _days[_dayPlaceOf(participantIds[i], day)];
            if (record.dayOf() == day && _isPacked(record) && _isDayFinal(record, day)) records[i] = record;
        }
    }

    /// @inheritdoc IDayReadings
    function dayOf(uint32 participantId, uint32 day) external view returns (uint256 record, bool isFinal) {
        record = _dayRecordOf(participantId, day);
        isFinal = _isDayFinal(record, day);
    }

    /// @dev A slot without a record of its own: the day's reading has to be unpacked, or there is none and the default rule
    /// applies once the day's window has passed. Its first slot carries the day's fraud.
    function _unpackedView(
        uint32 participantId,
        uint32 slot
    ) internal view override returns (bool isFinal, bool isFraud) {
        uint256 day = slot / daySlots;
        uint256 record = _dayRecordOf(participantId, day);
        isFinal = !_isPacked(record) && block.timestamp >= _endOf(_lastSlotOf(day)) + readingWindow;
        isFraud = slot % daySlots == 0 && record.isFlagged();
    }

    /// @dev Whether there is a reading of the day that stands nowhere else.
    function _isPacked(uint256 record) internal pure returns (bool) {
        return record.stateOf() != ReadingState.None && !record.isUnpacked();
    }

    /// @dev `record` is the day's own, or without a state if there is none.
    function _isDayFinal(uint256 record, uint256 day) internal view returns (bool) {
        return _isFinalFrom(record.stateOf(), record.changedAtOf(), _lastSlotOf(day));
    }

    /* PLACES */

    function _dayRecordOf(uint256 participantId, uint256 day) internal view returns (uint256) {
        return _days[_dayPlaceOf(participantId, day)].ofDay(day);
    }

    function _dayPlaceOf(uint256 participantId, uint256 day) internal pure returns (uint256) {
        // Below 2^32 participants with DAY_RING places each.
        unchecked {
            return participantId * DAY_RING + (day % DAY_RING);
        }
    }

    function _lastSlotOf(uint256 day) internal view returns (uint256) {
        return (day + 1) * daySlots - 1;
    }

    function _isValidIn(uint256 known, uint256 day) internal view returns (bool) {
        uint256 firstSlot;
        // Days and slots of a day have 32 bits.
        unchecked {
            firstSlot = day * daySlots;
        }
        return known.isDaily() && firstSlot >= known.validFromOf() && firstSlot < known.validUntilOf();
    }

    function _requireWords(uint256[] calldata values) private view {
        require(values.length == 2 * _dayWords, WordsMismatch(2 * _dayWords, values.length));
    }

    /// @dev Refuses a value above the meter's capacity, and one of a slot beyond the day; of as many words as a day has.
    function _requireMeasurable(uint32 meter, uint256 known, uint256[] calldata values) internal view {
        uint256 used = daySlots % LANES;
        bool isInDay = used == 0 || (values[_dayWords - 1] | values[2 * _dayWords - 1]) >> (LANE_BITS * used) == 0;
        uint256 capacityWh = known.capacityOf();
        require(isInDay && values.areWithin(capacityWh), DayNotMeasurable(meter, capacityWh));
    }
}
