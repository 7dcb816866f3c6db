// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title What binding a member does to the words of margins and marks that it shares with others
/// @dev In assembly, because a book has thousands of members; contracts/mocks/PlainSchedule.sol says the same in plain words,
/// and tests/audit/schedules/test_entries.py holds one against the other. A member's head stands at byte `at` of the input:
///
///   | participantId 32 | payment 64 | cover 64 | revenue 64 | zero 32 |
library BindLib {
    /// @dev Margins, 42 bits each, six a word.
    uint256 internal constant MARGIN_BITS = 42;
    uint256 internal constant MARGINS_A_WORD = 6;
    uint256 internal constant MAX_MARGIN = 0x3ffffffffff;
    /// @dev Marks, one bit a participant.
    uint256 internal constant MARKS_A_WORD = 256;

    /// @dev The words at hand, and where they stand.
    struct Words {
        uint256 marginPlace;
        uint256 margins;
        uint256 packedPlace;
        uint256 packed;
    }

    /// @notice Whether another word is needed for the member than is at hand.
    function isElsewhere(Words memory words, uint256 at) internal pure returns (bool elsewhere) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let participantId := shr(224, calldataload(at))
            elsewhere := or(
                iszero(eq(div(participantId, MARGINS_A_WORD), mload(words))),
                iszero(eq(div(participantId, MARKS_A_WORD), mload(add(words, 0x40))))
            )
        }
    }

    /// @notice Takes what the member binds out of its margin and marks it; does nothing and says so if it has no margin, one
    /// below that, or is marked already.
    /// @dev The bound is a sum of two 64 bits, and a margin that is not below it stays in its bits.
    function bind(Words memory words, uint256 at) internal pure returns (bool isBound) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let head := calldataload(at)
            let bit := shl(and(shr(224, head), 0xff), 1)
            let shift := mul(MARGIN_BITS, mod(shr(224, head), MARGINS_A_WORD))
            head := add(and(shr(160, head), 0xffffffffffffffff), and(shr(96, head), 0xffffffffffffffff))
            let margins := mload(add(words, 0x20))
            let packed := mload(add(words, 0x60))
            let margin := and(shr(shift, margins), MAX_MARGIN)
            isBound := iszero(or(or(iszero(margin), lt(margin, head)), and(packed, bit)))
            if isBound {
                mstore(add(words, 0x20), sub(margins, shl(shift, head)))
                mstore(add(words, 0x60), or(packed, bit))
            }
        }
    }
}
