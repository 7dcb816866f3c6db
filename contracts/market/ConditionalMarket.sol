// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IConditionalMarket} from "../../interfaces/IConditionalMarket.sol";
import {IEnergyTag} from "../../interfaces/IEnergyTag.sol";
import {MoneyLib} from "../libraries/MoneyLib.sol";
import {TagLib} from "../libraries/TagLib.sol";
import {ConditionalPledges} from "./ConditionalPledges.sol";
import {ConditionalTerms} from "./ConditionalTerms.sol";
import {PositionLib} from "./PositionLib.sol";
import {Venue} from "./Venue.sol";

/// @title Orders with conditions that a trade must meet: source, price, partner, share of green energy
contract ConditionalMarket is ConditionalPledges {
    /// @dev One word: 6 * 32 + 16 + 2 * 8 = 224 bits. The order and who posted it; `takenWh` of it is taken or taken back.
    struct Posted {
        uint32 makerId;
        uint32 slot;
        uint32 energyWh;
        uint32 takenWh;
        uint32 price;
        uint32 partnerId;
        uint16 greenShare;
        uint8 sources;
        bool isBid;
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
        uint256 owedWh = _owedFor(order.energyWh, order.greenShare);
        uint32 callerId = _caller(_boundBy(order.isBid, order.energyWh, order.price, owedWh));
        _requirePostable(order);
        if (order.partnerId != 0) {
            require(order.partnerId != callerId, PartnerIsSelf(callerId));
            require(registry.isActive(order.partnerId), PartnerInactive(order.partnerId));
        }
        // An ask promises what its seller is certified for.
        if (!order.isBid) _requireSource(order.slot, callerId, order.sources, order.greenShare);

        orderId = ++orderCount;
        _orders[orderId] = Posted({
            makerId: callerId,
            slot: order.slot,
            energyWh: order.energyWh,
            takenWh: 0,
            price: order.price,
            partnerId: order.partnerId,
            greenShare: order.greenShare,
            sources: order.sources,
            isBid: order.isBid
        });

        emit OrderPosted(orderId, callerId, order);
    }

    /// @inheritdoc IConditionalMarket
    function cancel(uint64 orderId) external {
        Posted memory order = _orders[orderId];
        uint32 callerId = _caller(0);
        require(order.makerId == callerId, NotOrderOf(orderId, callerId));
        require(order.takenWh != order.energyWh, OrderTooSmall(orderId, 0, 0));

        _orders[orderId].takenWh = order.energyWh;

        emit OrderCancelled(orderId);
    }

    /// @inheritdoc IConditionalMarket
    function take(uint64 orderId, uint32 energyWh, uint32 price) external returns (uint64 tradeId) {
        Posted memory order = _orders[orderId];
        uint256 takenWh = uint256(order.takenWh) + energyWh;
        // Parts owe together what the whole order owes: nobody gains by taking it in small ones.
        uint256 owedWh = _owedFor(takenWh, order.greenShare) - _owedFor(order.takenWh, order.greenShare);
        uint32 callerId = _caller(_boundBy(!order.isBid, energyWh, price, owedWh));
        uint32 leftWh = order.energyWh - order.takenWh;
        require(energyWh != 0 && energyWh <= leftWh, OrderTooSmall(orderId, leftWh, energyWh));
        _requireTakeable(order, callerId, price);

        tradeId = ++tradeCount;
        // Not above the whole order.
        _orders[orderId].takenWh = uint32(takenWh);
        Trading memory trade = Trading({
            orderId: orderId,
            tradeId: tradeId,
            buyerId: order.isBid ? order.makerId : callerId,
            sellerId: order.isBid ? callerId : order.makerId,
            slot: order.slot,
            energyWh: energyWh,
            price: price,
            owedWh: owedWh
        });
        _conclude(trade, _requireSource(order.slot, trade.sellerId, order.sources, order.greenShare));
    }

    function _requireTakeable(Posted memory order, uint32 callerId, uint32 price) private view {
        _requireBeforeGate(order.slot);
        require(callerId != order.makerId, PartnerIsSelf(callerId));
        require(order.partnerId == 0 || order.partnerId == callerId, OtherPartner(order.partnerId, callerId));
        require(registry.isActive(order.makerId), PartnerInactive(order.makerId));
        bool isMet = order.isBid ? price <= order.price : price >= order.price;
        require(isMet, PriceNotMet(order.price, price));
        _requireInBand(price);
    }

    /// @dev Binds both sides and writes down the position of each; `id` is that of the seller's tags.
    function _conclude(Trading memory trade, uint256 id) private {
        if (trade.owedWh != 0) _requireZone(trade.buyerId, TagLib.zoneOf(id));
        uint256 payment = MoneyLib.paymentUp(trade.energyWh, trade.price);
        uint256 cover = _coverOf(trade.energyWh, trade.price);
        uint256 revenue = MoneyLib.paymentDown(trade.energyWh, trade.price);

        _bind(trade.buyerId, payment);
        _bind(trade.sellerId, _boundBy(false, trade.energyWh, trade.price, trade.owedWh));
        _add(trade.slot, trade.buyerId, PositionLib.pack(trade.energyWh, 0, payment, 0, 0));
        _add(trade.slot, trade.sellerId, PositionLib.pack(0, trade.energyWh, 0, revenue, cover));
        if (trade.owedWh != 0) _owe(trade, id);

        emit OrderTaken(
            trade.orderId,
            trade.buyerId,
            trade.sellerId,
            trade.tradeId,
            trade.slot,
            trade.energyWh,
            trade.price,
            TagLib.sourceOf(id),
            // At most the energy.
            uint32(trade.owedWh)
        );
    }

    function _requireZone(uint32 buyerId, uint32 tagZone) private view {
        uint32 zone = registry.participant(buyerId).zone;
        require(zone == tagZone, BuyerInOtherZone(zone, tagZone));
    }

    /* READING */

    /// @inheritdoc IConditionalMarket
    function orderOf(uint64 orderId) external view returns (uint32 participantId, Order memory order) {
        Posted memory posted = _orders[orderId];
        order = Order({
            slot: posted.slot,
            energyWh: posted.energyWh - posted.takenWh,
            price: posted.price,
            partnerId: posted.partnerId,
            greenShare: posted.greenShare,
            sources: posted.sources,
            isBid: posted.isBid
        });
        return (posted.makerId, order);
    }
}
