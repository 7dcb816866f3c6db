// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IParticipantRegistry} from "../../interfaces/IParticipantRegistry.sol";

/// @title KeyBook
/// @notice How the registry writes keys and participants down, and what follows from it at the present second.
/// @dev Nothing is done when a time comes: every word says from when and until when it holds, and reading compares.
abstract contract KeyBook is IParticipantRegistry {
    uint40 internal constant NEVER = type(uint40).max;

    /// @inheritdoc IParticipantRegistry
    uint32 public immutable slotSeconds;
    /// @notice Seconds from asking for a recovery, a new recovery address or a revoked payout until it happens.
    uint32 public immutable RECOVERY_DELAY;

    /// @dev 32 + 40 + 40 + 40 + 8 + 16 + 32 = 208 bits: all that `authorize` needs of an owner key, in one word.
    ///
    ///      activeFrom            enterUntil            activeUntil
    ///   -------|======================|---------------------|------
    ///          may enter and withdraw   may withdraw only
    ///
    /// `enterUntil` and `zone` follow the participant's entry; a session key has neither and reads the entry.
    struct Key {
        uint32 participantId;
        uint40 activeFrom;
        uint40 activeUntil;
        uint40 enterUntil;
        bool isSession;
        uint16 generation;
        uint32 zone;
    }

    /// @dev 160 + 64 = 224 bits: where and how far a session key goes.
    struct Scope {
        address venue;
        uint64 limitPerSlot;
    }

    /// @dev An address that changes at a known time; `next` counts if `nextFrom` is set and has come.
    struct Change {
        address current;
        uint40 nextFrom;
        address next;
    }

    /// @dev First word 40 + 40 + 40 + 16 + 8 + 16 + 32 + 32 + 16 = 240 bits; then two of `account`, two of `recovery`,
    /// and `recovering` with `recoverableFrom` in one. Sessions of an earlier `generation` are over.
    struct Entry {
        uint40 validUntil;
        uint40 suspendedFrom;
        uint40 revokedAt;
        uint16 generation;
        Kind kind;
        uint16 deviceClass;
        uint32 zone;
        uint32 serial;
        uint16 authorityIndex;
        Change account;
        Change recovery;
        address recovering;
        uint40 recoverableFrom;
    }

    mapping(address key => Key) internal _keys;
    mapping(address key => Scope) internal _scopes;
    mapping(uint32 participantId => Entry) internal _entries;

    /// @inheritdoc IParticipantRegistry
    uint40[1 << 32] public changedAt;
    /// @inheritdoc IParticipantRegistry
    uint40[1 << 24] public pageChangedAt;

    constructor(uint32 slotSeconds_, uint32 recoveryDelay_) {
        require(slotSeconds_ != 0, ZeroField("slotSeconds"));
        require(recoveryDelay_ != 0, ZeroField("recoveryDelay"));

        slotSeconds = slotSeconds_;
        RECOVERY_DELAY = recoveryDelay_;
    }

    /* READING */

    /// @inheritdoc IParticipantRegistry
    function authorize(address key, uint256 amount) external view returns (uint32 participantId) {
        return _speaking(key, amount).participantId;
    }

    /// @inheritdoc IParticipantRegistry
    function speakerOf(address key, uint256 amount) external view returns (uint32 participantId, uint32 zone) {
        Key memory word = _speaking(key, amount);
        participantId = word.participantId;
        zone = word.isSession ? _entries[participantId].zone : word.zone;
    }

    /// @dev The word of a key that may enter something now which binds `amount` per slot, for the calling venue.
    function _speaking(address key, uint256 amount) private view returns (Key memory word) {
        word = _keys[key];
        require(_maySpeak(word), NotSecured(key));
        if (word.isSession) {
            Scope memory scope = _scopes[key];
            require(scope.venue == msg.sender, NotSecured(key));
            require(amount <= scope.limitPerSlot, SessionLimitExceeded(scope.limitPerSlot, amount));
        }
    }

    /// @inheritdoc IParticipantRegistry
    function ownerKeyOf(uint32 participantId) external view returns (address key, uint40 until, uint32 zone) {
        key = _now(_entries[participantId].account);
        Key memory word = _keys[key];
        // An ended key gives way to nobody, a session key never stands here; what the word says is asked all the same.
        bool isOwner = word.participantId == participantId && !word.isSession;
        if (!isOwner || !_maySpeak(word)) return (address(0), 0, 0);
        // Covers a pending rotation, a coming suspension and the credential's end.
        until = word.activeUntil < word.enterUntil ? word.activeUntil : word.enterUntil;
        zone = word.zone;
    }

    /// @inheritdoc IParticipantRegistry
    function ownerOf(address key) public view returns (uint32 participantId) {
        Key memory word = _keys[key];
        require(!word.isSession && _holds(word), NotSecured(key));
        return word.participantId;
    }

    /// @inheritdoc IParticipantRegistry
    function isSecured(address key) external view returns (bool) {
        return _maySpeak(_keys[key]);
    }

    /// @inheritdoc IParticipantRegistry
    function isActive(uint32 participantId) public view returns (bool) {
        Entry storage entry = _entries[participantId];
        // An unknown participant's `validUntil` is 0.
        return entry.revokedAt == 0 && block.timestamp < _enterUntil(entry);
    }

    /// @inheritdoc IParticipantRegistry
    function payoutAddress(uint32 participantId) external view returns (address) {
        Entry storage entry = _known(participantId);
        if (entry.revokedAt == 0) return _now(entry.account);

        uint256 possibleFrom = uint256(entry.revokedAt) + RECOVERY_DELAY;
        require(block.timestamp >= possibleFrom, TooEarly(possibleFrom, block.timestamp));
        return entry.recovery.current == address(0) ? entry.account.current : entry.recovery.current;
    }

    function _holds(Key memory word) internal view returns (bool) {
        // The word of an unknown key is all zero and never holds.
        return word.activeFrom <= block.timestamp && block.timestamp < word.activeUntil;
    }

    function _maySpeak(Key memory word) internal view returns (bool) {
        if (!_holds(word)) return false;
        if (!word.isSession) return block.timestamp < word.enterUntil;
        return word.generation == _entries[word.participantId].generation && isActive(word.participantId);
    }

    function _known(uint32 participantId) internal view returns (Entry storage entry) {
        entry = _entries[participantId];
        require(entry.kind != Kind.None, UnknownParticipant(participantId));
    }

    function _now(Change storage change) internal view returns (address) {
        bool hasCome = change.nextFrom != 0 && change.nextFrom <= block.timestamp;
        return hasCome ? change.next : change.current;
    }

    function _enterUntil(Entry storage entry) internal view returns (uint40) {
        return entry.validUntil < entry.suspendedFrom ? entry.validUntil : entry.suspendedFrom;
    }

    /// @dev Seconds since 1970 fit in 40 bits for 34,000 years.
    function _nextSlotStart() internal view returns (uint40) {
        return uint40((block.timestamp / slotSeconds + 1) * slotSeconds);
    }

    /* WRITING */

    /// @dev Makes what has come the present; afterwards `nextFrom` is 0 or lies ahead.
    function _settle(Change storage change) internal {
        if (change.nextFrom == 0 || block.timestamp < change.nextFrom) return;
        change.current = change.next;
        change.nextFrom = 0;
    }

    function _schedule(Change storage change, address next, uint40 from) internal {
        _settle(change);
        change.next = next;
        change.nextFrom = from;
    }

    /// @dev A session does not take a key: whoever signs with the key may make it an owner key.
    function _requireFree(address key) internal view {
        require(key != address(0), ZeroField("account"));
        Key memory word = _keys[key];
        require(word.participantId == 0 || word.isSession, KeyTaken(key, word.participantId));
    }

    function _giveKey(uint32 participantId, address account, uint40 from) internal {
        _keys[account] = Key({
            participantId: participantId,
            activeFrom: from,
            activeUntil: NEVER,
            enterUntil: _enterUntil(_entries[participantId]),
            isSession: false,
            generation: 0,
            zone: _entries[participantId].zone
        });
    }

    /// @dev For whoever keeps owner keys elsewhere, see KeyRoster: every change of what `ownerKeyOf` says is noted in its
    /// second, except that which comes by itself at its `until`, or by joining.
    function _noteChange(uint32 participantId) internal {
        changedAt[participantId] = uint40(block.timestamp);
        pageChangedAt[participantId / 256] = uint40(block.timestamp);
    }

    /// @dev Tells both owner keys, the present and the pending one, their zone and when they may no longer enter anything.
    function _followEntry(uint32 participantId, Entry storage entry) internal {
        _noteChange(participantId);
        _tell(_keys[entry.account.current], entry);
        if (entry.account.nextFrom != 0) _tell(_keys[entry.account.next], entry);
    }

    function _tell(Key storage key, Entry storage entry) private {
        (key.enterUntil, key.zone) = (_enterUntil(entry), entry.zone);
    }

    /// @dev Ends the owner key, the pending one and all sessions now.
    function _endKeys(uint32 participantId, Entry storage entry) internal {
        _noteChange(participantId);
        Change storage account = entry.account;
        _settle(account);
        _keys[account.current].activeUntil = uint40(block.timestamp);
        if (account.nextFrom != 0) _keys[account.next].activeUntil = 0;
        account.nextFrom = 0;
        entry.generation++;
        entry.recovering = address(0);
        entry.recoverableFrom = 0;
    }
}
