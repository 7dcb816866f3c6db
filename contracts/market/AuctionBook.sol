// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAuction} from "../../interfaces/IAuction.sol";
import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IPricingRule} from "../../interfaces/IPricingRule.sol";
import {IVenue} from "../../interfaces/IVenue.sol";
import {LadderLib} from "../libraries/LadderLib.sol";
import {MoneyLib} from "../libraries/MoneyLib.sol";
import {OrderLib} from "../libraries/OrderLib.sol";
import {Venue} from "./Venue.sol";

/// @title What an auction keeps: its configuration, the phases, orders, ladders and results
/// @dev Orders and ladders live in the ring, results for ever: a slot and the one `RING` slots later are never live
/// together, because the horizon is at most `RING` slots and a slot is decided before its delivery starts.
abstract contract AuctionBook is IAuction, Venue {
    using OrderLib for uint256;
    using LadderLib for uint256;

    /// @dev See OrderLib. A struct, so that its place is computed once for reading and writing.
    struct OrderWord {
        uint256 bits;
    }

    /// @dev A clearing with what compensation needs. 32 + 32 + 64 + 16 + 16 + 8 + 32 + 32 = 232 bits in the first word,
    /// 32 + 32 + 64 + 64 = 192 in the second. The opened totals stay below 256 * 2^30 Wh.
    struct Result {
        uint32 bidPrice;
        uint32 askPrice;
        uint64 volumeWh;
        uint16 bidMarginTick;
        uint16 askMarginTick;
        bool isCleared;
        uint32 bidMarginWh;
        uint32 bidMarginFilledWh;
        uint32 askMarginWh;
        uint32 askMarginFilledWh;
        uint64 openedBidWh;
        uint64 openedAskWh;
    }

    /// @dev RING is 2^10: shifts and masks, and sides as numbers, since every order pays for them.
    uint256 private constant RING_BITS = 10;
    uint256 internal constant BID = uint256(Side.Bid);
    uint256 internal constant ASK = uint256(Side.Ask);

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

    /// @dev At `participantId * RING + slot % RING`.
    mapping(uint256 place => OrderWord) private _orders;
    /// @dev At `(slot % RING) * 64 + side * 32 + tick / 8`, see LadderLib.
    uint256[RING * 64] private _ladders;
    mapping(uint32 slot => Result) internal _results;
    mapping(uint32 slot => mapping(uint256 side => uint256 amount)) internal _forfeits;

    constructor(
        IClearinghouse clearinghouse_,
        address settlement_,
        IPricingRule rule_,
        Config memory config_
    ) Venue(clearinghouse_, settlement_, "SETM Auction") {
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
        return (participantId << RING_BITS) | (slot & (RING - 1));
    }

    /// @dev The participant's word of this slot, zero (state None) if the place belongs to another slot.
    function _orderAt(
        uint256 slot,
        uint256 participantId
    ) internal view returns (OrderWord storage order, uint256 word) {
        order = _orders[_placeOf(slot, participantId)];
        word = order.bits;
        if (word.epochOf() != _epochOf(slot)) word = 0;
    }

    /// @dev The place for a new order of the slot; refuses if it is taken.
    function _freePlace(uint256 slot, uint256 participantId) internal view returns (OrderWord storage order) {
        order = _orders[_placeOf(slot, participantId)];
        uint256 word = order.bits;
        if (word.isFinished()) {
            // In a slot that still takes orders only a cancelled one is finished.
            return order;
        }
        require(word.epochOf() != _epochOf(slot), OrderExists(uint32(slot), uint32(participantId)));
        revert EarlierSlotOpen(uint32((word.epochOf() << RING_BITS) | (slot & (RING - 1))));
    }

    function _requireInBand(uint256 tick, uint256 energyWh) internal view {
        require(tick < _tickCount, TickOutOfBand(tick, _tickCount));
        require(energyWh != 0 && energyWh <= _maxOrderWh, EnergyOutOfRange(energyWh, _maxOrderWh));
    }

    function _cover(uint256 side, uint256 tick, uint256 energyWh) internal view returns (uint256) {
        // Below 2^49: a 16-bit tick times a 32-bit size.
        unchecked {
            uint256 price = _floorPrice + tick * _tickSize;
            return side == BID ? MoneyLib.paymentUp(energyWh, price) : _shortfall(energyWh, price);
        }
    }

    /// @dev What buying back at the cover price costs beyond a revenue at `price`, rounded up.
    function _shortfall(uint256 energyWh, uint256 price) internal view returns (uint256) {
        return price < _coverPrice ? MoneyLib.paymentUp(energyWh, _coverPrice - price) : 0;
    }

    /// @dev How much of an opened order fills; nothing before the clearing and in a void slot.
    function _fill(uint32 slot, uint256 word) internal view returns (uint256) {
        Result memory result = _results[slot];
        if (result.volumeWh == 0) return 0;
        return
            word.isAsk()
                ? word.filledBy(result.askMarginTick, result.askMarginWh, result.askMarginFilledWh)
                : word.filledBy(result.bidMarginTick, result.bidMarginWh, result.bidMarginFilledWh);
    }

    /* LADDERS */

    function _ladderPlaceOf(uint256 slot, uint256 side) private pure returns (uint256) {
        return ((slot & (RING - 1)) << 6) | (side << 5);
    }

    /// @dev Adds to a tick unless it is full.
    /// @return isHeld whether the tick took it
    /// @return aheadWh what stood at the tick before
    function _addToLadder(
        uint256 slot,
        uint256 side,
        uint256 tick,
        uint256 energyWh
    ) internal returns (bool isHeld, uint256 aheadWh) {
        uint256 place = _ladderPlaceOf(slot, side) | (tick >> 3);
        uint256 epoch = _epochOf(slot);
        uint256 quantities = _ladders[place].quantitiesOf(epoch);
        aheadWh = quantities.heldAt(tick);
        // Two numbers far below 2^64.
        unchecked {
            isHeld = aheadWh + energyWh <= LadderLib.MAX_TICK_WH;
        }
        if (isHeld) _ladders[place] = quantities.added(tick, energyWh).stored(epoch);
    }

    function _ladder(uint256 slot, uint256 side) internal view returns (uint256[] memory words, uint256 totalWh) {
        words = new uint256[](LadderLib.WORDS);
        uint256 place = _ladderPlaceOf(slot, side);
        uint256 epoch = _epochOf(slot);
        uint256 lanes;
        // At most 32 turns, words above the band hold nothing; lanes are below 2^60, see LadderLib.
        unchecked {
            uint256 used = (uint256(_tickCount) + 7) >> 3;
            for (uint256 i = 0; i < used; ++i) {
                uint256 quantities = _ladders[place | i].quantitiesOf(epoch);
                words[i] = quantities;
                lanes += quantities.lanesOf();
            }
        }
        totalWh = lanes.totalOf();
    }
}
