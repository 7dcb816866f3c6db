// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LadderLib} from "../libraries/LadderLib.sol";
import {OrderLib} from "../libraries/OrderLib.sol";
import {IAuction} from "../../interfaces/IAuction.sol";

/// @title LadderWords
/// @notice Shows the words of ladders and orders to tests.
contract LadderWords {
    function fromTick(uint256 word, uint256 tick) external pure returns (uint256) {
        return LadderLib.fromTick(word, tick);
    }

    function downFromTick(uint256 word, uint256 tick) external pure returns (uint256) {
        return LadderLib.downFromTick(word, tick);
    }

    function heldAt(uint256 word, uint256 tick) external pure returns (uint256) {
        return LadderLib.heldAt(word, tick);
    }

    function added(uint256 word, uint256 tick, uint256 energyWh) external pure returns (uint256) {
        return LadderLib.added(word, tick, energyWh);
    }

    function totalOf(uint256[] calldata words) external pure returns (uint256) {
        uint256 lanes;
        for (uint256 i = 0; i < words.length; ++i) {
            lanes += LadderLib.lanesOf(words[i]);
        }
        return LadderLib.totalOf(lanes);
    }

    function committed(uint256 side, uint256 epoch, uint256 bound, bytes32 digest) external pure returns (uint256) {
        return OrderLib.committed(side, epoch, bound, digest);
    }

    function opened(
        uint256 side,
        uint256 epoch,
        uint256 bound,
        uint256 tick,
        uint256 energyWh,
        uint256 aheadWh
    ) external pure returns (uint256) {
        return OrderLib.opened(side, epoch, bound, tick, energyWh, aheadWh);
    }

    function advanced(uint256 word, IAuction.OrderState state, uint256 bound) external pure returns (uint256) {
        return OrderLib.advanced(word, state, bound);
    }

    function opening(uint256 word, uint256 tick, uint256 energyWh, uint256 aheadWh) external pure returns (uint256) {
        return OrderLib.opening(word, tick, energyWh, aheadWh);
    }

    function isSealing(uint256 word, uint256 hash) external pure returns (bool) {
        return OrderLib.isSealing(word, hash);
    }

    function isOfEpoch(uint256 word, uint256 epoch) external pure returns (bool) {
        return OrderLib.isOfEpoch(word, epoch);
    }

    function compensated(uint256 word, uint256 amount) external pure returns (uint256) {
        return OrderLib.compensated(word, amount);
    }

    /// @notice State, side, epoch, bound, tick, energy, what stands ahead, compensation, and the digest's bits.
    function fieldsOf(uint256 word) external pure returns (uint256[9] memory) {
        return
            [
                uint256(OrderLib.stateOf(word)),
                OrderLib.sideOf(word),
                OrderLib.epochOf(word),
                OrderLib.boundOf(word),
                OrderLib.tickOf(word),
                OrderLib.energyOf(word),
                OrderLib.aheadOf(word),
                OrderLib.compensatedOf(word),
                uint256(OrderLib.digestOf(word))
            ];
    }

    function filledBy(
        uint256 word,
        uint256 marginTick,
        uint256 marginWh,
        uint256 filledWh
    ) external pure returns (uint256) {
        return OrderLib.filledBy(word, marginTick, marginWh, filledWh);
    }
}
