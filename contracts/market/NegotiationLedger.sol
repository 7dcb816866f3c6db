// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {INegotiation} from "../../interfaces/INegotiation.sol";
import {IVenue} from "../../interfaces/IVenue.sol";
import {MoneyLib} from "../libraries/MoneyLib.sol";
import {Venue} from "./Venue.sol";

/// @title What may be agreed, and what agreements add up to
/// @notice Limits of energy, price and time, and each participant's position in each slot.
abstract contract NegotiationLedger is Venue, INegotiation {
    enum PositionState {
        None,
        Open,
        Collected,
        Closed
    }

    /// @dev All agreements of a participant in a slot, in one word: 16 + 40 + 40 + 48 + 48 + 48 + 8 = 248 bits.
    /// `receivable` is what its sales earn, `cover` what they bind.
    struct Position {
        uint16 epoch;
        uint40 boughtWh;
        uint40 soldWh;
        uint48 payment;
        uint48 receivable;
        uint48 cover;
        PositionState state;
    }

    uint256 public constant MAX_SLOTS = 96;

    uint32 private immutable _gateLead;
    uint32 private immutable _horizonSeconds;
    uint32 private immutable _floorPrice;
    uint32 private immutable _capPrice;
    uint32 private immutable _coverPrice;
    uint32 private immutable _maxEnergyWh;

    mapping(uint32 participantId => mapping(uint256 place => Position)) private _positions;

    constructor(
        IClearinghouse clearinghouse_,
        address settlement_,
        Config memory config_
    ) Venue(clearinghouse_, settlement_, "SETM Negotiation") {
        // The ring then never holds two slots that are both still to be delivered.
        require(config_.horizonSeconds < uint256(RING) * slotSeconds, ConfigRefused("horizonSeconds"));
        require(config_.gateLead < config_.horizonSeconds, ConfigRefused("gateLead"));
        require(config_.capPrice != 0 && config_.floorPrice <= config_.capPrice, ConfigRefused("capPrice"));
        uint256 dearest = config_.coverPrice > config_.capPrice ? config_.coverPrice : config_.capPrice;
        uint256 largest = MoneyLib.paymentUp(config_.maxEnergyWh, dearest);
        require(config_.maxEnergyWh != 0 && largest <= type(uint48).max, ConfigRefused("maxEnergyWh"));

        _gateLead = config_.gateLead;
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

    /* POSITIONS */

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

        // The constructor made sure that what one agreement costs in one slot fits 48 bits.
        Position memory bought = Position(0, terms.energyWh, 0, uint48(payment), 0, 0, PositionState.Open);
        Position memory sold = Position(0, 0, terms.energyWh, 0, uint48(revenue), uint48(cover), PositionState.Open);
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

    /// @dev Adds one agreement to the participant's position in a slot that is still open.
    function _add(uint32 slot, uint32 participantId, Position memory added) private {
        Position memory position = _positions[participantId][slot % RING];
        uint16 epoch = uint16(slot / RING); // below 2^16 for every slot within the horizon until the year 3883
        if (position.epoch == epoch) {
            added = Position({
                epoch: epoch,
                boughtWh: position.boughtWh + added.boughtWh,
                soldWh: position.soldWh + added.soldWh,
                payment: position.payment + added.payment,
                receivable: position.receivable + added.receivable,
                cover: position.cover + added.cover,
                state: PositionState.Open
            });
        } else {
            bool isFree = position.state == PositionState.None || position.state == PositionState.Closed;
            require(isFree, EarlierSlotOpen(uint32(position.epoch) * RING + (slot % RING)));
            added.epoch = epoch;
        }

        _positions[participantId][slot % RING] = added;
    }

    /// @inheritdoc Venue
    function _takePayment(
        uint32 slot,
        uint32 participantId
    ) internal override returns (bool isOpen, uint256 payment, uint256 unbound) {
        Position storage position = _positions[participantId][slot % RING];
        if (position.epoch != slot / RING || position.state != PositionState.Open) return (false, 0, 0);

        position.state = PositionState.Collected;

        return (true, position.payment, 0);
    }

    /// @inheritdoc Venue
    function _close(
        uint32 slot,
        uint32 participantId
    ) internal override returns (uint256 boughtWh, uint256 soldWh, uint256 revenue, uint256 cover) {
        Position storage position = _positions[participantId][slot % RING];
        if (position.epoch != slot / RING || position.state != PositionState.Collected) return (0, 0, 0, 0);

        position.state = PositionState.Closed;

        return (position.boughtWh, position.soldWh, position.receivable, position.cover);
    }

    /// @dev What an agreement binds in one slot, 1e-6 EUR.
    function _boundBy(bool isBuyer, uint256 energyWh, uint256 price) internal view returns (uint256) {
        if (isBuyer) return MoneyLib.paymentUp(energyWh, price);
        return price < _coverPrice ? MoneyLib.paymentUp(energyWh, _coverPrice - price) : 0;
    }

    /* READING */

    /// @inheritdoc IVenue
    function boundOf(uint32 slot, uint32 participantId) external view returns (uint256) {
        Position storage position = _positions[participantId][slot % RING];
        if (position.epoch != slot / RING) return 0;
        if (position.state == PositionState.Open) return uint256(position.payment) + position.cover;
        return position.state == PositionState.Collected ? position.cover : 0;
    }

    /// @inheritdoc IVenue
    function tradeOf(uint32 slot, uint32 participantId) external view returns (Trade memory trade) {
        require(isFinal(slot), OutcomeOpen(slot));
        Position storage position = _positions[participantId][slot % RING];
        if (position.epoch != slot / RING) return trade;
        return Trade(position.boughtWh, position.soldWh, position.payment, position.receivable);
    }

    /// @inheritdoc IVenue
    function isFinal(uint32 slot) public view override returns (bool) {
        return block.timestamp >= _gateOf(slot);
    }

    function _gateOf(uint32 slot) private view returns (uint256) {
        uint256 startAt = _startOf(slot);
        return startAt > _gateLead ? startAt - _gateLead : 0;
    }

    /// @inheritdoc INegotiation
    function config() external view returns (Config memory) {
        return Config(_gateLead, _horizonSeconds, _floorPrice, _capPrice, _coverPrice, _maxEnergyWh);
    }
}
