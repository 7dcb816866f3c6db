// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IPricingRule} from "../../interfaces/IPricingRule.sol";
import {Base} from "./Base.sol";

/// @title What makes a clearing right, said without walking a ladder
contract PricingTest is Base {
    uint256 private constant TICKS = 256;
    uint256 private constant MAX_TICK_WH = 0x3fffffff;
    uint256 private constant PER_MILLE = 1000;
    uint256 private constant K = 300;

    IPricingRule private _rule;
    /// @dev Rules that leave orders out, or charge everybody its own price.
    IPricingRule[] private _others;
    IPricingRule.Grid private _grid = IPricingRule.Grid({floorPrice: 30_000, tickSize: 100});

    function setUp() external {
        _rule = IPricingRule(_deploy("UniformPriceRule", abi.encode(K)));
        _others.push(IPricingRule(_deploy("VickreyRule", abi.encode(40_050))));
        _others.push(IPricingRule(_deploy("PayAsBidRule", "")));
        _others.push(IPricingRule(_deploy("McAfeeRule", "")));
        _others.push(IPricingRule(_deploy("SupplyDemandRule", abi.encode(33_333, 55_500))));
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
        (uint256[] memory bidWords, uint256[] memory askWords) = (_packed(bids), _packed(asks));
        uint256 most = _largestVolume(bids, asks);
        IPricingRule.Clearing memory found = _rule.clear(_grid, bidWords, askWords);
        _same(found.volumeWh, most, "no price has a larger volume");
        _checkOne(found, bids, asks);
        if (most != 0) {
            _same(found.bidPrice, found.askPrice, "one price");
            uint256 spread = (uint256(found.bidMarginTick) - found.askMarginTick) * _grid.tickSize;
            _same(found.bidPrice, _priceAt(found.askMarginTick) + (spread * K) / PER_MILLE, "k of the way up");
        }
        for (uint256 i = 0; i < _others.length; ++i) {
            found = _others[i].clear(_grid, bidWords, askWords);
            _holds(found.volumeWh <= most, "no more than what crosses");
            _checkOne(found, bids, asks);
        }
    }

    /// @dev What holds for every rule.
    function _checkOne(
        IPricingRule.Clearing memory found,
        uint256[] memory bids,
        uint256[] memory asks
    ) private view {
        uint256 volumeWh = found.volumeWh;
        if (volumeWh == 0) {
            _same(uint256(keccak256(abi.encode(found))), uint256(keccak256(new bytes(352))), "nothing without trade");
            return;
        }
        uint256 paid = _checkSide(bids, found.bidMarginTick, found.bidMarginWh, found.bidMarginFilledWh, volumeWh, true);
        uint256 got = _checkSide(asks, found.askMarginTick, found.askMarginWh, found.askMarginFilledWh, volumeWh, false);
        _holds(found.bidMarginTick >= found.askMarginTick, "the margins cross");
        _holds(found.bidPrice <= _priceAt(found.bidMarginTick), "no bid pays more than its limit");
        _holds(found.askPrice >= _priceAt(found.askMarginTick), "no ask gets less than its limit");
        _holds(found.askPrice <= found.bidPrice, "buyers pay what sellers get");
        uint256 gap = volumeWh * (uint256(found.bidPrice) - found.askPrice);
        if (found.atOwnPrice) gap = (paid - got) * _grid.tickSize;
        _same(found.surplus, gap / 1000, "the surplus is what is left");
    }

    function _largestVolume(uint256[] memory bids, uint256[] memory asks) private pure returns (uint256 most) {
        (uint256 demand, uint256 supply) = (0, 0);
        for (uint256 tick = 0; tick < TICKS; ++tick) {
            demand += bids[tick];
        }
        for (uint256 tick = 0; tick < TICKS; ++tick) {
            supply += asks[tick];
            if (_least(demand, supply) > most) most = _least(demand, supply);
            demand -= bids[tick];
        }
    }

    /// @dev Better than the margin whole, at the margin a part, worse nothing: together the volume.
    /// @return worth the sum of quantity filled times tick
    function _checkSide(
        uint256[] memory ladder,
        uint256 marginTick,
        uint256 marginWh,
        uint256 filledWh,
        uint256 volumeWh,
        bool isBid
    ) private pure returns (uint256 worth) {
        uint256 better;
        for (uint256 tick = 0; tick < TICKS; ++tick) {
            if (isBid ? tick <= marginTick : tick >= marginTick) continue;
            better += ladder[tick];
            worth += ladder[tick] * tick;
        }
        worth += filledWh * marginTick;
        _same(marginWh, ladder[marginTick], "what the margin holds");
        _holds(filledWh != 0 && filledWh <= marginWh, "something at the margin fills");
        _same(better + filledWh, volumeWh, "both sides match to the Wh");
    }

    function _priceAt(uint256 tick) private view returns (uint256) {
        return _grid.floorPrice + tick * _grid.tickSize;
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
