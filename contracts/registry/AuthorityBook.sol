// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {AccessControlDefaultAdminRules} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IParticipantRegistry} from "../../interfaces/IParticipantRegistry.sol";
import {KeyBook} from "./KeyBook.sol";

/// @title AuthorityBook
/// @notice Who may identify participants, who governs, and what both may do to a participant.
abstract contract AuthorityBook is KeyBook, AccessControlDefaultAdminRules {
    /// @notice Shortest public delay of a change of authorities or of governance, seconds.
    uint256 public constant LEAST_GOVERNANCE_DELAY = 1 days;

    /// @notice Seconds from the announcement of a change of authorities until it holds.
    uint32 public immutable GOVERNANCE_DELAY;

    /// @dev 16 + 40 + 40 + 8 = 104 bits; `index` points into `_authorities`.
    struct Accreditation {
        uint16 index;
        uint40 activeFrom;
        uint40 activeUntil;
        bool isFounding;
    }

    address[] internal _authorities;
    mapping(address authority => Accreditation) internal _accreditations;

    constructor(
        address governance_,
        uint32 governanceDelay_,
        address[] memory authorities_
    ) AccessControlDefaultAdminRules(governanceDelay_, governance_) {
        require(governanceDelay_ >= LEAST_GOVERNANCE_DELAY, DelayTooShort(governanceDelay_, LEAST_GOVERNANCE_DELAY));

        GOVERNANCE_DELAY = governanceDelay_;
        // As many turns as the deployer names authorities; before anybody joined nobody needs a warning.
        for (uint256 i = 0; i < authorities_.length; i++) {
            _accredit(authorities_[i], uint40(block.timestamp));
        }
    }

    modifier onlyGovernance() {
        require(msg.sender == defaultAdmin(), NotAllowed(msg.sender, defaultAdmin()));
        _;
    }

    /* SUSPENDING AND REVOKING */

    /// @inheritdoc IParticipantRegistry
    function revoke(uint32 participantId) external {
        Entry storage entry = _known(participantId);
        _checkIssuer(entry);
        require(entry.revokedAt == 0, NothingPending(participantId));

        entry.revokedAt = uint40(block.timestamp);
        _endKeys(participantId, entry);
        _settle(entry.recovery);
        entry.recovery.nextFrom = 0;

        emit ParticipantRevoked(participantId, msg.sender);
    }

    /// @inheritdoc IParticipantRegistry
    function suspend(uint32 participantId) external {
        Entry storage entry = _known(participantId);
        if (msg.sender != defaultAdmin()) _checkIssuer(entry);
        uint40 from = _nextSlotStart();
        // A second suspension never postpones the first.
        if (from < entry.suspendedFrom) entry.suspendedFrom = from;
        _followEntry(participantId, entry);

        emit ParticipantSuspended(participantId, entry.suspendedFrom);
    }

    /// @inheritdoc IParticipantRegistry
    function reinstate(uint32 participantId) external {
        Entry storage entry = _known(participantId);
        if (msg.sender != defaultAdmin()) _checkIssuer(entry);
        require(entry.suspendedFrom != NEVER, NothingPending(participantId));

        entry.suspendedFrom = NEVER;
        _followEntry(participantId, entry);

        emit ParticipantReinstated(participantId);
    }

    /* AUTHORITIES AND GOVERNANCE */

    /// @inheritdoc IParticipantRegistry
    function addAuthority(address authority) external onlyGovernance {
        _accredit(authority, uint40(block.timestamp) + GOVERNANCE_DELAY);
    }

    /// @inheritdoc IParticipantRegistry
    function removeAuthority(address authority) external onlyGovernance {
        Accreditation storage entry = _accreditations[authority];
        require(entry.activeUntil == NEVER, NotAccredited(authority));
        // One that was not active yet never becomes so.
        bool isActiveNow = entry.activeFrom <= block.timestamp;
        entry.activeUntil = isActiveNow ? uint40(block.timestamp) + GOVERNANCE_DELAY : entry.activeFrom;

        emit AuthorityScheduled(authority, entry.activeFrom, entry.activeUntil);
    }

    /// @inheritdoc IParticipantRegistry
    function isAccredited(address authority) public view returns (bool) {
        Accreditation memory entry = _accreditations[authority];
        return entry.activeFrom <= block.timestamp && block.timestamp < entry.activeUntil;
    }

    /// @inheritdoc IParticipantRegistry
    function isFounding(address authority) external view returns (bool) {
        return _accreditations[authority].isFounding;
    }

    /// @inheritdoc IParticipantRegistry
    function governance() external view returns (address) {
        return defaultAdmin();
    }

    /// @inheritdoc IParticipantRegistry
    function participant(uint32 participantId) external view returns (Participant memory) {
        Entry storage entry = _known(participantId);
        return
            Participant({
                account: _now(entry.account),
                kind: entry.kind,
                deviceClass: entry.deviceClass,
                zone: entry.zone,
                serial: entry.serial,
                authority: _authorities[entry.authorityIndex],
                validUntil: entry.validUntil,
                suspendedFrom: entry.suspendedFrom,
                revokedAt: entry.revokedAt,
                recovery: _now(entry.recovery)
            });
    }

    function _accredit(address authority, uint40 activeFrom) internal {
        require(authority != address(0), ZeroField("authority"));
        Accreditation storage entry = _accreditations[authority];
        require(entry.activeUntil <= block.timestamp, TooEarly(entry.activeUntil, block.timestamp));

        if (entry.activeUntil == 0) {
            entry.index = SafeCast.toUint16(_authorities.length);
            _authorities.push(authority);
        }
        entry.activeFrom = activeFrom;
        entry.activeUntil = NEVER;
        // Without a delay only at deployment.
        entry.isFounding = activeFrom <= block.timestamp;

        emit AuthorityScheduled(authority, activeFrom, NEVER);
    }

    /// @dev An authority whose accreditation ended has no more power over whom it once admitted.
    function _checkIssuer(Entry storage entry) internal view {
        address issuer = _authorities[entry.authorityIndex];
        require(msg.sender == issuer, NotAllowed(msg.sender, issuer));
        require(isAccredited(issuer), NotAccredited(issuer));
    }

    /// @dev The delay of a change of governance is fixed, so a stolen key cannot shorten it.
    function _changeDefaultAdminDelay(uint48) internal view override {
        revert NotAllowed(msg.sender, address(0));
    }
}
