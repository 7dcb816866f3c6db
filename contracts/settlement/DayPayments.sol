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
    /// arrears (negative: what it is owed), what `DaysSettled` tells, and the word of its account before.
    struct Days {
        uint32[] ids;
        int256[] dues;
        uint256[] words;
        uint256[] accounts;
    }

    constructor(
        IParticipantRegistry registry_,
        IClearinghouse clearinghouse_,
        uint32 operatorId_,
        uint32 releaseDelay_
    ) GuaranteeBook(registry_, clearinghouse_, operatorId_, releaseDelay_) {}

    /* PAYING */

    /// @dev [S2] to [S4], with one closing in the clearinghouse for all of them.
    function _pay(address venue, Days memory settled, uint32 lastSlot) internal {
        uint256[] memory closings = _standings(venue, settled.ids, lastSlot);
        settled.accounts = new uint256[](closings.length);
        (uint256 received, uint256 wanted) = _sumUp(settled, closings);
        uint256 available = Math.min(wanted, received + guaranteeOf(operatorId));
        _takeFromOperator(received, available);
        _payAll(settled, closings, available);
        clearinghouse.closeMany(address(0), closings);
        _giveToOperator(received, available);
    }

    /// @dev Adds arrears to what is due, and sums up what comes in and what is wanted.
    function _sumUp(
        Days memory settled,
        uint256[] memory standings
    ) private view returns (uint256 received, uint256 wanted) {
        for (uint256 i = 0; i < standings.length; ++i) {
            uint256 account = _accountWord(settled.ids[i]);
            settled.accounts[i] = account;
            // What venue and guarantee come to; what the venue really handed over, whatever it says.
            uint256 collateral = uint64(standings[i]);
            settled.words[i] |= (collateral - uint128(account)) << 80;
            // Arrears and a day's bill are far below 2^127; the shift keeps the sign.
            unchecked {
                int256 due = settled.dues[i] + (int256(account) >> 128);
                settled.dues[i] = due;
                if (due < 0) wanted += uint256(-due);
                else received += uint256(due) < collateral ? uint256(due) : collateral;
            }
        }
    }

    /// @dev Refuses who joined another venue that settlement asks, or did not join this one, before the day was over.
    /// @return words as `IClearinghouse.standingsOf`
    function _standings(
        address venue,
        uint32[] memory ids,
        uint32 lastSlot
    ) private view returns (uint256[] memory words) {
        uint256 venueBit = 1 << clearinghouse.placeOf(venue);
        uint256 accepted = _acceptedBits();
        require(accepted & venueBit != 0, IVenue.VenueNotAccepted(venue));
        // It is asked like the other venues, and has nothing to say.
        accepted &= ~(1 << clearinghouse.placeOf(address(this)));
        words = clearinghouse.standingsOf(address(this), ids, lastSlot);
        for (uint256 i = 0; i < words.length; ++i) {
            require((words[i] >> 64) & accepted == venueBit, OtherVenueJoined(venue, ids[i]));
        }
    }

    /// @dev Draws up the closings and writes accounts down.
    function _payAll(Days memory settled, uint256[] memory closings, uint256 available) private {
        int256 owed;
        for (uint256 i = 0; i < closings.length; ++i) {
            uint256 account = settled.accounts[i];
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
                    // Its guarantee stays.
                    paid = 0;
                } else {
                    // [S2]
                    paid = Math.min(uint256(due), tradeCredit + uint128(account));
                    due -= int256(paid);
                    closing = paid << 160;
                    if (paid < tradeCredit) closing |= (tradeCredit - paid) << 96;
                    paid = paid < tradeCredit ? 0 : paid - tradeCredit;
                }
                closings[i] = closing | (uint256(settled.ids[i]) << 224);
                // Now `due` is what stays as arrears, and `paid` what the guarantee gives.
                owed += _owedBy(due) - _owedBy(int256(account) >> 128);
                settled.words[i] |= uint256(uint64((due - (int256(account) >> 128)).toInt64())) << 16;
                uint256 word = (uint256(int256(due.toInt128())) << 128) | (uint128(account) - paid);
                if (word != account) _setAccountWord(settled.ids[i], word);
            }
        }
        if (owed != 0) owedByOperator = uint256(int256(owedByOperator) + owed);
    }

    /// @dev What negative arrears say that the grid operator owes.
    function _owedBy(int256 arrears) private pure returns (int256) {
        return arrears < 0 ? -arrears : int256(0);
    }

    /// @dev [S3] The grid operator gives what is missing before anybody is paid, or gets what is over afterwards.
    function _takeFromOperator(uint256 received, uint256 available) private {
        if (available <= received) return;
        _takeGuarantee(operatorId, available - received);
        clearinghouse.close(operatorId, address(0), available - received, 0, 0);
    }

    function _giveToOperator(uint256 received, uint256 available) private {
        if (received <= available) return;
        _addGuarantee(operatorId, received - available);
        clearinghouse.close(operatorId, address(this), 0, 0, received - available);
    }
}
