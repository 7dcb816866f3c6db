// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IParticipantRegistry} from "../../interfaces/IParticipantRegistry.sol";
import {ISettlement} from "../../interfaces/ISettlement.sol";
import {IVenue} from "../../interfaces/IVenue.sol";

/// @title What all venues share: margin, authentication, and the way of a trade to settlement
/// @dev A venue binds margin to its orders with `_bind`, and says through four hooks what was traded. Registry,
/// clearinghouse and settlement are trusted contracts of the same deployment; nothing else is ever called.
abstract contract Venue is IVenue, EIP712, Nonces {
    /// @dev Per-slot records live at `slot % RING` and carry the slot's epoch `slot / RING`, so that their words are
    /// written again instead of anew. An unfinished record of an earlier epoch is never overwritten.
    uint32 internal constant RING = 1024;
    /// @dev For how long after its deployment a venue can count turns of the ring, in the 16 bits of an epoch.
    uint256 private constant LIFETIME = 3650 days;

    IClearinghouse public immutable clearinghouse;
    IParticipantRegistry public immutable registry;
    address public immutable settlement;
    uint32 public immutable slotSeconds;
    uint32 private immutable _operatorId;

    mapping(uint32 participantId => uint256 amount) private _margins;
    mapping(uint32 slot => uint256 amount) private _slotPools;

    constructor(
        IClearinghouse clearinghouse_,
        address settlement_,
        uint32 coverPrice,
        string memory name
    ) EIP712(name, "1") {
        clearinghouse = clearinghouse_;
        registry = clearinghouse_.registry();
        settlement = settlement_;
        slotSeconds = registry.slotSeconds();
        uint256 epochsEnd = (uint256(slotSeconds) * RING) << 16;
        require(block.timestamp + LIFETIME <= epochsEnd, ConfigRefused("slotSeconds"));
        // A plain account that settles has no grid operator, and accepts every venue.
        if (settlement_.code.length == 0) return;
        _operatorId = ISettlement(settlement_).operatorId();
        // Whoever sells to a friend what neither makes nor needs must not gain: the friend is paid the feed-in price of it.
        require(coverPrice >= ISettlement(settlement_).config().feedInPrice, ConfigRefused("coverPrice"));
    }

    modifier onlyBy(address expected) {
        require(msg.sender == expected, OnlyBy(expected, msg.sender));
        _;
    }

    /* MARGIN */

    /// @inheritdoc IVenue
    function addMargin(uint32 participantId, uint256 amount) external onlyBy(address(clearinghouse)) {
        require(participantId != _operatorId, OperatorNotAdmitted(participantId));
        bool isAccepted = _operatorId == 0 || ISettlement(settlement).isAccepted(address(this));
        require(isAccepted, VenueNotAccepted(address(this)));

        _setMargin(participantId, marginOf(participantId) + amount);

        emit MarginAdded(participantId, amount);
    }

    /// @inheritdoc IVenue
    function releaseMargin(uint256 amount) external {
        _releaseMargin(registry.ownerOf(msg.sender), amount);
    }

    /// @inheritdoc IVenue
    function releaseMarginOf(uint32 participantId) external {
        require(!registry.isActive(participantId), StillActive(participantId));

        _releaseMargin(participantId, marginOf(participantId));
    }

    function _releaseMargin(uint32 participantId, uint256 amount) internal virtual {
        if (amount != 0) _bind(participantId, amount);

        emit MarginReleased(participantId, amount);

        clearinghouse.release(participantId, amount);
    }

    /// @dev Takes `amount` out of the margin, or refuses. A margin proves that the participant joined this venue.
    function _bind(uint32 participantId, uint256 amount) internal {
        uint256 margin = marginOf(participantId);
        require(margin != 0 && margin >= amount, NotCovered(participantId, amount == 0 ? 1 : amount, margin));
        _setMargin(participantId, margin - amount);
    }

    /// @dev Gives back to the margin what an order no longer binds.
    function _unbind(uint32 participantId, uint256 amount) internal {
        if (amount != 0) _setMargin(participantId, marginOf(participantId) + amount);
    }

    /// @inheritdoc IVenue
    function marginOf(uint32 participantId) public view virtual returns (uint256) {
        return _margins[participantId];
    }

    /// @dev With `marginOf`, where margins stand: a venue that binds many at once keeps several in a word.
    function _setMargin(uint32 participantId, uint256 amount) internal virtual {
        _margins[participantId] = amount;
    }

    /* FROM TRADE TO SETTLEMENT */

    /// @inheritdoc IVenue
    function collect(uint32 slot, uint32[] calldata participantIds) external {
        require(isFinal(slot), OutcomeOpen(slot));

        for (uint256 i = 0; i < participantIds.length; ++i) {
            _collect(slot, participantIds[i]);
        }
    }

    /// @inheritdoc IVenue
    function close(
        uint32 slot,
        uint32 participantId
    ) external onlyBy(settlement) returns (uint256 boughtWh, uint256 soldWh, uint256 credit) {
        require(isFinal(slot), OutcomeOpen(slot));

        _collect(slot, participantId);
        uint256 revenue;
        uint256 cover;
        (boughtWh, soldWh, revenue, cover) = _close(slot, participantId);
        credit = revenue + cover;
        if (boughtWh + soldWh + credit == 0) return (0, 0, 0);

        _movePool(slot, 0, revenue);

        emit TradeClosed(slot, participantId, boughtWh, soldWh, revenue);

        if (credit != 0) clearinghouse.close(participantId, settlement, 0, cover, revenue);
    }

    function _collect(uint32 slot, uint32 participantId) private {
        (bool isOpen, uint256 payment, uint256 unbound) = _takePayment(slot, participantId);
        if (!isOpen) return;

        _unbind(participantId, unbound);

        emit TradeCollected(slot, participantId, payment, unbound);

        if (payment != 0) _charge(slot, participantId, payment);
    }

    /// @dev Moves bound collateral of a participant into the slot's pool.
    function _charge(uint32 slot, uint32 participantId, uint256 amount) internal {
        _movePool(slot, amount, 0);
        clearinghouse.close(participantId, address(0), amount, 0, 0);
    }

    /// @dev Moves money of the slot's pool into a participant's margin: paid out, then handed back in as collateral.
    function _payIntoMargin(uint32 slot, uint32 participantId, uint256 amount) internal {
        _unbind(participantId, amount);
        _payOut(slot, participantId, address(this), amount);
    }

    /// @dev Moves money of the slot's pool to the grid operator's free balance.
    function _payOperator(uint32 slot, uint256 amount) internal {
        require(_operatorId != 0, OperatorMissing());

        _payOut(slot, _operatorId, address(0), amount);
    }

    function _payOut(uint32 slot, uint32 participantId, address heir, uint256 amount) private {
        _movePool(slot, 0, amount);

        clearinghouse.close(participantId, heir, 0, 0, amount);
    }

    function _movePool(uint32 slot, uint256 charged, uint256 paid) internal virtual {
        uint256 pool = _slotPools[slot] + charged;
        require(pool >= paid, SlotPoolTooLow(slot, paid, pool));
        _slotPools[slot] = pool - paid;
    }

    /* HOOKS */

    /// @dev Marks the record of a final slot as collected, once.
    /// @return isOpen false if there is nothing (more) to collect
    /// @return payment the buyer's payment out of what its order bound
    /// @return unbound what the order binds no longer, payment not included
    function _takePayment(
        uint32 slot,
        uint32 participantId
    ) internal virtual returns (bool isOpen, uint256 payment, uint256 unbound);

    /// @dev Marks a collected record as closed, once, and says what was traded; all zero if there is none.
    /// @return boughtWh energy bought
    /// @return soldWh energy sold
    /// @return revenue what the seller earns
    /// @return cover the seller's collateral that was bound until now
    function _close(
        uint32 slot,
        uint32 participantId
    ) internal virtual returns (uint256 boughtWh, uint256 soldWh, uint256 revenue, uint256 cover);

    /// @inheritdoc IVenue
    function isFinal(uint32 slot) public view virtual returns (bool);

    /* AUTHENTICATION */

    /// @dev The participant for whom the caller acts, binding `amount` per slot.
    function _caller(uint256 amount) internal view returns (uint32 participantId) {
        return registry.authorize(msg.sender, amount);
    }

    /// @dev The participant for whom `key` signed, binding `amount` per slot. The nonce is used up.
    function _signer(
        address key,
        bytes32 structHash,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature,
        uint256 amount
    ) internal returns (uint32 participantId) {
        require(block.timestamp <= deadline, MessageExpired(deadline, block.timestamp));
        _useCheckedNonce(key, nonce);
        _requireSigned(key, structHash, signature);

        return registry.authorize(key, amount);
    }

    /// @dev Refuses a message that `key` did not sign in this contract's domain. ERC-1271 accounts are asked.
    function _requireSigned(address key, bytes32 structHash, bytes calldata signature) internal view {
        bytes32 digest = _hashTypedDataV4(structHash);
        require(SignatureChecker.isValidSignatureNow(key, digest, signature), ForgedSignature(key));
    }

    /* READING */

    /// @inheritdoc IVenue
    function slotPool(uint32 slot) public view virtual returns (uint256) {
        return _slotPools[slot];
    }

    /// @dev The first second of a slot's delivery.
    function _startOf(uint32 slot) internal view returns (uint256) {
        return uint256(slot) * slotSeconds;
    }
}
