// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title A venue that asks for more tags than there are
/// @notice Test subject, never deployed.
contract AttackPledgeBook {
    /// @notice One more than were produced.
    function collectTags(uint32, uint32, uint256, uint256 energyWh) external pure returns (uint256) {
        return energyWh + 1;
    }
}
