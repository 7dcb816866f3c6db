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
    uint256 internal constant MAX_TICK_WH = 0x3fffffff;

    /// @notice Width of a tick.
    uint256 internal constant TICK_BITS = 30;
    /// @notice Where the highest 30 bits of a word begin.
    uint256 internal constant TOP_SHIFT = 226;
    /// @notice Above it stands a word's epoch, below it its quantities.
    uint256 internal constant EPOCH_SHIFT = 240;
    uint256 internal constant QUANTITIES = type(uint240).max;
    /// @dev Ticks 0, 2, 4 and 6, each with the room of its upper neighbour: 60 bits.
    uint256 private constant EVEN_TICKS = 0x3fffffff00000003fffffff00000003fffffff00000003fffffff;
    uint256 private constant LANE = 0xfffffffffffffff;

    /// @notice The quantity at a tick, in the word where the tick stands, Wh.
    function heldAt(uint256 word, uint256 tick) internal pure returns (uint256) {
        unchecked {
            return (word >> (TICK_BITS * (tick & 7))) & MAX_TICK_WH;
        }
    }

    /// @notice What stands at a tick and above it in its word, the tick's own quantity lowest.
    function fromTick(uint256 word, uint256 tick) internal pure returns (uint256) {
        unchecked {
            return (word & QUANTITIES) >> (TICK_BITS * (tick & 7));
        }
    }

    /// @notice What stands at a tick and below it in its word, the tick's own quantity in the highest 30 bits.
    function downFromTick(uint256 word, uint256 tick) internal pure returns (uint256) {
        unchecked {
            return word << (16 + TICK_BITS * (7 - (tick & 7)));
        }
    }

    /// @notice The word after `energyWh` joined a tick.
    /// @dev The caller has made sure that the tick holds no more than `MAX_TICK_WH` afterwards: nothing carries over into
    /// the next tick.
    function added(uint256 word, uint256 tick, uint256 energyWh) internal pure returns (uint256) {
        unchecked {
            return word + (energyWh << (TICK_BITS * (tick & 7)));
        }
    }

    /// @notice A word's quantities folded into four lanes of 60 bits, so that the lanes of 32 words add up side by side.
    function lanesOf(uint256 word) internal pure returns (uint256) {
        unchecked {
            return (word & EVEN_TICKS) + ((word >> TICK_BITS) & EVEN_TICKS);
        }
    }

    /// @notice The sum of four lanes, Wh.
    function totalOf(uint256 lanes) internal pure returns (uint256) {
        unchecked {
            return (lanes & LANE) + ((lanes >> 60) & LANE) + ((lanes >> 120) & LANE) + (lanes >> 180);
        }
    }
}
