// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ITariff} from "../../interfaces/ITariff.sol";

/// @title The two words of a tariff: one for each participant and place of the ring, one for each slot
/// @notice A participant's word is written again by every announcement that comes to its place.
/// @dev
///   255    200 199     136 135    104 103        72 71      24 23     8 7  4   3    2   0
///   |    0    | ahead 64 | taken 32 | announced 32 | bound 48 | epoch 16 | 0 | side | state |  participant
///
///   255          192 191          128 127           64 63             0
///   | taken asks 64 | taken bids 64 | announced asks 64 | announced bids 64 |                    slot
///
/// Sums of a slot cannot overflow: a participant announces once, there are fewer than 2^32, each below 2^32 Wh. States and
/// sides are compared as numbers: converting to an enum checks its range each time, which every call would pay.
library AnnouncementLib {
    uint256 private constant SIDE_SHIFT = 3;
    uint256 private constant EPOCH_SHIFT = 8;
    uint256 private constant BOUND_SHIFT = 24;
    uint256 private constant ANNOUNCED_SHIFT = 72;
    uint256 private constant TAKEN_SHIFT = 104;
    uint256 private constant AHEAD_SHIFT = 136;
    uint256 private constant STATE_MASK = 7;
    uint256 private constant BOUND_MASK = 0xffffffffffff000000;
    uint256 private constant TAKEN_LANES = 128;

    uint256 private constant NONE = 0;
    uint256 private constant ANNOUNCED = 1;
    uint256 private constant TAKEN = 2;
    uint256 private constant CLOSED = 4;

    /* A PARTICIPANT'S WORD */

    /// @notice An announcement that nothing was taken of yet.
    function announced(uint256 side, uint256 epoch, uint256 bound, uint256 energyWh) internal pure returns (uint256) {
        return
            ANNOUNCED |
            (side << SIDE_SHIFT) |
            (epoch << EPOCH_SHIFT) |
            (bound << BOUND_SHIFT) |
            (energyWh << ANNOUNCED_SHIFT);
    }

    /// @notice The announcement `word` of which `energyWh` are taken, behind `aheadWh` of its side, binding `bound`.
    function taking(uint256 word, uint256 bound, uint256 energyWh, uint256 aheadWh) internal pure returns (uint256) {
        uint256 tail = (bound << BOUND_SHIFT) | (energyWh << TAKEN_SHIFT) | (aheadWh << AHEAD_SHIFT);
        return tail | ((word & ~BOUND_MASK) ^ (ANNOUNCED ^ TAKEN));
    }

    /// @notice The word in a later state, binding `bound`; all else stays.
    function advanced(uint256 word, ITariff.State state, uint256 bound) internal pure returns (uint256) {
        uint256 kept = (word >> ANNOUNCED_SHIFT) << ANNOUNCED_SHIFT;
        uint256 head = (sideOf(word) << SIDE_SHIFT) | (epochOf(word) << EPOCH_SHIFT);
        return kept | head | (bound << BOUND_SHIFT) | uint256(state);
    }

    function stateOf(uint256 word) internal pure returns (ITariff.State) {
        return ITariff.State(word & STATE_MASK);
    }

    function isAnnounced(uint256 word) internal pure returns (bool) {
        return word & STATE_MASK == ANNOUNCED;
    }

    function isTaken(uint256 word) internal pure returns (bool) {
        return word & STATE_MASK == TAKEN;
    }

    /// @notice Whether nothing is left to do with it, so that its place may be used again.
    function isFinished(uint256 word) internal pure returns (bool) {
        uint256 state = word & STATE_MASK;
        return state == NONE || state == CLOSED;
    }

    function isAsk(uint256 word) internal pure returns (bool) {
        return sideOf(word) != 0;
    }

    function sideOf(uint256 word) internal pure returns (uint256) {
        return (word >> SIDE_SHIFT) & 1;
    }

    // Each cast below cuts a field out of the word.

    function epochOf(uint256 word) internal pure returns (uint256) {
        return uint16(word >> EPOCH_SHIFT);
    }

    function boundOf(uint256 word) internal pure returns (uint256) {
        return uint48(word >> BOUND_SHIFT);
    }

    function announcedOf(uint256 word) internal pure returns (uint256) {
        return uint32(word >> ANNOUNCED_SHIFT);
    }

    function takenOf(uint256 word) internal pure returns (uint256) {
        return uint32(word >> TAKEN_SHIFT);
    }

    function aheadOf(uint256 word) internal pure returns (uint256) {
        return uint64(word >> AHEAD_SHIFT);
    }

    /* A SLOT'S WORD */

    /// @notice The sums after `energyWh` more were announced on a side.
    function withAnnounced(uint256 sums, uint256 side, uint256 energyWh) internal pure returns (uint256) {
        unchecked {
            return sums + (energyWh << (side << 6));
        }
    }

    /// @notice The sums after `energyWh` more were taken on a side.
    function withTaken(uint256 sums, uint256 side, uint256 energyWh) internal pure returns (uint256) {
        unchecked {
            return sums + (energyWh << (TAKEN_LANES + (side << 6)));
        }
    }

    function announcedOn(uint256 sums, uint256 side) internal pure returns (uint256) {
        return uint64(sums >> (side << 6));
    }

    function takenOn(uint256 sums, uint256 side) internal pure returns (uint256) {
        return uint64(sums >> (TAKEN_LANES + (side << 6)));
    }

    /* FILLING */

    /// @notice How much of what a participant took fills, Wh: its share of the smaller side.
    /// @dev Shares are rounded cumulatively, so that those of a side sum to the volume exactly, whatever the order in which
    /// they came: floor((ahead + q) * volume / side) - floor(ahead * volume / side). Products of 64 and 64 bits.
    function filledBy(uint256 word, uint256 sums) internal pure returns (uint256) {
        uint256 energyWh = takenOf(word);
        if (energyWh == 0) return 0;
        uint256 sideWh = takenOn(sums, sideOf(word));
        uint256 otherWh = takenOn(sums, 1 - sideOf(word));
        if (otherWh >= sideWh) return energyWh;
        uint256 aheadWh = aheadOf(word);
        return ((aheadWh + energyWh) * otherWh) / sideWh - (aheadWh * otherWh) / sideWh;
    }
}
