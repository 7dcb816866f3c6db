// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {IConditionalMarket} from "../../interfaces/IConditionalMarket.sol";
import {IEnergyTag} from "../../interfaces/IEnergyTag.sol";
import {IMeterRegistry} from "../../interfaces/IMeterRegistry.sol";
import {IParticipantRegistry} from "../../interfaces/IParticipantRegistry.sol";
import {ISettlement} from "../../interfaces/ISettlement.sol";
import {TagLib} from "../libraries/TagLib.sol";
import {EnergyTagDevices} from "./EnergyTagDevices.sol";

/// @title Where delivered energy came from, as a token that counts once
/// @dev Registry, meters, settlement and the pledge book are trusted contracts of the same deployment. No account is asked
/// while tags are minted or given, so that nobody can spoil a batch: those of a contract account stay here instead.
contract EnergyTag is ERC1155, EnergyTagDevices {
    /// @dev One word.
    struct Total {
        uint128 mintedWh;
        uint128 claimedWh;
    }

    ISettlement public immutable settlement;
    IMeterRegistry public immutable meters;

    /// @inheritdoc IEnergyTag
    address public pledgeBook;
    /// @dev In the same word, which minting reads anyway.
    bool private _hasMinted;
    mapping(uint256 id => Total) private _totals;
    /// @dev One bit for each participant, 256 a word, so that a batch shares words.
    mapping(uint32 slot => mapping(uint32 word => uint256 bits)) private _minted;
    /// @inheritdoc IEnergyTag
    mapping(uint32 participantId => mapping(uint256 id => uint256 energyWh)) public keptOf;
    /// @inheritdoc IEnergyTag
    mapping(address account => mapping(uint256 id => uint256 energyWh)) public claimedBy;
    /// @inheritdoc IEnergyTag
    mapping(uint32 slot => mapping(uint32 participantId => uint256 energyWh)) public consumptionClaimed;

    constructor(
        IParticipantRegistry registry_,
        IMeterRegistry meters_,
        ISettlement settlement_,
        Class[] memory classes
    ) ERC1155("") EnergyTagDevices(registry_, classes) {
        meters = meters_;
        settlement = settlement_;
    }

    /* MINTING */

    /// @inheritdoc IEnergyTag
    function mint(uint32 slot, uint32[] calldata participantIds) external {
        if (!_hasMinted) _hasMinted = true;

        for (uint256 i = 0; i < participantIds.length; ++i) {
            uint32 participantId = participantIds[i];
            if (isMinted(slot, participantId)) continue;
            require(settlement.isSettled(slot, participantId), NotSettled(slot, participantId));
            _minted[slot][participantId / 256] |= 1 << (participantId % 256);
            _mint(slot, participantId);
        }
    }

    function _mint(uint32 slot, uint32 participantId) private {
        (, uint256 exportWh) = _measured(slot, participantId);
        IParticipantRegistry.Participant memory entry = registry.participant(participantId);
        uint256 id = _tagOf(slot, participantId, entry);
        // Energy of a slot is 32 bits and participants are as many, so no total comes near 2^128.
        if (exportWh != 0) _totals[id].mintedWh += uint128(exportWh);

        uint256 pledgedWh;
        if (exportWh != 0 && pledgeBook != address(0)) {
            pledgedWh = IConditionalMarket(pledgeBook).collectTags(slot, participantId, id, exportWh);
            require(pledgedWh <= exportWh, PledgeTooHigh(exportWh, pledgedWh));
        }

        emit TagsMinted(slot, participantId, id, exportWh, pledgedWh);

        if (pledgedWh != 0) _move(address(0), pledgeBook, id, pledgedWh);
        if (exportWh != pledgedWh) _give(address(0), participantId, entry, id, exportWh - pledgedWh);
    }

    /// @dev What a final reading says; zero if nobody posted one in time or the meter signed two.
    function _measured(uint32 slot, uint32 participantId) private view returns (uint256 importWh, uint256 exportWh) {
        IMeterRegistry.ReadingView memory reading = meters.readingOf(participantId, slot);
        if (!reading.isMeasured || reading.isFraud) return (0, 0);
        return (reading.importWh, reading.exportWh);
    }

    /* TO A PARTICIPANT */

    /// @inheritdoc IEnergyTag
    function give(uint32 participantId, uint256 id, uint256 energyWh) external {
        require(energyWh != 0, NoTags(id));

        _give(msg.sender, participantId, registry.participant(participantId), id, energyWh);
    }

    /// @dev To the participant's account if that has no code, which could refuse, and was not revoked, as it may be stolen.
    function _give(
        address from,
        uint32 participantId,
        IParticipantRegistry.Participant memory entry,
        uint256 id,
        uint256 energyWh
    ) private {
        if (entry.revokedAt == 0 && entry.account.code.length == 0) {
            _move(from, entry.account, id, energyWh);
            return;
        }
        keptOf[participantId][id] += energyWh;

        emit TagsKept(participantId, id, energyWh);

        _move(from, address(this), id, energyWh);
    }

    /// @inheritdoc IEnergyTag
    function withdraw(uint32 participantId, uint256[] calldata ids) external {
        address to = registry.payoutAddress(participantId);
        uint256[] memory amounts = new uint256[](ids.length);
        for (uint256 i = 0; i < ids.length; ++i) {
            amounts[i] = keptOf[participantId][ids[i]];
            require(amounts[i] != 0, NoTags(ids[i]));
            keptOf[participantId][ids[i]] = 0;

            emit TagsWithdrawn(participantId, to, ids[i], amounts[i]);
        }

        // Asks the account, last of all.
        _safeBatchTransferFrom(address(this), to, ids, amounts, "");
    }

    /// @dev Moves tags without asking the account.
    function _move(address from, address to, uint256 id, uint256 energyWh) private {
        uint256[] memory ids = new uint256[](1);
        uint256[] memory amounts = new uint256[](1);
        (ids[0], amounts[0]) = (id, energyWh);
        _update(from, to, ids, amounts);
    }

    /* CLAIMING */

    /// @inheritdoc IEnergyTag
    function claim(uint256[] calldata ids, uint256[] calldata amounts, address beneficiary, bytes32 purpose) external {
        _end(ids, amounts);

        for (uint256 i = 0; i < ids.length; ++i) {
            emit TagsClaimed(ids[i], msg.sender, beneficiary, amounts[i], purpose);
        }
    }

    /// @inheritdoc IEnergyTag
    function claimConsumption(uint256[] calldata ids, uint256[] calldata amounts) external {
        uint32 participantId = registry.ownerOf(msg.sender);
        uint32 zone = registry.participant(participantId).zone;
        _end(ids, amounts);

        for (uint256 i = 0; i < ids.length; ++i) {
            (uint256 id, uint256 energyWh) = (ids[i], amounts[i]);
            require(TagLib.zoneOf(id) == zone, OtherZone(zone, TagLib.zoneOf(id)));
            uint32 slot = TagLib.slotOf(id);
            require(settlement.isSettled(slot, participantId), NotSettled(slot, participantId));
            (uint256 importWh, ) = _measured(slot, participantId);
            uint256 claimedWh = consumptionClaimed[slot][participantId] + energyWh;
            require(claimedWh <= importWh, ConsumptionExceeded(slot, participantId, importWh, claimedWh));
            consumptionClaimed[slot][participantId] = claimedWh;

            emit ConsumptionClaimed(slot, participantId, id, msg.sender, energyWh);
        }
    }

    /// @dev Burns tags of the caller, who must have them all, and counts them.
    function _end(uint256[] calldata ids, uint256[] calldata amounts) private {
        require(ids.length == amounts.length, LengthMismatch(ids.length, amounts.length));
        for (uint256 i = 0; i < ids.length; ++i) {
            require(amounts[i] != 0, NoTags(ids[i]));
        }
        // Before anything is counted: of tags that are not there any number may be named, also twice.
        _update(msg.sender, address(0), ids, amounts);
        for (uint256 i = 0; i < ids.length; ++i) {
            claimedBy[msg.sender][ids[i]] += amounts[i];
            // Not above what was minted, or there were no such tags to burn.
            _totals[ids[i]].claimedWh += uint128(amounts[i]);
        }
    }

    /* GOVERNANCE */

    /// @inheritdoc IEnergyTag
    function setPledgeBook(address pledgeBook_) external {
        // Sellers know before their first tag who comes before them.
        bool isOpen = pledgeBook == address(0) && !_hasMinted && msg.sender == registry.governance();
        require(isOpen, PledgeBookFixed(pledgeBook, msg.sender));

        pledgeBook = pledgeBook_;

        emit PledgeBookSet(pledgeBook_);
    }

    /* READING */

    /// @inheritdoc IEnergyTag
    function isMinted(uint32 slot, uint32 participantId) public view returns (bool) {
        return (_minted[slot][participantId / 256] >> (participantId % 256)) & 1 == 1;
    }

    /// @inheritdoc IEnergyTag
    function mintedOf(uint256 id) external view returns (uint256) {
        return _totals[id].mintedWh;
    }

    /// @inheritdoc IEnergyTag
    function claimedOf(uint256 id) external view returns (uint256) {
        return _totals[id].claimedWh;
    }
}
