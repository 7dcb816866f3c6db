// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title A participant's position in one slot, in one word
/// @notice What all agreements of the slot add up to. Two positions of one slot are added as words.
/// @dev The highest bit of each amount is a guard: it stays zero, so a sum never runs into the next field unseen.
///
///   252     204 203        155 154      106 105    65 64       24 23    8 7     0
///   | cover    | receivable   | payment    | soldWh  | boughtWh  | epoch  | state |
///     1 + 48     1 + 48         1 + 48       1 + 40    1 + 40
///
/// Payment is what the purchases cost, receivable what the sales earn, cover what the sales bind; 1e-6 EUR.
library PositionLib {
    enum State {
        None,
        Open,
        Collected,
        Closed
    }

    uint256 private constant GUARDS = (1 << 64) | (1 << 105) | (1 << 154) | (1 << 203) | (1 << 252);
    uint256 private constant STATE_MASK = 0xff;

    /// @notice One agreement to be added; energy below 2^40 Wh, amounts below 2^48.
    function pack(
        uint256 boughtWh,
        uint256 soldWh,
        uint256 payment,
        uint256 receivable,
        uint256 cover
    ) internal pure returns (uint256) {
        return (boughtWh << 24) | (soldWh << 65) | (payment << 106) | (receivable << 155) | (cover << 204);
    }

    /// @notice An open position without agreements; the epoch of every slot until the year 3883 is below 2^16.
    function opened(uint256 epoch) internal pure returns (uint256) {
        return (epoch << 8) | uint256(State.Open);
    }

    /// @notice Whether a sum has grown into a guard.
    function isOverfull(uint256 word) internal pure returns (bool) {
        return word & GUARDS != 0;
    }

    /// @notice Whether there are agreements that settlement has not taken over.
    function isUnfinished(uint256 word) internal pure returns (bool) {
        State state = stateOf(word);
        return state == State.Open || state == State.Collected;
    }

    function withState(uint256 word, State state) internal pure returns (uint256) {
        return (word & ~STATE_MASK) | uint256(state);
    }

    function stateOf(uint256 word) internal pure returns (State) {
        return State(word & STATE_MASK);
    }

    function epochOf(uint256 word) internal pure returns (uint256) {
        return uint16(word >> 8);
    }

    // Each cast below cuts off the guard, which is zero, and the fields above it.

    function boughtOf(uint256 word) internal pure returns (uint256) {
        return uint40(word >> 24);
    }

    function soldOf(uint256 word) internal pure returns (uint256) {
        return uint40(word >> 65);
    }

    function paymentOf(uint256 word) internal pure returns (uint256) {
        return uint48(word >> 106);
    }

    function receivableOf(uint256 word) internal pure returns (uint256) {
        return uint48(word >> 155);
    }

    function coverOf(uint256 word) internal pure returns (uint256) {
        return uint48(word >> 204);
    }
}
