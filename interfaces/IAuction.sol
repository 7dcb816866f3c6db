// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IPricingRule} from "./IPricingRule.sol";

/// @title A call market for each delivery slot, sealed or open
/// @notice Orders until gate closure; sealed orders are opened in the reveal window; then anyone clears. One order for
/// each participant and slot. An order is binding; a commitment may be cancelled until gate closure.
/// @dev Life of slot s, delivered from t0 = s * slotSeconds on:
///
///   t0 - horizon         gate closure G         G + revealWindow R          R + clearWindow
///   |------ Ordering ------|------ Revealing ------|------ Clearing ------------|--- Void
///      order/commit/cancel      open (sealed only)      clear -> Cleared            all is released
///
/// In an open auction the reveal window has length zero. G = t0 - gateLead. Each bound belongs to the later phase.
interface IAuction {
    enum Side {
        Bid,
        Ask
    }

    enum Phase {
        Early,
        Ordering,
        Revealing,
        Clearing,
        Cleared,
        Void
    }

    enum OrderState {
        None,
        Committed,
        Opened,
        Collected,
        Forfeited,
        Closed
    }

    /// @notice Fixed at deployment.
    /// @param floorPrice price of tick 0, 0.001 EUR/MWh
    /// @param tickSize distance of ticks, 0.001 EUR/MWh
    /// @param tickCount how many ticks the price band has; at most 256
    /// @param isSealed whether orders are committed and later opened
    /// @param gateLead seconds from gate closure to the start of delivery
    /// @param revealWindow seconds for opening; 0 if and only if the auction is open
    /// @param clearWindow seconds in which anyone may clear; after it the slot is void
    /// @param horizonSeconds how long before the start of delivery orders are accepted
    /// @param bond collateral that an order forfeits if it is not opened, 1e-6 EUR; 0 in an open auction
    /// @param coverPrice price at which an undelivered ask would be bought back (retail), 0.001 EUR/MWh
    /// @param maxOrderWh largest order, below 2^30 Wh
    struct Config {
        uint32 floorPrice;
        uint32 tickSize;
        uint16 tickCount;
        bool isSealed;
        uint32 gateLead;
        uint32 revealWindow;
        uint32 clearWindow;
        uint32 horizonSeconds;
        uint48 bond;
        uint32 coverPrice;
        uint32 maxOrderWh;
    }

    /// @notice A sealed order.
    /// @param bound collateral that it binds, 1e-6 EUR: at least the bond and, for the opening to succeed, at least the
    /// cover of the order; more hides the order's size
    /// @param digest the upper 184 bits of keccak256(abi.encode(chainId, auction, slot, participantId, side, tick,
    /// energyWh, salt)), salt a uint160; the lower 72 bits are zero
    struct Commitment {
        uint32 slot;
        Side side;
        uint48 bound;
        bytes32 digest;
    }

    /// @notice An open order: a bid to buy at most at, or an ask to sell at least at, the price of `tick`.
    struct Order {
        uint32 slot;
        Side side;
        uint16 tick;
        uint32 energyWh;
    }

    /// @notice A participant's order as the chain knows it.
    /// @param aheadWh quantity at the same tick that stands before this order
    struct OrderView {
        OrderState state;
        Side side;
        uint48 bound;
        uint16 tick;
        uint32 energyWh;
        uint32 aheadWh;
        bytes32 digest;
    }

    /// @notice A sealed order came in.
    event OrderCommitted(uint32 indexed slot, uint32 indexed participantId, Side side, uint48 bound, bytes32 digest);
    /// @notice A sealed order was taken back before gate closure.
    event CommitmentCancelled(uint32 indexed slot, uint32 indexed participantId, uint48 unbound);
    /// @notice Orders joined the ladder.
    /// @param orders one word each: participantId << 128 | side << 112 | tick << 96 | bound << 48 | energyWh
    event OrdersOpened(uint32 indexed slot, uint256[] orders);
    /// @notice An opening was set aside: the order's collateral does not cover it or its tick is full. It counts as unopened.
    event OpeningRefused(uint32 indexed slot, uint32 indexed participantId, uint256 cover, uint256 bound);
    /// @notice The slot was cleared.
    event SlotCleared(uint32 indexed slot, address indexed clearer, IPricingRule.Clearing clearing);
    /// @notice The bond of an unopened order went to the other side's compensation.
    event BondForfeited(uint32 indexed slot, uint32 indexed participantId, Side side, uint48 bond, uint48 unbound);
    /// @notice An opened order received its share of the other side's forfeited bonds as margin.
    event CompensationPaid(uint32 indexed slot, uint32 indexed participantId, uint256 amount);
    /// @notice What the slot's buyers paid beyond what its sellers get went to the grid operator's free balance.
    event SurplusPaid(uint32 indexed slot, uint256 amount);

    /// @notice Thrown when the slot is in another phase than the call needs.
    error WrongPhase(uint32 slot, Phase found, Phase expected);
    /// @notice Thrown when a sealed call comes to an open auction or the other way round.
    error ModeMismatch(bool isSealed);
    /// @notice Thrown when the participant already has an order in the slot.
    error OrderExists(uint32 slot, uint32 participantId);
    /// @notice Thrown when the participant has no commitment in the slot.
    error NoCommitment(uint32 slot, uint32 participantId);
    /// @notice Thrown when an opening does not hash to the commitment.
    error CommitmentMismatch(uint32 slot, uint32 participantId);
    /// @notice Thrown when the lower 72 bits of a digest are not zero.
    error DigestMalformed(bytes32 digest);
    /// @notice Thrown when the tick lies outside the price band.
    error TickOutOfBand(uint256 tick, uint256 tickCount);
    /// @notice Thrown when the quantity is zero or above the largest order, Wh.
    error EnergyOutOfRange(uint256 energyWh, uint256 limit);
    /// @notice Thrown when a tick cannot hold more, Wh.
    error TickFull(uint256 tick, uint256 heldWh, uint256 addedWh);
    /// @notice Thrown when a commitment binds less than the bond, both in 1e-6 EUR.
    error BondTooLow(uint256 bond, uint256 bound);
    /// @notice Thrown when the order was opened, so nothing is forfeited.
    error NothingForfeited(uint32 slot, uint32 participantId);
    /// @notice Thrown when compensation is asked before it is known.
    error CompensationOpen(uint32 slot, uint256 possibleFrom);
    /// @notice Thrown when the participant is owed no compensation in the slot, or has taken it.
    error NoCompensation(uint32 slot, uint32 participantId);
    /// @notice Thrown when the slot left no surplus, or it is paid out already.
    error NoSurplus(uint32 slot);

    /* ORDERING */

    /// @notice Enters a sealed order of the caller's participant.
    function commit(Commitment calldata commitment) external;

    /// @notice Enters sealed orders of the caller's participant for several slots; all or none.
    function commitMany(Commitment[] calldata commitments) external;

    /// @notice Enters a sealed order signed (EIP-712) by a key of the participant.
    function commitFor(
        Commitment calldata commitment,
        address key,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external;

    /// @notice Takes back the caller's commitment before gate closure.
    function cancel(uint32 slot) external;

    /// @notice Enters an open order of the caller's participant; open auctions only.
    function placeOrder(Order calldata order) external;

    /// @notice Enters an open order signed (EIP-712) by a key of the participant; open auctions only.
    function placeOrderFor(
        Order calldata order,
        address key,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external;

    /* REVEALING */

    /// @notice Opens sealed orders of a slot, each for whomever; anyone may call with what it was told.
    /// @param openings one word each: participantId << 224 | tick << 208 | (energyWh, 48 bits) << 160 | salt (160 bits).
    /// An order already opened is passed over; one that is not covered is set aside with `OpeningRefused`.
    function open(uint32 slot, uint256[] calldata openings) external;

    /* CLEARING */

    /// @notice Clears a slot; anyone may call, once.
    function clear(uint32 slot) external;

    /// @notice Forfeits the bonds of orders that were not opened in time, to the benefit of the slot's other side, and
    /// frees the rest of what they bound. Anyone may call from the end of the reveal window on. A participant without an
    /// order is passed over.
    function forfeit(uint32 slot, uint32[] calldata participantIds) external;

    /// @notice Pays an opened order its share of the other side's forfeited bonds, in proportion to opened quantity, once
    /// the clear window has passed; anyone may call. A bond with nobody on the other side stays in the pool as dust.
    function compensate(uint32 slot, uint32 participantId) external;

    /// @notice Pays the surplus of a cleared slot's rule to the grid operator, as a contribution to the network; anyone may
    /// call, once, as soon as the slot's pool holds as much. When all buyers are collected it holds the surplus and all
    /// revenues, so that this keeps no seller waiting for longer than that.
    function payOutSurplus(uint32 slot) external;

    /* READING */

    /// @notice The phase of a slot now.
    function phase(uint32 slot) external view returns (Phase);

    /// @notice The clearing of a slot; all zero before it and without trade.
    function clearingOf(uint32 slot) external view returns (IPricingRule.Clearing memory);

    /// @notice The participant's order in a slot.
    function orderOf(uint32 slot, uint32 participantId) external view returns (OrderView memory);

    /// @notice How much of the participant's order is filled, Wh.
    function fillOf(uint32 slot, uint32 participantId) external view returns (uint256 energyWh);

    /// @notice Quantity at every tick of one side, as 32 packed words.
    function ladderOf(uint32 slot, Side side) external view returns (uint256[] memory words);

    /// @notice Collateral that an order needs, 1e-6 EUR: a bid its highest payment, an ask the cost of buying back at the
    /// cover price what it does not deliver, less its lowest revenue.
    function coverOf(Side side, uint16 tick, uint32 energyWh) external view returns (uint256);

    /// @notice The digest of a sealed order, as `Commitment.digest`.
    function digestOf(
        uint32 slot,
        uint32 participantId,
        Side side,
        uint16 tick,
        uint32 energyWh,
        uint160 salt
    ) external view returns (bytes32);

    /// @notice The configuration.
    function config() external view returns (Config memory);
}
