// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAuction} from "../../interfaces/IAuction.sol";
import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IPricingRule} from "../../interfaces/IPricingRule.sol";
import {OrderLib} from "../libraries/OrderLib.sol";
import {AuctionOutcome} from "./AuctionOutcome.sol";

/// @title A call market for each delivery slot, sealed or open
contract Auction is AuctionOutcome {
    using OrderLib for uint256;

    bytes32 private constant COMMIT_TYPEHASH = keccak256(
        "Commit(uint32 slot,uint8 side,uint48 bound,bytes32 digest,uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant PLACE_ORDER_TYPEHASH = keccak256(
        "PlaceOrder(uint32 slot,uint8 side,uint16 tick,uint32 energyWh,uint256 nonce,uint256 deadline)"
    );

    constructor(
        IClearinghouse clearinghouse_,
        address settlement_,
        IPricingRule rule_,
        Config memory config_
    ) AuctionOutcome(clearinghouse_, settlement_, rule_, config_) {}

    /* ORDERING: SEALED */

    /// @inheritdoc IAuction
    function commit(Commitment calldata commitment) external inMode(true) {
        uint48 bound = commitment.bound;
        _commit(_caller(bound), commitment.slot, commitment.side, bound, commitment.digest);
    }

    /// @inheritdoc IAuction
    function commitMany(Commitment[] calldata commitments) external inMode(true) {
        uint256 largest;
        // One order a slot, so at most as many turns as the horizon has slots; the same below.
        for (uint256 i = 0; i < commitments.length; ++i) {
            if (commitments[i].bound > largest) largest = commitments[i].bound;
        }
        uint32 participantId = _caller(largest);

        for (uint256 i = 0; i < commitments.length; ++i) {
            Commitment calldata entry = commitments[i];
            _commit(participantId, entry.slot, entry.side, entry.bound, entry.digest);
        }
    }

    /// @inheritdoc IAuction
    function commitFor(
        Commitment calldata commitment,
        address key,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external inMode(true) {
        bytes32 structHash = keccak256(abi.encode(COMMIT_TYPEHASH, commitment, nonce, deadline));
        uint32 participantId = _signer(key, structHash, nonce, deadline, signature, commitment.bound);
        _commit(participantId, commitment.slot, commitment.side, commitment.bound, commitment.digest);
    }

    /// @inheritdoc IAuction
    function cancel(uint32 slot) external inMode(true) {
        uint32 participantId = _caller(0);
        _requirePhase(slot, Phase.Ordering);
        (OrderWord storage order, uint256 word) = _orderAt(slot, participantId);
        require(word.isCommitted(), NoCommitment(slot, participantId));

        // The epoch stays, so that the word is written again instead of anew.
        order.bits = OrderLib.head(OrderState.None, BID, word.epochOf(), 0);
        _unbind(participantId, word.boundOf());

        emit CommitmentCancelled(slot, participantId, uint48(word.boundOf()));
    }

    function _commit(uint32 participantId, uint32 slot, Side side, uint48 bound, bytes32 digest) private {
        _requireOrdering(slot);
        require(bound >= _bond, BondTooLow(_bond, bound));
        require(uint72(uint256(digest)) == 0, DigestMalformed(digest));
        OrderWord storage order = _freePlace(slot, participantId);

        _bind(participantId, bound);
        order.bits = OrderLib.committed(uint256(side), _epochOf(slot), bound, digest);

        emit OrderCommitted(slot, participantId, side, bound, digest);
    }

    /* ORDERING: OPEN */

    /// @inheritdoc IAuction
    function placeOrder(Order calldata order) external inMode(false) {
        (uint256 side, uint256 tick, uint256 energyWh) = (uint256(order.side), order.tick, order.energyWh);
        uint256 cover = _cover(side, tick, energyWh);
        _placeOrder(_caller(cover), order.slot, side, tick, energyWh, cover);
    }

    /// @inheritdoc IAuction
    function placeOrderFor(
        Order calldata order,
        address key,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external inMode(false) {
        bytes32 structHash = keccak256(abi.encode(PLACE_ORDER_TYPEHASH, order, nonce, deadline));
        (uint256 side, uint256 tick, uint256 energyWh) = (uint256(order.side), order.tick, order.energyWh);
        uint256 cover = _cover(side, tick, energyWh);
        uint32 participantId = _signer(key, structHash, nonce, deadline, signature, cover);
        _placeOrder(participantId, order.slot, side, tick, energyWh, cover);
    }

    function _placeOrder(
        uint32 participantId,
        uint32 slot,
        uint256 side,
        uint256 tick,
        uint256 energyWh,
        uint256 cover
    ) private {
        _requireOrdering(slot);
        _requireInBand(tick, energyWh);
        OrderWord storage place = _freePlace(slot, participantId);

        _bind(participantId, cover);
        uint256 aheadWh = _addToLadder(slot, side, tick, energyWh);
        if (aheadWh == NOT_HELD) revert TickFull(tick, _heldAt(slot, side, tick), energyWh);
        place.bits = OrderLib.opened(side, _epochOf(slot), cover, tick, energyWh, aheadWh);

        uint256[] memory entries = new uint256[](1);
        entries[0] = _entry(participantId, side, tick, cover, energyWh);
        emit OrdersOpened(slot, entries);
    }

    /* REVEALING */

    /// @inheritdoc IAuction
    function open(uint32 slot, uint256[] calldata openings) external inMode(true) {
        _requirePhase(slot, Phase.Revealing);

        uint256[] memory entries = new uint256[](openings.length);
        uint256[8] memory preimage = _preimage(slot);
        uint256 passedOver;
        // As many turns as the caller chose to bring; neither counter passes their number.
        unchecked {
            for (uint256 i = 0; i < openings.length; ++i) {
                uint256 entry = _open(slot, openings[i], preimage);
                entries[i] = entry;
                if (entry == 0) ++passedOver;
            }
        }

        if (passedOver == openings.length) return;
        if (passedOver != 0) entries = _withoutZeros(entries, passedOver);
        emit OrdersOpened(slot, entries);
    }

    /// @dev Returns zero for an order that is passed over or set aside. Casts cut the fields out of the packed word.
    function _open(uint256 slot, uint256 opening, uint256[8] memory preimage) private returns (uint256 entry) {
        uint256 participantId = opening >> 224;
        (OrderWord storage order, uint256 word) = _orderAt(slot, participantId);
        if (!word.isCommitted()) {
            require(word.isOpened(), NoCommitment(uint32(slot), uint32(participantId)));
            return 0;
        }
        uint256 side = word.sideOf();
        uint256 tick = uint16(opening >> 208);
        uint256 energyWh = uint48(opening >> 160);
        preimage[3] = participantId;
        preimage[4] = side;
        preimage[5] = tick;
        preimage[6] = energyWh;
        preimage[7] = uint160(opening);
        if (!word.isSealing(_hash(preimage))) revert CommitmentMismatch(uint32(slot), uint32(participantId));
        // Wraps round for no energy at all; the two limits are told apart only if one is broken.
        unchecked {
            if (tick >= _tickCount || energyWh - 1 >= _maxOrderWh) _requireInBand(tick, energyWh);
        }

        // Energy times price, rounded up to money, is at most `bound`; 48 bits times 49 bits.
        uint256 bound = word.boundOf();
        uint256 aheadWh = NOT_HELD;
        unchecked {
            bool isCovered = energyWh * _riskPrice(side, tick) <= bound * PRICE_UNITS;
            if (isCovered) aheadWh = _addToLadder(slot, side, tick, energyWh);
        }
        if (aheadWh == NOT_HELD) {
            emit OpeningRefused(uint32(slot), uint32(participantId), _cover(side, tick, energyWh), bound);
            return 0;
        }
        order.bits = word.opening(tick, energyWh, aheadWh);
        return _entry(participantId, side, tick, bound, energyWh);
    }
}
