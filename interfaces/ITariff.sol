// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title A posted price for each delivery slot, from the ratio of what is offered to what is wanted
/// @notice Participants announce what they would sell or buy. When announcing is over the price of the slot is fixed, and
/// each may take it, for at most what it announced. Nobody has to.
/// @dev Life of slot s, delivered from t0 = s * slotSeconds on:
///
///   t0 - horizon       t0 - announceLead         t0 - gateLead        t0
///   |----- Announcing -----|-------- Taking ---------|------ Final ------|-- delivery --
///       announce             price posted; take          nothing to do
///
/// Each bound belongs to the later phase. No transaction posts the price and none clears: both follow from the sums.
///
/// With supply S and demand D announced, r = S / D, the price is
///
///   feedIn * retail / ((retail - feedIn) * r + feedIn)    for r up to 1, feedIn beyond, retail without supply
///
/// The volume is the smaller of what was taken to buy and taken to sell; the larger side is shared pro rata by cumulative
/// rounding. Individually rational (nobody trades at a price that it did not take, and none is worse than the grid's),
/// budget balanced but for roundings; not efficient (whoever took fills, whatever its limit) and not truthful.
/// @dev Warning: announcing binds collateral and costs nothing else. Whoever announces and does not take moves the price,
/// between feed-in and retail, at the cost of having its collateral bound until gate closure.
interface ITariff {
    enum Side {
        Bid,
        Ask
    }

    enum Phase {
        Early,
        Announcing,
        Taking,
        Final
    }

    enum State {
        None,
        Announced,
        Taken,
        Collected,
        Closed
    }

    /// @notice Fixed at deployment.
    /// @param feedInPrice lowest price that is ever posted, 0.001 EUR/MWh
    /// @param retailPrice highest price that is ever posted, 0.001 EUR/MWh
    /// @param announceLead seconds from the posting of the price to the start of delivery
    /// @param gateLead seconds from gate closure to the start of delivery
    /// @param horizonSeconds how long before the start of delivery announcements are accepted
    /// @param coverPrice price at which undelivered energy would be bought back (retail), 0.001 EUR/MWh
    /// @param maxEnergyWh most that one participant may announce for a slot
    struct Config {
        uint32 feedInPrice;
        uint32 retailPrice;
        uint32 announceLead;
        uint32 gateLead;
        uint32 horizonSeconds;
        uint32 coverPrice;
        uint32 maxEnergyWh;
    }

    /// @notice What a participant would buy (bid) or sell (ask) in a slot.
    struct Announcement {
        uint32 slot;
        Side side;
        uint32 energyWh;
    }

    /// @notice What a participant buys or sells at the posted price.
    /// @param side the side that it announced: whoever signs says whether it pays or is paid
    /// @param price the price that it has seen, 0.001 EUR/MWh: should the chain lose a block and post another one, the
    /// message counts no more
    struct Taking {
        uint32 slot;
        Side side;
        uint32 energyWh;
        uint32 price;
    }

    /// @notice A participant's part in a slot.
    /// @param bound collateral that it binds, 1e-6 EUR
    /// @param aheadWh what was taken on its side before
    struct AnnouncementView {
        State state;
        Side side;
        uint48 bound;
        uint32 announcedWh;
        uint32 takenWh;
        uint64 aheadWh;
    }

    /// @notice What all participants together announced and took in a slot, Wh.
    struct Sums {
        uint64 announcedBidWh;
        uint64 announcedAskWh;
        uint64 takenBidWh;
        uint64 takenAskWh;
    }

    /// @notice A participant announced energy and bound the most that taking it can cost.
    event EnergyAnnounced(uint32 indexed slot, uint32 indexed participantId, Side side, uint32 energyWh, uint48 bound);
    /// @notice A participant took the posted price; `unbound` went back to its margin. Its position in the order of these
    /// events decides where its share is rounded.
    event PriceTaken(
        uint32 indexed slot,
        uint32 indexed participantId,
        Side side,
        uint32 energyWh,
        uint32 price,
        uint48 unbound
    );

    /// @notice Thrown when the slot is in another phase than the call needs.
    error WrongPhase(uint32 slot, Phase found, Phase expected);
    /// @notice Thrown when the participant has announced for the slot already.
    error AnnouncementExists(uint32 slot, uint32 participantId);
    /// @notice Thrown when the participant has announced nothing on that side of the slot, or has taken the price already.
    error NothingToTake(uint32 slot, uint32 participantId, Side side);
    /// @notice Thrown when the quantity is zero or above what is allowed or was announced, Wh.
    error EnergyOutOfRange(uint256 energyWh, uint256 limit);
    /// @notice Thrown when a taking names another price than the slot's, both in 0.001 EUR/MWh.
    error PriceMismatch(uint256 posted, uint256 named);
    /// @notice Thrown when the price is not posted yet.
    error PriceOpen(uint32 slot);

    /* ANNOUNCING */

    /// @notice Announces for the caller's participant, once for each slot; it cannot be taken back, only not be taken.
    /// Binds the most that it can cost: a bid its payment at the retail price, an ask buying it back at the cover price
    /// less its revenue at the feed-in price.
    function announce(Announcement calldata announcement) external;

    /// @notice Announces for the caller's participant in several slots; all or none.
    function announceMany(Announcement[] calldata announcements) external;

    /// @notice Enters an announcement signed (EIP-712) by a key of the participant.
    function announceFor(
        Announcement calldata announcement,
        address key,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external;

    /* TAKING */

    /// @notice Takes the posted price for the caller's participant, once for each slot; binding. Binds what it costs at this
    /// price and frees the rest.
    function take(Taking calldata taking) external;

    /// @notice Takes the posted prices of several slots for the caller's participant; all or none.
    function takeMany(Taking[] calldata takings) external;

    /// @notice Enters a taking signed (EIP-712) by a key of the participant.
    function takeFor(
        Taking calldata taking,
        address key,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external;

    /* READING */

    /// @notice The phase of a slot now.
    function phase(uint32 slot) external view returns (Phase);

    /// @notice The price of a slot, 0.001 EUR/MWh; reverts with `PriceOpen` before it is fixed.
    function priceOf(uint32 slot) external view returns (uint256);

    /// @notice What was announced and taken in a slot so far.
    function sumsOf(uint32 slot) external view returns (Sums memory);

    /// @notice The participant's part in a slot.
    function announcementOf(uint32 slot, uint32 participantId) external view returns (AnnouncementView memory);

    /// @notice Collateral that an announcement binds, 1e-6 EUR.
    function coverOf(Side side, uint32 energyWh) external view returns (uint256);

    /// @notice The configuration.
    function config() external view returns (Config memory);
}
