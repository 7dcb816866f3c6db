// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAuction} from "../../interfaces/IAuction.sol";
import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IPricingRule} from "../../interfaces/IPricingRule.sol";
import {MoneyLib} from "../libraries/MoneyLib.sol";
import {OrderLib} from "../libraries/OrderLib.sol";
import {AuctionReader} from "./AuctionReader.sol";

/// @title A call market for each delivery slot, sealed or open
contract Auction is AuctionReader {
    using OrderLib for uint256;

    bytes32 private constant COMMIT_TYPEHASH =
        keccak256("Commit(uint32 slot,uint8 side,uint48 bound,bytes32 digest,uint256 nonce,uint256 deadline)");
    bytes32 private constant PLACE_ORDER_TYPEHASH =
        keccak256("PlaceOrder(uint32 slot,uint8 side,uint16 tick,uint32 energyWh,uint256 nonce,uint256 deadline)");

    constructor(IClearinghouse clearinghouse_, address settlement_, IPricingRule rule_, Config memory config_)
        AuctionReader(clearinghouse_, settlement_, rule_, config_)
    {}

    modifier inMode(bool isSealed_) {
        require(_isSealed == isSealed_, ModeMismatch(_isSealed));
        _;
    }

    /* ORDERING: SEALED */

    /// @inheritdoc IAuction
    function commit(Commitment calldata commitment) external inMode(true) {
        _commit(_caller(commitment.bound), commitment);
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
            _commit(participantId, commitments[i]);
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
        _commit(_signer(key, structHash, nonce, deadline, signature, commitment.bound), commitment);
    }

    /// @inheritdoc IAuction
    function cancel(uint32 slot) external inMode(true) {
        uint32 participantId = _caller(0);
        _requirePhase(slot, Phase.Ordering);
        (uint256 place, uint256 word) = _orderAt(slot, participantId);
        require(word.stateOf() == OrderState.Committed, NoCommitment(slot, participantId));

        _orders[place] = OrderLib.head(OrderState.None, Side.Bid, word.epochOf(), 0);
        _unbind(participantId, word.boundOf());

        emit CommitmentCancelled(slot, participantId, word.boundOf());
    }

    function _commit(uint32 participantId, Commitment calldata commitment) private {
        (uint32 slot, Side side, uint48 bound) = (commitment.slot, commitment.side, commitment.bound);
        bytes32 digest = commitment.digest;
        _requireOrdering(slot);
        require(bound >= _bond, BondTooLow(_bond, bound));
        require(uint72(uint256(digest)) == 0, DigestMalformed(digest));
        uint256 place = _freePlace(slot, participantId);

        _bind(participantId, bound);
        _orders[place] = OrderLib.committed(side, _epochOf(slot), bound, digest);

        emit OrderCommitted(slot, participantId, side, bound, digest);
    }

    /* ORDERING: OPEN */

    /// @inheritdoc IAuction
    function placeOrder(Order calldata order) external inMode(false) {
        (uint32 slot, Side side, uint16 tick, uint32 energyWh) = (order.slot, order.side, order.tick, order.energyWh);
        uint256 cover = _cover(side, tick, energyWh);
        _placeOrder(_caller(cover), slot, side, tick, energyWh, cover);
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
        uint256 cover = _cover(order.side, order.tick, order.energyWh);
        uint32 participantId = _signer(key, structHash, nonce, deadline, signature, cover);
        _placeOrder(participantId, order.slot, order.side, order.tick, order.energyWh, cover);
    }

    function _placeOrder(uint32 participantId, uint32 slot, Side side, uint16 tick, uint32 energyWh, uint256 cover)
        private
    {
        _requireOrdering(slot);
        _requireInBand(tick, energyWh);
        uint256 place = _freePlace(slot, participantId);

        _bind(participantId, cover);
        (bool isHeld, uint256 aheadWh) = _addToLadder(slot, side, tick, energyWh);
        require(isHeld, TickFull(tick, aheadWh, energyWh));
        _orders[place] = OrderLib.opened(side, _epochOf(slot), cover, tick, energyWh, aheadWh);

        uint256[] memory entries = new uint256[](1);
        entries[0] = _entry(participantId, side, tick, cover, energyWh);
        emit OrdersOpened(slot, entries);
    }

    /* REVEALING */

    /// @inheritdoc IAuction
    function open(uint32 slot, uint256[] calldata openings) external inMode(true) {
        _requirePhase(slot, Phase.Revealing);

        uint256[] memory entries = new uint256[](openings.length);
        uint256 count;
        // As many turns as the caller chose to bring.
        for (uint256 i = 0; i < openings.length; ++i) {
            uint256 entry = _open(slot, openings[i]);
            if (entry != 0) entries[count++] = entry;
        }

        if (count != 0) emit OrdersOpened(slot, _first(entries, count));
    }

    /// @dev Casts cut the fields out of the packed word. Returns zero for an order that is passed over or set aside.
    function _open(uint32 slot, uint256 opening) private returns (uint256 entry) {
        uint32 participantId = uint32(opening >> 224);
        uint16 tick = uint16(opening >> 208);
        uint256 energyWh = uint48(opening >> 160);
        (uint256 place, uint256 word) = _orderAt(slot, participantId);
        if (word.stateOf() == OrderState.Opened) return 0;
        require(word.stateOf() == OrderState.Committed, NoCommitment(slot, participantId));
        Side side = word.sideOf();
        bytes32 digest = _digest(slot, participantId, side, tick, energyWh, uint160(opening));
        require(digest == word.digestOf(), CommitmentMismatch(slot, participantId));
        _requireInBand(tick, energyWh);

        uint256 cover = _cover(side, tick, energyWh);
        bool isHeld = cover <= word.boundOf();
        uint256 aheadWh;
        if (isHeld) (isHeld, aheadWh) = _addToLadder(slot, side, tick, energyWh);
        if (!isHeld) {
            emit OpeningRefused(slot, participantId, cover, word.boundOf());
            return 0;
        }
        _orders[place] = OrderLib.opened(side, word.epochOf(), word.boundOf(), tick, energyWh, aheadWh);
        return _entry(participantId, side, tick, word.boundOf(), energyWh);
    }

    /* CLEARING */

    /// @inheritdoc IAuction
    function clear(uint32 slot) external {
        _requirePhase(slot, Phase.Clearing);

        _clear(slot);
    }

    function _clear(uint32 slot) private {
        (uint256[] memory bids, uint256 bidWh) = _ladder(slot, Side.Bid);
        (uint256[] memory asks, uint256 askWh) = _ladder(slot, Side.Ask);
        IPricingRule.Clearing memory found = pricingRule.clear(IPricingRule.Grid(_floorPrice, _tickSize), bids, asks);
        _results[slot] = Result({
            bidPrice: found.bidPrice,
            askPrice: found.askPrice,
            volumeWh: found.volumeWh,
            bidMarginTick: found.bidMarginTick,
            askMarginTick: found.askMarginTick,
            isCleared: true,
            bidMarginWh: found.bidMarginWh,
            bidMarginFilledWh: found.bidMarginFilledWh,
            askMarginWh: found.askMarginWh,
            askMarginFilledWh: found.askMarginFilledWh,
            openedBidWh: uint64(bidWh),
            openedAskWh: uint64(askWh)
        });

        emit SlotCleared(slot, msg.sender, found);
    }

    /// @inheritdoc IAuction
    function forfeit(uint32 slot, uint32[] calldata participantIds) external inMode(true) {
        // A slot in which bonds were forfeited never becomes void.
        if (phase(slot) == Phase.Clearing) _clear(slot);
        _requirePhase(slot, Phase.Cleared);

        for (uint256 i = 0; i < participantIds.length; ++i) {
            _forfeit(slot, participantIds[i]);
        }
    }

    function _forfeit(uint32 slot, uint32 participantId) private {
        (uint256 place, uint256 word) = _orderAt(slot, participantId);
        OrderState state = word.stateOf();
        if (state == OrderState.Forfeited) return;
        require(state != OrderState.None, NoCommitment(slot, participantId));
        require(state == OrderState.Committed, NothingForfeited(slot, participantId));
        (Side side, uint48 bound) = (word.sideOf(), word.boundOf());

        _orders[place] = OrderLib.head(OrderState.Forfeited, side, word.epochOf(), 0);
        _forfeits[slot][side] += _bond;
        _unbind(participantId, bound - _bond);

        emit BondForfeited(slot, participantId, side, _bond, bound - _bond);

        _charge(slot, participantId, _bond);
    }

    /// @inheritdoc IAuction
    function compensate(uint32 slot, uint32 participantId) external inMode(true) {
        uint256 possibleFrom = _startOf(slot) + _revealWindow + _clearWindow;
        require(block.timestamp + _gateLead >= possibleFrom, CompensationOpen(slot, possibleFrom - _gateLead));
        (uint256 place, uint256 word) = _orderAt(slot, participantId);
        uint256 owed = _compensationOf(slot, word);
        require(owed != 0, NoCompensation(slot, participantId));

        _orders[place] = word.compensated(word.compensatedOf() + owed);

        emit CompensationPaid(slot, participantId, owed);

        _payIntoMargin(slot, participantId, owed);
    }

    /* FROM TRADE TO SETTLEMENT */

    function _takePayment(uint32 slot, uint32 participantId)
        internal
        override
        returns (bool isOpen, uint256 payment, uint256 unbound)
    {
        (uint256 place, uint256 word) = _orderAt(slot, participantId);
        uint256 bound = word.boundOf();
        if (word.stateOf() == OrderState.Committed && !_results[slot].isCleared) {
            // Of a void slot; in a cleared one the bond is forfeited.
            _orders[place] = OrderLib.head(OrderState.Closed, word.sideOf(), word.epochOf(), 0);
            return (true, 0, bound);
        }
        if (word.stateOf() != OrderState.Opened) return (false, 0, 0);

        uint256 filledWh = _fill(slot, word);
        uint256 kept;
        if (word.sideOf() == Side.Bid) {
            payment = MoneyLib.paymentUp(filledWh, _results[slot].bidPrice);
        } else {
            kept = _shortfall(filledWh, _results[slot].askPrice);
        }
        _orders[place] = word.advanced(filledWh == 0 ? OrderState.Closed : OrderState.Collected, kept);
        return (true, payment, bound - payment - kept);
    }

    function _close(uint32 slot, uint32 participantId)
        internal
        override
        returns (uint256 boughtWh, uint256 soldWh, uint256 revenue, uint256 cover)
    {
        (uint256 place, uint256 word) = _orderAt(slot, participantId);
        if (word.stateOf() != OrderState.Collected) return (0, 0, 0, 0);

        Trade memory trade = _tradeOf(slot, word);
        cover = word.boundOf();
        _orders[place] = word.advanced(OrderState.Closed, 0);
        return (trade.boughtWh, trade.soldWh, trade.revenue, cover);
    }
}
