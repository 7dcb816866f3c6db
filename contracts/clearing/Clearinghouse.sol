// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";

import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IParticipantRegistry} from "../../interfaces/IParticipantRegistry.sol";
import {IVenue} from "../../interfaces/IVenue.sol";
import {BalanceBook} from "./BalanceBook.sol";

/// @title Clearinghouse
/// @notice The only contract that holds money: movements [M1] to [M7] here, the packed balances in BalanceBook.
contract Clearinghouse is BalanceBook, ReentrancyGuard {
    using SafeERC20 for IERC20;

    /// @notice Shortest public delay of a new venue, seconds.
    uint256 public constant LEAST_GOVERNANCE_DELAY = 1 days;
    uint8 private constant DECIMALS = 6;

    /// @notice Seconds from the announcement of a new venue to its first use.
    uint32 public immutable GOVERNANCE_DELAY;
    IERC20 private immutable TOKEN;
    IParticipantRegistry private immutable REGISTRY;
    uint32 private immutable SLOT_SECONDS;

    constructor(IERC20 token_, IParticipantRegistry registry_, uint32 governanceDelay_) {
        uint8 found = IERC20Metadata(address(token_)).decimals();
        require(found == DECIMALS, DecimalsMismatch(DECIMALS, found));
        require(governanceDelay_ >= LEAST_GOVERNANCE_DELAY, DelayTooShort(governanceDelay_, LEAST_GOVERNANCE_DELAY));

        TOKEN = token_;
        REGISTRY = registry_;
        SLOT_SECONDS = registry_.slotSeconds();
        GOVERNANCE_DELAY = governanceDelay_;
    }

    /* DEPOSITS AND WITHDRAWALS */

    /// @inheritdoc IClearinghouse
    function deposit(uint32 participantId, uint256 amount) external nonReentrant {
        _deposit(participantId, amount);
    }

    /// @inheritdoc IClearinghouse
    function depositWithPermit(
        uint32 participantId,
        uint256 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external nonReentrant {
        // Whoever saw the permit may have used it already; then the allowance is there and a second use would revert.
        if (TOKEN.allowance(msg.sender, address(this)) < amount) {
            IERC20Permit(address(TOKEN)).permit(msg.sender, address(this), amount, deadline, v, r, s);
        }
        _deposit(participantId, amount);
    }

    /// @inheritdoc IClearinghouse
    function withdraw(uint256 amount) external nonReentrant {
        _withdraw(REGISTRY.ownerOf(msg.sender), msg.sender, amount);
    }

    /// @inheritdoc IClearinghouse
    function withdrawRevoked(uint32 participantId) external nonReentrant {
        require(REGISTRY.participant(participantId).revokedAt != 0, NotRevoked(participantId));

        _withdraw(participantId, REGISTRY.payoutAddress(participantId), freeOf(participantId));
    }

    function _deposit(uint32 participantId, uint256 amount) private {
        require(REGISTRY.isActive(participantId), NotActive(participantId));
        require(amount != 0, ZeroAmount());
        Holding memory holding = _holding;
        uint256 sum = holding.held;
        require(amount <= MAX_BALANCE - sum, HoldingLimitExceeded(MAX_BALANCE - sum, amount));

        // [M1] tokens held + amount, free + amount. The cast is safe: the sum is at most MAX_BALANCE.
        (holding.held, holding.everDeposited) = (uint64(sum + amount), true);
        _holding = holding;
        _add(participantId, 0, amount);

        emit Deposited(participantId, msg.sender, amount);

        uint256 before = TOKEN.balanceOf(address(this));
        TOKEN.safeTransferFrom(msg.sender, address(this), amount);
        _checkDelta(amount, before, TOKEN.balanceOf(address(this)));
    }

    function _withdraw(uint32 participantId, address to, uint256 amount) private {
        require(amount != 0, ZeroAmount());

        // [M2] free - amount, tokens held - amount. The cast is safe: one balance is at most the sum of all.
        _takeFree(participantId, amount);
        _holding.held -= uint64(amount);

        emit Withdrawn(participantId, to, amount);

        uint256 before = TOKEN.balanceOf(address(this));
        TOKEN.safeTransfer(to, amount);
        _checkDelta(amount, TOKEN.balanceOf(address(this)), before);
    }

    /// @dev A token that takes a fee or lies would make somebody else's money pay for the difference.
    function _checkDelta(uint256 expected, uint256 less, uint256 more) private pure {
        uint256 delta = more > less ? more - less : 0;
        require(delta == expected, TokenAmountMismatch(expected, delta));
    }

    /* COLLATERAL */

    /// @inheritdoc IClearinghouse
    function lock(address venue, uint256 amount) external {
        uint32 participantId = REGISTRY.authorize(msg.sender, amount);
        uint256 index = _indexOf(venue);
        require(amount != 0, ZeroAmount());

        // [M3] free - amount, collateral + amount
        _takeFree(participantId, amount);
        _add(participantId, index, amount);
        _join(participantId, index, block.timestamp / SLOT_SECONDS);

        emit CollateralLocked(participantId, venue, amount);

        IVenue(venue).addMargin(participantId, amount);
    }

    /// @inheritdoc IClearinghouse
    function release(uint32 participantId, uint256 amount) external {
        uint256 index = _indexOf(msg.sender);
        if (amount == 0) return;

        // [M4] collateral - amount, free + amount
        _takeCollateral(participantId, index, amount);
        _add(participantId, 0, amount);

        emit CollateralReleased(participantId, msg.sender, amount);
    }

    /// @inheritdoc IClearinghouse
    function close(uint32 participantId, address heir, uint256 charged, uint256 released, uint256 paid) external {
        uint256 index = _indexOf(msg.sender);
        uint256 heirIndex = heir == address(0) ? 0 : _indexOf(heir);
        uint256 taken = charged + released;
        uint256 given = released + paid;
        if (taken == 0 && given == 0) return;

        // [M5] collateral - charged, pool + charged
        // [M6] collateral - released, free (or the heir's collateral) + released
        // [M7] pool - paid, free (or the heir's collateral) + paid
        if (taken != 0) _takeCollateral(participantId, index, taken);
        if (charged != paid) _movePool(msg.sender, charged, paid);
        if (given != 0) _add(participantId, heirIndex, given);

        emit Closed(participantId, msg.sender, heir, charged, released, paid);
    }

    /// @inheritdoc IClearinghouse
    function closeMany(address heir, uint256[] calldata words) external {
        uint256 index = _indexOf(msg.sender);
        uint256 heirIndex = heir == address(0) ? 0 : _indexOf(heir);
        uint256 charged;
        uint256 paid;
        // At most 2^32 amounts of 64 bits.
        unchecked {
            for (uint256 i = 0; i < words.length; ++i) {
                uint256 word = words[i];
                // Casts cut the fields out of the word.
                uint256 released = uint64(word >> 96);

                // [M5] collateral - charged, pool + charged
                // [M6] collateral - released, free (or the heir's collateral) + released
                // [M7] pool - paid, free (or the heir's collateral) + paid
                charged += uint64(word >> 160);
                paid += uint64(word >> 32);
                _shift(word >> 224, index, heirIndex, uint64(word >> 160) + released, released + uint64(word >> 32));
            }
        }
        if (charged != paid) _movePool(msg.sender, charged, paid);

        emit ClosedMany(msg.sender, heir, words);
    }

    /* GOVERNANCE */

    /// @inheritdoc IClearinghouse
    function addVenue(address venue) external {
        require(msg.sender == REGISTRY.governance(), NotGovernance(msg.sender));
        require(venue != address(0), NotAVenue(venue));
        require(_venues[venue].index == 0, VenueKnown(venue));
        require(_venueList.length < MAX_VENUES, TooManyVenues(MAX_VENUES));

        // The casts are safe: at most MAX_VENUES, and seconds fit in 40 bits for 34,000 years.
        uint40 activeFrom = uint40(block.timestamp + (_holding.everDeposited ? GOVERNANCE_DELAY : 0));
        _venueList.push(venue);
        _venues[venue] = VenueEntry({index: uint8(_venueList.length), activeFrom: activeFrom, pool: 0});
        if (!_holding.everDeposited) _holding.foundingVenues = uint8(_venueList.length);

        emit VenueScheduled(venue, activeFrom);
    }

    /* READING */

    /// @inheritdoc IClearinghouse
    function registry() external view returns (IParticipantRegistry) {
        return REGISTRY;
    }

    /// @inheritdoc IClearinghouse
    function token() external view returns (address) {
        return address(TOKEN);
    }
}
