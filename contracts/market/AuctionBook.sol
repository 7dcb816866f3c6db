// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAuction} from "../../interfaces/IAuction.sol";
import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IPricingRule} from "../../interfaces/IPricingRule.sol";
import {IVenue} from "../../interfaces/IVenue.sol";
import {LadderLib} from "../libraries/LadderLib.sol";
import {OrderLib} from "../libraries/OrderLib.sol";
import {AuctionTerms} from "./AuctionTerms.sol";

/// @title What an auction keeps of slots and orders: phases, orders, ladders and results
/// @dev Orders and ladders live in the ring, results for ever: a slot and the one `RING` slots later are never live
/// together, because the horizon is at most `RING` slots and a slot is decided before its delivery starts.
abstract contract AuctionBook is AuctionTerms {
    using OrderLib for uint256;
    using LadderLib for uint256;

    /// @dev See OrderLib. A struct, so that its place is computed once for reading and writing.
    struct OrderWord {
        uint256 bits;
    }

    /// @dev A clearing with what compensation needs. 32 + 32 + 64 + 16 + 16 + 8 + 8 + 8 + 32 + 32 = 248 bits in the first
    /// word, 32 + 32 + 64 + 64 + 64 = 256 in the second. The opened totals stay below 256 * 2^30 Wh.
    struct Result {
        uint32 bidPrice;
        uint32 askPrice;
        uint64 volumeWh;
        uint16 bidMarginTick;
        uint16 askMarginTick;
        bool isCleared;
        bool atOwnPrice;
        bool isSurplusPaid;
        uint32 bidMarginWh;
        uint32 bidMarginFilledWh;
        uint32 askMarginWh;
        uint32 askMarginFilledWh;
        uint64 openedBidWh;
        uint64 openedAskWh;
        uint64 surplus;
    }

    /// @dev RING is 2^10: shifts and masks, since every order pays for them. Literals, because a constant that is computed
    /// from another is computed anew wherever it stands.
    uint256 private constant RING_BITS = 10;
    uint256 private constant PLACE_MASK = 1023;
    /// @dev Says that a tick cannot hold more.
    uint256 internal constant NOT_HELD = type(uint256).max;

    /// @dev At `participantId * RING + slot % RING`: room for every participant number, so that no place is hashed.
    OrderWord[1 << 42] private _orders;
    /// @dev At `(slot % RING) * 64 + side * 32 + tick / 8`, see LadderLib.
    uint256[RING * 64] private _ladders;
    mapping(uint32 slot => Result) internal _results;
    mapping(uint32 slot => mapping(uint256 side => uint256 amount)) internal _forfeits;

    constructor(
        IClearinghouse clearinghouse_,
        address settlement_,
        IPricingRule rule_,
        Config memory config_
    ) AuctionTerms(clearinghouse_, settlement_, rule_, config_) {}

    /* PHASES */

    /// @inheritdoc IAuction
    function phase(uint32 slot) public view returns (Phase) {
        uint256 startAt = _startOf(slot);
        // Additions on both sides: the first slots start before any window is long.
        uint256 gateClock = block.timestamp + _gateLead;
        if (block.timestamp + _horizonSeconds < startAt) return Phase.Early;
        if (gateClock < startAt) return Phase.Ordering;
        if (gateClock < startAt + _revealWindow) return Phase.Revealing;
        if (_results[slot].isCleared) return Phase.Cleared;
        if (gateClock < startAt + _revealWindow + _clearWindow) return Phase.Clearing;
        return Phase.Void;
    }

    /// @inheritdoc IVenue
    function isFinal(uint32 slot) public view override returns (bool) {
        return phase(slot) >= Phase.Cleared;
    }

    function _requirePhase(uint32 slot, Phase expected) internal view {
        Phase found = phase(slot);
        require(found == expected, WrongPhase(slot, found, expected));
    }

    /// @dev The same as `_requirePhase(slot, Phase.Ordering)`, cheap, since every order pays for it.
    function _requireOrdering(uint256 slot) internal view {
        // Wraps round to far beyond any horizon if the slot has started; the product has 64 bits.
        unchecked {
            uint256 ahead = slot * slotSeconds - block.timestamp;
            if (ahead > _gateLead && ahead <= _horizonSeconds) return;
        }
        revert WrongPhase(uint32(slot), phase(uint32(slot)), Phase.Ordering);
    }

    /* ORDERS */

    function _epochOf(uint256 slot) internal pure returns (uint256) {
        return uint16(slot >> RING_BITS);
    }

    function _placeOf(uint256 slot, uint256 participantId) private pure returns (uint256) {
        return (participantId << RING_BITS) | (slot & PLACE_MASK);
    }

    /// @dev The participant's word of this slot, zero (state None) if the place belongs to another slot.
    function _orderAt(
        uint256 slot,
        uint256 participantId
    ) internal view returns (OrderWord storage order, uint256 word) {
        order = _orders[_placeOf(slot, participantId)];
        word = order.bits;
        if (!word.isOfEpoch(slot >> RING_BITS)) word = 0;
    }

    /// @dev The place for a new order of the slot; refuses if it is taken.
    function _freePlace(uint256 slot, uint256 participantId) internal view returns (OrderWord storage order) {
        order = _orders[_placeOf(slot, participantId)];
        uint256 word = order.bits;
        if (word.isFinished()) {
            // In a slot that still takes orders only a cancelled one is finished.
            return order;
        }
        require(!word.isOfEpoch(slot >> RING_BITS), OrderExists(uint32(slot), uint32(participantId)));
        revert EarlierSlotOpen(uint32((word.epochOf() << RING_BITS) | (slot & PLACE_MASK)));
    }

    /// @dev How much of an opened order fills; nothing before the clearing and in a void slot.
    function _fill(Result storage result, uint256 word) internal view returns (uint256) {
        if (result.volumeWh == 0) return 0;
        return
            word.isAsk()
                ? word.filledBy(result.askMarginTick, result.askMarginWh, result.askMarginFilledWh)
                : word.filledBy(result.bidMarginTick, result.bidMarginWh, result.bidMarginFilledWh);
    }

    /* LADDERS */

    /// @dev Adds to a tick, or changes nothing if it cannot hold more.
    /// @return aheadWh what stood at the tick before; `NOT_HELD` if it cannot hold more
    function _addToLadder(
        uint256 slot,
        uint256 side,
        uint256 tick,
        uint256 energyWh
    ) internal returns (uint256 aheadWh) {
        uint256 place = ((slot & PLACE_MASK) << 6) | (side << 5) | (tick >> 3);
        uint256 epoch = uint16(slot >> RING_BITS);
        uint256 word = _ladders[place];
        if (word >> LadderLib.EPOCH_SHIFT != epoch) word = epoch << LadderLib.EPOCH_SHIFT;
        aheadWh = word.heldAt(tick);
        // Two numbers far below 2^64.
        unchecked {
            if (aheadWh + energyWh > LadderLib.MAX_TICK_WH) return NOT_HELD;
        }
        _ladders[place] = word.added(tick, energyWh);
    }

    function _ladder(uint256 slot, uint256 side) internal view returns (uint256[] memory words, uint256 totalWh) {
        words = new uint256[](LadderLib.WORDS);
        uint256 place = ((slot & PLACE_MASK) << 6) | (side << 5);
        uint256 epoch = _epochOf(slot);
        uint256 lanes;
        // At most 32 turns, words above the band hold nothing; lanes are below 2^60, see LadderLib.
        unchecked {
            uint256 used = (uint256(_tickCount) + 7) >> 3;
            for (uint256 i = 0; i < used; ++i) {
                uint256 word = _ladders[place | i];
                if (word >> LadderLib.EPOCH_SHIFT != epoch) continue;
                words[i] = word & LadderLib.QUANTITIES;
                lanes += word.lanesOf();
            }
        }
        totalWh = lanes.totalOf();
    }

    function _heldAt(uint256 slot, uint256 side, uint256 tick) internal view returns (uint256) {
        (uint256[] memory words, ) = _ladder(slot, side);
        return words[tick >> 3].heldAt(tick);
    }
}
