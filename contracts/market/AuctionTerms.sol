// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAuction} from "../../interfaces/IAuction.sol";
import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IPricingRule} from "../../interfaces/IPricingRule.sol";
import {LadderLib} from "../libraries/LadderLib.sol";
import {MoneyLib} from "../libraries/MoneyLib.sol";
import {Venue} from "./Venue.sol";

/// @title What holds for every slot of an auction: its configuration, and what an order may be and must bind
abstract contract AuctionTerms is IAuction, Venue {
    /// @dev Sides as numbers: converting to an enum checks its range each time, and every order would pay for that.
    uint256 internal constant BID = 0;
    uint256 internal constant ASK = 1;
    /// @dev Units of price to one of money per Wh, as in MoneyLib.
    uint256 internal constant PRICE_UNITS = 1000;

    IPricingRule public immutable pricingRule;

    uint32 internal immutable _floorPrice;
    uint32 internal immutable _tickSize;
    uint16 internal immutable _tickCount;
    bool internal immutable _isSealed;
    uint32 internal immutable _gateLead;
    uint32 internal immutable _revealWindow;
    uint32 internal immutable _clearWindow;
    uint32 internal immutable _horizonSeconds;
    uint48 internal immutable _bond;
    uint32 internal immutable _coverPrice;
    uint32 internal immutable _maxOrderWh;

    constructor(
        IClearinghouse clearinghouse_,
        address settlement_,
        IPricingRule rule_,
        Config memory config_
    ) Venue(clearinghouse_, settlement_, config_.coverPrice, "SETM Auction") {
        _requireConsistent(config_);

        pricingRule = rule_;
        _floorPrice = config_.floorPrice;
        _tickSize = config_.tickSize;
        _tickCount = config_.tickCount;
        _isSealed = config_.isSealed;
        _gateLead = config_.gateLead;
        _revealWindow = config_.revealWindow;
        _clearWindow = config_.clearWindow;
        _horizonSeconds = config_.horizonSeconds;
        _bond = config_.bond;
        _coverPrice = config_.coverPrice;
        _maxOrderWh = config_.maxOrderWh;

        rule_.requireFits(IPricingRule.Grid(config_.floorPrice, config_.tickSize), config_.tickCount);
    }

    function _requireConsistent(Config memory config_) private view {
        require(config_.tickCount != 0 && config_.tickCount <= LadderLib.TICKS, ConfigRefused("tickCount"));
        uint256 topPrice = config_.floorPrice + uint256(config_.tickCount - 1) * config_.tickSize;
        require(config_.tickSize != 0 && topPrice <= type(uint32).max, ConfigRefused("tickSize"));
        require(config_.isSealed == (config_.revealWindow != 0), ConfigRefused("revealWindow"));
        require(config_.isSealed == (config_.bond != 0), ConfigRefused("bond"));
        // Decided before delivery starts: neither a meter nor the next turn of the ring can touch an open slot.
        uint256 decidedAfter = uint256(config_.revealWindow) + config_.clearWindow;
        require(config_.clearWindow != 0 && decidedAfter <= config_.gateLead, ConfigRefused("clearWindow"));
        require(config_.gateLead < config_.horizonSeconds, ConfigRefused("gateLead"));
        require(config_.horizonSeconds <= uint256(RING) * slotSeconds, ConfigRefused("horizonSeconds"));
        uint256 dearest = config_.coverPrice > topPrice ? config_.coverPrice : topPrice;
        uint256 largestBound = MoneyLib.paymentUp(config_.maxOrderWh, dearest);
        bool isOrderHeld = config_.maxOrderWh <= LadderLib.MAX_TICK_WH && largestBound <= type(uint48).max;
        require(config_.maxOrderWh != 0 && isOrderHeld, ConfigRefused("maxOrderWh"));
    }

    /* LIMITS AND COVER */

    /// @inheritdoc IAuction
    function coverOf(Side side, uint16 tick, uint32 energyWh) external view returns (uint256) {
        _requireInBand(tick, energyWh);
        return _cover(uint256(side), tick, energyWh);
    }

    /// @inheritdoc IAuction
    function config() external view returns (Config memory) {
        return
            Config({
                floorPrice: _floorPrice,
                tickSize: _tickSize,
                tickCount: _tickCount,
                isSealed: _isSealed,
                gateLead: _gateLead,
                revealWindow: _revealWindow,
                clearWindow: _clearWindow,
                horizonSeconds: _horizonSeconds,
                bond: _bond,
                coverPrice: _coverPrice,
                maxOrderWh: _maxOrderWh
            });
    }

    function _requireInBand(uint256 tick, uint256 energyWh) internal view {
        require(tick < _tickCount, TickOutOfBand(tick, _tickCount));
        require(energyWh != 0 && energyWh <= _maxOrderWh, EnergyOutOfRange(energyWh, _maxOrderWh));
    }

    function _cover(uint256 side, uint256 tick, uint256 energyWh) internal view returns (uint256) {
        return MoneyLib.paymentUp(energyWh, _riskPrice(side, tick));
    }

    /// @dev What an order can cost per Wh at worst: a bid its limit, an ask what buying back costs beyond its limit.
    function _riskPrice(uint256 side, uint256 tick) internal view returns (uint256) {
        // Below 2^49: a 16-bit tick times a 32-bit size.
        unchecked {
            uint256 price = _floorPrice + tick * _tickSize;
            return side == BID ? price : _missing(price);
        }
    }

    /// @dev What a price lacks to the cover price.
    function _missing(uint256 price) internal view returns (uint256) {
        // The comparison makes the difference safe.
        unchecked {
            return price < _coverPrice ? _coverPrice - price : 0;
        }
    }
}
