// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {INoteBook} from "./INoteBook.sol";

/// @title Anonymous negotiation: encrypted messages, one-time accounts, escrow with three keys
/// @notice Whoever is admitted buys notes of one fixed amount; the issuer signs them without seeing them (Chaum 1983). A
/// note redeemed for a one-time account is the account's money and its proof that an identified participant stands behind
/// it, and nobody can tell which. One-time accounts broadcast encrypted messages, agree by two signatures and put the money
/// of the agreement into escrow. Who traded is told only after gate closure, when both sides claim their part.
/// @dev Notes are those of INoteBook. One-time accounts never send transactions: everything they say is a signature that anybody may bring.
///
/// For an agreement of slot s, with G = s * slotSeconds - gateLead and D = G + decisionSeconds:
///
///      agree          G          claim, decide          D     refund
///   |----------------|------------------------------------|------------->
///                     both claims: delivered              the slot is final
///
/// Money of the venue's pool at any time: denomination * (notes sold - refunded - redeemed) + balances of accounts
/// + agreements in escrow + pools of slots.
interface IAnonymousNegotiation {
    /// @notice Where an agreement stands.
    enum State {
        None,
        Held,
        Delivered,
        Refunded,
        BuyerPaid,
        SellerPaid
    }

    /// @notice What two of buyer, seller and arbiter may decide.
    /// @dev Refund: each side gets back what it put in. PayBuyer: the buyer gets back its payment, and the seller's cover.
    /// PaySeller: the seller gets back its cover, and of the payment what it loses by selling at the feed-in price instead.
    enum Outcome {
        Refund,
        PayBuyer,
        PaySeller
    }

    /// @notice Fixed at deployment.
    /// @param gateLead seconds from gate closure to the start of delivery
    /// @param horizonSeconds how long before the start of delivery a slot may be traded; shorter than 1024 slots
    /// @param decisionSeconds from gate closure to the end of claims and decisions
    /// @param floorPrice lowest price, 0.001 EUR/MWh
    /// @param capPrice highest price, 0.001 EUR/MWh
    /// @param coverPrice price at which undelivered energy would be bought back (retail), 0.001 EUR/MWh
    /// @param maxEnergyWh most energy of one agreement, Wh
    /// @param denomination what one note is worth, 1e-6 EUR
    struct Config {
        uint32 gateLead;
        uint32 horizonSeconds;
        uint32 decisionSeconds;
        uint32 floorPrice;
        uint32 capPrice;
        uint32 coverPrice;
        uint32 maxEnergyWh;
        uint48 denomination;
    }

    /// @notice What both one-time accounts sign (EIP-712).
    /// @param slot delivery slot
    /// @param energyWh energy, Wh
    /// @param price 0.001 EUR/MWh
    /// @param buyer one-time account
    /// @param seller one-time account
    /// @param arbiterId the participant with the third key
    /// @param salt makes agreements with equal terms distinct
    /// @param deadline last second at which it can be brought
    struct Agreement {
        uint32 slot;
        uint32 energyWh;
        uint32 price;
        address buyer;
        address seller;
        uint32 arbiterId;
        uint256 salt;
        uint256 deadline;
    }

    /// @notice An agreement as the chain knows it; 160 + 32 + 32 + 32, 160 + 32 + 8 and 32 + 32 bits.
    /// @param buyerId who claimed as the buyer, 0 before
    /// @param sellerId who claimed as the seller, 0 before
    struct Deal {
        address buyer;
        uint32 slot;
        uint32 energyWh;
        uint32 price;
        address seller;
        uint32 arbiterId;
        State state;
        uint32 buyerId;
        uint32 sellerId;
    }

    /// @notice Who signed a decision; who did not has an empty signature.
    /// @param arbiterKey the key of the arbiter that signed
    struct Signatures {
        bytes buyer;
        bytes seller;
        address arbiterKey;
        bytes arbiter;
    }

    /// @notice A note became balance of a one-time account.
    event AccountFunded(address indexed account, uint256 amount);
    /// @notice Balance of a one-time account became margin of a participant.
    event CashedIn(address indexed account, uint32 indexed participantId, uint256 amount);
    /// @notice A one-time account said something to somebody.
    event MessageBroadcast(address indexed account, bytes envelope);
    /// @notice Two one-time accounts agreed; payment and cover are in escrow.
    event DealMade(
        bytes32 indexed agreementId,
        uint32 indexed slot,
        address indexed buyer,
        address seller,
        uint32 arbiterId,
        uint32 energyWh,
        uint32 price
    );
    /// @notice A participant showed that one side of an agreement is its own.
    event DealClaimed(bytes32 indexed agreementId, uint32 indexed participantId, bool isBuyer);
    /// @notice The escrow of an agreement is empty.
    event DealEnded(bytes32 indexed agreementId, State state);

    /// @notice Thrown when a key of a participant is to be a one-time account.
    error AccountKnown(address account);
    /// @notice Thrown when balance is to go to a participant that does not exist.
    error UnknownParticipant(uint32 participantId);
    /// @notice Thrown when both sides of an agreement are the same one-time account.
    error AccountTwice(address account);
    /// @notice Thrown when a one-time account's balance does not cover what is asked; who binds nothing needs 1.
    error AccountTooLow(address account, uint256 needed, uint256 available);
    /// @notice Thrown when an envelope has not the one length that all have, bytes.
    error EnvelopeLength(uint256 expected, uint256 found);
    /// @notice Thrown when gate closure of the slot has passed.
    error GateClosed(uint32 slot, uint256 gateAt, uint256 nowAt);
    /// @notice Thrown when the slot lies beyond the horizon.
    error BeyondHorizon(uint256 slot, uint256 lastSlot);
    /// @notice Thrown when an agreement comes after its deadline: the quote is stale.
    error OfferExpired(uint256 expiresAt, uint256 nowAt);
    /// @notice Thrown when the energy is zero or above the limit, Wh.
    error EnergyOutOfRange(uint256 energyWh, uint256 limit);
    /// @notice Thrown when the price lies outside the band, 0.001 EUR/MWh.
    error PriceOutOfBand(uint256 price, uint256 floorPrice, uint256 capPrice);
    /// @notice Thrown when the same agreement is brought twice.
    error AgreementUsed(bytes32 digest);
    /// @notice Thrown when the arbiter may not enter anything now (unknown, suspended, expired or revoked).
    error PartyInactive(uint32 participantId);
    /// @notice Thrown when the arbiter is a side of the agreement.
    error ArbiterIsParty(uint32 participantId);
    /// @notice Thrown when a participant turns out to be both sides.
    error SelfTrade(uint32 participantId);
    /// @notice Thrown when an agreement is not in escrow.
    error NotHeld(bytes32 agreementId, State found);
    /// @notice Thrown when a claim comes before gate closure or after the time for decisions.
    error ClaimOutsideWindow(uint256 from, uint256 until, uint256 nowAt);
    /// @notice Thrown when this side was claimed before.
    error AlreadyClaimed(bytes32 agreementId, uint32 participantId);
    /// @notice Thrown when a participant had not locked collateral for this venue before the slot began.
    error NotJoined(uint32 participantId, uint32 slot);
    /// @notice Thrown when a decision comes after the time for it; anyone may refund the agreement.
    error DecisionClosed(uint256 until, uint256 nowAt);
    /// @notice Thrown when fewer than two of buyer, seller and arbiter signed.
    error TooFewSigners(uint256 signers);
    /// @notice Thrown when an arbiter would give money to a side that has not claimed, which might be the arbiter itself.
    error GainerUnclaimed(bytes32 agreementId);
    /// @notice Thrown when a key does not act for the arbiter.
    error PartyMismatch(uint32 expected, uint32 found);
    /// @notice Thrown when an agreement may still be decided.
    error DecisionOpen(uint256 until, uint256 nowAt);

    /* NOTES */

    /// @notice Pays for notes out of the caller's margin; at most 16 at once.
    /// @dev Warning: the purchase is public. Who always buys the same number at the same time tells nothing by it.
    /// @param blinded for each note its full-domain hash times r^65537, modulo the issuer's modulus, 256 bytes
    /// @return firstNoteId number of the first note
    function buyNotes(bytes[] calldata blinded) external returns (uint64 firstNoteId);

    /// @notice Pays a note back that the issuer did not sign in time; anyone may call.
    function refundNote(uint64 noteId) external;

    /// @notice Turns a note into balance of the one-time account to which it commits; anyone may call.
    /// @param serial chosen by the holder
    /// @param signature the issuer's, unblinded, 256 bytes
    function redeem(address account, bytes32 serial, bytes calldata signature) external;

    /* ONE-TIME ACCOUNTS */

    /// @notice Broadcasts an encrypted message of an account that has a balance; anyone may bring it.
    function broadcast(
        bytes calldata envelope,
        address account,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external;

    /// @notice Moves balance of an account to a participant's margin; anyone may bring it.
    /// @dev Warning: it links the account with the participant. It is open to revoked participants: the money is theirs.
    function cashIn(
        address account,
        uint32 participantId,
        uint256 amount,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external;

    /* AGREEMENTS */

    /// @notice Brings an agreement signed by both accounts before gate closure; anyone may call.
    /// @dev Warning: a signature handed out cannot be called back before its deadline, only starved of balance.
    /// @return agreementId the EIP-712 digest
    function agree(
        Agreement calldata agreement,
        bytes calldata buyerSignature,
        bytes calldata sellerSignature
    ) external returns (bytes32 agreementId);

    /// @notice Shows that a side of an agreement is the caller's. After both claims the trade is the participants' own, as
    /// if they had agreed by name.
    /// @param signature of the one-time account, over the agreement and the participant
    function claim(bytes32 agreementId, bool isBuyer, bytes calldata signature) external;

    /// @notice Ends an agreement as two of buyer, seller and arbiter decided; anyone may bring it.
    /// @dev An arbiter gives money only to a side that has claimed: otherwise it might be a party in secret.
    function decide(bytes32 agreementId, Outcome outcome, Signatures calldata signatures) external;

    /// @notice Gives both sides back what they put in, after the time for decisions; anyone may call.
    function refund(bytes32 agreementId) external;

    /* READING */

    /// @notice An agreement; all zero if there is none.
    function dealOf(bytes32 agreementId) external view returns (Deal memory);

    /// @notice The EIP-712 digest of an agreement.
    function agreementDigest(Agreement calldata agreement) external view returns (bytes32);

    /// @notice What a one-time account holds, 1e-6 EUR.
    function accountBalance(address account) external view returns (uint256);

    /// @notice Where the notes of this venue are counted and checked.
    function noteBook() external view returns (INoteBook);

    /// @notice The configuration.
    function config() external view returns (Config memory);
}
