// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Whose meter measures what
/// @notice An authority binds a meter's device key to a participant, one active meter for each participant. The meter
/// signs one reading for each slot; anyone may post it.
/// @dev Life of the reading of slot s, which ends at e = (s + 1) * slotSeconds:
///
///   e                 e + readingWindow           acceptedAt + disputeWindow      disputedAt + resolveWindow
///   |---- post -----------|  missing: default rule     |  final if not disputed        |  final in any case
///
/// Each bound belongs to the later phase. A final reading is kept for at least `RING` slots after its own; where a later
/// one took its place, the default rule applies, so a slot should be settled before. Anyone can do that.
interface IMeterRegistry {
    enum ReadingState {
        None,
        Accepted,
        Disputed,
        Resolved
    }

    /// @notice What an authority signs (EIP-712) about a meter.
    /// @param meterId hash of the meter's serial number
    /// @param deviceKey the key inside the meter, an externally owned account
    /// @param capacityWh most energy that can flow in one slot in either direction, Wh; below 2^31
    /// @param validUntilSlot first slot in which the key is no longer valid; of a daily meter the first one of a day
    /// @param isDaily whether the meter signs whole days (IDayReadings) instead of slots; it begins and ends with a day
    struct Binding {
        bytes32 meterId;
        uint32 participantId;
        address deviceKey;
        uint32 capacityWh;
        uint32 validUntilSlot;
        bool isDaily;
    }

    /// @notice A reading with the meter's EIP-712 signature over `Reading(uint32 meter,uint32 slot,uint32 importWh,
    /// uint32 exportWh)` in its compact form (ERC-2098).
    /// @param word the four values in one word, as `ReadingsPosted` tells them: meter << 96 | slot << 64 | importWh << 32 |
    /// exportWh; the meter's number in this registry, the slot, the energy taken from and fed into the grid in it, Wh
    struct SignedReading {
        uint128 word;
        bytes32 r;
        bytes32 vs;
    }

    /// @notice A reading as the chain knows it.
    /// @param isMeasured false if no reading arrived in time, so that the default rule applies
    /// @param isFinal whether it can no longer change
    /// @param isFraud whether the meter was proved, before the reading was final, to have signed two values for this slot
    /// @param capacityWh of the meter in the slot; 0 if the participant had none
    struct ReadingView {
        ReadingState state;
        uint32 importWh;
        uint32 exportWh;
        bool isMeasured;
        bool isFinal;
        bool isFraud;
        uint32 capacityWh;
    }

    /// @notice A meter was bound; its key is valid from `validFromSlot` on.
    event MeterBound(
        uint32 indexed meter,
        uint32 indexed participantId,
        address indexed authority,
        bytes32 meterId,
        address deviceKey,
        uint32 capacityWh,
        uint32 validFromSlot,
        uint32 validUntilSlot
    );
    /// @notice The meter just bound is read day by day, `daySlots` slots a day.
    event MeterReadDaily(uint32 indexed meter, uint32 daySlots);
    /// @notice A meter ended: its key is not valid in `fromSlot` or later.
    event MeterRetired(uint32 indexed meter, uint32 fromSlot);
    /// @notice Readings were accepted.
    /// @param readings one word each, as in `SignedReading`
    event ReadingsPosted(address indexed poster, uint256[] readings);
    /// @notice A reading of a batch was passed over: one for the same meter and slot stands already, or the meter lost its key.
    event ReadingPassedOver(uint32 indexed meter, uint32 indexed slot);
    /// @notice A reading was disputed.
    event ReadingDisputed(uint32 indexed meter, uint32 indexed slot, uint32 indexed byParticipantId);
    /// @notice A dispute ended with these values.
    event ReadingResolved(uint32 indexed meter, uint32 indexed slot, uint32 importWh, uint32 exportWh);
    /// @notice The meter signed two different readings for one slot; the first one accepted stands.
    event EquivocationProved(uint32 indexed meter, uint32 indexed slot, address indexed prover);

    /// @notice The grid operator stands for what the meters of this authority measure.
    event AuthorityAccepted(address indexed authority);

    /// @notice Thrown when there is no such meter.
    error UnknownMeter(uint32 meter);
    /// @notice Thrown when the meter is already bound, or the participant already has an active meter.
    error MeterTaken(uint32 meter);
    /// @notice Thrown when the device key belongs, or belonged, to a meter. A key serves once, and so does its binding.
    error DeviceKeyTaken(address deviceKey, uint32 meter);
    /// @notice Thrown when a slot of a meter is posted or proved that is read day by day.
    error MeterIsDaily(uint32 meter);
    /// @notice Thrown when the reading's signature is not by the meter's key.
    error ForgedReading(uint32 meter, uint32 slot);
    /// @notice Thrown when the meter's key is not valid in the slot.
    error MeterNotValidInSlot(uint32 meter, uint32 slot, uint32 validFromSlot, uint32 validUntilSlot);
    /// @notice Thrown when a reading comes before its slot has ended or after the reading window.
    error OutsideReadingWindow(uint32 slot, uint256 opensAt, uint256 closesAt, uint256 nowAt);
    /// @notice Thrown when a single reading is posted twice.
    error ReadingExists(uint32 meter, uint32 slot);
    /// @notice Thrown when a value lies above what the meter can measure, Wh.
    error CapacityExceeded(uint32 meter, uint256 energyWh, uint256 capacityWh);
    /// @notice Thrown when a reading is in another state than the call needs.
    error ReadingStateMismatch(uint32 meter, uint32 slot, ReadingState found);
    /// @notice Thrown when the dispute window or resolve window has passed.
    error WindowClosed(uint256 closedAt, uint256 nowAt);
    /// @notice Thrown when the two readings do not prove a fraud, or nothing that is not known already.
    error NoEquivocation();
    /// @notice Thrown when the caller may not do this.
    error NotEntitled(address caller);
    /// @notice Thrown when the binding's signature is not by the authority, or the authority is not accredited.
    error BindingNotSigned(address authority);
    /// @notice Thrown when the grid operator has not accepted the authority, whose meters it would pay for.
    error AuthorityNotAccepted(address authority);
    /// @notice Thrown when a binding ends in the past, names a zero value or a capacity of 2^31 Wh, or is that of a daily
    /// meter and ends within a day.
    error BindingRefused(string field);
    /// @notice Thrown when the configuration contradicts itself.
    error ConfigRefused(string field);

    /* AUTHORITIES */

    /// @notice Called by the grid operator's owner key: from now on this authority may bind meters. It cannot be taken back.
    /// @dev Warning: the grid operator pays from its guarantee for what meters measure, and the authority that bound a meter
    /// decides its disputes.
    function acceptAuthority(address authority) external;

    /// @notice Whether the authority may bind meters while it is accredited: a founding authority of the registry, or accepted
    /// by the grid operator since.
    function isAccepted(address authority) external view returns (bool);

    /* METERS */

    /// @notice Binds a meter to the caller's participant (owner key) from the next slot on, a daily one from the next day on.
    /// @param authoritySignature EIP-712 signature of `binding` by an accredited authority
    /// @return meter the meter's number, counting upwards from 1
    function bindMeter(
        Binding calldata binding,
        address authority,
        bytes calldata authoritySignature
    ) external returns (uint32 meter);

    /// @notice Ends a meter from the next slot on, a daily one from the next day on: by the participant's owner key or by the authority that bound it.
    function retireMeter(uint32 meter) external;

    /* READINGS */

    /// @notice Posts one reading; anyone may call. Refused if one stands already.
    function postReading(SignedReading calldata reading) external;

    /// @notice Posts readings; anyone may call. One that stands already, or whose meter has lost its key to a proof of fraud,
    /// is passed over, since either can happen while the batch is under way; everything else must be right.
    function postReadings(SignedReading[] calldata readings) external;

    /// @notice Disputes an accepted reading within the dispute window: the participant (owner key) or the grid operator.
    function dispute(uint32 meter, uint32 slot) external;

    /// @notice Ends a dispute within the resolve window: the authority that bound the meter.
    function resolve(uint32 meter, uint32 slot, uint32 importWh, uint32 exportWh) external;

    /// @notice Proves that a meter signed two different readings for one slot; anyone may call. The meter ends at once: its
    /// key signs nothing more, and what was accepted before stands. While the reading of the slot is not final, settlement
    /// will charge the penalty.
    function proveEquivocation(SignedReading calldata a, SignedReading calldata b) external;

    /* READING */

    /// @notice The participant's reading in a slot. Final and not measured once the reading window has passed without one.
    /// A slot of a daily meter is not final while a record of its day stands that is not unpacked.
    function readingOf(uint32 participantId, uint32 slot) external view returns (ReadingView memory);

    /// @notice Slots of a day, which begins at their multiples: as many as 24 hours have, at most 96.
    function daySlots() external view returns (uint32);

    /// @notice The active or last meter of a participant; 0 if there was none.
    function meterOf(uint32 participantId) external view returns (uint32);

    /// @notice Seconds after the end of a slot from which on its reading is final in any case.
    function finalAfter() external view returns (uint256);

    /// @notice The EIP-712 digest of a reading.
    function readingDigest(uint32 meter, uint32 slot, uint32 importWh, uint32 exportWh) external view returns (bytes32);
}
