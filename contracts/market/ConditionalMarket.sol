// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IConditionalMarket} from "../../interfaces/IConditionalMarket.sol";
import {IEnergyTag} from "../../interfaces/IEnergyTag.sol";
import {MoneyLib} from "../libraries/MoneyLib.sol";
import {TagLib} from "../libraries/TagLib.sol";
import {ConditionalPledges} from "./ConditionalPledges.sol";
import {ConditionalTerms} from "./ConditionalTerms.sol";
import {NegotiationPositionLib} from "./NegotiationPositionLib.sol";
import {Venue} from "./Venue.sol";

/// @title Orders with conditions that a trade must meet: source, price, partner, share of green energy
contract ConditionalMarket is ConditionalPledges {
    /// @dev Two words: 32 * 5 + 16 + 8 + 8 bits of the order, and who posted it.
    struct Posted {
        Order order;
        uint32 makerId;
    }

    /// @inheritdoc IConditionalMarket
    uint64 public orderCount;
    /// @inheritdoc IConditionalMarket
    uint64 public tradeCount;
    mapping(uint64 orderId => Posted) private _orders;

    constructor(
        IClearinghouse clearinghouse_,
        address settlement_,
        IEnergyTag tags_,
        Config memory config_
    )
        Venue(clearinghouse_, settlement_, config_.coverPrice, "SETM ConditionalMarket")
        ConditionalTerms(tags_, config_)
    {}

    /* ORDERS */

    /// @inheritdoc IConditionalMarket
    function post(Order calldata order) external returns (uint64 orderId) {
        uint32 callerId = _caller(_boundBy(order.isBid, order.energyWh, order.price, order.greenShare));
        _requirePostable(order);
        if (order.partnerId != 0) {
            require(order.partnerId != callerId, PartnerIsSelf(callerId));
            require(registry.isActive(order.partnerId), PartnerInactive(order.partnerId));
        }
        // An ask promises what its seller is certified for.
        if (!order.isBid) _requireSource(order.slot, callerId, order.sources, order.greenShare);

        orderId = ++orderCount;
        _orders[orderId] = Posted(order, callerId);

        emit OrderPosted(orderId, callerId, order);
    }

    /// @inheritdoc IConditionalMarket
    function cancel(uint64 orderId) external {
        Posted storage posted = _orders[orderId];
        uint32 callerId = _caller(0);
        require(posted.makerId == callerId, NotOrderOf(orderId, callerId));
        require(posted.order.energyWh != 0, OrderTooSmall(orderId, 0, 0));

        posted.order.energyWh = 0;

        emit OrderCancelled(orderId);
    }

    /// @inheritdoc IConditionalMarket
    function take(uint64 orderId, uint32 energyWh, uint32 price) external returns (uint64 tradeId) {
        (Order memory order, uint32 makerId) = (_orders[orderId].order, _orders[orderId].makerId);
        uint32 callerId = _caller(_boundBy(!order.isBid, energyWh, price, order.greenShare));
        require(energyWh != 0 && energyWh <= order.energyWh, OrderTooSmall(orderId, order.energyWh, energyWh));
        _requireBeforeGate(order.slot);
        require(callerId != makerId, PartnerIsSelf(callerId));
        require(order.partnerId == 0 || order.partnerId == callerId, OtherPartner(order.partnerId, callerId));
        require(registry.isActive(makerId), PartnerInactive(makerId));
        bool isMet = order.isBid ? price <= order.price : price >= order.price;
        require(isMet, PriceNotMet(order.price, price));
        _requireInBand(price);

        tradeId = ++tradeCount;
        _orders[orderId].order.energyWh = order.energyWh - energyWh;
        (uint32 buyerId, uint32 sellerId) = order.isBid ? (makerId, callerId) : (callerId, makerId);
        (order.energyWh, order.price) = (energyWh, price);
        _conclude(orderId, tradeId, buyerId, sellerId, order);
    }

    /// @dev Binds both sides and writes down the position of each; `trade` has the energy and the price of the trade.
    function _conclude(uint64 orderId, uint64 tradeId, uint32 buyerId, uint32 sellerId, Order memory trade) private {
        uint256 id = _requireSource(trade.slot, sellerId, trade.sources, trade.greenShare);
        uint256 owedWh = _owedFor(trade.energyWh, trade.greenShare);
        if (owedWh != 0) _requireZone(buyerId, TagLib.zoneOf(id));
        uint256 payment = MoneyLib.paymentUp(trade.energyWh, trade.price);
        uint256 cover = _coverOf(trade.energyWh, trade.price);
        uint256 revenue = MoneyLib.paymentDown(trade.energyWh, trade.price);

        _bind(buyerId, payment);
        _bind(sellerId, _boundBy(false, trade.energyWh, trade.price, trade.greenShare));
        _add(trade.slot, buyerId, NegotiationPositionLib.pack(trade.energyWh, 0, payment, 0, 0));
        _add(trade.slot, sellerId, NegotiationPositionLib.pack(0, trade.energyWh, 0, revenue, cover));
        if (owedWh != 0) _owe(tradeId, trade.slot, buyerId, sellerId, id, owedWh);

        emit OrderTaken(
            orderId,
            buyerId,
            sellerId,
            tradeId,
            trade.slot,
            trade.energyWh,
            trade.price,
            TagLib.sourceOf(id),
            // A share of at most all of it.
            uint32(owedWh)
        );
    }

    function _requireZone(uint32 buyerId, uint32 tagZone) private view {
        uint32 zone = registry.participant(buyerId).zone;
        require(zone == tagZone, BuyerInOtherZone(zone, tagZone));
    }

    /* READING */

    /// @inheritdoc IConditionalMarket
    function orderOf(uint64 orderId) external view returns (uint32 participantId, Order memory order) {
        return (_orders[orderId].makerId, _orders[orderId].order);
    }
}
