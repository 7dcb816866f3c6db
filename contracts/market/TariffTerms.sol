// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {ITariff} from "../../interfaces/ITariff.sol";
import {IVenue} from "../../interfaces/IVenue.sol";
import {MoneyLib} from "../libraries/MoneyLib.sol";
import {RatioLib} from "../libraries/RatioLib.sol";
import {Venue} from "./Venue.sol";

/// @title What holds for every slot of a tariff: its configuration, phases, price formula and cover
abstract contract TariffTerms is ITariff, Venue {
    /// @dev Sides as numbers: converting to an enum checks its range each time, and every call would pay for that.
    uint256 internal constant BID = 0;
    uint256 internal constant ASK = 1;

    uint32 private immutable _feedInPrice;
    uint32 private immutable _retailPrice;
    uint32 private immutable _announceLead;
    uint32 private immutable _gateLead;
    uint32 private immutable _horizonSeconds;
    uint32 private immutable _coverPrice;
    uint32 internal immutable _maxEnergyWh;

    constructor(
        IClearinghouse clearinghouse_,
        address settlement_,
        Config memory config_
    ) Venue(clearinghouse_, settlement_, config_.coverPrice, "SETM Tariff") {
        require(config_.feedInPrice <= config_.retailPrice, ConfigRefused("feedInPrice"));
        require(config_.gateLead < config_.announceLead, ConfigRefused("announceLead"));
        require(config_.announceLead < config_.horizonSeconds, ConfigRefused("horizonSeconds"));
        // Two slots that share a place are then never both announced for.
        require(config_.horizonSeconds <= uint256(RING) * slotSeconds, ConfigRefused("horizonSeconds"));
        uint256 dearest = config_.coverPrice > config_.retailPrice ? config_.coverPrice : config_.retailPrice;
        uint256 largestBound = MoneyLib.paymentUp(config_.maxEnergyWh, dearest);
        require(config_.maxEnergyWh != 0 && largestBound <= type(uint48).max, ConfigRefused("maxEnergyWh"));

        _feedInPrice = config_.feedInPrice;
        _retailPrice = config_.retailPrice;
        _announceLead = config_.announceLead;
        _gateLead = config_.gateLead;
        _horizonSeconds = config_.horizonSeconds;
        _coverPrice = config_.coverPrice;
        _maxEnergyWh = config_.maxEnergyWh;
    }

    /* PHASES */

    /// @inheritdoc ITariff
    function phase(uint32 slot) public view returns (Phase) {
        uint256 startAt = _startOf(slot);
        // Additions on one side: the first slots of all time start before any lead is long.
        if (block.timestamp + _horizonSeconds < startAt) return Phase.Early;
        if (block.timestamp + _announceLead < startAt) return Phase.Announcing;
        if (block.timestamp + _gateLead < startAt) return Phase.Taking;
        return Phase.Final;
    }

    /// @inheritdoc IVenue
    function isFinal(uint32 slot) public view override returns (bool) {
        return phase(slot) == Phase.Final;
    }

    /// @dev The same as asking `phase` for Announcing, cheap, since every announcement pays for it.
    function _requireAnnouncing(uint256 slot) internal view {
        _requireAhead(slot, _announceLead, _horizonSeconds, Phase.Announcing);
    }

    /// @dev The same as asking `phase` for Taking, cheap, since every taking pays for it.
    function _requireTaking(uint256 slot) internal view {
        _requireAhead(slot, _gateLead, _announceLead, Phase.Taking);
    }

    /// @dev Lets pass what starts in more than `above` and in at most `upTo` seconds.
    function _requireAhead(uint256 slot, uint256 above, uint256 upTo, Phase expected) private view {
        // Wraps round to far beyond any horizon if the slot has started; the product has 64 bits.
        unchecked {
            uint256 ahead = slot * slotSeconds - block.timestamp;
            if (ahead > above && ahead <= upTo) return;
        }
        // The cast is safe: callers widen it from this type.
        revert WrongPhase(uint32(slot), phase(uint32(slot)), expected);
    }

    /* PRICE AND COVER */

    /// @inheritdoc ITariff
    function coverOf(Side side, uint32 energyWh) external view returns (uint256) {
        return _worstCost(uint256(side), energyWh);
    }

    /// @inheritdoc ITariff
    function config() external view returns (Config memory) {
        return
            Config({
                feedInPrice: _feedInPrice,
                retailPrice: _retailPrice,
                announceLead: _announceLead,
                gateLead: _gateLead,
                horizonSeconds: _horizonSeconds,
                coverPrice: _coverPrice,
                maxEnergyWh: _maxEnergyWh
            });
    }

    function _price(uint256 supplyWh, uint256 demandWh) internal view returns (uint256) {
        return RatioLib.priceOf(supplyWh, demandWh, _feedInPrice, _retailPrice);
    }

    /// @dev What energy of a side can cost at the worst price that may be posted.
    function _worstCost(uint256 side, uint256 energyWh) internal view returns (uint256) {
        return _cost(side, energyWh, side == BID ? _retailPrice : _feedInPrice);
    }

    /// @dev What energy of a side can cost at a price: a bid its payment, an ask what buying back costs beyond its revenue.
    function _cost(uint256 side, uint256 energyWh, uint256 price) internal view returns (uint256) {
        if (side == BID) return MoneyLib.paymentUp(energyWh, price);
        return price < _coverPrice ? MoneyLib.paymentUp(energyWh, _coverPrice - price) : 0;
    }
}
