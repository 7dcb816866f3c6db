// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IConditionalMarket} from "../../interfaces/IConditionalMarket.sol";
import {MoneyLib} from "../libraries/MoneyLib.sol";
import {ConditionalTerms} from "./ConditionalTerms.sol";
import {PositionBook} from "./PositionBook.sol";

/// @title The tags that sellers owe, and what became of them
/// @dev Tags come here while they are minted, before their seller has them, so that none is sold twice. A trade is delivered
/// by itself, in any order, and its share depends on the trades before it only: nobody waits for anybody.
abstract contract ConditionalPledges is ConditionalTerms {
    /// @dev A trade while it is being made; `owedWh` tags are owed from it.
    struct Trading {
        uint64 orderId;
        uint64 tradeId;
        uint32 buyerId;
        uint32 sellerId;
        uint32 slot;
        uint32 energyWh;
        uint32 price;
        uint256 owedWh;
    }

    mapping(uint32 slot => mapping(uint32 sellerId => Pledge)) private _pledges;
    mapping(uint64 tradeId => Debt) private _debts;

    /// @dev Writes down that a seller owes tags of an id. The caller has bound the bond.
    function _owe(Trading memory trade, uint256 id) internal {
        Pledge storage pledge = _pledges[trade.slot][trade.sellerId];
        uint64 beforeWh = pledge.owedWh;
        bool isSame = beforeWh == 0 || pledge.id == id;
        require(isSame, SourceChanged(trade.slot, trade.sellerId, pledge.id, id));
        uint256 bond = MoneyLib.paymentUp(trade.owedWh, _tagPrice);

        if (beforeWh == 0) pledge.id = id;
        // One trade is below 2^32 Wh and 2^48 * 1e-6 EUR, and the seller's sales of the slot together below 2^40 Wh.
        pledge.owedWh = beforeWh + uint64(trade.owedWh);
        pledge.bond += uint128(bond);
        _debts[trade.tradeId] = Debt({
            buyerId: trade.buyerId,
            sellerId: trade.sellerId,
            slot: trade.slot,
            owedWh: uint32(trade.owedWh),
            beforeWh: beforeWh,
            bond: uint56(bond),
            isDelivered: false
        });
    }

    /// @inheritdoc IConditionalMarket
    function collectTags(
        uint32 slot,
        uint32 sellerId,
        uint256 id,
        uint256 energyWh
    ) external onlyBy(address(tags)) returns (uint256 collectedWh) {
        Pledge storage pledge = _pledges[slot][sellerId];
        if (pledge.owedWh == 0 || pledge.id != id) return 0;
        collectedWh = Math.min(energyWh, pledge.owedWh);

        // At most what is owed.
        pledge.collectedWh = uint64(collectedWh);

        emit TagsCollected(slot, sellerId, id, collectedWh);
    }

    /// @inheritdoc IConditionalMarket
    function deliver(uint64 tradeId) external {
        Debt memory debt = _debts[tradeId];
        require(debt.owedWh != 0 && !debt.isDelivered, NothingOwed(tradeId));
        require(tags.isMinted(debt.slot, debt.sellerId), SlotNotMinted(debt.slot, debt.sellerId));
        Pledge storage pledge = _pledges[debt.slot][debt.sellerId];
        (uint256 collectedWh, uint256 allWh) = (pledge.collectedWh, pledge.owedWh);
        uint256 upToWh = ((uint256(debt.beforeWh) + debt.owedWh) * collectedWh) / allWh;
        uint256 energyWh = upToWh - (debt.beforeWh * collectedWh) / allWh;
        uint256 missingWh = debt.owedWh - energyWh;
        // Not above the bond, which was rounded in the same way for all that is owed.
        uint256 compensation = MoneyLib.paymentUp(missingWh, _tagPrice);

        _debts[tradeId].isDelivered = true;
        pledge.bond -= debt.bond;
        _unbind(debt.sellerId, debt.bond - compensation);

        emit TagsDelivered(tradeId, debt.buyerId, debt.sellerId, energyWh, missingWh, compensation);

        if (compensation != 0) {
            _charge(debt.slot, debt.sellerId, compensation);
            _payIntoMargin(debt.slot, debt.buyerId, compensation);
        }
        if (energyWh != 0) tags.give(debt.buyerId, pledge.id, energyWh);
    }

    /* READING */

    /// @inheritdoc PositionBook
    function boundOf(uint32 slot, uint32 participantId) public view override returns (uint256) {
        return super.boundOf(slot, participantId) + _pledges[slot][participantId].bond;
    }

    /// @inheritdoc IConditionalMarket
    function debtOf(uint64 tradeId) external view returns (Debt memory) {
        return _debts[tradeId];
    }

    /// @inheritdoc IConditionalMarket
    function pledgeOf(uint32 slot, uint32 sellerId) external view returns (Pledge memory) {
        return _pledges[slot][sellerId];
    }
}
