// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IEnergyTag} from "../../interfaces/IEnergyTag.sol";

/// @title What the id of a tag says, and sets of sources
/// @dev
///   255        72 71      64 63      32 31      0
///   |  zero      | source   | zone     | slot    |
///
/// A set of sources has the bit `1 << source` for each of them.
library TagLib {
    uint256 private constant ZONE = 32;
    uint256 private constant SOURCE = 64;

    /// @notice All that is not of an unknown origin.
    uint8 internal constant GREEN = uint8((1 << uint8(IEnergyTag.Source.Solar)) | (1 << uint8(IEnergyTag.Source.Wind)));
    /// @notice Every source there is.
    uint8 internal constant ANY = GREEN | uint8(1 << uint8(IEnergyTag.Source.Grid));

    function idOf(IEnergyTag.Source source, uint32 zone, uint32 slot) internal pure returns (uint256) {
        return (uint256(source) << SOURCE) | (uint256(zone) << ZONE) | slot;
    }

    function sourceOf(uint256 id) internal pure returns (IEnergyTag.Source) {
        uint256 source = id >> SOURCE;
        bool isKnown = source != 0 && source <= uint256(type(IEnergyTag.Source).max);
        require(isKnown, IEnergyTag.UnknownTag(id));
        return IEnergyTag.Source(source);
    }

    function zoneOf(uint256 id) internal pure returns (uint32) {
        // Cuts off the source.
        return uint32(id >> ZONE);
    }

    function slotOf(uint256 id) internal pure returns (uint32) {
        // Cuts off source and zone.
        return uint32(id);
    }

    /// @notice Whether a set holds the source of an id.
    function has(uint256 sources, uint256 id) internal pure returns (bool) {
        return (sources >> uint8(sourceOf(id))) & 1 == 1;
    }
}
