// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDayAheadAuction} from "../../interfaces/IDayAheadAuction.sol";
import {IParticipantRegistry} from "../../interfaces/IParticipantRegistry.sol";
import {IScheduleBook} from "../../interfaces/IScheduleBook.sol";
import {FillLib} from "../libraries/FillLib.sol";
import {MarginLib} from "../libraries/MarginLib.sol";
import {ScheduleGathering} from "./ScheduleGathering.sol";
import {ScheduleWalk} from "./ScheduleWalk.sol";

/// @title Books of signed schedules, verified and cleared in one pass
/// @dev A book is posted at once, or in several batches by one poster; it is final when a batch says that it is the last and
/// everything adds up. Until then nothing counts, and what was bound can be given back.
contract ScheduleBook is ScheduleWalk {
    using FillLib for uint256[];
    using MarginLib for uint256;

    constructor(IDayAheadAuction venue_, IParticipantRegistry registry_) ScheduleGathering(venue_, registry_) {}

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

        _walkAll(walk, batch.entries, batch.orders);
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
        (walk.book, walk.span, walk.zone, walk.collector) = (name, key.span, key.zone, key.collector);
        walk.domain = _domainSeparatorV4();
        walk.band.table = _tableOf(key.span, batch.margins, batch.sums);
        walk.members = new uint256[](GROUP * (_wordsOf() + 1));
        (walk.attempt, walk.leftovers) = (book.attempt, book.unrefunded);
        if (isFirst) {
            ++walk.attempt;
            return walk;
        }
        walk.leftovers -= book.groups;
        bytes32 found = keccak256(abi.encode(batch.margins, batch.sums));
        require(found == book.tables, NotContinued(name, book.tables, found));
        (walk.lastId, walk.forcedWalked) = (book.lastId, book.forcedWalked);
        (walk.groups, walk.digest) = (book.groups, book.digest);
    }

    /// @dev Margins with their prices and sums, as FillLib has them.
    function _tableOf(
        uint32 span,
        uint256[] calldata margins,
        uint256[] calldata sums
    ) private view returns (uint256[] memory table) {
        table = FillLib.newTable(margins.length);
        for (uint256 i = 0; i < margins.length; ++i) {
            table.setSlot(i, _planOf(span, i, margins[i]), sums.length == 0 ? 0 : sums[i]);
        }
    }

    function _pause(Book storage book, Walk memory walk, Batch calldata batch) private {
        (book.attempt, book.lastId, book.forcedWalked) = (walk.attempt, walk.lastId, walk.forcedWalked);
        (book.groups, book.digest) = (walk.groups, walk.digest);
        book.unrefunded = walk.leftovers + walk.groups;
        uint256[] memory sums = new uint256[](_spanSlots);
        for (uint256 i = 0; i < sums.length; ++i) {
            sums[i] = walk.band.table.sumsOf(i);
        }
        book.tables = keccak256(abi.encode(batch.margins, sums));

        emit BatchWalked(walk.book, walk.attempt, msg.sender, sums);
    }

    function _finish(Book storage book, Walk memory walk, Batch calldata batch) private {
        require(walk.digest == book.committed, NotAsCommitted(walk.book, book.committed, walk.digest));
        bool isComplete = walk.forcedWalked == book.forced;
        require(isComplete, ForcedLeftOut(walk.book, book.forced, walk.forcedWalked));
        for (uint256 i = 0; i < _spanSlots; ++i) {
            _requireMatched(walk, i);
        }

        (book.attempt, book.isCleared) = (walk.attempt, true);
        book.tables = keccak256(abi.encodePacked(batch.margins));

        emit BookCleared(walk.book, walk.attempt, msg.sender, batch.margins);
    }

    /// @dev What stood at each margin is what was said, and both sides come to the same volume.
    function _requireMatched(Walk memory walk, uint256 i) private view {
        (uint256 plan, uint256 sums) = (walk.band.table.planOf(i), walk.band.table.sumsOf(i));
        // Casts cut the fields out of the word.
        uint256 boughtWh = uint48(sums) + plan.bidFilledOf();
        uint256 soldWh = uint48(sums >> 48) + plan.askFilledOf();
        bool isMatched =
            boughtWh == soldWh && uint48(sums >> 96) == plan.bidMarginOf() && uint48(sums >> 144) == plan.askMarginOf();
        require(isMatched, SumsMismatch(uint32(_firstSlot(walk.span) + i), sums));
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
