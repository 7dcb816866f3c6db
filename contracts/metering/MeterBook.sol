// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {IMeterRegistry} from "../../interfaces/IMeterRegistry.sol";
import {IParticipantRegistry} from "../../interfaces/IParticipantRegistry.sol";
import {MeterLib} from "./MeterLib.sol";

/// @title Meters: whose they are, which key they have, in which slots it is valid
/// @dev Validity is by the slot that a reading is about, never by the time at which it comes. A meter is never deleted, and
/// a participant's history is searched in logarithmic time, so that a reading of any slot is found however many meters
/// followed.
abstract contract MeterBook is IMeterRegistry, EIP712 {
    using Checkpoints for Checkpoints.Trace224;
    using MeterLib for uint256;

    /// @dev Whom a meter belongs to.
    struct Belonging {
        address authority;
        uint32 participantId;
    }

    uint256 private constant SECONDS_A_DAY = 1 days;
    uint256 private constant MAX_DAY_SLOTS = 96;
    bytes32 private constant BINDING_TYPEHASH = keccak256(
        "Binding(bytes32 meterId,uint32 participantId,address deviceKey,uint32 capacityWh,uint32 validUntilSlot,bool isDaily)"
    );

    IParticipantRegistry public immutable registry;
    uint32 public immutable slotSeconds;
    uint32 public immutable operatorId;
    /// @inheritdoc IMeterRegistry
    uint32 public immutable daySlots;

    mapping(address authority => bool) private _accepted;
    uint32 private _meterCount;
    /// @dev Words of `MeterLib` by meter number: an array, because a mapping would hash for each reading.
    uint256[1 << 32] internal _meters;
    /// @dev By meter number, eight a word, because posting days asks for each.
    uint32[1 << 32] internal _participants;
    mapping(uint32 meter => address authority) private _authorities;
    mapping(bytes32 meterId => uint32 meter) private _meterOfId;
    mapping(address deviceKey => uint32 meter) internal _meterOfKey;
    /// @dev From which slot on a participant had which meter.
    mapping(uint32 participantId => Checkpoints.Trace224) private _history;

    constructor(IParticipantRegistry registry_, uint32 operatorId_) EIP712("SETM MeterRegistry", "1") {
        require(operatorId_ != 0, ConfigRefused("operatorId"));

        registry = registry_;
        slotSeconds = registry_.slotSeconds();
        operatorId = operatorId_;
        // At most 96 slots, at least one.
        daySlots = uint32(Math.max(1, Math.min(SECONDS_A_DAY / slotSeconds, MAX_DAY_SLOTS)));
    }

    /* AUTHORITIES */

    /// @inheritdoc IMeterRegistry
    function acceptAuthority(address authority) external {
        require(registry.ownerOf(msg.sender) == operatorId, NotEntitled(msg.sender));
        if (isAccepted(authority)) return;

        _accepted[authority] = true;

        emit AuthorityAccepted(authority);
    }

    /// @inheritdoc IMeterRegistry
    function isAccepted(address authority) public view returns (bool) {
        return _accepted[authority] || registry.isFounding(authority);
    }

    /* METERS */

    /// @inheritdoc IMeterRegistry
    function bindMeter(
        Binding calldata binding,
        address authority,
        bytes calldata authoritySignature
    ) external returns (uint32 meter) {
        uint32 participantId = binding.participantId;
        require(registry.ownerOf(msg.sender) == participantId, NotEntitled(msg.sender));
        require(registry.isActive(participantId), NotEntitled(msg.sender));
        _requireBindingSigned(binding, authority, authoritySignature);
        uint32 validFromSlot = _nextSlot(binding.isDaily);
        _requireBindable(binding, validFromSlot);

        meter = ++_meterCount;
        _meters[meter] = MeterLib.pack(
            binding.deviceKey,
            binding.isDaily,
            binding.capacityWh,
            validFromSlot,
            binding.validUntilSlot
        );
        (_participants[meter], _authorities[meter]) = (participantId, authority);
        _meterOfId[binding.meterId] = meter;
        _meterOfKey[binding.deviceKey] = meter;
        _history[participantId].push(validFromSlot, meter);

        emit MeterBound(
            meter,
            participantId,
            authority,
            binding.meterId,
            binding.deviceKey,
            binding.capacityWh,
            validFromSlot,
            binding.validUntilSlot
        );
        if (binding.isDaily) emit MeterReadDaily(meter, daySlots);
    }

    /// @inheritdoc IMeterRegistry
    function retireMeter(uint32 meter) external {
        Belonging memory belonging = _belongingOf(meter);
        require(
            _isAuthority(belonging) || registry.ownerOf(msg.sender) == belonging.participantId,
            NotEntitled(msg.sender)
        );

        _retire(meter);
    }

    /// @dev Ends a meter with the slot that is running now, a daily one with the day, unless it has ended before.
    function _retire(uint32 meter) internal {
        uint256 known = _meters[meter];
        uint32 fromSlot = _nextSlot(known.isDaily());
        if (known.validUntilOf() <= fromSlot) return;

        _meters[meter] = known.endingAt(fromSlot);

        emit MeterRetired(meter, fromSlot);
    }

    /// @dev Ends a meter that signed two values, unless that was known already and this is not a new fraud.
    function _loseKey(uint32 meter, bool isNew) internal {
        require(_meters[meter].hasKey() || isNew, NoEquivocation());
        _meters[meter] = _meters[meter].withoutKey();
        _retire(meter);
    }

    function _requireBindable(Binding calldata binding, uint32 validFromSlot) private view {
        require(binding.meterId != bytes32(0), BindingRefused("meterId"));
        require(binding.deviceKey != address(0), BindingRefused("deviceKey"));
        bool isInRange = binding.capacityWh != 0 && binding.capacityWh <= MeterLib.MAX_CAPACITY;
        require(isInRange, BindingRefused("capacityWh"));
        bool isWhole = !binding.isDaily || binding.validUntilSlot % daySlots == 0;
        require(binding.validUntilSlot > validFromSlot && isWhole, BindingRefused("validUntilSlot"));
        _requireEnded(_meterOfId[binding.meterId], validFromSlot);
        _requireEnded(meterOf(binding.participantId), validFromSlot);
        uint32 keyHolder = _meterOfKey[binding.deviceKey];
        require(keyHolder == 0, DeviceKeyTaken(binding.deviceKey, keyHolder));
    }

    function _requireBindingSigned(Binding calldata binding, address authority, bytes calldata signature) private view {
        require(registry.isAccredited(authority), BindingNotSigned(authority));
        require(isAccepted(authority), AuthorityNotAccepted(authority));
        bytes32 structHash = keccak256(
            abi.encode(
                BINDING_TYPEHASH,
                binding.meterId,
                binding.participantId,
                binding.deviceKey,
                binding.capacityWh,
                binding.validUntilSlot,
                binding.isDaily
            )
        );
        require(
            SignatureChecker.isValidSignatureNow(authority, _hashTypedDataV4(structHash), signature),
            BindingNotSigned(authority)
        );
    }

    function _requireEnded(uint32 meter, uint32 slot) private view {
        require(_meters[meter].validUntilOf() <= slot, MeterTaken(meter));
    }

    function _belongingOf(uint32 meter) internal view returns (Belonging memory) {
        return Belonging(_authorities[meter], _participantOf(meter));
    }

    function _participantOf(uint32 meter) internal view returns (uint32 participantId) {
        participantId = _participants[meter];
        require(participantId != 0, UnknownMeter(meter));
    }

    /// @dev Whether the caller bound the meter and is still accredited.
    function _isAuthority(Belonging memory belonging) internal view returns (bool) {
        return belonging.authority == msg.sender && registry.isAccredited(msg.sender);
    }

    /// @inheritdoc IMeterRegistry
    function meterOf(uint32 participantId) public view returns (uint32) {
        return uint32(_history[participantId].latest());
    }

    /// @dev The meter that the participant had, or had last, in a slot; 0 if none.
    function _meterIn(uint32 participantId, uint32 slot) internal view returns (uint32) {
        // Only meter numbers, which are 32 bits, are ever pushed.
        return uint32(_history[participantId].upperLookupRecent(slot));
    }

    /// @dev The slot after the one that is running; of a daily meter the first slot of the next day.
    function _nextSlot(bool isDaily) private view returns (uint32) {
        uint256 next = block.timestamp / slotSeconds + 1;
        if (isDaily) next = ((next + daySlots - 1) / daySlots) * daySlots;
        // Below 2^32 for as long as time counts in 32 bits and slots are longer than a second.
        return uint32(next);
    }
}
