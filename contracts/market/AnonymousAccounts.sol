// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAnonymousNegotiation} from "../../interfaces/IAnonymousNegotiation.sol";
import {INoteBook} from "../../interfaces/INoteBook.sol";
import {AnonymousTerms} from "./AnonymousTerms.sol";

/// @title Notes and one-time accounts
/// @notice Money enters through notes and leaves through `cashIn`; in between only keys without a name hold it. All of it
/// is in this venue's pool in the clearinghouse.
abstract contract AnonymousAccounts is AnonymousTerms {
    /// @notice Bytes of every envelope: an ECIES message over a text padded to 256 bytes.
    uint256 public constant ENVELOPE_BYTES = 353;

    bytes32 private constant BROADCAST_TYPEHASH = keccak256("Broadcast(bytes envelope,uint256 nonce,uint256 deadline)");
    bytes32 private constant CASH_IN_TYPEHASH = keccak256(
        "CashIn(uint32 participantId,uint256 amount,uint256 nonce,uint256 deadline)"
    );

    /// @inheritdoc IAnonymousNegotiation
    INoteBook public immutable noteBook;

    /// @inheritdoc IAnonymousNegotiation
    mapping(address account => uint256) public accountBalance;

    constructor(INoteBook noteBook_) {
        noteBook = noteBook_;
    }

    /* NOTES */

    /// @inheritdoc IAnonymousNegotiation
    function buyNotes(bytes[] calldata blinded) external returns (uint64 firstNoteId) {
        uint256 amount = blinded.length * _denomination;
        uint32 buyerId = _caller(amount);
        _bind(buyerId, amount);

        firstNoteId = noteBook.sell(buyerId, blinded);
        clearinghouse.close(buyerId, address(0), amount, 0, 0);
    }

    /// @inheritdoc IAnonymousNegotiation
    function refundNote(uint64 noteId) external {
        _payMargin(noteBook.refund(noteId), _denomination);
    }

    /// @inheritdoc IAnonymousNegotiation
    function redeem(address account, bytes32 serial, bytes calldata signature) external {
        require(!registry.isSecured(account), AccountKnown(account));

        accountBalance[account] += _denomination;

        emit AccountFunded(account, _denomination);

        noteBook.spend(account, serial, signature);
    }

    /* ONE-TIME ACCOUNTS */

    /// @inheritdoc IAnonymousNegotiation
    function broadcast(
        bytes calldata envelope,
        address account,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external {
        bytes32 structHash = keccak256(abi.encode(BROADCAST_TYPEHASH, keccak256(envelope), nonce, deadline));
        _requireSaid(account, structHash, nonce, deadline, signature);
        require(envelope.length == ENVELOPE_BYTES, EnvelopeLength(ENVELOPE_BYTES, envelope.length));
        require(accountBalance[account] != 0, AccountTooLow(account, 1, 0));

        emit MessageBroadcast(account, envelope);
    }

    /// @inheritdoc IAnonymousNegotiation
    function cashIn(
        address account,
        uint32 participantId,
        uint256 amount,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external {
        bytes32 structHash = keccak256(abi.encode(CASH_IN_TYPEHASH, participantId, amount, nonce, deadline));
        _requireSaid(account, structHash, nonce, deadline, signature);
        bool isKnown = participantId != 0 && participantId <= registry.participantCount();
        require(isKnown, UnknownParticipant(participantId));
        _takeBalance(account, amount);

        emit CashedIn(account, participantId, amount);

        _payMargin(participantId, amount);
    }

    /// @dev Refuses what an account did not sign in time, or what was brought before.
    function _requireSaid(
        address account,
        bytes32 structHash,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) private {
        require(block.timestamp <= deadline, MessageExpired(deadline, block.timestamp));
        _useCheckedNonce(account, nonce);
        _requireSigned(account, structHash, signature);
    }

    /// @dev An account without balance is nobody: nothing shows that an identified participant stands behind it.
    function _takeBalance(address account, uint256 amount) internal {
        uint256 balance = accountBalance[account];
        require(balance != 0 && balance >= amount, AccountTooLow(account, amount == 0 ? 1 : amount, balance));

        accountBalance[account] = balance - amount;
    }

    /// @dev Money of the pool becomes a participant's margin.
    function _payMargin(uint32 participantId, uint256 amount) private {
        _unbind(participantId, amount);
        clearinghouse.close(participantId, address(this), 0, 0, amount);
    }
}
