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
/// A word of any other state keeps the lower 72 bits only. Casts are safe: every field was masked to its width.
library OrderLib {
    uint256 private constant SIDE_SHIFT = 3;
    uint256 private constant EPOCH_SHIFT = 8;
    uint256 private constant BOUND_SHIFT = 24;
    uint256 private constant ENERGY_SHIFT = 72;
    uint256 private constant AHEAD_SHIFT = 104;
    uint256 private constant TICK_SHIFT = 136;
    uint256 private constant COMPENSATED_SHIFT = 152;
    uint256 private constant STATE_MASK = 7;
    uint256 private constant EPOCH_MASK = type(uint16).max;
    uint256 private constant BOUND_MASK = type(uint48).max;
    uint256 private constant HEAD_MASK = (1 << ENERGY_SHIFT) - 1;
    uint256 private constant OPENED_MASK = (1 << COMPENSATED_SHIFT) - 1;

    /* WRITING */

    /// @notice A word with nothing above its lower 72 bits.
    function head(IAuction.OrderState state, IAuction.Side side, uint256 epoch, uint256 bound)
        internal
        pure
        returns (uint256)
    {
        return uint256(state) | (uint256(side) << SIDE_SHIFT) | (epoch << EPOCH_SHIFT) | (bound << BOUND_SHIFT);
    }

    /// @notice A sealed order; the lower 72 bits of its digest are zero.
    function committed(IAuction.Side side, uint256 epoch, uint256 bound, bytes32 digest)
        internal
        pure
        returns (uint256)
    {
        return uint256(digest) | head(IAuction.OrderState.Committed, side, epoch, bound);
    }

    /// @notice An order on the ladder.
    function opened(
        IAuction.Side side,
        uint256 epoch,
        uint256 bound,
        uint256 tick,
        uint256 energyWh,
        uint256 aheadWh
    ) internal pure returns (uint256) {
        return head(IAuction.OrderState.Opened, side, epoch, bound) | (energyWh << ENERGY_SHIFT)
            | (aheadWh << AHEAD_SHIFT) | (tick << TICK_SHIFT);
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

    function sideOf(uint256 word) internal pure returns (IAuction.Side) {
        return IAuction.Side((word >> SIDE_SHIFT) & 1);
    }

    function epochOf(uint256 word) internal pure returns (uint256) {
        return (word >> EPOCH_SHIFT) & EPOCH_MASK;
    }

    function boundOf(uint256 word) internal pure returns (uint48) {
        return uint48((word >> BOUND_SHIFT) & BOUND_MASK);
    }

    function digestOf(uint256 word) internal pure returns (bytes32) {
        return bytes32(word & ~HEAD_MASK);
    }

    function energyOf(uint256 word) internal pure returns (uint32) {
        return uint32(word >> ENERGY_SHIFT);
    }

    function aheadOf(uint256 word) internal pure returns (uint32) {
        return uint32(word >> AHEAD_SHIFT);
    }

    function tickOf(uint256 word) internal pure returns (uint16) {
        return uint16(word >> TICK_SHIFT);
    }

    function compensatedOf(uint256 word) internal pure returns (uint256) {
        return word >> COMPENSATED_SHIFT;
    }

    /// @notice Whether the order stands on the ladder, or stood there.
    function isOpened(uint256 word) internal pure returns (bool) {
        return stateOf(word) != IAuction.OrderState.Committed && energyOf(word) != 0;
    }

    /// @notice Whether nothing is left to do with the order, so that its place may be used again.
    function isFinished(uint256 word) internal pure returns (bool) {
        IAuction.OrderState state = stateOf(word);
        return state == IAuction.OrderState.None || state >= IAuction.OrderState.Forfeited;
    }

    /* FILLING */

    /// @notice Quantity of the order that fills, by its own tick alone: whole if better than its side's margin, nothing if
    /// worse, and at the margin its share of what is rationed there, Wh.
    /// @dev Shares are rounded cumulatively, so they sum to `filledWh` exactly whatever the order of arrival:
    /// floor((ahead + q) * filled / margin) - floor(ahead * filled / margin).
    function filledBy(uint256 word, uint256 marginTick, uint256 marginWh, uint256 filledWh)
        internal
        pure
        returns (uint256)
    {
        uint256 tick = tickOf(word);
        uint256 energyWh = energyOf(word);
        if (tick != marginTick) {
            bool isBetter = sideOf(word) == IAuction.Side.Bid ? tick > marginTick : tick < marginTick;
            return isBetter ? energyWh : 0;
        }
        uint256 aheadWh = aheadOf(word);
        return ((aheadWh + energyWh) * filledWh) / marginWh - (aheadWh * filledWh) / marginWh;
    }
}
