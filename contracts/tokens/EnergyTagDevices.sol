// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IEnergyTag} from "../../interfaces/IEnergyTag.sol";
import {IParticipantRegistry} from "../../interfaces/IParticipantRegistry.sol";
import {TagLib} from "../libraries/TagLib.sol";

/// @title Which source a participant was certified for in a slot
/// @dev The registry knows the newest credential only, and a tag is minted days after its slot. So a producer is written
/// down beforehand with the serial of its credential. As serials only grow, the same serial at minting shows that the same
/// credential held all the time in between; the next one that says the same is taken as well. All else is of unknown origin.
///
///   register            slot                 mint
///   --|---- fromSlot ----|=====|---------------|--
///     serial n                                 serial n, or n + 1 of the same class and zone: certified
abstract contract EnergyTagDevices is IEnergyTag {
    IParticipantRegistry public immutable registry;
    uint32 public immutable slotSeconds;

    mapping(uint16 deviceClass => Source) private _sources;
    mapping(uint32 participantId => Device) private _devices;

    constructor(IParticipantRegistry registry_, Class[] memory classes) {
        registry = registry_;
        slotSeconds = registry_.slotSeconds();
        for (uint256 i = 0; i < classes.length; ++i) {
            (uint16 deviceClass, Source source) = (classes[i].deviceClass, classes[i].source);
            require(source != Source.None && _sources[deviceClass] == Source.None, ClassRefused(deviceClass));
            _sources[deviceClass] = source;
        }
    }

    /// @inheritdoc IEnergyTag
    function register(uint32[] calldata participantIds) external {
        for (uint256 i = 0; i < participantIds.length; ++i) {
            _register(participantIds[i]);
        }
    }

    function _register(uint32 participantId) private {
        IParticipantRegistry.Participant memory entry = registry.participant(participantId);
        Device memory device = _devices[participantId];
        if (device.fromSlot != 0 && device.serial == entry.serial) return;

        if (!_follows(device, entry)) {
            device.source = sourceOfClass(entry.deviceClass);
            device.zone = entry.zone;
            // Below 2^32 for as long as time counts in 32 bits and slots are longer than a second.
            device.fromSlot = uint32(block.timestamp / slotSeconds + 1);
        }
        device.serial = entry.serial;
        _devices[participantId] = device;

        emit DeviceRegistered(participantId, device.source, device.zone, device.serial, device.fromSlot);
    }

    /// @dev Whether the present credential is the one after the registered one and says the same.
    function _follows(Device memory device, IParticipantRegistry.Participant memory entry) private view returns (bool) {
        return
            device.fromSlot != 0 &&
            entry.serial == uint256(device.serial) + 1 &&
            sourceOfClass(entry.deviceClass) == device.source &&
            entry.zone == device.zone;
    }

    /// @dev The id of what the participant feeds in. Whoever was revoked, or whose credential ended, before the slot was over
    /// is not certified for it.
    function _tagOf(
        uint32 slot,
        uint32 participantId,
        IParticipantRegistry.Participant memory entry
    ) internal view returns (uint256) {
        Device memory device = _devices[participantId];
        uint256 endAt = (uint256(slot) + 1) * slotSeconds;
        bool isCertified =
            device.fromSlot != 0 &&
                device.fromSlot <= slot &&
                endAt <= entry.validUntil &&
                (entry.revokedAt == 0 || endAt <= entry.revokedAt) &&
                (entry.serial == device.serial || _follows(device, entry));
        return TagLib.idOf(isCertified ? device.source : Source.Grid, entry.zone, slot);
    }

    /* READING */

    /// @inheritdoc IEnergyTag
    function tagOf(uint32 slot, uint32 participantId) external view returns (uint256) {
        return _tagOf(slot, participantId, registry.participant(participantId));
    }

    /// @inheritdoc IEnergyTag
    function deviceOf(uint32 participantId) external view returns (Device memory) {
        return _devices[participantId];
    }

    /// @inheritdoc IEnergyTag
    function sourceOfClass(uint16 deviceClass) public view returns (Source) {
        Source source = _sources[deviceClass];
        return source == Source.None ? Source.Grid : source;
    }

    /// @inheritdoc IEnergyTag
    function idOf(Source source, uint32 zone, uint32 slot) external pure returns (uint256) {
        return TagLib.idOf(source, zone, slot);
    }

    /// @inheritdoc IEnergyTag
    function decode(uint256 id) external pure returns (Source source, uint32 zone, uint32 slot) {
        return (TagLib.sourceOf(id), TagLib.zoneOf(id), TagLib.slotOf(id));
    }
}
