// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDayAheadAuction} from "./IDayAheadAuction.sol";
import {IKeyRoster} from "./IKeyRoster.sol";

/// @title Signed schedules: one signature for a span of slots, one pass over all orders to clear it
/// @notice A participant signs, off chain, what it would buy or sell in each slot of a span, for example of a day. A
/// collector gathers schedules and commits to them before the gate closes; afterwards anyone posts them with the margins of
/// each slot, and the contract verifies signatures, margins and collateral in one pass, without a sort.
/// @dev A book is what is cleared together: a span, a zone and a collector, whom the signed message names. Life of a span
/// that starts at s:
///
///   s - horizonSeconds       s - gateLead - forceWindow    s - gateLead        + postWindow           s
///     |------- Gathering -----------|-------- Forcing ---------|----- Posting -----|--- Decided ---------
///       commit, force                 force                      post, refund           refund
///
/// Each bound belongs to the later phase. It holds no money: what a walk binds it tells its venue, IDayAheadAuction. Packed
/// words:
///
///   orders    eight slots a word, slot i at bits 32 * (i % 8):      | side 1 | tick 8 | energyWh 23 |   side 1 is an ask
///   fills     the same:                                            | sold 1 | energyWh 31 |
///   margins   one word a slot, see MarginLib
///   head      | participantId 32 | payment 64 | cover 64 | revenue 64 | zero 32 |, 1e-6 EUR, of the whole span
///
/// Packed bytes, 69 + 4 * spanSlots an entry:
///
///   entry     | source 1 | participantId 4 | r 32 | vs 32 | orders: whole words, then 4 bytes a slot of the last, shorter one |
///
/// `r` and `vs` are the signature (ERC-2098) by the participant over `Schedule(uint32 span,uint32 participantId,address
/// collector,uint256[] orders)`, where orders are whole words. Of a forced schedule `r` is the leaf of a signed one of the
/// same participant that was committed to, or zero, and `vs` is zero.
interface IScheduleBook {
    enum Phase {
        Early,
        Gathering,
        Forcing,
        Posting,
        Decided
    }

    /// @notice How an entry of a batch came here.
    enum Source {
        Signed,
        Forced,
        SetAside
    }

    /// @notice Why a schedule that was committed to cannot be used.
    enum Fault {
        None,
        NotSigned,
        NotSecured,
        OtherZone,
        BeyondSpan,
        BoundElsewhere,
        NotCovered
    }

    /// @param floorPrice price of tick 0, 0.001 EUR/MWh
    /// @param tickSize price between two of the 256 ticks, 0.001 EUR/MWh
    /// @param k where the price stands between the marginal ask (0) and the marginal bid (1000), per mille
    /// @param spanSlots slots that are cleared together, 1 to 96; spans begin at its multiples
    /// @param forceWindow seconds before the gate in which nothing is committed any more, but schedules can still be forced
    /// @param gateLead seconds from the gate to the start of the span
    /// @param postWindow seconds after the gate in which a book can be posted
    /// @param leaseSeconds for how long who began to post a book in several transactions may go on alone
    /// @param horizonSeconds how far ahead of its start a span is open
    /// @param coverPrice price at which a seller may have to buy back, 0.001 EUR/MWh
    struct Config {
        uint32 floorPrice;
        uint32 tickSize;
        uint16 k;
        uint16 spanSlots;
        uint32 forceWindow;
        uint32 gateLead;
        uint32 postWindow;
        uint32 leaseSeconds;
        uint32 horizonSeconds;
        uint32 coverPrice;
    }

    /// @notice What names a book; `span` is its first slot divided by `spanSlots`.
    struct BookKey {
        uint32 span;
        uint32 zone;
        address collector;
    }

    /// @notice A part of a book, or the whole of it.
    /// @param margins one word a slot; the same in all batches of an attempt
    /// @param sums what the walk had summed up before this batch, as `BatchWalked` told; empty at the first one
    /// @param entries one after the other, by ascending participant number over all batches; see above
    /// @param isLast whether nothing follows
    struct Batch {
        uint256[] margins;
        uint256[] sums;
        bytes entries;
        bool isLast;
    }

    /// @notice The collector committed to the schedules that it gathered.
    event BookCommitted(uint32 indexed span, uint32 indexed zone, address indexed collector, bytes32 digest);
    /// @notice A participant put its schedule into a book itself.
    event ScheduleForced(bytes32 indexed book, uint32 indexed participantId, uint256[] orders);
    /// @notice A schedule that was committed to was not used.
    event ScheduleSetAside(bytes32 indexed book, uint32 indexed participantId, Fault fault);
    /// @notice A batch that does not end the book was walked; the next one has to bring these margins and sums.
    event BatchWalked(bytes32 indexed book, uint32 indexed attempt, address poster, uint256[] margins, uint256[] sums);
    /// @notice The book is final.
    event BookCleared(bytes32 indexed book, uint32 indexed attempt, address poster, uint256[] margins);
    /// @notice Thrown when the span is in another phase than the call needs.
    error PhaseMismatch(uint32 span, Phase found, Phase expected);
    /// @notice Thrown when the collector has committed to this book already.
    error CommitmentExists(bytes32 book);
    /// @notice Thrown when a participant forces a second schedule into a book.
    error ForcedAlready(bytes32 book, uint32 participantId);
    /// @notice Thrown when entries are not in ascending order of participants, so that one may stand there twice.
    error NotAscending(uint32 participantId, uint32 previousId);
    /// @notice Thrown when a schedule cannot be used; one that was committed to has to be posted as set aside.
    error ScheduleRefused(uint32 participantId, Fault fault);
    /// @notice Thrown when a schedule that can be used is posted as set aside.
    error NotSetAside(uint32 participantId);
    /// @notice Thrown when a forced schedule was not forced, or differs from what was.
    error NotForced(bytes32 book, uint32 participantId);
    /// @notice Thrown when a slot's margins contradict themselves.
    error MarginsRefused(uint32 slot);
    /// @notice Thrown when somebody left out of a slot is better than somebody let in, or crosses the other side.
    error LeftOut(uint32 slot, uint32 participantId);
    /// @notice Thrown when a slot's margins do not say what the orders come to: the sides do not match to the Wh.
    error SumsMismatch(uint32 slot, uint256 sums);
    /// @notice Thrown when the schedules posted are not those committed to.
    error NotAsCommitted(bytes32 book, bytes32 committed, bytes32 posted);
    /// @notice Thrown when a forced schedule was left out.
    error ForcedLeftOut(bytes32 book, uint32 forced, uint32 posted);
    /// @notice Thrown when a batch does not go on where the last one ended.
    error NotContinued(bytes32 book, bytes32 expected, bytes32 found);
    /// @notice Thrown when another poster's turn lasts until then.
    error TurnTaken(address poster, uint256 untilAt);
    /// @notice Thrown when the book is final already.
    error BookFinal(bytes32 book);
    /// @notice Thrown when an attempt has not failed: its book is final, or still posted by who has the turn.
    error NotFailed(bytes32 book, uint32 attempt);
    /// @notice Thrown when a book is deployed with a roster of another registry.
    error RosterRefused(address roster);
    /// @notice Thrown when an array, or the bytes of all entries, have another length than the span asks for.
    error WordsMismatch(uint256 expected, uint256 found);
    /* GATHERING */

    /// @notice Called by the collector before the forcing begins: commits to the schedules that it gathered, sealed until
    /// they are posted.
    /// @param digest h_n of the leaves l_i = keccak256(structHash_i, r_i, vs_i) in the order of participants:
    /// h_i = keccak256(h_(i-1), l_i), h_0 = 0
    function commit(uint32 span, uint32 zone, bytes32 digest) external;

    /// @notice Puts the caller's schedule into a book before the gate closes, whatever the collector does; a batch that
    /// leaves it out is refused. Owner key, session key or contract account. It is public at once.
    function force(BookKey calldata key, uint256[] calldata orders) external;

    /* POSTING */

    /// @notice Posts a batch of a book; anyone may call. What an outcome really costs has to be covered; a schedule is set
    /// aside for its margin only if that does not cover what it could cost at its own limits, so nobody who keeps that much
    /// can be left out. Whoever posts the whole book at once needs no turn; several batches
    /// need one, the collector's alone during the first half of the window.
    function post(BookKey calldata key, Batch calldata batch) external;

    /// @notice Gives back what an attempt bound that failed or was abandoned; anyone may call.
    function refund(
        BookKey calldata key,
        uint32 attempt,
        uint32 group,
        IDayAheadAuction.Member[] calldata members
    ) external;

    /* READING */

    /// @notice The phase of a span now.
    function phase(uint32 span) external view returns (Phase);

    /// @notice The name under which storage and events know a book: keccak256(span, zone, collector).
    function bookOf(BookKey calldata key) external pure returns (bytes32);

    /// @notice The final attempt of a book, and keccak256 of its margins; zeros if it is not final.
    function finalOf(bytes32 book) external view returns (uint32 attempt, bytes32 margins);

    /// @notice A book's state.
    /// @return committed the collector's commitment, zero if none; of a final book keccak256 of its margins
    /// @return attempt the attempt that is final or running
    /// @return isCleared whether it is final
    /// @return forced how many schedules were forced in
    function stateOf(
        BookKey calldata key
    ) external view returns (bytes32 committed, uint32 attempt, bool isCleared, uint32 forced);

    /// @notice The EIP-712 digest of a schedule.
    function scheduleDigest(
        uint32 span,
        uint32 participantId,
        address collector,
        uint256[] calldata orders
    ) external view returns (bytes32);

    /// @notice The roster in which the book looks for a key before it asks the registry.
    function roster() external view returns (IKeyRoster);

    /// @notice The venue that keeps margins and outcomes.
    function venue() external view returns (IDayAheadAuction);

    /// @notice The configuration, which is the venue's.
    function config() external view returns (Config memory);
}
