// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ScheduleGathering} from "./ScheduleGathering.sol";

/// @title Who speaks for a participant of a book: asked of the roster first, then of the registry
abstract contract ScheduleKeys is ScheduleGathering {
    uint256 private constant PAGE = 256;
    /// @dev A record of 32 bytes for each.
    uint256 private constant PAGE_BYTES = 0x2000;

    /// @dev Of a record, see IKeyRoster: all but `until`.
    uint256 private constant WHO = ~(uint256(type(uint40).max) << 32);

    /// @dev The page of the roster at hand, copied to memory at `records`; `page` is its number, `isFresh` whether nobody on
    /// it changed since it was written.
    struct Keys {
        uint256 page;
        uint256 records;
        uint256 writtenAt;
        bool isFresh;
    }

    function _newKeys() internal pure returns (Keys memory keys) {
        uint256 records;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            records := mload(0x40)
            mstore(0x40, add(records, PAGE_BYTES))
        }
        // No page has that number.
        (keys.records, keys.page) = (records, type(uint256).max);
    }

    /// @dev Whether the roster says, and still may say, that the signer speaks for the participant in the zone. An owner key
    /// has no limit. Of everybody else the registry has to say.
    function _isRostered(
        Keys memory keys,
        uint256 zone,
        uint256 participantId,
        address signer
    ) internal view returns (bool) {
        if (participantId / PAGE != keys.page) _turnPage(keys, participantId / PAGE);
        uint256 records = keys.records;
        uint256 record;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            record := mload(add(records, shl(5, and(participantId, 0xff))))
        }
        if (record & WHO != (uint256(uint160(signer)) << 72) | zone) return false;
        // The cast cuts the field out of the record; nobody's is zero, and past.
        if (block.timestamp >= uint40(record >> 32)) return false;
        return keys.isFresh || registry.changedAt(participantId) < keys.writtenAt;
    }

    /// @dev Refuses a signer who may not bind that much for the participant now, or speaks for another zone.
    function _requireSpeaker(uint256 zone, uint256 participantId, uint256 bound, address signer) internal view {
        // Safe casts: an entry has 32 bits for its participant.
        require(signer != address(0), ScheduleRefused(uint32(participantId), Fault.NotSigned));
        (uint32 speakerId, uint32 found) = registry.speakerOf(signer, bound);
        require(speakerId == participantId, ScheduleRefused(uint32(participantId), Fault.NotSigned));
        require(found == zone, ScheduleRefused(uint32(participantId), Fault.OtherZone));
    }

    /// @dev All zero if the page was never written.
    function _turnPage(Keys memory keys, uint256 page) private view {
        // A number of 32 bits divided by 256.
        (address code, uint40 writtenAt) = roster.pageOf(uint32(page));
        (keys.page, keys.writtenAt) = (page, writtenAt);
        keys.isFresh = writtenAt != 0 && registry.pageChangedAt(page) < writtenAt;
        uint256 records = keys.records;
        // Behind the STOP with which a page begins.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            extcodecopy(code, records, 1, PAGE_BYTES)
        }
    }
}
