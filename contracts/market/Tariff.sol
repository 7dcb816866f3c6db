// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {ITariff} from "../../interfaces/ITariff.sol";
import {AnnouncementLib} from "../libraries/AnnouncementLib.sol";
import {TariffBook} from "./TariffBook.sol";

/// @title A posted price for each slot, from the ratio of supply to demand, which participants take or leave
contract Tariff is TariffBook {
    using AnnouncementLib for uint256;

    bytes32 private constant ANNOUNCE_TYPEHASH = keccak256(
        "Announce(uint32 slot,uint8 side,uint32 energyWh,uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant TAKE_TYPEHASH = keccak256(
        "Take(uint32 slot,uint8 side,uint32 energyWh,uint32 price,uint256 nonce,uint256 deadline)"
    );

    constructor(
        IClearinghouse clearinghouse_,
        address settlement_,
        Config memory config_
    ) TariffBook(clearinghouse_, settlement_, config_) {}

    /* ANNOUNCING */

    /// @inheritdoc ITariff
    function announce(Announcement calldata announcement) external {
        uint256 bound = _boundBy(announcement);
        _announce(_caller(bound), announcement, bound);
    }

    /// @inheritdoc ITariff
    function announceMany(Announcement[] calldata announcements) external {
        uint256 largest;
        // One announcement a slot, so at most as many turns as the horizon has slots; the same below.
        for (uint256 i = 0; i < announcements.length; ++i) {
            uint256 bound = _boundBy(announcements[i]);
            if (bound > largest) largest = bound;
        }
        uint32 participantId = _caller(largest);

        for (uint256 i = 0; i < announcements.length; ++i) {
            _announce(participantId, announcements[i], _boundBy(announcements[i]));
        }
    }

    /// @inheritdoc ITariff
    function announceFor(
        Announcement calldata announcement,
        address key,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external {
        bytes32 structHash = keccak256(abi.encode(ANNOUNCE_TYPEHASH, announcement, nonce, deadline));
        uint256 bound = _boundBy(announcement);
        _announce(_signer(key, structHash, nonce, deadline, signature, bound), announcement, bound);
    }

    function _announce(uint32 participantId, Announcement calldata announcement, uint256 bound) private {
        (uint32 slot, uint32 energyWh) = (announcement.slot, announcement.energyWh);
        _requireAnnouncing(slot);
        require(energyWh != 0 && energyWh <= _maxEnergyWh, EnergyOutOfRange(energyWh, _maxEnergyWh));
        Word storage place = _freePlace(slot, participantId);
        uint256 side = uint256(announcement.side);

        _bind(participantId, bound);
        place.bits = AnnouncementLib.announced(side, _epochOf(slot), bound, energyWh);
        Word storage sums = _sumsAt(slot);
        sums.bits = sums.bits.withAnnounced(side, energyWh);

        // The cast is safe: the largest announcement at the dearest price fits, see the constructor.
        emit EnergyAnnounced(slot, participantId, announcement.side, energyWh, uint48(bound));
    }

    function _boundBy(Announcement calldata announcement) private view returns (uint256) {
        return _worstCost(uint256(announcement.side), announcement.energyWh);
    }

    /* TAKING */

    /// @inheritdoc ITariff
    function take(Taking calldata taking) external {
        uint256 cost = _costOf(taking);
        _take(_caller(cost), taking, cost);
    }

    /// @inheritdoc ITariff
    function takeMany(Taking[] calldata takings) external {
        uint256 largest;
        for (uint256 i = 0; i < takings.length; ++i) {
            uint256 cost = _costOf(takings[i]);
            if (cost > largest) largest = cost;
        }
        uint32 participantId = _caller(largest);

        for (uint256 i = 0; i < takings.length; ++i) {
            _take(participantId, takings[i], _costOf(takings[i]));
        }
    }

    /// @inheritdoc ITariff
    function takeFor(
        Taking calldata taking,
        address key,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external {
        bytes32 structHash = keccak256(abi.encode(TAKE_TYPEHASH, taking, nonce, deadline));
        uint256 cost = _costOf(taking);
        _take(_signer(key, structHash, nonce, deadline, signature, cost), taking, cost);
    }

    function _take(uint32 participantId, Taking calldata taking, uint256 cost) private {
        (uint32 slot, uint256 side) = (taking.slot, uint256(taking.side));
        _requireTaking(slot);
        Word storage sums = _sumsAt(slot);
        uint256 bits = sums.bits;
        (Word storage place, uint256 word) = _requireTakable(participantId, taking, _priceBy(bits));

        // What was announced costs no less, at the worst price.
        uint256 unbound = word.boundOf() - cost;
        place.bits = word.taking(cost, taking.energyWh, bits.takenOn(side));
        sums.bits = bits.withTaken(side, taking.energyWh);
        _unbind(participantId, unbound);

        // The cast is safe: a part of what was bound.
        emit PriceTaken(slot, participantId, taking.side, taking.energyWh, taking.price, uint48(unbound));
    }

    function _requireTakable(
        uint32 participantId,
        Taking calldata taking,
        uint256 posted
    ) private view returns (Word storage place, uint256 word) {
        require(taking.price == posted, PriceMismatch(posted, taking.price));
        (place, word) = _wordAt(taking.slot, participantId);
        bool isOpen = word.isAnnounced() && word.sideOf() == uint256(taking.side);
        require(isOpen, NothingToTake(taking.slot, participantId, taking.side));
        uint256 limit = word.announcedOf();
        require(taking.energyWh != 0 && taking.energyWh <= limit, EnergyOutOfRange(taking.energyWh, limit));
    }

    function _costOf(Taking calldata taking) private view returns (uint256) {
        return _cost(uint256(taking.side), taking.energyWh, taking.price);
    }
}
