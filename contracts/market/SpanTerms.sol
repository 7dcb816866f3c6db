// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IScheduleBook} from "../../interfaces/IScheduleBook.sol";
import {IVenue} from "../../interfaces/IVenue.sol";
import {BindLib} from "../libraries/BindLib.sol";
import {MarginLib} from "../libraries/MarginLib.sol";
import {MoneyLib} from "../libraries/MoneyLib.sol";

/// @title What holds for every span of a day-ahead auction, in its venue and in its book: configuration, phases, prices
abstract contract SpanTerms {
    using MarginLib for uint256;

    /// @dev Of Venue: slots that share a place in its ring are so far apart.
    uint256 private constant RING_SLOTS = 1024;
    /// @dev Longest span; a day of quarters of an hour.
    uint256 private constant MAX_SPAN_SLOTS = 96;
    uint256 private constant TOP_TICK = 255;
    uint256 private constant PER_MILLE = 1000;
    /// @dev An order has 23 bits for its energy.
    uint256 private constant MAX_ORDER_WH = (1 << 23) - 1;

    uint32 internal immutable _floorPrice;
    uint32 internal immutable _tickSize;
    uint16 internal immutable _k;
    uint16 internal immutable _spanSlots;
    uint32 private immutable _forceWindow;
    uint32 internal immutable _spanLead;
    uint32 internal immutable _postWindow;
    uint32 internal immutable _leaseSeconds;
    uint32 private immutable _horizonSeconds;
    uint32 internal immutable _coverPrice;
    /// @dev What one order can bind at most.
    uint256 internal immutable _largestBound;
    uint256 internal immutable _spanSeconds;

    constructor(IScheduleBook.Config memory config_, uint32 slotSeconds_) {
        _spanSeconds = uint256(config_.spanSlots) * slotSeconds_;
        _largestBound = _requireConsistent(config_, uint256(RING_SLOTS) * slotSeconds_);

        _floorPrice = config_.floorPrice;
        _tickSize = config_.tickSize;
        _k = config_.k;
        _spanSlots = config_.spanSlots;
        _forceWindow = config_.forceWindow;
        _spanLead = config_.gateLead;
        _postWindow = config_.postWindow;
        _leaseSeconds = config_.leaseSeconds;
        _horizonSeconds = config_.horizonSeconds;
        _coverPrice = config_.coverPrice;
    }

    /// @return largestBound what one order can bind at most, 1e-6 EUR
    function _requireConsistent(
        IScheduleBook.Config memory config_,
        uint256 longest
    ) private view returns (uint256 largestBound) {
        uint256 topPrice = config_.floorPrice + TOP_TICK * config_.tickSize;
        require(config_.tickSize != 0 && topPrice <= type(uint32).max, IVenue.ConfigRefused("tickSize"));
        require(config_.k <= PER_MILLE, IVenue.ConfigRefused("k"));
        require(config_.spanSlots != 0 && config_.spanSlots <= MAX_SPAN_SLOTS, IVenue.ConfigRefused("spanSlots"));
        require(config_.forceWindow != 0, IVenue.ConfigRefused("forceWindow"));
        require(config_.leaseSeconds != 0, IVenue.ConfigRefused("leaseSeconds"));
        // Decided before delivery starts, and margins are not frozen for ever.
        bool isDecided = config_.postWindow <= config_.gateLead;
        bool isShort = config_.postWindow < _spanSeconds;
        require(config_.postWindow != 0 && isDecided && isShort, IVenue.ConfigRefused("postWindow"));
        uint256 lead = uint256(config_.gateLead) + config_.forceWindow;
        bool isOpen = lead < config_.horizonSeconds && config_.horizonSeconds <= longest;
        require(isOpen, IVenue.ConfigRefused("horizonSeconds"));
        uint256 dearest = config_.coverPrice > topPrice ? config_.coverPrice : topPrice;
        largestBound = MoneyLib.paymentUp(MAX_ORDER_WH, dearest);
        require(largestBound * config_.spanSlots <= BindLib.MAX_MARGIN, IVenue.ConfigRefused("coverPrice"));
    }

    /* PHASES */

    /// @notice The phase of a span now.
    function phase(uint32 span) public view virtual returns (IScheduleBook.Phase) {
        uint256 startAt = uint256(span) * _spanSeconds;
        // Additions on both sides: the first spans of all time start before any window is long.
        uint256 gateClock = block.timestamp + _spanLead;
        if (block.timestamp + _horizonSeconds < startAt) return IScheduleBook.Phase.Early;
        if (gateClock + _forceWindow < startAt) return IScheduleBook.Phase.Gathering;
        if (gateClock < startAt) return IScheduleBook.Phase.Forcing;
        if (gateClock < startAt + _postWindow) return IScheduleBook.Phase.Posting;
        return IScheduleBook.Phase.Decided;
    }

    function _requirePhase(uint32 span, IScheduleBook.Phase expected) internal view {
        IScheduleBook.Phase found = phase(span);
        require(found == expected, IScheduleBook.PhaseMismatch(span, found, expected));
    }

    /// @dev A slot's margins with its price; refuses what cannot be the margins of a slot.
    function _planOf(uint32 span, uint256 i, uint256 margins) internal view returns (uint256) {
        uint256 plan = margins.planned(_floorPrice, _tickSize, _k, _coverPrice);
        // Slots have 32 bits.
        if (plan == 0) revert IScheduleBook.MarginsRefused(uint32(_firstSlot(span) + i));
        return plan;
    }

    function _firstSlot(uint32 span) internal view returns (uint32) {
        return span * _spanSlots;
    }

    /// @dev Words of orders, or of fills, of one participant.
    function _wordsOf() internal view returns (uint256) {
        return (uint256(_spanSlots) + 7) / 8;
    }

    /* READING */

    /// @notice The configuration.
    function config() public view virtual returns (IScheduleBook.Config memory) {
        return
            IScheduleBook.Config({
                floorPrice: _floorPrice,
                tickSize: _tickSize,
                k: _k,
                spanSlots: _spanSlots,
                forceWindow: _forceWindow,
                gateLead: _spanLead,
                postWindow: _postWindow,
                leaseSeconds: _leaseSeconds,
                horizonSeconds: _horizonSeconds,
                coverPrice: _coverPrice
            });
    }
}
