// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAnonymousNegotiation} from "../../interfaces/IAnonymousNegotiation.sol";
import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {INoteBook} from "../../interfaces/INoteBook.sol";
import {MoneyLib} from "../libraries/MoneyLib.sol";
import {AnonymousAccounts} from "./AnonymousAccounts.sol";
import {AnonymousTerms} from "./AnonymousTerms.sol";
import {PositionLib} from "./PositionLib.sol";

/// @title Anonymous negotiation
/// @notice After Aitzhan and Svetinovic 2016. Agreements of one-time accounts, and their escrow with three keys.
contract AnonymousNegotiation is AnonymousAccounts {
    bytes32 private constant AGREEMENT_TYPEHASH = keccak256(
        "Agreement(uint32 slot,uint32 energyWh,uint32 price,address buyer,address seller,"
        "uint32 arbiterId,uint256 salt,uint256 deadline)"
    );
    bytes32 private constant CLAIM_TYPEHASH = keccak256("Claim(bytes32 agreementId,uint32 participantId)");
    bytes32 private constant DECISION_TYPEHASH = keccak256("Decision(bytes32 agreementId,uint8 outcome)");

    mapping(bytes32 agreementId => Deal) private _deals;

    constructor(
        IClearinghouse clearinghouse_,
        address settlement_,
        Config memory config_,
        INoteBook noteBook_
    ) AnonymousTerms(clearinghouse_, settlement_, config_) AnonymousAccounts(noteBook_) {}

    /* AGREEING */

    /// @inheritdoc IAnonymousNegotiation
    function agree(
        Agreement calldata agreement,
        bytes calldata buyerSignature,
        bytes calldata sellerSignature
    ) external returns (bytes32 agreementId) {
        bytes32 structHash = keccak256(abi.encode(AGREEMENT_TYPEHASH, agreement));
        agreementId = _hashTypedDataV4(structHash);
        _requireSigned(agreement.buyer, structHash, buyerSignature);
        _requireSigned(agreement.seller, structHash, sellerSignature);
        require(block.timestamp <= agreement.deadline, OfferExpired(agreement.deadline, block.timestamp));
        require(_deals[agreementId].state == State.None, AgreementUsed(agreementId));
        require(agreement.buyer != agreement.seller, AccountTwice(agreement.buyer));
        _requireArbiter(agreement);
        _requireTradable(agreement.slot, agreement.energyWh, agreement.price);
        _takeBalance(agreement.buyer, _paymentOf(agreement.energyWh, agreement.price));
        _takeBalance(agreement.seller, _coverOf(agreement.energyWh, agreement.price));

        _deals[agreementId] = Deal({
            buyer: agreement.buyer,
            slot: agreement.slot,
            energyWh: agreement.energyWh,
            price: agreement.price,
            seller: agreement.seller,
            arbiterId: agreement.arbiterId,
            state: State.Held,
            buyerId: 0,
            sellerId: 0
        });

        emit DealMade(
            agreementId,
            agreement.slot,
            agreement.buyer,
            agreement.seller,
            agreement.arbiterId,
            agreement.energyWh,
            agreement.price
        );
    }

    /// @dev A secret side cannot be seen here; `claim` and `decide` see to it.
    function _requireArbiter(Agreement calldata agreement) private view {
        uint32 arbiterId = agreement.arbiterId;
        require(registry.isActive(arbiterId), PartyInactive(arbiterId));
        address key = registry.payoutAddress(arbiterId);
        require(key != agreement.buyer && key != agreement.seller, ArbiterIsParty(arbiterId));
    }

    /* CLAIMING */

    /// @inheritdoc IAnonymousNegotiation
    function claim(bytes32 agreementId, bool isBuyer, bytes calldata signature) external {
        Deal memory deal = _heldDeal(agreementId);
        uint256 payment = _paymentOf(deal.energyWh, deal.price);
        uint256 cover = _coverOf(deal.energyWh, deal.price);
        uint32 participantId = _caller(isBuyer ? payment : cover);
        _requireClaimable(agreementId, deal, isBuyer, participantId);
        bytes32 structHash = keccak256(abi.encode(CLAIM_TYPEHASH, agreementId, participantId));
        _requireSigned(isBuyer ? deal.buyer : deal.seller, structHash, signature);

        if (isBuyer) deal.buyerId = participantId;
        else deal.sellerId = participantId;
        (_deals[agreementId].buyerId, _deals[agreementId].sellerId) = (deal.buyerId, deal.sellerId);

        emit DealClaimed(agreementId, participantId, isBuyer);

        if (deal.buyerId != 0 && deal.sellerId != 0) _deliver(agreementId, deal, payment, cover);
    }

    function _requireClaimable(bytes32 agreementId, Deal memory deal, bool isBuyer, uint32 participantId) private view {
        (uint256 from, uint256 until) = (_gateOf(deal.slot), _decidedFrom(deal.slot));
        bool isOpen = block.timestamp >= from && block.timestamp < until;
        require(isOpen, ClaimOutsideWindow(from, until, block.timestamp));
        (uint32 here, uint32 there) = isBuyer ? (deal.buyerId, deal.sellerId) : (deal.sellerId, deal.buyerId);
        require(here == 0, AlreadyClaimed(agreementId, here));
        require(participantId != deal.arbiterId, ArbiterIsParty(participantId));
        require(participantId != there, SelfTrade(participantId));
        // Settlement asks this venue only for those who joined before the slot.
        uint256 joined = clearinghouse.joinedVenues(participantId, deal.slot);
        bool hasJoined = (joined >> clearinghouse.placeOf(address(this))) & 1 == 1;
        require(hasJoined, NotJoined(participantId, deal.slot));
    }

    /// @dev The escrow becomes bound collateral of both participants, as if they had bound their margins.
    function _deliver(bytes32 agreementId, Deal memory deal, uint256 payment, uint256 cover) private {
        uint256 revenue = MoneyLib.paymentDown(deal.energyWh, deal.price);
        _deals[agreementId].state = State.Delivered;
        _add(deal.slot, deal.buyerId, PositionLib.pack(deal.energyWh, 0, payment, 0, 0));
        _add(deal.slot, deal.sellerId, PositionLib.pack(0, deal.energyWh, 0, revenue, cover));

        emit DealEnded(agreementId, State.Delivered);

        clearinghouse.close(deal.buyerId, address(this), 0, 0, payment);
        clearinghouse.close(deal.sellerId, address(this), 0, 0, cover);
    }

    /* DECIDING */

    /// @inheritdoc IAnonymousNegotiation
    function decide(bytes32 agreementId, Outcome outcome, Signatures calldata signatures) external {
        Deal memory deal = _heldDeal(agreementId);
        uint256 until = _decidedFrom(deal.slot);
        require(block.timestamp < until, DecisionClosed(until, block.timestamp));
        bytes32 structHash = keccak256(abi.encode(DECISION_TYPEHASH, agreementId, outcome));
        if (!_areBothSides(deal, structHash, signatures)) _requireGainer(agreementId, deal, outcome);

        _end(agreementId, deal, outcome);
    }

    /// @dev Refuses what fewer than two signed, and every forged signature.
    function _areBothSides(
        Deal memory deal,
        bytes32 structHash,
        Signatures calldata signatures
    ) private view returns (bool) {
        uint256 sides = _signed(deal.buyer, structHash, signatures.buyer);
        sides += _signed(deal.seller, structHash, signatures.seller);
        uint256 signers = sides + _signed(signatures.arbiterKey, structHash, signatures.arbiter);
        require(signers >= 2, TooFewSigners(signers));
        if (sides == 2) return true;
        uint32 found = registry.authorize(signatures.arbiterKey, 0);
        require(found == deal.arbiterId, PartyMismatch(deal.arbiterId, found));
        return false;
    }

    function _signed(address key, bytes32 structHash, bytes calldata signature) private view returns (uint256) {
        if (signature.length == 0) return 0;
        _requireSigned(key, structHash, signature);
        return 1;
    }

    function _requireGainer(bytes32 agreementId, Deal memory deal, Outcome outcome) private pure {
        if (outcome == Outcome.Refund) return;
        uint32 gainerId = outcome == Outcome.PayBuyer ? deal.buyerId : deal.sellerId;
        require(gainerId != 0, GainerUnclaimed(agreementId));
    }

    /// @inheritdoc IAnonymousNegotiation
    function refund(bytes32 agreementId) external {
        Deal memory deal = _heldDeal(agreementId);
        uint256 until = _decidedFrom(deal.slot);
        require(block.timestamp >= until, DecisionOpen(until, block.timestamp));

        _end(agreementId, deal, Outcome.Refund);
    }

    /// @dev Payment and cover go back to the accounts, whole, in the shares of the outcome.
    function _end(bytes32 agreementId, Deal memory deal, Outcome outcome) private {
        uint256 toBuyer = _paymentOf(deal.energyWh, deal.price);
        uint256 toSeller = _coverOf(deal.energyWh, deal.price);
        State state = State.Refunded;
        if (outcome == Outcome.PayBuyer) {
            (toBuyer, toSeller, state) = (toBuyer + toSeller, 0, State.BuyerPaid);
        } else if (outcome == Outcome.PaySeller) {
            // At most the payment: the feed-in price is not negative.
            uint256 loss = _lossOf(deal.energyWh, deal.price);
            (toBuyer, toSeller, state) = (toBuyer - loss, toSeller + loss, State.SellerPaid);
        }
        _deals[agreementId].state = state;
        accountBalance[deal.buyer] += toBuyer;
        accountBalance[deal.seller] += toSeller;

        emit DealEnded(agreementId, state);
    }

    function _heldDeal(bytes32 agreementId) private view returns (Deal memory deal) {
        deal = _deals[agreementId];
        require(deal.state == State.Held, NotHeld(agreementId, deal.state));
    }

    /* READING */

    /// @inheritdoc IAnonymousNegotiation
    function dealOf(bytes32 agreementId) external view returns (Deal memory) {
        return _deals[agreementId];
    }

    /// @inheritdoc IAnonymousNegotiation
    function agreementDigest(Agreement calldata agreement) external view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(AGREEMENT_TYPEHASH, agreement)));
    }
}
