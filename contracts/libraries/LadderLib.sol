// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Words of a tick ladder
/// @notice A ladder holds the quantity at each of 256 ticks in 32 words.
/// @dev Tick t stands in word t / 8. A stored word carries the epoch of the slot that wrote it, so that a place of the
/// ring needs no cleaning: what an earlier epoch left there counts as empty.
///
///    255       240 239     210 209     180       59      30 29       0
///   |  epoch 16   | tick 7 30 | tick 6 30 |  ...  | tick 1 30 | tick 0 30 |
///
/// Unchecked throughout: fields are masked to their width, and a sum of 256 quantities stays below 2^38.
library LadderLib {
    uint256 internal constant WORDS = 32;
    uint256 internal constant TICKS = 256;
    /// @notice Most energy that a tick can hold, Wh.
    uint256 internal constant MAX_TICK_WH = (1 << 30) - 1;

    uint256 private constant TICK_BITS = 30;
    uint256 private constant EPOCH_SHIFT = 240;
    uint256 private constant QUANTITIES = (1 << EPOCH_SHIFT) - 1;
    /// @dev Ticks 0, 2, 4 and 6, each with the room of its upper neighbour: 60 bits.
    uint256 private constant EVEN_TICKS =
        MAX_TICK_WH | (MAX_TICK_WH << 60) | (MAX_TICK_WH << 120) | (MAX_TICK_WH << 180);
    uint256 private constant LANE = (1 << 60) - 1;

    /// @notice The quantities of a stored word if it is of this epoch, else none.
    function quantitiesOf(uint256 word, uint256 epoch) internal pure returns (uint256) {
        return word >> EPOCH_SHIFT == epoch ? word & QUANTITIES : 0;
    }

    /// @notice The word to store: quantities with their epoch, which is below 2^16.
    function stored(uint256 quantities, uint256 epoch) internal pure returns (uint256) {
        return quantities | (epoch << EPOCH_SHIFT);
    }

    /// @notice The quantity at a tick, in the word where the tick stands, Wh.
    function heldAt(uint256 quantities, uint256 tick) internal pure returns (uint256) {
        unchecked {
            return (quantities >> (TICK_BITS * (tick & 7))) & MAX_TICK_WH;
        }
    }

    /// @notice The word after `energyWh` joined a tick.
    /// @dev The caller has made sure that the tick holds no more than `MAX_TICK_WH` afterwards: nothing carries over into
    /// the next tick.
    function added(uint256 quantities, uint256 tick, uint256 energyWh) internal pure returns (uint256) {
        unchecked {
            return quantities + (energyWh << (TICK_BITS * (tick & 7)));
        }
    }

    /// @notice A word's quantities folded into four lanes of 60 bits, so that the lanes of 32 words add up side by side.
    function lanesOf(uint256 quantities) internal pure returns (uint256) {
        unchecked {
            return (quantities & EVEN_TICKS) + ((quantities >> TICK_BITS) & EVEN_TICKS);
        }
    }

    /// @notice The sum of four lanes, Wh.
    function totalOf(uint256 lanes) internal pure returns (uint256) {
        unchecked {
            return (lanes & LANE) + ((lanes >> 60) & LANE) + ((lanes >> 120) & LANE) + (lanes >> 180);
        }
    }
}
