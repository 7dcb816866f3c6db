// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";

/// @title Where delivered energy came from, as a token that counts once
/// @notice One tag stands for one Wh that a meter saw being fed in, in one slot and zone and from one source. A tag is
/// minted after settlement, may change hands, and ends when somebody claims it: what was claimed cannot be claimed again.
/// In the terms of the EnergyTag standard a tag is a granular certificate of a slot, minting its issuance, claiming its
/// cancellation, a registered participant a production device and its authority the issuing body. Tags of one slot, zone and
/// source are alike: which device they came from stands in `TagsMinted`, not in the id.
/// @dev An id says everything about its tags:
///
///   255        72 71      64 63      32 31      0
///   |  zero      | source   | zone     | slot    |
///
/// For every id: sum of all balances == minted - claimed. Nothing here moves money, and nothing but `withdraw`, `safeTransferFrom` and
/// `safeBatchTransferFrom` calls an account that receives tags.
interface IEnergyTag is IERC1155 {
    /// @notice Where energy comes from. `Grid` is energy whose origin no authority has certified; it counts as not green.
    enum Source {
        None,
        Grid,
        Solar,
        Wind
    }

    /// @notice Which source a device class stands for; fixed at deployment. A class that is not listed stands for `Grid`.
    /// @param deviceClass the authorities' code for the device, as in a credential
    struct Class {
        uint16 deviceClass;
        Source source;
    }

    /// @notice What is known of a participant as a producer.
    /// @param serial of the credential that certified it
    /// @param fromSlot first slot in which it is known to have been certified so; 0 if it is not registered
    /// @param validUntil when that credential ends
    struct Device {
        Source source;
        uint32 zone;
        uint32 serial;
        uint32 fromSlot;
        uint40 validUntil;
    }

    /// @notice A participant's source was written down as its authority certified it, for slots from `fromSlot` on.
    event DeviceRegistered(
        uint32 indexed participantId,
        Source source,
        uint32 zone,
        uint32 serial,
        uint32 fromSlot,
        uint40 validUntil
    );
    /// @notice What a participant fed into the grid in a slot became tags, or nothing if no measured reading says so.
    /// @param energyWh all that was minted
    /// @param pledgedWh the part that was sold in advance and went to the venue that owes it to its buyers
    event TagsMinted(
        uint32 indexed slot,
        uint32 indexed participantId,
        uint256 indexed id,
        uint256 energyWh,
        uint256 pledgedWh
    );
    /// @notice Tags of a participant stay here until they are withdrawn, because its account cannot be given them unasked.
    event TagsKept(uint32 indexed participantId, uint256 indexed id, uint256 energyWh);
    /// @notice Tags that stayed here went to the participant's account.
    event TagsWithdrawn(uint32 indexed participantId, address indexed to, uint256 indexed id, uint256 energyWh);
    /// @notice Tags ended for a purpose that their holder states.
    /// @param purpose whatever the holder wants to prove, such as the hash of a report
    event TagsClaimed(
        uint256 indexed id,
        address indexed account,
        address indexed beneficiary,
        uint256 energyWh,
        bytes32 purpose
    );
    /// @notice Tags ended for what a participant took from the grid in their slot.
    event ConsumptionClaimed(
        uint32 indexed slot,
        uint32 indexed participantId,
        uint256 indexed id,
        address account,
        uint256 energyWh
    );
    /// @notice The venue whose sellers' tags go to their buyers first was named.
    event PledgeBookSet(address indexed pledgeBook);

    /// @notice Thrown when the participant's slot is not settled, so that its reading may still change.
    error NotSettled(uint32 slot, uint32 participantId);
    /// @notice Thrown when somebody claims for more consumption than its meter measured in the slot, Wh.
    error ConsumptionExceeded(uint32 slot, uint32 participantId, uint256 measuredWh, uint256 claimedWh);
    /// @notice Thrown when tags of one zone are to prove consumption in another.
    error OtherZone(uint32 expected, uint32 found);
    /// @notice Thrown when the number of ids is not the number of amounts.
    error LengthMismatch(uint256 ids, uint256 amounts);
    /// @notice Thrown when an amount is zero.
    error NoTags(uint256 id);
    /// @notice Thrown when no energy has such an id: its source does not exist.
    error UnknownTag(uint256 id);
    /// @notice Thrown when someone other than governance names the venue, one is named already, or tags were minted without.
    error PledgeBookFixed(address pledgeBook, address caller);
    /// @notice Thrown when a venue takes more tags than there are.
    error PledgeTooHigh(uint256 available, uint256 asked);
    /// @notice Thrown at deployment when a class is listed twice or stands for no source.
    error ClassRefused(uint16 deviceClass);

    /* DEVICES */

    /// @notice Writes down what the authorities certified about participants; anyone may call. Counts from the next slot on.
    /// @dev A newer credential is to be registered before the registered one ends. If it follows directly on that one and
    /// says the same, nothing is interrupted. Else it begins anew, with the next slot, and what was not minted before counts
    /// as `Grid`: that only the participant's own account may do, anybody else passes it over.
    function register(uint32[] calldata participantIds) external;

    /* MINTING */

    /// @notice Makes tags of what the named participants fed into the grid in a settled slot; anyone may call. Whoever was
    /// named before is passed over: nobody spoils a batch by minting one of it first.
    /// @dev A slot should be minted while its readings are kept, 1,024 slots; afterwards there is nothing to be minted.
    function mint(uint32 slot, uint32[] calldata participantIds) external;

    /// @notice Gives tags of the caller to a participant, without asking its account.
    function give(uint32 participantId, uint256 id, uint256 energyWh) external;

    /// @notice Sends the tags that stayed here to the participant's account, after a revocation to its recovery address;
    /// anyone may call. The account is asked, as ERC-1155 wants it.
    function withdraw(uint32 participantId, uint256[] calldata ids) external;

    /* CLAIMING */

    /// @notice Ends tags of the caller in favour of somebody and for a purpose that the caller states.
    /// @dev Warning: nothing here says that the beneficiary used energy. For that there is `claimConsumption`.
    function claim(uint256[] calldata ids, uint256[] calldata amounts, address beneficiary, bytes32 purpose) external;

    /// @notice Ends tags of the caller (owner key of a participant) for what it took from the grid in the slot of each tag:
    /// same slot, same zone, and all such claims of a slot together not above what its meter measured.
    /// @dev A slot should be claimed while its readings are kept, 1,024 slots.
    function claimConsumption(uint256[] calldata ids, uint256[] calldata amounts) external;

    /* GOVERNANCE */

    /// @notice Called by governance, once and before the first minting: names the venue that collects what sellers owe
    /// before they get the rest.
    function setPledgeBook(address pledgeBook_) external;

    /* READING */

    /// @notice The id of tags of a source, zone and slot.
    function idOf(Source source, uint32 zone, uint32 slot) external pure returns (uint256);

    /// @notice What an id says.
    function decode(uint256 id) external pure returns (Source source, uint32 zone, uint32 slot);

    /// @notice The id that energy of the participant in a slot gets, as far as it is known now.
    function tagOf(uint32 slot, uint32 participantId) external view returns (uint256);

    /// @notice What a participant was registered as.
    function deviceOf(uint32 participantId) external view returns (Device memory);

    /// @notice Which source a device class stands for.
    function sourceOfClass(uint16 deviceClass) external view returns (Source);

    /// @notice Whether the participant's slot was minted.
    function isMinted(uint32 slot, uint32 participantId) external view returns (bool);

    /// @notice All tags of an id that were ever minted, Wh.
    function mintedOf(uint256 id) external view returns (uint256);

    /// @notice All tags of an id that were claimed, Wh.
    function claimedOf(uint256 id) external view returns (uint256);

    /// @notice What an account claimed of an id, Wh.
    function claimedBy(address account, uint256 id) external view returns (uint256);

    /// @notice For how much of what a participant took in a slot tags were claimed, Wh.
    function consumptionClaimed(uint32 slot, uint32 participantId) external view returns (uint256);

    /// @notice Tags of a participant that stayed here, Wh.
    function keptOf(uint32 participantId, uint256 id) external view returns (uint256);

    /// @notice The venue that collects what sellers owe; zero if there is none.
    function pledgeBook() external view returns (address);
}
