// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {IParticipantRegistry} from "../../interfaces/IParticipantRegistry.sol";
import {KeyBook} from "./KeyBook.sol";

/// @title KeyChanges
/// @notice What a participant does with its own keys: rotate, open sessions, recover.
abstract contract KeyChanges is KeyBook, EIP712 {
    /// @notice Longest life of a session key, seconds.
    uint256 public constant MAX_SESSION_SECONDS = 366 days;
    bytes32 private constant ROTATE_TYPEHASH = keccak256(
        "Rotate(uint32 participantId,address account,uint256 deadline)"
    );

    /* ROTATING */

    /// @inheritdoc IParticipantRegistry
    function rotateKey(address account, uint256 deadline, bytes calldata signature) external {
        uint32 participantId = ownerOf(msg.sender);
        Change storage change = _entries[participantId].account;
        require(change.nextFrom <= block.timestamp, TooEarly(change.nextFrom, block.timestamp));
        require(block.timestamp <= deadline, DeadlinePassed(deadline, block.timestamp));
        _requireFree(account);
        _checkSignature(account, keccak256(abi.encode(ROTATE_TYPEHASH, participantId, account, deadline)), signature);

        uint40 activeFrom = _nextSlotStart();
        _schedule(change, account, activeFrom);
        _keys[msg.sender].activeUntil = activeFrom;
        _giveKey(participantId, account, activeFrom);
        _noteChange(participantId);

        emit KeyRotated(participantId, account, activeFrom);
    }

    /* SESSIONS */

    /// @inheritdoc IParticipantRegistry
    function openSession(Session calldata session) external {
        uint32 participantId = ownerOf(msg.sender);
        address key = session.key;
        require(key != address(0), ZeroField("key"));
        require(session.venue != address(0), ZeroField("venue"));
        uint32 holder = _keys[key].participantId;
        require(holder == 0 || (holder == participantId && _keys[key].isSession), KeyTaken(key, holder));
        uint256 latest = block.timestamp + MAX_SESSION_SECONDS;
        require(
            session.expiresAt > block.timestamp && session.expiresAt <= latest,
            ExpiryOutOfRange(session.expiresAt, block.timestamp + 1, latest)
        );

        _keys[key] = Key({
            participantId: participantId,
            activeFrom: uint40(block.timestamp),
            activeUntil: session.expiresAt,
            enterUntil: 0,
            isSession: true,
            generation: _entries[participantId].generation,
            zone: 0
        });
        _scopes[key] = Scope({venue: session.venue, limitPerSlot: session.limitPerSlot});

        emit SessionOpened(participantId, key, session.venue, session.limitPerSlot, session.expiresAt);
    }

    /// @inheritdoc IParticipantRegistry
    function closeSession(address key) external {
        uint32 participantId = ownerOf(msg.sender);
        Key memory word = _keys[key];
        bool isOpen =
            word.isSession &&
                word.participantId == participantId &&
                _holds(word) &&
                word.generation == _entries[participantId].generation;
        require(isOpen, NothingPending(participantId));

        _keys[key].activeUntil = uint40(block.timestamp);

        emit SessionClosed(participantId, key);
    }

    /* RECOVERING */

    /// @inheritdoc IParticipantRegistry
    function setRecovery(address recovery) external {
        uint32 participantId = ownerOf(msg.sender);
        Change storage change = _entries[participantId].recovery;
        uint40 activeFrom = uint40(block.timestamp);
        if (_now(change) != address(0)) activeFrom += RECOVERY_DELAY;

        _schedule(change, recovery, activeFrom);

        emit RecoverySet(participantId, recovery, activeFrom);
    }

    /// @inheritdoc IParticipantRegistry
    function startRecovery(uint32 participantId, address account) external {
        Entry storage entry = _known(participantId);
        address recovery = _now(entry.recovery);
        require(msg.sender == recovery, NotAllowed(msg.sender, recovery));
        require(entry.revokedAt == 0, NotSecured(entry.account.current));
        _requireFree(account);

        entry.recovering = account;
        entry.recoverableFrom = uint40(block.timestamp) + RECOVERY_DELAY;

        emit RecoveryStarted(participantId, account, entry.recoverableFrom);
    }

    /// @inheritdoc IParticipantRegistry
    function cancelRecovery() external {
        uint32 participantId = ownerOf(msg.sender);
        Entry storage entry = _entries[participantId];
        require(entry.recovering != address(0), NothingPending(participantId));

        entry.recovering = address(0);
        entry.recoverableFrom = 0;

        emit RecoveryCancelled(participantId);
    }

    /// @inheritdoc IParticipantRegistry
    function completeRecovery(uint32 participantId) external {
        Entry storage entry = _known(participantId);
        address account = entry.recovering;
        require(account != address(0), NothingPending(participantId));
        require(block.timestamp >= entry.recoverableFrom, TooEarly(entry.recoverableFrom, block.timestamp));
        require(msg.sender == account, NotAllowed(msg.sender, account));
        _requireFree(account);

        _endKeys(participantId, entry);
        entry.account.current = account;
        _giveKey(participantId, account, uint40(block.timestamp));

        emit KeyRotated(participantId, account, uint40(block.timestamp));
    }

    function _checkSignature(address signer, bytes32 structHash, bytes calldata signature) internal view {
        bool isValid = SignatureChecker.isValidSignatureNow(signer, _hashTypedDataV4(structHash), signature);
        require(isValid, SignatureMismatch(signer));
    }
}
