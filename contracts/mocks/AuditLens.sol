// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IAuction} from "../../interfaces/IAuction.sol";
import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IMeterRegistry} from "../../interfaces/IMeterRegistry.sol";
import {INegotiation} from "../../interfaces/INegotiation.sol";
import {IParticipantRegistry} from "../../interfaces/IParticipantRegistry.sol";
import {ISettlement} from "../../interfaces/ISettlement.sol";
import {ITariff} from "../../interfaces/ITariff.sol";
import {IVenue} from "../../interfaces/IVenue.sol";

/// @title What the audit looks at after every step, in one call
/// @notice Reads only, never deployed with the system. Words come in a fixed order, which tests/audit/machine/lens.py names.
contract AuditLens {
    IParticipantRegistry private immutable REGISTRY;
    IClearinghouse private immutable HOUSE;
    IMeterRegistry private immutable METERS;
    ISettlement private immutable SETTLEMENT;
    INegotiation private immutable NEGOTIATION;
    ITariff private immutable TARIFF;

    constructor(
        IClearinghouse house_,
        IMeterRegistry meters_,
        ISettlement settlement_,
        INegotiation negotiation_,
        ITariff tariff_
    ) {
        REGISTRY = house_.registry();
        HOUSE = house_;
        METERS = meters_;
        SETTLEMENT = settlement_;
        NEGOTIATION = negotiation_;
        TARIFF = tariff_;
    }

    /// @notice Tokens, what is held, counts; then each venue; then each participant from 1 on.
    /// @param venues all venues; the first is settlement and the next `trading` ones have margins
    function balances(
        uint32 people,
        address[] calldata venues,
        uint256 trading
    ) external view returns (uint256[] memory words) {
        uint256 each = 6 + venues.length + trading;
        words = new uint256[](4 + 2 * venues.length + people * each);
        words[0] = IERC20(HOUSE.token()).balanceOf(address(HOUSE));
        words[1] = HOUSE.held();
        words[2] = REGISTRY.participantCount();
        words[3] = NEGOTIATION.negotiationCount();
        uint256 at = 4;
        for (uint256 i = 0; i < venues.length; ++i) {
            words[at++] = HOUSE.poolOf(venues[i]);
            words[at++] = HOUSE.isVenue(venues[i]) ? 1 : 0;
        }
        for (uint32 id = 1; id <= people; ++id) {
            at = _account(words, at, id);
            for (uint256 i = 0; i < venues.length; ++i) {
                words[at++] = HOUSE.collateralOf(venues[i], id);
            }
            for (uint256 i = 1; i <= trading; ++i) {
                words[at++] = IVenue(venues[i]).marginOf(id);
            }
        }
    }

    function _account(uint256[] memory words, uint256 at, uint32 id) private view returns (uint256) {
        (uint256 amount, uint40 possibleFrom) = SETTLEMENT.releaseOf(id);
        words[at] = HOUSE.freeOf(id);
        words[at + 1] = SETTLEMENT.guaranteeOf(id);
        // Two's complement, as it stands in the word.
        words[at + 2] = uint256(SETTLEMENT.arrearsOf(id));
        words[at + 3] = amount;
        words[at + 4] = possibleFrom;
        words[at + 5] = REGISTRY.isActive(id) ? 1 : 0;
        return at + 6;
    }

    /// @notice For each slot: phase and pool of each auction, whether the negotiation is final, its pool,
    /// phase, pool and sums of the tariff; then for each
    /// participant its orders, its agreements, its part in the tariff, its reading, and whether it is settled.
    function records(
        uint32[] calldata slots,
        uint32 people,
        IAuction[] calldata auctions
    ) external view returns (uint256[] memory words) {
        uint256 each = 24 + auctions.length * 9;
        words = new uint256[](slots.length * (8 + auctions.length * 2 + people * each));
        uint256 at;
        for (uint256 i = 0; i < slots.length; ++i) {
            uint32 slot = slots[i];
            for (uint256 k = 0; k < auctions.length; ++k) {
                words[at++] = uint256(auctions[k].phase(slot));
                words[at++] = IVenue(address(auctions[k])).slotPool(slot);
            }
            bool isFinal = IVenue(address(NEGOTIATION)).isFinal(slot);
            words[at++] = isFinal ? 1 : 0;
            words[at++] = IVenue(address(NEGOTIATION)).slotPool(slot);
            at = _board(words, at, slot);
            for (uint32 id = 1; id <= people; ++id) {
                for (uint256 k = 0; k < auctions.length; ++k) {
                    at = _order(words, at, auctions[k], slot, id);
                }
                at = _position(words, at, slot, id, isFinal);
                at = _part(words, at, slot, id);
                at = _reading(words, at, slot, id);
            }
        }
    }

    function _order(
        uint256[] memory words,
        uint256 at,
        IAuction auction,
        uint32 slot,
        uint32 id
    ) private view returns (uint256) {
        IAuction.OrderView memory order = auction.orderOf(slot, id);
        words[at] = uint256(order.state);
        words[at + 1] = uint256(order.side);
        words[at + 2] = order.bound;
        words[at + 3] = order.tick;
        words[at + 4] = order.energyWh;
        words[at + 5] = order.aheadWh;
        words[at + 6] = uint256(order.digest);
        words[at + 7] = order.state == IAuction.OrderState.None ? 0 : auction.fillOf(slot, id);
        words[at + 8] = order.state == IAuction.OrderState.None ? 0 : IVenue(address(auction)).boundOf(slot, id);
        return at + 9;
    }

    function _position(
        uint256[] memory words,
        uint256 at,
        uint32 slot,
        uint32 id,
        bool isFinal
    ) private view returns (uint256) {
        words[at] = IVenue(address(NEGOTIATION)).boundOf(slot, id);
        if (isFinal) {
            IVenue.Trade memory trade = IVenue(address(NEGOTIATION)).tradeOf(slot, id);
            words[at + 1] = trade.boughtWh;
            words[at + 2] = trade.soldWh;
            words[at + 3] = trade.payment;
            words[at + 4] = trade.revenue;
        }
        return at + 5;
    }

    function _board(uint256[] memory words, uint256 at, uint32 slot) private view returns (uint256) {
        ITariff.Sums memory sums = TARIFF.sumsOf(slot);
        words[at] = uint256(TARIFF.phase(slot));
        words[at + 1] = IVenue(address(TARIFF)).slotPool(slot);
        words[at + 2] = sums.announcedBidWh;
        words[at + 3] = sums.announcedAskWh;
        words[at + 4] = sums.takenBidWh;
        words[at + 5] = sums.takenAskWh;
        return at + 6;
    }

    function _part(uint256[] memory words, uint256 at, uint32 slot, uint32 id) private view returns (uint256) {
        ITariff.AnnouncementView memory part = TARIFF.announcementOf(slot, id);
        words[at] = uint256(part.state);
        words[at + 1] = uint256(part.side);
        words[at + 2] = IVenue(address(TARIFF)).boundOf(slot, id);
        words[at + 3] = part.announcedWh;
        words[at + 4] = part.takenWh;
        words[at + 5] = part.aheadWh;
        if (IVenue(address(TARIFF)).isFinal(slot)) {
            IVenue.Trade memory trade = IVenue(address(TARIFF)).tradeOf(slot, id);
            words[at + 6] = trade.boughtWh;
            words[at + 7] = trade.soldWh;
            words[at + 8] = trade.payment;
            words[at + 9] = trade.revenue;
        }
        return at + 10;
    }

    function _reading(uint256[] memory words, uint256 at, uint32 slot, uint32 id) private view returns (uint256) {
        IMeterRegistry.ReadingView memory found = METERS.readingOf(id, slot);
        words[at] = uint256(found.state);
        words[at + 1] = found.importWh;
        words[at + 2] = found.exportWh;
        words[at + 3] = found.isMeasured ? 1 : 0;
        words[at + 4] = found.isFinal ? 1 : 0;
        words[at + 5] = found.isFraud ? 1 : 0;
        words[at + 6] = found.capacityWh;
        words[at + 7] = METERS.meterOf(id);
        words[at + 8] = SETTLEMENT.isSettled(slot, id) ? 1 : 0;
        return at + 9;
    }
}
