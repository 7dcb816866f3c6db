// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IParticipantRegistry} from "./IParticipantRegistry.sol";

/// @title The only contract that holds money
/// @notice Participants deposit, lock collateral for the venues that they choose, and withdraw. A venue can charge,
/// release and hand on what was locked for it, and pay out what it charged; nothing else.
/// @dev Amounts are 1e-6 EUR. Invariant: sum of free balances + sum of collateral + sum of pools == tokens held, donations
/// aside. Each movement carries its number `[M1]` to `[M7]` in the code and is proved in docs/money.md.
interface IClearinghouse {
    /// @notice [M1] Tokens came in.
    event Deposited(uint32 indexed participantId, address indexed payer, uint256 amount);
    /// @notice [M2] Tokens went out.
    event Withdrawn(uint32 indexed participantId, address indexed to, uint256 amount);
    /// @notice [M3] Free balance became collateral of a venue.
    event CollateralLocked(uint32 indexed participantId, address indexed venue, uint256 amount);
    /// @notice [M4] Collateral of a venue became free balance.
    event CollateralReleased(uint32 indexed participantId, address indexed venue, uint256 amount);
    /// @notice [M5] to [M7] A venue closed something: charged into its pool, released or handed on, paid from its pool.
    /// @param heir the venue that received `released + paid` as collateral; zero if they became free balance
    event Closed(
        uint32 indexed participantId,
        address indexed venue,
        address heir,
        uint256 charged,
        uint256 released,
        uint256 paid
    );
    /// @notice [M5] to [M7] A venue closed something for many participants, as `Closed` tells it of one.
    /// @param words | participantId 32 | charged 64 | released 64 | paid 64 | zero 32 |
    event ClosedMany(address indexed venue, address heir, uint256[] words);
    /// @notice The venue may be used from `activeFrom` on.
    event VenueScheduled(address indexed venue, uint40 activeFrom);

    /// @notice Thrown when the free balance does not suffice.
    error FreeBalanceTooLow(uint32 participantId, uint256 needed, uint256 available);
    /// @notice Thrown when the collateral locked for the venue does not suffice.
    error CollateralTooLow(uint32 participantId, uint256 needed, uint256 available);
    /// @notice Thrown when the venue has not charged enough to pay.
    error PoolTooLow(address venue, uint256 needed, uint256 available);
    /// @notice Thrown when the caller or the named contract is not a registered, active venue.
    error NotAVenue(address venue);
    /// @notice Thrown when a token delivers other than asked (it takes a fee, or it lies).
    error TokenAmountMismatch(uint256 expected, uint256 received);
    /// @notice Thrown when the amount is zero.
    error ZeroAmount();
    /// @notice Thrown when someone other than governance calls.
    error NotGovernance(address caller);
    /// @notice Thrown when no further venue can be added.
    error TooManyVenues(uint256 limit);
    /// @notice Thrown when the venue is already registered.
    error VenueKnown(address venue);
    /// @notice Thrown when the participant may enter nothing now, so that nobody pays into its account.
    error NotActive(uint32 participantId);
    /// @notice Thrown when the participant was not revoked.
    error NotRevoked(uint32 participantId);
    /// @notice Thrown when a deposit is more than can still be held, both in 1e-6 EUR; all together at most 2^64 - 1.
    error HoldingLimitExceeded(uint256 limit, uint256 asked);
    /// @notice Thrown when the clearinghouse is deployed with a shorter delay than the public needs, both in seconds.
    error DelayTooShort(uint256 delay, uint256 least);
    /// @notice Thrown when the token does not have six decimals.
    error DecimalsMismatch(uint8 expected, uint8 found);

    /* DEPOSITS AND WITHDRAWALS */

    /// @notice [M1] Pays `amount` from the caller into the free balance of a participant who may enter something now.
    function deposit(uint32 participantId, uint256 amount) external;

    /// @notice [M1] The same with an ERC-2612 permit; a permit already used by somebody else does no harm.
    function depositWithPermit(
        uint32 participantId,
        uint256 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;

    /// @notice [M2] Pays `amount` of the caller's free balance to the caller. Only the owner key can; a suspended or
    /// expired participant still can.
    function withdraw(uint256 amount) external;

    /// @notice [M2] Pays the whole free balance of a revoked participant to its payout address; anyone may call.
    function withdrawRevoked(uint32 participantId) external;

    /* COLLATERAL */

    /// @notice [M3] Locks `amount` of the caller's free balance for a venue, and tells the venue. The first time it joins
    /// the venue, for ever: from the next slot on settlement asks the venue what the participant traded.
    /// @dev Warning: a venue that answers no more keeps those who joined it from being settled, and nobody else. The slots
    /// that had begun before they joined are settled without it.
    /// @dev Needs user.Security now: the owner key, or a session key opened for the clearinghouse.
    function lock(address venue, uint256 amount) external;

    /// @notice [M4] Called by a venue: frees collateral that was locked for it; nothing happens if `amount` is zero.
    function release(uint32 participantId, uint256 amount) external;

    /// @notice [M5]-[M7] Called by a venue: takes `charged + released` of the participant's collateral; `charged` goes to
    /// the venue's pool, `paid` comes from it, and `released + paid` go to the participant's free balance, or to its
    /// collateral in `heir` if that is not zero.
    function close(uint32 participantId, address heir, uint256 charged, uint256 released, uint256 paid) external;

    /// @notice [M5]-[M7] The same for many participants; all are charged before anybody is paid.
    /// @param words | participantId 32 | charged 64 | released 64 | paid 64 | zero 32 |, 1e-6 EUR
    function closeMany(address heir, uint256[] calldata words) external;

    /* GOVERNANCE */

    /// @notice Called by governance: registers a venue; at once while nothing was ever deposited, else after a public delay.
    /// A venue is never removed, so no collateral can be stranded.
    function addVenue(address venue) external;

    /* READING */

    /// @notice The participant's balance that is bound to nothing.
    function freeOf(uint32 participantId) external view returns (uint256);

    /// @notice The participant's balance that is locked for one venue.
    function collateralOf(address venue, uint32 participantId) external view returns (uint256);

    /// @notice What the venue has charged and not yet paid out; dust of rounding stays here and is counted by the venue.
    function poolOf(address venue) external view returns (uint256);

    /// @notice All venues that are active now, in the order in which they were added; at most `MAX_VENUES`.
    function venues() external view returns (address[] memory);

    /// @notice How many venues, from the first on, were added before anything was ever deposited.
    function foundingVenues() external view returns (uint256);

    /// @notice The place of a venue in the list, from 0; also of one that is not active yet.
    function placeOf(address venue) external view returns (uint256);

    /// @notice Which venues the participant joined before a slot began, each by its first `lock`.
    /// @return bits bit i stands for `venues()[i]`
    function joinedVenues(uint32 participantId, uint32 slot) external view returns (uint256 bits);

    /// @notice Of several participants, the venues joined before a slot began and the collateral locked for one of them.
    /// @return words `joinedVenues` << 64 | `collateralOf`
    function standingsOf(
        address venue,
        uint32[] calldata participantIds,
        uint32 slot
    ) external view returns (uint256[] memory words);

    /// @notice Whether the venue is registered and active.
    function isVenue(address venue) external view returns (bool);

    /// @notice The registry that says who may act.
    function registry() external view returns (IParticipantRegistry);

    /// @notice All that belongs to somebody here: sum of free balances, collateral and pools. The tokens held are as much,
    /// and more by what was sent here without a deposit.
    function held() external view returns (uint256);

    /// @notice The one token, fixed at deployment.
    function token() external view returns (address);
}
