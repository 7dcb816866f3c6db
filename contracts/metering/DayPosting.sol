// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {IDayReadings} from "../../interfaces/IDayReadings.sol";
import {DayLib} from "../libraries/DayLib.sol";
import {LaneLib} from "../libraries/LaneLib.sol";
import {DayBook} from "./DayBook.sol";
import {MeterLib} from "./MeterLib.sol";

/// @title Days: signed by a meter, posted by anyone
abstract contract DayPosting is DayBook {
    using DayLib for uint256;
    using LaneLib for uint256[];
    using MeterLib for uint256;

    /// @dev Meter and day, r, vs.
    uint256 private constant HEAD_WORDS = 3;

    /* POSTING */

    /// @inheritdoc IDayReadings
    /// @dev Bounded by the batch; tests/audit/schedules/test_day_gas.py holds what a slot of it costs.
    function postDays(uint256[] calldata readings) external {
        uint256 stride = HEAD_WORDS + 2 * _dayWords;
        uint256 length = readings.length - (readings.length % stride);
        require(readings.length == length, WordsMismatch(length, readings.length));
        bytes32 domainSeparator = _domainSeparatorV4();
        uint256[] memory posted = new uint256[](length / stride);
        uint256 count;
        uint256 openDay = type(uint256).max;
        for (uint256 at = 0; at < length; at += stride) {
            uint256[] calldata signed = readings.part(at, stride);
            // The days of a batch are mostly the same one; the cast cuts it out of the word.
            uint32 day = uint32(signed[0]);
            if (day != openDay) _requireOpen(_lastSlotOf(day));
            openDay = day;
            uint256 word = _postDay(signed, domainSeparator);
            if (word != 0) posted[count++] = word;
        }

        if (count != 0) emit DaysPosted(msg.sender, count == posted.length ? posted : _first(posted, count));
    }

    /// @dev `signed` is as in `postDays`.
    /// @return word what `DaysPosted` tells; zero for a day that is passed over
    function _postDay(uint256[] calldata signed, bytes32 domainSeparator) private returns (uint256 word) {
        // Casts cut the fields out of the word.
        (uint32 meter, uint32 day) = (uint32(signed[0] >> 32), uint32(signed[0]));
        uint256 known = _meters[meter];
        _requireValid(known, meter, day);
        uint256 place = _dayPlaceOf(_participants[meter], day);
        uint256 hash = _days[place].isReadingOf(day) ? 0 : _signedHash(known, meter, day, signed, domainSeparator);
        if (hash == 0) {
            emit DayPassedOver(meter, day);
            return 0;
        }

        _days[place] = DayLib.accepted(hash, day, block.timestamp);
        return (uint256(meter) << 224) | (uint256(day) << 192) | hash;
    }

    /// @return hash what the record keeps of the values; zero if the meter has lost its key
    function _signedHash(
        uint256 known,
        uint32 meter,
        uint32 day,
        uint256[] calldata signed,
        bytes32 domainSeparator
    ) private view returns (uint256 hash) {
        uint256[] calldata values = signed.part(HEAD_WORDS, 2 * _dayWords);
        _requireMeasurable(meter, known, values);
        bytes32 importsHash = LaneLib.hashOf(values.part(0, _dayWords));
        bytes32 exportsHash = LaneLib.hashOf(values.part(_dayWords, _dayWords));
        bytes32 digest = _digestOf(domainSeparator, meter, day, importsHash, exportsHash);
        (address signer, , ) = ECDSA.tryRecover(digest, bytes32(signed[1]), bytes32(signed[2]));
        if (uint160(signer) == known.keyOf()) return DayLib.cut(LaneLib.pair(importsHash, exportsHash));
        require(!known.hasKey(), ForgedDay(meter, day));
    }

    /// @dev A daily meter begins and ends with days, so that it is valid in all slots of a day or in none.
    function _requireValid(uint256 known, uint32 meter, uint32 day) private view {
        if (_isValidIn(known, day)) return;
        require(known == 0 || known.isDaily(), MeterNotDaily(meter));
        _refuseSlot(known, meter, uint256(day) * daySlots);
    }

    /* FRAUD */

    /// @inheritdoc IDayReadings
    function proveDayEquivocation(uint32 meter, uint32 day, SignedDay calldata a, SignedDay calldata b) external {
        uint32 participantId = _participantOf(meter);
        require(_meters[meter].isDaily(), MeterNotDaily(meter));
        bool areSame = a.importsHash == b.importsHash && a.exportsHash == b.exportsHash;
        require(!areSame, NoEquivocation());
        _requireDaySignedBy(meter, day, a);
        _requireDaySignedBy(meter, day, b);
        bool isNew = _flagDay(meter, participantId, day);

        emit DayEquivocationProved(meter, day, msg.sender);
        _loseKey(meter, isNew);
    }

    /// @dev Also when the meter has lost its key: a second day of two readings is a second fraud.
    function _requireDaySignedBy(uint32 meter, uint32 day, SignedDay calldata signed) private view {
        bytes32 digest = _digestOf(_domainSeparatorV4(), meter, day, signed.importsHash, signed.exportsHash);
        (address signer, , ) = ECDSA.tryRecover(digest, signed.r, signed.vs);
        // The zero address of a signature that is none belongs to no meter.
        require(_meterOfKey[signer] == meter, ForgedDay(meter, day));
    }

    /// @dev A final day never changes, and a day to come must not take the place of one that may still be settled. Of a day in
    /// which another meter was valid the record is that one's.
    function _flagDay(uint32 meter, uint32 participantId, uint32 day) private returns (bool isNew) {
        uint256 record = _dayRecordOf(participantId, day);
        bool isOpen = block.timestamp >= _endOf(_lastSlotOf(day)) && !_isDayFinal(record, day);
        if (record.isFlagged() || !isOpen || !_isValidIn(_meters[meter], day)) return false;

        _days[_dayPlaceOf(participantId, day)] = record.flagged();
        return true;
    }

    function _digestOf(
        bytes32 domainSeparator,
        uint256 meter,
        uint256 day,
        bytes32 importsHash,
        bytes32 exportsHash
    ) private pure returns (bytes32) {
        bytes32 structHash = DayLib.structHash(meter, day, importsHash, exportsHash);
        return MessageHashUtils.toTypedDataHash(domainSeparator, structHash);
    }
}
