// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDayAheadAuction} from "./IDayAheadAuction.sol";
import {IScheduleBook} from "./IScheduleBook.sol";

/// @title Contracted against delivered
/// @notice For each participant and slot, once: closes the trades of all venues, compares what was bought and sold with
/// what the meter says, and settles the difference with the grid operator at its two prices. Imports and exports are never
/// netted: energy bought and not consumed is sold at the feed-in price, energy sold and not delivered is bought at retail.
/// @dev With import i, export e, bought b, sold s, all Wh:
///
///   gridBoughtWh = max(i - b, 0) + max(s - e, 0)       charge = ceil(gridBoughtWh * retailPrice / 1000)
///   gridSoldWh   = max(b - i, 0) + max(e - s, 0)       credit = floor(gridSoldWh * feedInPrice / 1000)
///
/// What one pays the other receives, to the unit. Without a reading in time the default rule applies: e = 0 and
/// i = max(b, capacity * DEFAULT_LOAD_PERCENT / 100), so that silence never pays. A charge is taken first from what the
/// slot's own trades brought in, then from the guarantee; what is missing is owed (arrears) and taken from later credits.
/// Charge, credit and arrears of one participant are set off against each other; energy never is. A credit becomes free
/// balance, paid from the grid operator's guarantee; what participants pay adds to that guarantee.
interface ISettlement {
    /// @notice Fixed at deployment.
    /// @param retailPrice what the grid operator asks, 0.001 EUR/MWh
    /// @param feedInPrice what the grid operator pays, 0.001 EUR/MWh; not above `retailPrice`
    /// @param fraudPenalty charged for a slot in which the meter signed two values, 1e-6 EUR
    /// @param releaseDelay seconds from asking for a guarantee to getting it back; covers a day and all windows of a slot
    struct Config {
        uint32 retailPrice;
        uint32 feedInPrice;
        uint48 fraudPenalty;
        uint32 releaseDelay;
    }

    /// @notice One participant's bill for one slot, amounts in 1e-6 EUR.
    /// @param tradeCredit what the venues handed over (revenue and released cover)
    /// @param charge owed to the grid operator, penalty included
    /// @param credit owed by the grid operator
    struct Bill {
        uint256 boughtWh;
        uint256 soldWh;
        uint256 importWh;
        uint256 exportWh;
        uint256 gridBoughtWh;
        uint256 gridSoldWh;
        uint256 tradeCredit;
        uint256 charge;
        uint256 credit;
    }

    /// @notice A participant's slot is settled.
    /// @param isMeasured false if the default rule was applied
    /// @param arrearsChange by how much the participant's debt to the grid operator grew (negative: shrank), 1e-6 EUR
    event SlotSettled(
        uint32 indexed slot,
        uint32 indexed participantId,
        Bill bill,
        bool isMeasured,
        int256 arrearsChange
    );
    /// @notice Days of a group are settled; what was charged and paid stands in `IClearinghouse.ClosedMany`.
    /// @param words one for each: | participantId 32 | gridBoughtWh 40 | gridSoldWh 40 | tradeCredit 64 | arrearsChange 64 |
    /// zero 15 | fraud 1 |, as in `Bill` and `SlotSettled`, of the whole day; the change has its sign in its highest bit
    event DaysSettled(uint32 indexed day, address indexed venue, uint32 indexed group, uint256[] words);
    /// @notice The participant asked for a part of its guarantee back.
    event ReleaseRequested(uint32 indexed participantId, uint256 amount, uint40 possibleFrom);
    /// @notice A part of the guarantee became free balance.
    event GuaranteeReleased(uint32 indexed participantId, uint256 amount);
    /// @notice The grid operator stands for what this venue says was traded.
    event VenueAccepted(address indexed venue);
    /// @notice A debt between a participant and the grid operator was paid; positive if the participant paid.
    event ArrearsPaid(uint32 indexed participantId, int256 amount);

    /// @notice Thrown when someone other than the grid operator's owner key calls.
    error NotOperator(address caller);
    /// @notice Thrown when the reading may still change.
    error ReadingOpen(uint32 slot, uint32 participantId);
    /// @notice Thrown when the grid operator itself is to be settled.
    error OperatorNotSettled(uint32 participantId);
    /// @notice Thrown when a venue clears other spans than days.
    error SpanIsNoDay(address venue, uint256 spanSlots);
    /// @notice Thrown when a day has no final reading that is still packed: settle it slot by slot.
    error DayOpen(uint32 day, uint32 participantId);
    /// @notice Thrown when a day is settled already, or a participant stands in a group twice.
    error DayIsSettled(uint32 day, uint32 participantId);
    /// @notice Thrown when the fills are not those of the participant's outcome.
    error FillsMismatch(uint32 participantId);
    /// @notice Thrown when the participant joined another accepted venue before the day was over, or did not join this one:
    /// settle its day slot by slot.
    error OtherVenueJoined(address venue, uint32 participantId);
    /// @notice Thrown when an array has another length than the group asks for.
    error WordsMismatch(uint256 expected, uint256 found);
    /// @notice Thrown when the guarantee is lower than asked, both in 1e-6 EUR.
    error GuaranteeTooLow(uint256 available, uint256 asked);
    /// @notice Thrown when the release delay has not passed.
    error ReleaseTooEarly(uint256 possibleFrom, uint256 nowAt);
    /// @notice Thrown when nothing was asked for.
    error NoReleaseRequested(uint32 participantId);
    /// @notice Thrown when a guarantee is asked for in the name of a participant that is not revoked.
    error NotRevoked(uint32 participantId);
    /// @notice Thrown when a request for the guarantee is pending already.
    error ReleasePending(uint32 participantId, uint256 possibleFrom);
    /// @notice Thrown when nothing is owed, or there is nothing to pay it from.
    error NothingToPay(uint32 participantId);
    /// @notice Thrown when the configuration contradicts itself.
    error ConfigRefused(string field);

    /* SETTLING */

    /// @notice Settles a slot for the named participants; anyone may call. Buyers are collected before sellers are paid.
    /// Whoever is settled already, or named twice, is passed over: nobody spoils a batch by settling one of it first.
    /// @dev Of each participant only the venues are asked that it joined before the slot began
    /// (`IClearinghouse.joinedVenues`) and that the grid operator accepted. One of them that answers no more stops the
    /// batches of those who joined it: settle the others without them, and collect their payments at the other venues.
    function settle(uint32 slot, uint32[] calldata participantIds) external;

    /// @notice Settles a whole day of the members of a group of a day-ahead auction whose meters are read day by day; anyone
    /// may call. A member whose head is zero is passed over; everybody else must have a final day that is not unpacked, and
    /// no other accepted venue. Charge and credit are rounded once for the day, which differs from the sum over slots by less
    /// than one unit a slot. Groups that pay most on balance come first, as of `IDayAheadAuction.closeGroup`.
    /// @param fills of the members that are not passed over, ceil(daySlots / 8) words each
    /// @param readings of the same members, as many words of import and of export each (IDayReadings)
    function settleDay(
        address venue,
        IScheduleBook.BookKey calldata key,
        uint32 group,
        IDayAheadAuction.Member[] calldata members,
        uint256[] calldata fills,
        uint256[] calldata readings
    ) external;

    /// @notice Pays what participant and grid operator owe each other, as far as their guarantees reach; anyone may call.
    function payArrears(uint32 participantId) external;

    /* VENUES */

    /// @notice Called by the grid operator's owner key: from now on settlement asks this venue. It cannot be taken back.
    /// @dev Warning: what a venue says was bought and not used, the grid operator pays for from its guarantee.
    function acceptVenue(address venue) external;

    /// @notice Whether settlement asks the venue: a founding venue, or accepted by the grid operator since.
    function isAccepted(address venue) external view returns (bool);

    /* GUARANTEES */

    /// @notice Called by the clearinghouse when collateral was locked for settlement: it adds to the guarantee.
    function addMargin(uint32 participantId, uint256 amount) external;

    /// @notice Asks for a part of the caller's guarantee (owner key); possible after `releaseDelay`. It replaces what was
    /// asked for before; 0 takes that back.
    function requestRelease(uint256 amount) external;

    /// @notice Frees what was asked for, as far as bills and arrears leave it; anyone may call for a participant. The grid
    /// operator's guarantee stays as far as it owes participants.
    function releaseGuarantee(uint32 participantId) external;

    /// @notice Like `requestRelease` for the whole guarantee of a revoked participant; anyone may call while no request is
    /// pending.
    function requestReleaseOf(uint32 participantId) external;

    /* READING */

    /// @notice Whether the participant's slot is settled.
    function isSettled(uint32 slot, uint32 participantId) external view returns (bool);

    /// @notice What the participant owes the grid operator; negative if the operator owes. 1e-6 EUR.
    function arrearsOf(uint32 participantId) external view returns (int256);

    /// @notice The participant's guarantee, 1e-6 EUR.
    function guaranteeOf(uint32 participantId) external view returns (uint256);

    /// @notice What of the guarantee was asked for and when it can be had; zeros if nothing was.
    function releaseOf(uint32 participantId) external view returns (uint256 amount, uint40 possibleFrom);

    /// @notice The configuration.
    function config() external view returns (Config memory);

    /// @notice The participant number of the grid operator.
    function operatorId() external view returns (uint32);
}
