// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LadderLib} from "../libraries/LadderLib.sol";
import {OrderLib} from "../libraries/OrderLib.sol";
import {IAuction} from "../../interfaces/IAuction.sol";

/// @title LadderWords
/// @notice Shows the words of ladders and orders to tests.
contract LadderWords {
    function stored(uint256 quantities, uint256 epoch) external pure returns (uint256) {
        return LadderLib.stored(quantities, epoch);
    }

    function quantitiesOf(uint256 word, uint256 epoch) external pure returns (uint256) {
        return LadderLib.quantitiesOf(word, epoch);
    }

    function heldAt(uint256 quantities, uint256 tick) external pure returns (uint256) {
        return LadderLib.heldAt(quantities, tick);
    }

    function added(uint256 quantities, uint256 tick, uint256 energyWh) external pure returns (uint256) {
        return LadderLib.added(quantities, tick, energyWh);
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
