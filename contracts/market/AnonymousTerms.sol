// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAnonymousNegotiation} from "../../interfaces/IAnonymousNegotiation.sol";
import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {ISettlement} from "../../interfaces/ISettlement.sol";
import {MoneyLib} from "../libraries/MoneyLib.sol";
import {PositionBook} from "./PositionBook.sol";
import {Venue} from "./Venue.sol";

/// @title What one-time accounts may agree, and when
abstract contract AnonymousTerms is PositionBook, IAnonymousNegotiation {
    uint32 private immutable _horizonSeconds;
    uint32 private immutable _decisionSeconds;
    uint32 private immutable _floorPrice;
    uint32 private immutable _capPrice;
    uint32 private immutable _coverPrice;
    uint32 private immutable _maxEnergyWh;
    uint48 internal immutable _denomination;
    /// @dev What the grid operator pays for energy that found no buyer; 0 where a plain account settles.
    uint32 private immutable _feedInPrice;

    constructor(
        IClearinghouse clearinghouse_,
        address settlement_,
        Config memory config_
    )
        Venue(clearinghouse_, settlement_, config_.coverPrice, "SETM AnonymousNegotiation")
        PositionBook(config_.gateLead)
    {
        // The ring then never holds two slots that are both still to be delivered.
        require(config_.horizonSeconds < uint256(RING) * slotSeconds, ConfigRefused("horizonSeconds"));
        require(config_.gateLead < config_.horizonSeconds, ConfigRefused("gateLead"));
        require(config_.decisionSeconds != 0, ConfigRefused("decisionSeconds"));
        require(config_.capPrice != 0 && config_.floorPrice <= config_.capPrice, ConfigRefused("capPrice"));
        uint256 dearest = config_.coverPrice > config_.capPrice ? config_.coverPrice : config_.capPrice;
        uint256 largest = MoneyLib.paymentUp(config_.maxEnergyWh, dearest);
        require(config_.maxEnergyWh != 0 && largest <= type(uint48).max, ConfigRefused("maxEnergyWh"));
        require(config_.denomination != 0, ConfigRefused("denomination"));

        _horizonSeconds = config_.horizonSeconds;
        _decisionSeconds = config_.decisionSeconds;
        _floorPrice = config_.floorPrice;
        _capPrice = config_.capPrice;
        _coverPrice = config_.coverPrice;
        _maxEnergyWh = config_.maxEnergyWh;
        _denomination = config_.denomination;
        if (settlement_.code.length == 0) return;
        ISettlement.Config memory settled = ISettlement(settlement_).config();
        // Guarantees must last until the slot is final.
        require(config_.decisionSeconds <= settled.releaseDelay, ConfigRefused("decisionSeconds"));
        _feedInPrice = settled.feedInPrice;
    }

    /* LIMITS */

    function _requireTradable(uint32 slot, uint32 energyWh, uint32 price) internal view {
        uint256 gateAt = _gateOf(slot);
        require(block.timestamp < gateAt, GateClosed(slot, gateAt, block.timestamp));
        uint256 lastAllowed = (block.timestamp + _horizonSeconds) / slotSeconds;
        require(slot <= lastAllowed, BeyondHorizon(slot, lastAllowed));
        require(energyWh != 0 && energyWh <= _maxEnergyWh, EnergyOutOfRange(energyWh, _maxEnergyWh));
        require(price >= _floorPrice && price <= _capPrice, PriceOutOfBand(price, _floorPrice, _capPrice));
    }

    /// @dev From here on nothing is claimed or decided any more.
    function _decidedFrom(uint32 slot) internal view returns (uint256) {
        return _gateOf(slot) + _decisionSeconds;
    }

    /// @inheritdoc PositionBook
    function isFinal(uint32 slot) public view override returns (bool) {
        return block.timestamp >= _decidedFrom(slot);
    }

    /* MONEY OF AN AGREEMENT */

    function _paymentOf(uint256 energyWh, uint256 price) internal pure returns (uint256) {
        return MoneyLib.paymentUp(energyWh, price);
    }

    /// @dev What the seller puts in, so that it can buy back what it does not deliver.
    function _coverOf(uint256 energyWh, uint256 price) internal view returns (uint256) {
        return price < _coverPrice ? MoneyLib.paymentUp(energyWh, _coverPrice - price) : 0;
    }

    /// @dev What the seller loses if the grid operator buys the energy instead of the buyer.
    function _lossOf(uint256 energyWh, uint256 price) internal view returns (uint256) {
        return price > _feedInPrice ? MoneyLib.paymentUp(energyWh, price - _feedInPrice) : 0;
    }

    /* READING */

    /// @inheritdoc IAnonymousNegotiation
    function config() external view returns (Config memory) {
        return
            Config({
                gateLead: _gateLead,
                horizonSeconds: _horizonSeconds,
                decisionSeconds: _decisionSeconds,
                floorPrice: _floorPrice,
                capPrice: _capPrice,
                coverPrice: _coverPrice,
                maxEnergyWh: _maxEnergyWh,
                denomination: _denomination
            });
    }
}
