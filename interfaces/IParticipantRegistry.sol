// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title user.Security = [uA, uI]: who takes part, and which key speaks for whom
/// @notice uI, user identification, is a credential signed by an accredited authority. uA, user authentication, is a key
/// of the participant. Nobody enters anything anywhere in SETM without both.
/// @dev Times are UTC Unix seconds. A key is valid at time t if `activeFrom <= t < activeUntil` and its participant is
/// neither revoked, suspended nor expired at t. Source: Ko & Praca, Sustainability 2021, 13(4), 1634, section 3 and table 3.
interface IParticipantRegistry {
    /// @notice What kind of participant an authority has identified.
    enum Kind {
        None,
        PersonalConsumer,
        IndustrialConsumer,
        Generation,
        Prosumer,
        GridOperator
    }

    /// @notice uI: what an authority signs (EIP-712) about one participant.
    /// @param account the owner key (an externally owned account or an ERC-1271 contract)
    /// @param kind what the participant is; never `None`
    /// @param deviceClass the authority's own code for the device (0 = not a device)
    /// @param zone the grid zone in which the participant is connected
    /// @param identityCommitment keccak256 of the identity and a secret 32-byte salt; no personal data reaches the chain
    /// @param validUntil when the credential ends
    /// @param serial counts the credentials of one identity upwards from 1, so that none can be used twice
    struct Credential {
        address account;
        Kind kind;
        uint16 deviceClass;
        uint32 zone;
        bytes32 identityCommitment;
        uint64 validUntil;
        uint32 serial;
    }

    /// @notice What the registry knows of a participant.
    /// @param recovery where money goes after a revocation, and who may start a recovery; zero if none was set
    /// @param suspendedFrom from when the participant may not enter anything new; type(uint40).max if not suspended
    /// @param revokedAt when the credential was revoked; 0 if it was not
    struct Participant {
        address account;
        Kind kind;
        uint16 deviceClass;
        uint32 zone;
        uint32 serial;
        address authority;
        uint40 validUntil;
        uint40 suspendedFrom;
        uint40 revokedAt;
        address recovery;
    }

    /// @notice A key that may act for a participant in one venue only, up to a limit, for a time.
    /// @param venue the only contract in which the key is valid
    /// @param limitPerSlot most collateral (1e-6 EUR) that one message of this key may bind per slot
    struct Session {
        address key;
        address venue;
        uint64 limitPerSlot;
        uint40 expiresAt;
    }

    /// @notice A participant joined with user.Security.
    event ParticipantJoined(
        uint32 indexed participantId,
        address indexed account,
        address indexed authority,
        Kind kind,
        uint16 deviceClass,
        uint32 zone,
        bytes32 identityCommitment,
        uint64 validUntil
    );
    /// @notice A newer credential replaced the earlier one of the same identity.
    event CredentialRenewed(
        uint32 indexed participantId,
        address indexed authority,
        Kind kind,
        uint16 deviceClass,
        uint32 zone,
        uint64 validUntil,
        uint32 serial
    );
    /// @notice The authority revoked the credential, effective at once.
    event ParticipantRevoked(uint32 indexed participantId, address indexed authority);
    /// @notice The participant may enter nothing new from `from` on.
    event ParticipantSuspended(uint32 indexed participantId, uint40 from);
    /// @notice The suspension was lifted.
    event ParticipantReinstated(uint32 indexed participantId);
    /// @notice The owner key changes to `account` at `activeFrom`, the start of the next slot.
    event KeyRotated(uint32 indexed participantId, address indexed account, uint40 activeFrom);
    /// @notice A session key may act for the participant.
    event SessionOpened(
        uint32 indexed participantId,
        address indexed key,
        address venue,
        uint64 limitPerSlot,
        uint40 expiresAt
    );
    /// @notice A session key ended, effective at once.
    event SessionClosed(uint32 indexed participantId, address indexed key);
    /// @notice The recovery address was set; a change of an existing one takes effect at `activeFrom`.
    event RecoverySet(uint32 indexed participantId, address recovery, uint40 activeFrom);
    /// @notice The recovery address asked to move the participant to `account`; possible from `completableAt` on.
    event RecoveryStarted(uint32 indexed participantId, address indexed account, uint40 completableAt);
    /// @notice The owner key stopped a recovery.
    event RecoveryCancelled(uint32 indexed participantId);
    /// @notice An authority is accredited from `activeFrom` until `activeUntil`.
    event AuthorityScheduled(address indexed authority, uint40 activeFrom, uint40 activeUntil);

    /// @notice Thrown when the key may not act for any participant here and now (no user.Security).
    error NotSecured(address key);
    /// @notice Thrown when a session key asks for more than its limit, both in 1e-6 EUR per slot.
    error SessionLimitExceeded(uint256 limit, uint256 asked);
    /// @notice Thrown when the credential's signer is not accredited now.
    error NotAccredited(address authority);
    /// @notice Thrown when the signature is not by `signer` over exactly this message.
    error SignatureMismatch(address signer);
    /// @notice Thrown when a message comes after its deadline.
    error DeadlinePassed(uint256 deadline, uint256 nowAt);
    /// @notice Thrown when the credential has already ended.
    error CredentialExpired(uint64 validUntil, uint256 nowAt);
    /// @notice Thrown when the credential's serial is not above the one already used.
    error CredentialUsed(uint32 lastSerial, uint32 serial);
    /// @notice Thrown when a second participant is to be opened for one identity.
    error IdentityTaken(uint32 participantId);
    /// @notice Thrown when the key already belongs, or belonged, to a participant.
    error KeyTaken(address key, uint32 participantId);
    /// @notice Thrown when a field must not be zero.
    error ZeroField(string field);
    /// @notice Thrown when there is no such participant.
    error UnknownParticipant(uint32 participantId);
    /// @notice Thrown when someone other than the one expected calls.
    error NotAllowed(address caller, address expected);
    /// @notice Thrown when something can be done only later.
    error TooEarly(uint256 possibleFrom, uint256 nowAt);
    /// @notice Thrown when there is nothing of the kind pending or open.
    error NothingPending(uint32 participantId);
    /// @notice Thrown when an expiry lies outside the allowed range.
    error ExpiryOutOfRange(uint256 expiresAt, uint256 earliest, uint256 latest);
    /// @notice Thrown when a contract is deployed with a shorter delay than the public needs, both in seconds.
    error DelayTooShort(uint256 delay, uint256 least);

    /* JOINING */

    /// @notice Joins as a participant: uI is the authority's signature, uA the account's own signature or call.
    /// @param credential what the authority signed
    /// @param authority who signed it; must be accredited now
    /// @param authoritySignature EIP-712 signature of `credential` by `authority` (ERC-1271 accepted)
    /// @param recovery where money goes after a revocation; zero for none
    /// @param deadline last second at which `accountSignature` may be used
    /// @param accountSignature EIP-712 signature of `Join(bytes32 credentialHash,address recovery,uint256 deadline)` by
    /// `credential.account`; empty if that account calls itself
    /// @return participantId counts upwards from 1
    function join(
        Credential calldata credential,
        address authority,
        bytes calldata authoritySignature,
        address recovery,
        uint256 deadline,
        bytes calldata accountSignature
    ) external returns (uint32 participantId);

    /// @notice Brings a newer credential of the same identity and account; ends an expiry, not a suspension or revocation.
    /// @dev Anyone may bring a credential of the authority that issued the last one; another authority's only the account
    /// itself, which so chooses who may revoke it. The newest credential counts, its kind, device class and zone included.
    function renew(Credential calldata credential, address authority, bytes calldata authoritySignature) external;

    /* KEYS */

    /// @notice Hands the caller's participant to `account` from the start of the next slot on.
    /// @dev Sessions of the old key stay open; close them first if they are to end. One change of key at a time: while one
    /// is pending a second reverts with `TooEarly`. A key that was ever an owner key never becomes one again.
    /// @param signature EIP-712 signature of `Rotate(uint32 participantId,address account,uint256 deadline)` by `account`,
    /// which shows that the new key exists and agrees
    function rotateKey(address account, uint256 deadline, bytes calldata signature) external;

    /// @notice Opens a session key for the caller's participant. Only the owner key can.
    /// @dev Opening again changes venue, limit and expiry. The key need not agree, so it blocks nobody: whoever signs with it
    /// may still join, rotate or recover to it, which ends the session.
    function openSession(Session calldata session) external;

    /// @notice Ends a session key of the caller's participant at once.
    function closeSession(address key) external;

    /// @notice Sets the caller's recovery address; at once if none was set, else after `RECOVERY_DELAY`.
    function setRecovery(address recovery) external;

    /// @notice Called by the recovery address: asks to move the participant to a new owner key after `RECOVERY_DELAY`.
    function startRecovery(uint32 participantId, address account) external;

    /// @notice Called by the owner key: stops a recovery.
    function cancelRecovery() external;

    /// @notice Called by the new owner key after the delay: completes the recovery, at once, and ends every session and any
    /// pending change of key. Not possible for a revoked participant.
    /// @dev The call shows that the new key exists and agrees, so nobody can take another's key out of use.
    function completeRecovery(uint32 participantId) external;

    /* AUTHORITIES AND GOVERNANCE */

    /// @notice Called by the issuing authority: revokes a credential at once. What is matched still settles.
    /// @dev Ends every session and drops a pending change of key, of the recovery address and a started recovery, so that
    /// whoever held the key cannot redirect the money afterwards.
    function revoke(uint32 participantId) external;

    /// @notice Called by governance or the issuing authority: suspends from the start of the next slot on.
    function suspend(uint32 participantId) external;

    /// @notice Called by governance or the issuing authority: lifts a suspension at once.
    function reinstate(uint32 participantId) external;

    /// @notice Called by governance: accredits an authority after `GOVERNANCE_DELAY`.
    function addAuthority(address authority) external;

    /// @notice Called by governance: ends an accreditation after `GOVERNANCE_DELAY`. Issued credentials run on.
    function removeAuthority(address authority) external;

    /* READING */

    /// @notice The participant for whom `key` may act now in the calling contract; reverts if there is none.
    /// @param amount collateral (1e-6 EUR) per slot that the message binds, held against a session key's limit
    function authorize(address key, uint256 amount) external view returns (uint32 participantId);

    /// @notice Like `authorize`, and says in which zone the participant is.
    function speakerOf(address key, uint256 amount) external view returns (uint32 participantId, uint32 zone);

    /// @notice The participant whose owner key `key` is now; reverts if there is none. Session keys never pass.
    function ownerOf(address key) external view returns (uint32 participantId);

    /// @notice A participant's owner key, if it may enter something now, until when it may if nothing changes, and the zone
    /// for which it speaks; zeros if there is none.
    function ownerKeyOf(uint32 participantId) external view returns (address key, uint40 until, uint32 zone);

    /// @notice When a participant's owner key, its end or its zone was last changed, UTC seconds; zero if never since it
    /// joined.
    function changedAt(uint256 participantId) external view returns (uint40);

    /// @notice The same of participants 256 `page` to 256 `page` + 255: when the last of them changed.
    function pageChangedAt(uint256 page) external view returns (uint40);

    /// @notice Whether `key` carries user.Security now, as owner key or as a session key in any venue.
    function isSecured(address key) external view returns (bool);

    /// @notice Whether the participant may enter something new now.
    function isActive(uint32 participantId) external view returns (bool);

    /// @notice Whether the authority is accredited now.
    function isAccredited(address authority) external view returns (bool);

    /// @notice Whether the authority was named at deployment, before anybody could join, and not added again since.
    function isFounding(address authority) external view returns (bool);

    /// @notice Where a participant's money may go now. For a revoked participant this is the recovery address (the
    /// account if none was set), and only after `RECOVERY_DELAY`; before that it reverts with `TooEarly`.
    function payoutAddress(uint32 participantId) external view returns (address);

    /// @notice The participant's entry; reverts with `UnknownParticipant`.
    function participant(uint32 participantId) external view returns (Participant memory);

    /// @notice How many participants ever joined.
    function participantCount() external view returns (uint32);

    /// @notice Who governs: may add and remove authorities and venues, and suspend; never touches money.
    function governance() external view returns (address);

    /// @notice Length of a slot in seconds; the same for every contract of the deployment.
    function slotSeconds() external view returns (uint32);
}
