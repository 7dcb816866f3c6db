// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {MarginLib} from "./MarginLib.sol";

/// @title The margins of a span and what was filled so far, as FillLib needs them
/// @dev Of each eight slots a table has four words, with a lane of 32 bits for each slot as orders have them, and then seven
/// words for each slot. A rank is the tick of a bid, and 511 less the tick of an ask: who offers more has a higher one.
///
///   0  rank from which a bid fills whole               1  these bits, of bids and of asks, that differ
///   2  rank from which a bid must be looked at         3  these bits, of bids and of asks, that differ
///
///   0  sums of what was better than the margins and of what stood at them:
///      | zero 64 | askMarginWh 48 | bidMarginWh 48 | askWh 48 | bidWh 48 |
///   1  tick of the worst filled bid; 256 if none fills         3  price, 0.001 EUR/MWh
///   2  256 + tick of the worst filled ask; 255 if none fills   4  what the price lacks to the cover price
///   5  the cut: bids that are left out stand below it, asks at it or above
///   6  the margins (MarginLib)
library FillTable {
    using MarginLib for uint256;

    /// @dev Of eight slots and of one, in words.
    uint256 private constant BLOCK = 60;
    uint256 private constant LANE_WORDS = 4;
    uint256 private constant SLOT_WORDS = 7;
    /// @dev Above all ranks.
    uint256 private constant NO_RANK = 512;

    /// @notice A table of so many slots, all zero.
    function newTable(uint256 slots) internal pure returns (uint256[] memory) {
        return new uint256[](slots * SLOT_WORDS + ((slots + 7) / 8) * LANE_WORDS);
    }

    /// @notice Writes a slot of a table, which has it and nothing there yet.
    function setSlot(uint256[] memory table, uint256 slot, uint256 plan, uint256 sums) internal pure {
        // Places are ticks plus one, and zero or 257 without trade.
        unchecked {
            uint256 worstBid = plan.bidOf() - 1;
            uint256 worstAsk = plan.askOf() + 255;
            uint256 cut = plan.cutOf() == 0 ? 0 : plan.cutOf() - 1;
            _setLanes(table, slot, worstBid, 767 - worstAsk, cut);
            uint256 price = plan.priceOf();
            uint256 missing = plan.missingOf();
            uint256 at = placeOf(table, slot);
            // solhint-disable-next-line no-inline-assembly
            assembly ("memory-safe") {
                mstore(at, sums)
                mstore(add(at, 0x20), worstBid)
                mstore(add(at, 0x40), worstAsk)
                mstore(add(at, 0x60), price)
                mstore(add(at, 0x80), missing)
                mstore(add(at, 0xa0), cut)
                mstore(add(at, 0xc0), plan)
            }
        }
    }

    /// @dev Ranks of the margins: whoever has one fills in part, which is looked at; whoever has more fills whole. Who has less
    /// is looked at as well where the cut lets nobody be left out.
    function _setLanes(uint256[] memory table, uint256 slot, uint256 bid, uint256 ask, uint256 cut) private pure {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            function put(at, shift, ofBid, ofAsk) {
                mstore(at, or(mload(at), shl(shift, ofBid)))
                at := add(at, 0x20)
                mstore(at, or(mload(at), shl(shift, xor(ofBid, ofAsk))))
            }
            let at := add(add(table, 0x20), mul(shr(3, slot), 0x780))
            let shift := shl(5, and(slot, 7))
            put(at, shift, add(bid, 1), add(ask, 1))
            if lt(cut, bid) {
                bid := cut
            }
            // The place of a cut has nine bits.
            cut := sub(NO_RANK, cut)
            if lt(cut, ask) {
                ask := cut
            }
            put(add(at, 0x40), shift, bid, ask)
        }
    }

    /// @notice Where in memory a slot of a table stands, which has it.
    function placeOf(uint256[] memory table, uint256 slot) internal pure returns (uint256 place) {
        // At most 96 slots.
        unchecked {
            place = 32 * (1 + (slot / 8 + 1) * LANE_WORDS + slot * SLOT_WORDS);
        }
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            place := add(table, place)
        }
    }

    /// @notice The sums of a slot, which the table has.
    function sumsOf(uint256[] memory table, uint256 slot) internal pure returns (uint256 sums) {
        uint256 at = placeOf(table, slot);
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            sums := mload(at)
        }
    }

    /// @notice Whether what stood at a slot's margins is what was said, and both sides come to the same volume.
    function isMatched(uint256[] memory table, uint256 slot) internal pure returns (bool matched) {
        uint256 at = placeOf(table, slot);
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let sums := mload(at)
            let plan := mload(add(at, 0xc0))
            let bought := add(and(sums, 0xffffffffffff), and(shr(67, plan), 0xffffffffff))
            let sold := add(and(shr(48, sums), 0xffffffffffff), and(shr(147, plan), 0xffffffffff))
            let bids := sub(and(shr(96, sums), 0xffffffffffff), and(shr(27, plan), 0xffffffffff))
            let asks := sub(shr(144, sums), and(shr(107, plan), 0xffffffffff))
            matched := iszero(or(or(bids, asks), sub(bought, sold)))
        }
    }

    /// @notice The slot of a table that stands at a place in memory.
    function slotAt(uint256[] memory table, uint256 place) internal pure returns (uint256) {
        // A place is not before the first one.
        unchecked {
            uint256 words = (place - placeOf(table, 0)) / 32;
            return 8 * (words / BLOCK) + (words % BLOCK) / SLOT_WORDS;
        }
    }
}
