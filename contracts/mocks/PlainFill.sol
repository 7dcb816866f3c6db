// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {FillLib} from "../libraries/FillLib.sol";
import {MarginLib} from "../libraries/MarginLib.sol";
import {MoneyLib} from "../libraries/MoneyLib.sol";

/// @title FillLib beside its plain twin
contract PlainFill {
    using FillLib for uint256[];
    using MarginLib for uint256;

    /// @dev Where an order stands and what it asks for.
    struct Order {
        uint256 slot;
        uint256 spot;
        uint256 energyWh;
        bool isAsk;
    }

    function packed(
        uint256[] calldata plans,
        uint256[] calldata sums,
        uint256[] calldata orders
    ) external pure returns (uint256[] memory fills, uint256[] memory after_, uint256[4] memory money) {
        FillLib.Band memory band;
        band.table = FillLib.newTable(plans.length);
        for (uint256 i = 0; i < plans.length; ++i) {
            band.table.setSlot(i, plans[i], sums[i]);
        }
        fills = new uint256[](orders.length);
        FillLib.fill(band, orders, fills, 0);
        after_ = new uint256[](plans.length);
        for (uint256 i = 0; i < plans.length; ++i) {
            after_[i] = band.table.sumsOf(i);
        }
        money = [band.payment, band.cover, band.revenue, band.leftOut == 0 ? 0 : FillLib.slotOf(band.leftOut) + 1];
    }

    function plain(
        uint256[] calldata plans,
        uint256[] calldata sums,
        uint256[] calldata orders
    ) external pure returns (uint256[] memory fills, uint256[] memory after_, uint256[4] memory money) {
        fills = new uint256[](orders.length);
        after_ = sums;
        for (uint256 slot = 0; slot < plans.length; ++slot) {
            uint256 lane = uint32(orders[slot / 8] >> (32 * (slot % 8)));
            Order memory order = Order(slot, ((lane >> 23) & 0xff) + 1, lane & 0x7fffff, lane >> 31 == 1);
            if (order.energyWh == 0) continue;
            uint256 filled = _filled(order, plans[slot], after_, money);
            if (filled == 0) continue;
            _pay(order, filled, plans[slot], money);
            fills[slot / 8] |= (filled | (order.isAsk ? 1 << 31 : 0)) << (32 * (slot % 8));
        }
    }

    function _filled(
        Order memory order,
        uint256 plan,
        uint256[] memory sums,
        uint256[4] memory money
    ) private pure returns (uint256) {
        uint256 margin = order.isAsk ? plan.askOf() : plan.bidOf();
        uint256 shift = order.isAsk ? 48 : 0;
        if (order.isAsk ? order.spot < margin : order.spot > margin) {
            sums[order.slot] += order.energyWh << shift;
            return order.energyWh;
        }
        if (order.spot != margin) {
            bool isOut = order.isAsk ? order.spot >= plan.cutOf() : order.spot < plan.cutOf();
            if (!isOut) money[3] = order.slot + 1;
            return 0;
        }
        uint256 aheadWh = (sums[order.slot] >> (96 + shift)) & type(uint48).max;
        sums[order.slot] += order.energyWh << (96 + shift);
        uint256 part = order.isAsk ? plan.askFilledOf() : plan.bidFilledOf();
        uint256 whole = order.isAsk ? plan.askMarginOf() : plan.bidMarginOf();
        return ((aheadWh + order.energyWh) * part) / whole - (aheadWh * part) / whole;
    }

    function _pay(Order memory order, uint256 filledWh, uint256 plan, uint256[4] memory money) private pure {
        if (order.isAsk) {
            money[1] += MoneyLib.paymentUp(filledWh, plan.missingOf());
            money[2] += MoneyLib.paymentDown(filledWh, plan.priceOf());
        } else {
            money[0] += MoneyLib.paymentUp(filledWh, plan.priceOf());
        }
    }
}
