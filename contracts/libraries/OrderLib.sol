// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAuction} from "../../interfaces/IAuction.sol";

/// @title The one word that an auction keeps of an order
/// @notice It belongs to a participant and a place of the ring and is written again by every order that comes there.
/// @dev
///    255                                        72 71      24 23      8 7  4   3    2   0
///   |                 digest 184                  | bound 48 | epoch 16 | 0 | side | state |  Committed
///   | compensated 104 | tick 16 | ahead 32 | Wh 32 | bound 48 | epoch 16 | 0 | side | state |  Opened and later
///
/// A word of any other state keeps the lower 72 bits only. Arguments fit their fields; casts cut fields out of the word.
/// States and sides are compared as numbers: converting to an enum checks its range each time, which every order would pay.
library OrderLib {
    uint256 private constant SIDE_SHIFT = 3;
    uint256 private constant EPOCH_SHIFT = 8;
    uint256 private constant BOUND_SHIFT = 24;
    uint256 private constant ENERGY_SHIFT = 72;
    uint256 private constant AHEAD_SHIFT = 104;
    uint256 private constant TICK_SHIFT = 136;
    uint256 private constant COMPENSATED_SHIFT = 152;
    uint256 private constant STATE_MASK = 7;
    uint256 private constant HEAD_MASK = type(uint72).max;
    uint256 private constant OPENED_MASK = type(uint152).max;

    uint256 private constant NONE = 0;
    uint256 private constant COMMITTED = 1;
    uint256 private constant OPENED = 2;
    uint256 private constant FORFEITED = 4;

    /* WRITING */

    /// @notice A word with nothing above its lower 72 bits.
    function head(
        IAuction.OrderState state,
        uint256 side,
        uint256 epoch,
        uint256 bound
    ) internal pure returns (uint256) {
        return uint256(state) | (side << SIDE_SHIFT) | (epoch << EPOCH_SHIFT) | (bound << BOUND_SHIFT);
    }

    /// @notice A sealed order; the lower 72 bits of its digest are zero.
    function committed(uint256 side, uint256 epoch, uint256 bound, bytes32 digest) internal pure returns (uint256) {
        return uint256(digest) | COMMITTED | (side << SIDE_SHIFT) | (epoch << EPOCH_SHIFT) | (bound << BOUND_SHIFT);
    }

    /// @notice An order on the ladder.
    function opened(
        uint256 side,
        uint256 epoch,
        uint256 bound,
        uint256 tick,
        uint256 energyWh,
        uint256 aheadWh
    ) internal pure returns (uint256) {
        return
            OPENED |
            (side << SIDE_SHIFT) |
            (epoch << EPOCH_SHIFT) |
            (bound << BOUND_SHIFT) |
            (energyWh << ENERGY_SHIFT) |
            (aheadWh << AHEAD_SHIFT) |
            (tick << TICK_SHIFT);
    }

    /// @notice The commitment `word` as an order on the ladder: side, epoch and bound stay.
    function opening(uint256 word, uint256 tick, uint256 energyWh, uint256 aheadWh) internal pure returns (uint256) {
        uint256 tail = (energyWh << ENERGY_SHIFT) | (aheadWh << AHEAD_SHIFT) | (tick << TICK_SHIFT);
        return tail | ((word & HEAD_MASK) ^ (COMMITTED ^ OPENED));
    }

    /// @notice An opened order in a later state, which binds `bound`.
    function advanced(uint256 word, IAuction.OrderState state, uint256 bound) internal pure returns (uint256) {
        uint256 tail = (word >> ENERGY_SHIFT) << ENERGY_SHIFT;
        return tail | head(state, sideOf(word), epochOf(word), bound);
    }

    /// @notice An opened order that has received `amount` of compensation in all.
    function compensated(uint256 word, uint256 amount) internal pure returns (uint256) {
        return (word & OPENED_MASK) | (amount << COMPENSATED_SHIFT);
    }

    /* READING */

    function stateOf(uint256 word) internal pure returns (IAuction.OrderState) {
        return IAuction.OrderState(word & STATE_MASK);
    }

    function isNone(uint256 word) internal pure returns (bool) {
        return word & STATE_MASK == NONE;
    }

    function isCommitted(uint256 word) internal pure returns (bool) {
        return word & STATE_MASK == COMMITTED;
    }

    function isOpened(uint256 word) internal pure returns (bool) {
        return word & STATE_MASK == OPENED;
    }

    /// @notice Whether the order stands on the ladder, or stood there before it was collected.
    function isOnLadder(uint256 word) internal pure returns (bool) {
        return word & STATE_MASK != COMMITTED && energyOf(word) != 0;
    }

    /// @notice Whether nothing is left to do with the order, so that its place may be used again.
    function isFinished(uint256 word) internal pure returns (bool) {
        uint256 state = word & STATE_MASK;
        return state == NONE || state >= FORFEITED;
    }

    function isAsk(uint256 word) internal pure returns (bool) {
        return (word >> SIDE_SHIFT) & 1 != 0;
    }

    function sideOf(uint256 word) internal pure returns (uint256) {
        return (word >> SIDE_SHIFT) & 1;
    }

    function epochOf(uint256 word) internal pure returns (uint256) {
        return uint16(word >> EPOCH_SHIFT);
    }

    /// @notice Whether the word belongs to the epoch of which these are the lower 16 bits.
    function isOfEpoch(uint256 word, uint256 epoch) internal pure returns (bool) {
        return uint16((word >> EPOCH_SHIFT) ^ epoch) == 0;
    }

    function boundOf(uint256 word) internal pure returns (uint256) {
        return uint48(word >> BOUND_SHIFT);
    }

    function digestOf(uint256 word) internal pure returns (bytes32) {
        return bytes32(word & ~HEAD_MASK);
    }

    /// @notice Whether a commitment's digest is the upper part of this hash.
    function isSealing(uint256 word, uint256 hash) internal pure returns (bool) {
        return (word ^ hash) >> ENERGY_SHIFT == 0;
    }

    function energyOf(uint256 word) internal pure returns (uint256) {
        return uint32(word >> ENERGY_SHIFT);
    }

    function aheadOf(uint256 word) internal pure returns (uint256) {
        return uint32(word >> AHEAD_SHIFT);
    }

    function tickOf(uint256 word) internal pure returns (uint256) {
        return uint16(word >> TICK_SHIFT);
    }

    function compensatedOf(uint256 word) internal pure returns (uint256) {
        return word >> COMPENSATED_SHIFT;
    }

    /* FILLING */

    /// @notice Quantity of the order that fills, by its own tick alone: whole if better than its side's margin, nothing if
    /// worse, and at the margin its share of what is rationed there, Wh.
    /// @dev Shares are rounded cumulatively, so they sum to `filledWh` exactly whatever the order of arrival:
    /// floor((ahead + q) * filled / margin) - floor(ahead * filled / margin).
    function filledBy(
        uint256 word,
        uint256 marginTick,
        uint256 marginWh,
        uint256 filledWh
    ) internal pure returns (uint256) {
        uint256 tick = tickOf(word);
        uint256 energyWh = energyOf(word);
        if (tick != marginTick) {
            bool isBetter = isAsk(word) ? tick < marginTick : tick > marginTick;
            return isBetter ? energyWh : 0;
        }
        uint256 aheadWh = aheadOf(word);
        return ((aheadWh + energyWh) * filledWh) / marginWh - (aheadWh * filledWh) / marginWh;
    }
}
