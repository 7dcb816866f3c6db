// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IVenue} from "../../interfaces/IVenue.sol";
import {ConditionalTerms} from "./ConditionalTerms.sol";
import {NegotiationPositionLib} from "./NegotiationPositionLib.sol";
import {Venue} from "./Venue.sol";

/// @title What trades under conditions add up to: each participant's position in each slot
abstract contract ConditionalLedger is ConditionalTerms {
    using NegotiationPositionLib for uint256;

    /// @dev At `slot % RING`, see NegotiationPositionLib.
    mapping(uint32 participantId => mapping(uint256 place => uint256 word)) private _positions;

    /// @dev Adds one trade to the participant's position in a slot that is still open.
    function _add(uint32 slot, uint32 participantId, uint256 added) internal {
        mapping(uint256 place => uint256 word) storage words = _positions[participantId];
        uint256 word = words[slot % RING];
        if (word.epochOf() != slot / RING) {
            require(!word.isUnfinished(), EarlierSlotOpen(uint32(word.epochOf()) * RING + (slot % RING)));
            word = NegotiationPositionLib.opened(slot / RING);
        }
        word += added;
        require(!word.isOverfull(), PositionFull(slot, participantId));

        words[slot % RING] = word;
    }

    /// @inheritdoc Venue
    function _takePayment(
        uint32 slot,
        uint32 participantId
    ) internal override returns (bool isOpen, uint256 payment, uint256 unbound) {
        uint256 word = _positionOf(slot, participantId);
        if (word.stateOf() != NegotiationPositionLib.State.Open) return (false, 0, 0);

        _positions[participantId][slot % RING] = word.withState(NegotiationPositionLib.State.Collected);

        return (true, word.paymentOf(), 0);
    }

    /// @inheritdoc Venue
    function _close(
        uint32 slot,
        uint32 participantId
    ) internal override returns (uint256 boughtWh, uint256 soldWh, uint256 revenue, uint256 cover) {
        uint256 word = _positionOf(slot, participantId);
        if (word.stateOf() != NegotiationPositionLib.State.Collected) return (0, 0, 0, 0);

        _positions[participantId][slot % RING] = word.withState(NegotiationPositionLib.State.Closed);

        return (word.boughtOf(), word.soldOf(), word.receivableOf(), word.coverOf());
    }

    /// @dev The participant's position in a slot; zero if its place holds another slot.
    function _positionOf(uint32 slot, uint32 participantId) internal view returns (uint256 word) {
        word = _positions[participantId][slot % RING];
        if (word.epochOf() != slot / RING) word = 0;
    }

    /* READING */

    /// @inheritdoc IVenue
    function tradeOf(uint32 slot, uint32 participantId) external view returns (Trade memory) {
        require(isFinal(slot), OutcomeOpen(slot));
        uint256 word = _positionOf(slot, participantId);
        return Trade(word.boughtOf(), word.soldOf(), word.paymentOf(), word.receivableOf());
    }
}
