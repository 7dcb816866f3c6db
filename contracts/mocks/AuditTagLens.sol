// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IConditionalMarket} from "../../interfaces/IConditionalMarket.sol";
import {IEnergyTag} from "../../interfaces/IEnergyTag.sol";
import {IVenue} from "../../interfaces/IVenue.sol";

/// @title What the audit looks at after every step of energy tags and of the venue that owes them, in one call
/// @notice Reads only, never deployed with the system. Words come in a fixed order, which
/// tests/audit/machine/lens_conditional.py names.
contract AuditTagLens {
    uint64 private constant NEWEST = 3;
    uint32 private constant ZONE = 1;
    IConditionalMarket private immutable MARKET;
    IEnergyTag private immutable TAGS;

    constructor(IConditionalMarket market_, IEnergyTag tags_) {
        MARKET = market_;
        TAGS = tags_;
    }

    /// @notice The venue in a slot; its newest orders and debts; tags of the slot from the grid and from the sun, with the
    /// balance of each account; then each participant's position, pledge, and tags that were kept or claimed.
    function records(
        uint32 slot,
        uint32 people,
        address[] calldata accounts
    ) external view returns (uint256[] memory words) {
        words = new uint256[](4 + 11 * NEWEST + 2 * (2 + accounts.length) + people * 13);
        bool isFinal = IVenue(address(MARKET)).isFinal(slot);
        words[0] = isFinal ? 1 : 0;
        words[1] = IVenue(address(MARKET)).slotPool(slot);
        words[2] = MARKET.orderCount();
        words[3] = MARKET.tradeCount();
        uint256 at = 4;
        for (uint64 k = 0; k < NEWEST; ++k) {
            at = _order(words, at, words[2] > k ? uint64(words[2]) - k : 0);
            at = _debt(words, at, words[3] > k ? uint64(words[3]) - k : 0);
        }
        at = _tags(words, at, TAGS.idOf(IEnergyTag.Source.Grid, ZONE, slot), accounts);
        at = _tags(words, at, TAGS.idOf(IEnergyTag.Source.Solar, ZONE, slot), accounts);
        for (uint32 id = 1; id <= people; ++id) {
            at = _position(words, at, slot, id, isFinal);
            at = _pledge(words, at, slot, id);
        }
    }

    function _order(uint256[] memory words, uint256 at, uint64 orderId) private view returns (uint256) {
        (uint32 makerId, IConditionalMarket.Order memory order) = MARKET.orderOf(orderId);
        words[at] = makerId;
        words[at + 1] = order.slot;
        words[at + 2] = order.energyWh;
        words[at + 3] = order.price;
        words[at + 4] = order.partnerId;
        return at + 5;
    }

    function _debt(uint256[] memory words, uint256 at, uint64 tradeId) private view returns (uint256) {
        IConditionalMarket.Debt memory debt = MARKET.debtOf(tradeId);
        words[at] = debt.buyerId;
        words[at + 1] = debt.sellerId;
        words[at + 2] = debt.owedWh;
        words[at + 3] = debt.beforeWh;
        words[at + 4] = debt.bond;
        words[at + 5] = debt.isDelivered ? 1 : 0;
        return at + 6;
    }

    function _tags(
        uint256[] memory words,
        uint256 at,
        uint256 id,
        address[] calldata accounts
    ) private view returns (uint256) {
        words[at++] = TAGS.mintedOf(id);
        words[at++] = TAGS.claimedOf(id);
        for (uint256 i = 0; i < accounts.length; ++i) {
            words[at++] = TAGS.balanceOf(accounts[i], id);
        }
        return at;
    }

    function _position(
        uint256[] memory words,
        uint256 at,
        uint32 slot,
        uint32 id,
        bool isFinal
    ) private view returns (uint256) {
        words[at] = IVenue(address(MARKET)).boundOf(slot, id);
        if (isFinal) {
            IVenue.Trade memory trade = IVenue(address(MARKET)).tradeOf(slot, id);
            words[at + 1] = trade.boughtWh;
            words[at + 2] = trade.soldWh;
            words[at + 3] = trade.payment;
            words[at + 4] = trade.revenue;
        }
        return at + 5;
    }

    function _pledge(uint256[] memory words, uint256 at, uint32 slot, uint32 id) private view returns (uint256) {
        IConditionalMarket.Pledge memory pledge = MARKET.pledgeOf(slot, id);
        words[at] = pledge.id;
        words[at + 1] = pledge.owedWh;
        words[at + 2] = pledge.collectedWh;
        words[at + 3] = pledge.bond;
        words[at + 4] = TAGS.isMinted(slot, id) ? 1 : 0;
        words[at + 5] = TAGS.consumptionClaimed(slot, id);
        words[at + 6] = TAGS.keptOf(id, TAGS.idOf(IEnergyTag.Source.Grid, ZONE, slot));
        words[at + 7] = TAGS.keptOf(id, TAGS.idOf(IEnergyTag.Source.Solar, ZONE, slot));
        return at + 8;
    }
}
