// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDayAheadAuction} from "../../interfaces/IDayAheadAuction.sol";
import {IScheduleBook} from "../../interfaces/IScheduleBook.sol";
import {IVenue} from "../../interfaces/IVenue.sol";
import {OutcomeBook} from "./OutcomeBook.sol";
import {Venue} from "./Venue.sol";

/// @title What becomes of a group of outcomes whose day is settled as a whole
abstract contract OutcomeClosing is OutcomeBook {
    /* CLOSING */

    /// @inheritdoc IDayAheadAuction
    /// @dev Bounded by the group.
    function closeGroup(
        IScheduleBook.BookKey calldata key,
        uint32 group,
        Member[] calldata members
    ) external onlyBy(settlement) {
        (bytes32 book, uint32 attempt, ) = _requireFinal(key);
        _requireGroup(book, attempt, group, members);
        (uint256[] memory heads, uint256 places) = _takeAll(key.span, members);

        _chargeAndPay(key.span, heads);

        emit GroupClosed(book, attempt, group, places);

        // A head says what is charged, released and paid.
        clearinghouse.closeMany(settlement, heads);
    }

    /// @return heads of the members that are not passed over
    /// @return places bit i of member i that is not passed over
    function _takeAll(uint32 span, Member[] calldata members) private returns (uint256[] memory heads, uint256 places) {
        heads = new uint256[](members.length);
        uint256 count;
        uint256 place;
        uint256 bits;
        for (uint256 i = 0; i < members.length; ++i) {
            uint256 head = members[i].head;
            if (head == 0) continue;
            uint256 participantId = head >> 224;
            if (participantId / 256 != place) {
                if (bits != 0) _closeOut(span, place, bits);
                (place, bits) = (participantId / 256, 0);
            }
            // A group has each participant once, in ascending order.
            bits |= 1 << (participantId % 256);
            places |= 1 << i;
            heads[count++] = head;
        }
        if (bits != 0) _closeOut(span, place, bits);
        // Cuts off what was not used.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(heads, count)
        }
    }

    /// @dev Moves the span's pool by all payments and revenues at once.
    function _chargeAndPay(uint32 span, uint256[] memory heads) private {
        uint256 charged;
        uint256 paid;
        for (uint256 i = 0; i < heads.length; ++i) {
            // Casts cut the fields out of the word.
            charged += uint64(heads[i] >> 160);
            paid += uint64(heads[i] >> 32);
        }
        _movePool(_firstSlot(span), charged, paid);
    }

    function _requireFinal(
        IScheduleBook.BookKey calldata key
    ) internal view returns (bytes32 book, uint32 attempt, bytes32 margins) {
        book = keccak256(abi.encode(key.span, key.zone, key.collector));
        (attempt, margins) = scheduleBook.finalOf(book);
        require(attempt != 0, NotFinal(book));
        _requirePhase(key.span, IScheduleBook.Phase.Decided);
    }

    /* POOL */

    /// @dev The slots of a span share the pool of its first one: who is settled slot by slot pays whom a group settles.
    function _movePool(uint32 slot, uint256 charged, uint256 paid) internal override {
        super._movePool(_firstSlot(slot / _spanSlots), charged, paid);
    }

    /// @inheritdoc IVenue
    function slotPool(uint32 slot) public view override(IVenue, Venue) returns (uint256) {
        return super.slotPool(_firstSlot(slot / _spanSlots));
    }
}
