// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {IDayAheadAuction} from "../../interfaces/IDayAheadAuction.sol";
import {BindLib} from "../libraries/BindLib.sol";
import {GroupLib} from "../libraries/GroupLib.sol";
import {ScheduleLib} from "../libraries/ScheduleLib.sol";

/// @title ScheduleLib, BindLib and GroupLib beside their plain twins
contract PlainSchedule {
    using BindLib for BindLib.Words;
    using GroupLib for GroupLib.Group;
    using ScheduleLib for uint256;

    struct Terms {
        uint256 slots;
        uint32 span;
        address collector;
        bytes32 domain;
    }

    struct Found {
        uint256 source;
        uint256 participantId;
        bytes32 ordersHash;
        address signer;
        bytes32 committed;
    }

    /* ENTRIES */

    function packed(Terms calldata terms, bytes calldata entries) external view returns (Found[] memory found) {
        uint256 stride = ScheduleLib.strideOf(terms.slots);
        found = new Found[](entries.length / stride);
        uint256 frame = ScheduleLib.newFrame(terms.slots, terms.span, terms.collector, terms.domain, bytes32(0));
        uint256 at;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            at := entries.offset
        }
        for (uint256 i = 0; i < found.length; ++i) {
            (found[i].source, found[i].participantId) = frame.read(at);
            found[i].signer = frame.signed(at);
            (found[i].ordersHash, found[i].committed) = (frame.ordersHashIn(), frame.committedIn());
            at += stride;
        }
    }

    function plain(Terms calldata terms, bytes calldata entries) external pure returns (Found[] memory found) {
        uint256 stride = 69 + 4 * terms.slots;
        found = new Found[](entries.length / stride);
        bytes32 committed;
        for (uint256 i = 0; i < found.length; ++i) {
            found[i] = _found(terms, entries[i * stride:(i + 1) * stride], committed);
            committed = found[i].committed;
        }
    }

    function _found(
        Terms calldata terms,
        bytes calldata entry,
        bytes32 committed
    ) private pure returns (Found memory found) {
        found.source = uint8(entry[0]);
        found.participantId = uint32(bytes4(entry[1:5]));
        (bytes32 r, bytes32 vs) = (bytes32(entry[5:37]), bytes32(entry[37:69]));
        found.ordersHash = keccak256(abi.encodePacked(_wordsOf(entry[69:], terms.slots)));
        bytes32 hashed = keccak256(
            abi.encode(ScheduleLib.TYPEHASH, terms.span, found.participantId, terms.collector, found.ordersHash)
        );
        (found.signer, , ) = ECDSA.tryRecover(keccak256(abi.encodePacked(hex"1901", terms.domain, hashed)), r, vs);
        found.committed = keccak256(abi.encode(committed, keccak256(abi.encode(hashed, r, vs))));
    }

    function _wordsOf(bytes calldata orders, uint256 slots) private pure returns (uint256[] memory words) {
        words = new uint256[]((slots + 7) / 8);
        for (uint256 i = 0; i < words.length; ++i) {
            uint256 size = i < slots / 8 ? 32 : 4 * (slots % 8);
            words[i] = uint256(bytes32(orders[32 * i:32 * i + size])) >> (256 - 8 * size);
        }
    }

    /* BINDING */

    function packedBind(
        BindLib.Words memory words,
        uint256[] calldata heads
    ) external pure returns (bool elsewhere, bool isBound, BindLib.Words memory after_) {
        uint256 at;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            at := heads.offset
        }
        elsewhere = words.isElsewhere(at);
        isBound = words.bind(at);
        after_ = words;
    }

    function plainBind(
        BindLib.Words memory words,
        uint256[] calldata heads
    ) external pure returns (bool elsewhere, bool isBound, BindLib.Words memory after_) {
        uint256 participantId = heads[0] >> 224;
        uint256 bound = uint256(uint64(heads[0] >> 160)) + uint64(heads[0] >> 96);
        elsewhere = participantId / 6 != words.marginPlace || participantId / 256 != words.packedPlace;
        uint256 margin = (words.margins >> (42 * (participantId % 6))) % (1 << 42);
        bool isMarked = (words.packed >> (participantId % 256)) % 2 == 1;
        isBound = margin != 0 && margin >= bound && !isMarked;
        if (isBound) {
            words.margins -= bound << (42 * (participantId % 6));
            words.packed += 1 << (participantId % 256);
        }
        after_ = words;
    }

    /* GROUPS */

    function packedGroup(uint256 slots, uint256[] calldata members) external returns (bytes32) {
        uint256 stride = (slots + 7) / 8 + 1;
        GroupLib.Group memory group = GroupLib.newGroup(members.length / stride, slots);
        uint256 at;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            at := members.offset
        }
        for (uint256 i = 0; i < members.length / stride; ++i) {
            group.add(at + 32 * stride * i);
        }
        group.emitBound(bytes32(uint256(1)), 2, 3);
        return group.hashOf();
    }

    function plainGroup(uint256 slots, uint256[] calldata members) external returns (bytes32) {
        uint256 stride = (slots + 7) / 8 + 1;
        bytes memory leaves;
        bytes memory told;
        for (uint256 i = 0; i < members.length; i += stride) {
            bytes32 fills = keccak256(abi.encodePacked(members[i + 1:i + stride]));
            leaves = bytes.concat(leaves, keccak256(abi.encode(members[i], fills)));
            told = bytes.concat(told, bytes4(uint32(members[i] >> 224)));
            for (uint256 word = 0; word < stride - 1; ++word) {
                told = bytes.concat(told, _lanesOf(members[i + 1 + word], slots - 8 * word));
            }
        }
        emit IDayAheadAuction.GroupBound(bytes32(uint256(1)), 2, 3, told);
        return keccak256(leaves);
    }

    function _lanesOf(uint256 word, uint256 left) private pure returns (bytes memory lanes) {
        uint256 size = left < 8 ? 4 * left : 32;
        lanes = new bytes(size);
        for (uint256 i = 0; i < size; ++i) {
            lanes[i] = bytes1(uint8(word >> (8 * (size - 1 - i))));
        }
    }
}
