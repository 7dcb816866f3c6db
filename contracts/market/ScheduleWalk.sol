// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {FillLib} from "../libraries/FillLib.sol";
import {MoneyLib} from "../libraries/MoneyLib.sol";
import {ScheduleLib} from "../libraries/ScheduleLib.sol";
import {ScheduleGathering} from "./ScheduleGathering.sol";

/// @title The one pass over all orders of a book
/// @dev Everything of a batch lives in memory, and is written once where participants share a word.
abstract contract ScheduleWalk is ScheduleGathering {
    /// @dev Most members of a group, whose outcomes are one word of storage in the venue.
    uint256 internal constant GROUP = 32;

    /// @dev What a walk knows; `members` is the group that is open, heads and fills of `count` participants; `leftovers` counts
    /// the groups of earlier attempts that were not given back.
    struct Walk {
        bytes32 book;
        uint32 span;
        uint32 zone;
        address collector;
        uint32 attempt;
        uint32 lastId;
        uint32 forcedWalked;
        uint32 groups;
        uint32 leftovers;
        bytes32 digest;
        bytes32 domain;
        FillLib.Band band;
        uint256[] members;
        uint256 count;
    }

    /// @dev Walks a batch's entries; what it comes to stands in `walk` and, of participants, in storage.
    function _walkAll(Walk memory walk, Entry[] calldata entries, uint256[] calldata orders) internal {
        uint256 words = _wordsOf();
        require(orders.length == entries.length * words, WordsMismatch(entries.length * words, orders.length));

        for (uint256 i = 0; i < entries.length; ++i) {
            _walkOne(walk, entries[i], orders[i * words:(i + 1) * words]);
        }

        if (walk.count != 0) _endGroup(walk);
    }

    function _walkOne(Walk memory walk, Entry calldata entry, uint256[] calldata orders) private {
        // Casts cut the fields out of the word.
        uint32 participantId = uint32(entry.head);
        require(participantId > walk.lastId, NotAscending(participantId, walk.lastId));
        walk.lastId = participantId;
        bytes32 ordersHash = ScheduleLib.hashOf(orders);
        uint256 source = entry.head >> 32;

        if (source == uint256(Source.Signed)) {
            bytes32 structHash = ScheduleLib.structHash(walk.span, participantId, walk.collector, ordersHash);
            walk.digest = ScheduleLib.chained(walk.digest, structHash, entry.r, entry.vs);
            uint256 bound = _enter(walk, participantId, orders);
            _requireSpeaker(walk, participantId, bound, structHash, entry);
        } else {
            require(source <= uint256(Source.SetAside), ScheduleRefused(participantId, Fault.None));
            bool isForced = _followForced(walk, participantId, ordersHash, entry);
            if (source == uint256(Source.SetAside)) _setAside(walk, participantId, ordersHash, isForced, entry, orders);
            else {
                require(isForced, NotForced(walk.book, participantId));
                require(registry.isActive(participantId), ScheduleRefused(participantId, Fault.NotSecured));
                _enter(walk, participantId, orders);
            }
        }
    }

    /// @dev Fills the orders and binds what they come to.
    function _enter(Walk memory walk, uint32 participantId, uint256[] calldata orders) private returns (uint256 bound) {
        uint256 place = walk.count * (orders.length + 1);
        require(_isInSpan(orders), ScheduleRefused(participantId, Fault.BeyondSpan));
        FillLib.Band memory band = walk.band;
        FillLib.fill(band, orders, walk.members, place + 1);
        // Slots have 32 bits.
        if (band.leftOut != 0) {
            revert LeftOut(uint32(_firstSlot(walk.span) + FillLib.slotOf(band.leftOut)), participantId);
        }
        bound = band.payment + band.cover;

        walk.members[place] =
            (uint256(participantId) << 224) |
            (band.payment << 160) |
            (band.cover << 96) |
            (band.revenue << 32);
        if (++walk.count == GROUP) _endGroup(walk);
    }

    /* SIGNATURES */

    function _requireSpeaker(
        Walk memory walk,
        uint32 participantId,
        uint256 bound,
        bytes32 structHash,
        Entry calldata entry
    ) private view {
        address signer = _signerOf(walk, structHash, entry);
        require(signer != address(0), ScheduleRefused(participantId, Fault.NotSigned));
        (uint32 speakerId, uint32 zone) = registry.speakerOf(signer, bound);
        require(speakerId == participantId, ScheduleRefused(participantId, Fault.NotSigned));
        require(zone == walk.zone, ScheduleRefused(participantId, Fault.OtherZone));
    }

    /// @dev Zero for a signature that is none; malleable ones are none.
    function _signerOf(
        Walk memory walk,
        bytes32 structHash,
        Entry calldata entry
    ) private pure returns (address signer) {
        bytes32 digest = ScheduleLib.digestOf(walk.domain, structHash);
        (signer, , ) = ECDSA.tryRecover(digest, entry.r, entry.vs);
    }

    /* FORCED AND SET ASIDE */

    /// @dev Counts a forced schedule, and the signed one that it takes the place of.
    function _followForced(
        Walk memory walk,
        uint32 participantId,
        bytes32 ordersHash,
        Entry calldata entry
    ) private view returns (bool isForced) {
        bytes32 forced = _forced[walk.book][participantId];
        if (forced == 0) return false;
        require(forced == ordersHash && entry.vs == 0, NotForced(walk.book, participantId));
        ++walk.forcedWalked;
        if (entry.r != 0) walk.digest = ScheduleLib.pair(walk.digest, entry.r);
        return true;
    }

    function _setAside(
        Walk memory walk,
        uint32 participantId,
        bytes32 ordersHash,
        bool isForced,
        Entry calldata entry,
        uint256[] calldata orders
    ) private {
        Fault fault;
        if (isForced) {
            if (!registry.isActive(participantId)) fault = Fault.NotSecured;
        } else {
            bytes32 structHash = ScheduleLib.structHash(walk.span, participantId, walk.collector, ordersHash);
            walk.digest = ScheduleLib.chained(walk.digest, structHash, entry.r, entry.vs);
            fault = _faultOf(walk, participantId, structHash, entry, orders);
        }
        if (fault == Fault.None) fault = venue.faultOf(walk.span, participantId, _worstOf(orders));
        // What this book's own failed attempts bind is no reason, or whoever posts could shut anybody out.
        bool isReason = fault != Fault.None && (fault != Fault.BoundElsewhere || walk.leftovers == 0);
        require(isReason, NotSetAside(participantId));

        emit ScheduleSetAside(walk.book, participantId, fault);
    }

    function _faultOf(
        Walk memory walk,
        uint32 participantId,
        bytes32 structHash,
        Entry calldata entry,
        uint256[] calldata orders
    ) private view returns (Fault) {
        if (!_isInSpan(orders)) return Fault.BeyondSpan;
        address signer = _signerOf(walk, structHash, entry);
        if (signer == address(0)) return Fault.NotSigned;
        // A session key whose limit is too low is one that may not sign this.
        try registry.speakerOf(signer, _worstOf(orders)) returns (uint32 speakerId, uint32 zone) {
            if (speakerId != participantId) return Fault.NotSigned;
            return zone == walk.zone ? Fault.None : Fault.OtherZone;
        } catch {
            return Fault.NotSecured;
        }
    }

    /// @dev What a schedule can cost at its own limits, whatever the margins are: who holds that is never set aside.
    function _worstOf(uint256[] calldata orders) private view returns (uint256 bound) {
        for (uint256 slot = 0; slot < _spanSlots; ++slot) {
            uint256 order = uint32(orders[slot / 8] >> (32 * (slot % 8)));
            uint256 price = _floorPrice + ((order >> 23) & 0xff) * _tickSize;
            if (order >> 31 == 1) price = price < _coverPrice ? _coverPrice - price : 0;
            bound += MoneyLib.paymentUp(order & 0x7fffff, price);
        }
    }

    /* GROUPS */

    /// @dev The venue binds a group, and refuses what is not covered.
    function _endGroup(Walk memory walk) private {
        uint256 length = walk.count * (_wordsOf() + 1);
        uint256[] memory told = walk.members;
        uint32 group = walk.groups++;
        if (length != told.length) {
            told = new uint256[](length);
            for (uint256 i = 0; i < length; ++i) {
                told[i] = walk.members[i];
            }
        }
        walk.count = 0;

        venue.bindGroup(walk.book, walk.span, walk.attempt, group, told);
    }
}
