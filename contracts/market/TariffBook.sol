// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {ITariff} from "../../interfaces/ITariff.sol";
import {IVenue} from "../../interfaces/IVenue.sol";
import {AnnouncementLib} from "../libraries/AnnouncementLib.sol";
import {MoneyLib} from "../libraries/MoneyLib.sol";
import {TariffTerms} from "./TariffTerms.sol";

/// @title What a tariff keeps of slots and participants, and what becomes of it
/// @dev Participants' words live in the ring, a slot's sums for ever: price and shares follow from them whenever somebody
/// is collected.
abstract contract TariffBook is TariffTerms {
    using AnnouncementLib for uint256;

    /// @dev See AnnouncementLib. A struct, so that its place is computed once for reading and writing.
    struct Word {
        uint256 bits;
    }

    /// @dev RING is 2^10: shifts and masks, since every call pays for them.
    uint256 private constant RING_BITS = 10;
    uint256 private constant PLACE_MASK = 1023;

    /// @dev At `participantId * RING + slot % RING`: room for every participant number, so that no place is hashed.
    Word[1 << 42] private _words;
    /// @dev By slot.
    Word[1 << 32] private _sums;

    constructor(
        IClearinghouse clearinghouse_,
        address settlement_,
        Config memory config_
    ) TariffTerms(clearinghouse_, settlement_, config_) {}

    /* WORDS */

    function _epochOf(uint256 slot) internal pure returns (uint256) {
        return uint16(slot >> RING_BITS);
    }

    /// @dev The participant's word of this slot, zero (state None) if its place holds another slot.
    function _wordAt(uint256 slot, uint256 participantId) internal view returns (Word storage place, uint256 word) {
        place = _words[(participantId << RING_BITS) | (slot & PLACE_MASK)];
        word = place.bits;
        if (word.epochOf() != _epochOf(slot)) word = 0;
    }

    /// @dev The place for a new announcement of the slot; refuses if it is taken.
    function _freePlace(uint256 slot, uint256 participantId) internal view returns (Word storage place) {
        place = _words[(participantId << RING_BITS) | (slot & PLACE_MASK)];
        uint256 word = place.bits;
        // In a slot that is still announced for nothing is finished.
        if (word.isFinished()) return place;
        require(word.epochOf() != _epochOf(slot), AnnouncementExists(uint32(slot), uint32(participantId)));
        revert EarlierSlotOpen(uint32((word.epochOf() << RING_BITS) | (slot & PLACE_MASK)));
    }

    function _sumsAt(uint256 slot) internal view returns (Word storage place) {
        return _sums[slot];
    }

    function _priceBy(uint256 sums) internal view returns (uint256) {
        return _price(sums.announcedOn(ASK), sums.announcedOn(BID));
    }

    /* FROM TRADE TO SETTLEMENT */

    function _takePayment(
        uint32 slot,
        uint32 participantId
    ) internal override returns (bool isOpen, uint256 payment, uint256 unbound) {
        (Word storage place, uint256 word) = _wordAt(slot, participantId);
        uint256 bound = word.boundOf();
        if (word.isAnnounced()) {
            place.bits = word.advanced(State.Closed, 0);
            return (true, 0, bound);
        }
        if (!word.isTaken()) return (false, 0, 0);

        uint256 sums = _sums[slot].bits;
        uint256 filledWh = word.filledBy(sums);
        uint256 cost = _cost(word.sideOf(), filledWh, _priceBy(sums));
        uint256 kept;
        if (word.isAsk()) kept = cost;
        else payment = cost;
        place.bits = word.advanced(filledWh == 0 ? State.Closed : State.Collected, kept);
        return (true, payment, bound - cost);
    }

    function _close(
        uint32 slot,
        uint32 participantId
    ) internal override returns (uint256 boughtWh, uint256 soldWh, uint256 revenue, uint256 cover) {
        (Word storage place, uint256 word) = _wordAt(slot, participantId);
        if (word.stateOf() != State.Collected) return (0, 0, 0, 0);

        Trade memory trade = _tradeOf(slot, word);
        place.bits = word.advanced(State.Closed, 0);
        return (trade.boughtWh, trade.soldWh, trade.revenue, word.boundOf());
    }

    function _tradeOf(uint32 slot, uint256 word) private view returns (Trade memory trade) {
        uint256 sums = _sums[slot].bits;
        uint256 filledWh = word.filledBy(sums);
        if (word.isAsk()) {
            trade.soldWh = filledWh;
            trade.revenue = MoneyLib.paymentDown(filledWh, _priceBy(sums));
        } else {
            trade.boughtWh = filledWh;
            trade.payment = MoneyLib.paymentUp(filledWh, _priceBy(sums));
        }
    }

    /* READING */

    /// @inheritdoc ITariff
    function priceOf(uint32 slot) external view returns (uint256) {
        require(phase(slot) >= Phase.Taking, PriceOpen(slot));
        return _priceBy(_sums[slot].bits);
    }

    /// @inheritdoc ITariff
    function sumsOf(uint32 slot) external view returns (Sums memory) {
        uint256 sums = _sums[slot].bits;
        // Casts are safe: these are the fields' own widths; the same below.
        return
            Sums({
                announcedBidWh: uint64(sums.announcedOn(BID)),
                announcedAskWh: uint64(sums.announcedOn(ASK)),
                takenBidWh: uint64(sums.takenOn(BID)),
                takenAskWh: uint64(sums.takenOn(ASK))
            });
    }

    /// @inheritdoc ITariff
    function announcementOf(uint32 slot, uint32 participantId) external view returns (AnnouncementView memory) {
        (, uint256 word) = _wordAt(slot, participantId);
        return
            AnnouncementView({
                state: word.stateOf(),
                side: Side(word.sideOf()),
                bound: uint48(word.boundOf()),
                announcedWh: uint32(word.announcedOf()),
                takenWh: uint32(word.takenOf()),
                aheadWh: uint64(word.aheadOf())
            });
    }

    /// @inheritdoc IVenue
    function tradeOf(uint32 slot, uint32 participantId) external view returns (Trade memory) {
        require(isFinal(slot), OutcomeOpen(slot));
        (, uint256 word) = _wordAt(slot, participantId);
        return _tradeOf(slot, word);
    }

    /// @inheritdoc IVenue
    function boundOf(uint32 slot, uint32 participantId) external view returns (uint256) {
        (, uint256 word) = _wordAt(slot, participantId);
        return word.boundOf();
    }
}
