// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IDayAheadAuction} from "../../interfaces/IDayAheadAuction.sol";
import {IKeyRoster} from "../../interfaces/IKeyRoster.sol";
import {IParticipantRegistry} from "../../interfaces/IParticipantRegistry.sol";
import {IScheduleBook} from "../../interfaces/IScheduleBook.sol";
import {IVenue} from "../../interfaces/IVenue.sol";
import {ScheduleLib} from "../libraries/ScheduleLib.sol";
import {SpanTerms} from "./SpanTerms.sol";

/// @title What is gathered before the gate: commitments of collectors, and schedules that participants force in
abstract contract ScheduleGathering is IScheduleBook, SpanTerms, EIP712 {
    /// @dev 32 + 32 + 32 + 32 + 32 + 32 + 40 + 8 = 240 bits in the first word. `unrefunded` counts the groups that batches before
    /// the last bound and that were not given back. `committed` is what the collector committed to; once that was kept and
    /// the book is final, keccak256(margins). `tables`, `digest` and `poster` are only written between batches:
    /// keccak256(margins, sums), the commitment so far, and whose turn it is.
    struct Book {
        uint32 attempt;
        uint32 lastId;
        uint32 forced;
        uint32 forcedWalked;
        uint32 groups;
        uint32 unrefunded;
        uint40 turnUntil;
        bool isCleared;
        bytes32 committed;
        bytes32 tables;
        bytes32 digest;
        address poster;
    }

    /// @inheritdoc IScheduleBook
    IDayAheadAuction public immutable venue;
    IKeyRoster public immutable roster;
    IParticipantRegistry public immutable registry;

    mapping(bytes32 book => Book) internal _books;
    mapping(bytes32 book => mapping(uint256 participantId => bytes32 ordersHash)) internal _forced;

    constructor(
        IDayAheadAuction venue_,
        IParticipantRegistry registry_,
        IKeyRoster roster_
    ) SpanTerms(venue_.config(), registry_.slotSeconds()) EIP712("SETM ScheduleBook", "1") {
        require(roster_.registry() == registry_, RosterRefused(address(roster_)));

        venue = venue_;
        registry = registry_;
        roster = roster_;
    }

    /* GATHERING */

    /// @inheritdoc IScheduleBook
    function commit(uint32 span, uint32 zone, bytes32 digest) external {
        _requirePhase(span, Phase.Gathering);
        bytes32 book = _bookOf(span, zone, msg.sender);
        require(_books[book].committed == 0, CommitmentExists(book));

        _books[book].committed = digest;

        emit BookCommitted(span, zone, msg.sender, digest);
    }

    /// @inheritdoc IScheduleBook
    function force(BookKey calldata key, uint256[] calldata orders) external {
        Phase found = phase(key.span);
        bool isOpen = found == Phase.Gathering || found == Phase.Forcing;
        require(isOpen, PhaseMismatch(key.span, found, Phase.Forcing));
        require(orders.length == _wordsOf(), WordsMismatch(_wordsOf(), orders.length));
        // A session key must be allowed whatever an order could bind.
        (uint32 participantId, uint32 zone) = registry.speakerOf(msg.sender, _largestBound);
        require(zone == key.zone, ScheduleRefused(participantId, Fault.OtherZone));
        require(_isInSpan(orders), ScheduleRefused(participantId, Fault.BeyondSpan));
        // A margin proves that the participant joined the venue.
        require(venue.marginOf(participantId) != 0, IVenue.NotCovered(participantId, 1, 0));
        bytes32 book = _bookOf(key.span, key.zone, key.collector);
        require(_forced[book][participantId] == 0, ForcedAlready(book, participantId));

        _forced[book][participantId] = ScheduleLib.hashOf(orders);
        ++_books[book].forced;

        emit ScheduleForced(book, participantId, orders);
    }

    /// @dev Whether no order stands beyond the span.
    function _isInSpan(uint256[] calldata orders) internal view returns (bool) {
        uint256 used = _spanSlots % 8;
        return used == 0 || orders[orders.length - 1] >> (32 * used) == 0;
    }

    /* NAMES AND HASHES */

    function _bookOf(uint32 span, uint32 zone, address collector) internal pure returns (bytes32) {
        return keccak256(abi.encode(span, zone, collector));
    }

    /* READING */

    /// @inheritdoc IScheduleBook
    function bookOf(BookKey calldata key) external pure returns (bytes32) {
        return _bookOf(key.span, key.zone, key.collector);
    }

    /// @inheritdoc IScheduleBook
    function stateOf(
        BookKey calldata key
    ) external view returns (bytes32 committed, uint32 attempt, bool isCleared, uint32 forced) {
        Book storage book = _books[_bookOf(key.span, key.zone, key.collector)];
        return (book.committed, book.attempt, book.isCleared, book.forced);
    }

    /// @inheritdoc IScheduleBook
    function scheduleDigest(
        uint32 span,
        uint32 participantId,
        address collector,
        uint256[] calldata orders
    ) external view returns (bytes32) {
        bytes32 ordersHash = ScheduleLib.hashOf(orders);
        bytes32 hashed = keccak256(abi.encode(ScheduleLib.TYPEHASH, span, participantId, collector, ordersHash));
        return _hashTypedDataV4(hashed);
    }

    /// @inheritdoc IScheduleBook
    function finalOf(bytes32 name) external view returns (uint32 attempt, bytes32 margins) {
        Book storage book = _books[name];
        if (book.isCleared) (attempt, margins) = (book.attempt, book.committed);
    }

    /// @inheritdoc IScheduleBook
    function phase(uint32 span) public view override(IScheduleBook, SpanTerms) returns (Phase) {
        return SpanTerms.phase(span);
    }

    /// @inheritdoc IScheduleBook
    function config() public view override(IScheduleBook, SpanTerms) returns (Config memory) {
        return SpanTerms.config();
    }
}
