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
///     serial n, valid until after the slot     serial n, or n + 1 of the same source and zone: certified
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
        bool isNew = device.fromSlot == 0;
        if (!isNew && device.serial == entry.serial) return;

        // Nobody knows of the time between two credentials.
        bool goesOn = !isNew && _saysTheSame(device, entry) && block.timestamp <= device.validUntil;
        if (!goesOn) {
            if (!isNew && msg.sender != entry.account) return;
            device.source = sourceOfClass(entry.deviceClass);
            device.zone = entry.zone;
            // Below 2^32 for as long as time counts in 32 bits and slots are longer than a second.
            device.fromSlot = uint32(block.timestamp / slotSeconds + 1);
        }
        device.serial = entry.serial;
        device.validUntil = entry.validUntil;
        _devices[participantId] = device;

        emit DeviceRegistered(
            participantId,
            device.source,
            device.zone,
            device.serial,
            device.fromSlot,
            device.validUntil
        );
    }

    /// @dev Whether the present credential is the registered one, or the one after it and of the same source and zone.
    function _saysTheSame(
        Device memory device,
        IParticipantRegistry.Participant memory entry
    ) private view returns (bool) {
        if (entry.serial == device.serial) return true;
        return
            entry.serial == uint256(device.serial) + 1 &&
            sourceOfClass(entry.deviceClass) == device.source &&
            entry.zone == device.zone;
    }

    /// @dev The id of what the participant feeds in. Whoever was revoked before the slot was over, or whose credential, the
    /// registered or the present one, ended before, is not certified for it.
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
                endAt <= device.validUntil &&
                endAt <= entry.validUntil &&
                (entry.revokedAt == 0 || endAt <= entry.revokedAt) &&
                _saysTheSame(device, entry);
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
