"""LadderLib: what goes into a word comes out, and nothing spills into the next tick"""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setm.evm import Evm
from setm.pricing import MAX_TICK_WH, pack_ladder

QUANTITIES = st.lists(st.integers(0, MAX_TICK_WH), min_size=8, max_size=8)
EPOCHS = st.integers(0, 2**16 - 1)
lib = cache(lambda: Evm().deploy("LadderWords"))
quick = settings(max_examples=50, deadline=None)


@pytest.fixture(autouse=True)
def isolation():
    """These tests use no chain: there is none to reset."""


@given(quantities=QUANTITIES, tick=st.integers(0, 255))
@quick
def test_reads_each_tick_of_a_packed_word(quantities, tick):
    assert lib().heldAt(pack_ladder(quantities)[0], tick) == quantities[tick % 8]


@given(quantities=QUANTITIES, tick=st.integers(0, 255), share=st.integers(0, 2**30 - 1))
@quick
def test_adds_to_one_tick_only(quantities, tick, share):
    place = tick % 8
    energy_wh = share % (MAX_TICK_WH - quantities[place] + 1)
    grown = [wh + energy_wh * (index == place) for index, wh in enumerate(quantities)]
    assert lib().added(pack_ladder(quantities)[0], tick, energy_wh) == pack_ladder(grown)[0]


@given(quantities=QUANTITIES, tick=st.integers(0, 255), epoch=EPOCHS)
@quick
def test_reads_a_word_from_a_tick_on_upwards_and_downwards(quantities, tick, epoch):
    place = tick % 8
    word = pack_ladder(quantities)[0]
    upwards = lib().fromTick(word | epoch << 240, tick)
    downwards = lib().downFromTick(word | epoch << 240, tick)
    assert upwards == pack_ladder(quantities[place:])[0]
    assert downwards == pack_ladder([0] * (7 - place) + quantities[: place + 1])[0] << 16


@given(quantities=st.lists(st.integers(0, MAX_TICK_WH), max_size=256))
@quick
def test_sums_a_whole_ladder_whatever_its_epoch(quantities):
    words = [word | 0xBEEF << 240 for word in pack_ladder(quantities)]
    assert lib().totalOf(words) == sum(quantities)


def test_sums_a_ladder_that_is_full():
    assert lib().totalOf(pack_ladder([MAX_TICK_WH] * 256)) == 256 * MAX_TICK_WH
