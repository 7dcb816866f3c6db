// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title What posting a reading needs to know of a meter, in one word
/// @dev
///   | deviceKey 160 | daily 1 | capacityWh 31 | validFromSlot 32 | validUntilSlot 32 |
///
/// The word of an unknown meter is zero. A meter that has signed two readings for one slot has `LOST_KEY`. Casts to narrower
/// types cut off the fields above; what is read comes as uint256, because narrower types are masked again at each use.
library MeterLib {
    /// @dev The address of a precompile: no signature is by it, not even one that is none, whose signer is zero.
    uint256 private constant LOST_KEY = 1;

    /// @notice The most that a meter can say to measure in a slot, Wh.
    uint256 internal constant MAX_CAPACITY = (1 << 31) - 1;

    uint256 private constant VALID_FROM = 32;
    uint256 private constant CAPACITY = 64;
    uint256 private constant DAILY = 1 << 95;
    uint256 private constant KEY = 96;

    /// @notice The word of a new meter; its capacity is below 2^31 Wh.
    function pack(
        address deviceKey,
        bool isDaily_,
        uint32 capacityWh,
        uint32 validFromSlot,
        uint32 validUntilSlot
    ) internal pure returns (uint256) {
        return
            (uint256(uint160(deviceKey)) << KEY) |
            (isDaily_ ? DAILY : 0) |
            (uint256(capacityWh) << CAPACITY) |
            (uint256(validFromSlot) << VALID_FROM) |
            validUntilSlot;
    }

    /// @notice The word of a meter that ends with `slot`.
    function endingAt(uint256 meter, uint32 slot) internal pure returns (uint256) {
        return ((meter >> VALID_FROM) << VALID_FROM) | slot;
    }

    /// @notice The word of a meter whose key signs nothing more.
    function withoutKey(uint256 meter) internal pure returns (uint256) {
        return (LOST_KEY << KEY) | uint96(meter);
    }

    /// @notice Whether the meter is read day by day.
    function isDaily(uint256 meter) internal pure returns (bool) {
        return meter & DAILY != 0;
    }

    function hasKey(uint256 meter) internal pure returns (bool) {
        return keyOf(meter) != LOST_KEY;
    }

    function keyOf(uint256 meter) internal pure returns (uint256) {
        return meter >> KEY;
    }

    function capacityOf(uint256 meter) internal pure returns (uint256) {
        return (meter >> CAPACITY) & MAX_CAPACITY;
    }

    function validFromOf(uint256 meter) internal pure returns (uint256) {
        return uint32(meter >> VALID_FROM);
    }

    function validUntilOf(uint256 meter) internal pure returns (uint256) {
        return uint32(meter);
    }
}
