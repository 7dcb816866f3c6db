// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {LaneLib} from "../libraries/LaneLib.sol";

/// @title LaneLib beside its plain twin
contract PlainLanes {
    using LaneLib for uint256[];

    function packed(
        uint256[] calldata fills,
        uint256[] calldata importsWh,
        uint256[] calldata exportsWh
    ) external pure returns (uint256 gridBoughtWh, uint256 gridSoldWh) {
        return fills.imbalanceOf(importsWh, exportsWh);
    }

    function plain(
        uint256[] calldata fills,
        uint256[] calldata importsWh,
        uint256[] calldata exportsWh
    ) external pure returns (uint256 gridBoughtWh, uint256 gridSoldWh) {
        for (uint256 i = 0; i < fills.length * 8; ++i) {
            uint256 fill = _laneOf(fills, i);
            (uint256 boughtWh, uint256 soldWh) = fill >> 31 == 0 ? (fill, uint256(0)) : (0, fill - (1 << 31));
            (uint256 importWh, uint256 exportWh) = (_laneOf(importsWh, i), _laneOf(exportsWh, i));
            gridBoughtWh += Math.saturatingSub(importWh, boughtWh) + Math.saturatingSub(soldWh, exportWh);
            gridSoldWh += Math.saturatingSub(boughtWh, importWh) + Math.saturatingSub(exportWh, soldWh);
        }
    }

    function within(uint256[] calldata words, uint256 limit) external pure returns (bool packed_, bool plain_) {
        packed_ = words.areWithin(limit);
        plain_ = true;
        for (uint256 i = 0; i < words.length * 8; ++i) {
            if (_laneOf(words, i) > limit) plain_ = false;
        }
    }

    function _laneOf(uint256[] calldata words, uint256 i) private pure returns (uint256) {
        return uint32(words[i / 8] >> (32 * (i % 8)));
    }
}
