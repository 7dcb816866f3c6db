// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IScheduleBook} from "./IScheduleBook.sol";
import {IVenue} from "./IVenue.sol";

/// @title The venue of signed schedules: margins, and what became of each participant's span
/// @notice The book of schedules (IScheduleBook) verifies and clears; this venue binds what comes out, keeps the outcomes
/// of a group of participants in one word, and writes them out for settlement.
/// @dev An outcome leaves its group once: closed with its day, written out slot by slot, or refunded. While it is packed its slots are not
/// settled. Margin cannot be released while a span is posted. For each participant:
/// collateral in the clearinghouse == margin + what packed outcomes bind + what positions bind.
interface IDayAheadAuction is IVenue {
    /// @notice What became of a participant's orders of a span.
    enum Outcome {
        None,
        Packed,
        Unpacked,
        Closed
    }

    /// @notice A member of a group of outcomes.
    /// @param head as in IScheduleBook; zero for a member that is passed over
    /// @param fills keccak256 of its fills' words; of a member that is passed over keccak256(head, keccak256(fills))
    struct Member {
        uint256 head;
        bytes32 fills;
    }

    /// @notice Outcomes of a group of schedules; they count if the book becomes final in this attempt.
    /// @param members for each member 4 bytes of its number and 4 bytes a slot of its fills, eight slots a word and the last,
    /// shorter word as its low bytes; its head follows from these and the margins
    event GroupBound(bytes32 indexed book, uint32 indexed attempt, uint32 indexed group, bytes members);
    /// @notice The outcomes of an attempt that failed bind nothing more.
    event GroupRefunded(bytes32 indexed book, uint32 indexed attempt, uint32 indexed group, uint256[] heads);
    /// @notice A participant's outcome was written out as a position in each slot.
    event OutcomeUnpacked(bytes32 indexed book, uint32 indexed participantId);

    /// @notice Settlement took over outcomes of a group; what they came to stands in `IClearinghouse.ClosedMany`.
    /// @param places bit i of the group's member i
    event GroupClosed(bytes32 indexed book, uint32 indexed attempt, uint32 indexed group, uint256 places);

    /// @notice Thrown when the book of schedules is named by another than governance, or a second time.
    error BookRefused(address caller);
    /// @notice Thrown when a book is not final.
    error NotFinal(bytes32 book);
    /// @notice Thrown when the margins are not those of the book.
    error MarginsMismatch(bytes32 book, bytes32 expected, bytes32 found);
    /// @notice Thrown when the members of a group are not those that were walked.
    error GroupMismatch(bytes32 book, uint32 group, bytes32 expected, bytes32 found);
    /// @notice Thrown when a participant's outcome is in another state than the call needs.
    error OutcomeMismatch(uint32 span, uint32 participantId, Outcome found);
    /// @notice Thrown when margin is released while books are posted.
    error MarginFrozen(uint32 span, uint256 untilAt);
    /// @notice Thrown when a margin would pass 42 bits, 1e-6 EUR.
    error MarginFull(uint32 participantId, uint256 amount);

    /* BINDING */

    /// @notice Called once by governance: names the book of schedules.
    function setBook(IScheduleBook book) external;

    /// @notice Called by the book: binds the outcomes of a group, participants in ascending order.
    /// @param members for each member its head and the words of its fills
    function bindGroup(bytes32 book, uint32 span, uint32 attempt, uint32 group, uint256[] calldata members) external;

    /// @notice Called by the book: gives back what a group of an attempt that failed bound, once.
    /// @param members all of them; none is passed over
    function refundGroup(bytes32 book, uint32 span, uint32 attempt, uint32 group, Member[] calldata members) external;

    /* AFTERWARDS */

    /// @notice Writes a member's outcome out as a position in each slot, to be settled slot by slot; anyone may call once the
    /// span is decided.
    /// @param place of the member in its group
    /// @param margins as in `IScheduleBook.BookCleared`
    function unpack(
        IScheduleBook.BookKey calldata key,
        uint32 group,
        Member[] calldata members,
        uint256 place,
        uint256[] calldata fills,
        uint256[] calldata margins
    ) external;

    /// @notice Called by settlement: charges and pays a group's outcomes, and hands revenue and cover to settlement. The slots
    /// of a span share a pool (`slotPool`), so groups that pay most on balance come first.
    function closeGroup(IScheduleBook.BookKey calldata key, uint32 group, Member[] calldata members) external;

    /// @notice The same for several members of a group.
    /// @param places of the members in their group
    /// @param fills of these members, ceil(spanSlots / 8) words each
    function unpackMany(
        IScheduleBook.BookKey calldata key,
        uint32 group,
        Member[] calldata members,
        uint256[] calldata places,
        uint256[] calldata fills,
        uint256[] calldata margins
    ) external;

    /* READING */

    /// @notice Why the venue would not bind that much for a participant's span; None if it would.
    function faultOf(uint32 span, uint32 participantId, uint256 bound) external view returns (IScheduleBook.Fault);

    /// @notice What became of a participant's orders of a span.
    function outcomeOf(uint32 span, uint32 participantId) external view returns (Outcome);

    /// @notice The book of schedules; zero until it is named.
    function scheduleBook() external view returns (IScheduleBook);

    /// @notice The configuration.
    function config() external view returns (IScheduleBook.Config memory);
}
