// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAnonymousNegotiation} from "../../interfaces/IAnonymousNegotiation.sol";
import {INoteBook} from "../../interfaces/INoteBook.sol";
import {IVenue} from "../../interfaces/IVenue.sol";

/// @title What the audit looks at in the anonymous venue after every step, in one call
/// @notice Reads only, never deployed with the system. Words in the order of tests/audit/machine/lens_anonymous.py.
contract AuditAnonymousLens {
    IAnonymousNegotiation private immutable VENUE;

    constructor(IAnonymousNegotiation venue_) {
        VENUE = venue_;
    }

    /// @notice Counts of notes; balances of accounts; state and sides of agreements; then of a slot whether it is final, its
    /// pool, and each participant's position.
    function state(
        uint32 slot,
        uint32 people,
        address[] calldata accounts,
        bytes32[] calldata agreementIds
    ) external view returns (uint256[] memory words) {
        words = new uint256[](6 + accounts.length + 3 * agreementIds.length + 5 * people);
        INoteBook.Counts memory counts = VENUE.noteBook().countsOf(address(VENUE));
        (words[0], words[1], words[2], words[3]) = (counts.sold, counts.issued, counts.refunded, counts.redeemed);
        uint256 at = 4;
        for (uint256 i = 0; i < accounts.length; ++i) {
            words[at++] = VENUE.accountBalance(accounts[i]);
        }
        for (uint256 i = 0; i < agreementIds.length; ++i) {
            IAnonymousNegotiation.Deal memory deal = VENUE.dealOf(agreementIds[i]);
            (words[at], words[at + 1], words[at + 2]) = (uint256(deal.state), deal.buyerId, deal.sellerId);
            at += 3;
        }
        _positions(words, at, slot, people);
    }

    function _positions(uint256[] memory words, uint256 at, uint32 slot, uint32 people) private view {
        IVenue venue = IVenue(address(VENUE));
        bool isFinal = venue.isFinal(slot);
        words[at++] = isFinal ? 1 : 0;
        words[at++] = venue.slotPool(slot);
        for (uint32 id = 1; id <= people; ++id) {
            words[at] = venue.boundOf(slot, id);
            if (isFinal) {
                IVenue.Trade memory trade = venue.tradeOf(slot, id);
                words[at + 1] = trade.boughtWh;
                words[at + 2] = trade.soldWh;
                words[at + 3] = trade.payment;
                words[at + 4] = trade.revenue;
            }
            at += 5;
        }
    }
}
