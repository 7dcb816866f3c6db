// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LadderLib} from "../../contracts/libraries/LadderLib.sol";
import {MoneyLib} from "../../contracts/libraries/MoneyLib.sol";
import {OrderLib} from "../../contracts/libraries/OrderLib.sol";
import {IAuction} from "../../interfaces/IAuction.sol";

/// @title Every value, not only those that a fuzzer tries: packing loses nothing and no sum overflows
contract BitsTest {
    using LadderLib for uint256;
    using OrderLib for uint256;

    /* LADDERS */

    function check_addingTouchesOneTick(uint256 word, uint256 tick, uint256 other, uint256 energyWh) external pure {
        if (tick >= 256 || other >= 8 || energyWh > LadderLib.MAX_TICK_WH) return;
        if (word.heldAt(tick) + energyWh > LadderLib.MAX_TICK_WH) return;
        uint256 changed = word.added(tick, energyWh);
        assert(changed.heldAt(other) == word.heldAt(other) + (other == (tick & 7) ? energyWh : 0));
        assert(changed >> LadderLib.EPOCH_SHIFT == word >> LadderLib.EPOCH_SHIFT);
    }

    function check_aLaneHoldsTwoTicks(uint256 word, uint256 place) external pure {
        if (place >= 4) return;
        uint256 lane = (word.lanesOf() >> (60 * place)) & ((1 << 60) - 1);
        assert(lane == word.heldAt(2 * place) + word.heldAt(2 * place + 1));
        assert(word.lanesOf() >> 240 == 0);
    }

    function check_theTotalIsTheSumOfTheLanes(uint56 one, uint56 two, uint56 three, uint56 four) external pure {
        uint256 lanes = uint256(one) | (uint256(two) << 60) | (uint256(three) << 120) | (uint256(four) << 180);
        assert(lanes.totalOf() == uint256(one) + two + three + four);
    }

    /// @dev A lane never carries into the next: 32 words at most, each lane at most 2 * (2^30 - 1).
    function check_lanesNeverCarry(uint256 word, uint256 lanes, uint256 words) external pure {
        uint256 lane = (1 << 60) - 1;
        if (words >= 32) return;
        uint256 most = words * 2 * LadderLib.MAX_TICK_WH;
        for (uint256 i = 0; i < 4; ++i) {
            if ((lanes >> (60 * i)) & lane > most) return;
        }
        if (lanes >> 240 != 0) return;
        uint256 sum = lanes + word.lanesOf();
        for (uint256 i = 0; i < 4; ++i) {
            uint256 expected = ((lanes >> (60 * i)) & lane) + ((word.lanesOf() >> (60 * i)) & lane);
            assert((sum >> (60 * i)) & lane == expected);
        }
        assert(sum >> 240 == 0);
    }

    function check_aShiftedWordIsEmptyExactlyIfItsTicksAre(uint256 word, uint256 tick, uint256 other) external pure {
        if (tick >= 8 || other >= 8 || word.heldAt(other) == 0) return;
        if (other >= tick) assert(word.fromTick(tick) != 0);
        if (other <= tick) assert(word.downFromTick(tick) != 0);
    }

    /* ORDERS */

    function check_aCommitmentKeepsItsFields(bool isAsk, uint16 epoch, uint48 bound, uint256 hash) external pure {
        uint256 word = OrderLib.committed(isAsk ? 1 : 0, epoch, bound, bytes32((hash >> 72) << 72));
        assert(word.isCommitted() && !word.isNone() && !word.isOpened() && !word.isFinished());
        assert(word.sideOf() == (isAsk ? 1 : 0) && word.isAsk() == isAsk);
        assert(word.epochOf() == epoch && word.boundOf() == bound);
        assert(uint256(word.digestOf()) == (hash >> 72) << 72);
    }

    function check_aCommitmentSealsTheUpper184Bits(
        uint16 epoch,
        uint48 bound,
        uint256 one,
        uint256 other
    ) external pure {
        uint256 word = OrderLib.committed(1, epoch, bound, bytes32((one >> 72) << 72));
        assert(word.isSealing(other) == (one >> 72 == other >> 72));
    }

    function check_openingKeepsSideEpochAndBound(
        bool isAsk,
        uint16 epoch,
        uint48 bound,
        uint256 hash,
        uint16 tick,
        uint32 energyWh,
        uint32 aheadWh
    ) external pure {
        uint256 side = isAsk ? 1 : 0;
        uint256 word = OrderLib.committed(side, epoch, bound, bytes32((hash >> 72) << 72));
        word = word.opening(tick, energyWh, aheadWh);
        assert(word == OrderLib.opened(side, epoch, bound, tick, energyWh, aheadWh));
        assert(word.isOpened() && word.sideOf() == side && word.epochOf() == epoch && word.boundOf() == bound);
        assert(word.tickOf() == tick && word.energyOf() == energyWh && word.aheadOf() == aheadWh);
        assert(word.compensatedOf() == 0);
    }

    function check_laterStatesKeepTheOrder(uint256 word, uint48 kept, uint104 amount, uint8 state) external pure {
        if (state > 5) return;
        uint256 paid = word.compensated(amount);
        assert(paid.compensatedOf() == amount && paid.tickOf() == word.tickOf());
        assert(paid.energyOf() == word.energyOf() && paid.boundOf() == word.boundOf());
        uint256 later = paid.advanced(IAuction.OrderState(state), kept);
        assert(uint256(later.stateOf()) == state && later.boundOf() == kept);
        assert(later.sideOf() == word.sideOf() && later.epochOf() == word.epochOf());
        assert(later.tickOf() == word.tickOf() && later.energyOf() == word.energyOf());
        assert(later.aheadOf() == word.aheadOf() && later.compensatedOf() == amount);
    }

    function check_aWordBelongsToOneEpoch(uint256 word, uint256 epoch) external pure {
        assert(word.isOfEpoch(epoch) == (word.epochOf() == epoch % 65_536));
    }
}

/// @title The same of money and shares, where multiplication and division are in the way
contract BoundsTest {
    using OrderLib for uint256;

    function check_paymentsNeverOverflow(uint96 energyWh, uint32 price) external pure {
        unchecked {
            uint256 product = uint256(energyWh) * price;
            assert(product < 1 << 128 && product + 999 > product);
        }
    }

    /// @dev Rounding sees nothing but the product: with price 1 these are all products below 2^40.
    function check_roundingIsExactToOneUnit(uint40 product) external pure {
        uint256 up = MoneyLib.paymentUp(product, 1);
        uint256 down = MoneyLib.paymentDown(product, 1);
        assert(down * 1000 <= product && product < down * 1000 + 1000);
        assert(up * 1000 >= product && up * 1000 < uint256(product) + 1000);
        assert(up == down || up == down + 1);
    }

    function check_aCoverFitsItsField(uint256 energyWh, uint256 price) external pure {
        // What AuctionTerms accepts: the dearest order fits 48 bits, so does every smaller one.
        uint256 most = LadderLib.MAX_TICK_WH;
        if (energyWh == 0 || energyWh > most || price > type(uint32).max) return;
        uint256 dearest = MoneyLib.paymentUp(most, price);
        if (dearest > type(uint48).max) return;
        assert(MoneyLib.paymentUp(energyWh, price) <= type(uint48).max);
    }

    function check_aShareAtTheMarginIsNoMoreThanTheOrder(
        uint256 word,
        uint256 marginWh,
        uint256 filledWh
    ) external pure {
        if (marginWh > LadderLib.MAX_TICK_WH || marginWh == 0 || filledWh > marginWh) return;
        if (word.aheadOf() + word.energyOf() > marginWh) return;
        assert(word.filledBy(word.tickOf(), marginWh, filledWh) <= word.energyOf());
    }

    function check_offTheMarginAnOrderFillsWholeOrNot(uint256 word, uint16 margin) external pure {
        if (word.tickOf() == margin) return;
        bool isBetter = word.isAsk() ? word.tickOf() < margin : word.tickOf() > margin;
        assert(word.filledBy(margin, 1, 1) == (isBetter ? word.energyOf() : 0));
    }
}
