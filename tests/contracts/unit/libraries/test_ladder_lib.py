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


@given(quantities=QUANTITIES, epoch=EPOCHS, other=EPOCHS)
@quick
def test_keeps_what_it_stored_for_its_epoch_only(quantities, epoch, other):
    packed = pack_ladder(quantities)[0]
    word = lib().stored(packed, epoch)
    assert lib().quantitiesOf(word, epoch) == packed
    assert lib().quantitiesOf(word, other) == (packed if other == epoch else 0)


@given(quantities=st.lists(st.integers(0, MAX_TICK_WH), max_size=256))
@quick
def test_sums_a_whole_ladder(quantities):
    assert lib().totalOf(pack_ladder(quantities)) == sum(quantities)


def test_sums_a_ladder_that_is_full():
    assert lib().totalOf(pack_ladder([MAX_TICK_WH] * 256)) == 256 * MAX_TICK_WH
