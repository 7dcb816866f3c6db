// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDayAheadAuction} from "../../interfaces/IDayAheadAuction.sol";
import {IKeyRoster} from "../../interfaces/IKeyRoster.sol";
import {IParticipantRegistry} from "../../interfaces/IParticipantRegistry.sol";
import {IScheduleBook} from "../../interfaces/IScheduleBook.sol";
import {FillTable} from "../libraries/FillTable.sol";
import {ScheduleLib} from "../libraries/ScheduleLib.sol";
import {ScheduleGathering} from "./ScheduleGathering.sol";
import {ScheduleWalk} from "./ScheduleWalk.sol";

/// @title Books of signed schedules, verified and cleared in one pass
/// @dev A book is posted at once, or in several batches by one poster; it is final when a batch says that it is the last and
/// everything adds up. Until then nothing counts, and what was bound can be given back.
contract ScheduleBook is ScheduleWalk {
    using FillTable for uint256[];
    using ScheduleLib for uint256;

    constructor(
        IDayAheadAuction venue_,
        IParticipantRegistry registry_,
        IKeyRoster roster_
    ) ScheduleGathering(venue_, registry_, roster_) {}

    /* POSTING */

    /// @inheritdoc IScheduleBook
    function post(BookKey calldata key, Batch calldata batch) external {
        _requirePhase(key.span, Phase.Posting);
        bytes32 name = _bookOf(key.span, key.zone, key.collector);
        Book storage book = _books[name];
        require(!book.isCleared, BookFinal(name));
        bool isFirst = batch.sums.length == 0;
        if (!isFirst || !batch.isLast) _requireTurn(key, book, isFirst);
        Walk memory walk = _walkFrom(key, name, book, batch, isFirst);

        _walkAll(walk, batch.entries);
        if (batch.isLast) _finish(book, walk, batch);
        else _pause(book, walk, batch);
    }

    /// @dev Several batches are posted by one alone, or anyone could spoil them by beginning again.
    function _requireTurn(BookKey calldata key, Book storage book, bool isFirst) private {
        bool isMine = book.poster == msg.sender && block.timestamp < book.turnUntil;
        if (!isFirst) {
            require(isMine, TurnTaken(book.poster, book.turnUntil));
            return;
        }
        uint256 gateAt = uint256(key.span) * _spanSeconds - _spanLead;
        uint256 collectorsUntil = gateAt + _postWindow / 2;
        bool isCollectors = block.timestamp < collectorsUntil && msg.sender != key.collector;
        require(!isCollectors, TurnTaken(key.collector, collectorsUntil));
        require(isMine || block.timestamp >= book.turnUntil, TurnTaken(book.poster, book.turnUntil));

        // Seconds fit in 40 bits for 34,000 years.
        (book.poster, book.turnUntil) = (msg.sender, uint40(block.timestamp + _leaseSeconds));
    }

    function _walkFrom(
        BookKey calldata key,
        bytes32 name,
        Book storage book,
        Batch calldata batch,
        bool isFirst
    ) private view returns (Walk memory walk) {
        require(batch.margins.length == _spanSlots, WordsMismatch(_spanSlots, batch.margins.length));
        (walk.book, walk.span, walk.zone, walk.attempt) = (name, key.span, key.zone, book.attempt);
        walk.band.table = _tableOf(key.span, batch.margins, batch.sums);
        _open(walk, key.collector, isFirst ? bytes32(0) : book.digest, batch.entries.length);
        walk.leftovers = book.unrefunded;
        if (isFirst) {
            ++walk.attempt;
            return walk;
        }
        walk.leftovers -= book.groups;
        bytes32 found = keccak256(abi.encode(batch.margins, batch.sums));
        require(found == book.tables, NotContinued(name, book.tables, found));
        (walk.lastId, walk.forcedWalked) = (book.lastId, book.forcedWalked);
        walk.groups = book.groups;
    }

    /// @dev Margins with their prices and sums, as FillTable has them.
    function _tableOf(
        uint32 span,
        uint256[] calldata margins,
        uint256[] calldata sums
    ) private view returns (uint256[] memory table) {
        table = FillTable.newTable(margins.length);
        bool isFirst = sums.length == 0;
        for (uint256 i = 0; i < margins.length; ++i) {
            table.setSlot(i, _planOf(span, i, margins[i]), isFirst ? 0 : sums[i]);
        }
    }

    function _pause(Book storage book, Walk memory walk, Batch calldata batch) private {
        // Attempts, groups and forced schedules are counted by transactions and participants: far below 2^32.
        (book.attempt, book.lastId) = (uint32(walk.attempt), uint32(walk.lastId));
        (book.forcedWalked, book.groups) = (uint32(walk.forcedWalked), uint32(walk.groups));
        book.unrefunded = uint32(walk.leftovers + walk.groups);
        book.digest = walk.frame.committedIn();
        uint256[] memory sums = new uint256[](_spanSlots);
        for (uint256 i = 0; i < sums.length; ++i) {
            sums[i] = walk.band.table.sumsOf(i);
        }
        book.tables = keccak256(abi.encode(batch.margins, sums));

        emit BatchWalked(walk.book, uint32(walk.attempt), msg.sender, batch.margins, sums);
    }

    function _finish(Book storage book, Walk memory walk, Batch calldata batch) private {
        bytes32 digest = walk.frame.committedIn();
        require(digest == book.committed, NotAsCommitted(walk.book, book.committed, digest));
        bool isComplete = walk.forcedWalked == book.forced;
        require(isComplete, ForcedLeftOut(walk.book, book.forced, uint32(walk.forcedWalked)));
        uint256[] memory table = walk.band.table;
        for (uint256 i = 0; i < _spanSlots; ++i) {
            // Slots have 32 bits.
            if (!table.isMatched(i)) revert SumsMismatch(uint32(_firstSlot(uint32(walk.span)) + i), table.sumsOf(i));
        }

        (book.attempt, book.isCleared) = (uint32(walk.attempt), true);
        book.committed = keccak256(abi.encodePacked(batch.margins));

        emit BookCleared(walk.book, uint32(walk.attempt), msg.sender, batch.margins);
    }

    /// @inheritdoc IScheduleBook
    function refund(
        BookKey calldata key,
        uint32 attempt,
        uint32 group,
        IDayAheadAuction.Member[] calldata members
    ) external {
        bytes32 name = _bookOf(key.span, key.zone, key.collector);
        Book storage book = _books[name];
        bool isPosted = phase(key.span) == Phase.Posting && block.timestamp < book.turnUntil;
        bool isAlive = attempt == book.attempt && (book.isCleared || isPosted);
        require(!isAlive, NotFailed(name, attempt));

        // The venue refuses what is no group of an attempt that failed.
        if (book.unrefunded != 0) --book.unrefunded;

        venue.refundGroup(name, key.span, attempt, group, members);
    }
}
