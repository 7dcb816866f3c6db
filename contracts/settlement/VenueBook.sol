// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IParticipantRegistry} from "../../interfaces/IParticipantRegistry.sol";
import {ISettlement} from "../../interfaces/ISettlement.sol";
import {IVenue} from "../../interfaces/IVenue.sol";

/// @title Which venues settlement asks, and for whom
/// @notice What a venue says was bought and not used, the grid operator buys. So a venue is asked only if the grid operator
/// accepted it, and only for those who joined it: whoever added it harms nobody who did not agree to it.
abstract contract VenueBook is ISettlement {
    IParticipantRegistry public immutable registry;
    IClearinghouse public immutable clearinghouse;
    /// @inheritdoc ISettlement
    uint32 public immutable operatorId;

    /// @dev One bit for each place in the clearinghouse's list of venues.
    uint256 private _accepted;

    constructor(IParticipantRegistry registry_, IClearinghouse clearinghouse_, uint32 operatorId_) {
        require(operatorId_ != 0, ConfigRefused("operatorId"));
        registry = registry_;
        clearinghouse = clearinghouse_;
        operatorId = operatorId_;
    }

    /* ACCEPTING */

    /// @inheritdoc ISettlement
    function acceptVenue(address venue) external {
        require(registry.ownerOf(msg.sender) == operatorId, NotOperator(msg.sender));
        if (isAccepted(venue)) return;

        _accepted |= 1 << clearinghouse.placeOf(venue);

        emit VenueAccepted(venue);
    }

    /// @inheritdoc ISettlement
    function isAccepted(address venue) public view returns (bool) {
        return (_acceptedBits() >> clearinghouse.placeOf(venue)) & 1 == 1;
    }

    /// @dev Founding venues stand first in the list. The grid operator saw them before it locked its first guarantee.
    function _acceptedBits() internal view returns (uint256) {
        return _accepted | ((1 << clearinghouse.foundingVenues()) - 1);
    }

    /* ASKING */

    /// @dev Every buyer of the batch pays into its slot's pool before a seller is paid from it. Bounded by the batch and by
    /// the clearinghouse's `MAX_VENUES`.
    /// @param standings words as `IClearinghouse.standingsOf`; it takes out the bits of venues that need not be asked
    /// @return venues the clearinghouse's list
    function _collect(
        uint32 slot,
        uint32[] memory ids,
        uint256[] memory standings
    ) internal returns (address[] memory venues) {
        venues = clearinghouse.venues();
        uint256 kept = (_acceptedBits() << 64) | type(uint64).max;
        for (uint256 i = 0; i < ids.length; ++i) {
            standings[i] &= kept;
        }
        for (uint256 place = 0; place < venues.length; ++place) {
            if (venues[place] == address(this)) continue;
            uint32[] memory members = _membersOf(place, ids, standings);
            if (members.length == 0) continue;
            require(IVenue(venues[place]).isFinal(slot), IVenue.OutcomeOpen(slot));
            IVenue(venues[place]).collect(slot, members);
        }
    }

    function _membersOf(
        uint256 place,
        uint32[] memory ids,
        uint256[] memory standings
    ) private pure returns (uint32[] memory members) {
        members = new uint32[](ids.length);
        uint256 count;
        for (uint256 i = 0; i < ids.length; ++i) {
            if ((standings[i] >> (64 + place)) & 1 == 1) members[count++] = ids[i];
        }
        return _first(members, count);
    }

    function _first(uint32[] memory ids, uint256 count) internal pure returns (uint32[] memory kept) {
        if (count == ids.length) return ids;
        kept = new uint32[](count);
        for (uint256 i = 0; i < count; ++i) {
            kept[i] = ids[i];
        }
    }
}
