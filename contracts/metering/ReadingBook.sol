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
        uint32 byParticipantId = registry.ownerOf(msg.sender);
        require(
            byParticipantId == _belongingOf(meter).participantId || byParticipantId == operatorId,
            NotEntitled(msg.sender)
        );
        uint256 record = _recordIn(meter, slot, ReadingState.Accepted);
        uint256 closedAt = record.acceptedAtOf() + disputeWindow;
        require(block.timestamp < closedAt, WindowClosed(closedAt, block.timestamp));

        _records[_placeOf(meter, slot)] = record.disputed(block.timestamp);

        emit ReadingDisputed(meter, slot, byParticipantId);
    }

    /// @inheritdoc IMeterRegistry
    function resolve(uint32 meter, uint32 slot, uint32 importWh, uint32 exportWh) external {
        require(_isAuthority(_belongingOf(meter)), NotEntitled(msg.sender));
        uint256 record = _recordIn(meter, slot, ReadingState.Disputed);
        uint256 closedAt = record.disputedAtOf() + resolveWindow;
        require(block.timestamp < closedAt, WindowClosed(closedAt, block.timestamp));
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
        uint32 meter = _meterIn(participantId, slot);
        uint256 known = _meters[meter];
        uint256 record;
        if (slot < known.validUntilOf()) {
            // The fields of both words have 32 bits each.
            found.capacityWh = uint32(known.capacityOf());
            record = _recordOf(meter, slot);
        }

        found.state = record.stateOf();
        (found.importWh, found.exportWh) = (uint32(record.importOf()), uint32(record.exportOf()));
        found.isMeasured = found.state != ReadingState.None;
        found.isFinal = _isFinal(record, slot);
        found.isFraud = record.isFlagged();
    }

    /// @inheritdoc IMeterRegistry
    function finalAfter() public view returns (uint256) {
        return uint256(readingWindow) + disputeWindow + resolveWindow;
    }

    /// @dev `record` is the slot's own, or without a state if there is none.
    function _isFinal(uint256 record, uint32 slot) internal view returns (bool) {
        ReadingState state = record.stateOf();
        if (state == ReadingState.None) return block.timestamp >= _endOf(slot) + readingWindow;
        if (state == ReadingState.Accepted) return block.timestamp >= record.acceptedAtOf() + disputeWindow;
        if (state == ReadingState.Disputed) return block.timestamp >= record.disputedAtOf() + resolveWindow;
        return true;
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

    function _refuseEnergy(uint32 meter, uint256 energyWh, uint256 capacityWh) internal pure {
        revert CapacityExceeded(meter, energyWh, capacityWh);
    }
}
