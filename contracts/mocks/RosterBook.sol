// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDayAheadAuction} from "../../interfaces/IDayAheadAuction.sol";
import {IKeyRoster} from "../../interfaces/IKeyRoster.sol";
import {IParticipantRegistry} from "../../interfaces/IParticipantRegistry.sol";
import {ScheduleBook} from "../market/ScheduleBook.sol";

/// @title A book that tells what it takes from the roster
contract RosterBook is ScheduleBook {
    constructor(
        IDayAheadAuction venue_,
        IParticipantRegistry registry_,
        IKeyRoster roster_
    ) ScheduleBook(venue_, registry_, roster_) {}

    /// @notice For each participant and signer whether the roster says that it speaks for the zone.
    function rostered(
        uint256 zone,
        uint256[] calldata participantIds,
        address[] calldata signers
    ) external view returns (bool[] memory speaks) {
        Keys memory keys = _newKeys();
        speaks = new bool[](signers.length);
        for (uint256 i = 0; i < signers.length; ++i) {
            speaks[i] = _isRostered(keys, zone, participantIds[i], signers[i]);
        }
    }
}
