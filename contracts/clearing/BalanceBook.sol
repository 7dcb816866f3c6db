// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";

/// @title BalanceBook
/// @notice How the clearinghouse writes its balances down: reads, adds and takes, and knows no tokens.
abstract contract BalanceBook is IClearinghouse {
    /// @notice Most venues that can ever be added; bounds every loop over them.
    uint256 public constant MAX_VENUES = 8;
    uint256 internal constant MAX_BALANCE = type(uint64).max;
    uint256 private constant LATELY_SLOTS = 256;

    /// @dev 8 + 40 + 64 = 112 bits. `index` counts from 1; 0 is no venue.
    struct VenueEntry {
        uint8 index;
        uint40 activeFrom;
        uint64 pool;
    }

    /// @dev 64 + 8 + 8 = 80 bits. `held` bounds every balance and their sum, so no addition below can overflow 64 bits.
    struct Holding {
        uint64 held;
        bool everDeposited;
        uint8 foundingVenues;
    }

    Holding internal _holding;
    address[] internal _venueList;
    mapping(address venue => VenueEntry) internal _venues;

    /// @dev Balance 0 is free, balance i is the collateral for venue i. Four balances of 64 bits in each of three words:
    ///
    ///        255      192 191      128 127       64 63         0
    ///   [0] | venue 3    | venue 2    | venue 1    | free       |
    ///   [1] | venue 7    | venue 6    | venue 5    | venue 4    |
    ///   [2] |                                      | venue 8    |
    ///
    /// With three venues one write moves money between any two of a participant's balances.
    mapping(uint32 participantId => uint256[3]) internal _balances;

    /// @dev For venue i, in 32 bits from 32 * (i - 1) on: the slot in which the participant first locked collateral for it,
    /// 0 if it never did. MAX_VENUES fill the word.
    mapping(uint32 participantId => uint256 word) private _joined;

    /// @dev Eight participants a word, 32 bits each from 32 * (participantId % 8) on: | lately 24 | venues 8 |. `venues` has bit
    /// i - 1 for each venue i that the participant joined, and `lately` is the last slot in which it joined one divided by
    /// LATELY_SLOTS: mostly that is long past, and the participant's own word of `_joined` need not be read.
    uint256[1 << 29] private _memberships;

    /* READING */

    /// @inheritdoc IClearinghouse
    function freeOf(uint32 participantId) public view returns (uint256) {
        return _balance(participantId, 0);
    }

    /// @inheritdoc IClearinghouse
    function collateralOf(address venue, uint32 participantId) external view returns (uint256) {
        uint256 index = _venues[venue].index;
        return index == 0 ? 0 : _balance(participantId, index);
    }

    /// @inheritdoc IClearinghouse
    function poolOf(address venue) external view returns (uint256) {
        return _venues[venue].pool;
    }

    /// @inheritdoc IClearinghouse
    function venues() external view returns (address[] memory active) {
        // Both loops take at most MAX_VENUES turns. A later venue is never active before an earlier one.
        uint256 count;
        while (count < _venueList.length && isVenue(_venueList[count])) count++;
        active = new address[](count);
        for (uint256 i = 0; i < count; i++) {
            active[i] = _venueList[i];
        }
    }

    /// @inheritdoc IClearinghouse
    function foundingVenues() external view returns (uint256) {
        return _holding.foundingVenues;
    }

    /// @inheritdoc IClearinghouse
    function placeOf(address venue) external view returns (uint256) {
        uint256 index = _venues[venue].index;
        require(index != 0, NotAVenue(venue));
        return index - 1;
    }

    /// @inheritdoc IClearinghouse
    function standingsOf(
        address venue,
        uint32[] calldata participantIds,
        uint32 slot
    ) external view returns (uint256[] memory words) {
        uint256 index = _indexOf(venue);
        words = new uint256[](participantIds.length);
        for (uint256 i = 0; i < words.length; ++i) {
            uint32 participantId = participantIds[i];
            words[i] = (_joinedBits(participantId, slot) << 64) | _balance(participantId, index);
        }
    }

    /// @inheritdoc IClearinghouse
    function joinedVenues(uint32 participantId, uint32 slot) external view returns (uint256) {
        return _joinedBits(participantId, slot);
    }

    /// @dev At most MAX_VENUES turns.
    function _joinedBits(uint32 participantId, uint256 slot) private view returns (uint256 bits) {
        // Casts cut fields out of the word. The bit of a venue moves no further than MAX_VENUES.
        unchecked {
            uint256 lane = uint32(_memberships[participantId / 8] >> (32 * (participantId % 8)));
            if (lane >> MAX_VENUES < slot / LATELY_SLOTS) return uint8(lane);
            uint256 word = _joined[participantId];
            uint256 first = slot == 0 ? 0 : slot - 1;
            for (uint256 bit = 1; word != 0; bit <<= 1) {
                // Of one never joined 0 - 1 is no slot.
                if (uint256(uint32(word)) - 1 < first) bits |= bit;
                word >>= 32;
            }
        }
    }

    /// @inheritdoc IClearinghouse
    function isVenue(address venue) public view returns (bool) {
        VenueEntry memory entry = _venues[venue];
        return entry.index != 0 && entry.activeFrom <= block.timestamp;
    }

    /// @inheritdoc IClearinghouse
    function held() external view returns (uint256) {
        return _holding.held;
    }

    /* BALANCES */

    function _indexOf(address venue) internal view returns (uint256) {
        require(isVenue(venue), NotAVenue(venue));
        return _venues[venue].index;
    }

    function _balance(uint32 participantId, uint256 index) internal view returns (uint256) {
        return (_balances[participantId][index / 4] >> _bitsBefore(index)) & MAX_BALANCE;
    }

    /// @dev Does not carry into the neighbour: a balance and `amount` are parts of what is held, at most MAX_BALANCE.
    function _add(uint32 participantId, uint256 index, uint256 amount) internal {
        _balances[participantId][index / 4] += amount << _bitsBefore(index);
    }

    /// @dev Remembers the slot of the first time. Slots have 32 bits everywhere, and the first one is long past.
    function _join(uint32 participantId, uint256 index, uint256 slot) internal {
        uint256 word = _joined[participantId];
        uint256 shift = 32 * (index - 1);
        if (uint32(word >> shift) != 0) return;

        _joined[participantId] = word | (slot << shift);
        uint256 memberships = _memberships[participantId / 8];
        shift = 32 * (participantId % 8);
        uint256 venuesOf = uint8(memberships >> shift) | (1 << (index - 1));
        uint256 lane = ((slot / LATELY_SLOTS) << MAX_VENUES) | venuesOf;
        _memberships[participantId / 8] = (memberships & ~(uint256(type(uint32).max) << shift)) | (lane << shift);
    }

    function _takeFree(uint32 participantId, uint256 amount) internal {
        uint256 available = _balance(participantId, 0);
        require(amount <= available, FreeBalanceTooLow(participantId, amount, available));
        _balances[participantId][0] -= amount;
    }

    function _takeCollateral(uint32 participantId, uint256 index, uint256 amount) internal {
        uint256 available = _balance(participantId, index);
        require(amount <= available, CollateralTooLow(participantId, amount, available));
        _balances[participantId][index / 4] -= amount << _bitsBefore(index);
    }

    /// @dev Takes collateral and adds to another balance, with one read and one write if they share a word. What is added
    /// may be charged later in the same call, so that it is held against the limit here.
    function _shift(uint256 participantId, uint256 from, uint256 to, uint256 taken, uint256 given) internal {
        // Cut out of 32 bits by the caller.
        uint256[3] storage balances = _balances[uint32(participantId)];
        uint256 word = balances[from / 4];
        uint256 shift = _bitsBefore(from);
        uint256 available = (word >> shift) & MAX_BALANCE;
        require(taken <= available, CollateralTooLow(uint32(participantId), taken, available));
        // Neither borrows from a neighbour nor carries into it: there is as much, and there is room.
        unchecked {
            word -= taken << shift;
            if (from / 4 != to / 4) {
                balances[from / 4] = word;
                if (given == 0) return;
                word = balances[to / 4];
            }
            shift = _bitsBefore(to);
            uint256 room = MAX_BALANCE - ((word >> shift) & MAX_BALANCE);
            require(given <= room, HoldingLimitExceeded(room, given));
            balances[to / 4] = word + (given << shift);
        }
    }

    /// @dev How many bits of its word stand below a balance.
    function _bitsBefore(uint256 index) private pure returns (uint256) {
        // At most 192.
        unchecked {
            return 64 * (index % 4);
        }
    }

    function _movePool(address venue, uint256 charged, uint256 paid) internal {
        uint256 available = _venues[venue].pool + charged;
        require(paid <= available, PoolTooLow(venue, paid, available));
        // The cast is safe: a pool is a part of what is held, at most MAX_BALANCE.
        _venues[venue].pool = uint64(available - paid);
    }
}
