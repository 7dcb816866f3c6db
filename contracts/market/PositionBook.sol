// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IVenue} from "../../interfaces/IVenue.sol";
import {PositionLib} from "./PositionLib.sol";
import {Venue} from "./Venue.sol";

/// @title What bilateral trades add up to: each participant's position in each slot
/// @dev For venues in which two participants agree. What is agreed before gate closure is final at gate closure.
abstract contract PositionBook is Venue {
    using PositionLib for uint256;

    /// @dev Seconds from gate closure to the start of delivery.
    uint32 internal immutable _gateLead;

    /// @dev At `slot % RING`, see PositionLib.
    mapping(uint32 participantId => mapping(uint256 place => uint256 word)) private _positions;

    constructor(uint32 gateLead) {
        _gateLead = gateLead;
    }

    /// @dev Adds one trade, as `PositionLib.pack` made it, to the participant's position in a slot that is still open.
    function _add(uint32 slot, uint32 participantId, uint256 added) internal {
        mapping(uint256 place => uint256 word) storage words = _positions[participantId];
        uint256 word = words[slot % RING];
        if (word.epochOf() != slot / RING) {
            require(!word.isUnfinished(), EarlierSlotOpen(uint32(word.epochOf()) * RING + (slot % RING)));
            word = PositionLib.opened(slot / RING);
        }
        word += added;
        require(!word.isOverfull(), PositionFull(slot, participantId));

        words[slot % RING] = word;
    }

    /// @inheritdoc Venue
    function _takePayment(
        uint32 slot,
        uint32 participantId
    ) internal virtual override returns (bool isOpen, uint256 payment, uint256 unbound) {
        uint256 word = _positionOf(slot, participantId);
        if (word.stateOf() != PositionLib.State.Open) return (false, 0, 0);

        _positions[participantId][slot % RING] = word.withState(PositionLib.State.Collected);

        return (true, word.paymentOf(), 0);
    }

    /// @inheritdoc Venue
    function _close(
        uint32 slot,
        uint32 participantId
    ) internal virtual override returns (uint256 boughtWh, uint256 soldWh, uint256 revenue, uint256 cover) {
        uint256 word = _positionOf(slot, participantId);
        if (word.stateOf() != PositionLib.State.Collected) return (0, 0, 0, 0);

        _positions[participantId][slot % RING] = word.withState(PositionLib.State.Closed);

        return (word.boughtOf(), word.soldOf(), word.receivableOf(), word.coverOf());
    }

    /// @dev The participant's position in a slot; zero if its place holds another slot.
    function _positionOf(uint32 slot, uint32 participantId) private view returns (uint256 word) {
        word = _positions[participantId][slot % RING];
        if (word.epochOf() != slot / RING) word = 0;
    }

    /* READING */

    /// @inheritdoc IVenue
    function boundOf(uint32 slot, uint32 participantId) public view virtual returns (uint256) {
        uint256 word = _positionOf(slot, participantId);
        if (word.stateOf() == PositionLib.State.Open) return word.paymentOf() + word.coverOf();
        return word.stateOf() == PositionLib.State.Collected ? word.coverOf() : 0;
    }

    /// @inheritdoc IVenue
    function tradeOf(uint32 slot, uint32 participantId) external view returns (Trade memory) {
        require(isFinal(slot), OutcomeOpen(slot));
        uint256 word = _positionOf(slot, participantId);
        return Trade(word.boughtOf(), word.soldOf(), word.paymentOf(), word.receivableOf());
    }

    /// @inheritdoc IVenue
    function isFinal(uint32 slot) public view virtual override returns (bool) {
        return block.timestamp >= _gateOf(slot);
    }

    /// @dev When no trade of the slot is possible any more.
    function _gateOf(uint32 slot) internal view returns (uint256) {
        uint256 startAt = _startOf(slot);
        return startAt > _gateLead ? startAt - _gateLead : 0;
    }
}
