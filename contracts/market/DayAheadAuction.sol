// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IDayAheadAuction} from "../../interfaces/IDayAheadAuction.sol";
import {IScheduleBook} from "../../interfaces/IScheduleBook.sol";
import {IVenue} from "../../interfaces/IVenue.sol";
import {MarginLib} from "../libraries/MarginLib.sol";
import {MoneyLib} from "../libraries/MoneyLib.sol";
import {OutcomeBook} from "./OutcomeBook.sol";
import {OutcomeClosing} from "./OutcomeClosing.sol";
import {PositionBook} from "./PositionBook.sol";
import {PositionLib} from "./PositionLib.sol";

/// @title The venue of signed schedules
/// @dev What a walk binds is kept in OutcomeBook; here is what becomes of it.
contract DayAheadAuction is OutcomeClosing {
    using MarginLib for uint256;

    /// @dev Where a group stands.
    struct Place {
        bytes32 book;
        uint32 span;
        uint32 group;
    }

    constructor(
        IClearinghouse clearinghouse_,
        address settlement_,
        IScheduleBook.Config memory config_
    ) OutcomeBook(clearinghouse_, settlement_, config_) {}

    /* AFTERWARDS */

    /// @inheritdoc IDayAheadAuction
    function unpack(
        IScheduleBook.BookKey calldata key,
        uint32 group,
        Member[] calldata members,
        uint256 place,
        uint256[] calldata fills,
        uint256[] calldata margins
    ) external {
        bytes32 book = _requireOutcomes(key, group, members, margins);

        _writeOut(Place(book, key.span, group), members[place], fills, margins);
    }

    /// @inheritdoc IDayAheadAuction
    /// @dev Bounded by the group.
    function unpackMany(
        IScheduleBook.BookKey calldata key,
        uint32 group,
        Member[] calldata members,
        uint256[] calldata places,
        uint256[] calldata fills,
        uint256[] calldata margins
    ) external {
        Place memory at = Place(_requireOutcomes(key, group, members, margins), key.span, group);
        uint256 words = _wordsOf();
        uint256 length = places.length * words;
        require(fills.length == length, IScheduleBook.WordsMismatch(length, fills.length));

        for (uint256 i = 0; i < places.length; ++i) {
            _writeOut(at, members[places[i]], fills[i * words:(i + 1) * words], margins);
        }
    }

    /// @dev Refuses a book that is not final, other members than those of the group, and other margins than the book's.
    function _requireOutcomes(
        IScheduleBook.BookKey calldata key,
        uint32 group,
        Member[] calldata members,
        uint256[] calldata margins
    ) private view returns (bytes32 book) {
        uint32 attempt;
        bytes32 expected;
        (book, attempt, expected) = _requireFinal(key);
        _requireGroup(book, attempt, group, members);
        bytes32 found = keccak256(abi.encodePacked(margins));
        require(found == expected, MarginsMismatch(book, expected, found));
    }

    function _writeOut(
        Place memory at,
        Member calldata member,
        uint256[] calldata fills,
        uint256[] calldata margins
    ) private {
        bytes32 found = keccak256(abi.encodePacked(fills));
        bool isBound = member.head != 0 && found == member.fills;
        require(isBound, GroupMismatch(at.book, at.group, member.fills, found));

        _unpackOne(at.span, uint32(member.head >> 224), fills, margins);

        emit OutcomeUnpacked(at.book, uint32(member.head >> 224));
    }

    function _unpackOne(
        uint32 span,
        uint32 participantId,
        uint256[] calldata fills,
        uint256[] calldata margins
    ) private {
        _takeOut(span, participantId);
        _noteUnpacked(span, participantId);
        for (uint256 i = 0; i < margins.length; ++i) {
            uint256 lane = uint32(fills[i / 8] >> (32 * (i % 8)));
            if (lane == 0) continue;
            // Slots have 32 bits.
            _add(uint32(_firstSlot(span) + i), participantId, _positionBy(lane, _planOf(span, i, margins[i])));
        }
    }

    function _positionBy(uint256 lane, uint256 plan) private pure returns (uint256) {
        uint256 energyWh = lane & 0x7fffffff;
        uint256 price = plan.priceOf();
        if (lane == energyWh) return PositionLib.pack(energyWh, 0, MoneyLib.paymentUp(energyWh, price), 0, 0);
        uint256 cover = MoneyLib.paymentUp(energyWh, plan.missingOf());
        return PositionLib.pack(0, energyWh, 0, MoneyLib.paymentDown(energyWh, price), cover);
    }

    /* SLOT BY SLOT */

    /// @inheritdoc IVenue
    function isFinal(uint32 slot) public view override(IVenue, PositionBook) returns (bool) {
        return phase(slot / _spanSlots) == IScheduleBook.Phase.Decided;
    }

    /// @dev An outcome that is packed is not asked for slot by slot: it would count twice, or not at all.
    function _takePayment(
        uint32 slot,
        uint32 participantId
    ) internal override returns (bool isOpen, uint256 payment, uint256 unbound) {
        _requireNotPacked(slot, participantId);
        return super._takePayment(slot, participantId);
    }

    function _close(
        uint32 slot,
        uint32 participantId
    ) internal override returns (uint256 boughtWh, uint256 soldWh, uint256 revenue, uint256 cover) {
        _requireNotPacked(slot, participantId);
        return super._close(slot, participantId);
    }

    function _requireNotPacked(uint32 slot, uint32 participantId) private view {
        uint32 span = slot / _spanSlots;
        Outcome found = outcomeOf(span, participantId);
        require(found != Outcome.Packed, OutcomeMismatch(span, participantId, found));
    }
}
