// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IPricingRule} from "../../interfaces/IPricingRule.sol";
import {Base} from "./Base.sol";

/// @title What makes a clearing right, said without walking a ladder
contract PricingTest is Base {
    uint256 private constant TICKS = 256;
    uint256 private constant MAX_TICK_WH = 0x3fffffff;

    IPricingRule private _rule;
    IPricingRule.Grid private _grid = IPricingRule.Grid({floorPrice: 30_000, tickSize: 100});

    function setUp() external {
        _rule = IPricingRule(_deploy("UniformPriceRule", ""));
    }

    /// @dev A handful of orders, which meet in a few ticks.
    function testFuzz_fewOrders(uint256[12] calldata orders, uint8 center, uint8 spread) external view {
        uint256[] memory bids = new uint256[](TICKS);
        uint256[] memory asks = new uint256[](TICKS);
        for (uint256 i = 0; i < orders.length; ++i) {
            uint256 tick = (center + ((orders[i] >> 8) % (uint256(spread) + 1))) % TICKS;
            uint256 energyWh = _within(orders[i] >> 32, 0, orders[i] & 2 == 0 ? 5 : MAX_TICK_WH);
            uint256[] memory ladder = orders[i] & 1 == 0 ? bids : asks;
            ladder[tick] = ladder[tick] + energyWh > MAX_TICK_WH ? MAX_TICK_WH : ladder[tick] + energyWh;
        }
        _check(bids, asks);
    }

    /// @dev Every tick of both sides holds something, or nearly.
    function testFuzz_fullLadders(uint256 seed, uint32 most) external view {
        uint256[] memory bids = new uint256[](TICKS);
        uint256[] memory asks = new uint256[](TICKS);
        for (uint256 tick = 0; tick < TICKS; ++tick) {
            bids[tick] = uint256(keccak256(abi.encode(seed, tick, 0))) % (_within(most, 0, MAX_TICK_WH) + 1);
            asks[tick] = uint256(keccak256(abi.encode(seed, tick, 1))) % (_within(most, 0, MAX_TICK_WH) + 1);
        }
        _check(bids, asks);
    }

    function _check(uint256[] memory bids, uint256[] memory asks) private view {
        IPricingRule.Clearing memory found = _rule.clear(_grid, _packed(bids), _packed(asks));

        (uint256 most, uint256 demand, uint256 supply) = (0, 0, 0);
        for (uint256 tick = 0; tick < TICKS; ++tick) {
            demand += bids[tick];
        }
        for (uint256 tick = 0; tick < TICKS; ++tick) {
            supply += asks[tick];
            if (_least(demand, supply) > most) most = _least(demand, supply);
            demand -= bids[tick];
        }
        _same(found.volumeWh, most, "no price has a larger volume");
        if (most == 0) {
            _same(uint256(keccak256(abi.encode(found))), uint256(keccak256(new bytes(288))), "nothing without trade");
            return;
        }
        _checkSide(bids, found.bidMarginTick, found.bidMarginWh, found.bidMarginFilledWh, most, true);
        _checkSide(asks, found.askMarginTick, found.askMarginWh, found.askMarginFilledWh, most, false);
        _holds(found.bidMarginTick >= found.askMarginTick, "the margins cross");
        _same(found.bidPrice, found.askPrice, "one price");
        uint256 doubled =
            2 * uint256(_grid.floorPrice) + (uint256(found.bidMarginTick) + found.askMarginTick) * _grid.tickSize;
        _same(found.bidPrice, doubled / 2, "halfway between the margins");
    }

    /// @dev Better than the margin whole, at the margin a part, worse nothing: together the volume.
    function _checkSide(
        uint256[] memory ladder,
        uint256 marginTick,
        uint256 marginWh,
        uint256 filledWh,
        uint256 volumeWh,
        bool isBid
    ) private pure {
        uint256 better;
        for (uint256 tick = 0; tick < TICKS; ++tick) {
            if (isBid ? tick > marginTick : tick < marginTick) better += ladder[tick];
        }
        _same(marginWh, ladder[marginTick], "what the margin holds");
        _holds(filledWh != 0 && filledWh <= marginWh, "something at the margin fills");
        _same(better + filledWh, volumeWh, "both sides match to the Wh");
    }

    function _packed(uint256[] memory ladder) private pure returns (uint256[] memory words) {
        words = new uint256[](32);
        for (uint256 tick = 0; tick < TICKS; ++tick) {
            words[tick / 8] |= ladder[tick] << (30 * (tick % 8));
        }
    }

    function _least(uint256 one, uint256 other) private pure returns (uint256) {
        return one < other ? one : other;
    }
}
