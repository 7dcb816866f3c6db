"""OrderLib: every field of an order's word keeps to its place"""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setm.evm import Evm
from setm.pricing import MAX_TICK_WH, fill_of
from setm.types import Clearing, Side
from setm.units import Wh

SIDES = st.sampled_from(list(Side))
EPOCHS = st.integers(0, 2**16 - 1)
AMOUNTS = st.one_of(st.integers(0, 2**48 - 1), st.just(2**48 - 1))
TICKS = st.integers(0, 2**16 - 1)
ENERGIES = st.one_of(st.integers(1, 2**32 - 1), st.just(2**32 - 1))
DIGESTS = st.binary(min_size=23, max_size=23).map(lambda upper: upper + bytes(9))
lib = cache(lambda: Evm().deploy("LadderWords"))
quick = settings(max_examples=50, deadline=None)


@pytest.fixture(autouse=True)
def isolation():
    """These tests use no chain: there is none to reset."""


@given(side=SIDES, epoch=EPOCHS, bound=AMOUNTS, digest=DIGESTS)
@quick
def test_keeps_the_fields_of_a_commitment(side, epoch, bound, digest):
    fields = lib().fieldsOf(lib().committed(side, epoch, bound, digest))
    assert fields[:4] == [1, side, epoch, bound]
    assert fields[8].to_bytes(32, "big") == digest


@given(
    digest=DIGESTS, bound=AMOUNTS, lower=st.binary(min_size=9, max_size=9), bit=st.integers(0, 183)
)
@quick
def test_knows_the_hash_of_its_digest_by_the_upper_184_bits(digest, bound, lower, bit):
    word = lib().committed(Side.ASK, 7, bound, digest)
    hashed = int.from_bytes(digest[:23] + lower, "big")
    assert lib().isSealing(word, hashed)
    assert not lib().isSealing(word, hashed ^ 1 << 72 + bit)


@given(epoch=EPOCHS, other=st.integers(0, 2**22 - 1))
@quick
def test_belongs_to_one_epoch_by_its_lower_16_bits(epoch, other):
    word = lib().committed(Side.BID, epoch, 2**48 - 1, b"\xff" * 23 + bytes(9))
    assert lib().isOfEpoch(word, epoch | 1 << 16)
    assert lib().isOfEpoch(word, other) == (other % 2**16 == epoch)


@given(
    side=SIDES,
    epoch=EPOCHS,
    bound=AMOUNTS,
    digest=DIGESTS,
    tick=TICKS,
    energy_wh=ENERGIES,
    ahead_wh=ENERGIES,
)
@quick
def test_an_opened_commitment_is_an_order_with_its_side_epoch_and_bound(
    side, epoch, bound, digest, tick, energy_wh, ahead_wh
):
    tail = (tick, energy_wh, ahead_wh)
    word = lib().opening(lib().committed(side, epoch, bound, digest), *tail)
    assert word == lib().opened(side, epoch, bound, *tail)


@given(
    side=SIDES,
    epoch=EPOCHS,
    bound=AMOUNTS,
    tick=TICKS,
    energy_wh=ENERGIES,
    ahead_wh=ENERGIES,
    state=st.sampled_from([3, 5]),
    kept=AMOUNTS,
    amounts=st.lists(st.integers(0, 2**104 - 1), min_size=2, max_size=2),
)
@quick
def test_keeps_the_fields_of_an_opened_order_through_its_life(
    side, epoch, bound, tick, energy_wh, ahead_wh, state, kept, amounts
):
    tail = [tick, energy_wh, ahead_wh]
    word = lib().opened(side, epoch, bound, *tail)
    assert lib().fieldsOf(word)[:8] == [2, side, epoch, bound, *tail, 0]
    for amount in amounts:
        word = lib().compensated(word, amount)
        assert lib().fieldsOf(word)[:8] == [2, side, epoch, bound, *tail, amount]
    word = lib().advanced(word, state, kept)
    assert lib().fieldsOf(word)[:8] == [state, side, epoch, kept, *tail, amounts[1]]


@given(
    side=SIDES,
    tick=st.integers(0, 255),
    margin=st.integers(0, 255),
    energy_wh=st.integers(1, MAX_TICK_WH),
    data=st.data(),
)
@quick
def test_fills_as_the_reference_does(side, tick, margin, energy_wh, data):
    held = data.draw(st.integers(energy_wh, MAX_TICK_WH))
    ahead = data.draw(st.integers(0, held - energy_wh))
    filled = data.draw(st.integers(1, held))
    tick = data.draw(st.sampled_from([tick, margin]))
    word = lib().opened(side, 7, 1, tick, energy_wh, ahead)
    clearing = Clearing(
        volume_wh=Wh(filled),
        bid_margin_tick=margin,
        bid_margin_wh=Wh(held),
        bid_margin_filled_wh=Wh(filled),
        ask_margin_tick=margin,
        ask_margin_wh=Wh(held),
        ask_margin_filled_wh=Wh(filled),
    )
    expected = fill_of(clearing, side, tick, energy_wh, ahead)
    assert lib().filledBy(word, margin, held, filled) == expected
