// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IConditionalMarket} from "../../interfaces/IConditionalMarket.sol";
import {IEnergyTag} from "../../interfaces/IEnergyTag.sol";
import {MoneyLib} from "../libraries/MoneyLib.sol";
import {TagLib} from "../libraries/TagLib.sol";
import {PositionBook} from "./PositionBook.sol";

/// @title What may be ordered, under which conditions, and what it binds
abstract contract ConditionalTerms is PositionBook, IConditionalMarket {
    uint16 internal constant PER_MILLE = 1000;

    IEnergyTag public immutable tags;
    uint32 private immutable _horizonSeconds;
    uint32 private immutable _floorPrice;
    uint32 private immutable _capPrice;
    uint32 private immutable _coverPrice;
    uint32 private immutable _maxEnergyWh;
    uint32 internal immutable _tagPrice;

    constructor(IEnergyTag tags_, Config memory config_) PositionBook(config_.gateLead) {
        // The ring then never holds two slots that are both still to be delivered.
        require(config_.horizonSeconds < uint256(RING) * slotSeconds, ConfigRefused("horizonSeconds"));
        require(config_.gateLead < config_.horizonSeconds, ConfigRefused("gateLead"));
        require(config_.capPrice != 0 && config_.floorPrice <= config_.capPrice, ConfigRefused("capPrice"));
        // A missing tag that costs nothing would let the buyer lose its share silently.
        require(config_.tagPrice != 0, ConfigRefused("tagPrice"));
        uint256 dearest = config_.coverPrice > config_.capPrice ? config_.coverPrice : config_.capPrice;
        uint256 largest = MoneyLib.paymentUp(config_.maxEnergyWh, dearest + config_.tagPrice);
        require(config_.maxEnergyWh != 0 && largest <= type(uint48).max, ConfigRefused("maxEnergyWh"));

        tags = tags_;
        _horizonSeconds = config_.horizonSeconds;
        _floorPrice = config_.floorPrice;
        _capPrice = config_.capPrice;
        _coverPrice = config_.coverPrice;
        _maxEnergyWh = config_.maxEnergyWh;
        _tagPrice = config_.tagPrice;
    }

    /* LIMITS */

    function _requireBeforeGate(uint32 slot) internal view {
        uint256 gateAt = _gateOf(slot);
        require(block.timestamp < gateAt, GateClosed(slot, gateAt, block.timestamp));
    }

    function _requirePostable(Order calldata order) internal view {
        _requireBeforeGate(order.slot);
        uint256 lastAllowed = (block.timestamp + _horizonSeconds) / slotSeconds;
        require(order.slot <= lastAllowed, BeyondHorizon(order.slot, lastAllowed));
        require(order.energyWh != 0 && order.energyWh <= _maxEnergyWh, EnergyOutOfRange(order.energyWh, _maxEnergyWh));
        _requireInBand(order.price);
        require(order.sources != 0 && order.sources & ~TagLib.ANY == 0, SourcesRefused(order.sources));
        require(order.greenShare <= PER_MILLE, ShareTooHigh(order.greenShare));
        bool isMeetable = order.greenShare == 0 || order.sources & TagLib.GREEN != 0;
        require(isMeetable, ShareUnmeetable(order.greenShare, order.sources));
    }

    function _requireInBand(uint32 price) internal view {
        require(price >= _floorPrice && price <= _capPrice, PriceOutOfBand(price, _floorPrice, _capPrice));
    }

    /// @dev The id that the seller's energy will get; its source must be one of those that were asked for.
    function _requireSource(
        uint32 slot,
        uint32 sellerId,
        uint8 sources,
        uint16 greenShare
    ) internal view returns (uint256 id) {
        id = tags.tagOf(slot, sellerId);
        uint8 allowed = greenShare == 0 ? sources : sources & TagLib.GREEN;
        require(TagLib.has(allowed, id), SourceNotCertified(sellerId, TagLib.sourceOf(id), allowed));
    }

    /* AMOUNTS */

    /// @dev What a seller binds to buy back what it does not deliver, 1e-6 EUR.
    function _coverOf(uint256 energyWh, uint256 price) internal view returns (uint256) {
        return price < _coverPrice ? MoneyLib.paymentUp(energyWh, _coverPrice - price) : 0;
    }

    /// @dev Tags that the green share of all that was taken of an order comes to, rounded in favour of the buyer.
    function _owedFor(uint256 energyWh, uint256 greenShare) internal pure returns (uint256) {
        return (energyWh * greenShare + (PER_MILLE - 1)) / PER_MILLE;
    }

    /// @dev What one side of a trade binds, 1e-6 EUR.
    function _boundBy(bool isBuyer, uint256 energyWh, uint256 price, uint256 owedWh) internal view returns (uint256) {
        if (isBuyer) return MoneyLib.paymentUp(energyWh, price);
        return _coverOf(energyWh, price) + MoneyLib.paymentUp(owedWh, _tagPrice);
    }

    /* READING */

    /// @inheritdoc IConditionalMarket
    function config() external view returns (Config memory) {
        return Config(_gateLead, _horizonSeconds, _floorPrice, _capPrice, _coverPrice, _maxEnergyWh, _tagPrice);
    }
}
