// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IDayAheadAuction} from "../../interfaces/IDayAheadAuction.sol";
import {IScheduleBook} from "../../interfaces/IScheduleBook.sol";
import {IVenue} from "../../interfaces/IVenue.sol";
import {BindLib} from "../libraries/BindLib.sol";
import {GroupLib} from "../libraries/GroupLib.sol";
import {PositionBook} from "./PositionBook.sol";
import {SpanTerms} from "./SpanTerms.sol";
import {Venue} from "./Venue.sol";

/// @title What schedules bind: margins, six to a word, and outcomes, a group to a word
abstract contract OutcomeBook is IDayAheadAuction, PositionBook, SpanTerms {
    using BindLib for BindLib.Words;
    using GroupLib for GroupLib.Group;

    IScheduleBook public scheduleBook;

    mapping(bytes32 book => mapping(uint256 attemptAndGroup => bytes32 hash)) private _groups;
    /// @dev One bit a participant, 256 a word: whose outcomes of a span are packed, and whose were unpacked.
    mapping(uint256 span => mapping(uint256 place => uint256 bits)) private _packed;
    mapping(uint256 span => mapping(uint256 place => uint256 bits)) private _unpacked;
    /// @dev So that binding in the order of participants writes few words.
    uint256[1 << 32] private _marginWords;

    constructor(
        IClearinghouse clearinghouse_,
        address settlement_,
        IScheduleBook.Config memory config_
    )
        Venue(clearinghouse_, settlement_, config_.coverPrice, "SETM DayAheadAuction")
        PositionBook(config_.gateLead)
        SpanTerms(config_, clearinghouse_.registry().slotSeconds())
    {}

    /* BINDING */

    /// @inheritdoc IDayAheadAuction
    function setBook(IScheduleBook book) external {
        bool isFirst = address(scheduleBook) == address(0);
        require(msg.sender == registry.governance() && isFirst, BookRefused(msg.sender));

        scheduleBook = book;
    }

    /// @inheritdoc IDayAheadAuction
    function bindGroup(
        bytes32 book,
        uint32 span,
        uint32 attempt,
        uint32 group,
        uint256[] calldata members
    ) external onlyBy(address(scheduleBook)) {
        uint256 stride = _wordsOf() + 1;
        GroupLib.Group memory bound = GroupLib.newGroup(members.length / stride, _spanSlots);
        _bindAll(span, stride * 32, members, bound);
        _groups[book][_groupAt(attempt, group)] = bound.hashOf();

        bound.emitBound(book, attempt, group);
    }

    /// @dev Binds each member, whose head and fills are `stride` bytes; begins at the first one's words.
    function _bindAll(uint32 span, uint256 stride, uint256[] calldata members, GroupLib.Group memory bound) private {
        uint256 at;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            at := members.offset
        }
        (uint256 margins, uint256 packed) = ((members[0] >> 224) / BindLib.MARGINS_A_WORD, (members[0] >> 224) / 256);
        BindLib.Words memory words = BindLib.Words(margins, _marginWords[margins], packed, _packed[span][packed]);
        // Input is far shorter than 2^256 bytes.
        unchecked {
            for (uint256 end = at + 32 * members.length; at < end; at += stride) {
                if (words.isElsewhere(at)) _turn(span, words, _participantAt(at));
                if (!words.bind(at)) _refuse(words, at);
                bound.add(at);
            }
        }
        _marginWords[words.marginPlace] = words.margins;
        _packed[span][words.packedPlace] = words.packed;
    }

    /// @dev Writes the words at hand and reads those of a participant.
    function _turn(uint32 span, BindLib.Words memory words, uint256 participantId) private {
        (uint256 margins, uint256 packed) = (participantId / BindLib.MARGINS_A_WORD, participantId / 256);
        if (margins != words.marginPlace) {
            _marginWords[words.marginPlace] = words.margins;
            (words.marginPlace, words.margins) = (margins, _marginWords[margins]);
        }
        if (packed == words.packedPlace) return;
        _packed[span][words.packedPlace] = words.packed;
        (words.packedPlace, words.packed) = (packed, _packed[span][packed]);
    }

    /// @dev Whose head stands at byte `at` of the input.
    function _participantAt(uint256 at) private pure returns (uint256 participantId) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            participantId := shr(224, calldataload(at))
        }
    }

    function _refuse(BindLib.Words memory words, uint256 at) private pure {
        uint256 participantId = _participantAt(at);
        bool isPacked = (words.packed >> (participantId % 256)) & 1 != 0;
        IScheduleBook.Fault fault = isPacked ? IScheduleBook.Fault.BoundElsewhere : IScheduleBook.Fault.NotCovered;
        // A number of 32 bits.
        revert IScheduleBook.ScheduleRefused(uint32(participantId), fault);
    }

    /// @dev A margin proves that the participant joined this venue.
    function _faultIn(
        uint256 packedWord,
        uint256 participantId,
        uint256 margin,
        uint256 bound
    ) private pure returns (IScheduleBook.Fault) {
        if ((packedWord >> (participantId % 256)) & 1 != 0) return IScheduleBook.Fault.BoundElsewhere;
        return margin == 0 || margin < bound ? IScheduleBook.Fault.NotCovered : IScheduleBook.Fault.None;
    }

    /// @inheritdoc IDayAheadAuction
    function refundGroup(
        bytes32 book,
        uint32 span,
        uint32 attempt,
        uint32 group,
        Member[] calldata members
    ) external onlyBy(address(scheduleBook)) {
        _requireGroup(book, attempt, group, members);

        // Once and as a whole: a later attempt may bind the same participants again.
        delete _groups[book][_groupAt(attempt, group)];
        uint256[] memory heads = new uint256[](members.length);
        for (uint256 i = 0; i < members.length; ++i) {
            uint256 head = members[i].head;
            heads[i] = head;
            uint32 participantId = uint32(head >> 224);
            _takeOut(span, participantId);
            _unbind(participantId, uint256(uint64(head >> 160)) + uint64(head >> 96));
        }

        emit GroupRefunded(book, attempt, group, heads);
    }

    /* GROUPS */

    function _groupAt(uint256 attempt, uint256 group) private pure returns (uint256) {
        return (attempt << 32) | group;
    }

    /// @dev Refuses members other than those that were bound.
    function _requireGroup(bytes32 book, uint32 attempt, uint32 group, Member[] calldata members) internal view {
        bytes32[] memory leaves = new bytes32[](members.length);
        for (uint256 i = 0; i < members.length; ++i) {
            Member calldata member = members[i];
            leaves[i] = member.head == 0 ? member.fills : keccak256(abi.encode(member.head, member.fills));
        }
        bytes32 expected = _groups[book][_groupAt(attempt, group)];
        bytes32 found = keccak256(abi.encodePacked(leaves));
        require(found == expected, GroupMismatch(book, group, expected, found));
    }

    /// @dev Refuses a member whose outcome is not packed, and marks it as no longer so.
    function _takeOut(uint32 span, uint32 participantId) internal {
        Outcome found = outcomeOf(span, participantId);
        require(found == Outcome.Packed, OutcomeMismatch(span, participantId, found));

        _packed[span][participantId / 256] ^= 1 << (participantId % 256);
    }

    /// @dev Refuses outcomes that are not packed, given as bits of a word of 256 participants, and marks them as closed: both
    /// packed and unpacked, which no other outcome is.
    function _closeOut(uint32 span, uint256 place, uint256 bits) internal {
        uint256 unpacked = _unpacked[span][place];
        uint256 missing = bits & (unpacked | ~_packed[span][place]);
        if (missing != 0) {
            // A participant's number has 32 bits.
            uint32 participantId = uint32(place * 256 + Math.log2(missing));
            revert OutcomeMismatch(span, participantId, outcomeOf(span, participantId));
        }

        _unpacked[span][place] = unpacked | bits;
    }

    function _noteUnpacked(uint32 span, uint32 participantId) internal {
        _unpacked[span][participantId / 256] |= 1 << (participantId % 256);
    }

    /* MARGINS */

    /// @inheritdoc IVenue
    function marginOf(uint32 participantId) public view override(IVenue, Venue) returns (uint256) {
        uint256 word = _marginWords[participantId / BindLib.MARGINS_A_WORD];
        return (word >> (BindLib.MARGIN_BITS * (participantId % BindLib.MARGINS_A_WORD))) & BindLib.MAX_MARGIN;
    }

    function _setMargin(uint32 participantId, uint256 amount) internal override {
        require(amount <= BindLib.MAX_MARGIN, MarginFull(participantId, amount));
        uint256 shift = BindLib.MARGIN_BITS * (participantId % BindLib.MARGINS_A_WORD);
        uint256 word = _marginWords[participantId / BindLib.MARGINS_A_WORD];
        _marginWords[participantId / BindLib.MARGINS_A_WORD] =
            (word & ~(BindLib.MAX_MARGIN << shift)) | (amount << shift);
    }

    /// @dev Not while a span is posted, of which there is at most one: `postWindow` is shorter than a span.
    function _releaseMargin(uint32 participantId, uint256 amount) internal override {
        uint256 gateClock = block.timestamp + _spanLead;
        uint256 startAt = gateClock - (gateClock % _spanSeconds);
        uint256 untilAt = startAt + _postWindow;
        // Below 2^32, as every span is.
        require(gateClock >= untilAt, MarginFrozen(uint32(startAt / _spanSeconds), untilAt - _spanLead));

        super._releaseMargin(participantId, amount);
    }

    /* READING */

    /// @inheritdoc IDayAheadAuction
    function outcomeOf(uint32 span, uint32 participantId) public view returns (Outcome) {
        uint256 bit = 1 << (participantId % 256);
        bool isUnpacked = _unpacked[span][participantId / 256] & bit != 0;
        if (_packed[span][participantId / 256] & bit != 0) return isUnpacked ? Outcome.Closed : Outcome.Packed;
        return isUnpacked ? Outcome.Unpacked : Outcome.None;
    }

    /// @inheritdoc IDayAheadAuction
    function faultOf(uint32 span, uint32 participantId, uint256 bound) external view returns (IScheduleBook.Fault) {
        return _faultIn(_packed[span][participantId / 256], participantId, marginOf(participantId), bound);
    }

    /// @inheritdoc IDayAheadAuction
    function config() public view override(IDayAheadAuction, SpanTerms) returns (IScheduleBook.Config memory) {
        return SpanTerms.config();
    }
}
