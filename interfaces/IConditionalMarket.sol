// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IEnergyTag} from "./IEnergyTag.sol";

/// @title Orders with conditions that a trade must meet: source, price, partner, share of green energy
/// @notice A participant posts a bid or an ask for one slot with its conditions. Others take all of it or parts, before gate
/// closure; the contract refuses who does not meet the conditions. Energy and money then go the way of every venue. The
/// green share is owed in energy tags of the seller's own production: they go to the buyers before the seller gets the
/// rest, and for each one that is missing the buyer is paid `tagPrice` out of what the seller bound.
/// @dev An order binds nothing; taking binds both sides at once, or fails. For a trade of q Wh at price p with green share g,
/// in the slot s whose gate closes at s * slotSeconds - gateLead:
///
///   buyer binds    ceil(q * p / 1000)
///   seller binds   ceil(q * max(coverPrice - p, 0) / 1000) + ceil(owed * tagPrice / 1000)
///   owed           ceil((before + q) * g / 1000) - ceil(before * g / 1000) tags
///
/// where `before` was taken of the order earlier: in parts it owes what it owes as a whole. Money is rounded for each trade.
/// If a seller owes T tags in a slot and R are minted for them, a trade that owes q behind p others is delivered
/// floor((p + q) * R / T) - floor(p * R / T) of them. Source: J. Park et al., energy tags of a peer-to-peer market, 2018.
interface IConditionalMarket {
    /// @notice Fixed at deployment.
    /// @param gateLead seconds from gate closure to the start of delivery
    /// @param horizonSeconds how long before the start of delivery orders are possible; shorter than 1024 slots
    /// @param floorPrice lowest price, 0.001 EUR/MWh
    /// @param capPrice highest price, 0.001 EUR/MWh
    /// @param coverPrice price at which undelivered energy would be bought back (retail), 0.001 EUR/MWh
    /// @param maxEnergyWh most energy of one order, Wh
    /// @param tagPrice what a missing tag is worth to its buyer, 0.001 EUR/MWh
    struct Config {
        uint32 gateLead;
        uint32 horizonSeconds;
        uint32 floorPrice;
        uint32 capPrice;
        uint32 coverPrice;
        uint32 maxEnergyWh;
        uint32 tagPrice;
    }

    /// @notice What is wanted, and under which conditions.
    /// @param energyWh all of it, Wh
    /// @param price the highest price of a bid, the lowest of an ask, 0.001 EUR/MWh
    /// @param partnerId who alone may take it; 0 for anyone
    /// @param greenShare of the energy that has to come with tags of a green source, per mille
    /// @param sources from which the energy may come: bit `1 << source` for each `IEnergyTag.Source`
    /// @param isBid whether the order buys
    struct Order {
        uint32 slot;
        uint32 energyWh;
        uint32 price;
        uint32 partnerId;
        uint16 greenShare;
        uint8 sources;
        bool isBid;
    }

    /// @notice Tags that a seller owes from one trade.
    /// @param owedWh tags owed; 0 if there is no such trade
    /// @param beforeWh tags that the seller owed in the slot from earlier trades
    /// @param bond what the seller bound for them, 1e-6 EUR
    struct Debt {
        uint32 buyerId;
        uint32 sellerId;
        uint32 slot;
        uint32 owedWh;
        uint64 beforeWh;
        uint56 bond;
        bool isDelivered;
    }

    /// @notice All that a seller owes in one slot.
    /// @param id of the tags that are owed
    /// @param owedWh of all trades
    /// @param collectedWh tags that were minted for them
    /// @param bond of trades that are not delivered, 1e-6 EUR
    struct Pledge {
        uint256 id;
        uint64 owedWh;
        uint64 collectedWh;
        uint128 bond;
    }

    /// @notice An order was posted.
    event OrderPosted(uint64 indexed orderId, uint32 indexed participantId, Order order);
    /// @notice What was left of an order was taken back.
    event OrderCancelled(uint64 indexed orderId);
    /// @notice An order was taken, in whole or in part; both sides are bound.
    /// @param tradeId counts upwards from 1
    /// @param source of the seller, as it is certified now
    /// @param owedWh tags that the seller owes
    event OrderTaken(
        uint64 indexed orderId,
        uint32 indexed buyerId,
        uint32 indexed sellerId,
        uint64 tradeId,
        uint32 slot,
        uint32 energyWh,
        uint32 price,
        IEnergyTag.Source source,
        uint32 owedWh
    );
    /// @notice Tags that were minted for a seller's buyers came in.
    event TagsCollected(uint32 indexed slot, uint32 indexed sellerId, uint256 indexed id, uint256 energyWh);
    /// @notice A trade's tags went to its buyer, and what the missing ones are worth.
    /// @param compensation paid from the seller's bond into the buyer's margin, 1e-6 EUR
    event TagsDelivered(
        uint64 indexed tradeId,
        uint32 indexed buyerId,
        uint32 indexed sellerId,
        uint256 energyWh,
        uint256 missingWh,
        uint256 compensation
    );

    /// @notice Thrown when a set of sources is empty or holds one that does not exist.
    error SourcesRefused(uint8 sources);
    /// @notice Thrown when a green share is above 1000 per mille.
    error ShareTooHigh(uint16 greenShare);
    /// @notice Thrown when a green share is asked of sources of which none is green, so that nobody could meet it.
    error ShareUnmeetable(uint16 greenShare, uint8 sources);
    /// @notice Thrown when the seller is not certified for one of the sources; for a green share, for a green one.
    error SourceNotCertified(uint32 sellerId, IEnergyTag.Source found, uint8 sources);
    /// @notice Thrown when tags would come from another zone than the buyer's, where they prove no consumption.
    error BuyerInOtherZone(uint32 buyerZone, uint32 tagZone);
    /// @notice Thrown when the seller owes tags of another source or zone in the slot already.
    error SourceChanged(uint32 slot, uint32 sellerId, uint256 expectedId, uint256 foundId);
    /// @notice Thrown when the price taken is worse for the order than its own, 0.001 EUR/MWh.
    error PriceNotMet(uint32 limit, uint32 price);
    /// @notice Thrown when the order is for somebody else.
    error OtherPartner(uint32 partnerId, uint32 participantId);
    /// @notice Thrown when a participant would trade with itself.
    error PartnerIsSelf(uint32 participantId);
    /// @notice Thrown when the other side may not enter anything now (unknown, suspended, expired or revoked).
    error PartnerInactive(uint32 participantId);
    /// @notice Thrown when less of the order is left than is to be taken, Wh; nothing is left of one that does not exist.
    error OrderTooSmall(uint64 orderId, uint32 leftWh, uint32 askedWh);
    /// @notice Thrown when somebody else's order is to be cancelled.
    error NotOrderOf(uint64 orderId, uint32 participantId);
    /// @notice Thrown when a trade owes no tags, or has delivered them.
    error NothingOwed(uint64 tradeId);
    /// @notice Thrown when the seller's slot has to be minted first; anyone can do that once it is settled.
    error SlotNotMinted(uint32 slot, uint32 sellerId);
    /// @notice Thrown when gate closure of the slot has passed.
    error GateClosed(uint32 slot, uint256 gateAt, uint256 nowAt);
    /// @notice Thrown when the slot lies beyond the horizon.
    error BeyondHorizon(uint256 slot, uint256 lastSlot);
    /// @notice Thrown when the energy is zero or above the limit, Wh.
    error EnergyOutOfRange(uint256 energyWh, uint256 limit);
    /// @notice Thrown when the price lies outside the band, 0.001 EUR/MWh.
    error PriceOutOfBand(uint256 price, uint256 floorPrice, uint256 capPrice);

    /* ORDERS */

    /// @notice Posts an order with conditions; it stands until it is taken, cancelled or its gate closes.
    /// @dev Warning: an order posted with a session key stands even if that key ends before.
    /// @return orderId counts upwards from 1
    function post(Order calldata order) external returns (uint64 orderId);

    /// @notice Takes back what is left of the caller's order.
    function cancel(uint64 orderId) external;

    /// @notice Takes all or a part of an order, as the other side.
    /// @param energyWh at most what is left of it
    /// @param price that the caller gets or pays: for a bid not above the order's own, for an ask not below
    /// @return tradeId counts upwards from 1
    function take(uint64 orderId, uint32 energyWh, uint32 price) external returns (uint64 tradeId);

    /* TAGS */

    /// @notice Called by the tag contract, once for each slot and seller: how many of these tags the seller owes. They are
    /// minted to this contract.
    function collectTags(
        uint32 slot,
        uint32 sellerId,
        uint256 id,
        uint256 energyWh
    ) external returns (uint256 collectedWh);

    /// @notice Hands a trade's tags to its buyer and ends the seller's bond; anyone may call once the seller's slot is minted.
    function deliver(uint64 tradeId) external;

    /* READING */

    /// @notice An order and who posted it; `energyWh` is what is left of it.
    function orderOf(uint64 orderId) external view returns (uint32 participantId, Order memory order);

    /// @notice What a trade owes in tags.
    function debtOf(uint64 tradeId) external view returns (Debt memory);

    /// @notice What a seller owes in tags in a slot.
    function pledgeOf(uint32 slot, uint32 sellerId) external view returns (Pledge memory);

    /// @notice How many orders were ever posted.
    function orderCount() external view returns (uint64);

    /// @notice How many trades were ever made.
    function tradeCount() external view returns (uint64);

    /// @notice The configuration.
    function config() external view returns (Config memory);

    /// @notice The contract of the tags.
    function tags() external view returns (IEnergyTag);
}
