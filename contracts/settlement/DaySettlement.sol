// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IDayAheadAuction} from "../../interfaces/IDayAheadAuction.sol";
import {IDayReadings} from "../../interfaces/IDayReadings.sol";
import {IMeterRegistry} from "../../interfaces/IMeterRegistry.sol";
import {IParticipantRegistry} from "../../interfaces/IParticipantRegistry.sol";
import {IScheduleBook} from "../../interfaces/IScheduleBook.sol";
import {ISettlement} from "../../interfaces/ISettlement.sol";
import {DayLib} from "../libraries/DayLib.sol";
import {LaneLib} from "../libraries/LaneLib.sol";
import {MoneyLib} from "../libraries/MoneyLib.sol";
import {DayPayments} from "./DayPayments.sol";

/// @title Whole days: the outcomes of a day-ahead auction against the readings of daily meters
/// @dev A day that is settled
/// here has a final record that is not unpacked, and none of its slots was settled: a slot of a daily meter is final only if
/// its day was unpacked or has no record.
abstract contract DaySettlement is DayPayments {
    using DayLib for uint256;
    using LaneLib for uint256[];
    using SafeCast for uint256;
    using SafeCast for int256;

    uint256 private constant LANES = 8;

    IMeterRegistry public immutable meters;
    uint32 internal immutable RETAIL_PRICE;
    uint32 internal immutable FEED_IN_PRICE;
    uint48 internal immutable FRAUD_PENALTY;
    uint32 internal immutable _daySlots;
    /// @dev Words of a day's fills, of its import, or of its export.
    uint256 private immutable _dayWords;

    /// @dev One bit a participant, 256 a word.
    mapping(uint256 day => mapping(uint256 place => uint256 bits)) private _settledDays;

    constructor(
        IParticipantRegistry registry_,
        IClearinghouse clearinghouse_,
        IMeterRegistry meters_,
        uint32 operatorId_,
        Config memory config_
    ) DayPayments(registry_, clearinghouse_, operatorId_, config_.releaseDelay) {
        require(config_.feedInPrice <= config_.retailPrice, ConfigRefused("feedInPrice"));
        uint256 windows = uint256(meters_.daySlots()) * registry_.slotSeconds() + meters_.finalAfter();
        require(config_.releaseDelay >= windows, ConfigRefused("releaseDelay"));

        meters = meters_;
        RETAIL_PRICE = config_.retailPrice;
        FEED_IN_PRICE = config_.feedInPrice;
        FRAUD_PENALTY = config_.fraudPenalty;
        _daySlots = meters_.daySlots();
        _dayWords = (uint256(_daySlots) + LANES - 1) / LANES;
    }

    /* SETTLING DAYS */

    /// @inheritdoc ISettlement
    /// @dev Bounded by the group.
    function settleDay(
        address venue,
        IScheduleBook.BookKey calldata key,
        uint32 group,
        IDayAheadAuction.Member[] calldata members,
        uint256[] calldata fills,
        uint256[] calldata readings
    ) external nonReentrant {
        uint256 spanSlots = IDayAheadAuction(venue).config().spanSlots;
        require(spanSlots == _daySlots, SpanIsNoDay(venue, spanSlots));
        Days memory settled = _measure(key.span, members, fills, readings);
        _markDays(key.span, settled.ids);
        _noteStandings(venue, settled, (key.span + 1) * _daySlots - 1);

        IDayAheadAuction(venue).closeGroup(key, group, members);
        _pay(settled);

        emit DaysSettled(key.span, venue, group, settled.words);
    }

    /// @dev Compares what the members traded with what their meters measured.
    function _measure(
        uint32 day,
        IDayAheadAuction.Member[] calldata members,
        uint256[] calldata fills,
        uint256[] calldata readings
    ) private view returns (Days memory settled) {
        settled.ids = _idsOf(members);
        uint256 count = settled.ids.length;
        require(fills.length == count * _dayWords, WordsMismatch(count * _dayWords, fills.length));
        require(readings.length == 2 * fills.length, WordsMismatch(2 * fills.length, readings.length));
        settled.dues = new int256[](count);
        settled.words = IDayReadings(address(meters)).finalDays(day, settled.ids);
        count = 0;
        for (uint256 i = 0; i < members.length; ++i) {
            if (members[i].head == 0) continue;
            // Words of the input, and as many as there are.
            unchecked {
                uint256[] calldata filled = fills.part(count * _dayWords, _dayWords);
                require(filled.hashOf() == members[i].fills, FillsMismatch(settled.ids[count]));
                _measureOne(day, settled, count, filled, readings.part(2 * count * _dayWords, 2 * _dayWords));
                ++count;
            }
        }
    }

    function _idsOf(IDayAheadAuction.Member[] calldata members) private pure returns (uint32[] memory ids) {
        ids = new uint32[](members.length);
        uint256 count;
        for (uint256 i = 0; i < members.length; ++i) {
            uint256 head = members[i].head;
            // A head begins with the number, of 32 bits.
            if (head != 0) ids[count++] = uint32(head >> 224);
        }
        // Cuts off what was not used.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(ids, count)
        }
    }

    function _measureOne(
        uint32 day,
        Days memory settled,
        uint256 i,
        uint256[] calldata fills,
        uint256[] calldata values
    ) private view {
        uint256 record = settled.words[i];
        uint32 participantId = settled.ids[i];
        require(record != 0, DayOpen(day, participantId));
        require(record.hash() == DayLib.hashOf(values), IDayReadings.DayMismatch(participantId, day));
        (uint256 gridBoughtWh, uint256 gridSoldWh) = fills.imbalanceOf(
            values.part(0, fills.length),
            values.part(fills.length, fills.length)
        );

        uint256 charge = MoneyLib.paymentUp(gridBoughtWh, RETAIL_PRICE);
        uint256 fraud = record.isFlagged() ? 1 : 0;
        // Below 2^62 each: 2^40 Wh at prices of 32 bits, and a penalty of 48.
        unchecked {
            charge += fraud * FRAUD_PENALTY;
            settled.dues[i] = int256(charge) - int256(MoneyLib.paymentDown(gridSoldWh, FEED_IN_PRICE));
        }
        settled.words[i] = (uint256(participantId) << 224) | (gridBoughtWh << 184) | (gridSoldWh << 144) | fraud;
    }

    function _markDays(uint256 day, uint32[] memory ids) private {
        mapping(uint256 place => uint256 bits) storage settledDays = _settledDays[day];
        uint256 place;
        uint256 bits = settledDays[0];
        for (uint256 i = 0; i < ids.length; ++i) {
            uint32 participantId = ids[i];
            require(participantId != operatorId, OperatorNotSettled(participantId));
            if (participantId / 256 != place) {
                settledDays[place] = bits;
                place = participantId / 256;
                bits = settledDays[place];
            }
            uint256 bit = 1 << (participantId % 256);
            // Days come out of 32 bits.
            require(bits & bit == 0, DayIsSettled(uint32(day), participantId));
            bits |= bit;
        }
        settledDays[place] = bits;
    }

    /* READING */

    function _isDaySettled(uint256 day, uint32 participantId) internal view returns (bool) {
        return (_settledDays[day][participantId / 256] >> (participantId % 256)) & 1 == 1;
    }
}
