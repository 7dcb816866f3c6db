// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IMeterRegistry} from "../../interfaces/IMeterRegistry.sol";
import {MeterBook} from "./MeterBook.sol";
import {MeterLib} from "./MeterLib.sol";
import {ReadingLib} from "./ReadingLib.sol";

/// @title The records of readings: what stands, until when it may be disputed, when it is final
/// @dev The record of slot s lives at `s % RING` of its meter. The windows together are shorter than the ring (checked at
/// deployment), so that a record of another slot is always final and may be overwritten without a look.
abstract contract ReadingBook is MeterBook {
    using MeterLib for uint256;
    using ReadingLib for uint256;

    uint256 public constant RING = 1024;

    uint32 public immutable readingWindow;
    uint32 public immutable disputeWindow;
    uint32 public immutable resolveWindow;

    /// @dev Words of `ReadingLib` at `meter * RING + slot % RING`: an array, because a mapping would hash for each reading.
    uint256[RING << 32] internal _records;

    constructor(uint32 readingWindow_, uint32 disputeWindow_, uint32 resolveWindow_) {
        readingWindow = readingWindow_;
        disputeWindow = disputeWindow_;
        resolveWindow = resolveWindow_;

        require(readingWindow_ != 0, ConfigRefused("readingWindow"));
        require(disputeWindow_ != 0, ConfigRefused("disputeWindow"));
        require(resolveWindow_ != 0, ConfigRefused("resolveWindow"));
        require(finalAfter() <= RING * slotSeconds, ConfigRefused("windows"));
    }

    /* DISPUTES */

    /// @inheritdoc IMeterRegistry
    function dispute(uint32 meter, uint32 slot) external {
        (, uint32 byParticipantId) = _requireDisputer(meter);
        uint256 record = _recordIn(meter, slot, ReadingState.Accepted);
        _requireBefore(record.acceptedAtOf() + disputeWindow);

        _records[_placeOf(meter, slot)] = record.disputed(block.timestamp);

        emit ReadingDisputed(meter, slot, byParticipantId);
    }

    /// @dev The meter's participant and the grid operator may dispute what it says.
    function _requireDisputer(uint32 meter) internal view returns (uint32 participantId, uint32 byParticipantId) {
        byParticipantId = registry.ownerOf(msg.sender);
        participantId = _participantOf(meter);
        bool isEntitled = byParticipantId == participantId || byParticipantId == operatorId;
        require(isEntitled, NotEntitled(msg.sender));
    }

    function _requireBefore(uint256 closedAt) internal view {
        require(block.timestamp < closedAt, WindowClosed(closedAt, block.timestamp));
    }

    /// @inheritdoc IMeterRegistry
    function resolve(uint32 meter, uint32 slot, uint32 importWh, uint32 exportWh) external {
        require(_isAuthority(_belongingOf(meter)), NotEntitled(msg.sender));
        uint256 record = _recordIn(meter, slot, ReadingState.Disputed);
        _requireBefore(record.disputedAtOf() + resolveWindow);
        uint256 capacityWh = _meters[meter].capacityOf();
        if (importWh > capacityWh) _refuseEnergy(meter, importWh, capacityWh);
        if (exportWh > capacityWh) _refuseEnergy(meter, exportWh, capacityWh);

        _records[_placeOf(meter, slot)] = record.resolved(importWh, exportWh);

        emit ReadingResolved(meter, slot, importWh, exportWh);
    }

    function _recordOf(uint32 meter, uint32 slot) internal view returns (uint256) {
        return _records[_placeOf(meter, slot)].ofSlot(slot);
    }

    function _recordIn(uint32 meter, uint32 slot, ReadingState expected) private view returns (uint256 record) {
        record = _recordOf(meter, slot);
        require(record.stateOf() == expected, ReadingStateMismatch(meter, slot, record.stateOf()));
    }

    /* READING */

    /// @inheritdoc IMeterRegistry
    function readingOf(uint32 participantId, uint32 slot) external view returns (ReadingView memory found) {
        bool isDaily;
        uint32 meter = _meterIn(participantId, slot);
        uint256 known = _meters[meter];
        uint256 record;
        if (slot < known.validUntilOf()) {
            // The fields of both words have 32 bits each.
            found.capacityWh = uint32(known.capacityOf());
            record = _recordOf(meter, slot);
            isDaily = known.isDaily();
        }

        found.state = record.stateOf();
        (found.importWh, found.exportWh) = (uint32(record.importOf()), uint32(record.exportOf()));
        found.isMeasured = found.state != ReadingState.None;
        found.isFinal = _isFinal(record, slot);
        found.isFraud = record.isFlagged();
        if (isDaily && !found.isMeasured) (found.isFinal, found.isFraud) = _unpackedView(participantId, slot);
    }

    /// @dev Whether a daily meter's slot without a record of its own is final, and carries the day's fraud.
    function _unpackedView(
        uint32 participantId,
        uint32 slot
    ) internal view virtual returns (bool isFinal, bool isFraud);

    /// @inheritdoc IMeterRegistry
    function finalAfter() public view returns (uint256) {
        return uint256(readingWindow) + disputeWindow + resolveWindow;
    }

    /// @dev `record` is the slot's own, or without a state if there is none.
    function _isFinal(uint256 record, uint32 slot) internal view returns (bool) {
        ReadingState state = record.stateOf();
        bool isDisputed = state == ReadingState.Disputed;
        return _isFinalFrom(state, isDisputed ? record.disputedAtOf() : record.acceptedAtOf(), slot);
    }

    /// @dev `changedAt` is when it was accepted or disputed, `slot` the last one that the reading is about.
    function _isFinalFrom(ReadingState state, uint256 changedAt, uint256 slot) internal view returns (bool) {
        if (state == ReadingState.None) return block.timestamp >= _endOf(slot) + readingWindow;
        if (state == ReadingState.Accepted) return block.timestamp >= changedAt + disputeWindow;
        return state == ReadingState.Resolved || block.timestamp >= changedAt + resolveWindow;
    }

    function _placeOf(uint256 meter, uint256 slot) internal pure returns (uint256) {
        // Below 2^32 meters with RING places each.
        unchecked {
            return meter * RING + (slot % RING);
        }
    }

    function _endOf(uint256 slot) internal view returns (uint256) {
        return (slot + 1) * slotSeconds;
    }

    function _requireOpen(uint256 slot) internal view {
        uint256 opensAt = _endOf(slot);
        uint256 closesAt = opensAt + readingWindow;
        require(
            block.timestamp >= opensAt && block.timestamp < closesAt,
            // The slot comes out of 32 bits.
            OutsideReadingWindow(uint32(slot), opensAt, closesAt, block.timestamp)
        );
    }

    /// @dev The first `count` of `words`.
    function _first(uint256[] memory words, uint256 count) internal pure returns (uint256[] memory kept) {
        kept = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            kept[i] = words[i];
        }
    }

    function _refuseSlot(uint256 known, uint32 meter, uint256 slot) internal pure {
        require(known != 0, UnknownMeter(meter));
        // All of them come out of 32 bits, or the last one of a day has.
        revert MeterNotValidInSlot(meter, uint32(slot), uint32(known.validFromOf()), uint32(known.validUntilOf()));
    }

    function _refuseEnergy(uint32 meter, uint256 energyWh, uint256 capacityWh) internal pure {
        revert CapacityExceeded(meter, energyWh, capacityWh);
    }
}
