// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {INegotiation} from "../../interfaces/INegotiation.sol";
import {MoneyLib} from "../libraries/MoneyLib.sol";
import {PositionBook} from "./PositionBook.sol";
import {PositionLib} from "./PositionLib.sol";
import {Venue} from "./Venue.sol";

/// @title What may be agreed: limits of energy, price and time, and what an agreement binds
abstract contract NegotiationLedger is PositionBook, INegotiation {
    uint256 public constant MAX_SLOTS = 96;

    uint32 private immutable _horizonSeconds;
    uint32 private immutable _floorPrice;
    uint32 private immutable _capPrice;
    uint32 private immutable _coverPrice;
    uint32 private immutable _maxEnergyWh;

    constructor(
        IClearinghouse clearinghouse_,
        address settlement_,
        Config memory config_
    ) Venue(clearinghouse_, settlement_, config_.coverPrice, "SETM Negotiation") PositionBook(config_.gateLead) {
        // The ring then never holds two slots that are both still to be delivered.
        require(config_.horizonSeconds < uint256(RING) * slotSeconds, ConfigRefused("horizonSeconds"));
        require(config_.gateLead < config_.horizonSeconds, ConfigRefused("gateLead"));
        require(config_.capPrice != 0 && config_.floorPrice <= config_.capPrice, ConfigRefused("capPrice"));
        uint256 dearest = config_.coverPrice > config_.capPrice ? config_.coverPrice : config_.capPrice;
        uint256 largest = MoneyLib.paymentUp(config_.maxEnergyWh, dearest);
        require(config_.maxEnergyWh != 0 && largest <= type(uint48).max, ConfigRefused("maxEnergyWh"));

        _horizonSeconds = config_.horizonSeconds;
        _floorPrice = config_.floorPrice;
        _capPrice = config_.capPrice;
        _coverPrice = config_.coverPrice;
        _maxEnergyWh = config_.maxEnergyWh;
    }

    /* LIMITS */

    function _requireTradable(Terms memory terms) internal view {
        require(terms.slotCount != 0 && terms.slotCount <= MAX_SLOTS, SlotCountOutOfRange(terms.slotCount, MAX_SLOTS));
        uint256 gateAt = _gateOf(terms.firstSlot);
        require(block.timestamp < gateAt, GateClosed(terms.firstSlot, gateAt, block.timestamp));
        uint256 last = uint256(terms.firstSlot) + terms.slotCount - 1;
        uint256 lastAllowed = (block.timestamp + _horizonSeconds) / slotSeconds;
        require(last <= lastAllowed, BeyondHorizon(last, lastAllowed));
        _requireAmounts(terms.energyWh, terms.price);
    }

    function _requireAmounts(uint32 energyWh, uint32 price) internal view {
        require(energyWh != 0 && energyWh <= _maxEnergyWh, EnergyOutOfRange(energyWh, _maxEnergyWh));
        require(price >= _floorPrice && price <= _capPrice, PriceOutOfBand(price, _floorPrice, _capPrice));
    }

    function _requireExpiry(uint32 firstSlot, uint40 expiresAt) internal view {
        uint256 earliest = block.timestamp + 1;
        uint256 latest = _gateOf(firstSlot);
        require(expiresAt >= earliest && expiresAt <= latest, ExpiryOutOfRange(expiresAt, earliest, latest));
    }

    /* CONCLUDING */

    /// @dev Binds both sides: first their margins for all slots, then slot by slot, at most MAX_SLOTS.
    function _conclude(
        uint64 negotiationId,
        uint32 buyerId,
        uint32 sellerId,
        Terms memory terms,
        bytes32 digest
    ) internal {
        uint256 payment = _boundBy(true, terms.energyWh, terms.price);
        uint256 cover = _boundBy(false, terms.energyWh, terms.price);
        uint256 revenue = MoneyLib.paymentDown(terms.energyWh, terms.price);
        _bind(buyerId, payment * terms.slotCount);
        _bind(sellerId, cover * terms.slotCount);

        uint256 bought = PositionLib.pack(terms.energyWh, 0, payment, 0, 0);
        uint256 sold = PositionLib.pack(0, terms.energyWh, 0, revenue, cover);
        for (uint32 i = 0; i < terms.slotCount; ++i) {
            _add(terms.firstSlot + i, buyerId, bought);
            _add(terms.firstSlot + i, sellerId, sold);
        }

        emit AgreementReached(
            negotiationId,
            buyerId,
            sellerId,
            terms.firstSlot,
            terms.slotCount,
            terms.energyWh,
            terms.price,
            digest
        );
    }

    /// @dev What an agreement binds in one slot, 1e-6 EUR.
    function _boundBy(bool isBuyer, uint256 energyWh, uint256 price) internal view returns (uint256) {
        if (isBuyer) return MoneyLib.paymentUp(energyWh, price);
        return price < _coverPrice ? MoneyLib.paymentUp(energyWh, _coverPrice - price) : 0;
    }

    /* READING */

    /// @inheritdoc INegotiation
    function config() external view returns (Config memory) {
        return Config(_gateLead, _horizonSeconds, _floorPrice, _capPrice, _coverPrice, _maxEnergyWh);
    }
}
