// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IParticipantRegistry} from "../../interfaces/IParticipantRegistry.sol";
import {IVenue} from "../../interfaces/IVenue.sol";
import {GuaranteeBook} from "./GuaranteeBook.sol";

/// @title The money of days that are settled as a whole
/// @dev It takes the way of Settlement.settle, [S1] to [S4], for all members of a group at once.
abstract contract DayPayments is GuaranteeBook {
    using SafeCast for int256;

    /// @dev A group that is settled: for each member that is not passed over its number, what it owes for the day before its
    /// arrears (negative: what it is owed), what `DaysSettled` tells, how it stood before the group was closed
    /// (`IClearinghouse.standingsOf`), and its arrears before. What it owes has arrears in it once `_sumUp` was called.
    struct Days {
        uint32[] ids;
        int256[] dues;
        uint256[] words;
        uint256[] standings;
        int256[] arrears;
        uint32 lastSlot;
    }

    constructor(
        IParticipantRegistry registry_,
        IClearinghouse clearinghouse_,
        uint32 operatorId_,
        uint32 releaseDelay_
    ) GuaranteeBook(registry_, clearinghouse_, operatorId_, releaseDelay_) {}

    /* PAYING */

    /// @dev Notes guarantees before a venue hands anything over. Refuses who joined another venue that settlement asks, or did
    /// not join this one, before the day was over.
    function _noteStandings(address venue, Days memory settled, uint32 lastSlot) internal view {
        uint256 venueBit = 1 << clearinghouse.placeOf(venue);
        uint256 accepted = _acceptedBits();
        require(accepted & venueBit != 0, IVenue.VenueNotAccepted(venue));
        // It is asked like the other venues, and has nothing to say.
        accepted &= ~(1 << clearinghouse.placeOf(address(this)));
        uint256[] memory words = clearinghouse.standingsOf(address(this), settled.ids, lastSlot);
        for (uint256 i = 0; i < words.length; ++i) {
            require((words[i] >> 64) & accepted == venueBit, OtherVenueJoined(venue, settled.ids[i]));
        }
        (settled.standings, settled.lastSlot) = (words, lastSlot);
    }

    /// @dev [S2] to [S4], with one closing in the clearinghouse for all of them.
    function _pay(Days memory settled) internal {
        uint256[] memory closings = clearinghouse.standingsOf(address(this), settled.ids, settled.lastSlot);
        settled.arrears = _arrearsOf(settled.ids);
        (uint256 received, uint256 wanted) = _sumUp(settled, closings);
        uint256 available = Math.min(wanted, received + guaranteeOf(operatorId));
        if (available > received) clearinghouse.close(operatorId, address(0), available - received, 0, 0);
        _payAll(settled, closings, available);
        clearinghouse.closeMany(address(0), closings);
        if (received > available) clearinghouse.close(operatorId, address(this), 0, 0, received - available);
    }

    /// @dev Adds arrears to what is due, and sums up what comes in and what is wanted.
    function _sumUp(
        Days memory settled,
        uint256[] memory standings
    ) private pure returns (uint256 received, uint256 wanted) {
        for (uint256 i = 0; i < standings.length; ++i) {
            // What venue and guarantee come to; what the venue really handed over, whatever it says.
            uint256 collateral = uint64(standings[i]);
            settled.words[i] |= (collateral - uint64(settled.standings[i])) << 80;
            // Arrears and a day's bill are far below 2^127.
            unchecked {
                int256 due = settled.dues[i] + settled.arrears[i];
                settled.dues[i] = due;
                if (due < 0) wanted += uint256(-due);
                else received += uint256(due) < collateral ? uint256(due) : collateral;
            }
        }
    }

    /// @dev Turns standings into closings, and writes arrears down.
    function _payAll(Days memory settled, uint256[] memory closings, uint256 available) private {
        for (uint256 i = 0; i < closings.length; ++i) {
            int256 due = settled.dues[i];
            uint256 tradeCredit = uint64(settled.words[i] >> 80);
            uint256 paid;
            uint256 closing;
            // Nobody pays more than is due and there is, or gets more than is due and available.
            unchecked {
                if (due < 0) {
                    // [S4]
                    paid = uint256(-due) < available ? uint256(-due) : available;
                    available -= paid;
                    due += int256(paid);
                    closing = (tradeCredit << 96) | (paid << 32);
                } else {
                    // [S2]
                    paid = Math.min(uint256(due), uint64(closings[i]));
                    due -= int256(paid);
                    closing = paid << 160;
                    if (paid < tradeCredit) closing |= (tradeCredit - paid) << 96;
                }
                closings[i] = closing | (uint256(settled.ids[i]) << 224);
                // Now `due` is what stays as arrears.
                int256 change = due - settled.arrears[i];
                if (change == 0) continue;
                settled.words[i] |= uint256(uint64(change.toInt64())) << 16;
                _setArrears(settled.ids[i], due);
            }
        }
    }
}
