// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";

/// @title A venue that does whatever it is told
/// @notice Test subject, never deployed: as a faulty venue it calls anything with anything.
contract ClearingVenue {
    uint32 public lastParticipantId;
    uint256 public added;
    address private _target;
    bytes private _data;

    /// @notice Calls `target` now, with the target's own error if it refuses.
    function act(address target, bytes calldata data) external returns (bytes memory) {
        return Address.functionCall(target, data);
    }

    /// @notice Calls `target` when collateral is next locked for this venue.
    function actOnMargin(address target, bytes calldata data) external {
        _target = target;
        _data = data;
    }

    /// @notice What the clearinghouse tells a venue.
    function addMargin(uint32 participantId, uint256 amount) external {
        lastParticipantId = participantId;
        added += amount;
        if (_target != address(0)) Address.functionCall(_target, _data);
    }
}
