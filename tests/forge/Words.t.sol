// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LadderLib} from "../../contracts/libraries/LadderLib.sol";
import {MoneyLib} from "../../contracts/libraries/MoneyLib.sol";
import {OrderLib} from "../../contracts/libraries/OrderLib.sol";
import {IAuction} from "../../interfaces/IAuction.sol";
import {Base} from "./Base.sol";

/// @title Rounding from energy and price to money
contract MoneyTest is Base {
    function testFuzz_roundingIsExactToOneUnit(uint96 energyWh, uint32 price) external pure {
        uint256 product = uint256(energyWh) * price;
        uint256 up = MoneyLib.paymentUp(energyWh, price);
        uint256 down = MoneyLib.paymentDown(energyWh, price);
        _holds(up * 1000 >= product && up * 1000 < product + 1000, "up is the least that is not below");
        _holds(down * 1000 <= product && down * 1000 + 1000 > product, "down is the most that is not above");
        _same(up - down, product % 1000 == 0 ? 0 : 1, "they differ by the unit that is rounded");
    }

    /// @dev Cutting an order into two never pays more than a unit less, and a seller never gains by it.
    function testFuzz_splittingGainsNothing(uint64 one, uint64 other, uint32 price) external pure {
        uint256 whole = uint256(one) + other;
        uint256 paid = MoneyLib.paymentUp(one, price) + MoneyLib.paymentUp(other, price);
        uint256 got = MoneyLib.paymentDown(one, price) + MoneyLib.paymentDown(other, price);
        _holds(paid >= MoneyLib.paymentUp(whole, price), "a buyer that splits pays no less");
        _holds(paid <= MoneyLib.paymentUp(whole, price) + 1, "and at most a unit more");
        _holds(got <= MoneyLib.paymentDown(whole, price), "a seller that splits gets no more");
        _holds(got + 1 >= MoneyLib.paymentDown(whole, price), "and at most a unit less");
    }

    function testFuzz_paymentsCoverRevenues(uint32[8] calldata bought, uint32 price) external pure {
        uint256 sum;
        uint256 paid;
        for (uint256 i = 0; i < bought.length; ++i) {
            sum += bought[i];
            paid += MoneyLib.paymentUp(bought[i], price);
        }
        _holds(paid >= MoneyLib.paymentDown(sum, price), "the margin mints no money");
        _holds(paid <= MoneyLib.paymentUp(sum, price) + bought.length, "dust is below a unit a trade");
    }
}

/// @title Words of ladders
contract LadderTest is Base {
    using LadderLib for uint256;

    function testFuzz_addingTouchesOneTick(uint256 word, uint8 tick, uint32 more) external pure {
        uint256 held = word.heldAt(tick);
        uint256 energyWh = _within(more, 0, LadderLib.MAX_TICK_WH - held);
        uint256 changed = word.added(tick, energyWh);
        for (uint256 i = 0; i < 8; ++i) {
            uint256 wanted = word.heldAt(i) + (i == (tick & 7) ? energyWh : 0);
            _same(changed.heldAt(i), wanted, "quantity");
        }
        _same(changed >> LadderLib.EPOCH_SHIFT, word >> LadderLib.EPOCH_SHIFT, "epoch");
    }

    function testFuzz_shiftedWordsBeginAtTheTick(uint256 word, uint8 tick) external pure {
        uint256 up = word.fromTick(tick);
        uint256 down = word.downFromTick(tick);
        _same(up & LadderLib.MAX_TICK_WH, word.heldAt(tick), "lowest");
        _same(down >> LadderLib.TOP_SHIFT, word.heldAt(tick), "highest");
        uint256 above;
        uint256 below;
        for (uint256 i = 0; i < 8; ++i) {
            if (i >= (tick & 7)) above |= word.heldAt(i);
            if (i <= (tick & 7)) below |= word.heldAt(i);
        }
        _holds((up == 0) == (above == 0), "nothing from the tick on");
        _holds((down == 0) == (below == 0), "nothing from the tick down");
    }

    function testFuzz_lanesSumUp(uint256[32] calldata words) external pure {
        uint256 lanes;
        uint256 sum;
        for (uint256 i = 0; i < 32; ++i) {
            lanes += words[i].lanesOf();
            for (uint256 tick = 0; tick < 8; ++tick) {
                sum += words[i].heldAt(tick);
            }
        }
        _same(lanes.totalOf(), sum, "total");
    }
}

/// @title The word of an order
contract OrderTest is Base {
    using OrderLib for uint256;

    function testFuzz_aCommitmentKeepsItsFields(bool isAsk, uint16 epoch, uint48 bound, bytes32 hash) external pure {
        uint256 side = isAsk ? 1 : 0;
        bytes32 digest = (hash >> 72) << 72;
        uint256 word = OrderLib.committed(side, epoch, bound, digest);
        _holds(word.isCommitted() && !word.isNone() && !word.isOpened() && !word.isFinished(), "state");
        _same(uint256(word.stateOf()), uint256(IAuction.OrderState.Committed), "state");
        _same(word.sideOf(), side, "side");
        _same(word.epochOf(), epoch, "epoch");
        _same(word.boundOf(), bound, "bound");
        _same(uint256(word.digestOf()), uint256(digest), "digest");
        _holds(word.isSealing(uint256(hash)) && !word.isOnLadder(), "seals its hash");
    }

    function testFuzz_anotherHashIsNotSealed(uint16 epoch, uint48 bound, uint256 hash, uint256 other) external pure {
        uint256 word = OrderLib.committed(0, epoch, bound, bytes32((hash >> 72) << 72));
        _holds(word.isSealing(other) == (hash >> 72 == other >> 72), "the upper 184 bits decide");
    }

    function testFuzz_anOrderKeepsItsFields(
        bool isAsk,
        uint16 epoch,
        uint48 bound,
        uint16 tick,
        uint32 energyWh,
        uint32 aheadWh
    ) external pure {
        uint256 side = isAsk ? 1 : 0;
        uint256 word = OrderLib.opened(side, epoch, bound, tick, energyWh, aheadWh);
        _fields(word, IAuction.OrderState.Opened, side, epoch, bound);
        _tail(word, tick, energyWh, aheadWh);
        _holds(word.isAsk() == isAsk && word.isOnLadder() == (energyWh != 0), "on the ladder");

        uint256 sealedWord = OrderLib.committed(side, epoch, bound, bytes32(type(uint256).max << 72));
        _same(sealedWord.opening(tick, energyWh, aheadWh), word, "an opened commitment is the same order");
    }

    function testFuzz_laterStatesKeepTheOrder(
        uint16 epoch,
        uint48 bound,
        uint48 kept,
        uint16 tick,
        uint32 energyWh,
        uint104 amount,
        uint8 state
    ) external pure {
        IAuction.OrderState later = IAuction.OrderState(_within(state, 2, 5));
        uint256 word = OrderLib.opened(1, epoch, bound, tick, energyWh, energyWh).compensated(amount);
        _same(word.compensatedOf(), amount, "compensated");
        word = word.advanced(later, kept);
        _fields(word, later, 1, epoch, kept);
        _tail(word, tick, energyWh, energyWh);
        _same(word.compensatedOf(), amount, "compensated");
        _holds(word.isFinished() == (later >= IAuction.OrderState.Forfeited), "finished");
    }

    function testFuzz_sharesAtTheMarginSumExactly(uint32[6] calldata drawn, uint32 part) external pure {
        uint256 marginWh;
        for (uint256 i = 0; i < 6; ++i) {
            marginWh += _within(drawn[i], 1, 1 << 27);
        }
        uint256 rationed = _within(part, 0, marginWh);
        uint256 ahead;
        uint256 sum;
        for (uint256 i = 0; i < 6; ++i) {
            uint256 energyWh = _within(drawn[i], 1, 1 << 27);
            uint256 word = OrderLib.opened(i & 1, 3, 0, 77, energyWh, ahead);
            uint256 filled = word.filledBy(77, marginWh, rationed);
            _holds(filled <= energyWh, "no more than the order");
            // Within 1 Wh of its part, whatever came before.
            _holds(filled * marginWh < energyWh * rationed + marginWh, "not above");
            _holds(filled * marginWh + marginWh > energyWh * rationed, "not below");
            (ahead, sum) = (ahead + energyWh, sum + filled);
        }
        _same(sum, rationed, "all that is rationed");
    }

    function testFuzz_offTheMarginAnOrderFillsWholeOrNot(
        bool isAsk,
        uint8 tick,
        uint8 margin,
        uint32 energyWh
    ) external pure {
        vm.assume(tick != margin);
        uint256 word = OrderLib.opened(isAsk ? 1 : 0, 0, 0, tick, energyWh, 9);
        bool isBetter = isAsk ? tick < margin : tick > margin;
        _same(word.filledBy(margin, 5, 2), isBetter ? energyWh : 0, "fill");
    }

    function _fields(uint256 word, IAuction.OrderState state, uint256 side, uint256 epoch, uint256 bound) private pure {
        _same(uint256(word.stateOf()), uint256(state), "state");
        _same(word.sideOf(), side, "side");
        _same(word.epochOf(), epoch, "epoch");
        _same(word.boundOf(), bound, "bound");
        _holds(word.isOfEpoch(epoch | (1 << 16)) && !word.isOfEpoch(epoch ^ 1), "of its epoch");
    }

    function _tail(uint256 word, uint256 tick, uint256 energyWh, uint256 aheadWh) private pure {
        _same(word.tickOf(), tick, "tick");
        _same(word.energyOf(), energyWh, "energy");
        _same(word.aheadOf(), aheadWh, "ahead");
    }
}
