// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {INegotiation} from "../../interfaces/INegotiation.sol";
import {NegotiationLedger} from "./NegotiationLedger.sol";

/// @title SETM's own mechanism: two participants negotiate a price for a range of slots
contract Negotiation is NegotiationLedger {
    /// @dev One word: 32 + 32 + 32 + 16 + 16 + 40 + 8 + 8 + 32 + 32 = 248 bits.
    struct Talk {
        uint32 buyerId;
        uint32 sellerId;
        uint32 firstSlot;
        uint16 slotCount;
        uint16 round;
        uint40 expiresAt;
        State state;
        bool buyerMoved;
        uint32 energyWh;
        uint32 price;
    }

    bytes32 private constant AGREEMENT_TYPEHASH = keccak256(
        "Agreement(uint32 buyerId,uint32 sellerId,uint32 firstSlot,uint16 slotCount,"
        "uint32 energyWh,uint32 price,uint256 salt,uint256 deadline)"
    );

    uint64 public negotiationCount;
    mapping(uint64 negotiationId => Talk) private _talks;
    mapping(bytes32 digest => bool) public isUsed;

    constructor(
        IClearinghouse clearinghouse_,
        address settlement_,
        Config memory config_
    ) NegotiationLedger(clearinghouse_, settlement_, config_) {}

    /* NEGOTIATING */

    /// @inheritdoc INegotiation
    function offer(
        uint32 counterpartyId,
        bool isBid,
        Terms calldata terms,
        uint40 expiresAt
    ) external returns (uint64 negotiationId) {
        uint32 callerId = _caller(_boundBy(isBid, terms.energyWh, terms.price));
        _requireTradable(terms);
        _requireExpiry(terms.firstSlot, expiresAt);
        require(counterpartyId != callerId, SelfTrade(callerId));
        require(registry.isActive(counterpartyId), PartyInactive(counterpartyId));

        negotiationId = ++negotiationCount;
        Talk memory talk = Talk({
            buyerId: isBid ? callerId : counterpartyId,
            sellerId: isBid ? counterpartyId : callerId,
            firstSlot: terms.firstSlot,
            slotCount: terms.slotCount,
            round: 1,
            expiresAt: expiresAt,
            state: State.Open,
            buyerMoved: isBid,
            energyWh: terms.energyWh,
            price: terms.price
        });
        _talks[negotiationId] = talk;

        _announce(negotiationId, talk);
    }

    /// @inheritdoc INegotiation
    function counter(uint64 negotiationId, uint32 energyWh, uint32 price, uint40 expiresAt) external {
        Talk memory talk = _talks[negotiationId];
        _requireTurn(negotiationId, talk, _caller(_boundBy(!talk.buyerMoved, energyWh, price)));
        _requireAmounts(energyWh, price);
        _requireExpiry(talk.firstSlot, expiresAt);

        talk.round += 1;
        talk.buyerMoved = !talk.buyerMoved;
        talk.energyWh = energyWh;
        talk.price = price;
        talk.expiresAt = expiresAt;
        _talks[negotiationId] = talk;

        _announce(negotiationId, talk);
    }

    /// @inheritdoc INegotiation
    function accept(uint64 negotiationId, uint16 round) external {
        Talk memory talk = _talks[negotiationId];
        _requireTurn(negotiationId, talk, _caller(_boundBy(!talk.buyerMoved, talk.energyWh, talk.price)));
        require(round == talk.round, RoundMismatch(round, talk.round));
        uint32 makerId = talk.buyerMoved ? talk.buyerId : talk.sellerId;
        require(registry.isActive(makerId), PartyInactive(makerId));

        _talks[negotiationId].state = State.Agreed;
        Terms memory terms = Terms(talk.firstSlot, talk.slotCount, talk.energyWh, talk.price);
        _conclude(negotiationId, talk.buyerId, talk.sellerId, terms, 0);
    }

    /// @inheritdoc INegotiation
    function reject(uint64 negotiationId) external {
        uint32 callerId = _caller(0);
        _requireTurn(negotiationId, _talks[negotiationId], callerId);

        _end(negotiationId, callerId, State.Rejected);
    }

    /// @inheritdoc INegotiation
    function withdrawOffer(uint64 negotiationId) external {
        Talk memory talk = _talks[negotiationId];
        // Seen from the other end, the side that moved last is the one whose turn it is.
        talk.buyerMoved = !talk.buyerMoved;
        uint32 callerId = _caller(0);
        _requireTurn(negotiationId, talk, callerId);

        _end(negotiationId, callerId, State.Withdrawn);
    }

    /// @inheritdoc INegotiation
    function expire(uint64 negotiationId) external {
        Talk memory talk = _talks[negotiationId];
        require(talk.state == State.Open, NotOpen(negotiationId, talk.state));
        require(block.timestamp >= talk.expiresAt, NotExpired(talk.expiresAt, block.timestamp));

        _end(negotiationId, 0, State.Expired);
    }

    function _end(uint64 negotiationId, uint32 byParticipantId, State state) private {
        _talks[negotiationId].state = state;

        emit NegotiationEnded(negotiationId, byParticipantId, state);
    }

    function _announce(uint64 negotiationId, Talk memory talk) private {
        emit OfferMade(
            negotiationId,
            talk.buyerId,
            talk.sellerId,
            talk.buyerMoved,
            talk.round,
            talk.firstSlot,
            talk.slotCount,
            talk.energyWh,
            talk.price,
            talk.expiresAt
        );
    }

    function _requireTurn(uint64 negotiationId, Talk memory talk, uint32 callerId) private view {
        require(talk.state == State.Open, NotOpen(negotiationId, talk.state));
        uint32 turnId = talk.buyerMoved ? talk.sellerId : talk.buyerId;
        require(callerId == turnId, NotYourTurn(negotiationId, callerId));
        require(block.timestamp < talk.expiresAt, OfferExpired(talk.expiresAt, block.timestamp));
    }

    /* AGREEING OFF CHAIN */

    /// @inheritdoc INegotiation
    function agree(
        Agreement calldata agreement,
        address buyerKey,
        bytes calldata buyerSignature,
        address sellerKey,
        bytes calldata sellerSignature
    ) external {
        bytes32 structHash = keccak256(abi.encode(AGREEMENT_TYPEHASH, agreement));
        bytes32 digest = _hashTypedDataV4(structHash);
        _requireParty(agreement, true, agreement.buyerId, buyerKey, structHash, buyerSignature);
        _requireParty(agreement, false, agreement.sellerId, sellerKey, structHash, sellerSignature);
        require(block.timestamp <= agreement.deadline, OfferExpired(agreement.deadline, block.timestamp));
        require(!isUsed[digest], AgreementUsed(digest));
        require(agreement.buyerId != agreement.sellerId, SelfTrade(agreement.buyerId));
        Terms memory terms = Terms(agreement.firstSlot, agreement.slotCount, agreement.energyWh, agreement.price);
        _requireTradable(terms);

        isUsed[digest] = true;
        _conclude(0, agreement.buyerId, agreement.sellerId, terms, digest);
    }

    function _requireParty(
        Agreement calldata agreement,
        bool isBuyer,
        uint32 participantId,
        address key,
        bytes32 structHash,
        bytes calldata signature
    ) private view {
        _requireSigned(key, structHash, signature);
        uint32 found = registry.authorize(key, _boundBy(isBuyer, agreement.energyWh, agreement.price));
        require(found == participantId, PartyMismatch(participantId, found));
    }

    /* READING */

    /// @inheritdoc INegotiation
    function negotiationOf(uint64 negotiationId) external view returns (NegotiationView memory) {
        Talk memory talk = _talks[negotiationId];
        bool hasExpired = talk.state == State.Open && block.timestamp >= talk.expiresAt;
        return
            NegotiationView({
                state: hasExpired ? State.Expired : talk.state,
                buyerId: talk.buyerId,
                sellerId: talk.sellerId,
                terms: Terms(talk.firstSlot, talk.slotCount, talk.energyWh, talk.price),
                round: talk.round,
                buyerMoved: talk.buyerMoved,
                expiresAt: talk.expiresAt
            });
    }

    /// @inheritdoc INegotiation
    function agreementDigest(Agreement calldata agreement) external view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(AGREEMENT_TYPEHASH, agreement)));
    }
}
