// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {IMeterRegistry} from "../../interfaces/IMeterRegistry.sol";
import {IParticipantRegistry} from "../../interfaces/IParticipantRegistry.sol";
import {MeterBook} from "./MeterBook.sol";
import {ReadingRecordLib} from "./ReadingRecordLib.sol";

/// @title Readings: accepted, disputed, resolved, final
/// @dev The record of slot s lives at `s % RING` of its meter. The windows together are shorter than the ring (checked at
/// deployment), so that a record of another slot is always final and may be overwritten without a look.
contract MeterRegistry is MeterBook {
    using ReadingRecordLib for uint256;

    bytes32 private constant READING_TYPEHASH = keccak256(
        "Reading(uint32 meter,uint32 slot,uint32 importWh,uint32 exportWh)"
    );

    uint256 public constant RING = 1024;

    uint32 public immutable operatorId;
    uint32 public immutable readingWindow;
    uint32 public immutable disputeWindow;
    uint32 public immutable resolveWindow;

    mapping(uint32 meter => uint256[RING] records) private _records;

    constructor(
        IParticipantRegistry registry_,
        uint32 operatorId_,
        uint32 readingWindow_,
        uint32 disputeWindow_,
        uint32 resolveWindow_
    ) MeterBook(registry_) {
        operatorId = operatorId_;
        readingWindow = readingWindow_;
        disputeWindow = disputeWindow_;
        resolveWindow = resolveWindow_;

        require(operatorId_ != 0, ConfigRefused("operatorId"));
        require(readingWindow_ != 0, ConfigRefused("readingWindow"));
        require(disputeWindow_ != 0, ConfigRefused("disputeWindow"));
        require(resolveWindow_ != 0, ConfigRefused("resolveWindow"));
        require(finalAfter() <= RING * slotSeconds, ConfigRefused("windows"));
    }

    /* READINGS */

    /// @inheritdoc IMeterRegistry
    function postReading(SignedReading calldata reading) external {
        uint256[] memory words = new uint256[](1);
        words[0] = _post(reading, _domainSeparatorV4());
        require(words[0] != 0, ReadingExists(reading.meter, reading.slot));

        emit ReadingsPosted(msg.sender, words);
    }

    /// @inheritdoc IMeterRegistry
    /// @dev Bounded by the batch: below 14,000 gas each, so that about 1,000 fit into a transaction.
    function postReadings(SignedReading[] calldata readings) external {
        bytes32 domainSeparator = _domainSeparatorV4();
        uint256[] memory words = new uint256[](readings.length);
        uint256 count;
        for (uint256 i = 0; i < readings.length; ++i) {
            uint256 word = _post(readings[i], domainSeparator);
            if (word == 0) emit ReadingPassedOver(readings[i].meter, readings[i].slot);
            else words[count++] = word;
        }

        if (count != 0) emit ReadingsPosted(msg.sender, count == words.length ? words : _first(words, count));
    }

    /// @dev Accepts a reading unless one stands already.
    /// @return word the reading as in `ReadingsPosted`; 0 if it was passed over
    function _post(SignedReading calldata reading, bytes32 domainSeparator) private returns (uint256 word) {
        (uint32 meter, uint32 slot) = (reading.meter, reading.slot);
        Meter memory known = _meters[meter];
        require(known.validUntilSlot != 0, UnknownMeter(meter));
        require(
            slot >= known.validFromSlot && slot < known.validUntilSlot,
            MeterNotValidInSlot(meter, slot, known.validFromSlot, known.validUntilSlot)
        );
        uint256 opensAt = _endOf(slot);
        require(
            block.timestamp >= opensAt && block.timestamp < opensAt + readingWindow,
            OutsideReadingWindow(slot, opensAt, opensAt + readingWindow, block.timestamp)
        );
        if (_recordOf(meter, slot).state() != ReadingState.None) return 0;
        _requireWithinCapacity(meter, reading.importWh, reading.exportWh, known.capacityWh);
        require(_signerOf(reading, domainSeparator) == known.deviceKey, ForgedReading(meter, slot));

        uint256 packed = ReadingRecordLib.pack(slot, reading.importWh, reading.exportWh);
        _records[meter][slot % RING] = packed.accepted(block.timestamp);
        return (uint256(meter) << 96) | packed;
    }

    function _requireWithinCapacity(uint32 meter, uint32 importWh, uint32 exportWh, uint32 capacityWh) private pure {
        uint32 most = importWh > exportWh ? importWh : exportWh;
        require(most <= capacityWh, CapacityExceeded(meter, most, capacityWh));
    }

    /// @dev Reverts unless the signature is one, in its low-s form.
    function _signerOf(SignedReading calldata reading, bytes32 domainSeparator) private pure returns (address signer) {
        bytes32 structHash = _hashReading(reading.meter, reading.slot, reading.importWh, reading.exportWh);
        bytes32 digest = MessageHashUtils.toTypedDataHash(domainSeparator, structHash);
        (signer, , ) = ECDSA.tryRecover(digest, reading.r, reading.vs);
        require(signer != address(0), ForgedReading(reading.meter, reading.slot));
    }

    function _hashReading(uint32 meter, uint32 slot, uint32 importWh, uint32 exportWh) private pure returns (bytes32) {
        return keccak256(abi.encode(READING_TYPEHASH, meter, slot, importWh, exportWh));
    }

    function _first(uint256[] memory words, uint256 count) private pure returns (uint256[] memory kept) {
        kept = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            kept[i] = words[i];
        }
    }

    /* DISPUTES */

    /// @inheritdoc IMeterRegistry
    function dispute(uint32 meter, uint32 slot) external {
        uint32 byParticipantId = registry.ownerOf(msg.sender);
        require(
            byParticipantId == _belongingOf(meter).participantId || byParticipantId == operatorId,
            NotEntitled(msg.sender)
        );
        uint256 record = _recordIn(meter, slot, ReadingState.Accepted);
        uint256 closedAt = record.acceptedAtOf() + disputeWindow;
        require(block.timestamp < closedAt, WindowClosed(closedAt, block.timestamp));

        _records[meter][slot % RING] = record.disputed(block.timestamp);

        emit ReadingDisputed(meter, slot, byParticipantId);
    }

    /// @inheritdoc IMeterRegistry
    function resolve(uint32 meter, uint32 slot, uint32 importWh, uint32 exportWh) external {
        require(_isAuthority(_belongingOf(meter)), NotEntitled(msg.sender));
        uint256 record = _recordIn(meter, slot, ReadingState.Disputed);
        uint256 closedAt = record.disputedAtOf() + resolveWindow;
        require(block.timestamp < closedAt, WindowClosed(closedAt, block.timestamp));
        _requireWithinCapacity(meter, importWh, exportWh, _meters[meter].capacityWh);

        _records[meter][slot % RING] = record.resolved(importWh, exportWh);

        emit ReadingResolved(meter, slot, importWh, exportWh);
    }

    /// @inheritdoc IMeterRegistry
    function proveEquivocation(SignedReading calldata a, SignedReading calldata b) external {
        (uint32 meter, uint32 slot) = (a.meter, a.slot);
        _belongingOf(meter);
        require(meter == b.meter && slot == b.slot, NoEquivocation());
        require(a.importWh != b.importWh || a.exportWh != b.exportWh, NoEquivocation());
        bytes32 domainSeparator = _domainSeparatorV4();
        require(_meterOfKey[_signerOf(a, domainSeparator)] == meter, ForgedReading(meter, slot));
        require(_meterOfKey[_signerOf(b, domainSeparator)] == meter, ForgedReading(meter, slot));
        bool isFirst = _meters[meter].deviceKey != address(0);
        bool isFlagged = _flag(meter, slot);
        require(isFirst || isFlagged, NoEquivocation());

        _meters[meter].deviceKey = address(0);

        emit EquivocationProved(meter, slot, msg.sender);
        _retire(meter);
    }

    /// @dev A final view never changes, and a slot to come must not take the place of one that may still be settled.
    function _flag(uint32 meter, uint32 slot) private returns (bool isNew) {
        uint256 record = _recordOf(meter, slot);
        if (record.isFlagged() || block.timestamp < _endOf(slot) || _isFinal(record, slot)) return false;

        _records[meter][slot % RING] = record.flagged();
        return true;
    }

    function _recordOf(uint32 meter, uint32 slot) private view returns (uint256) {
        return _records[meter][slot % RING].ofSlot(slot);
    }

    function _recordIn(uint32 meter, uint32 slot, ReadingState expected) private view returns (uint256 record) {
        record = _recordOf(meter, slot);
        require(record.state() == expected, ReadingStateMismatch(meter, slot, record.state()));
    }

    /* READING */

    /// @inheritdoc IMeterRegistry
    function readingOf(uint32 participantId, uint32 slot) external view returns (ReadingView memory found) {
        uint32 meter = _meterIn(participantId, slot);
        Meter memory known = _meters[meter];
        uint256 record;
        if (slot < known.validUntilSlot) {
            found.capacityWh = known.capacityWh;
            record = _recordOf(meter, slot);
        }

        found.state = record.state();
        (found.importWh, found.exportWh) = record.values();
        found.isMeasured = found.state != ReadingState.None;
        found.isFinal = _isFinal(record, slot);
        found.isFraud = record.isFlagged();
    }

    /// @inheritdoc IMeterRegistry
    function finalAfter() public view returns (uint256) {
        return uint256(readingWindow) + disputeWindow + resolveWindow;
    }

    /// @inheritdoc IMeterRegistry
    function readingDigest(
        uint32 meter,
        uint32 slot,
        uint32 importWh,
        uint32 exportWh
    ) external view returns (bytes32) {
        return _hashTypedDataV4(_hashReading(meter, slot, importWh, exportWh));
    }

    function _isFinal(uint256 record, uint32 slot) private view returns (bool) {
        ReadingState state = record.state();
        if (state == ReadingState.None) return block.timestamp >= _endOf(slot) + readingWindow;
        if (state == ReadingState.Accepted) return block.timestamp >= record.acceptedAtOf() + disputeWindow;
        if (state == ReadingState.Disputed) return block.timestamp >= record.disputedAtOf() + resolveWindow;
        return true;
    }

    function _endOf(uint32 slot) private view returns (uint256) {
        return (uint256(slot) + 1) * slotSeconds;
    }
}
