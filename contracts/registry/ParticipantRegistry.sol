// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {AuthorityBook} from "./AuthorityBook.sol";
import {IParticipantRegistry} from "../../interfaces/IParticipantRegistry.sol";
import {KeyBook} from "./KeyBook.sol";
import {KeyChanges} from "./KeyChanges.sol";

/// @title ParticipantRegistry
/// @notice user.Security: joining and renewing here, keys in KeyChanges, authorities and governance in AuthorityBook, and
/// what is stored in KeyBook.
contract ParticipantRegistry is KeyChanges, AuthorityBook {
    bytes32 private constant CREDENTIAL_TYPEHASH = keccak256(
        "Credential(address account,uint8 kind,uint16 deviceClass,uint32 zone,bytes32 identityCommitment,"
        "uint64 validUntil,uint32 serial)"
    );
    bytes32 private constant JOIN_TYPEHASH = keccak256(
        "Join(bytes32 credentialHash,address recovery,uint256 deadline)"
    );

    /// @inheritdoc IParticipantRegistry
    uint32 public participantCount;
    mapping(bytes32 identityCommitment => uint32 participantId) private _participantOf;

    constructor(
        address governance_,
        uint32 slotSeconds_,
        uint32 governanceDelay_,
        uint32 recoveryDelay_,
        address[] memory authorities_
    )
        KeyBook(slotSeconds_, recoveryDelay_)
        EIP712("SETM ParticipantRegistry", "1")
        AuthorityBook(governance_, governanceDelay_, authorities_)
    {}

    /* JOINING */

    /// @inheritdoc IParticipantRegistry
    function join(
        Credential calldata credential,
        address authority,
        bytes calldata authoritySignature,
        address recovery,
        uint256 deadline,
        bytes calldata accountSignature
    ) external returns (uint32 participantId) {
        bytes32 hash = _checkCredential(credential, authority, authoritySignature);
        _checkConsent(hash, credential.account, recovery, deadline, accountSignature);
        uint32 taken = _participantOf[credential.identityCommitment];
        require(taken == 0, IdentityTaken(taken));
        _requireFree(credential.account);

        participantId = ++participantCount;
        _participantOf[credential.identityCommitment] = participantId;
        _enter(participantId, credential, authority, recovery);
    }

    /// @inheritdoc IParticipantRegistry
    function renew(Credential calldata credential, address authority, bytes calldata authoritySignature) external {
        _checkCredential(credential, authority, authoritySignature);
        uint32 participantId = _participantOf[credential.identityCommitment];
        Entry storage entry = _known(participantId);
        require(entry.revokedAt == 0, NotSecured(credential.account));
        address account = _now(entry.account);
        require(credential.account == account, NotAllowed(credential.account, account));
        require(credential.serial > entry.serial, CredentialUsed(entry.serial, credential.serial));
        // Else a new authority could make itself the issuer of anybody, and revoke whom it likes.
        bool isIssuer = _accreditations[authority].index == entry.authorityIndex;
        require(isIssuer || msg.sender == account, NotAllowed(msg.sender, account));

        _write(entry, credential, authority);
        _followEntry(participantId, entry);

        emit CredentialRenewed(
            participantId,
            authority,
            credential.kind,
            credential.deviceClass,
            credential.zone,
            credential.validUntil,
            credential.serial
        );
    }

    function _checkCredential(
        Credential calldata credential,
        address authority,
        bytes calldata signature
    ) private view returns (bytes32 hash) {
        require(isAccredited(authority), NotAccredited(authority));
        require(credential.account != address(0), ZeroField("account"));
        require(credential.kind != Kind.None, ZeroField("kind"));
        require(credential.identityCommitment != 0, ZeroField("identityCommitment"));
        require(credential.serial != 0, ZeroField("serial"));
        uint64 validUntil = credential.validUntil;
        require(validUntil > block.timestamp, CredentialExpired(validUntil, block.timestamp));
        require(validUntil < NEVER, ExpiryOutOfRange(validUntil, block.timestamp + 1, NEVER - 1));
        // The struct has static fields only, so its ABI encoding is what EIP-712 asks for.
        hash = keccak256(abi.encode(CREDENTIAL_TYPEHASH, credential));
        _checkSignature(authority, hash, signature);
    }

    function _checkConsent(
        bytes32 credentialHash,
        address account,
        address recovery,
        uint256 deadline,
        bytes calldata signature
    ) private view {
        if (signature.length == 0) {
            require(msg.sender == account, NotAllowed(msg.sender, account));
        } else {
            require(block.timestamp <= deadline, DeadlinePassed(deadline, block.timestamp));
            _checkSignature(
                account,
                keccak256(abi.encode(JOIN_TYPEHASH, credentialHash, recovery, deadline)),
                signature
            );
        }
    }

    function _enter(uint32 participantId, Credential calldata credential, address authority, address recovery) private {
        Entry storage entry = _entries[participantId];
        _write(entry, credential, authority);
        entry.suspendedFrom = NEVER;
        entry.account.current = credential.account;
        if (recovery != address(0)) entry.recovery.current = recovery;
        _giveKey(participantId, credential.account, uint40(block.timestamp));

        emit ParticipantJoined(
            participantId,
            credential.account,
            authority,
            credential.kind,
            credential.deviceClass,
            credential.zone,
            credential.identityCommitment,
            credential.validUntil
        );
        if (recovery != address(0)) emit RecoverySet(participantId, recovery, uint40(block.timestamp));
    }

    function _write(Entry storage entry, Credential calldata credential, address authority) private {
        // The cast is safe: `_checkCredential` refuses more than 40 bits.
        entry.validUntil = uint40(credential.validUntil);
        entry.kind = credential.kind;
        entry.deviceClass = credential.deviceClass;
        entry.zone = credential.zone;
        entry.serial = credential.serial;
        entry.authorityIndex = _accreditations[authority].index;
    }
}
