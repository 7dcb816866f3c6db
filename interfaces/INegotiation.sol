// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title SETM's own mechanism: two participants negotiate a price for a range of slots
/// @notice Alternating offers: offer, counter-offer, accept, reject, withdraw, expire. Only the side that has not made the
/// last offer may counter, accept or reject; only the side that made it may withdraw. What was agreed off chain comes as
/// one agreement with both signatures. An agreement binds both sides' margin at once; an offer binds nothing yet.
/// @dev A negotiation ends before gate closure of its first slot: G = firstSlot * slotSeconds - gateLead. An offer stands
/// while now < expiresAt, and expiresAt is at most G. The outcome of a slot is final from its own gate closure on.
///
/// For each slot of an agreement over q Wh at price p the buyer binds its payment ceil(q * p / 1000), and the seller, so
/// that it can buy back what it does not deliver, ceil(q * max(coverPrice - p, 0) / 1000). Agreements of one slot add up;
/// each is rounded by itself.
interface INegotiation {
    enum State {
        None,
        Open,
        Agreed,
        Rejected,
        Withdrawn,
        Expired
    }

    /// @notice Fixed at deployment.
    /// @param gateLead seconds from gate closure to the start of delivery
    /// @param horizonSeconds how long before the start of delivery a slot may be negotiated; shorter than 1024 slots
    /// @param floorPrice lowest price, 0.001 EUR/MWh
    /// @param capPrice highest price, 0.001 EUR/MWh
    /// @param coverPrice price at which undelivered energy would be bought back (retail), 0.001 EUR/MWh
    /// @param maxEnergyWh most energy of one agreement in one slot, Wh
    struct Config {
        uint32 gateLead;
        uint32 horizonSeconds;
        uint32 floorPrice;
        uint32 capPrice;
        uint32 coverPrice;
        uint32 maxEnergyWh;
    }

    /// @notice What is negotiated.
    /// @param firstSlot first delivery slot
    /// @param slotCount how many slots in a row; at most 96
    /// @param energyWh energy in each slot, Wh
    /// @param price 0.001 EUR/MWh
    struct Terms {
        uint32 firstSlot;
        uint16 slotCount;
        uint32 energyWh;
        uint32 price;
    }

    /// @notice A negotiation as the chain knows it.
    /// @param round counts offers upwards from 1
    /// @param buyerMoved whether the buyer made the last offer
    struct NegotiationView {
        State state;
        uint32 buyerId;
        uint32 sellerId;
        Terms terms;
        uint16 round;
        bool buyerMoved;
        uint40 expiresAt;
    }

    /// @notice What both sides sign (EIP-712) off chain.
    /// @param salt makes agreements with equal terms distinct
    /// @param deadline last second at which it can be brought
    struct Agreement {
        uint32 buyerId;
        uint32 sellerId;
        uint32 firstSlot;
        uint16 slotCount;
        uint32 energyWh;
        uint32 price;
        uint256 salt;
        uint256 deadline;
    }

    /// @notice An offer or counter-offer was made.
    event OfferMade(
        uint64 indexed negotiationId,
        uint32 indexed buyerId,
        uint32 indexed sellerId,
        bool byBuyer,
        uint16 round,
        uint32 firstSlot,
        uint16 slotCount,
        uint32 energyWh,
        uint32 price,
        uint40 expiresAt
    );
    /// @notice A negotiation ended without agreement.
    event NegotiationEnded(uint64 indexed negotiationId, uint32 indexed byParticipantId, State state);
    /// @notice Both sides are bound.
    /// @param negotiationId 0 if the agreement was made off chain
    event AgreementReached(
        uint64 indexed negotiationId,
        uint32 indexed buyerId,
        uint32 indexed sellerId,
        uint32 firstSlot,
        uint16 slotCount,
        uint32 energyWh,
        uint32 price,
        bytes32 digest
    );

    /// @notice Thrown when the negotiation is not open.
    error NotOpen(uint64 negotiationId, State found);
    /// @notice Thrown when it is the other side's turn, or the caller is no side at all.
    error NotYourTurn(uint64 negotiationId, uint32 participantId);
    /// @notice Thrown when the offer accepted is no longer the last one.
    error RoundMismatch(uint16 expected, uint16 found);
    /// @notice Thrown when a participant negotiates with itself.
    error SelfTrade(uint32 participantId);
    /// @notice Thrown when gate closure of the first slot has passed.
    error GateClosed(uint32 slot, uint256 gateAt, uint256 nowAt);
    /// @notice Thrown when the last slot lies beyond the horizon.
    error BeyondHorizon(uint256 slot, uint256 lastSlot);
    /// @notice Thrown when an offer or agreement has passed its expiry.
    error OfferExpired(uint256 expiresAt, uint256 nowAt);
    /// @notice Thrown when an expiry lies in the past or behind gate closure.
    error ExpiryOutOfRange(uint256 expiresAt, uint256 earliest, uint256 latest);
    /// @notice Thrown when a slot count is 0 or above the limit.
    error SlotCountOutOfRange(uint256 slotCount, uint256 limit);
    /// @notice Thrown when the energy is zero or above the limit, Wh.
    error EnergyOutOfRange(uint256 energyWh, uint256 limit);
    /// @notice Thrown when the price lies outside the band, 0.001 EUR/MWh.
    error PriceOutOfBand(uint256 price, uint256 floorPrice, uint256 capPrice);
    /// @notice Thrown when the same agreement is brought twice.
    error AgreementUsed(bytes32 digest);
    /// @notice Thrown when a key does not act for the participant whom the agreement names.
    error PartyMismatch(uint32 expected, uint32 found);
    /// @notice Thrown when an offer has not expired yet.
    error NotExpired(uint256 expiresAt, uint256 nowAt);
    /// @notice Thrown when the other side may not enter anything now (unknown, suspended, expired or revoked).
    error PartyInactive(uint32 participantId);

    /* NEGOTIATING */

    /// @notice Opens a negotiation with a counterparty.
    /// @dev Warning: an offer made with a session key stands until it expires, even if that key ends before.
    /// @param isBid whether the caller wants to buy
    /// @param expiresAt the first second at which the offer no longer stands
    /// @return negotiationId counts upwards from 1
    function offer(
        uint32 counterpartyId,
        bool isBid,
        Terms calldata terms,
        uint40 expiresAt
    ) external returns (uint64 negotiationId);

    /// @notice Answers the other side's last offer with another energy or price; the slots stay.
    function counter(uint64 negotiationId, uint32 energyWh, uint32 price, uint40 expiresAt) external;

    /// @notice Accepts the other side's last offer; both sides' margins are bound.
    /// @param round of the offer that is meant, so that nothing newer can be accepted by mistake
    function accept(uint64 negotiationId, uint16 round) external;

    /// @notice Ends the negotiation instead of answering.
    function reject(uint64 negotiationId) external;

    /// @notice Takes back the caller's last offer and ends the negotiation.
    function withdrawOffer(uint64 negotiationId) external;

    /// @notice Marks a negotiation whose last offer has expired; anyone may call.
    function expire(uint64 negotiationId) external;

    /* AGREEING OFF CHAIN */

    /// @notice Brings an agreement signed by keys of both sides; anyone may call.
    /// @dev Warning: a signature handed out cannot be called back before its deadline, only starved of margin.
    function agree(
        Agreement calldata agreement,
        address buyerKey,
        bytes calldata buyerSignature,
        address sellerKey,
        bytes calldata sellerSignature
    ) external;

    /* READING */

    /// @notice A negotiation; an open one past its expiry shows as `Expired`.
    function negotiationOf(uint64 negotiationId) external view returns (NegotiationView memory);

    /// @notice The EIP-712 digest of an agreement.
    function agreementDigest(Agreement calldata agreement) external view returns (bytes32);

    /// @notice Whether an agreement was brought already.
    function isUsed(bytes32 digest) external view returns (bool);

    /// @notice How many negotiations were ever opened.
    function negotiationCount() external view returns (uint64);

    /// @notice The configuration.
    function config() external view returns (Config memory);
}
