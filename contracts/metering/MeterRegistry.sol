// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {IMeterRegistry} from "../../interfaces/IMeterRegistry.sol";
import {IParticipantRegistry} from "../../interfaces/IParticipantRegistry.sol";
import {MeterBook} from "./MeterBook.sol";
import {MeterLib} from "./MeterLib.sol";
import {DayPosting} from "./DayPosting.sol";
import {ReadingBook} from "./ReadingBook.sol";
import {ReadingLib} from "./ReadingLib.sol";

/// @title Readings: signed by a meter, posted by anyone
contract MeterRegistry is DayPosting {
    using MeterLib for uint256;
    using ReadingLib for uint256;

    constructor(
        IParticipantRegistry registry_,
        uint32 operatorId_,
        uint32 readingWindow_,
        uint32 disputeWindow_,
        uint32 resolveWindow_
    ) MeterBook(registry_, operatorId_) ReadingBook(readingWindow_, disputeWindow_, resolveWindow_) {}

    /* READINGS */

    /// @inheritdoc IMeterRegistry
    function postReading(SignedReading calldata reading) external {
        uint256[] memory words = new uint256[](1);
        words[0] = reading.word;
        _requireOpen(words[0].slotOf());
        if (!_post(words[0], reading.r, reading.vs, _domainSeparatorV4())) _refuseToPost(words[0]);

        emit ReadingsPosted(msg.sender, words);
    }

    /// @inheritdoc IMeterRegistry
    /// @dev Bounded by the batch: below 14,000 gas each, so that about 1,000 fit into a transaction.
    function postReadings(SignedReading[] calldata readings) external {
        bytes32 domainSeparator = _domainSeparatorV4();
        uint256[] memory words = new uint256[](readings.length);
        uint256 count;
        uint256 openSlot = type(uint256).max;
        for (uint256 i = 0; i < readings.length; ++i) {
            SignedReading calldata reading = readings[i];
            uint256 word = reading.word;
            uint256 slot = word.slotOf();
            // The slots of a batch are mostly the same one.
            if (slot != openSlot) _requireOpen(slot);
            openSlot = slot;
            if (_post(word, reading.r, reading.vs, domainSeparator)) {
                words[count] = word;
                // At most `readings.length`.
                unchecked {
                    ++count;
                }
            } else {
                emit ReadingPassedOver(word.meter32(), word.slot32());
            }
        }

        if (count != 0) emit ReadingsPosted(msg.sender, count == words.length ? words : _first(words, count));
    }

    /// @dev Accepts a reading of a slot that is open, unless one stands already or the meter has lost its key: both can
    /// happen to a batch that is under way, and must not spoil it.
    function _post(uint256 word, bytes32 r, bytes32 vs, bytes32 domainSeparator) private returns (bool isNew) {
        uint256 slot = word.slotOf();
        uint256 known = _meters[word.meterOf()];
        if (slot < known.validFromOf() || slot >= known.validUntilOf()) _refuseSlot(known, word.meter32(), slot);
        if (known.isDaily()) _refuseDaily(word);
        uint256 place = _placeOf(word.meterOf(), slot);
        if (_records[place].isReadingOf(slot)) return false;
        uint256 capacityWh = known.capacityOf();
        if (word.importOf() > capacityWh) _refuseEnergy(word.meter32(), word.importOf(), capacityWh);
        if (word.exportOf() > capacityWh) _refuseEnergy(word.meter32(), word.exportOf(), capacityWh);
        (address signer, , ) = ECDSA.tryRecover(word.digest(domainSeparator), r, vs);
        if (uint160(signer) != known.keyOf()) {
            require(!known.hasKey(), ForgedReading(word.meter32(), word.slot32()));
            return false;
        }

        _records[place] = word.accepted(block.timestamp);
        return true;
    }

    function _refuseToPost(uint256 word) private view {
        bool isPosted = _records[_placeOf(word.meterOf(), word.slotOf())].isReadingOf(word.slotOf());
        require(isPosted, ForgedReading(word.meter32(), word.slot32()));
        revert ReadingExists(word.meter32(), word.slot32());
    }

    function _refuseDaily(uint256 word) private pure {
        revert MeterIsDaily(word.meter32());
    }

    /* FRAUD */

    /// @inheritdoc IMeterRegistry
    function proveEquivocation(SignedReading calldata a, SignedReading calldata b) external {
        (uint256 wordA, uint256 wordB) = (a.word, b.word);
        (uint32 meter, uint32 slot) = (wordA.meter32(), wordA.slot32());
        _participantOf(meter);
        require(!_meters[meter].isDaily(), MeterIsDaily(meter));
        require(wordA != wordB, NoEquivocation());
        require(wordB.meter32() == meter && wordB.slot32() == slot, NoEquivocation());
        _requireSignedBy(meter, a);
        _requireSignedBy(meter, b);
        bool isNew = _flag(meter, slot);

        emit EquivocationProved(meter, slot, msg.sender);
        _loseKey(meter, isNew);
    }

    /// @dev Also when the meter has lost its key: a second slot with two values is a second fraud.
    function _requireSignedBy(uint32 meter, SignedReading calldata reading) private view {
        bytes32 digest = uint256(reading.word).digest(_domainSeparatorV4());
        (address signer, , ) = ECDSA.tryRecover(digest, reading.r, reading.vs);
        // The zero address of a signature that is none belongs to no meter.
        require(_meterOfKey[signer] == meter, ForgedReading(meter, uint256(reading.word).slot32()));
    }

    /// @dev A final view never changes, and a slot to come must not take the place of one that may still be settled.
    function _flag(uint32 meter, uint32 slot) private returns (bool isNew) {
        uint256 record = _recordOf(meter, slot);
        if (record.isFlagged() || block.timestamp < _endOf(slot) || _isFinal(record, slot)) return false;

        _records[_placeOf(meter, slot)] = record.flagged();
        return true;
    }

    /* READING */

    /// @inheritdoc IMeterRegistry
    function readingDigest(
        uint32 meter,
        uint32 slot,
        uint32 importWh,
        uint32 exportWh
    ) external view returns (bytes32) {
        return _hashTypedDataV4(ReadingLib.hashStruct(meter, slot, importWh, exportWh));
    }
}
