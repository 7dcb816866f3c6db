// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IDayAheadAuction} from "../../interfaces/IDayAheadAuction.sol";
import {FillLib} from "../libraries/FillLib.sol";
import {FillTable} from "../libraries/FillTable.sol";
import {MoneyLib} from "../libraries/MoneyLib.sol";
import {ScheduleLib} from "../libraries/ScheduleLib.sol";
import {SingleLib} from "../libraries/SingleLib.sol";
import {ScheduleKeys} from "./ScheduleKeys.sol";

/// @title The one pass over all orders of a book
/// @dev Everything of a batch lives in memory, and is written once where participants share a word.
abstract contract ScheduleWalk is ScheduleKeys {
    using FillLib for FillLib.Band;
    using FillTable for uint256[];
    using ScheduleLib for uint256;
    using SingleLib for SingleLib.Single;

    /// @dev Most words of a group, heads and fills, whose outcomes are one word of storage in the venue, and most members of
    /// one: 104 with 96 slots, whose whole day one transaction settles, and 208 with up to 40.
    uint256 private constant GROUP_WORDS = 1352;
    uint256 private constant GROUP_MEMBERS = 208;
    /// @dev Bytes of the call to the venue before its members: selector, five arguments and the members' length.
    uint256 private constant CALL_HEAD = 0xe0;

    /// @dev What a walk knows. `leftovers` counts the groups of earlier attempts that were not given back. `call` is the call
    /// that will tell the venue of the open group: its members stand from `first` to where the band goes on, with room up to
    /// `end`.
    struct Walk {
        bytes32 book;
        uint256 span;
        uint256 zone;
        uint256 attempt;
        uint256 lastId;
        uint256 forcedWalked;
        uint256 groups;
        uint256 leftovers;
        uint256 frame;
        FillLib.Band band;
        uint256 call;
        uint256 first;
        uint256 end;
        Keys keys;
        SingleLib.Single single;
    }

    /// @dev Reserves what a walk of so many bytes of entries needs, for a book that comes to `digest` so far.
    function _open(Walk memory walk, address collector, bytes32 digest, uint256 size) internal view {
        uint256 words = _wordsOf();
        uint256 frame = ScheduleLib.newFrame(_spanSlots, walk.span, collector, _domainSeparatorV4(), digest);
        uint256 members = Math.min(GROUP_WORDS / (words + 1), GROUP_MEMBERS);
        uint256 room = Math.min(members, size / ScheduleLib.strideOf(_spanSlots)) * (words + 1) * 32;
        uint256 calling;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            calling := mload(0x40)
            mstore(0x40, add(add(calling, CALL_HEAD), room))
        }
        (walk.frame, walk.keys) = (frame, _newKeys());
        (walk.call, walk.first, walk.end) = (calling, calling + CALL_HEAD, calling + CALL_HEAD + room);
        (walk.band.from, walk.band.to) = (frame.ordersIn(), frame.ordersIn() + 32 * words);
        walk.band.out = walk.first;
        walk.single.frame = frame;
        walk.single.slot = walk.band.table.placeOf(0);
        (walk.single.records, walk.single.zone, walk.single.end) = (walk.keys.records, walk.zone, walk.end);
    }

    /// @dev Walks a batch's entries; what it comes to stands in `walk` and, of participants, in storage. Input, and what is
    /// reserved of memory, is far shorter than 2^256 bytes.
    function _walkAll(Walk memory walk, bytes calldata entries) internal {
        uint256 stride = ScheduleLib.strideOf(_spanSlots);
        uint256 left = entries.length % stride;
        require(left == 0, WordsMismatch(entries.length - left, entries.length));
        uint256 at;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            at := entries.offset
        }
        unchecked {
            for (uint256 end = at + entries.length; at < end; at += stride) {
                if (_spanSlots == 1) at = _walkSingles(walk, at, end);
                if (at < end) _walkOne(walk, at);
                if (walk.band.out == walk.end) _endGroup(walk);
            }
        }

        if (walk.band.out != walk.first) _endGroup(walk);
    }

    /// @dev Walks what needs no questions, and says where somebody stands who does.
    function _walkSingles(Walk memory walk, uint256 at, uint256 end) private returns (uint256) {
        // A page that is not fresh is asked entry by entry.
        if (!walk.keys.isFresh) return at;
        SingleLib.Single memory single = walk.single;
        while (true) {
            (single.page, single.lastId, single.out) = (walk.keys.page, walk.lastId, walk.band.out);
            at = single.walk(at, end);
            (walk.lastId, walk.band.out) = (single.lastId, single.out);
            if (walk.band.out != walk.end) return at;
            _endGroup(walk);
        }
        return at;
    }

    /// @dev The entry at byte `at` of the input.
    function _walkOne(Walk memory walk, uint256 at) private {
        uint256 frame = walk.frame;
        (uint256 source, uint256 participantId) = frame.read(at);
        // Casts of participants are safe here and below: an entry has 32 bits for one.
        if (participantId <= walk.lastId) revert NotAscending(uint32(participantId), uint32(walk.lastId));
        walk.lastId = participantId;
        if (source != 0) {
            _walkOther(walk, source, uint32(participantId), at);
            return;
        }

        address signer = frame.signed(at);
        _enter(walk, participantId);
        if (!_isRostered(walk.keys, walk.zone, participantId, signer)) {
            _requireSpeaker(walk.zone, participantId, walk.band.bound, signer);
        }
    }

    function _walkOther(Walk memory walk, uint256 source, uint32 participantId, uint256 at) private {
        require(source <= uint256(Source.SetAside), ScheduleRefused(participantId, Fault.None));
        bool isForced = _followForced(walk, participantId, at);
        if (source == uint256(Source.SetAside)) {
            _setAside(walk, participantId, isForced, at);
            return;
        }
        require(isForced, NotForced(walk.book, participantId));
        require(registry.isActive(participantId), ScheduleRefused(participantId, Fault.NotSecured));
        _enter(walk, participantId);
    }

    /// @dev Fills the orders and notes what they come to.
    function _enter(Walk memory walk, uint256 participantId) private {
        FillLib.Band memory band = walk.band;
        band.fill(participantId);
        if (band.leftOut != 0) _revertLeftOut(walk, participantId);
    }

    function _revertLeftOut(Walk memory walk, uint256 participantId) private view {
        // Slots have 32 bits.
        uint256 slot = _firstSlot(uint32(walk.span)) + walk.band.slotOf();
        revert LeftOut(uint32(slot), uint32(participantId));
    }

    /* FORCED AND SET ASIDE */

    /// @dev Counts a forced schedule, and the signed one that it takes the place of.
    function _followForced(Walk memory walk, uint32 participantId, uint256 at) private view returns (bool isForced) {
        bytes32 forced = _forced[walk.book][participantId];
        if (forced == 0) return false;
        (bytes32 r, bytes32 vs) = ScheduleLib.signatureAt(at);
        bool isSame = forced == walk.frame.ordersHashIn() && vs == 0;
        require(isSame, NotForced(walk.book, participantId));
        ++walk.forcedWalked;
        if (r != 0) walk.frame.chain(r);
        return true;
    }

    function _setAside(Walk memory walk, uint32 participantId, bool isForced, uint256 at) private {
        Fault fault;
        uint256 worst = _worstOf(walk.frame.ordersIn());
        if (isForced) {
            if (!registry.isActive(participantId)) fault = Fault.NotSecured;
        } else {
            fault = _faultOf(walk, participantId, walk.frame.signed(at), worst);
        }
        // Spans have 32 bits.
        if (fault == Fault.None) fault = venue.faultOf(uint32(walk.span), participantId, worst);
        // What this book's own failed attempts bind is no reason, or whoever posts could shut anybody out.
        bool isReason = fault != Fault.None && (fault != Fault.BoundElsewhere || walk.leftovers == 0);
        require(isReason, NotSetAside(participantId));

        emit ScheduleSetAside(walk.book, participantId, fault);
    }

    function _faultOf(
        Walk memory walk,
        uint32 participantId,
        address signer,
        uint256 worst
    ) private view returns (Fault) {
        if (signer == address(0)) return Fault.NotSigned;
        // A session key whose limit is too low is one that may not sign this.
        try registry.speakerOf(signer, worst) returns (uint32 speakerId, uint32 zone) {
            if (speakerId != participantId) return Fault.NotSigned;
            return zone == walk.zone ? Fault.None : Fault.OtherZone;
        } catch {
            return Fault.NotSecured;
        }
    }

    /// @dev What a schedule can cost at its own limits, whatever the margins are: who holds that is never set aside.
    function _worstOf(uint256 orders) private view returns (uint256 bound) {
        for (uint256 slot = 0; slot < _spanSlots; ++slot) {
            uint256 order;
            // solhint-disable-next-line no-inline-assembly
            assembly ("memory-safe") {
                order := and(shr(shl(5, and(slot, 7)), mload(add(orders, shl(5, shr(3, slot))))), 0xffffffff)
            }
            uint256 price = _floorPrice + ((order >> 23) & 0xff) * _tickSize;
            if (order >> 31 == 1) price = price < _coverPrice ? _coverPrice - price : 0;
            bound += MoneyLib.paymentUp(order & 0x7fffff, price);
        }
    }

    /* GROUPS */

    /// @dev The venue binds the open group, and refuses what is not covered: `venue.bindGroup(book, span, attempt, group,
    /// members)`, whose members stand in memory already as they are to be told.
    function _endGroup(Walk memory walk) private {
        bytes32 book = walk.book;
        (uint256 span, uint256 attempt, uint256 group) = (walk.span, walk.attempt, walk.groups++);
        (uint256 calling, uint256 next) = (walk.call, walk.band.out);
        walk.band.out = walk.first;
        address target = address(venue);
        bytes4 selector = IDayAheadAuction.bindGroup.selector;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            // The selector ends a word, so that arguments stand in words.
            mstore(calling, shr(224, selector))
            mstore(add(calling, 0x20), book)
            mstore(add(calling, 0x40), span)
            mstore(add(calling, 0x60), attempt)
            mstore(add(calling, 0x80), group)
            mstore(add(calling, 0xa0), 0xa0)
            let size := sub(next, add(calling, CALL_HEAD))
            mstore(add(calling, 0xc0), shr(5, size))
            if iszero(call(gas(), target, 0, add(calling, 0x1c), add(0xc4, size), 0, 0)) {
                returndatacopy(mload(0x40), 0, returndatasize())
                revert(mload(0x40), returndatasize())
            }
        }
    }
}
