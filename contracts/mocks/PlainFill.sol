// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {FillLib} from "../libraries/FillLib.sol";
import {FillTable} from "../libraries/FillTable.sol";
import {MarginLib} from "../libraries/MarginLib.sol";
import {MoneyLib} from "../libraries/MoneyLib.sol";

/// @title FillLib beside its plain twin
contract PlainFill {
    using FillLib for FillLib.Band;
    using FillTable for uint256[];
    using MarginLib for uint256;

    error Misplaced(uint256 found);

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
        band.table = FillTable.newTable(plans.length);
        for (uint256 i = 0; i < plans.length; ++i) {
            band.table.setSlot(i, plans[i], sums[i]);
        }
        uint256[] memory words = orders;
        fills = new uint256[](orders.length);
        // The head takes the place of the length, until that is written again.
        (band.from, band.out) = (_placeOf(words), _placeOf(fills) - 32);
        band.to = band.from + 32 * words.length;
        band.fill(7);
        if (band.out != _placeOf(fills) + 32 * words.length) revert Misplaced(band.out);
        money = _moneyIn(fills.length, band);
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(fills, mload(words))
        }
        after_ = new uint256[](plans.length);
        for (uint256 i = 0; i < plans.length; ++i) {
            after_[i] = band.table.sumsOf(i);
        }
    }

    function _moneyIn(uint256 head, FillLib.Band memory band) private pure returns (uint256[4] memory money) {
        money = [uint64(head >> 160), uint64(head >> 96), uint64(head >> 32), uint256(0)];
        if (band.leftOut != 0) money[3] = band.slotOf() + 1;
        if (band.bound != money[0] + money[1] || head >> 224 != 7 || uint32(head) != 0) revert Misplaced(head);
    }

    function _placeOf(uint256[] memory words) private pure returns (uint256 place) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            place := add(words, 0x20)
        }
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

    function planned(
        uint256 margins,
        uint32 floor,
        uint32 tick,
        uint16 k,
        uint32 cover
    ) external pure returns (uint256) {
        return margins.planned(floor, tick, k, cover);
    }

    function plainlyPlanned(
        uint256 margins,
        uint32 floor,
        uint32 tick,
        uint16 k,
        uint32 cover
    ) external pure returns (uint256) {
        return _isConsistent(margins) ? _priced(margins, floor, tick, k, cover) : 0;
    }

    function _isConsistent(uint256 margins) private pure returns (bool) {
        (uint256 bid, uint256 ask, uint256 cut) = (margins.bidOf(), margins.askOf(), margins.cutOf());
        if (margins >> 27 == 0) return bid == 257 && ask == 0;
        (uint256 bidFilled, uint256 askFilled) = (margins.bidFilledOf(), margins.askFilledOf());
        if (margins >> 187 != 0 || bid >= 257 || ask == 0 || bid < ask) return false;
        if (bidFilled == 0 || bidFilled > margins.bidMarginOf()) return false;
        if (askFilled == 0 || askFilled > margins.askMarginOf()) return false;
        if (bidFilled < margins.bidMarginOf() && cut <= bid) return false;
        return askFilled == margins.askMarginOf() || cut <= ask;
    }

    function _priced(
        uint256 margins,
        uint256 floorPrice,
        uint256 tickSize,
        uint256 k,
        uint256 coverPrice
    ) private pure returns (uint256) {
        if (margins >> 27 == 0) return margins;
        // Consistent, so the bid's place is not below the ask's, which is at least 1. The venue's band keeps prices in 32
        // bits for ticks inside it; a place beyond it holds no order, and a margin holds some.
        unchecked {
            uint256 spread = (margins.bidOf() - margins.askOf()) * tickSize;
            uint256 price = uint32(floorPrice + (margins.askOf() - 1) * tickSize + (spread * k) / 1000);
            uint256 missing = price < coverPrice ? coverPrice - price : 0;
            return margins | (price << 187) | (missing << 219);
        }
    }
}
