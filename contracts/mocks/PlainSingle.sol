// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {FillTable} from "../libraries/FillTable.sol";
import {MarginLib} from "../libraries/MarginLib.sol";
import {MoneyLib} from "../libraries/MoneyLib.sol";
import {ScheduleLib} from "../libraries/ScheduleLib.sol";
import {SingleLib} from "../libraries/SingleLib.sol";

/// @title SingleLib beside its plain twin
contract PlainSingle {
    using FillTable for uint256[];
    using MarginLib for uint256;
    using ScheduleLib for uint256;
    using SingleLib for SingleLib.Single;

    uint256 private constant STRIDE = 73;

    /// @dev `room` is how many members a group takes.
    struct Terms {
        uint32 span;
        address collector;
        bytes32 domain;
        uint256 plan;
        uint256 page;
        uint256 zone;
        uint256 lastId;
        uint256 room;
    }

    /// @dev How many entries were walked, and what they came to; `members` are heads and fills, zero where there are none.
    struct Walked {
        uint256 count;
        uint256 lastId;
        bytes32 committed;
        uint256 sums;
        uint256[] members;
    }

    /// @dev What an order fills, its money as in a head, what it adds to the sums, and whether it stands at a margin or must
    /// not be left out.
    struct Fill {
        uint256 word;
        uint256 money;
        uint256 sum;
        bool isLooked;
    }

    function packed(
        Terms calldata terms,
        uint256[] memory records,
        bytes calldata entries
    ) external view returns (Walked memory walked) {
        SingleLib.Single memory single;
        single.frame = ScheduleLib.newFrame(1, terms.span, terms.collector, terms.domain, bytes32(0));
        uint256[] memory table = FillTable.newTable(1);
        table.setSlot(0, terms.plan, 0);
        walked.members = new uint256[](2 * terms.room);
        (single.slot, single.records) = (table.placeOf(0), _placeOf(records));
        (single.page, single.zone, single.lastId) = (terms.page, terms.zone, terms.lastId);
        (single.out, single.end) = (_placeOf(walked.members), _placeOf(walked.members) + 64 * terms.room);
        uint256 at;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            at := entries.offset
        }
        walked.count = (single.walk(at, at + entries.length) - at) / STRIDE;
        (walked.lastId, walked.committed) = (single.lastId, single.frame.committedIn());
        walked.sums = table.sumsOf(0);
    }

    function _placeOf(uint256[] memory words) private pure returns (uint256 place) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            place := add(words, 0x20)
        }
    }

    function plain(
        Terms calldata terms,
        uint256[] calldata records,
        bytes calldata entries
    ) external view returns (Walked memory walked) {
        walked.lastId = terms.lastId;
        walked.members = new uint256[](2 * terms.room);
        for (uint256 i = 0; i < entries.length / STRIDE && i < terms.room; ++i) {
            bytes calldata entry = entries[STRIDE * i:STRIDE * (i + 1)];
            uint256 id = uint32(bytes4(entry[1:5]));
            Fill memory fill = _fillOf(uint32(bytes4(entry[69:])), terms.plan);
            if (entry[0] != 0 || id <= walked.lastId || id / 256 != terms.page || fill.isLooked) break;
            if (!_isSigned(terms, records[id % 256], id, entry)) break;

            (walked.count, walked.lastId) = (i + 1, id);
            bytes32 leaf = keccak256(abi.encodePacked(_structHash(terms, id, entry), entry[5:69]));
            walked.committed = keccak256(abi.encode(walked.committed, leaf));
            walked.sums += fill.sum;
            (walked.members[2 * i], walked.members[2 * i + 1]) = ((id << 224) | fill.money, fill.word);
        }
    }

    function _isSigned(
        Terms calldata terms,
        uint256 record,
        uint256 id,
        bytes calldata entry
    ) private view returns (bool) {
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", terms.domain, _structHash(terms, id, entry)));
        (address signer, , ) = ECDSA.tryRecover(digest, bytes32(entry[5:37]), bytes32(entry[37:69]));
        bool isValid = block.timestamp < uint40(record >> 32);
        return isValid && address(uint160(record >> 72)) == signer && uint32(record) == terms.zone;
    }

    function _structHash(Terms calldata terms, uint256 id, bytes calldata entry) private pure returns (bytes32) {
        bytes32 ordersHash = keccak256(abi.encode(uint256(uint32(bytes4(entry[69:])))));
        return keccak256(abi.encode(ScheduleLib.TYPEHASH, terms.span, id, terms.collector, ordersHash));
    }

    function _fillOf(uint256 order, uint256 plan) private pure returns (Fill memory fill) {
        (uint256 energyWh, uint256 spot) = (order & 0x7fffff, ((order >> 23) & 0xff) + 1);
        bool isAsk = order >> 31 == 1;
        if (energyWh == 0) return fill;
        if (isAsk ? spot < plan.askOf() : spot > plan.bidOf()) {
            uint256 paid = MoneyLib.paymentUp(energyWh, isAsk ? plan.missingOf() : plan.priceOf());
            uint256 got = isAsk ? MoneyLib.paymentDown(energyWh, plan.priceOf()) : 0;
            fill.money = isAsk ? (paid << 96) | (got << 32) : paid << 160;
            fill.word = isAsk ? energyWh | (1 << 31) : energyWh;
            fill.sum = isAsk ? energyWh << 48 : energyWh;
            return fill;
        }
        bool isOut = isAsk ? spot >= plan.cutOf() : spot < plan.cutOf();
        fill.isLooked = !isOut || spot == (isAsk ? plan.askOf() : plan.bidOf());
    }
}
